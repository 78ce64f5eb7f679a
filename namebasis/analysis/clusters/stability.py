"""How well each cluster is found again when rows are left out.

Clusterwise stability after Hennig [1]_: rows are drawn without replacement, clustered again with
the same settings, and each cluster is compared with the one that resembles it most by the Jaccard
index. The graph of neighbours is not searched again: neighbours that were left out are gone, and
the others stay neighbours.

References
----------
.. [1] Hennig (2007), Cluster-wise assessment of cluster stability, Computational Statistics and
   Data Analysis 52.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from namebasis.analysis.clusters.density_tree import DensityTree
from namebasis.analysis.clusters.hierarchy import Clusters, read_level
from namebasis.analysis.clusters.peer import hdbscan_clusters
from namebasis.analysis.clusters.reachability import group_links, reachability_tree
from namebasis.analysis.graph.neighbours import KnnGraph, duplicate_groups
from namebasis.checks import Float64Array, IntArray, Progress, check_count, unit_rows


@dataclass(frozen=True)
class Stability:
    """How well clusters are found again.

    Attributes
    ----------
    recovered : ndarray of shape (n_resamples, n_clusters), float64
        Jaccard index, in [0, 1], of each cluster with its best match in each resample.
    by_chance : ndarray of shape (n_clusters,), float64
        Mean of the same with the resamples' labels shuffled among their rows.
    share : float
        Of the rows that each resample keeps.
    """

    recovered: Float64Array
    by_chance: Float64Array
    share: float

    @property
    def n_resamples(self) -> int:
        """How many resamples."""
        return int(self.recovered.shape[0])

    @property
    def means(self) -> Float64Array:
        """Mean over resamples, (n_clusters,); Hennig calls 0.75 and more stable, below 0.5 not."""
        return np.asarray(self.recovered.mean(axis=0))

    def interval(self, level: float = 0.9) -> tuple[Float64Array, Float64Array] | None:
        """The ends between which one more resample falls in `level` of cases, each (n_clusters,).

        Where it falls among n of its kind, each of n + 1 places is as likely. None where even the
        smallest and largest are too near: below 19 resamples for 0.9.
        """
        tail = (1 - level) / 2
        if tail * (self.n_resamples + 1) < 1 - 1e-9:
            return None
        low, high = np.quantile(self.recovered, [tail, 1 - tail], axis=0, method="weibull")
        return low, high


def cluster_stability(
    embeddings: object,
    clusters: Clusters,
    graph: KnnGraph,
    *,
    n_resamples: int = 20,
    share: float = 0.8,
    seed: int = 0,
    progress: Progress | None = None,
) -> Stability:
    """Cluster resamples of the rows and say how well each cluster is found again.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
        What was clustered.
    clusters : Clusters
        Of those rows; resamples are clustered with its settings and cut at its level, the
        smallest cluster reduced to the same share.
    graph : KnnGraph
        The neighbours that it was found with.
    n_resamples : int
    share : float
        Rows to keep, between 0.1 and 1.
    seed : int
        Of the resamples.
    progress : callable, optional
        Called with (resamples done, resamples in all).

    Returns
    -------
    Stability

    Raises
    ------
    ValueError
        If sizes differ or a parameter is out of range.
    """
    rows = unit_rows(embeddings)
    n = rows.shape[0]
    if not n == graph.n_rows == clusters.labels.size:
        raise ValueError(
            f"embeddings, clusters and graph must cover the same rows; they cover {n}, "
            f"{clusters.labels.size} and {graph.n_rows}."
        )
    check_count(n_resamples, "n_resamples")
    if not 0.1 <= share < 1:
        raise ValueError(f"share must be at least 0.1 and less than 1; got {share!r}.")
    rng = np.random.default_rng(check_count(seed, "seed", 0))
    groups = duplicate_groups(rows)
    different, links = rows[groups.first], group_links(graph, groups)
    n_kept = max(2, round(share * n))
    size = min(max(2, round(share * clusters.min_cluster_size)), n_kept)

    def again(kept: IntArray) -> IntArray:
        """Labels of the rows kept, found as `clusters` was."""
        counts = np.bincount(groups.group[kept], minlength=groups.first.size)
        there = np.flatnonzero(counts)
        if clusters.found_by == "hdbscan" and there.size > 1:
            near = min(max(1, round(share * clusters.min_samples)), n_kept)
            peer = hdbscan_clusters(rows[kept], min_cluster_size=size, min_samples=near)
            is_own = clusters.level == "eom"
            return peer.labels if is_own else _labels(peer.tree, clusters.level, None, size)
        tree = reachability_tree(
            different[there],
            links[there][:, there],
            counts[there],
            min_cluster_size=size,
            min_samples=clusters.min_samples,
            smoothing=clusters.smoothing,
        )
        apart = None if clusters.apart is None else clusters.apart[there]
        return _labels(tree, clusters.level, apart, size)[
            np.searchsorted(there, groups.group[kept])
        ]

    recovered, chance = [], []
    for done in range(1, n_resamples + 1):
        kept = np.sort(rng.choice(n, n_kept, replace=False))
        found = again(kept)
        own = clusters.labels[kept]
        recovered.append(best_jaccard(own, found, clusters.n_clusters))
        chance.append(best_jaccard(own, rng.permutation(found), clusters.n_clusters))
        if progress is not None:
            progress(done, n_resamples)
    return Stability(np.array(recovered), np.mean(chance, axis=0), share)


def _labels(
    tree: DensityTree, level: str | int | float, apart: Float64Array | None, size: int
) -> IntArray:
    """Labels at the same level; of a number of clusters, as many as the resample has."""
    if isinstance(level, int) and tree.leaf_weight.size > 1:
        level = min(level, tree.n_finest)
        if level == 0:
            return np.full(tree.leaf_weight.size, -1, np.int64)
    return read_level(tree, level, apart=apart, min_cluster_size=size)[0]


def best_jaccard(own: IntArray, found: IntArray, n_clusters: int) -> Float64Array:
    """Largest Jaccard index of each cluster of `own` with any cluster of `found`.

    Parameters
    ----------
    own, found : ndarray of shape (n,), int64
        Labels from 0; negative for none.
    n_clusters : int
        Clusters 0 to n_clusters - 1 of `own`; one without a row has index 0.
    """
    best = np.zeros(n_clusters)
    both = (own >= 0) & (found >= 0)
    if not both.any():
        return best
    width = int(found.max()) + 1
    cells, together = np.unique(own[both] * width + found[both], return_counts=True)
    left, right = np.divmod(cells, width)
    own_sizes = np.bincount(own[own >= 0], minlength=n_clusters)
    found_sizes = np.bincount(found[found >= 0], minlength=width)
    np.maximum.at(best, left, together / (own_sizes[left] + found_sizes[right] - together))
    return best
