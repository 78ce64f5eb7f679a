"""Reading clusters off one hierarchy at several levels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score

from namebasis.analysis.clusters.clustering import Clusters, cluster
from namebasis.analysis.clusters.tree_selection import select_count
from namebasis.analysis.graph.neighbours import knn_graph
from namebasis.checks import unit_rows


def rows(n: int = 300, n_clusters: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_clusters, n)
    centres = rng.standard_normal((n_clusters, 8))
    return unit_rows(centres[truth] + 0.3 * rng.standard_normal((n, 8))), truth


@pytest.fixture(scope="module")
def whole() -> tuple[np.ndarray, Clusters]:
    points, _ = rows()
    graph = knn_graph(points, len(points) - 1)
    found = cluster(points, graph=graph, smoothing=0, min_cluster_size=8, min_samples=4)
    return points, found


@pytest.mark.parametrize("distance", [0.2, 0.3, 0.4, 0.6, 0.9])
def test_a_cut_at_a_distance_is_what_hangs_together_within_it(
    whole: tuple[np.ndarray, Clusters], distance: float
) -> None:
    points, found = whole
    apart = cdist(points.astype(np.float64), points.astype(np.float64))
    core = np.sort(apart, axis=1)[:, 4]  # itself first
    reach = np.maximum(apart, np.maximum(core[:, None], core))
    parts = connected_components(reach <= distance, directed=False)[1]
    expected = np.where(np.bincount(parts)[parts] >= 8, parts, -1)
    cut = found.cut(distance=distance)
    np.testing.assert_array_equal(cut.labels < 0, expected < 0)
    assert adjusted_rand_score(expected, cut.labels) == 1.0
    assert cut.tree is found.tree


def test_a_cut_into_n_clusters_has_that_many(whole: tuple[np.ndarray, Clusters]) -> None:
    _, found = whole
    most = found.cut(method="leaf").n_clusters
    for n in range(1, most + 1):
        cut = found.cut(n_clusters=n)
        assert cut.n_clusters == n
        assert (np.diff(cut.sizes) <= 0).all()
        np.testing.assert_array_equal(cut.probabilities > 0, cut.labels >= 0)
    again = found.cut(n_clusters=found.n_clusters)
    np.testing.assert_array_equal(again.labels, found.labels)  # eom is the best of all numbers
    np.testing.assert_array_equal(found.cut(method="eom").labels, found.labels)


def test_the_true_number_finds_the_true_clusters() -> None:
    points, truth = rows(600, 9, seed=3)
    cut = cluster(points, min_cluster_size=5).cut(n_clusters=9)
    inside = cut.labels >= 0
    assert adjusted_rand_score(truth[inside], cut.labels[inside]) > 0.95


def is_above(parent: np.ndarray, high: int, low: int) -> bool:
    while low > high:
        low = int(parent[low])
    return low == high


@pytest.mark.parametrize("seed", range(12))
def test_chosen_nodes_are_the_best_by_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 11
    parent = np.array([-1, *(rng.integers(0, node) for node in range(1, n))])
    gain = rng.random(n)
    n_leaves = sum(node not in parent for node in range(1, n))
    for count in range(1, n_leaves + 1):
        chosen = select_count(parent, gain, count)
        sets = [
            nodes
            for nodes in itertools.combinations(range(1, n), count)
            if not any(is_above(parent, a, b) for a, b in itertools.combinations(nodes, 2))
        ]
        assert tuple(chosen.tolist()) in sets
        assert gain[chosen].sum() == pytest.approx(max(gain[list(nodes)].sum() for nodes in sets))


def test_merging_joins_and_numbers_by_size(whole: tuple[np.ndarray, Clusters]) -> None:
    _, found = whole
    last = found.n_clusters - 1
    merged = found.merge([last, last - 1])
    assert merged.n_clusters == last
    assert (np.diff(merged.sizes) <= 0).all()
    joined = np.isin(found.labels, [last, last - 1])
    assert len(set(merged.labels[joined])) == 1
    np.testing.assert_array_equal(merged.labels == merged.labels[joined][0], joined)
    np.testing.assert_array_equal(merged.labels < 0, found.labels < 0)


def test_levels_that_are_not_there_are_refused(whole: tuple[np.ndarray, Clusters]) -> None:
    _, found = whole
    with pytest.raises(ValueError, match="one of n_clusters, distance and method; got 0"):
        found.cut()
    with pytest.raises(ValueError, match="got 2 of them"):
        found.cut(n_clusters=2, distance=0.3)
    with pytest.raises(ValueError, match=r"n_clusters .* between 1 and \d+; got 300"):
        found.cut(n_clusters=300)
    with pytest.raises(ValueError, match="distance must be positive"):
        found.cut(distance=float("nan"))
    with pytest.raises(ValueError, match="one of eom, split, leaf"):
        found.cut(method="best")
    with pytest.raises(ValueError, match="at least 2 different clusters"):
        found.merge([1, 1])
    with pytest.raises(ValueError, match="between 0 and"):
        found.merge([0, 99])


def test_one_leaf_stays_one_cluster() -> None:
    found = cluster(np.ones((20, 3)))
    assert found.cut(distance=1.0).n_clusters == found.cut(n_clusters=1).n_clusters == 1
    with pytest.raises(ValueError, match="all rows are equal"):
        found.cut(n_clusters=2)
