"""Homology of shapes whose Betti numbers are known, and the theorems that bound its error."""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namebasis.analysis.shape.homology import (
    bottleneck_distance,
    covering_radius,
    farthest_points,
    persistence_diagrams,
    persistence_entropy,
)
from namebasis.analysis.shape.homology_null import persistence_report

Array = npt.NDArray[np.float64]


def circle(n: int, radius: float = 1) -> Array:
    angle = 2 * np.pi * np.arange(n) / n
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def torus(n: int = 2500) -> Array:
    """The product of two unit circles, in four dimensions."""
    angle = 2 * np.pi * np.random.default_rng(0).random((n, 2))
    return np.concatenate([np.cos(angle), np.sin(angle)], axis=1)


def sphere(n: int = 2500) -> Array:
    rows = np.random.default_rng(0).standard_normal((n, 3))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def lives(diagram: Array) -> Array:
    return np.sort(diagram[:, 1] - diagram[:, 0])[::-1]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_handful_of_points_has_parts_and_no_loop(n: int) -> None:
    """Points of a regular simplex: all but one part die at its edge, the square root of 2."""
    parts, loops = persistence_diagrams(np.eye(n, 4, dtype=np.float32))
    np.testing.assert_allclose(parts, [[0, np.sqrt(2)]] * (n - 1) + [[0, np.inf]], atol=1e-6)
    assert loops.shape == (0, 2)


def test_of_many_rows_equally_far_the_first_is_the_next_landmark() -> None:
    rows = np.eye(600, dtype=np.float32)[::-1]
    found = farthest_points(rows, 4, seed=3).rows
    first = int(found[0])
    assert found[1:].tolist() == [row for row in range(4) if row != first][:3]


def test_diagrams_are_those_of_the_documented_estimator(monkeypatch: pytest.MonkeyPatch) -> None:
    import gudhi.sklearn.rips_persistence  # noqa: F401  its own function is found once

    clouds = [np.random.default_rng(n).standard_normal((n, 3)) for n in (4, 5, 60)]
    direct = [persistence_diagrams(cloud) for cloud in clouds]
    assert len(direct[-1][1]) > 3
    monkeypatch.setitem(sys.modules, "gudhi._ripser_ext", None)
    for cloud, found in zip(clouds, direct, strict=True):
        for own, documented in zip(found, persistence_diagrams(cloud), strict=True):
            np.testing.assert_array_equal(own, documented)


def test_a_filtration_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from gudhi import _ripser_ext

    compute, sizes = _ripser_ext._full, []

    def count(distances: Array, **options: float) -> list[Array]:
        sizes.append(len(distances))
        return list(compute(distances, **options))

    monkeypatch.setattr(_ripser_ext, "_full", count)
    persistence_diagrams(circle(8))
    assert sizes == [8]


