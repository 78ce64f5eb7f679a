"""Lags between measures and crossings: closed forms, and an interval that holds the truth."""

import numpy as np
import pytest

from namebasis.analysis.training.turns import half_way, lag

STEPS = np.arange(0, 101, 10)


def test_half_way_lies_where_half_of_the_change_is_made() -> None:
    falling = 5 - 2 * np.clip((STEPS - 20) / 40, 0, 1)
    assert half_way(STEPS, falling) == pytest.approx(40)
    both = half_way(STEPS, np.stack([STEPS**2, np.ones(11)]))
    # A half of 100² lies between 70² and 80²: straight between them, not on the parabola.
    assert both[0] == pytest.approx(70 + 10 * (5000 - 4900) / (6400 - 4900))
    assert np.isnan(both[1])
    with pytest.raises(ValueError, match="steps must rise"):
        half_way([0, 0, 1], [1, 2, 3])


def test_a_lag_is_the_difference_of_medians_and_its_interval_holds_it() -> None:
    hits = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        turns = 40 + rng.normal(0, 4, 12)
        series = 1 / (1 + np.exp(-(STEPS - turns[:, None]) / 6))
        found = lag(STEPS, series, 70 + rng.normal(0, 8, 25), n_resamples=200, seed=seed)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 30 <= found.high
    assert hits >= 34  # 95 % of 40, less two and a half standard deviations


def test_what_has_no_lag_or_no_interval_says_why() -> None:
    rising = np.tile(STEPS / 100.0, (6, 1))
    assert lag(STEPS, rising, [60.0, np.inf, 80.0]).value == pytest.approx(30)
    few = lag(STEPS, rising, [60.0, 70.0, 80.0])
    assert (few.value, few.low, few.reason) == (pytest.approx(20), None, "3 names or series")
    assert np.isnan(lag(STEPS, rising, [np.inf] * 9).value)
    assert lag(STEPS, np.ones((6, 11)), [60.0] * 9).reason == "no lag"
    with pytest.raises(ValueError, match="none of them empty"):
        lag(STEPS, rising, [])
