"""The exact graph of nearest neighbours, the ground of everything said about arrangement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.analysis.graph.all_pairs import MOST_KEPT, nearest_of_all
from namebasis.checks import FloatArray, IntArray, Progress, check_count, unit_rows

# Candidates beyond k + 1 that are scored again exactly, so that rounding inside the search
# cannot push a true neighbour over the edge.
_MARGIN = 8
CHUNK = 4096
_FEW = 4096
"""Rows up to which FAISS is done before numba is loaded."""
_BLOCK = 64  # rows whose candidates are gathered at a time: they stay in the cache


@dataclass(frozen=True)
class KnnGraph:
    """The k nearest neighbours of every row, the row itself left out.

    Attributes
    ----------
    indices : ndarray of shape (n, k), int64
        Row numbers, nearest first; equal similarities in the order of row numbers. (Where more
        than eight different vectors tie for the last place, the search decides which enter.)
    similarities : ndarray of shape (n, k), float32
        Cosines, descending along each row; ``similarity(i, j) == similarity(j, i)`` bit for bit.
    recall : float
        Share of the true neighbours among them, in [0, 1]; 1 where the search was exact.
    """

    indices: IntArray
    similarities: FloatArray
    recall: float = 1.0

    def __post_init__(self) -> None:
        if self.indices.ndim != 2 or self.indices.shape != self.similarities.shape:
            raise ValueError(
                "a graph needs indices and similarities of one shape (n, k); got "
                f"{self.indices.shape} and {self.similarities.shape}."
            )

    @property
    def n_rows(self) -> int:
        """How many rows the graph covers."""
        return int(self.indices.shape[0])

    @property
    def k(self) -> int:
        """How many neighbours each row has."""
        return int(self.indices.shape[1])

    def truncate(self, k: int) -> KnnGraph:
        """Return the graph of the first `k` neighbours, ``1 <= k <= self.k``."""
        k = check_count(k, "k", 1, self.k)
        return KnnGraph(self.indices[:, :k], self.similarities[:, :k], self.recall)


@dataclass(frozen=True)
class DuplicateGroups:
    """Rows that are equal bit for bit, as groups numbered by their first row.

    Attributes
    ----------
    first : ndarray of shape (n_groups,), int64
        The lowest row number of each group, ascending.
    group : ndarray of shape (n,), int64
        The group of every row.
    sizes : ndarray of shape (n_groups,), int64
        How many rows each group has.
    """

    first: IntArray
    group: IntArray
    sizes: IntArray


def duplicate_groups(embeddings: FloatArray) -> DuplicateGroups:
    """Group the rows of `embeddings` (n, n_features) that are bit-equal (-0 counts as 0)."""
    keys = _checksums(embeddings)
    order = np.argsort(keys, kind="stable")  # the lowest row of each key comes first
    starts = np.flatnonzero(
        np.diff(keys[order].view(np.int64), prepend=~keys[order[:1]].view(np.int64))
    )
    if starts.size < keys.size:
        first_of = np.repeat(order[starts], np.diff(np.append(starts, keys.size)))
        again = np.flatnonzero(first_of != order)
        if not _equal_rows(embeddings, order[again], first_of[again]):
            return _groups_by_bytes(embeddings)
    else:
        first_of = order
    first = np.sort(order[starts]).astype(np.int64)
    group = np.empty(keys.size, np.int64)
    group[order] = np.searchsorted(first, first_of)
    return DuplicateGroups(first, group, np.bincount(group).astype(np.int64))


def _checksums(embeddings: FloatArray) -> npt.NDArray[np.uint64]:
    """A 64-bit checksum of each row's bits: equal for equal rows, for others hardly ever."""
    weights = np.random.default_rng(0).integers(2**63, size=embeddings.shape[1], dtype=np.uint64)
    weights = 2 * weights + np.uint64(1)
    keys = np.empty(embeddings.shape[0], np.uint64)
    for start in range(0, keys.size, CHUNK):
        part = embeddings[start : start + CHUNK] + np.float32(0.0)  # -0 + 0 is +0
        bits = np.ascontiguousarray(part).view(np.uint32).astype(np.uint64)
        keys[start : start + CHUNK] = (bits * weights).sum(axis=1, dtype=np.uint64)
    return keys


def _equal_rows(embeddings: FloatArray, left: IntArray, right: IntArray) -> bool:
    return all(
        np.array_equal(embeddings[left[i : i + CHUNK]], embeddings[right[i : i + CHUNK]])
        for i in range(0, left.size, CHUNK)
    )


def _groups_by_bytes(embeddings: FloatArray) -> DuplicateGroups:
    """The same by sorting whole rows: for rows whose checksums meet by accident."""
    rows = np.ascontiguousarray(embeddings + np.float32(0.0))
    keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    _, first, inverse, sizes = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(first)  # number groups by first appearance, not by byte order
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    return DuplicateGroups(
        first[order].astype(np.int64),
        rank[inverse].astype(np.int64),
        sizes[order].astype(np.int64),
    )


def knn_graph(embeddings: object, k: int = 15, *, progress: Progress | None = None) -> KnnGraph:
    """Exact cosine neighbours of every row among all others.

    Equal rows are searched once and spread out again, so a group of duplicates larger than `k`
    costs nothing extra and never hides a row from itself: the row is left out by its number, not
    by its place in the answer. Candidates are scored again in float64, which makes similarities
    symmetric and ties real ties.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
        Rows are scaled to length 1 here.
    k : int
        Neighbours per row, 1 to n - 1.
    progress : callable, optional
        Called with (rows done, rows in all); equal rows count once.

    Returns
    -------
    KnnGraph

    Raises
    ------
    ValueError
        If a row is not finite or zero, or `k` is not in 1 to n - 1.
    """
    rows, k, groups = prepare(embeddings, k)
    indices, similarities = _search(rows[groups.first], k + 1 + _MARGIN, progress)
    return among_rows(indices, similarities, groups, k)


