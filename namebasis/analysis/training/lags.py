"""How much later one side of a measure crosses than another: ratio, interval and null."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.analysis.intervals import CONFIDENCE, resampled_ends
from namebasis.analysis.training.change_points import crossing_places
from namebasis.checks import Float64Array, check_count

_N_RESAMPLES = 1000


@dataclass(frozen=True)
class Lag:
    """How much later the second side of each series crosses than the first.

    Attributes
    ----------
    ratio, low, high : float
        Median over the series of the second place over the first, and its bootstrap interval over
        series; infinite where most of them never cross on the second side, NaN for fewer than 3.
    null, null_low, null_high : float
        The same median where sides are dealt at random, over the deals; NaN without any.
    n, n_never : int
        Series that cross on the first side, and those of them that never do on the second.
    ratios : ndarray of shape (n_series,)
        Of each; NaN where it does not cross on the first side, infinite where on that alone.
    """

    ratio: float
    low: float
    high: float
    null: float
    null_low: float
    null_high: float
    n: int
    n_never: int
    ratios: Float64Array


def lag_of_places(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    dealt: npt.ArrayLike = (),
    *,
    seed: int = 0,
) -> Lag:
    """The lag between places where series cross.

    Parameters
    ----------
    first, second : array_like of shape (n_series,)
        Places on each side, at least 0, such as exposures; infinite where a series never crosses,
        and NaN on the first side where it was above the level from the start. One is added to
        each, so that a place of 0 has a ratio too.
    dealt : array_like of shape (n_null,)
        Medians where sides were dealt at random.
    seed : int
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"places must be 1-D and of one shape; got {a.shape} and {b.shape}.")
    ratios = np.where(np.isfinite(a), (1 + b) / (1 + np.where(np.isfinite(a), a, 0.0)), np.nan)
    known = ratios[np.isfinite(ratios) | np.isposinf(ratios)]
    null = np.asarray(dealt, dtype=np.float64)
    null = null[~np.isnan(null)]
    nan = float("nan")
    middle, bottom, top = (nan, nan, nan)
    if len(null):
        middle, bottom, top = np.quantile(null, [0.5, *_tails()], method="inverted_cdf").tolist()
    n_never = int(np.isposinf(known).sum())
    if len(known) < 3:
        return Lag(nan, nan, nan, middle, bottom, top, len(known), n_never, ratios)
    rng = np.random.default_rng(seed)
    again = known[rng.integers(0, len(known), (_N_RESAMPLES, len(known)))]
    low, high = resampled_ends(_medians(again), len(known))
    return Lag(
        _median(known), max(low, 0.0), high, middle, bottom, top, len(known), n_never, ratios
    )


def lag_of_columns(
    values: npt.ArrayLike,
    is_first: npt.ArrayLike,
    positions: npt.ArrayLike,
    *,
    n_null: int = 40,
    seed: int = 0,
) -> Lag:
    """The lag between the mean of some columns of each series and that of the others.

    The null deals as many columns to the first side at random.

    Parameters
    ----------
    values : array_like of shape (n_series, n_columns, n_points)
        Each crosses 0 somewhere, or never.
    is_first : array_like of shape (n_series, n_columns), bool
        At least one column on each side.
    positions : array_like of shape (n_series, n_points)
        Exposures or steps, at least 0, not decreasing.
    n_null : int
        Deals; 0 for none.
    seed : int

    Raises
    ------
    ValueError
        If shapes do not fit, a value is not finite, or a side is empty.
    """
    rows = np.asarray(values, dtype=np.float64)
    mask, places = np.asarray(is_first, dtype=bool), np.asarray(positions, dtype=np.float64)
    check_count(n_null, "n_null", 0)
    fits = rows.ndim == 3 and mask.shape == rows.shape[:2]
    if not fits or places.shape != (rows.shape[0], rows.shape[2]):
        raise ValueError(
            "values must be (n_series, n_columns, n_points), is_first without the points and "
            f"positions without the columns; got {rows.shape}, {mask.shape} and {places.shape}."
        )
    if not np.isfinite(rows).all() or (mask.all(axis=1) | ~mask.any(axis=1)).any():
        raise ValueError("values must be finite, and each series have a column on both sides.")
    rng = np.random.default_rng([seed, 1])
    dealt = []
    for _ in range(n_null):
        other = rng.permuted(mask, axis=1)
        dealt.append(lag_of_places(*_both(rows, other, places), seed=seed).ratios)
    medians = [_median(one[~np.isnan(one)]) for one in dealt]
    return lag_of_places(*_both(rows, mask, places), medians, seed=seed)


def _both(
    rows: Float64Array, mask: npt.NDArray[np.bool_], positions: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Where the mean of each series' columns crosses 0 on either side."""
    found = np.empty((2, len(rows)))
    for at, (values, is_first, place) in enumerate(zip(rows, mask, positions, strict=True)):
        sides = np.stack([values[is_first].mean(axis=0), values[~is_first].mean(axis=0)])
        # On the logarithm, where ratios are distances and exposures are evenly spread.
        first, second = crossing_places(np.log1p(place), sides)
        found[:, at] = np.nan if first <= np.log1p(place[0]) else np.expm1(first), np.expm1(second)
    return found[0], found[1]


def _median(values: Float64Array) -> float:
    """The lower median, which is one of the values, infinite ones too; NaN of none."""
    if not len(values):
        return float("nan")
    return float(np.quantile(values, 0.5, method="inverted_cdf"))


def _medians(rows: Float64Array) -> Float64Array:
    return np.asarray(np.quantile(rows, 0.5, axis=1, method="inverted_cdf"))


def _tails() -> tuple[float, float]:
    return (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
