"""Soft membership of rows in no cluster: where a walk along neighbours arrives.

From each row a walker steps to its neighbours until it meets a row of a cluster and stays there:
the absorption probabilities of label propagation [1]_. At every step it may give up, so that rows
far from all clusters belong to them only in part.

References
----------
.. [1] Zhu, Ghahramani and Lafferty (2003), Semi-supervised learning using Gaussian fields and
   harmonic functions, ICML.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.graph.neighbours import KnnGraph
from namebasis.checks import Float64Array, IntArray, check_count

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_STEPS = 30  # with a tenth lost at each, 4 % of a walk is left undecided at most
_LEAST = 1e-4  # anything less counts as out of reach
_FULL = 0.1  # a table that is fuller than this is multiplied faster as a dense one
_BLOCK = 32  # clusters whose walks are taken at a time


@dataclass(frozen=True)
class Memberships:
    """The nearest clusters of every row and how far it belongs to each.

    Attributes
    ----------
    clusters : ndarray of shape (n, n_kept), int64
        The likeliest first; -1 where fewer clusters are in reach.
    probabilities : ndarray of shape (n, n_kept), float64
        In [0, 1]; what a row's lack to 1 belongs to clusters left out, or to none.
    """

    clusters: IntArray
    probabilities: Float64Array


def soft_memberships(
    graph: KnnGraph, labels: IntArray, *, n_kept: int = 3, give_up: float = 0.1
) -> Memberships:
    """Say to which clusters rows in none belong in part.

    Parameters
    ----------
    graph : KnnGraph
        Neighbours of n rows.
    labels : ndarray of shape (n,), int64
        Cluster of each row, -1 for none.
    n_kept : int
        Clusters kept per row.
    give_up : float
        Probability, in [0, 1), that a walk ends in no cluster before each step but the first.

    Returns
    -------
    Memberships
        Rows in a cluster belong to it with probability 1.

    Raises
    ------
    ValueError
        If the lengths differ or a parameter is out of range.
    """
    n_kept = check_count(n_kept, "n_kept")
    if labels.shape != (graph.n_rows,):
        raise ValueError(
            f"labels must cover the {graph.n_rows} rows of the graph; got shape {labels.shape}."
        )
    if not 0 <= give_up < 1:
        raise ValueError(f"give_up must be at least 0 and less than 1; got {give_up!r}.")
    clusters = np.full((labels.size, n_kept), -1, np.int64)
    probabilities = np.zeros((labels.size, n_kept))
    inside = labels >= 0
    clusters[inside, 0], probabilities[inside, 0] = labels[inside], 1.0
    loose = np.flatnonzero(~inside)
    if loose.size and inside.any():
        arrive, onward = _steps(graph, labels, loose, 1.0 - give_up)
        clusters[loose], probabilities[loose] = _likeliest(arrive, onward, n_kept)
    return Memberships(clusters, probabilities)


def _steps(
    graph: KnnGraph, labels: IntArray, loose: IntArray, stay: float
) -> tuple[csr_matrix, csr_matrix]:
    """Probabilities of one step from each loose row: into each cluster, and to each loose row."""
    from scipy.sparse import csr_matrix

    k, n_clusters = graph.k, int(labels.max()) + 1
    place = np.full(labels.size, -1, np.int64)
    place[loose] = np.arange(loose.size)
    targets = graph.indices[loose]
    # Closer neighbours draw more: weight by cosine above the farthest one's, and never 0.
    near = graph.similarities[loose].astype(np.float64)
    weights = near - near.min(axis=1, keepdims=True)
    weights += 0.1 * np.maximum(weights.max(axis=1, keepdims=True), 1e-12)
    weights /= weights.sum(axis=1, keepdims=True)
    source = np.repeat(np.arange(loose.size), k)
    flat, weight = targets.ravel(), weights.ravel()
    ends = labels[flat] >= 0
    arrive = csr_matrix(
        (weight[ends], (source[ends], labels[flat][ends])), shape=(loose.size, n_clusters)
    )
    onward = csr_matrix(
        (stay * weight[~ends], (source[~ends], place[flat][~ends])), shape=(loose.size,) * 2
    )
    return arrive, onward


def _likeliest(
    arrive: csr_matrix, onward: csr_matrix, n_kept: int
) -> tuple[IntArray, Float64Array]:
    """The clusters in which walks from each row end most often, ties by the lower number.

    Where walks reach few clusters their probabilities stay sparse. Where they come to fill the
    table, it is several times quicker to go on in dense columns.
    """
    total = arrive
    for step in range(_STEPS):
        total = arrive + onward @ total
        total.data[total.data < _LEAST] = 0.0
        total.eliminate_zeros()
        if total.nnz > _FULL * total.shape[0] * total.shape[1]:
            return _likeliest_in_blocks(arrive, onward, total, _STEPS - 1 - step, n_kept)
    return _largest(total.tocsr(), n_kept)


def _largest(shares: csr_matrix, n_kept: int) -> tuple[IntArray, Float64Array]:
    """Columns and values of the largest entries of each row, ties by the lower column."""
    n = shares.shape[0]
    rows = np.repeat(np.arange(n), np.diff(shares.indptr))
    order = np.lexsort((shares.indices, -shares.data, rows))
    rank = np.arange(rows.size) - shares.indptr[rows]
    kept = rank < n_kept
    clusters = np.full((n, n_kept), -1, np.int64)
    values = np.zeros((n, n_kept))
    at = rows[kept], rank[kept]
    clusters[at], values[at] = shares.indices[order][kept], shares.data[order][kept]
    return clusters, values


def _likeliest_in_blocks(
    arrive: csr_matrix, onward: csr_matrix, reached: csr_matrix, n_steps: int, n_kept: int
) -> tuple[IntArray, Float64Array]:
    """As `_likeliest`, from `reached` on for `n_steps` more steps, a few clusters at a time."""
    n, n_clusters = arrive.shape
    clusters = np.full((n, n_kept), -1, np.int64)
    values = np.zeros((n, n_kept))
    every = np.arange(n)
    for first in range(0, n_clusters, _BLOCK):
        some = slice(first, first + _BLOCK)
        shares = _walked(arrive[:, some].toarray(), onward, reached[:, some].toarray(), n_steps)
        numbers = np.arange(first, first + shares.shape[1])
        known = np.hstack([clusters, np.broadcast_to(numbers, shares.shape)])
        left = np.hstack([values, shares])
        for place in range(n_kept):
            best = left.argmax(axis=1)  # the first, which has the lower number
            values[:, place] = left[every, best]
            clusters[:, place] = np.where(values[:, place] > 0, known[every, best], -1)
            left[every, best] = -1.0
    return clusters, values


def _walked(
    arrive: Float64Array, onward: csr_matrix, total: Float64Array, n_steps: int
) -> Float64Array:
    """Probabilities that a walk from each loose row ends in each of some clusters."""
    for _ in range(n_steps):
        total = onward @ total
        total += arrive
        total[total < _LEAST] = 0.0
    return total
