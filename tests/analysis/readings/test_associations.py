"""Association measures against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.readings.associations import (
    holm,
    relative_norm_distance,
    ripa,
    weat,
)

X, Y = np.array([[1.0, 0], [0.8, 0.6]]), np.array([[0.0, 1], [0.6, 0.8]])
A, B = np.array([[1.0, 0]]), np.array([[0.0, 1]])


def test_weat_by_hand() -> None:
    # Associations 1, 0.2, -1, -0.2: means 0.6 and -0.6, deviation sqrt(2.08 / 3).
    got = weat(X, Y, A, B)
    assert got.effect_size == pytest.approx(1.2 / np.sqrt(2.08 / 3))
    # Of the 6 divisions only the data's own reaches 1.2.
    assert (got.p_value, got.n_permutations, got.exact) == (pytest.approx(1 / 6), 6, True)
    assert (got.n_first, got.n_second, got.n_attributes_first) == (2, 2, 1)
    assert weat(Y, X, A, B).effect_size == pytest.approx(-got.effect_size)
    assert weat(Y, X, A, B).p_value == 1
    # In either direction that division and its mirror do.
    assert got.p_two_sided == weat(Y, X, A, B).p_two_sided == pytest.approx(2 / 6)


@pytest.mark.parametrize(("n_first", "n_second"), [(1, 9), (4, 4), (2, 7)])
def test_the_range_of_weat_depends_on_the_sizes(n_first: int, n_second: int) -> None:
    # Groups without any spread reach it; equal sizes n / 2 give sqrt(4 (n - 1) / n) < 2.
    n = n_first + n_second
    got = weat(np.repeat(A, n_first, axis=0), np.repeat(B, n_second, axis=0), A, B)
    assert got.effect_size == pytest.approx(np.sqrt((n - 1) * n / (n_first * n_second)))
    assert (got.effect_size <= 2) == (n_first == n_second)
    rng = np.random.default_rng(n)
    rows = rng.standard_normal((n, 3))
    other = weat(rows[:n_first], rows[n_first:], np.eye(3)[:1], np.eye(3)[1:2])
    assert abs(other.effect_size) <= got.effect_size


def test_weat_equals_the_published_reference_on_its_toy() -> None:
    # What the reference code of May et al. (2019, sent-bias at e3559fb) gives for this input, as
    # published in the tests of the benchmark BLME.
    rng = np.random.default_rng(12345)
    x, y, a, b = (rng.standard_normal((4, 5)) for _ in range(4))
    assert weat(x, y, a, b).effect_size == pytest.approx(-0.5483337931868121, abs=1e-9)


def test_random_divisions_come_near_the_exact_p() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((12, 4))
    exact = weat(rows[:6], rows[6:], A4 := np.eye(4)[:1], B4 := np.eye(4)[1:2])
    sampled = weat(rows[:6], rows[6:], A4, B4, n_permutations=900)
    assert exact.exact
    assert not sampled.exact
    assert sampled.p_value == pytest.approx(exact.p_value, abs=0.06)
    assert sampled.p_two_sided == pytest.approx(exact.p_two_sided, abs=0.06)


@pytest.mark.parametrize("n_first", [2, 3, 5])
def test_the_two_sided_p_equals_that_of_scipy(n_first: int) -> None:
    from scipy.stats import permutation_test

    rows = np.random.default_rng(n_first).standard_normal((8, 4))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    a, b = np.eye(4)[:1], np.eye(4)[1:2]
    scores = rows[:, 0] - rows[:, 1]

    def far(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
        return np.abs(x.mean(axis=axis) - y.mean(axis=axis))

    peer = permutation_test(
        (scores[:n_first], scores[n_first:]), far, vectorized=True, alternative="greater"
    )
    for first, second in ((rows[:n_first], rows[n_first:]), (rows[n_first:], rows[:n_first])):
        assert weat(first, second, a, b).p_two_sided == pytest.approx(peer.pvalue)


def test_rnd_by_hand() -> None:
    got = relative_norm_distance([[1.0, 0]], [[0.0, 1]], [[1.0, 0], [-1, 0]])
    assert got == pytest.approx((0 - np.sqrt(2)) + (2 - np.sqrt(2)))


def test_ripa_by_hand() -> None:
    got = ripa(np.array([[3.0, 4], [0, 2]]), np.array([[2.0, 1]]), np.array([[1.0, 1]]))
    np.testing.assert_allclose(got, [3, 0], atol=1e-12)
    flipped = ripa(np.array([[3.0, 4]]), np.array([[1.0, 1]]), np.array([[2.0, 1]]))
    np.testing.assert_allclose(flipped, [-3])


def test_a_large_group_has_the_p_of_its_mirror() -> None:
    rng = np.random.default_rng(1)
    rows, a, b = rng.standard_normal((30, 4)), np.eye(4)[:1], np.eye(4)[1:2]
    large = weat(rows[:24], rows[24:], a, b, n_permutations=2000)
    small = weat(rows[24:], rows[:24], b, a, n_permutations=2000)
    assert not large.exact
    assert large.effect_size == pytest.approx(small.effect_size)
    assert large.p_value == pytest.approx(small.p_value, abs=0.05)


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03]), [0.06, 0.03, 0.06])
    np.testing.assert_allclose(holm([0.9, 0.8]), [1, 1])
    assert holm([]).size == 0


def test_refusals() -> None:
    with pytest.raises(ValueError, match="all targets associate alike"):
        weat(X[:1], X[:1], A, B)
    with pytest.raises(ValueError, match="same n_features"):
        weat(X, Y, np.eye(3), B)
    with pytest.raises(ValueError, match="pairs do not differ"):
        ripa(X, A, A)


def test_random_divisions_count_the_own_one_with_them() -> None:
    # Of 2.7 million divisions of 24 only the own one parts these; 99 random ones miss it.
    rows = np.repeat([[1.0, 0.0], [0.0, 1.0]], 12, axis=0)
    found = weat(rows[:12], rows[12:], A, B, n_permutations=99)
    assert (found.exact, found.n_permutations) == (False, 99)
    assert found.p_value == pytest.approx(1 / 100)
