"""A map of the vectors in two dimensions, for the eye; nothing is measured on it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.graph.neighbours import KnnGraph, duplicate_groups, knn_graph
from namebasis.checks import (
    Float64Array,
    FloatArray,
    IntArray,
    Progress,
    check_count,
    unit_rows,
)
from namebasis.compiled import compiled

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

DEFAULT_NEIGHBOURS = 15
N_PUSHED = 5
"""Rows that are pushed away for each one that is drawn near."""

_BLOCK = 8192
_EXTENT = 10.0  # of the plane that the places start from


def layout(
    embeddings: object,
    *,
    graph: KnnGraph | None = None,
    seed: int = 0,
    n_epochs: int = 200,
    min_distance: float = 0.5,
    progress: Progress | None = None,
) -> FloatArray:
    """Place rows on a plane by UMAP [1]_ over their exact neighbours.

    It starts from the plane of largest variance, so that distant regions keep their places, and
    is turned at the end so that its long side lies along the first coordinate.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
        Rows are scaled to length 1 here. Rows that are equal get equal places.
    graph : KnnGraph, optional
        Their neighbours; by default found here with k = 15 (or n - 1).
    seed : int
        Seeds the negative samples; one seed gives one map.
    n_epochs : int
        Passes over the edges.
    min_distance : float
        How closely places may pack, in units of the map, in [0, 1); larger is airier.
    progress : callable, optional
        Called with (passes done, passes in all).

    Returns
    -------
    ndarray of shape (n, 2), float32

    Raises
    ------
    ValueError
        If rows are not finite or zero, or a parameter is out of range.

    References
    ----------
    .. [1] McInnes, Healy and Melville (2018), UMAP, arXiv 1802.03426.
    """
    from scipy.sparse import csr_matrix

    rows = unit_rows(embeddings)
    n = rows.shape[0]
    check_count(seed, "seed", 0)
    check_count(n_epochs, "n_epochs")
    if not 0 <= min_distance < 1:
        raise ValueError(f"min_distance must be in [0, 1); got {min_distance!r}.")
    groups = duplicate_groups(rows)
    distinct = rows[groups.first]
    start = _principal_plane(distinct, groups.sizes.astype(np.float64))
    if distinct.shape[0] < 4:  # nothing to arrange
        return np.asarray(start, np.float32)[groups.group]
    if graph is None:
        graph = knn_graph(rows, min(DEFAULT_NEIGHBOURS, n - 1))
    if graph.n_rows != n:
        raise ValueError(f"graph must cover the {n} rows of embeddings; it covers {graph.n_rows}.")
    collapse = csr_matrix(
        (np.ones(n, np.float32), (np.arange(n), groups.group)), shape=(n, groups.first.size)
    )
    links = (collapse.T @ fuzzy_links(graph) @ collapse).tocsr()
    links.setdiag(0)
    links.eliminate_zeros()
    links.data = np.minimum(links.data, 1.0)
    places = _arrange(links, start, seed, n_epochs, min_distance, progress)
    turned = _principal_plane(places.astype(np.float64), np.ones(places.shape[0]))
    return np.asarray(turned, np.float32)[groups.group]


def align(places: FloatArray, onto: FloatArray) -> FloatArray:
    """Turn, mirror, scale and move places so that the same rows lie as close as they can.

    Orthogonal Procrustes with scaling [1]_; distances keep their ratios.

    Parameters
    ----------
    places, onto : ndarrays of shape (n, 2)

    References
    ----------
    .. [1] Schönemann and Carroll (1970), Fitting one matrix to another under choice of a central
       dilation and a rigid motion, Psychometrika 35.
    """
    from scipy.linalg import orthogonal_procrustes

    own, other = places.astype(np.float64), onto.astype(np.float64)
    own_middle, other_middle = own.mean(axis=0), other.mean(axis=0)
    own, other = own - own_middle, other - other_middle
    size = float((own**2).sum())
    if size == 0:
        return np.asarray(own + other_middle, np.float32)
    turn, total = orthogonal_procrustes(own, other)
    # The least-squares scale shrinks what does not fit; equal spread keeps the map legible.
    scale = float(np.sqrt((other**2).sum() / size)) if total > 0 else 1.0
    return np.asarray(scale * (own @ turn) + other_middle, np.float32)


def fuzzy_links(graph: KnnGraph) -> csr_matrix:
    """UMAP's symmetric weights of the edges of a graph, in (0, 1], (n, n).

    Each row's distances are scaled so that its nearest different neighbour has weight 1 and the
    weights sum to log2(k + 1); the two directions join by the probabilistic sum.
    """
    from scipy.sparse import csr_matrix

    n, k = graph.indices.shape
    distances = np.sqrt(np.maximum(2.0 - 2.0 * graph.similarities.astype(np.float64), 0.0))
    weights = np.empty((n, k), np.float32)
    for first in range(0, n, _BLOCK):
        weights[first : first + _BLOCK] = _memberships(distances[first : first + _BLOCK])
    source = np.repeat(np.arange(n), k)
    directed = csr_matrix((weights.ravel(), (source, graph.indices.ravel())), shape=(n, n))
    both = directed.multiply(directed.T)
    return (directed + directed.T - both).tocsr()


def _memberships(distances: Float64Array) -> FloatArray:
    """Weights exp(-(d - nearest)/scale) of each row's (k,) distances, scale by bisection."""
    tiny = 1e-6
    nearest = np.where(distances > tiny, distances, np.inf).min(axis=1, keepdims=True)
    beyond = np.maximum(distances - np.where(np.isfinite(nearest), nearest, 0.0), 0.0)
    target = np.log2(distances.shape[1] + 1)
    low = np.full((distances.shape[0], 1), 1e-4)
    high = np.full_like(low, 100.0)
    for _ in range(40):  # bisection of log(scale)
        scale = np.sqrt(low * high)
        too_wide = np.exp(-beyond / scale).sum(axis=1, keepdims=True) > target
        low, high = np.where(too_wide, low, scale), np.where(too_wide, scale, high)
    return np.asarray(np.exp(-beyond / np.sqrt(low * high)), np.float32)