def prepare(embeddings: object, k: int) -> tuple[FloatArray, int, DuplicateGroups]:
    """Check what a graph is made of: unit rows, `k`, and which rows are equal.

    Raises
    ------
    ValueError
        If a row is not finite or zero, or `k` is not in 1 to n - 1.
    """
    rows = unit_rows(embeddings)
    n = rows.shape[0]
    if n < 2:
        raise ValueError(f"a graph of neighbours needs at least 2 rows; got {n}.")
    k = check_count(k, f"k (neighbours among {n} rows)", 1, n - 1)
    groups = duplicate_groups(rows)
    return rows, k, groups


def among_rows(
    indices: IntArray, similarities: FloatArray, groups: DuplicateGroups, k: int
) -> KnnGraph:
    """Neighbours among different rows, each row itself among its own, as the graph of all rows."""
    n = groups.group.size
    if groups.first.size == n:  # no duplicates: groups are rows
        return _leave_out_self(indices, similarities, np.arange(n), k)
    return _spread(indices, similarities, groups, k)


def _search(rows: FloatArray, width: int, progress: Progress | None) -> tuple[IntArray, FloatArray]:
    """Find the `width` nearest of `rows` to each of them, itself included, scored in float64."""
    m = rows.shape[0]
    candidates = _candidates(rows, min(width, m), progress)
    indices, similarities = candidates, np.empty(candidates.shape, np.float32)
    for start in range(0, m, CHUNK):
        part = slice(start, min(start + CHUNK, m))
        found = candidates[part]
        scores = cosines(rows, part, found)
        order = np.lexsort((found, -scores), axis=1)
        indices[part] = np.take_along_axis(found, order, axis=1)
        similarities[part] = np.take_along_axis(scores, order, axis=1)
    return indices, similarities


def _candidates(rows: FloatArray, width: int, progress: Progress | None) -> IntArray:
    """The `width` nearest of `rows` to each of them, as float32 has it, in no order."""
    if width <= MOST_KEPT and len(rows) > _FEW:
        return nearest_of_all(rows, width, progress)[0]
    import faiss

    m = len(rows)
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    found = np.empty((m, width), np.int64)
    for start in range(0, m, CHUNK):
        part = slice(start, min(start + CHUNK, m))
        _, found[part] = index.search(rows[part], width)
        if progress is not None:
            progress(part.stop, m)
    return found


def cosines(rows: FloatArray, part: slice, found: IntArray) -> FloatArray:
    """Dot products of rows[part] with the rows found for each, in float64, rounded once."""
    out = np.empty(found.shape, np.float32)
    for offset in range(0, found.shape[0], _BLOCK):
        left = rows[part.start + offset : min(part.start + offset + _BLOCK, part.stop)]
        right = rows[found[offset : offset + _BLOCK]]  # (block, width, n_features)
        out[offset : offset + _BLOCK] = np.einsum(
            "bf,bwf->bw", left.astype(np.float64), right.astype(np.float64)
        )
    return out


def _leave_out_self(
    candidates: IntArray, similarities: FloatArray, own: IntArray, k: int
) -> KnnGraph:
    """Sort candidates by (similarity, row number), drop `own` (n,) and cut to `k`."""
    is_self = candidates == own[:, None]
    scores = np.where(is_self, -np.inf, similarities)
    order = np.lexsort((candidates, -scores), axis=1)[:, :k]
    return KnnGraph(
        np.take_along_axis(candidates, order, axis=1),
        np.take_along_axis(similarities, order, axis=1),
    )


def _spread(
    indices: IntArray, similarities: FloatArray, groups: DuplicateGroups, k: int
) -> KnnGraph:
    """Turn neighbours among groups into neighbours among rows."""
    members = np.argsort(groups.group, kind="stable")  # rows, group after group
    starts = np.cumsum(groups.sizes) - groups.sizes
    n = groups.group.size
    out_indices = np.empty((n, k), np.int64)
    out_similarities = np.empty((n, k), np.float32)
    n_slots = k + 1 + _MARGIN
    for start in range(0, n, CHUNK):
        own = np.arange(start, min(start + CHUNK, n))
        near, near_similarities = indices[groups.group[own]], similarities[groups.group[own]]
        counts = np.minimum(groups.sizes[near], k + 1)  # more of one group are never needed
        ends = np.cumsum(counts, axis=1)
        slots = np.broadcast_to(np.arange(n_slots), (own.size, n_slots))
        column = (slots[:, :, None] >= ends[:, None, :]).sum(axis=2)  # whose slot this is
        filled = column < near.shape[1]
        column = np.where(filled, column, 0)
        chosen = np.take_along_axis(near, column, axis=1)
        offset = slots - np.take_along_axis(ends - counts, column, axis=1)
        rows = members[np.where(filled, starts[chosen] + offset, 0)]
        scores = np.take_along_axis(near_similarities, column, axis=1)
        scores = np.where(filled, scores, np.float32(-np.inf))
        part = _leave_out_self(rows, scores, own, k)
        out_indices[own], out_similarities[own] = part.indices, part.similarities
    return KnnGraph(out_indices, out_similarities)
