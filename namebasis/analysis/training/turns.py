"""How far the turn of one measure lies from the crossings of names, with a bootstrap interval."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from namebasis.analysis.intervals import CONFIDENCE, Interval
from namebasis.checks import Float64Array, check_count

_FEWEST = 5
_ROUNDING = 1e-6  # of the largest value: what changes by less does not move


def half_way(steps: npt.ArrayLike, values: npt.ArrayLike) -> Float64Array:
    """Step at which each series has first made half of its way from the first to the last value.

    Straight between two steps; NaN for a series that ends where it began or is not finite.

    Parameters
    ----------
    steps : array_like of shape (n,)
        Rising.
    values : array_like of shape (..., n)

    Returns
    -------
    ndarray of shape (...)
    """
    places, series = np.asarray(steps, np.float64), np.asarray(values, np.float64)
    if places.ndim != 1 or series.shape[-1:] != places.shape or (np.diff(places) <= 0).any():
        raise ValueError("steps must rise, and be one for each value of a series.")
    rows = series.reshape(-1, len(places))
    way = rows[:, -1:] - rows[:, :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (rows - rows[:, :1]) / way
    is_there = share >= 0.5
    at = np.maximum(is_there.argmax(axis=1), 1)
    all_rows = np.arange(len(rows))
    low, high = share[all_rows, at - 1], share[all_rows, at]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = (0.5 - low) / (high - low)
    found = places[at - 1] + part * (places[at] - places[at - 1])
    moves = np.abs(way[:, 0]) > _ROUNDING * np.abs(rows).max(axis=1)
    known = np.isfinite(rows).all(axis=1) & moves
    return np.asarray(np.where(known, found, np.nan)).reshape(series.shape[:-1])


def lag(
    steps: npt.ArrayLike,
    series: npt.ArrayLike,
    crossings: npt.ArrayLike,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Median step at which names cross less the step at which a measure is half-way.

    Above 0 the measure turns first. The interval is of a bootstrap that draws names, and the
    replicates of the measure whose mean is taken, each with replacement.

    Parameters
    ----------
    steps : array_like of shape (n,)
    series : array_like of shape (n_replicates, n)
        The measure of each matrix, or of each chain.
    crossings : array_like of shape (n_names,)
        Infinite where a name never crosses.
    n_resamples, seed : int

    Returns
    -------
    Interval
        In steps. NaN where the measure does not move or fewer than half of the names cross; no
        bounds for fewer than 5 names or replicates.
    """
    rows, places = np.asarray(series, np.float64), np.asarray(crossings, np.float64)
    if rows.ndim != 2 or places.ndim != 1 or not len(rows) or not len(places):
        raise ValueError(
            f"series must be 2-D and crossings 1-D, none of them empty; got {rows.shape} and "
            f"{places.shape}."
        )
    check_count(n_resamples, "n_resamples", 20)
    found = float(_median(places[None])[0] - half_way(steps, rows.mean(axis=0)))
    value = found if np.isfinite(found) else float("nan")
    few = min(len(rows), len(places))
    if few < _FEWEST or not np.isfinite(value):
        reason = f"{few} names or series" if few < _FEWEST else "no lag"
        return Interval(value, None, None, reason)
    rng = np.random.default_rng(seed)
    names = places[rng.integers(len(places), size=(n_resamples, len(places)))]
    means = rows[rng.integers(len(rows), size=(n_resamples, len(rows)))].mean(axis=1)
    draws = np.sort(_median(names) - half_way(steps, means))
    if np.isnan(draws).any():
        return Interval(value, None, None, "a resample does not move")
    ends = ((1 - CONFIDENCE) / 2 * (n_resamples - 1), (1 + CONFIDENCE) / 2 * (n_resamples - 1))
    return Interval(value, float(draws[int(ends[0])]), float(draws[int(np.ceil(ends[1]))]))


def _median(rows: Float64Array) -> Float64Array:
    """Of each row; infinite where half of it is."""
    ranked = np.sort(rows, axis=1)
    middle = ranked[:, (rows.shape[1] - 1) // 2], ranked[:, rows.shape[1] // 2]
    return np.asarray((middle[0] + middle[1]) / 2)
