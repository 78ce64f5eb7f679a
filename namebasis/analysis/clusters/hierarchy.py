"""Density clusters with their hierarchy: read off it at any level without clustering again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from namebasis.analysis.clusters.density_tree import DensityTree
from namebasis.checks import Float64Array, IntArray, check_count


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
    leaf : ndarray of shape (n,), int64
        The leaf that each row belongs to.
    min_cluster_size, min_samples, smoothing : int
        The parameters used.
    apart : ndarray of shape (n_leaves,), float64, or None
        Distance of each leaf to its `min_samples`-th neighbour before smoothing; None without
        smoothing. Rows far outside a cluster's range of it are in no cluster.
    level : str, int or float
        How the labels were read off the tree: "eom", "split", "leaf", a number of clusters or a
        distance.
    found_by : {"density", "hdbscan"}
        Our own way over the graph of neighbours, or HDBSCAN on the vectors.
    """

    labels: IntArray
    probabilities: Float64Array
    tree: DensityTree
    leaf: IntArray
    min_cluster_size: int
    min_samples: int
    smoothing: int
    apart: Float64Array | None = None
    level: str | int | float = "eom"
    found_by: str = "density"

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

    def cut(
        self,
        *,
        n_clusters: int | None = None,
        distance: float | None = None,
        method: str | None = None,
    ) -> Clusters:
        """Read clusters off the same hierarchy at another level; exactly one option is given.

        Parameters
        ----------
        n_clusters : int, optional
            So many clusters, those that together have the most excess of mass.
        distance : float, optional
            Rows that hang together through steps of at most this mutual reachability distance
            (between smoothed vectors, at most 2): one flat cut, as DBSCAN's.
        method : {"eom", "split", "leaf"}, optional
            The clusters with the most excess of mass, which `cluster` gives; of those that hold at
            most half of the rows, the ones with the most; or the finest.

        Returns
        -------
        Clusters
            With the same tree.

        Raises
        ------
        ValueError
            If none or several options are given, or the hierarchy holds no such level.
        """
        given = [option for option in (n_clusters, distance, method) if option is not None]
        if len(given) != 1:
            raise ValueError(
                f"cut takes one of n_clusters, distance and method; got {len(given)} of them."
            )
        level = given[0] if distance is None else float(distance)
        labels, probabilities = read_level(
            self.tree, level, apart=self.apart, min_cluster_size=self.min_cluster_size
        )
        return replace(
            self, labels=labels[self.leaf], probabilities=probabilities[self.leaf], level=level
        )

    def merge(self, clusters: Sequence[int]) -> Clusters:
        """Make several clusters one; they are numbered by size again.

        Parameters
        ----------
        clusters : sequence of int
            Two or more of 0 to `n_clusters` - 1.

        Returns
        -------
        Clusters
            With the same tree; probabilities stay those within each part.

        Raises
        ------
        ValueError
            If there are fewer than two different clusters, or one is not there.
        """
        chosen = np.unique(np.asarray(clusters, np.int64))
        if chosen.size < 2:
            raise ValueError(f"merge needs at least 2 different clusters; got {list(clusters)}.")
        if chosen[0] < 0 or chosen[-1] >= self.n_clusters:
            raise ValueError(
                f"clusters to merge must lie between 0 and {self.n_clusters - 1}; "
                f"got {chosen.tolist()}."
            )
        labels = np.where(np.isin(self.labels, chosen), chosen[0], self.labels)
        return replace(self, labels=number_by_size(labels))


def read_level(
    tree: DensityTree,
    level: str | int | float,
    *,
    apart: Float64Array | None = None,
    min_cluster_size: int = 2,
) -> tuple[IntArray, Float64Array]:
    """Labels, numbered by size, and probabilities of the leaves of a hierarchy at one level.

    Where `apart` is given, leaves far outside their cluster's range of it are in none, unless
    the cluster would then hold fewer than `min_cluster_size` rows.

    Raises
    ------
    ValueError
        If the hierarchy holds no such level; see `Clusters.cut`.
    """
    is_count = isinstance(level, (int, np.integer)) and not isinstance(level, bool)
    if tree.leaf_weight.size == 1:  # all rows are equal: one cluster at every level
        if is_count:
            check_count(level, "n_clusters (all rows are equal)", 1, 1)
        return np.zeros(1, np.int64), np.ones(1)
    density = 0.0
    if isinstance(level, str):
        selected = tree.select(level)
    elif is_count:
        selected = tree.select_count(int(level))
    elif not 0 < level < np.inf:
        raise ValueError(f"distance must be positive and finite; got {level!r}.")
    else:
        density = 1.0 / level
        selected = tree.select_at(density)
    labels, probabilities = tree.assign(selected)
    out = tree.leaf_density < density  # fallen out before the cut
    if apart is not None:
        out |= _far_out(labels, apart, tree.leaf_weight, min_cluster_size)
    labels[out], probabilities[out] = -1, 0.0
    return number_by_size(labels, tree.leaf_weight), probabilities


def _far_out(
    labels: IntArray, apart: Float64Array, weights: IntArray, min_cluster_size: int
) -> npt.NDArray[np.bool_]:
    """Leaves whose neighbours are farther than those of their cluster by Tukey's outer fence.

    Smoothing draws lone rows to the nearest cluster; how lone they were shows before it. The
    fence is the third quartile and three times the range between the quartiles [1]_.

    .. [1] Tukey (1977), Exploratory Data Analysis, section 2D.
    """
    out = np.zeros(labels.size, bool)
    inside = np.flatnonzero(labels >= 0)
    if not inside.size:
        return out
    order = inside[np.lexsort((apart[inside], labels[inside]))]
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    sizes = np.diff(np.append(starts, order.size))
    low, high = (_quantiles(apart[order], starts, sizes, share) for share in (0.25, 0.75))
    far = apart[order] > np.repeat(high + 3 * (high - low), sizes)
    left = np.add.reduceat(np.where(far, 0, weights[order]), starts)
    out[order[far & np.repeat(left >= min_cluster_size, sizes)]] = True
    return out


def _quantiles(
    values: Float64Array, starts: IntArray, sizes: IntArray, share: float
) -> Float64Array:
    """The quantile of each run of ascending values, between two of them in proportion."""
    place = share * (sizes - 1)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, sizes - 1)
    lower, upper = values[starts + below], values[starts + above]
    return np.asarray(lower + (place - below) * (upper - lower))


def number_by_size(labels: IntArray, weights: IntArray | None = None) -> IntArray:
    """Number clusters 0, 1, … by falling weight, ties by their first row; -1 stays."""
    inside = labels >= 0
    if not inside.any():
        return labels
    known, codes = np.unique(labels[inside], return_inverse=True)
    sizes = np.bincount(codes, None if weights is None else weights[inside])
    first = np.full(known.size, labels.size)
    np.minimum.at(first, codes, np.flatnonzero(inside))
    rank = np.empty(known.size, np.int64)
    rank[np.lexsort((first, -sizes))] = np.arange(known.size)
    out = np.full(labels.size, -1, np.int64)
    out[inside] = rank[codes]
    return out
