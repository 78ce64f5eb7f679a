"""What a build or an addition took of its sources, and what it left out and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from namebasis.encoders.given import KIND
from namebasis.namespace.corpus.cleaning import Dropped
from namebasis.namespace.corpus.names import Names, Reading
from namebasis.namespace.objects.urls import said, short_name
from namebasis.namespace.store.provenance import Provenance
from namebasis.results import Result, Table, plain_dict

_MANY = 4
"""Columns that a cell lists before it counts the rest."""


@dataclass(frozen=True)
class SourceNames:
    """How many names a space got of one part of one source.

    Attributes
    ----------
    source, part : str
        As the columns `sources` and `part` have them.
    n_names : int
        A name that several sources have counts in each.
    """

    source: str
    part: str
    n_names: int


@dataclass(frozen=True, repr=False)
class Summary(Result):
    """What a space was made of, or what was added to it.

    Attributes
    ----------
    path : Path
        Of the space.
    n_names : int
        Names that were taken now.
    n_known : int
        Names that the space held before they were added.
    n_all : int
        Names in the space.
    encoder : str
    templates : tuple of str
        None of a space of given vectors.
    views : tuple of str
    sources : tuple of SourceNames
        Of the names that were taken, those of the largest source first.
    dropped : tuple of Dropped
        What was left out, by source and reason.
    readings : tuple of Reading
        Which columns of each source were kept, and which not.
    new_columns : tuple of str
        Own columns that the space did not have before.
    told : tuple of str
        What else is to be said of the names that were added.
    is_addition : bool
    """

    path: Path
    n_names: int
    n_known: int
    n_all: int
    encoder: str
    templates: tuple[str, ...]
    views: tuple[str, ...]
    sources: tuple[SourceNames, ...]
    dropped: tuple[Dropped, ...]
    readings: tuple[Reading, ...]
    new_columns: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    is_addition: bool = False
    __repr__: ClassVar[Any] = Result.__repr__

    @property
    def n_dropped(self) -> int:
        """Names that were left out."""
        return sum(one.count for one in self.dropped)

    def headline(self) -> str:
        if self.is_addition:
            done = f"{self.n_names:,} added, {self.n_known:,} were in the space already"
        else:
            done = f"{self.n_names:,} names by {self.encoder}, views {', '.join(self.views)}"
        left = f"; {self.n_dropped:,} left out" * bool(self.n_dropped)
        return f"{short_name(self.path)}: {done}{left}"

    def tables(self) -> tuple[Table, ...]:
        kept = {one.source: one for one in self.readings}
        rows = []
        for at, one in enumerate(self.sources):
            first = all(other.source != one.source for other in self.sources[:at])
            reading = kept.get(one.source, Reading(one.source)) if first else Reading(one.source)
            columns = (_few(reading.kept), _few(reading.unused))
            rows.append((one.source, one.part, f"{one.n_names:,}", *columns))
        lost = [
            (one.source or "all", f"{one.count:,}", one.reason, ", ".join(one.examples))
            for one in sorted(self.dropped, key=lambda one: -one.count)
        ]
        titles = ("source", "part", "names", "columns kept", "not used")
        found = [Table(titles, rows, key="taken")]
        if lost:
            found.append(Table(("source", "left out", "why", "such as"), lost, key="left out"))
        return tuple(found)

    def notes(self) -> list[str]:
        told = list(self.told)
        if self.new_columns:
            columns = ", ".join(self.new_columns)
            told.append(f"new columns, empty for the names that were there: {columns}")
        return told

    def to_arrow(self) -> pa.Table:
        schema = pa.schema(
            [("source", pa.string()), ("part", pa.string()), ("n_names", pa.int64())]
        )
        return pa.Table.from_pylist([asdict(one) for one in self.sources], schema)

    def to_dict(self) -> dict[str, Any]:
        values = asdict(self) | {"path": said(self.path), "n_dropped": self.n_dropped}
        return plain_dict(values)


def summarise(
    path: Path,
    made_of: Provenance,
    views: tuple[str, ...],
    names: Names,
    taken: pa.Table | None = None,
    *,
    n_all: int,
    n_known: int = 0,
    new_columns: Sequence[str] = (),
    told: Sequence[str] = (),
) -> Summary:
    """Say what a space got of a corpus.

    Parameters
    ----------
    path : Path
        Of the space.
    made_of : Provenance
    views : tuple of str
    names : Names
    taken : Table, optional
        The rows that were added to a space which was there before.
    n_all : int
        Names in the space as it is now.
    n_known : int
    new_columns, told : sequence of str
    """
    table = names.table if taken is None else taken
    return Summary(
        path=path,
        n_names=len(table),
        n_known=n_known,
        n_all=n_all,
        encoder=made_of.encoder,
        templates=() if made_of.encoder.startswith(f"{KIND}:") else made_of.templates,
        views=views,
        sources=_by_source(table),
        dropped=names.dropped,
        readings=names.readings,
        new_columns=tuple(new_columns),
        told=tuple(told),
        is_addition=taken is not None,
    )


def _by_source(table: pa.Table) -> tuple[SourceNames, ...]:
    sources = table["sources"].combine_chunks()
    parts = table["part"].take(pc.list_parent_indices(sources))
    pairs = pa.table({"source": pc.list_flatten(sources), "part": parts})
    counted = pairs.group_by(["source", "part"]).aggregate([([], "count_all")])
    rows = [
        SourceNames(row["source"], row["part"], row["count_all"]) for row in counted.to_pylist()
    ]
    largest = {one.source: 0 for one in rows}
    for one in rows:
        largest[one.source] = max(largest[one.source], one.n_names)
    return tuple(
        sorted(rows, key=lambda one: (-largest[one.source], one.source, -one.n_names, one.part))
    )


def _few(columns: Sequence[str]) -> str:
    more = f" and {len(columns) - _MANY} more" if len(columns) > _MANY + 1 else ""
    return ", ".join(columns[: _MANY if more else _MANY + 1]) + more
