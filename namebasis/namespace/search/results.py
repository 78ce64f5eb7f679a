"""What queries of a space give back."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from namebasis.checks import FloatArray, IntArray
from namebasis.namespace.search.targets import Target
from namebasis.namespace.store.dataset import Store

LIGHT = ("name", "part", "gender", "locales")
"""Columns that come with every hit."""

MEMORY_ROWS = 2_000_000
"""Up to so many rows their light columns are kept in memory, about 50 bytes each."""


@dataclass(frozen=True)
class NearestResult:
    """The names nearest to one target, or farthest from it.

    Attributes
    ----------
    label, kind : str
        Of the target.
    ids : ndarray of shape (k,), int64
        Rows of the space; fewer than asked for where a filter leaves fewer.
    similarities : ndarray of shape (k,), float32
        Cosine in [-1, 1]; largest first, or smallest first where `farthest`.
    columns : Table
        `name`, `part`, `gender` and `locales` of the rows.
    farthest : bool
        Whether the least similar were asked for.
    """

    label: str
    kind: str
    ids: IntArray
    similarities: FloatArray
    columns: pa.Table
    farthest: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(self.columns["name"].to_pylist())

    def to_arrow(self) -> pa.Table:
        """One row per hit: id, name, similarity, part, gender, locales."""
        table = self.columns.append_column("id", pa.array(self.ids))
        table = table.append_column("similarity", pa.array(self.similarities))
        return table.select(["id", "name", "similarity", "part", "gender", "locales"])


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


def make_results(
    targets: list[Target], hits: list[tuple[FloatArray, IntArray]], rows: pa.Table, farthest: bool
) -> list[NearestResult]:
    """Cut the rows of all hits, in order, into one result per target."""
    results, start = [], 0
    for target, (similarities, ids) in zip(targets, hits, strict=True):
        columns = rows.slice(start, len(ids)).select(list(LIGHT))
        results.append(
            NearestResult(target.label, target.kind, ids, similarities, columns, farthest)
        )
        start += len(ids)
    return results
