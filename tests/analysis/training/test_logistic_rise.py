"""Logistic rises and where they cross a level."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from namebasis.analysis.training.logistic_rise import logistic_crossing, logistic_rise_crossing

RNG = np.random.default_rng(0)


def test_a_logistic_rise_crosses_where_its_curve_does() -> None:
    places = np.linspace(0, 7, 17)
    series = -0.4 + 1.2 / (1 + np.exp(-(places - 3) / 0.8))
    # -0.4 + 1.2 s = level, so s = (level + 0.4) / 1.2.
    expected = 3 + 0.8 * np.log((0.1 + 0.4) / (0.8 - 0.1))
    assert logistic_crossing(places, series, 0.1) == pytest.approx(expected, abs=1e-4)
    noisy = [
        logistic_crossing(places, series + 0.1 * RNG.standard_normal(17), 0.1) for _ in range(40)
    ]
    assert np.median(noisy) == pytest.approx(expected, abs=0.15)
    assert np.std(noisy) < 0.5
    assert logistic_crossing(places, series + 1, 0.1) == 0.0
    assert np.isnan(logistic_crossing(places, series - 2, 0.1))
    assert np.isnan(logistic_crossing(places, -series - 1, 0.1))
    assert np.isnan(logistic_crossing(places, np.zeros(17), 0.1))
    with pytest.raises(ValueError, match="at least 5 points; got 3"):
        logistic_crossing([0, 1, 2], [0.0, 1, 2], 0.1)
    with pytest.raises(ValueError, match="not decreasing"):
        logistic_crossing([0, 2, 1, 3, 4], np.arange(5.0), 0.1)


def test_the_fit_has_the_least_squared_error_as_a_peer_finds_it() -> None:
    places = np.sort(RNG.uniform(0, 6, 20))

    def curve(x, start, height, middle, width):
        return start + height / (1 + np.exp(-(x - middle) / width))

    for middle, width in ((2.0, 0.4), (3.5, 0.9)):
        series = curve(places, -0.3, 0.9, middle, width) + 0.05 * RNG.standard_normal(20)
        (start, height, at, wide), _ = curve_fit(
            curve, places, series, p0=(-0.3, 0.9, middle, width), maxfev=5000
        )
        expected = at + wide * np.log(-start / (height + start))
        assert logistic_crossing(places, series, 0.0) == pytest.approx(expected, abs=2e-3)


def test_the_interval_of_a_rise_holds_the_truth_and_says_where_there_is_none() -> None:
    places = np.linspace(0, 6, 15)
    series = -0.4 + 0.9 / (1 + np.exp(-(places - 3) / 0.5))
    true, inside = 3 + 0.5 * np.log(0.4 / 0.5), 0
    for _ in range(60):
        each = series + 0.3 * RNG.standard_normal((12, 15))
        draws = np.stack([each[RNG.integers(0, 12, 12)].mean(axis=0) for _ in range(60)])
        found = logistic_rise_crossing(places, each.mean(axis=0), draws, n_resampled=12)
        assert found.state == "crossed"
        inside += found.low <= true <= found.high
    assert inside >= 53  # of 57 expected; below this, one time in 20,000
    below = logistic_rise_crossing(places, series - 1, [series - 1, series - 1.01])
    assert (below.state, below.share, below.high) == ("never", 0.0, np.inf)
    assert np.isnan(below.position)
    above = logistic_rise_crossing(places, series + 1, [series + 1, series + 1.01])
    assert (above.state, above.position) == ("before", 0.0)
    with pytest.raises(ValueError, match="one for each position; got shape"):
        logistic_rise_crossing(places, series, np.zeros((2, 3)))
