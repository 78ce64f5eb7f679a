"""Density clusters over the graph of neighbours.

Vectors are first drawn towards the mean of their mutual neighbours (a few steps of blurring mean
shift [1]_ along the graph), which thins out the space between clusters; then the hierarchy of
mutual reachability [2]_ over the graph's edges is condensed. Nothing is random: one answer per
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
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from namebasis.analysis.density_tree import DensityTree, Float64Array, density_tree
from namebasis.analysis.neighbours import (
    DuplicateGroups,
    KnnGraph,
    duplicate_groups,
    knn_graph,
)
from namebasis.checks import FloatArray, IntArray, check_count, unit_rows
from namebasis.errors import NamebasisWarning

DEFAULT_NEIGHBOURS = 15
# Distances below this share of the median core distance count as it: without a floor, a few
# near-equal vectors would have almost all the mass there is.
_FLOOR = 0.1


@dataclass(frozen=True)
class Clusters:
    """Density clusters of n rows.

    Attributes
    ----------
    labels : ndarray of shape (n,), int64
        0 for the largest cluster, 1 for the next, …; -1 for rows in no cluster.
    probabilities : ndarray of shape (n,), float64
        How firmly each row belongs to its cluster, in [0, 1]; 0 for rows in none.
    tree : DensityTree
        The whole hierarchy; its leaves are groups of equal rows, in the order of their first row.
    min_cluster_size, min_samples, smoothing : int
        The parameters used.
    """

    labels: IntArray
    probabilities: Float64Array
    tree: DensityTree
    min_cluster_size: int
    min_samples: int
    smoothing: int

    @property
    def n_clusters(self) -> int:
        """How many clusters there are."""
        return int(self.labels.max(initial=-1)) + 1

    @property
    def sizes(self) -> IntArray:
        """Rows per cluster, (n_clusters,), descending."""
        counts = np.bincount(self.labels[self.labels >= 0], minlength=self.n_clusters)
        return np.asarray(counts, np.int64)

    @property
    def noise_share(self) -> float:
        """Share of rows in no cluster, in [0, 1]."""
        return float(np.count_nonzero(self.labels < 0) / self.labels.size)


def default_min_cluster_size(n: int) -> int:
    """A quarter of the square root of `n`, 5 at least and never more than `n`."""
    return min(n, max(5, round(math.sqrt(n) / 4)))


def cluster(
    embeddings: object,
    *,
    graph: KnnGraph | None = None,
    min_cluster_size: int | None = None,
    min_samples: int | None = None,
    smoothing: int = 3,
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
    smoothing : int
        Steps towards the mutual neighbours; 0 leaves vectors as they are, which on a complete
        graph is plain HDBSCAN.
    method : {"eom", "leaf"}
        Clusters with the most excess of mass, or the finest ones.
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
    smoothing = check_count(smoothing, "smoothing", 0, 100)
    if min_cluster_size is None:
        min_cluster_size = default_min_cluster_size(n)
    size = check_count(min_cluster_size, "min_cluster_size", 2, n)
    if graph is None:
        graph = knn_graph(rows, min(DEFAULT_NEIGHBOURS, n - 1))
    _check_covers(graph, n)
    samples = check_count(
        min(5, graph.k) if min_samples is None else min_samples, "min_samples", 1, graph.k
    )
    groups = duplicate_groups(rows)
    tree = _tree(rows[groups.first], graph, groups, size, samples, smoothing)
    labels, probabilities = _labels(tree, method)
    if labels.max() < 0:
        warnings.warn(
            f"no cluster among {n} rows: their density never splits into two groups of at least "
            f"{size}; a smaller min_cluster_size may find some.",
            NamebasisWarning,
            stacklevel=2,
        )
    return Clusters(
        labels[groups.group], probabilities[groups.group], tree, size, samples, smoothing
    )


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


def _labels(tree: DensityTree, method: str) -> tuple[IntArray, Float64Array]:
    """Labels and probabilities of the leaves, clusters numbered by size."""
    if tree.leaf_weight.size == 1:  # all rows are equal
        return np.zeros(1, np.int64), np.ones(1)
    labels, probabilities = tree.assign(tree.select(method))
    inside = labels >= 0
    sizes = np.bincount(labels[inside], tree.leaf_weight[inside])
    first = np.full(sizes.size, labels.size)
    np.minimum.at(first, labels[inside], np.flatnonzero(inside))
    rank = np.empty(sizes.size, np.int64)
    rank[np.lexsort((first, -sizes))] = np.arange(sizes.size)
    labels[inside] = rank[labels[inside]]
    return labels, probabilities


def _tree(
    rows: FloatArray,
    graph: KnnGraph,
    groups: DuplicateGroups,
    min_cluster_size: int,
    min_samples: int,
    smoothing: int,
) -> DensityTree:
    """The condensed hierarchy of groups of equal rows; `rows` holds one row per group."""
    links = group_links(graph, groups)
    rows = _smooth(rows, links, groups.sizes, smoothing)
    source, target = (np.asarray(side, np.int64) for side in links.nonzero())
    distances = _distances(rows, source, target)
    core = _core_distances(source, target, distances, groups.sizes, min_samples)
    positive = core[core > 0]
    floor = _FLOOR * float(np.median(positive)) if positive.size else 1.0
    reach = np.maximum(np.maximum(distances, floor), np.maximum(core[source], core[target]))
    edges, lengths = _spanning_forest(source, target, reach, rows.shape[0])
    return density_tree(edges, lengths, groups.sizes, min_cluster_size)


def group_links(graph: KnnGraph, groups: DuplicateGroups) -> csr_matrix:
    """Which groups have which among their neighbours, (n_groups, n_groups) of ones."""
    m = groups.first.size
    source = np.repeat(groups.group, graph.k)
    target = groups.group[graph.indices.ravel()]
    other = source != target
    pairs = np.unique(source[other] * m + target[other])
    ones = np.ones(pairs.size, np.float32)
    return csr_matrix((ones, (pairs // m, pairs % m)), shape=(m, m))


def _smooth(rows: FloatArray, links: csr_matrix, sizes: IntArray, steps: int) -> FloatArray:
    """Move every row `steps` times to the mean direction of itself and its mutual neighbours."""
    mutual = links.multiply(links.T).tocsr()
    weights = sizes.astype(np.float32)[:, None]
    for _ in range(steps):
        moved = mutual @ (rows * weights) + rows * weights
        norms = np.linalg.norm(moved, axis=1, keepdims=True)
        rows = np.where(norms > 0, moved / np.where(norms > 0, norms, 1), rows)
    return rows


def _distances(rows: FloatArray, source: IntArray, target: IntArray) -> Float64Array:
    """Euclidean distances of pairs of unit rows, the same in both directions."""
    out = np.empty(source.size)
    for start in range(0, source.size, 4096):
        part = slice(start, start + 4096)
        difference = rows[source[part]].astype(np.float64) - rows[target[part]]
        out[part] = np.sqrt(np.einsum("ef,ef->e", difference, difference))
    return out


def _core_distances(
    source: IntArray, target: IntArray, distances: Float64Array, sizes: IntArray, min_samples: int
) -> Float64Array:
    """Distance to the `min_samples`-th other row, counting every copy of a vector."""
    order = np.lexsort((distances, source))
    source, target, distances = source[order], target[order], distances[order]
    starts = np.searchsorted(source, np.arange(sizes.size + 1))
    seen = np.concatenate([[0], np.cumsum(sizes[target])])
    # Rows seen by the end of each edge, copies of the group itself included.
    reached = seen[1:] - seen[starts[source]] + sizes[source] - 1
    core = np.zeros(sizes.size)
    enough = np.flatnonzero(reached >= min_samples)
    groups, first = np.unique(source[enough], return_index=True)
    core[groups] = distances[enough[first]]
    core[sizes > min_samples] = 0.0  # its own copies are near enough
    return core


def _spanning_forest(
    source: IntArray, target: IntArray, lengths: Float64Array, n: int
) -> tuple[IntArray, Float64Array]:
    """Edges of a minimum spanning tree; what the graph leaves apart joins at the longest edge."""
    low, high = np.minimum(source, target), np.maximum(source, target)
    # Adding would sum the two directions of an edge; both have one length, so either will do.
    _, first = np.unique(low * n + high, return_index=True)
    edges = csr_matrix((lengths[first], (low[first], high[first])), shape=(n, n))
    forest = minimum_spanning_tree(edges).tocoo()
    pairs = np.column_stack([forest.row, forest.col]).astype(np.int64)
    values = np.asarray(forest.data, np.float64)
    n_trees, tree_of = connected_components(edges, directed=False)
    if n_trees > 1:
        # No neighbour lies between them, so they are at least that far apart; at infinity their
        # excess of mass would count from density 0 and drown every split inside them.
        tops = np.unique(tree_of, return_index=True)[1]
        bridges = np.column_stack([np.full(n_trees - 1, tops[0]), tops[1:]])
        longest = float(values.max(initial=0.0)) or 1.0
        pairs = np.concatenate([pairs, bridges.astype(np.int64)])
        values = np.concatenate([values, np.full(n_trees - 1, longest)])
    return pairs, values