def _principal_plane(rows: FloatArray | Float64Array, weights: Float64Array) -> Float64Array:
    """Coordinates of rows on their first two principal components, signs fixed."""
    share = weights / weights.sum()
    mean = share @ rows
    centred = rows - mean
    covariance = (centred * share[:, None]).T @ centred
    axes = np.linalg.eigh(covariance)[1][:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    plane = np.zeros((rows.shape[0], 2))
    plane[:, : axes.shape[1]] = centred @ axes
    return plane


def _arrange(
    links: csr_matrix,
    start: Float64Array,
    seed: int,
    n_epochs: int,
    min_distance: float,
    progress: Progress | None,
) -> FloatArray:
    """Draw linked places together and push others apart, on one thread: one seed gives one map.

    Each epoch follows an edge as often as its weight says; weights too small to be followed once
    in `n_epochs` count for nothing.
    """
    a, b = _curve(min_distance)
    low, high = start.min(axis=0), start.max(axis=0)
    places = np.ascontiguousarray(
        _EXTENT * (start - low) / np.where(high > low, high - low, 1), np.float32
    )
    shares = links.data.astype(np.float32) / links.data.max()
    starts, ends = links.indptr.astype(np.int64), links.indices.astype(np.int64)
    due = np.zeros(ends.size, np.float32)
    pass_over = compiled(pass_over_edges, _SIGNATURE, fastmath=True)
    state = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] | np.uint64(1)
    for epoch in range(n_epochs):
        rate = np.float32(1 - epoch / n_epochs)
        # A compiled function returns a plain integer.
        state = np.uint64(pass_over(places, starts, ends, shares, due, a, b, rate, state))
        if progress is not None:
            progress(epoch + 1, n_epochs)
    return places


@cache
def _curve(min_distance: float) -> tuple[np.float32, np.float32]:
    """The a and b of 1 / (1 + a d^2b) nearest to 1 up to `min_distance` and exp(-d) beyond it."""
    from scipy.optimize import curve_fit

    distances = np.linspace(0, 3, 300)
    wanted = np.exp(-np.maximum(distances - min_distance, 0))
    (a, b), _ = curve_fit(lambda d, a, b: 1 / (1 + a * d ** (2 * b)), distances, wanted)
    return np.float32(a), np.float32(b)


_SIGNATURE = (
    "uint64(float32[:,::1], int64[::1], int64[::1], float32[::1], float32[::1], "
    "float32, float32, float32, uint64)"
)


