"""Stored names by their spelling: as written, else by what both spellings fold to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.namespace.corpus.folding import FOLDING, FOLDING_KEY, fold
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.store.filters import quote

Mask = npt.NDArray[np.bool_]
PART_ORDER = ("given", "family", "full", "pseudo", "phrase")
_COLUMNS = ["id", "name", "part", "name_folded"]
_FEW = 16
"""Most names that are looked up by a filter; for more, all names are read once."""
# Spaces of an older folding are folded again when first asked, and that is kept.
_refolded: WeakKeyDictionary[Store, tuple[int, pa.Table]] = WeakKeyDictionary()


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
    if (store.metadata.get(FOLDING_KEY.encode()) or b"").decode() != FOLDING:
        rows = _fold_anew(store)
    elif len(wanted) <= _FEW:
        listed = ", ".join(quote(text) for text in sorted(wanted))
        return store.scan(_COLUMNS, f"name_folded IN ({listed})")
    else:
        rows = store.scan(_COLUMNS)
    return rows.filter(pc.is_in(rows["name_folded"], pa.array(sorted(wanted))))


def folded_names(store: Store) -> pa.ChunkedArray:
    """What the names of all rows fold to, in their order."""
    if (store.metadata.get(FOLDING_KEY.encode()) or b"").decode() != FOLDING:
        return _fold_anew(store)["name_folded"]
    return store.scan(["name_folded"])["name_folded"]


def _fold_anew(store: Store) -> pa.Table:
    version, rows = _refolded.get(store, (-1, None))
    if rows is None or version != store.version:
        rows = store.scan(["id", "name", "part"])
        folded = pa.array([fold(name) for name in rows["name"].to_pylist()], pa.string())
        rows = rows.append_column("name_folded", folded)
        _refolded[store] = (store.version, rows)
    return rows


def _best(asked: str, found: Sequence[tuple[str, int, int]]) -> int | None:
    asked = unicodedata.normalize("NFC", " ".join(asked.split()))
    lower = asked.casefold()
    if not found:
        return None
    return min(found, key=lambda row: (row[0] != asked, row[0].casefold() != lower, *row[1:]))[2]
