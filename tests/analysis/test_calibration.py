"""Calibration against closed forms and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from namebasis.analysis.calibration import calibration


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
    deviation = np.sqrt(one.observed * (1 - one.observed) / (one.n - 1))
    assert one.high - one.low == pytest.approx(2 * 1.96 * deviation)
    assert sum(b.n for b in got.bins) == 1000


def test_refusals() -> None:
    with pytest.raises(ValueError, match="1-D and of equal length"):
        calibration([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="must be finite"):
        calibration([np.nan], [1.0], n_bins=1)
    with pytest.raises(ValueError, match="n_bins"):
        calibration([1.0, 2.0], [1.0, 2.0], n_bins=3)
