from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.sparse.whitening import covariance, whitening_matrix


def test_covariance_equals_numpy() -> None:
    rows = np.random.default_rng(0).standard_normal((20_000, 5)) * [1, 2, 3, 4, 5] + 3
    expected = np.cov(rows.T, bias=True)
    np.testing.assert_allclose(covariance(rows), expected, rtol=1e-4, atol=1e-4)


def test_a_small_ridge_makes_all_directions_equal_and_a_large_one_changes_none() -> None:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((500, 6)) @ rng.standard_normal((6, 6)) + 1
    white = rows @ whitening_matrix(rows, 1e-9)
    np.testing.assert_allclose(np.cov(white.T, bias=True), np.eye(6), atol=1e-3)
    plain = whitening_matrix(rows, 1e9)
    np.testing.assert_allclose(plain / plain[0, 0], np.eye(6), atol=1e-5)


def test_the_matrix_is_the_inverse_root_of_the_ridged_covariance() -> None:
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((300, 4)) * [1, 2, 3, 4]
    matrix = whitening_matrix(rows, 0.5).astype(float)
    ridged = np.cov(rows.T, bias=True)
    ridged += 0.5 * np.trace(ridged) / 4 * np.eye(4)
    np.testing.assert_allclose(matrix @ ridged @ matrix, np.eye(4), atol=1e-4)


@pytest.mark.parametrize("ridge", [0.0, -1.0, np.nan, np.inf])
def test_refused_ridges(ridge: float) -> None:
    with pytest.raises(ValueError, match="ridge must be a number above 0"):
        whitening_matrix(np.eye(3), ridge)


def test_equal_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="all equal"):
        whitening_matrix(np.ones((4, 3)), 1.0)
