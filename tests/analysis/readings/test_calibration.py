"""Calibration against closed forms and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, ttest_1samp
from sklearn.calibration import calibration_curve

from namebasis.analysis.readings.calibration import calibration


def test_true_predictions_are_calibrated_and_wide_ones_too_bold() -> None:
    truth = np.linspace(0, 1, 200)
    right = calibration(truth, truth)
    assert right.error == pytest.approx(0)
    assert right.slope == pytest.approx(1)
    bold = calibration(2 * truth, truth)
    assert bold.slope == pytest.approx(0.5)
    assert bold.error == pytest.approx(truth.mean())
    assert np.isnan(calibration(np.ones(20), truth[:20]).slope)


def test_bins_equal_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    predicted = rng.random(1000)
    observed = (rng.random(1000) < predicted).astype(float)
    got = calibration(predicted, observed, n_bins=5)
    shares, means = calibration_curve(observed, predicted, n_bins=5, strategy="quantile")
    np.testing.assert_allclose([b.predicted for b in got.bins], means, atol=1e-2)
    np.testing.assert_allclose([b.observed for b in got.bins], shares, atol=1e-2)
    one = got.bins[2]
    exact = binomtest(round(one.observed * one.n), one.n).proportion_ci(method="exact")
    assert (one.low, one.high) == pytest.approx((exact.low, exact.high))
    assert sum(b.n for b in got.bins) == 1000


def test_bins_have_the_interval_of_their_kind_or_none() -> None:
    told = calibration(np.arange(40.0), np.ones(40), n_bins=2).bins
    assert [(b.low, b.high) for b in told] == [(pytest.approx(0.025 ** (1 / 20)), 1.0)] * 2
    years = np.random.default_rng(0).normal(40, 9, 30)
    years[5:10] = 80 - years[:5]  # ten without skewness
    got = calibration(np.arange(30.0), years, n_bins=3).bins[0]
    peer = ttest_1samp(years[:10], 0).confidence_interval()
    assert (got.low, got.high) == pytest.approx((peer.low, peer.high))
    alone = calibration(np.arange(10.0), [20.0, 30, 31, 32, 35, 41, 41, 41, 41, 41], n_bins=2).bins
    assert alone[0].low is not None
    assert (alone[1].observed, alone[1].low, alone[1].high) == (41, None, None)
    assert {b.low for b in calibration(np.arange(30.0), years, n_bins=10).bins} == {None}  # of 3


def test_refusals() -> None:
    with pytest.raises(ValueError, match="1-D and of equal length"):
        calibration([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="must be finite"):
        calibration([np.nan], [1.0], n_bins=1)
    with pytest.raises(ValueError, match="n_bins"):
        calibration([1.0, 2.0], [1.0, 2.0], n_bins=3)
