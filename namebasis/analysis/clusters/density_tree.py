"""From a spanning tree to density clusters: what splits, and what lasts longest.

The hierarchy is that of HDBSCAN [1]_ with two changes that make the answer independent of the
order of rows: everything that joins at one distance joins at once (a split may have more than two
children), and leaves carry weights, so that rows which are equal are one leaf from the start.

References
----------
.. [1] Campello, Moulavi and Sander (2013), Density-based clustering based on hierarchical density
   estimates, PAKDD.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from namebasis.analysis.clusters.tree_selection import select_count
from namebasis.checks import Float64Array, IntArray
from namebasis.compiled import compiled

LEVELS = ("eom", "split", "leaf")
"""Ways to read clusters off a hierarchy; see `DensityTree.select`."""


@dataclass(frozen=True)
class DensityTree:
    """Clusters within clusters; cluster 0 is the root that holds every leaf.

    Attributes
    ----------
    parent : ndarray of shape (n_clusters,), int64
        The cluster that each one splits off from, always a lower number; -1 for the root.
    birth : ndarray of shape (n_clusters,), float64
        The density (one over distance) at which it splits off; 0 for the root.
    weight : ndarray of shape (n_clusters,), int64
        How many rows it holds when it splits off.
    leaf_cluster : ndarray of shape (n_leaves,), int64
        The deepest cluster that holds each leaf.
    leaf_density : ndarray of shape (n_leaves,), float64
        The density at which the leaf falls out of that cluster.
    leaf_weight : ndarray of shape (n_leaves,), int64
        How many rows each leaf stands for.
    """

    parent: IntArray
    birth: Float64Array
    weight: IntArray
    leaf_cluster: IntArray
    leaf_density: Float64Array
    leaf_weight: IntArray

    def stabilities(self) -> Float64Array:
        """Excess of mass per cluster: rows times the range of density through which they stay."""
        fallen = (self.leaf_density - self.birth[self.leaf_cluster]) * self.leaf_weight
        total = np.bincount(self.leaf_cluster, fallen, self.parent.size)
        child = np.arange(1, self.parent.size)
        kept = (self.birth[child] - self.birth[self.parent[child]]) * self.weight[child]
        return np.asarray(total + np.bincount(self.parent[child], kept, self.parent.size))

    def select(self, method: str = "eom") -> IntArray:
        """Pick clusters that do not overlap, the root never among them.

        ``eom`` takes those with the largest total excess of mass, ``split`` the same of clusters
        that hold at most half of the rows (HDBSCAN's `max_cluster_size`), ``leaf`` the deepest.

        Returns
        -------
        ndarray of shape (n_selected,), int64
            Cluster numbers, ascending.
        """
        n = self.parent.size
        has_child = np.zeros(n, bool)
        has_child[self.parent[1:]] = True
        if method == "leaf":
            chosen = np.flatnonzero(~has_child)
            return chosen[chosen > 0].astype(np.int64)
        if method not in LEVELS:
            raise ValueError(f"method must be one of {', '.join(LEVELS)}; got {method!r}.")
        most = int(self.leaf_weight.sum())
        fits = self.weight <= (most // 2 if method == "split" else most)
        best, below = self.stabilities(), np.zeros(n)
        take = np.zeros(n, bool)
        for cluster in range(n - 1, 0, -1):  # children have higher numbers than their parent
            is_best = not has_child[cluster] or best[cluster] >= below[cluster]
            take[cluster] = fits[cluster] and is_best
            below[self.parent[cluster]] += best[cluster] if take[cluster] else below[cluster]
        covered = np.zeros(n, bool)
        for cluster in range(1, n):
            above = self.parent[cluster]
            covered[cluster] = take[above] or covered[above]
        return np.flatnonzero(take & ~covered).astype(np.int64)

    @property
    def n_finest(self) -> int:
        """How many clusters without another inside there are below the root."""
        with_others = np.setdiff1d(self.parent[1:], [0])
        return int(self.parent.size - 1 - with_others.size)

    def select_at(self, density: float) -> IntArray:
        """Pick the clusters that are whole at one density; the root may be among them.

        Returns
        -------
        ndarray of shape (n_selected,), int64
            Cluster numbers, ascending; none where the density is higher than any cluster's.
        """
        splits = np.full(self.parent.size, np.inf)
        np.minimum.at(splits, self.parent[1:], self.birth[1:])
        # At the very density of a split, the cluster is still whole: its parts join there.
        alive = (self.birth < density) & (density <= splits) & (density <= self._reached())
        return np.flatnonzero(alive).astype(np.int64)

    def select_count(self, n_clusters: int) -> IntArray:
        """Pick `n_clusters` clusters that do not overlap, with the most excess of mass together.

        Returns
        -------
        ndarray of shape (n_clusters,), int64
            Cluster numbers, ascending; the root is never among them.

        Raises
        ------
        ValueError
            If the hierarchy has fewer clusters side by side.
        """
        return select_count(self.parent, self.stabilities(), n_clusters)

    def _reached(self) -> Float64Array:
        """The highest density that each cluster reaches undivided."""
        reached = self.birth.copy()
        np.maximum.at(reached, self.leaf_cluster, self.leaf_density)
        np.maximum.at(reached, self.parent[1:], self.birth[1:])
        return reached

    def assign(self, selected: IntArray) -> tuple[IntArray, Float64Array]:
        """Give every leaf its selected cluster (-1: none) and how firmly it belongs, in [0, 1].

        A leaf's probability is the density at which it falls out over the highest density that
        its cluster reaches undivided, 1 at most.
        """
        n = self.parent.size
        label = np.full(n, -1, np.int64)
        label[selected] = np.arange(selected.size)
        for cluster in range(1, n):
            if label[cluster] < 0:
                label[cluster] = label[self.parent[cluster]]
        labels = label[self.leaf_cluster]
        inside = labels >= 0
        probabilities = np.zeros(labels.size)
        top = self._reached()[selected][labels[inside]]
        probabilities[inside] = np.minimum(self.leaf_density[inside], top) / top
        return labels, probabilities


def density_tree(
    edges: IntArray, distances: Float64Array, weights: IntArray, min_cluster_size: int
) -> DensityTree:
    """Condense the single-linkage hierarchy of a spanning forest.

    Parameters
    ----------
    edges : ndarray of shape (n_edges, 2), int64
        A spanning forest over the leaves.
    distances : ndarray of shape (n_edges,), float64
        Positive lengths; trees of the forest join at infinite distance (density 0).
    weights : ndarray of shape (n_leaves,), int64
        How many rows each leaf stands for.
    min_cluster_size : int
        Rows that make a cluster; smaller parts fall out of theirs.

    Returns
    -------
    DensityTree
    """
    merges = _merges(edges, distances, weights)
    highest = 1.0 / float(distances.min()) if distances.size else 1.0
    settle = compiled(settle_merges, _SETTLE)
    parent, birth, weight, leaf_cluster, leaf_density = settle(
        merges.tops,
        merges.densities,
        merges.sizes,
        merges.parts,
        merges.bounds,
        np.ascontiguousarray(weights, np.int64),
        min_cluster_size,
        highest,
    )
    last = parent.size - 1  # clusters are numbered from the inside there, from the root here
    return DensityTree(
        parent=np.where(parent < 0, -1, last - parent)[::-1].copy(),
        birth=birth[::-1].copy(),
        weight=weight[::-1].copy(),
        leaf_cluster=last - leaf_cluster,
        leaf_density=leaf_density,
        leaf_weight=weights,
    )


class _Merges(NamedTuple):
    """What joins to what, the densest first: each merge with all of its parts, its top among them.

    Sets of leaves are named by one of them, their top.
    """

    tops: IntArray
    sizes: IntArray  # rows
    densities: Float64Array
    parts: IntArray
    bounds: IntArray  # of each merge's parts


def _merges(edges: IntArray, distances: Float64Array, weights: IntArray) -> _Merges:
    """Join the leaves from the shortest edge on, all that joins at one distance at once."""
    order = np.argsort(distances, kind="stable")
    values = distances[order]
    levels = np.flatnonzero(np.diff(values, prepend=-1.0, append=-1.0)).astype(np.int64)
    join = compiled(join_leaves, _JOIN)
    tops, sizes, at, parts, bounds = join(
        np.ascontiguousarray(edges[order], np.int64).reshape(-1, 2),
        levels,
        np.ascontiguousarray(weights, np.int64),
    )
    densities = np.append(1.0 / values, 0.0)[at]
    return _Merges(tops, sizes, densities, parts, bounds)


_JOIN = (
    "Tuple((int64[::1], int64[::1], int64[::1], int64[::1], int64[::1]))"
    "(int64[:,::1], int64[::1], int64[::1])"
)


def join_leaves(
    pairs: IntArray, levels: IntArray, weights: IntArray
) -> tuple[IntArray, IntArray, IntArray, IntArray, IntArray]:
    """Union-find over sorted pairs of leaves, compiled: `_Merges` with a pair of each for density.

    Pairs from ``levels[i]`` to ``levels[i + 1]`` join at once. What no pair joins is one last
    merge, of the pair after the last.
    """
    n = weights.size
    above, size = np.arange(n), weights.copy()
    after, tail = np.full(n, -1), np.arange(n)  # the parts of a set that is being merged, chained
    latest, top_of = np.full(n, -1), np.full(pairs.shape[0], -1)
    tops, sizes, at = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    parts, bounds = np.empty(2 * n, np.int64), np.zeros(n + 1, np.int64)
    n_merges = n_parts = 0
    for level in range(levels.size - 1):
        for pair in range(levels[level], levels[level + 1]):
            top, other = pairs[pair, 0], pairs[pair, 1]
            while above[top] != top:
                above[top] = above[above[top]]
                top = above[top]
            while above[other] != other:
                above[other] = above[above[other]]
                other = above[other]
            if top == other:
                continue
            if size[top] < size[other]:
                top, other = other, top
            above[other] = top
            size[top] += size[other]
            after[tail[top]], tail[top] = other, tail[other]
            latest[top], top_of[pair] = pair, top
        for pair in range(levels[level], levels[level + 1]):
            top = top_of[pair]
            if top < 0 or above[top] != top or latest[top] != pair:
                continue  # joined again at this level
            tops[n_merges], sizes[n_merges], at[n_merges] = top, size[top], pair
            part = top
            while part >= 0:
                parts[n_parts] = part
                n_parts += 1
                following = after[part]
                after[part], tail[part] = -1, part
                part = following
            n_merges += 1
            bounds[n_merges] = n_parts
    n_before = n_parts
    for leaf in range(n):
        if above[leaf] == leaf:
            parts[n_parts] = leaf
            n_parts += 1
    if n_parts - n_before > 1:
        tops[n_merges], sizes[n_merges] = parts[n_before], weights.sum()
        at[n_merges] = pairs.shape[0]
        n_merges += 1
        bounds[n_merges] = n_parts
    return tops[:n_merges], sizes[:n_merges], at[:n_merges], parts, bounds[: n_merges + 1]


_SETTLE = (
    "Tuple((int64[::1], float64[::1], int64[::1], int64[::1], float64[::1]))"
    "(int64[::1], float64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64, float64)"
)


def settle_merges(
    tops: IntArray,
    densities: Float64Array,
    sizes: IntArray,
    parts: IntArray,
    bounds: IntArray,
    weights: IntArray,
    min_cluster_size: int,
    highest: float,
) -> tuple[IntArray, Float64Array, IntArray, IntArray, Float64Array]:
    """Say what each merge means for the clusters among its parts, compiled.

    Returns
    -------
    tuple of ndarray
        Parent (-1: none), birth and weight of clusters, numbered from the inside; cluster and
        density of leaves.
    """
    n = weights.size
    cluster = np.full(n, -1)  # of each set, by its top: -1 while it is too small
    loose, tail, after = np.arange(n), np.arange(n), np.full(n, -1)  # leaves in no cluster, chained
    parent, birth, weight = np.full(2 * n, -1), np.zeros(2 * n), np.zeros(2 * n, np.int64)
    leaf_cluster, leaf_density = np.full(n, -1), np.full(n, highest)
    n_clusters = 0
    for leaf in range(n):
        if weights[leaf] >= min_cluster_size:
            cluster[leaf] = leaf_cluster[leaf] = n_clusters
            weight[n_clusters], loose[leaf] = weights[leaf], -1
            n_clusters += 1
    for merge in range(tops.size + 1):
        is_last = merge == tops.size  # what holds all leaves is a cluster, however small
        if is_last:
            top, size, density = tops[-1] if tops.size else 0, weights.sum(), 0.0
            if cluster[top] >= 0:
                break
            joined = np.array([top])
        else:
            top, size, density = tops[merge], sizes[merge], densities[merge]
            joined = parts[bounds[merge] : bounds[merge + 1]]
        inside = cluster[joined]
        inside = inside[inside >= 0]
        if inside.size == 1:  # small sets fall into a cluster, or seen from it, out of it
            own = inside[0]
        elif inside.size or size >= min_cluster_size or is_last:
            parent[inside], birth[inside] = n_clusters, density
            own = n_clusters
            n_clusters += 1
        else:
            for part in joined:
                if part != top:
                    after[tail[top]], tail[top] = loose[part], tail[part]
            continue
        cluster[top], weight[own] = own, size
        for part in joined:
            leaf = loose[part]
            while leaf >= 0:
                leaf_cluster[leaf], leaf_density[leaf] = own, density
                leaf = after[leaf]
            loose[part] = -1
    found = slice(0, n_clusters)
    return parent[found], birth[found], weight[found], leaf_cluster, leaf_density
