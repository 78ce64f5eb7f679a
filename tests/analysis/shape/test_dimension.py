"""Intrinsic dimension on manifolds whose dimension is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from namebasis.analysis.graph.neighbours import knn_graph
from namebasis.analysis.shape.dimension import (
    dimensions,
    global_dimension,
    local_dimension,
    two_nn_dimension,
)

Array = npt.NDArray[np.float64]


def manifold(kind: str, n: int = 2000) -> Array:
    rng = np.random.default_rng(0)
    if kind == "line":
        flat = rng.random((n, 1))
    elif kind == "plane":
        flat = rng.random((n, 2))
    elif kind == "sphere":
        flat = rng.standard_normal((n, 3))
        flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    elif kind == "swiss roll":
        angle = 1.5 * np.pi * (1 + 2 * rng.random(n))
        flat = np.stack([angle * np.cos(angle), 21 * rng.random(n), angle * np.sin(angle)], axis=1)
    else:
        flat = rng.standard_normal((n, 4))
    turn = np.linalg.qr(rng.standard_normal((30, 30)))[0]
    return np.asarray(flat @ turn[: flat.shape[1]])


@pytest.mark.parametrize(
    ("kind", "dimension"),
    [("line", 1), ("plane", 2), ("sphere", 2), ("swiss roll", 2), ("gaussian", 4)],
)
def test_known_manifolds(kind: str, dimension: int) -> None:
    rows = manifold(kind)
    assert two_nn_dimension(rows) == pytest.approx(dimension, rel=0.1)
    assert global_dimension(rows, 15) == pytest.approx(dimension, rel=0.1)


@pytest.mark.long
@pytest.mark.parametrize("k", [3, 5, 15])
@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_flat_tori_have_their_dimension_at_every_k(dimension: int, k: int) -> None:
    # No boundary and an even density. Left are chance (1.5 % at k = 3) and, where 15 neighbours
    # of a 3-torus reach far, the bend of the circles (2 %).
    found = []
    for seed in range(3):
        angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, (1500, dimension))
        found.append(global_dimension(np.c_[np.cos(angles), np.sin(angles)], k))
    assert np.mean(found) == pytest.approx(dimension, rel=0.03)


def test_the_dimension_of_all_is_the_closed_form() -> None:
    rows, k = manifold("gaussian", 120), 7
    distances = np.sort(np.linalg.norm(rows[:, None] - rows, axis=2), axis=1)[:, 1 : k + 1]
    inverses = np.log(distances[:, -1:] / distances).sum(axis=1) / (k - 1)
    assert global_dimension(rows, k) == pytest.approx(1 / inverses.mean(), rel=1e-5)
    # The unbiased value of one row has another correction.
    local = local_dimension(rows, k)
    assert global_dimension(rows, k) == pytest.approx(6 / 5 / np.mean(1 / local), rel=1e-9)


def test_parts_of_different_dimension_are_told_apart() -> None:
    rows = np.concatenate([manifold("line", 400), manifold("gaussian", 400) + 50])
    found = local_dimension(rows, 15)
    assert np.median(found[:400]) < 1.3 < 3.5 < np.median(found[400:])


def test_scale_does_not_matter() -> None:
    rows = manifold("plane", 300)
    assert two_nn_dimension(rows * 128) == pytest.approx(two_nn_dimension(rows), rel=1e-4)


def test_duplicates_count_once() -> None:
    rows = manifold("plane", 300)
    twice = np.concatenate([rows, rows[:5], rows[:1]])
    once = local_dimension(rows, 10)
    np.testing.assert_allclose(local_dimension(twice, 10), [*once, *once[:5], once[0]])
    assert two_nn_dimension(twice) == pytest.approx(two_nn_dimension(rows))
    assert global_dimension(twice, 10) == pytest.approx(global_dimension(rows, 10))


def unit(rows: Array) -> Array:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def test_a_graph_gives_what_a_search_gives() -> None:
    rows = unit(manifold("gaussian", 400) + 1)
    graph = knn_graph(rows, 12)
    assert two_nn_dimension(rows, graph=graph) == pytest.approx(two_nn_dimension(rows), rel=1e-3)
    np.testing.assert_allclose(
        local_dimension(rows, graph=graph), local_dimension(rows, 12), rtol=1e-3
    )


def test_duplicates_in_a_graph_count_once() -> None:
    rows = unit(manifold("gaussian", 200) + 1)
    twice = np.concatenate([rows, rows[:40]])
    graph = knn_graph(twice, 12)
    found = local_dimension(twice, graph=graph)
    np.testing.assert_array_equal(found[:40], found[200:])
    # Of 12 neighbours some are double; the dimension comes from those that are left.
    distances = np.linalg.norm(twice[7] - twice[graph.indices[7]], axis=1)
    different = np.unique(np.round(distances[distances > 1e-6], 6))
    expected = (different.size - 2) / np.log(different[-1] / different).sum()
    assert found[7] == pytest.approx(expected, rel=1e-3)
    # Rows with fewer different neighbours weigh less: d = sum of (k_i - 1) / sum of log ratios.
    totals = [0.0, 0.0]
    for row in range(200):
        distances = np.linalg.norm(twice[row] - twice[graph.indices[row]], axis=1)
        different = np.unique(np.round(distances[distances > 1e-6], 6))
        totals[0] += different.size - 1
        totals[1] += np.log(different[-1] / different).sum()
    assert global_dimension(twice, graph=graph) == pytest.approx(totals[0] / totals[1], rel=1e-3)
    assert two_nn_dimension(twice, graph=graph) == pytest.approx(two_nn_dimension(rows), rel=1e-3)


def test_all_dimensions_at_once_are_those_of_each() -> None:
    rows = unit(manifold("gaussian", 200) + 1)
    for data in (rows, np.concatenate([rows, rows[:40]]), np.repeat(np.eye(5), 9, axis=0)):
        graph = knn_graph(data, 12)
        found = dimensions(data, graph)
        assert [found.two_nn, found.likelihood] == pytest.approx(
            [two_nn_dimension(data, graph=graph), global_dimension(data, graph=graph)],
            rel=1e-12,
            nan_ok=True,
        )
        np.testing.assert_array_equal(found.local, local_dimension(data, graph=graph))


def test_rows_lost_in_a_group_of_duplicates_have_no_dimension() -> None:
    rows = unit(np.concatenate([np.ones((30, 4)), manifold("gaussian", 30)[:, :4]]))
    graph = knn_graph(rows, 5)
    assert np.isnan(local_dimension(rows, graph=graph)[:30]).all()
    few = np.repeat(np.eye(4), 9, axis=0)
    assert np.isnan(two_nn_dimension(few, graph=knn_graph(few, 5)))
    assert np.isnan(global_dimension(few, graph=knn_graph(few, 5)))
    # Where all neighbours are equally far, no dimension is too large.
    assert global_dimension(np.eye(6), 4) == np.inf
    with pytest.raises(ValueError, match="graph must cover the 30 rows; it covers 60"):
        local_dimension(rows[:30], graph=graph)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 3 different rows; got 1"):
        two_nn_dimension(np.ones((5, 2)))
    with pytest.raises(ValueError, match=r"discard must be in \[0, 1\)"):
        two_nn_dimension(np.eye(5), discard=1)
    with pytest.raises(
        ValueError, match="k of 6 different rows must be an integer, between 3 and 5"
    ):
        local_dimension(np.eye(6), 6)
    with pytest.raises(
        ValueError, match="k of 6 different rows must be an integer, between 2 and 5"
    ):
        global_dimension(np.eye(6), 1)
    with pytest.raises(ValueError, match="must be finite"):
        local_dimension([[np.inf], [1], [2], [3]], 3)