def _polynomial(
    function: Callable[[Float64Array], Float64Array], low: float, high: float, degree: int
) -> tuple[np.float32, ...]:
    """Coefficients, the constant first, of the polynomial through the Chebyshev points."""
    from numpy.polynomial import Chebyshev, Polynomial

    found = Chebyshev.interpolate(function, degree, domain=[low, high]).convert(kind=Polynomial)
    return tuple(np.float32(one) for one in found.coef)


# Powers by these are right to 2 parts in 100,000, and several are computed at a time, as those of
# the mathematical library are not. They are compiled in as constants.
_LOG = _polynomial(np.log2, 1, 2, 5)
_EXP = _polynomial(np.exp2, 0, 1, 4)
_L0, _L1, _L2, _L3, _L4, _L5 = _LOG
_E0, _E1, _E2, _E3, _E4 = _EXP


def pass_over_edges(
    places: FloatArray,
    starts: IntArray,
    ends: IntArray,
    shares: FloatArray,
    due: FloatArray,
    a: np.float32,
    b: np.float32,
    rate: np.float32,
    state: np.uint64,
) -> np.uint64:
    """One epoch of the stochastic gradient descent of UMAP's cross entropy, in place.

    Edge e leads from the row whose `starts` enclose it to ``ends[e]`` and is followed whenever
    `due`, to which every epoch adds its `shares`, reaches 1. What draws its two rows together and
    what pushes the first away from others are taken at one place of it, and then added. `state` is
    that of Marsaglia's xorshift generator [1]_, which draws the rows that are pushed away.

    .. [1] Marsaglia (2003), Xorshift RNGs, Journal of Statistical Software 8(14).
    """
    n = np.uint64(places.shape[0])
    one, near, limit = np.float32(1), np.float32(0.001), np.float32(4)
    pull, push, tiny = np.float32(-2) * a * b, np.float32(2) * b, np.float32(1e-30)
    mantissa, exponent, bias = np.int32(0x7FFFFF), np.int32(23), np.int32(127)
    # The row at the other end of the edge comes first, then those that are pushed away.
    right, up = np.zeros(1 + N_PUSHED, np.float32), np.zeros(1 + N_PUSHED, np.float32)
    squared, power = np.zeros(1 + N_PUSHED, np.float32), np.zeros(1 + N_PUSHED, np.float32)
    for row in range(places.shape[0]):
        x, y = places[row, 0], places[row, 1]
        for edge in range(starts[row], starts[row + 1]):
            due[edge] += shares[edge]
            if due[edge] < one:
                continue
            due[edge] -= one
            joined = ends[edge]
            right[0], up[0] = x - places[joined, 0], y - places[joined, 1]
            for at in range(1, 1 + N_PUSHED):
                state ^= state << np.uint64(13)
                state ^= state >> np.uint64(7)
                state ^= state << np.uint64(17)
                other = np.int64(((state >> np.uint64(32)) * n) >> np.uint64(32))
                right[at], up[at] = x - places[other, 0], y - places[other, 1]
                if other == row:
                    right[at], up[at] = 0, 0
            for at in range(1 + N_PUSHED):  # squared**b, by its logarithm
                squared[at] = right[at] * right[at] + up[at] * up[at]
                bits = np.float32(squared[at]).view(np.int32)
                m = np.int32((bits & mantissa) | (bias << exponent)).view(np.float32)
                log = _L0 + m * (_L1 + m * (_L2 + m * (_L3 + m * (_L4 + m * _L5))))
                log = b * (log + np.float32((bits >> exponent) - bias))
                log = min(max(log, np.float32(-126)), np.float32(126))
                whole = np.floor(log)
                m = log - whole
                scale = np.int32((np.int32(whole) + bias) << exponent).view(np.float32)
                power[at] = scale * (_E0 + m * (_E1 + m * (_E2 + m * (_E3 + m * _E4))))
            for at in range(1 + N_PUSHED):
                force = push / ((near + squared[at]) * (one + a * power[at]))
                if at == 0:
                    force = pull * power[at] / (max(squared[at], tiny) * (one + a * power[at]))
                right[at] = rate * min(max(force * right[at], -limit), limit)
                up[at] = rate * min(max(force * up[at], -limit), limit)
            for at in range(1 + N_PUSHED):
                x += right[at]
                y += up[at]
            places[joined, 0] -= right[0]
            places[joined, 1] -= up[0]
        places[row, 0], places[row, 1] = x, y
    return state
