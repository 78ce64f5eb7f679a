"""What queries of a space give back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.checks import FloatArray, IntArray, check_count
from namebasis.namespace.search.targets import Target
from namebasis.namespace.store.dataset import Store
from namebasis.results import Result, Table
from namebasis.wording import did_you_mean

LIGHT = ("name", "part", "gender", "locales")
"""Columns that come with every hit."""

MEMORY_ROWS = 2_000_000
"""Rows up to which the light columns are kept in memory, at about 50 bytes a row."""


@dataclass(frozen=True, repr=False, eq=False)
class NearestResult(Result):
    """The names nearest to a target, or to each of several; or those farthest from it.

    Attributes
    ----------
    queries, kinds : tuple of str
        What each target is called, and what it is: ``stored``, ``name`` (not stored, placed as if
        it were added), ``text``, ``image``, ``vector`` or ``mix``.
    counts : tuple of int
        How many names were found for each target; fewer than asked for where a filter leaves
        fewer.
    ids : ndarray of shape (n,), int64
        Rows of the space, those of the first target first.
    similarities : ndarray of shape (n,), float32
        Cosine in [-1, 1]; of each target the largest first, or the smallest where `farthest`.
    columns : Table
        `name`, `part`, `gender` and `locales` of the rows, then what else was asked for.
    farthest : bool
        Whether the least similar were asked for.
    is_many : bool
        Whether several targets were asked for, as a list; tables then begin with `query`.
    remarks : tuple of (str, ...)
        Of each target: how what is not stored was read.

    See Also
    --------
    namebasis.Space.nearest : Makes one.

    Examples
    --------
    >>> found = space.nearest("Yuki", 2)
    >>> print(found)  # doctest: +ELLIPSIS, +NORMALIZE_WHITESPACE
    nearest to Yuki...
    name     similarity   part    gender   locales
    ...
    Mei           0.5...   given
    Keisha        0.5...   given
    """

    _figure = "namebasis.studies.basis.figures:draw_nearest"

    queries: tuple[str, ...]
    kinds: tuple[str, ...]
    counts: tuple[int, ...]
    ids: IntArray
    similarities: FloatArray
    columns: pa.Table
    farthest: bool = False
    is_many: bool = False
    remarks: tuple[tuple[str, ...], ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def label(self) -> str:
        """What the target is called; of several, all of them."""
        return ", ".join(self.queries)

    @property
    def kind(self) -> str:
        """What the target is.

        Raises
        ------
        ValueError
            If several targets were asked for.
        """
        if len(self.kinds) != 1:
            raise ValueError(f"kind is of one target; of {len(self.kinds)} see kinds, or of(0).")
        return self.kinds[0]

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order; of several targets those of the first one first."""
        return tuple(self.columns["name"].to_pylist())

    def of(self, query: int | str) -> NearestResult:
        """The result of one target, by its place from 0 on or by what it is called.

        Raises
        ------
        ValueError
            If no such target was asked for.
        """
        if isinstance(query, str):
            if query not in self.queries:
                told = did_you_mean(query, self.queries)
                raise ValueError(f"query {query!r} was not asked for.{told}")
            place = self.queries.index(query)
        else:
            place = check_count(query, "query", 0, len(self.queries) - 1)
        start = sum(self.counts[:place])
        stop = start + self.counts[place]
        return NearestResult(
            (self.queries[place],), (self.kinds[place],), (self.counts[place],),
            self.ids[start:stop], self.similarities[start:stop],
            self.columns.slice(start, stop - start), self.farthest,
            remarks=self.remarks[place : place + 1],
        )  # fmt: skip

    def split(self) -> tuple[NearestResult, ...]:
        """One result for each target, in order."""
        return tuple(self.of(place) for place in range(len(self.queries)))

    def tables(self) -> list[Table]:
        way = "farthest from" if self.farthest else "nearest to"
        title = f"{len(self.queries)} targets" if self.is_many else self.label
        columns = [
            *(["query"] if self.is_many else []),
            "name",
            "similarity",
            *self.columns.column_names[1:],
        ]
        return [Table.of(self.to_arrow(), columns, title=f"{way} {title}", bars=("similarity",))]

    def notes(self) -> list[str]:
        return list(dict.fromkeys(told for remarks in self.remarks for told in remarks))

    def to_arrow(self) -> pa.Table:
        """One row per hit: (query,) id, name, similarity, part, gender, locales, other columns."""
        table = self.columns.append_column("id", pa.array(self.ids))
        table = table.append_column("similarity", pa.array(self.similarities))
        table = table.select(["id", "name", "similarity", *self.columns.column_names[1:]])
        if not self.is_many:
            return table
        repeated = [q for q, n in zip(self.queries, self.counts, strict=True) for _ in range(n)]
        return table.add_column(0, "query", pa.array(repeated, pa.string()))

    def to_dict(self) -> dict[str, Any]:
        """The query, its kind and its names; of several such an object each, as `queries`."""
        if self.is_many:
            return {"queries": [one.to_dict() for one in self.split()]}
        return {"query": self.label, "kind": self.kind, "names": self.to_arrow().to_pylist()}


class LightColumns:
    """The columns that come with every hit, kept in memory once a session asks again.

    The first answer reads its few rows from the store; a process that asks once pays no more.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: pa.Table | None = None
        self._was_asked = False

    def take(self, ids: IntArray) -> pa.Table:
        """The rows of `ids`, in their order."""
        if self._rows is None:
            if not self._was_asked or self._store.n_rows > MEMORY_ROWS:
                self._was_asked = True
                return self._store.take(ids, LIGHT)
            self._rows = self._store.scan(LIGHT).combine_chunks()
        return self._rows.take(pa.array(ids))


def make_result(
    targets: Sequence[Target],
    hits: Sequence[tuple[FloatArray, IntArray]],
    rows: pa.Table,
    *,
    farthest: bool,
    is_many: bool,
) -> NearestResult:
    """Put the hits of all targets, and their rows in the same order, into one result."""
    return NearestResult(
        queries=tuple(target.label for target in targets),
        kinds=tuple(target.kind for target in targets),
        counts=tuple(len(ids) for _, ids in hits),
        ids=np.concatenate([ids for _, ids in hits]) if hits else np.empty(0, np.int64),
        similarities=np.concatenate([s for s, _ in hits]) if hits else np.empty(0, np.float32),
        columns=rows,
        farthest=farthest,
        is_many=is_many,
        remarks=tuple(target.remarks for target in targets),
    )
