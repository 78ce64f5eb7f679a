"""Clusters found again in resamples, and rows between clusters."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.clusters import membership
from namebasis.analysis.clusters.clustering import cluster
from namebasis.analysis.clusters.membership import soft_memberships
from namebasis.analysis.clusters.stability import Stability, best_jaccard, cluster_stability
from namebasis.analysis.graph.neighbours import KnnGraph, knn_graph
from tests.analysis.clusters.test_topology import mixture


def test_clusters_that_are_there_are_found_again_and_chance_finds_none() -> None:
    rows, _ = mixture(1500, 30, 6, noise=0.0, spread=0.5, seed=0)
    graph = knn_graph(rows, 15)
    found = cluster(rows, graph=graph)
    told = cluster_stability(rows, found, graph, n_resamples=8)
    assert told.recovered.shape == (8, 6)
    assert told.means.min() > 0.95
    assert told.by_chance.max() < 0.25
    assert told.interval() is None  # of 8 resamples: 7 of 9 more would lie inside the extremes


def test_the_interval_is_where_one_more_resample_falls() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.permuted(np.arange(19.0)[:, None] / 19 + np.zeros((19, 2)), axis=0)
    ends = Stability(drawn, np.zeros(2), 0.8).interval()
    assert ends is not None  # 18 of the 20 places that one more may take lie between these two
    assert [side.tolist() for side in ends] == [[0.0, 0.0], [18 / 19, 18 / 19]]
    wider = Stability(np.arange(39.0)[:, None], np.zeros(1), 0.8).interval()
    assert wider is not None
    assert [side.tolist() for side in wider] == [[pytest.approx(1.0)], [pytest.approx(37.0)]]


def test_clusters_forced_on_one_cloud_are_not_found_again() -> None:
    rows = np.random.default_rng(1).standard_normal((1200, 30))
    graph = knn_graph(rows, 15)
    forced = cluster(rows, graph=graph, min_cluster_size=10).cut(method="leaf")
    assert forced.n_clusters >= 2
    told = cluster_stability(rows, forced, graph, n_resamples=8)
    assert told.means.mean() < 0.6


def test_one_seed_one_answer_and_another_seed_another() -> None:
    rows, _ = mixture(600, 20, 4, seed=2)
    graph = knn_graph(rows, 12)
    found = cluster(rows, graph=graph)
    one, same, other = (
        cluster_stability(rows, found, graph, n_resamples=4, seed=seed) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one.recovered, same.recovered)
    assert not np.array_equal(one.recovered, other.recovered)


def test_resamples_are_cut_where_the_clusters_were() -> None:
    rows, _ = mixture(900, 30, 6, noise=0.0, spread=0.5, seed=3)
    graph = knn_graph(rows, 15)
    three = cluster(rows, graph=graph).cut(n_clusters=3)
    told = cluster_stability(rows, three, graph, n_resamples=5)
    assert told.recovered.shape == (5, 3)
    assert told.means.max() > 0.9


@pytest.mark.parametrize("share", [0.3, 0.99])
def test_equal_rows_are_one_cluster_in_every_resample(share: float) -> None:
    rows = np.ones((50, 4))
    graph = knn_graph(rows, 5)
    told = cluster_stability(rows, cluster(rows, graph=graph), graph, n_resamples=3, share=share)
    np.testing.assert_array_equal(told.recovered, np.ones((3, 1)))


def test_no_cluster_is_no_stability() -> None:
    rows = np.random.default_rng(4).standard_normal((60, 5))
    graph = knn_graph(rows, 10)
    with pytest.warns(UserWarning, match="no cluster among 60 rows"):
        none = cluster(rows, graph=graph, min_cluster_size=40)
    assert cluster_stability(rows, none, graph, n_resamples=2).recovered.shape == (2, 0)


def test_best_jaccard_is_the_best_over_all_pairs() -> None:
    rng = np.random.default_rng(5)
    own, found = rng.integers(-1, 4, 200), rng.integers(-1, 6, 200)
    expected = [
        max(np.sum((own == c) & (found == d)) / np.sum((own == c) | (found == d)) for d in range(6))
        for c in range(4)
    ]
    np.testing.assert_allclose(best_jaccard(own, found, 4), expected)
    np.testing.assert_array_equal(best_jaccard(own, np.full(200, -1), 4), np.zeros(4))


def test_what_does_not_fit_is_refused() -> None:
    rows, _ = mixture(100, 5, 2, seed=6)
    graph = knn_graph(rows, 5)
    found = cluster(rows, graph=graph)
    with pytest.raises(ValueError, match="cover the same rows; they cover 99, 100 and 100"):
        cluster_stability(rows[1:], found, graph)
    with pytest.raises(ValueError, match=r"share must be at least 0\.1 and less than 1; got 1\.0"):
        cluster_stability(rows, found, graph, share=1.0)
    with pytest.raises(ValueError, match="n_resamples must be"):
        cluster_stability(rows, found, graph, n_resamples=0)
    with pytest.raises(ValueError, match="labels must cover the 100 rows"):
        soft_memberships(graph, found.labels[1:])
    with pytest.raises(ValueError, match="give_up must be"):
        soft_memberships(graph, found.labels, give_up=1.0)


def ring() -> tuple[KnnGraph, np.ndarray]:
    """Ten rows in a ring, each with the row on either side; two of them in clusters."""
    at = np.arange(10)
    indices = np.column_stack([(at - 1) % 10, (at + 1) % 10])
    labels = np.full(10, -1)
    labels[0], labels[5] = 0, 1
    return KnnGraph(indices, np.ones((10, 2), np.float32)), labels


@pytest.mark.parametrize("give_up", [0.0, 0.1, 0.5])
def test_memberships_are_where_a_walk_arrives(give_up: float) -> None:
    graph, labels = ring()
    step = np.zeros((10, 10))
    np.put_along_axis(step, graph.indices, 0.5, axis=1)
    loose = np.flatnonzero(labels < 0)
    onward = (1 - give_up) * step[np.ix_(loose, loose)]
    expected = np.linalg.solve(np.eye(8) - onward, step[loose][:, [0, 5]])
    told = soft_memberships(graph, labels, give_up=give_up)
    for row, values in zip(loose, expected, strict=True):
        for cluster_, value in zip(told.clusters[row], told.probabilities[row], strict=True):
            if cluster_ >= 0:
                assert value == pytest.approx(values[cluster_], abs=0.06)
    assert told.probabilities[0].tolist() == [1.0, 0.0, 0.0]
    assert told.clusters[5].tolist() == [1, -1, -1]
    assert (told.probabilities.sum(axis=1) <= 1 + 1e-9).all()
    assert (np.diff(told.probabilities, axis=1) <= 0).all()


@pytest.mark.parametrize("full", [0.0, 0.1, 1.0], ids=["dense", "sparse, then dense", "sparse"])
def test_walks_to_many_clusters_are_those_of_all_at_once(
    full: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More clusters than are taken at a time, many of them equally likely."""
    monkeypatch.setattr(membership, "_FULL", full)
    n, n_clusters, rng = 300, 70, np.random.default_rng(3)
    indices = rng.permuted(np.tile(np.arange(n), (n, 1)), axis=1)[:, :6]
    indices[-20:] = n - 20 + indices[-20:] % 19  # from these no walk arrives
    labels = np.where(np.arange(n) < 2 * n_clusters, np.arange(n) % n_clusters, -1)
    told = soft_memberships(KnnGraph(indices, np.ones((n, 6), np.float32)), labels, n_kept=4)
    step = np.zeros((n, n))
    np.add.at(step, (np.arange(n)[:, None], indices), 1 / 6)
    loose = labels < 0
    arrive = step[loose][:, ~loose] @ np.eye(n_clusters)[labels[~loose]]
    shares = arrive
    for _ in range(30):
        shares = arrive + 0.9 * step[np.ix_(loose, loose)] @ shares
        shares[shares < 1e-4] = 0
    best = np.sort(shares, axis=1)[:, ::-1][:, :4]
    np.testing.assert_allclose(told.probabilities[loose], best, rtol=1e-9)
    at = np.take_along_axis(shares, np.maximum(told.clusters[loose], 0), axis=1)
    np.testing.assert_allclose(np.where(told.clusters[loose] < 0, 0, at), best, rtol=1e-9)
    assert (told.clusters[-20:] == -1).all()
    assert (told.clusters[loose] >= 32).any()


