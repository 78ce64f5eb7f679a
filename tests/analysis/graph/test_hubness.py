"""Hubness and overlap on graphs small enough to count by hand, and against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import skew

from namebasis.analysis.graph.hubness import (
    countable_rows,
    hubness,
    overlap_interval,
    row_overlap,
)
from namebasis.analysis.graph.neighbours import KnnGraph, duplicate_groups, knn_graph
from namebasis.analysis.intervals import share_interval


def graph(indices: list[list[int]]) -> KnnGraph:
    array = np.array(indices, np.int64)
    return KnnGraph(array, np.ones(array.shape, np.float32))


def test_a_star_has_one_hub() -> None:
    found = hubness(graph([[1], [0], [0], [0]]), n_hubs=2)
    assert found.in_degrees.tolist() == [3, 1, 0, 0]
    assert found.hubs.tolist() == [0, 1]
    assert found.anti_hub_share == 0.5
    assert found.skewness == pytest.approx(skew([3, 1, 0, 0]))


def test_a_ring_has_no_skew() -> None:
    assert np.isnan(hubness(graph([[1], [2], [0]])).skewness)


def test_many_dimensions_make_hubs() -> None:
    rng = np.random.default_rng(0)
    low = knn_graph(rng.standard_normal((600, 3)), 10)
    # About their mean, so that some rows lie nearer to all others.
    high = knn_graph(rng.standard_normal((600, 200)) + 0.5, 10)
    assert hubness(high).skewness > hubness(low).skewness + 0.5
    assert hubness(high).skewness == pytest.approx(skew(hubness(high).in_degrees))


def test_overlap_counts_shared_neighbours() -> None:
    left, right = graph([[1, 2], [0, 2], [0, 1], [0, 1]]), graph([[1, 3], [2, 3], [3, 0], [2, 1]])
    assert row_overlap(left, left).mean() == 1
    assert row_overlap(left, right).mean() == pytest.approx(4 / 8)
    assert row_overlap(left.truncate(1), right).mean() == pytest.approx(1 / 4)
    with pytest.raises(ValueError, match="must cover the same rows; got 4 and 1"):
        row_overlap(left, graph([[0]]))


def test_equal_rows_make_no_hubs() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((80, 6))
    rows[:40] = rows[0]
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    graph = knn_graph(rows, 5)
    assert hubness(graph).in_degrees[:5].min() > 30  # the first of the equal rows, by number
    groups = duplicate_groups(rows)
    found = hubness(graph, groups=groups)
    assert len(set(found.in_degrees[:40])) == 1
    near = {i for i in range(40, 80) if graph.indices[i].min() < 40}
    assert found.in_degrees[0] == len(near)
    assert found.mean == pytest.approx(found.in_degrees[groups.first].mean())
    assert np.isin(found.hubs, groups.first).all()


def test_n_hubs_is_checked() -> None:
    with pytest.raises(ValueError, match="n_hubs must be an integer, at least 1"):
        hubness(graph([[1], [0]]), n_hubs=0)


def test_rows_with_too_many_equals_in_any_embedding_do_not_count() -> None:
    left = duplicate_groups(np.array([[0.0], [0], [0], [1], [2], [3]], np.float32))
    right = duplicate_groups(np.array([[0.0], [1], [2], [3], [4], [4]], np.float32))
    # The first three equal two others on the left, the last two one other on the right.
    assert countable_rows(2, left, right).all()
    assert countable_rows(1, left, right).tolist() == [False] * 3 + [True] * 3
    assert countable_rows(0, right).tolist() == [True] * 4 + [False] * 2
    assert countable_rows(0, left, right).all()  # one row alone is none to compare


def test_the_interval_of_shared_neighbours_is_a_jackknife_s() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((40, 3))
    left, right = (knn_graph(rows + noise * rng.standard_normal((40, 3)), 4) for noise in (0, 0.5))
    shares = row_overlap(left, right)
    mean, among = shares.mean(), [set(row) for row in right.indices.tolist()]
    back = [set(row) for row in left.indices.tolist()]
    enters = [
        np.mean([row[-1] in there for row, there in zip(graph.indices.tolist(), of, strict=True)])
        for graph, of in ((left, among), (right, back))
    ]
    left_out = []
    for gone in range(40):  # what the others share without it, and with who enters in its place
        total = 0.0
        for row in set(range(40)) - {gone}:
            total += 4 * shares[row]
            if gone in back[row] and gone in among[row]:
                total += mean - 1
            else:
                total += enters[0] * (gone in back[row]) + enters[1] * (gone in among[row])
        left_out.append(total / 4 / 39)
    ratio = 39 * np.var(left_out) / (np.var(shares, ddof=1) / 40)
    assert ratio > 1
    alone, found = share_interval(shares), overlap_interval(left, right)
    assert alone.low is not None
    assert alone.high is not None
    assert found.low == pytest.approx(mean - (mean - alone.low) * ratio**0.5)
    assert found.high == pytest.approx(mean + (alone.high - mean) * ratio**0.5)


def test_where_all_are_neighbours_nothing_is_uncertain() -> None:
    rows = np.random.default_rng(0).standard_normal((6, 3))
    found = overlap_interval(knn_graph(rows, 5), knn_graph(rows[::-1], 5))
    assert (found.low, found.value, found.high) == (1, 1, 1)
