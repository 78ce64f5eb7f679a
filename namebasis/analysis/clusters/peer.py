"""HDBSCAN by its own package, on the vectors themselves, to compare our own clusters with."""

from __future__ import annotations

import numpy as np

from namebasis.analysis.clusters.density_tree import density_tree
from namebasis.analysis.clusters.hierarchy import Clusters, number_by_size
from namebasis.checks import FloatArray

_SHORTEST = 0.1  # of the median edge: equal rows would have all the mass there is


def hdbscan_clusters(rows: FloatArray, *, min_cluster_size: int, min_samples: int) -> Clusters:
    """Cluster unit rows by Euclidean distance as `hdbscan.HDBSCAN` does [1]_, over all pairs.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
        At least 2 different ones.
    min_cluster_size, min_samples : int
        As HDBSCAN takes them.

    Returns
    -------
    Clusters
        Labels (numbered by size) and probabilities are HDBSCAN's own. Its spanning tree is
        condensed here, so that other levels can be read off; among them ties join at once.

    References
    ----------
    .. [1] McInnes, Healy and Astels (2017), hdbscan: Hierarchical density based clustering, JOSS.
    """
    import hdbscan

    found = hdbscan.HDBSCAN(
        min_cluster_size=min_cluster_size,
        min_samples=min_samples,
        approx_min_span_tree=False,
        gen_min_span_tree=True,
    ).fit(rows.astype(np.float64))
    tree = found.minimum_spanning_tree_.to_numpy()
    edges, lengths = tree[:, :2].astype(np.int64), tree[:, 2].astype(np.float64)
    floor = _SHORTEST * float(np.median(lengths[lengths > 0]))
    n = len(rows)
    return Clusters(
        labels=number_by_size(np.asarray(found.labels_, np.int64)),
        probabilities=np.asarray(found.probabilities_, np.float64),
        tree=density_tree(
            edges, np.maximum(lengths, floor), np.ones(n, np.int64), min_cluster_size
        ),
        leaf=np.arange(n, dtype=np.int64),
        min_cluster_size=min_cluster_size,
        min_samples=min_samples,
        smoothing=0,
        found_by="hdbscan",
    )
