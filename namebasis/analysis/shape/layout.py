"""A map of the vectors in two dimensions, for the eye; nothing is measured on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.graph.neighbours import KnnGraph, duplicate_groups, knn_graph
from namebasis.checks import Float64Array, FloatArray, check_count, unit_rows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

DEFAULT_NEIGHBOURS = 15
_BLOCK = 8192


def layout(
    embeddings: object,
    *,
    graph: KnnGraph | None = None,
    seed: int = 0,
    n_epochs: int = 200,
    min_distance: float = 0.5,
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
    places = _arrange(distinct, links, start, seed, n_epochs, min_distance)
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
    rows: FloatArray,
    links: csr_matrix,
    start: Float64Array,
    seed: int,
    n_epochs: int,
    min_distance: float,
) -> FloatArray:
    """Run UMAP's own optimiser on one thread, which makes it repeatable."""
    from umap.umap_ import find_ab_params, simplicial_set_embedding

    a, b = find_ab_params(1.0, min_distance)
    places, _ = simplicial_set_embedding(
        rows,
        links.tocoo(),
        2,
        initial_alpha=1.0,
        a=a,
        b=b,
        gamma=1.0,
        negative_sample_rate=5,
        n_epochs=n_epochs,
        init=start.astype(np.float32),
        random_state=np.random.RandomState(seed),
        metric="euclidean",
        metric_kwds={},
        densmap=False,
        densmap_kwds={},
        output_dens=False,
        parallel=False,
    )
    return np.asarray(places, np.float32)
