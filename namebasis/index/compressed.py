"""Searches beside a compressed index, whose codes find candidates: by the rows themselves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from namebasis.checks import FloatArray, IntArray
from namebasis.index.hits import best_first, merge_hits
from namebasis.index.row_set import RowSet
from namebasis.index.rows import Rows

FEW = 2_000
"""Allowed rows up to which they are read and compared themselves."""
_TOGETHER = 131_072
"""Candidates, of one query or of several, that are read together."""

Hits = tuple[FloatArray, IntArray]


def refine(rows: Rows, queries: FloatArray, candidates: IntArray, k: int) -> Hits:
    """Compare candidates with queries by their rows, and give the best k of each.

    Parameters
    ----------
    rows : Rows
    queries : ndarray of shape (n_queries, dim)
    candidates : ndarray of shape (n_queries, depth), int64
        Row numbers, at least k of each query; -1 where there is none.
    k : int
    """
    similarities = np.full(candidates.shape, -np.inf, np.float32)
    step = max(1, _TOGETHER // max(1, candidates.shape[1]))
    for at in range(0, len(queries), step):
        here = candidates[at : at + step]
        ids = np.unique(here[here >= 0])
        vectors = rows.of(ids)
        places = np.searchsorted(ids, here)
        for query, (own, found) in enumerate(zip(places, here, strict=True), start=at):
            similarities[query, found >= 0] = vectors[own[found >= 0]] @ queries[query]
    similarities, candidates = best_first(similarities, candidates)
    return similarities[:, :k], candidates[:, :k]


def search_rows(rows: Rows, queries: FloatArray, k: int, allowed: RowSet | None) -> Hits:
    """Compare queries with every row, or every one that is allowed; k at most their number."""
    best = np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64)
    for ids, block in _blocks(rows, allowed):
        similarities = queries @ block.T
        if len(ids) > k:
            part = np.argpartition(-similarities, k - 1, axis=1)[:, :k]
            hits = np.take_along_axis(similarities, part, 1), ids[part]
        else:
            hits = similarities, np.broadcast_to(ids, similarities.shape)
        best = merge_hits(best, hits, k)
    return best


def _blocks(rows: Rows, allowed: RowSet | None) -> Iterator[tuple[IntArray, FloatArray]]:
    """Rows with their numbers: a few are read alone, many out of all."""
    ids = None if allowed is None else allowed.ids
    if ids is not None and len(ids) <= FEW:
        yield ids, rows.of(ids)
        return
    start = 0
    for block in rows.blocks():
        numbers = np.arange(start, start + len(block))
        if ids is not None:
            low, high = np.searchsorted(ids, [start, start + len(block)])
            numbers = ids[low:high]
        if len(numbers):
            yield numbers, block[numbers - start]
        start += len(block)
