"""Stored names by their spelling: as written, else by what both spellings fold to."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import IntArray
from namebasis.namespace.corpus.folding import FOLDING, FOLDING_KEY, fold
from namebasis.namespace.search.spelling_index import is_large, rows_of_hashes
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.store.filters import quote

Mask = npt.NDArray[np.bool_]
PART_ORDER = ("given", "family", "full", "pseudo", "phrase")
_COLUMNS = ["id", "name", "part", "name_folded"]
_FEW = 16
"""Most names that are looked up by a filter; for more, all names are read once."""
_OFTEN = 3
"""Lookups after which all names stay in memory: whoever asks so often asks again."""
_EACH = 2000
"""Names of a large space, of which one may be looked up in its index for less than reading all."""
_asked: WeakKeyDictionary[Store, int] = WeakKeyDictionary()
_kept: WeakKeyDictionary[Store, _Names] = WeakKeyDictionary()


class _Names:
    """Names of one version of a space; those of an older folding, folded again.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self.version = store.version
        rows = store.scan(_COLUMNS if _is_folded(store) else _COLUMNS[:-1])
        if not _is_folded(store):
            folded = pa.array([fold(name) for name in rows["name"].to_pylist()], pa.string())
            rows = rows.append_column("name_folded", folded)
        self.rows = rows.combine_chunks()

    def of(self, wanted: set[str]) -> pa.Table:
        """Rows of names that fold to one of some texts, in their order."""
        if len(wanted) > _FEW:
            return self.rows.filter(pc.is_in(self.rows["name_folded"], pa.array(sorted(wanted))))
        found = [row for text in wanted for row in self._order[slice(*self._ends(text))].tolist()]
        return self.rows.take(pa.array(sorted(found), pa.int64()))

    @cached_property
    def _folded(self) -> pa.Array:
        column = self.rows["name_folded"]
        return column.chunk(0) if column.num_chunks else pa.array([], pa.string())

    @cached_property
    def _order(self) -> IntArray:
        """Rows by what they fold to; equal ones in their order."""
        return np.asarray(pc.sort_indices(self._folded).to_numpy(), dtype=np.int64)

    def _ends(self, text: str) -> tuple[int, int]:
        def key(row: np.int64) -> str:
            return str(self._folded[int(row)].as_py())

        return bisect_left(self._order, text, key=key), bisect_right(self._order, text, key=key)


def find_rows(
    store: Store, names: Sequence[str], part: str | None = None, among: Mask | None = None
) -> list[int | None]:
    """Rows of stored names, in one pass over the space however many are asked for.

    A row whose name is written as asked comes before one that differs in case only, and that
    before others that fold to the same; then given comes before family, full, pseudo and phrase.

    Parameters
    ----------
    store : Store
    names : sequence of str
    part : str, optional
        The only part that is looked at.
    among : ndarray of bool of shape (n_rows,), optional
        The only rows that are looked at.

    Returns
    -------
    list of int or None
        None for a name that is not stored.
    """
    wanted = _folded(names)
    if not wanted:
        return [None] * len(names)
    return find_in(_candidates(store, wanted), names, part, among)


def rows_alike(store: Store, names: Sequence[str]) -> pa.Table:
    """`id`, `name` and `part` of all rows whose names fold to what one of some names folds to."""
    return _candidates(store, {fold(name) for name in names}).select(_COLUMNS[:-1])


def rows_named(store: Store, name: str) -> list[int]:
    """Rows whose name is written as one text, ascending."""
    wanted = _folded([name])
    if not wanted:  # of signs alone, which fold to nothing
        return [int(row) for row in store.scan(["id"], f"name = {quote(name)}")["id"].to_pylist()]
    rows = _candidates(store, wanted)
    return [int(row) for row in rows.filter(pc.equal(rows["name"], name))["id"].to_pylist()]


def _folded(names: Sequence[str]) -> set[str]:
    # Half a character, as a file's name may hold, is in no stored name and in no expression.
    return {fold(name) for name in names if not re.search(r"[\ud800-\udfff\0]", name)} - {""}


def find_in(
    rows: pa.Table, names: Sequence[str], part: str | None = None, among: Mask | None = None
) -> list[int | None]:
    """Find names as `find_rows` does, in a table of `id`, `name`, `part` and `name_folded`."""
    wanted = _folded(names)
    rows = rows.filter(pc.is_in(rows["name_folded"], pa.array(sorted(wanted), pa.string())))
    by_fold: dict[str, list[tuple[str, int, int]]] = {}
    columns = (rows[column].to_pylist() for column in _COLUMNS)
    ranks = {part: rank for rank, part in enumerate(PART_ORDER)}
    for row, name, kind, folded in zip(*columns, strict=True):
        if (part is None or kind == part) and (among is None or among[row]):
            by_fold.setdefault(folded, []).append((name, ranks.get(kind, len(ranks)), row))
    return [_best(name, by_fold.get(fold(name), ())) for name in names]


def _candidates(store: Store, wanted: set[str]) -> pa.Table:
    is_folded = _is_folded(store)
    if is_folded and is_large(store) and len(wanted) <= max(_FEW, store.n_rows // _EACH):
        return store.take(rows_of_hashes(store, wanted), _COLUMNS)
    _asked[store] = _asked.get(store, 0) + 1
    is_often = _asked[store] > _OFTEN and not is_large(store)
    if is_often or not is_folded:
        return _all(store).of(wanted)
    if len(wanted) <= _FEW:
        listed = ", ".join(quote(text) for text in sorted(wanted))
        return store.scan(_COLUMNS, f"name_folded IN ({listed})")
    rows = store.scan(_COLUMNS)
    return rows.filter(pc.is_in(rows["name_folded"], pa.array(sorted(wanted))))


def folded_names(store: Store) -> pa.ChunkedArray:
    """What the names of all rows fold to, in their order."""
    is_folded = _is_folded(store)
    return (store.scan(["name_folded"]) if is_folded else _all(store).rows)["name_folded"]


def _is_folded(store: Store) -> bool:
    """Whether its names are folded as names are folded today."""
    return (store.metadata.get(FOLDING_KEY.encode()) or b"").decode() == FOLDING


def _all(store: Store) -> _Names:
    found = _kept.get(store)
    if found is None or found.version != store.version:
        found = _kept[store] = _Names(store)
    return found


def _best(asked: str, found: Sequence[tuple[str, int, int]]) -> int | None:
    asked = unicodedata.normalize("NFC", " ".join(asked.split()))
    lower = asked.casefold()
    if not found:
        return None
    return min(found, key=lambda row: (row[0] != asked, row[0].casefold() != lower, *row[1:]))[2]
