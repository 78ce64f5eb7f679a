"""Reliability against closed forms and simulations of known variance."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.identity.reliability import names_for, reliability


def test_the_variances_of_a_simulation_come_back() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 2, 4000)
    found = reliability(truth[:, None] + rng.normal(0, 1, (4000, 5)))
    assert found.between == pytest.approx(4, rel=0.06)
    assert found.within == pytest.approx(1, rel=0.03)
    assert found.single == pytest.approx(0.8, abs=0.02)
    assert found.of_means == pytest.approx(4 / (4 + 1 / 5), abs=0.01)
    means = truth[:, None] + rng.normal(0, 1, (4000, 5))
    # The square root bounds what a correlation with the truth can reach.
    assert np.corrcoef(means.mean(axis=1), truth)[0, 1] ** 2 == pytest.approx(
        found.of_means, abs=0.01
    )


def test_a_table_worked_by_hand() -> None:
    """Groups (1, 3), (5, 7): mean square within 2, between 16, so variances 7 and 2."""
    found = reliability([[1, 3], [5, 7]])
    assert (found.within, found.between) == (2.0, 7.0)
    assert found.single == pytest.approx(7 / 9)
    assert found.of_means == pytest.approx(7 / 8)
    assert found.n_for(7 / 8) == 2
    assert found.n_for(0.95) == 6  # 19 × 2 / 7 = 5.4


def test_unequal_groups_and_gaps() -> None:
    rng = np.random.default_rng(1)
    groups = [rng.normal(rng.normal(0, 1), 1, rng.integers(1, 9)) for _ in range(3000)]
    groups[0] = np.append(groups[0], np.nan)
    groups.append(np.array([np.nan]))
    found = reliability(groups)
    assert found.n_groups == 3000
    assert found.between == pytest.approx(1, rel=0.1)


def test_pure_noise_is_never_enough() -> None:
    found = reliability([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    assert found.between == 0
    assert found.of_means == 0
    assert found.n_for(0.8) is None


def test_equal_measurements_need_one() -> None:
    found = reliability([[1.0, 1.0], [2.0, 2.0]])
    assert found.single == 1
    assert found.n_for(0.9) == 1


@pytest.mark.parametrize("groups", [[[1.0, 2.0]], [[1.0], [2.0]], [[np.nan], [1.0, 2.0]]])
def test_too_little_is_refused(groups: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="at least 2 groups, and one with 2 measurements"):
        reliability(groups)


def test_the_number_of_names_is_where_the_interval_leaves_zero() -> None:
    n = names_for(0.3)
    assert n is not None

    def low(count: int) -> float:
        return float(np.arctanh(0.3) - 1.96 * np.sqrt((1 + 0.3**2 / 2) / (count - 3)))

    assert low(n) >= 0 > low(n - 1)
    assert names_for(-0.3) == n
    assert names_for(0.0) is None
    assert names_for(float("nan")) is None
    assert (names_for(1.0) or 0) < 10


def test_measurements_that_are_all_equal_are_not_reliable() -> None:
    found = reliability([[2.0, 2.0], [2.0, 2.0]])
    assert (found.within, found.between, found.single, found.of_means) == (0, 0, 0, 0)
