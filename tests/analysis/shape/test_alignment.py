from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.shape.alignment import cka_matrix, linear_cka

RNG = np.random.default_rng(0)
ROWS = RNG.standard_normal((60, 12))


def test_plain_value_is_the_ratio_of_norms_of_cross_products() -> None:
    other = RNG.standard_normal((60, 7)) + ROWS[:, :7]
    x, y = ROWS - ROWS.mean(0), other - other.mean(0)
    cross = np.linalg.norm(y.T @ x) ** 2
    expected = cross / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    assert linear_cka(ROWS, other, debiased=False) == pytest.approx(expected, rel=1e-5)


def test_debiased_product_is_song_s_estimate_written_out() -> None:
    other = RNG.standard_normal((9, 4))
    x, y = (rows - rows.mean(0) for rows in (ROWS[:9], other))

    def estimate(a: np.ndarray, b: np.ndarray) -> float:
        k, m, n = a @ a.T, b @ b.T, len(a)
        k, m = k * (1 - np.eye(n)), m * (1 - np.eye(n))
        one = np.ones(n)
        last = 2 / (n - 2) * one @ k @ m @ one
        middle = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
        return float(np.trace(k @ m) + middle - last)

    expected = estimate(x, y) / np.sqrt(estimate(x, x) * estimate(y, y))
    assert linear_cka(ROWS[:9], other) == pytest.approx(expected, rel=1e-5)


def test_a_rotation_a_shift_and_a_scale_change_nothing() -> None:
    turn, _ = np.linalg.qr(RNG.standard_normal((12, 12)))
    assert linear_cka(ROWS, 3 * ROWS @ turn + 5) == pytest.approx(1, abs=1e-5)
    assert linear_cka(ROWS, 3 * ROWS @ turn + 5, debiased=False) == pytest.approx(1, abs=1e-5)


def test_unrelated_rows_are_near_zero_only_when_debiased() -> None:
    many = RNG.standard_normal((40, 400)), RNG.standard_normal((40, 400))
    assert abs(linear_cka(*many)) < 0.1
    assert linear_cka(*many, debiased=False) > 0.8


def test_the_matrix_holds_the_pairs() -> None:
    series = [ROWS + 0.5 * step * RNG.standard_normal(ROWS.shape) for step in range(4)]
    found = cka_matrix(series)
    assert found[3, 1] == found[1, 3] == pytest.approx(linear_cka(series[1], series[3]))
    assert np.all(np.diff(found[0]) < 0)


def test_rows_that_do_not_pair_up_or_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="same rows; got 60, 50 rows"):
        linear_cka(ROWS, ROWS[:50])
    with pytest.raises(ValueError, match="do not differ"):
        linear_cka(ROWS, np.ones((60, 3)))
    with pytest.raises(ValueError, match="at least 4 row"):
        linear_cka(ROWS[:3], ROWS[:3])