@pytest.mark.parametrize("full", [0.0, 1.0])
def test_of_equally_likely_clusters_the_lower_number_comes_first(
    full: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "_FULL", full)
    at = np.arange(41)
    labels = np.where(at < 40, at, -1)
    indices = np.tile([39, 4, 35, 1], (41, 1))
    told = soft_memberships(KnnGraph(indices, np.ones((41, 4), np.float32)), labels)
    assert told.clusters[40].tolist() == [1, 4, 35]
    assert told.probabilities[40].tolist() == [0.25, 0.25, 0.25]


def test_rows_whose_cluster_is_hidden_are_given_back_to_it() -> None:
    rows, truth = mixture(1500, 30, 6, noise=0.0, spread=0.7, seed=7)
    hidden = np.random.default_rng(0).random(1500) < 0.3
    told = soft_memberships(knn_graph(rows, 15), np.where(hidden, -1, truth))
    assert np.mean(told.clusters[hidden, 0] == truth[hidden]) > 0.98
    assert told.probabilities[hidden, 0].mean() > 0.8


def test_without_clusters_nothing_belongs_anywhere() -> None:
    graph, labels = ring()
    told = soft_memberships(graph, np.full_like(labels, -1))
    assert (told.clusters == -1).all()
    assert (told.probabilities == 0).all()
