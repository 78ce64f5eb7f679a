"""Where a trajectory changes, and where it crosses a level, with bootstrap intervals.

A change point here is where the mean of a series is best split; a fast S-shaped rise has one as
well as a jump does, so none of this shows a discontinuity.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.analysis.intervals import CONFIDENCE, resampled_ends
from namebasis.checks import Float64Array, check_count


@dataclass(frozen=True)
class ChangePoint:
    """A change of a series' mean.

    Attributes
    ----------
    index : int
        The first point after the change.
    low, high : int
        Bounds of its bootstrap interval.
    before, after : float
        Means of the segments on both sides.
    """

    index: int
    low: int
    high: int
    before: float
    after: float


@dataclass(frozen=True)
class Crossing:
    """Where a rising series crosses a level.

    Attributes
    ----------
    position : float
        NaN where the series does not cross.
    low, high : float
        Bootstrap interval; infinite where that share of the draws never crosses. From the first
        position to infinity where there are too few draws to tell.
    share : float
        Share of the draws that cross.
    state : str
        ``crossed``, ``never``, or ``before``: never below the level.
    """

    position: float
    low: float
    high: float
    share: float
    state: str


def change_points(
    values: npt.ArrayLike, draws: npt.ArrayLike, *, max_points: int = 3, min_size: int = 2
) -> tuple[ChangePoint, ...]:
    """Split a series into segments of constant mean, by `ruptures` at every point (jump 1).

    The number of changes has the least penalised squared error, ``error + 3 k v log n`` for k
    changes, n points and the mean variance v of the draws.

    Parameters
    ----------
    values : array_like of shape (n,)
        At least ``2 * min_size`` points.
    draws : array_like of shape (n_resamples, n)
        The series in each bootstrap resample of what it was measured on.
    max_points : int
        The most changes.
    min_size : int
        The fewest points of a segment.

    Returns
    -------
    tuple of ChangePoint
        Empty where no split is worth its penalty.

    Raises
    ------
    ValueError
        If shapes do not fit, a value is not finite, or there are too few points.
    """
    from ruptures import KernelCPD

    series, resampled = _series(values, draws)
    n = len(series)
    check_count(min_size, "min_size")
    if n < 2 * min_size:
        raise ValueError(f"values needs at least {2 * min_size} points; got {n}.")
    most = min(check_count(max_points, "max_points"), n // min_size - 1)
    penalty = 3 * float(resampled.var(axis=0, ddof=1).mean()) * np.log(n)

    def split(points: Float64Array, count: int) -> list[int]:
        # The linear kernel's cost is the squared error about the mean; it looks at every point.
        search = KernelCPD(kernel="linear", min_size=min_size, jump=1)
        found: list[int] = search.fit(np.ascontiguousarray(points[:, None])).predict(n_bkps=count)
        return found[:-1]

    splits = [[], *(split(series, count) for count in range(1, most + 1))]
    costs = [_error(series, at) + penalty * len(at) for at in splits]
    chosen = splits[int(np.argmin(costs))]
    if not chosen:
        return ()
    again = np.array([split(draw, len(chosen)) for draw in resampled])
    low, high = np.quantile(again, _bounds(), axis=0)
    edges = [0, *chosen, n]
    means = [float(series[a:b].mean()) for a, b in itertools.pairwise(edges)]
    return tuple(
        ChangePoint(
            at, int(np.floor(low[row])), int(np.ceil(high[row])), means[row], means[row + 1]
        )
        for row, at in enumerate(chosen)
    )


def isotonic(values: npt.ArrayLike) -> Float64Array:
    """The nearest non-decreasing series in squared error, along the last axis [1]_.

    Parameters
    ----------
    values : array_like of shape (..., n)

    Returns
    -------
    ndarray of the same shape

    References
    ----------
    .. [1] Robertson, Wright and Dykstra (1988), Order restricted statistical inference, eq. 1.4.6.
    """
    from scipy.optimize import isotonic_regression

    series = np.asarray(values, dtype=np.float64)
    rows = series.reshape(-1, series.shape[-1])
    return np.array([isotonic_regression(row).x for row in rows]).reshape(series.shape)


def crossing(
    positions: npt.ArrayLike,
    values: npt.ArrayLike,
    draws: npt.ArrayLike,
    *,
    level: float = 0.0,
    n_resampled: int | None = None,
) -> Crossing:
    """Where a series rises above a level after its lowest point.

    What comes before the lowest point is left aside: a measure often falls before it rises, as
    when a model first has to learn what it is measured against. From there on an isotonic fit is
    taken, straight between two points.

    Parameters
    ----------
    positions : array_like of shape (n,)
        Steps, or a function of exposures; not decreasing.
    values : array_like of shape (n,)
    draws : array_like of shape (n_resamples, n)
        The series in each bootstrap resample.
    level : float
    n_resampled : int, optional
        How many things each resample drew; see `intervals.resampled_ends`, which widens the
        interval where these are few.

    Raises
    ------
    ValueError
        If shapes do not fit, a value is not finite, or positions decrease.
    """
    series, resampled = _series(values, draws)
    places = np.asarray(positions, dtype=np.float64)
    _check_places(places, series)
    fit = isotonic(_from_lowest(series[None]))
    found = _cross(places, fit, level)[0]
    again = crossing_places(places, resampled, level=level)
    share = float(np.isfinite(again).mean())
    low, high = resampled_ends(again, n_resampled, confidence=CONFIDENCE)
    low = max(low, float(places[0]))
    if not np.isfinite(found):
        return Crossing(float("nan"), low, high, share, "never")
    state = "before" if fit[0, 0] >= level else "crossed"
    return Crossing(float(found), low, high, share, state)


def crossing_places(
    positions: npt.ArrayLike, rows: npt.ArrayLike, *, level: float = 0.0
) -> Float64Array:
    """Where each of some series rises above a level, as `crossing` finds it.

    Parameters
    ----------
    positions : array_like of shape (n,)
        Not decreasing.
    rows : array_like of shape (n_series, n)
    level : float

    Returns
    -------
    ndarray of shape (n_series,)
        The first position where a series is never below the level; infinite where it never
        crosses.
    """
    series = np.asarray(rows, dtype=np.float64)
    return _cross(np.asarray(positions, np.float64), isotonic(_from_lowest(series)), level)


def rise(positions: npt.ArrayLike, values: npt.ArrayLike) -> tuple[float, float]:
    """Positions at which a series has made 10 and 90 % of its rise; NaN without a rise.

    Of an isotonic fit from the lowest point on, as for `crossing`.
    """
    places = np.asarray(positions, dtype=np.float64)
    fit = isotonic(_from_lowest(np.asarray(values, dtype=np.float64)[None]))[0]
    if not fit[-1] > fit[0]:
        return float("nan"), float("nan")
    levels = fit[0] + np.array([0.1, 0.9]) * (fit[-1] - fit[0])
    low, high = (float(_cross(places, fit[None], level)[0]) for level in levels)
    return low, high


def _from_lowest(rows: Float64Array) -> Float64Array:
    """Each row with its lowest value in place of what comes before it, which no fit then moves."""
    lowest = rows.argmin(axis=1)[:, None]
    is_before = np.arange(rows.shape[1])[None] < lowest
    return np.where(is_before, rows.min(axis=1, keepdims=True), rows)


def _check_places(places: Float64Array, series: Float64Array) -> None:
    if places.shape != series.shape or not np.isfinite(places).all() or (np.diff(places) < 0).any():
        raise ValueError("positions must be finite, not decreasing and one for each value.")


def _series(values: npt.ArrayLike, draws: npt.ArrayLike) -> tuple[Float64Array, Float64Array]:
    series, resampled = np.asarray(values, np.float64), np.asarray(draws, np.float64)
    if series.ndim != 1 or resampled.ndim != 2 or resampled.shape[1] != len(series):
        raise ValueError(
            f"values must be 1-D and draws (n_resamples, {series.shape[0] if series.ndim else 0}); "
            f"got {series.shape} and {resampled.shape}."
        )
    if len(resampled) < 2 or not np.isfinite(series).all() or not np.isfinite(resampled).all():
        raise ValueError("values and draws must be finite, with at least 2 draws.")
    return series, resampled


def _bounds() -> list[float]:
    return [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]


def _error(series: Float64Array, at: list[int]) -> float:
    return float(sum(((part - part.mean()) ** 2).sum() for part in np.split(series, at)))


def _cross(places: Float64Array, fits: Float64Array, level: float) -> Float64Array:
    """First place of each non-decreasing row of `fits` at `level`; infinite where there is none."""
    above = fits >= level
    first = above.argmax(axis=1)
    rows = np.arange(len(fits))
    prior = np.maximum(first - 1, 0)
    high, low = fits[rows, first], fits[rows, prior]
    share = np.where(first > 0, (level - low) / np.where(high > low, high - low, 1.0), 0.0)
    found = places[prior] + share * (places[first] - places[prior])
    found = np.where(first > 0, found, places[first])
    return np.asarray(np.where(above.any(axis=1), found, np.inf))
