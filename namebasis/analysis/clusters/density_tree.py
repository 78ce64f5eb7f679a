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

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from namebasis.analysis.clusters.tree_selection import select_count
from namebasis.checks import Float64Array, IntArray

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
    highest = 1.0 / float(distances.min()) if distances.size else 1.0
    growing = _Growing(weights, min_cluster_size, highest)
    for distance, level in _levels(edges, distances):
        growing.join(level, 1.0 / distance)
    growing.join_all()
    return growing.finish()


def _levels(
    edges: IntArray, distances: Float64Array
) -> Iterator[tuple[float, list[tuple[int, int]]]]:
    """Yield the edges in ascending order of distance, those of one distance together."""
    order = np.argsort(distances, kind="stable")
    pairs, values = edges[order].tolist(), distances[order]
    bounds = np.flatnonzero(np.diff(values, prepend=-1.0, append=-1.0)).tolist()
    for start, stop in itertools.pairwise(bounds):
        yield float(values[start]), pairs[start:stop]


class _Growing:
    """Union-find from the densest edge outwards; clusters are numbered from the inside here."""

    def __init__(self, weights: IntArray, min_cluster_size: int, highest: float) -> None:
        n = weights.size
        self.leaf_weight = weights
        self.min_cluster_size = min_cluster_size
        self.above = list(range(n))
        self.size: list[int] = weights.tolist()
        self.cluster = [-1] * n  # of each set, by its top: its cluster, -1 while it is too small
        self.loose: list[list[int]] = [[leaf] for leaf in range(n)]  # leaves in no cluster yet
        self.parent: list[int] = []
        self.birth: list[float] = []
        self.weight: list[int] = []
        self.leaf_cluster = np.full(n, -1, np.int64)
        self.leaf_density = np.full(n, highest)
        for leaf in np.flatnonzero(weights >= min_cluster_size).tolist():
            self._start_cluster(leaf, [leaf], highest)

    def _find(self, leaf: int) -> int:
        above = self.above
        while above[leaf] != leaf:
            above[leaf] = above[above[leaf]]
            leaf = above[leaf]
        return leaf

    def join(self, pairs: list[tuple[int, int]], density: float) -> None:
        """Join the sets at both ends of every pair, all at this density."""
        merged: dict[int, list[int]] = {}  # top of a set: the tops of the sets it was made of
        for left, right in pairs:
            top, other = self._find(left), self._find(right)
            if top == other:
                continue
            if self.size[top] < self.size[other]:
                top, other = other, top
            merged[top] = merged.pop(top, [top]) + merged.pop(other, [other])
            self.above[other] = top
            self.size[top] += self.size[other]
        for top, parts in merged.items():
            self._settle(top, parts, density)

    def join_all(self) -> None:
        """Join what is left at density 0; the last cluster is then the root."""
        tops = [leaf for leaf, above in enumerate(self.above) if leaf == above]
        if len(tops) > 1:
            self.join([(tops[0], top) for top in tops[1:]], 0.0)
        top = self._find(0)
        if self.cluster[top] < 0:  # fewer rows than make a cluster
            self._start_cluster(top, [top], 0.0)

    def _settle(self, top: int, parts: list[int], density: float) -> None:
        """Say what joining `parts` at `density` means for the clusters among them."""
        clusters = [self.cluster[part] for part in parts if self.cluster[part] >= 0]
        if len(clusters) == 1:  # small sets fall into a cluster, or seen from it, out of it
            self.cluster[top] = clusters[0]
            self.weight[clusters[0]] = self.size[top]
            self._drop(parts, clusters[0], density)
        elif clusters or self.size[top] >= self.min_cluster_size:
            for cluster in clusters:
                self.parent[cluster], self.birth[cluster] = len(self.parent), density
            self._start_cluster(top, parts, density)
        else:
            for part in parts:
                if part != top:
                    self.loose[top] += self.loose[part]

    def _start_cluster(self, top: int, parts: list[int], density: float) -> None:
        self.cluster[top] = len(self.parent)
        self.parent.append(-1)
        self.birth.append(0.0)
        self.weight.append(self.size[top])
        self._drop(parts, self.cluster[top], density)

    def _drop(self, parts: list[int], cluster: int, density: float) -> None:
        for part in parts:
            for leaf in self.loose[part]:
                self.leaf_cluster[leaf], self.leaf_density[leaf] = cluster, density
            self.loose[part] = []

    def finish(self) -> DensityTree:
        """Number the clusters from the root inwards."""
        last = len(self.parent) - 1
        parent = np.asarray(self.parent, np.int64)[::-1]
        return DensityTree(
            parent=np.where(parent < 0, -1, last - parent),
            birth=np.asarray(self.birth)[::-1].copy(),
            weight=np.asarray(self.weight, np.int64)[::-1].copy(),
            leaf_cluster=last - self.leaf_cluster,
            leaf_density=self.leaf_density,
            leaf_weight=self.leaf_weight,
        )
