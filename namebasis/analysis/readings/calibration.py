"""Does a belief of 70 % come true in 70 %: reliability of predictions, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.analysis.intervals import mean_interval, share_interval
from namebasis.checks import check_count


@dataclass(frozen=True)
class Bin:
    """Names with like predictions.

    Attributes
    ----------
    predicted, observed : float
        Means over the bin's names, in the unit of the predictions.
    low, high : float or None
        95 % interval of `observed`, by `intervals.share_interval` where everything observed lies
        in [0, 1] and by `intervals.mean_interval` otherwise; None where that has none, as of one
        name or of equal values.
    n : int
    """

    predicted: float
    observed: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Calibration:
    """A reliability curve.

    Attributes
    ----------
    bins : tuple of Bin
        By rising prediction.
    error : float
        Mean absolute distance between predicted and observed over the bins, weighted by names
        (the expected calibration error [1]_), in the unit of the predictions.
    slope : float
        Of the observed on the predicted over single names; 1 where beliefs are as wide as the
        truth, below 1 where they are too bold, above 1 where too timid. NaN for equal predictions.

    References
    ----------
    .. [1] Naeini, Cooper and Hauskrecht (2015), Obtaining well calibrated probabilities using
       Bayesian binning, AAAI.
    """

    bins: tuple[Bin, ...]
    error: float
    slope: float


def calibration(
    predictions: npt.ArrayLike, observed: npt.ArrayLike, *, n_bins: int = 10
) -> Calibration:
    """Compare predictions with what is so, in bins of equally many names.

    Parameters
    ----------
    predictions, observed : array_like of shape (n_names,)
        Finite, in the same unit.
    n_bins : int
        At most as many as names.

    Raises
    ------
    ValueError
        If the two differ in shape, are not finite or there are fewer names than bins.
    """
    left = np.asarray(predictions, dtype=np.float64)
    right = np.asarray(observed, dtype=np.float64)
    if left.ndim != 1 or left.shape != right.shape:
        raise ValueError(
            f"predictions and observed must be 1-D and of equal length; got {left.shape} "
            f"and {right.shape}."
        )
    if not (np.isfinite(left).all() and np.isfinite(right).all()):
        raise ValueError("predictions and observed must be finite.")
    check_count(n_bins, "n_bins", 1, len(left))
    parts = np.array_split(np.argsort(left, kind="stable"), n_bins)
    of = share_interval if right.min() >= 0 and right.max() <= 1 else mean_interval
    found = [(float(left[part].mean()), of(right[part]), len(part)) for part in parts]
    bins = tuple(Bin(at, one.value, one.low, one.high, n) for at, one, n in found)
    error = sum(b.n * abs(b.predicted - b.observed) for b in bins) / len(left)
    spread = left - left.mean()
    square = float(spread @ spread)
    slope = float(spread @ right) / square if square > 1e-24 else float("nan")
    return Calibration(bins, float(error), slope)
