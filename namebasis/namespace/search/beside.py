"""Stored columns beside names that a study lists, and parts where a name is listed twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from namebasis.namespace.objects.urls import short_name
from namebasis.namespace.where.words import is_column
from namebasis.results import Table
from namebasis.wording import did_you_mean


class BesideSpace(Protocol):
    """What is asked of a space here; `namespace.space` imports this module."""

    path: Path

    @property
    def views(self) -> tuple[str, ...]: ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def derived_columns(self) -> tuple[str, ...]: ...

    def table(self, columns: Sequence[str] | None = None, *, ids: Any = None) -> pa.Table: ...

    def check_column(self, column: str) -> None: ...

    def find_all(self, names: Sequence[str], part: str | None = None) -> list[int | None]: ...


def check_columns(space: BesideSpace, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns, each once, where a space stores or can compute them all.

    Raises
    ------
    ValueError
        If it does not, or one holds vectors; it names the nearest spelling.
    """
    if isinstance(columns, str):
        raise ValueError(f"columns must be a list of columns, such as [{columns!r}].")
    for name in columns:
        if name in space.views:
            raise ValueError(f"columns must hold no vectors, and {name!r} does; see `export`.")
        if name in space.columns:
            continue
        if not is_column(name):
            space.check_column(name)
        elif name not in space.derived_columns:
            near = did_you_mean(name, space.columns)
            raise ValueError(
                f"columns must be of {short_name(space.path)}; it has no {name!r}."
                f"{near or ' `namebasis info` lists what it has.'}"
            )
    return tuple(dict.fromkeys(columns))


def stored_columns(
    space: BesideSpace, ids: Sequence[int | None], columns: Sequence[str]
) -> pa.Table:
    """Columns of given rows of a space, in their order; null where there is no row.

    Raises
    ------
    ValueError
        As `check_columns`.
    """
    wanted = list(check_columns(space, columns))
    there = [row for row in ids if row is not None]
    rank = iter(range(len(there)))
    at = pa.array([None if row is None else next(rank) for row in ids], pa.int64())
    return space.table(wanted, ids=np.asarray(there, dtype=np.int64)).take(at)


def columns_of_names(
    space: BesideSpace, names: Sequence[str], columns: Sequence[str]
) -> pa.Table | None:
    """`stored_columns` of names, which need not be stored; None where no column is asked for."""
    return stored_columns(space, space.find_all(names), columns) if columns else None


def joined(table: pa.Table, beside: pa.Table | None) -> pa.Table:
    """A study's table with stored columns behind its own; of one name, the study's stays."""
    if beside is None:
        return table
    for name in beside.column_names:
        if name not in table.column_names:
            table = table.append_column(beside.schema.field(name), beside[name])
    return table


def drawn_beside(table: Table, beside: pa.Table | None, order: Sequence[int]) -> Table:
    """A table for readers with stored columns behind its own.

    Parameters
    ----------
    table : Table
    beside : Table or None
    order : sequence of int
        The row of `beside` that each row of `table` tells of.
    """
    if beside is None or not beside.column_names:
        return table
    names = [name for name in beside.column_names if name not in table.columns]
    rows = beside.select(names).to_pylist()
    told = [
        (*row, *rows[at].values()) for row, at in zip(table.rows, order, strict=True)
    ]  # fmt: skip
    return Table(
        (*table.columns, *names), told, table.title, table.bars, table.key, table.aside,
        table.muted, table.detail,
    )  # fmt: skip


def told_apart(names: Sequence[str], parts: Sequence[str | None]) -> list[str]:
    """Names of one list, with the part of those that come twice: "Benjamin (family)"."""
    often = Counter(names)
    return [
        f"{name} ({part})" if often[name] > 1 and part else name
        for name, part in zip(names, parts or [None] * len(names), strict=True)
    ]


def row_of(beside: pa.Table | None, at: int) -> dict[str, Any]:
    """The stored columns of one row."""
    return {} if beside is None else dict(beside.slice(at, 1).to_pylist()[0])