def test_the_covering_radius_is_measured_of_the_rows_and_of_no_draw(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = []

    def count(rows: Array, landmarks: Array) -> float:
        sizes.append(len(rows))
        return covering_radius(rows, landmarks)

    for module in ("homology", "homology_null"):
        monkeypatch.setattr(f"namebasis.analysis.shape.{module}.covering_radius", count)
    rows = sphere(60).astype(np.float32)
    for most in (60, 40):
        found = persistence_report(rows, n_landmarks=8, n_draws=2, max_rows=most)
        assert found.covering_radius == covering_radius(rows, found.landmarks)
    assert sizes == [60, 60]


def test_a_circle_has_one_loop_that_dies_at_its_triangle() -> None:
    components, loops = persistence_diagrams(circle(60))
    assert len(components) == 60
    assert components[-1].tolist() == [0, np.inf]
    spacing = 2 * np.sin(np.pi / 60)
    np.testing.assert_allclose(components[:-1, 1], spacing, rtol=1e-6)
    assert len(loops) == 1
    np.testing.assert_allclose(loops[0], [spacing, np.sqrt(3)], rtol=1e-6)


def test_two_circles_are_two_components_with_two_loops() -> None:
    rows = np.concatenate([circle(30), circle(30) + np.array([10, 0])])
    components, loops = persistence_diagrams(rows)
    assert np.count_nonzero(components[:, 1] > 1) == 2  # one at the gap of 8, one never
    assert components[-2, 1] == pytest.approx(8, rel=1e-6)
    assert np.count_nonzero(lives(loops) > 1) == 2


def test_a_torus_has_two_loops_and_a_sphere_none() -> None:
    marks = farthest_points(torus(), 180)
    of_torus = lives(persistence_diagrams(torus()[marks.rows])[1])
    assert np.count_nonzero(of_torus > 0.6) == 2
    assert of_torus[2] < 0.5 * of_torus[1]
    marks = farthest_points(sphere(), 120)
    assert lives(persistence_diagrams(sphere()[marks.rows])[1]).max() < 0.3


def test_landmarks_are_the_greedy_ones_and_their_radius_the_true_one() -> None:
    rows = np.random.default_rng(3).standard_normal((700, 5))  # more than are compared at a time
    found = farthest_points(rows, 25, seed=7)
    chosen = [int(found.rows[0])]
    for _ in range(24):
        apart = np.linalg.norm(rows[:, None] - rows[chosen], axis=2).min(axis=1)
        chosen.append(int(apart.argmax()))
    assert found.rows.tolist() == chosen
    apart = np.linalg.norm(rows[:, None] - rows[chosen], axis=2).min(axis=1)
    assert found.covering_radius == pytest.approx(apart.max(), rel=1e-5)
    assert found.error_bound == 2 * found.covering_radius


def test_the_radius_is_at_most_twice_the_best() -> None:
    # 5 landmarks cover 101 places on a line within 10 at best.
    found = farthest_points(np.arange(101.0)[:, None], 5, seed=1)
    assert 10 <= found.covering_radius <= 20


def test_equal_rows_are_never_two_landmarks() -> None:
    rows = np.repeat(np.random.default_rng(0).standard_normal((6, 9)) * 1e-3 + 5, 20, axis=0)
    found = farthest_points(rows, 50)
    assert len(np.unique(rows[found.rows].astype(np.float32), axis=0)) == len(found.rows) == 6
    assert found.covering_radius == 0
    assert (found.rows[1:] % 20 == 0).all()  # of equal rows the first
    assert farthest_points(np.ones((4, 2)), 3).rows.size == 1


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.integers(8, 40))
def test_landmarks_cost_at_most_their_error_bound(seed: int, n_landmarks: int) -> None:
    rng = np.random.default_rng(seed)
    rows = circle(60) + 0.3 * rng.standard_normal((60, 2))
    marks = farthest_points(rows, n_landmarks, seed=seed)
    whole, part = persistence_diagrams(rows), persistence_diagrams(rows[marks.rows])
    for degree in (0, 1):
        assert bottleneck_distance(whole[degree], part[degree]) <= 1.011 * marks.error_bound + 1e-6


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000))
def test_moving_points_moves_diagrams_no_further_than_twice_that(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((40, 3))
    moved = rows + 0.1 * rng.standard_normal(rows.shape)
    farthest = np.linalg.norm(moved - rows, axis=1).max()
    for first, second in zip(persistence_diagrams(rows), persistence_diagrams(moved), strict=True):
        assert bottleneck_distance(first, second) <= 1.011 * 2 * farthest + 1e-6


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 6), st.integers(0, 6))
def test_components_are_as_far_apart_as_every_matching_says(seed: int, n: int, m: int) -> None:
    """Born at once, their distance needs no search; Hera and gudhi's exact one agree."""
    import gudhi
    from gudhi.hera import bottleneck_distance as hera

    rng = np.random.default_rng(seed)
    forever = np.array([[0.0, np.inf]])
    sides = [
        np.concatenate([np.column_stack([np.zeros(k), rng.gamma(1, size=k)]), forever])
        for k in (n, m)
    ]
    found = bottleneck_distance(*sides)
    assert found == pytest.approx(gudhi.bottleneck_distance(*sides, 0), abs=1e-12)
    assert found == pytest.approx(hera(*sides), rel=0.011)
    assert bottleneck_distance(sides[0][:-1], sides[1]) == np.inf


def best_matching(left: Array, right: Array) -> float:
    """Bottleneck distance by trying every matching of a handful of finite classes."""
    least = np.inf

    def place(at: int, taken: frozenset[int], cost: float) -> None:
        nonlocal least
        if at == len(left):
            alone = [(d - b) / 2 for j, (b, d) in enumerate(right) if j not in taken]
            least = min(least, max([cost, *alone]))
            return
        place(at + 1, taken, max(cost, (left[at, 1] - left[at, 0]) / 2))
        for j in set(range(len(right))) - taken:
            place(at + 1, taken | {j}, max(cost, float(np.abs(left[at] - right[j]).max())))

    place(0, frozenset(), 0.0)
    return float(least)


@pytest.mark.parametrize("is_lattice", [False, True])
def test_the_distance_of_loops_is_that_of_every_matching(is_lattice: bool) -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        sides = [rng.random((rng.integers(0, 6), 2)) * 20 for _ in range(2)]
        if is_lattice:  # distances tie, and some classes lie on the diagonal
            sides = [np.round(side) for side in sides]
        sides = [np.sort(side, axis=1) for side in sides]
        assert bottleneck_distance(*sides) == best_matching(*sides)


