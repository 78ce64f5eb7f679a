"""Searches over the indexed rows and the rows newer than the index, merged without loss."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence

import numpy as np

from namebasis.checks import FloatArray, IntArray, as_embeddings, check_count
from namebasis.errors import NamebasisWarning, SpaceError
from namebasis.forks import Turn
from namebasis.index.facts import DamagedIndexError
from namebasis.index.hits import merge_hits
from namebasis.index.row_set import RowSet
from namebasis.index.vector_index import VectorIndex
from namebasis.namespace.search import caches
from namebasis.namespace.search.targets import Target
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.store.provenance import Provenance

Hits = tuple[FloatArray, IntArray]
Allowed = RowSet | str | None
"""Rows that may be found; None for all. An engine takes an expression of its own."""
_Both = tuple[VectorIndex, VectorIndex | None]
"""An index, and one of the rows that it does not cover."""

# Stored vectors may differ from length 1 by half of this; see `store.check_units`.
_TOO_LONG = 1e-2


class Searcher:
    """Nearest and farthest rows of one version of a space.

    Parameters
    ----------
    store : Store
    provenance : Provenance
        Its build id tells whether an index belongs to these vectors.
    """

    def __init__(self, store: Store, provenance: Provenance) -> None:
        self._store = store
        self._provenance = provenance
        self._indices: dict[str, _Both] = {}
        self._turn = Turn()

    def expression(self, where: str | None, view: str) -> str:
        """A filter in an engine's own words; indices have none."""
        raise TypeError("indices take rows, and no expression.")

    def index(self, view: str) -> VectorIndex:
        """The index of a view, opened on first use; rebuilt with a warning where damaged."""
        return self._opened(view)[0]

    def _opened(self, view: str) -> _Both:
        with self._turn:  # opened or rebuilt once, however many threads ask
            found = self._indices.get(view)
            if found is None:
                source = self._provenance
                self._store.dim(view)  # refuses a view that is not there
                if self._store.made(view) is not None:
                    made = VectorIndex.build(self._store.blocks(view), factory="Flat")
                    return self._indices.setdefault(view, (made, None))
                index = caches.load_index(self._store, view, source.build_id, source.seed)
                found = self._indices[view] = (index, self._tail(view, index))
            return found

    def _tail(self, view: str, index: VectorIndex) -> VectorIndex | None:
        """The rows newer than the index."""
        newer = self._store.vectors(view, start=index.n_rows)
        return VectorIndex.build(newer, factory="Flat") if len(newer) else None

    def search(
        self,
        queries: FloatArray,
        k: int,
        *,
        allowed: Allowed,
        view: str,
        exclude: Collection[int] = (),
        farthest: bool = False,
    ) -> Hits:
        """Find the k best allowed rows that are not excluded, for every query.

        Returns
        -------
        similarities, ids : ndarrays of shape (n_queries, min(k, rows left))
            Largest similarity first; smallest first, and exact, where `farthest`.
        """
        queries = as_embeddings(queries, "queries", self._store.dim(view), min_rows=0)
        check_count(k, "k")
        left_out = np.unique(np.fromiter(exclude, dtype=np.int64))
        wanted = k + len(left_out)
        sign = np.float32(-1 if farthest else 1)
        hits = self._both(queries * sign, wanted, allowed, view, farthest)
        if len(left_out):
            hits = _drop(hits, left_out, k)
        return sign * hits[0], hits[1]

    def search_targets(
        self,
        targets: Sequence[Target],
        k: int,
        *,
        allowed: Allowed,
        view: str,
        farthest: bool,
        include_self: bool,
    ) -> list[Hits]:
        """Search for several targets at once, each leaving out its own stored names."""
        if not targets:
            return []
        own = [() if include_self else target.members for target in targets]
        queries = np.stack([target.vector for target in targets])
        wanted = k + max(len(rows) for rows in own)
        similarities, ids = self.search(
            queries, wanted, allowed=allowed, view=view, farthest=farthest
        )
        hits = []
        for row, mine in enumerate(own):
            keep = np.flatnonzero(~np.isin(ids[row], mine))[:k]
            hits.append((similarities[row, keep], ids[row, keep]))
        return hits

    def _both(self, queries: FloatArray, k: int, allowed: Allowed, view: str, exact: bool) -> Hits:
        """Search both parts; an answer that cannot be is damage, and the index is rebuilt."""
        if isinstance(allowed, str):
            raise TypeError("an index takes rows that are allowed, and no expression.")
        opened = self._opened(view)
        try:
            hits = ask_both(*opened, queries, k, allowed, exact)
            problem = impossible(hits, queries, self._store.n_rows)
        except DamagedIndexError as error:
            problem = str(error)
        if not problem:
            return hits
        opened = self._rebuild(view, opened, problem)
        hits = ask_both(*opened, queries, k, allowed, exact)
        problem = impossible(hits, queries, self._store.n_rows)
        if problem:
            raise SpaceError(f"{self._store.uri}: the data set is damaged ({problem}).")
        return hits

    def _rebuild(self, view: str, bad: _Both, problem: str) -> _Both:
        with self._turn:
            if self._indices.get(view) is bad:  # else another thread did it
                path = caches.index_path(self._store.place, view)
                warnings.warn(
                    f"{path}: damaged ({problem}). The index is rebuilt from the stored vectors.",
                    NamebasisWarning,
                    stacklevel=6,
                )
                source = self._provenance
                index = caches.build_index(
                    self._store, view, source.build_id, source.seed, force=True
                )
                self._indices[view] = (index, self._tail(view, index))
            return self._indices[view]


def ask_both(
    index: VectorIndex,
    newer: VectorIndex | None,
    queries: FloatArray,
    k: int,
    allowed: RowSet | None,
    exact: bool,
) -> Hits:
    """Search an index, and one of the rows that it does not cover."""
    if newer is None:
        return index.search(queries, k, allowed=allowed, exact=exact)
    border = index.n_rows
    old_rows, new_rows = (None, None) if allowed is None else allowed.split(border)
    old = index.search(queries, k, allowed=old_rows, exact=exact)
    similarities, ids = newer.search(queries, k, allowed=new_rows)
    return merge_hits(old, (similarities, ids + border), k)


def impossible(hits: Hits, queries: FloatArray, n_rows: int) -> str | None:
    """Say what in an answer no search of unit rows gives, or None."""
    similarities, ids = hits
    most = np.linalg.norm(queries, axis=1, keepdims=True) * (1 + _TOO_LONG) + 1e-4
    if not (np.abs(similarities) <= most).all():  # nor is NaN
        return "similarities beyond 1"
    if ids.size and not 0 <= ids.min() <= ids.max() < n_rows:
        return "rows that are not there"
    if (np.diff(np.sort(ids, axis=1), axis=1) == 0).any():
        return "a row found twice"
    return None


def _drop(hits: Hits, left_out: IntArray, k: int) -> Hits:
    """Leave rows out of every query's hits and keep k of the others, in order.

    Where there are fewer than k and those left out together, these are all rows that there are,
    and each query has the same ones.
    """
    similarities, ids = hits
    is_left_out = np.isin(ids, left_out)
    n_kept = ids.shape[1] - int(is_left_out.sum(axis=1).max(initial=0))
    # A stable sort of "is left out" moves those to the end and keeps the rest in order.
    order = np.argsort(is_left_out, axis=1, kind="stable")[:, : min(k, n_kept)]
    return np.take_along_axis(similarities, order, 1), np.take_along_axis(ids, order, 1)
