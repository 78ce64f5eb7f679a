"""The graph of nearest neighbours for many rows: nearly all of them, scored exactly."""

from __future__ import annotations

import numpy as np

from namebasis.analysis.graph.approximate_neighbours import approximate_neighbours
from namebasis.analysis.graph.neighbours import (
    CHUNK,
    KnnGraph,
    among_rows,
    cosines,
    knn_graph,
    prepare,
)
from namebasis.checks import FloatArray, IntArray, Progress


def near_graph(
    embeddings: object,
    k: int = 15,
    *,
    recall: float = 0.95,
    seed: int = 0,
    progress: Progress | None = None,
) -> KnnGraph:
    """Cosine neighbours of every row, nearly all of them the true ones: for many rows.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
        Rows are scaled to length 1 here.
    k : int
        Neighbours per row, 1 to n - 1.
    recall : float
        Share of the true neighbours to be found; what was found is measured on a sample and
        stands in the graph. Where there are fewer than 1,000 different rows the search is exact.
    seed : int
        Of the search and its sample.
    progress : callable, optional
        Called with (rows done, rows in all).

    Returns
    -------
    KnnGraph

    Raises
    ------
    ValueError
        If a row is not finite or zero, or `k` is not in 1 to n - 1.
    """
    rows, k, groups = prepare(embeddings, k)
    m = groups.first.size
    if m <= max(1000, k + 1):
        return knn_graph(rows, k, progress=progress)
    different = rows if m == len(rows) else rows[groups.first]
    found = approximate_neighbours(different, k, recall=recall, seed=seed, progress=progress)
    indices = np.column_stack([np.arange(m), found.indices])
    few = np.flatnonzero((indices < 0).any(axis=1))
    if few.size:  # their lists held fewer than k rows
        indices[few] = _exact_rows(different, few, k)
    similarities = np.empty(indices.shape, np.float32)
    for start in range(0, m, CHUNK):
        part = slice(start, min(start + CHUNK, m))
        similarities[part] = cosines(different, part, indices[part])
    graph = among_rows(indices, similarities, groups, k)
    return KnnGraph(graph.indices, graph.similarities, found.recall)


def _exact_rows(rows: FloatArray, asked: IntArray, k: int) -> IntArray:
    """Some rows with their k nearest others, (n_asked, k + 1), each row itself first."""
    import faiss

    _, found = faiss.knn(rows[asked], rows, k + 1, metric=faiss.METRIC_INNER_PRODUCT)
    order = np.argsort(found != asked[:, None], axis=1, kind="stable")
    found = np.take_along_axis(found, order, axis=1)
    found[:, 0] = asked
    return np.asarray(found, np.int64)