@pytest.mark.parametrize("seed", range(3))
def test_the_distance_of_many_loops_is_that_of_hera(seed: int) -> None:
    from gudhi.hera import bottleneck_distance as hera

    rng = np.random.default_rng(seed)
    sides = [
        np.cumsum(np.concatenate([rng.random((n, 1)), rng.gamma(1, size=(n, 1))], axis=1), axis=1)
        for n in (200, 260)
    ]
    found = bottleneck_distance(*sides)
    assert found == pytest.approx(hera(*sides, 0), rel=1e-9)
    # Those that live for ever are matched to each other, in the order of their births.
    forever = [np.array([[0.0, np.inf], [9.0, np.inf]]), np.array([[7.0, np.inf], [1.0, np.inf]])]
    both = [np.concatenate(pair) for pair in zip(sides, forever, strict=True)]
    assert bottleneck_distance(*both) == max(found, 2)
    assert bottleneck_distance(both[0], both[1][:-1]) == np.inf


def test_the_distance_of_loops_is_that_of_the_best_matching() -> None:
    """(11, 29) goes to (6, 26), 5 away, and (15, 33) to the diagonal, 9 away, half its life.

    gudhi's own search says 10.
    """
    left = np.array([[11.0, 29.0], [3.0, 9.0]])
    right = np.array([[14.0, 16.0], [19.0, 25.0], [6.0, 26.0], [15.0, 33.0]])
    assert bottleneck_distance(left, right) == bottleneck_distance(right, left) == 9


def test_distances_and_entropies_in_closed_form() -> None:
    assert persistence_entropy(np.array([[0, 1], [2, 3], [0, 1], [5, 6], [0, np.inf]])) == 2
    assert np.isnan(persistence_entropy(np.array([[0, np.inf]])))
    one, none = np.array([[1.0, 3.0]]), np.empty((0, 2))
    assert bottleneck_distance(one, none) == 1  # half its life
    assert bottleneck_distance(one, one + np.array([[0.25, 0]])) == 0.25
    assert bottleneck_distance(np.array([[0, np.inf]]), none) == np.inf
    assert bottleneck_distance(one, np.array([[1.0, 3.0], [2.0, 2.0]])) == 0


def test_a_circle_stands_out_from_its_null_and_a_gaussian_does_not() -> None:
    rng = np.random.default_rng(0)
    rows = circle(400) + 0.05 * rng.standard_normal((400, 2))
    found = persistence_report(rows, n_landmarks=60, n_draws=4)
    loops = found.degrees[1]
    assert loops.bottleneck is not None
    assert loops.among_nulls is not None
    assert (loops.bottleneck.n, loops.among_nulls.n) == (4, 6)
    assert loops.bottleneck.low > 2 * loops.among_nulls.high
    assert loops.n_certain == 1  # the one loop outlives all that landmarks may have missed
    assert loops.longest > 2 * loops.null_longest.high  # type: ignore[union-attr]
    noise = persistence_report(rng.standard_normal((400, 2)), n_landmarks=60, n_draws=4)
    flat = noise.degrees[1]
    assert flat.n_certain == 0
    assert flat.bottleneck.low < 2 * flat.among_nulls.high  # type: ignore[union-attr]


def test_a_sample_gives_landmarks_whose_radius_is_that_of_all_rows() -> None:
    rows = torus(600)
    found = persistence_report(rows, n_landmarks=30, max_rows=200, n_draws=0)
    apart = np.linalg.norm(rows[:, None] - rows[found.landmarks], axis=2).min(axis=1)
    assert found.covering_radius == pytest.approx(apart.max(), rel=1e-5)
    assert found.degrees[0].bottleneck is None
    assert covering_radius(rows.astype(np.float32), found.landmarks) == found.covering_radius
    steps: list[tuple[int, int]] = []
    persistence_report(rows, n_landmarks=9, n_draws=2, progress=lambda *s: steps.append(s))
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="all rows are equal: one point has no shape"):
        persistence_report(np.ones((5, 3)))
    with pytest.raises(ValueError, match="must be finite; 1 of its rows is not"):
        persistence_report([[np.nan, 1], [0, 1]])
    with pytest.raises(ValueError, match="n_landmarks must be an integer, at least 2"):
        persistence_report(circle(9), n_landmarks=1)
    with pytest.raises(ValueError, match="n_draws must be an integer, at least 0"):
        persistence_report(circle(9), n_draws=-1)
