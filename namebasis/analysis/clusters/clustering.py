"""Density clusters over the graph of neighbours.

Vectors are first drawn towards the mean of their mutual neighbours (a few steps of blurring mean
shift [1]_ along the graph), which thins out the space between clusters; then the hierarchy of
mutual reachability [2]_ over the graph's edges is condensed. Rows that were far from everything
before they were drawn to a cluster are taken out of it again. Nothing is random: one answer per
input. Rows that are equal are one leaf of the hierarchy and can never be told apart.

References
----------
.. [1] Cheng (1995), Mean shift, mode seeking, and clustering, IEEE TPAMI.
.. [2] Campello, Moulavi and Sander (2013), Density-based clustering based on hierarchical density
   estimates, PAKDD.
"""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np

from namebasis.analysis.clusters.hierarchy import Clusters, read_level
from namebasis.analysis.clusters.peer import hdbscan_clusters
from namebasis.analysis.clusters.reachability import group_links, reachability_tree
from namebasis.analysis.clusters.stability import cluster_stability
from namebasis.analysis.graph.neighbours import (
    DuplicateGroups,
    KnnGraph,
    duplicate_groups,
    knn_graph,
)
from namebasis.checks import FloatArray, IntArray, check_count, unit_rows
from namebasis.errors import NamebasisWarning

__all__ = ["Clusters", "central_rows", "cluster", "default_min_cluster_size"]

METHODS = ("eom", "leaf", "hdbscan")
DEFAULT_NEIGHBOURS = 15
DEFAULT_SMOOTHING = 3
# Set on moons, circles and blobs in 2 to 384 dimensions (mean Jaccard 0.56 to 0.81 where smoothing
# shattered them) and on mixtures beside a far group (0.95 to 0.98 where its parts were right).
_FEW, _RESAMPLES, _RECURS = 0.15, 5, 0.9


def default_min_cluster_size(n: int) -> int:
    """A quarter of the square root of `n`, 5 at least and never more than `n`."""
    return min(n, max(5, round(math.sqrt(n) / 4)))


def cluster(
    embeddings: object,
    *,
    graph: KnnGraph | None = None,
    min_cluster_size: int | None = None,
    min_samples: int | None = None,
    smoothing: int | None = None,
    method: str = "eom",
    seed: int = 0,
) -> Clusters:
    """Find density clusters of rows over their graph of neighbours.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
        Rows are scaled to length 1 here.
    graph : KnnGraph, optional
        Their neighbours; by default found here with k = 15 (or n - 1).
    min_cluster_size : int, optional
        Rows that make a cluster, 2 to n. By default `default_min_cluster_size`.
    min_samples : int, optional
        The neighbour whose distance measures density, 1 to k. By default 5 (or k).
    smoothing : int, optional
        Steps towards the mutual neighbours; 0 leaves vectors as they are, which on a complete
        graph is plain HDBSCAN but for ties of reachability, which join at once here. By default
        3, or 0 where that shatters: where density alone leaves few rows in none, and what
        smoothing splits further does not recur in resamples (thin shapes in few dimensions).
    method : {"eom", "leaf", "hdbscan"}
        Clusters with the most excess of mass, or the finest ones; or those of the package
        `hdbscan` on the vectors themselves, to compare with. That one takes no graph and no
        smoothing, its `min_samples` is `min_cluster_size` by default, and it takes time and
        memory for all pairs of rows where there are many columns.
    seed : int
        Accepted for symmetry with other analyses; nothing here is random.

    Returns
    -------
    Clusters
        If all rows are equal, they are one cluster. If density never splits, all rows are noise
        and a `NamebasisWarning` says so.

    Raises
    ------
    ValueError
        If rows are not finite or zero, fewer than 2, or a parameter is out of range.
    """
    rows = unit_rows(embeddings)
    n = rows.shape[0]
    if n < 2:
        raise ValueError(f"clusters need at least 2 rows; got {n}.")
    check_count(seed, "seed", 0)
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got {method!r}.")
    if smoothing is not None:
        smoothing = check_count(smoothing, "smoothing", 0, 100)
    if min_cluster_size is None:
        min_cluster_size = default_min_cluster_size(n)
    size = check_count(min_cluster_size, "min_cluster_size", 2, n)
    groups = duplicate_groups(rows)
    if method == "hdbscan" and groups.first.size > 1:
        if smoothing:
            raise ValueError(f"smoothing is not part of hdbscan; leave it out, got {smoothing}.")
        near = check_count(size if min_samples is None else min_samples, "min_samples", 1, n)
        return _told(hdbscan_clusters(rows, min_cluster_size=size, min_samples=near))
    if graph is None:
        graph = knn_graph(rows, min(DEFAULT_NEIGHBOURS, n - 1))
    _check_covers(graph, n)
    samples = check_count(
        min(5, graph.k) if min_samples is None else min_samples, "min_samples", 1, graph.k
    )
    level = "eom" if method == "hdbscan" else method  # all rows are equal
    return _told(_with_smoothing(rows, graph, groups, size, samples, smoothing, level))


