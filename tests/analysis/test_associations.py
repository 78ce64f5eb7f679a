"""Association measures against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.associations import relative_norm_distance, ripa, weat

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


def test_random_divisions_come_near_the_exact_p() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((12, 4))
    exact = weat(rows[:6], rows[6:], A4 := np.eye(4)[:1], B4 := np.eye(4)[1:2])
    sampled = weat(rows[:6], rows[6:], A4, B4, n_permutations=900)
    assert exact.exact
    assert not sampled.exact
    assert sampled.p_value == pytest.approx(exact.p_value, abs=0.06)


def test_rnd_by_hand() -> None:
    got = relative_norm_distance([[1.0, 0]], [[0.0, 1]], [[1.0, 0], [-1, 0]])
    assert got == pytest.approx((0 - np.sqrt(2)) + (2 - np.sqrt(2)))


def test_ripa_by_hand() -> None:
    got = ripa(np.array([[3.0, 4], [0, 2]]), np.array([[2.0, 1]]), np.array([[1.0, 1]]))
    np.testing.assert_allclose(got, [3, 0], atol=1e-12)
    flipped = ripa(np.array([[3.0, 4]]), np.array([[1.0, 1]]), np.array([[2.0, 1]]))
    np.testing.assert_allclose(flipped, [-3])


def test_refusals() -> None:
    with pytest.raises(ValueError, match="all targets associate alike"):
        weat(X[:1], X[:1], A, B)
    with pytest.raises(ValueError, match="same n_features"):
        weat(X, Y, np.eye(3), B)
    with pytest.raises(ValueError, match="pairs do not differ"):
        ripa(X, A, A)