def _told(found: Clusters) -> Clusters:
    """The same, with a warning where there is no cluster."""
    if found.labels.max() < 0:
        warnings.warn(
            f"no cluster among {found.labels.size} rows: their density never splits into two "
            f"groups of at least {found.min_cluster_size}; a smaller min_cluster_size may find "
            "some.",
            NamebasisWarning,
            stacklevel=3,
        )
    return found


def _with_smoothing(
    rows: FloatArray,
    graph: KnnGraph,
    groups: DuplicateGroups,
    size: int,
    samples: int,
    smoothing: int | None,
    method: str,
) -> Clusters:
    """Clusters of unit rows; without a number of steps, by the one that suits them."""
    links = group_links(graph, groups)
    different = rows if groups.first.size == len(rows) else rows[groups.first]

    def found(steps: int) -> Clusters:
        tree = reachability_tree(
            different,
            links,
            groups.sizes,
            min_cluster_size=size,
            min_samples=samples,
            smoothing=steps,
        )
        apart = None
        if steps:
            near = graph.similarities[groups.first, samples - 1].astype(np.float64)
            apart = np.sqrt(np.maximum(2 - 2 * near, 0))
        labels, probabilities = read_level(tree, method, apart=apart, min_cluster_size=size)
        labels, probabilities = labels[groups.group], probabilities[groups.group]
        return Clusters(
            labels, probabilities, tree, groups.group, size, samples, steps, apart, method
        )

    if smoothing is not None:
        return found(smoothing)
    smooth, plain = found(DEFAULT_SMOOTHING), found(0)
    return plain if _shatters(rows, graph, plain, smooth) else smooth


def _shatters(rows: FloatArray, graph: KnnGraph, plain: Clusters, smooth: Clusters) -> bool:
    """Whether smoothing breaks up what density holds together, rather than finding parts in it.

    Smoothing is for rows that density leaves in no cluster. Where there are few of them, it can
    still be right, since a far group makes all others one cluster to density; but then its parts
    are found again in resamples, while the pieces of a thin arc are others each time.
    """
    own, without = smooth.cut(method="eom"), plain.cut(method="eom")
    if without.noise_share > _FEW or not 0 < without.n_clusters < own.n_clusters:
        return False
    means = cluster_stability(rows, own, graph, n_resamples=_RESAMPLES).means
    return float(np.average(means, weights=own.sizes)) < _RECURS


def central_rows(embeddings: object, labels: IntArray, n_rows: int = 5) -> list[IntArray]:
    """Row numbers nearest the mean direction of each cluster, most central first.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
    labels : ndarray of shape (n,), int64
        Cluster of each row, -1 for none.
    n_rows : int
        How many rows per cluster at most; of equal rows only the first counts.

    Returns
    -------
    list of ndarray
        One array per cluster 0, 1, …, up to `n_rows` long.
    """
    rows = unit_rows(embeddings)
    first = np.zeros(rows.shape[0], bool)
    first[duplicate_groups(rows).first] = True
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(labels.max(initial=-1) + 2))
    central = []
    for start, stop in itertools.pairwise(bounds.tolist()):
        members = order[start:stop]
        mean = rows[members].mean(axis=0, dtype=np.float64)
        members = members[first[members]] if first[members].any() else members
        closeness = rows[members] @ mean.astype(np.float32)
        central.append(members[np.argsort(-closeness, kind="stable")[:n_rows]])
    return central


def _check_covers(graph: KnnGraph, n: int) -> None:
    if graph.n_rows != n:
        raise ValueError(
            f"graph must cover the {n} rows of embeddings; it covers {graph.n_rows}. "
            "Build it from the same rows with knn_graph(embeddings, k)."
        )
