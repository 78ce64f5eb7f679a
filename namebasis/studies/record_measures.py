"""Agreement of readings with records: rank correlation and AUC, intervals and nulls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from namebasis.analysis.axes import Float64Array


@dataclass(frozen=True)
class Measure:
    """One comparison of a reading with a fact.

    Attributes
    ----------
    fact : str
        Such as "age" or "women".
    measure : str
        "Spearman" or "AUC".
    reading : str
        One of `analysis.axes.READINGS`; "probe", the cross-validated one; "spelling", the same
        probe on letters alone.
    value, low, high : float
        With its 95 % bootstrap interval over names.
    null : float
        What 95 % of nulls stay below, in either direction. Of a reading without labels: chance
        axes, differences between made-up names, read by `projection` (`inferred` by itself). Of a
        probe: the records shuffled.
    n_names : int
    """

    fact: str
    measure: str
    reading: str
    value: float
    low: float
    high: float
    null: float
    n_names: int


def spearman(reading: Float64Array, truth: Float64Array) -> float:
    """Rank correlation; NaN where one side is constant."""
    return float(_spearmans(reading[:, None], truth[:, None])[0])


def auc(reading: Float64Array, share: Float64Array) -> float:
    """Chance that a name with a share of one half or more reads above another.

    NaN with names of one kind only.
    """
    return float(_aucs(reading[:, None], share[:, None])[0])


def _spearmans(readings: Float64Array, truths: Float64Array) -> Float64Array:
    """Of each column; `truths` has as many columns, or one for all."""
    from scipy.stats import rankdata

    left, right = rankdata(readings, axis=0), rankdata(truths, axis=0)
    left, right = left - left.mean(axis=0), right - right.mean(axis=0)
    scale = np.sqrt(np.square(left).sum(axis=0) * np.square(right).sum(axis=0))
    found = np.full(len(scale), np.nan)
    return np.asarray(np.divide((left * right).sum(axis=0), scale, out=found, where=scale > 0))


def _aucs(readings: Float64Array, shares: Float64Array) -> Float64Array:
    """Of each column; `shares` has as many columns, or one for all."""
    from scipy.stats import rankdata

    above = shares >= 0.5
    n_above = above.sum(axis=0).astype(np.float64)
    pairs = n_above * (len(shares) - n_above)
    excess = (rankdata(readings, axis=0) * above).sum(axis=0) - n_above * (n_above + 1) / 2
    found = np.full(readings.shape[1], np.nan)
    return np.asarray(np.divide(excess, pairs, out=found, where=pairs > 0))


_COLUMNS: dict[str, Callable[[Float64Array, Float64Array], Float64Array]] = {
    "Spearman": _spearmans,
    "AUC": _aucs,
}
_NEUTRAL = {"Spearman": 0.0, "AUC": 0.5}
_AT_ONCE = 50
"""Resamples that are ranked together, for the sake of memory."""


def interval(
    measure: str, reading: Float64Array, truth: Float64Array, n_resamples: int, seed: int
) -> tuple[float, float, float]:
    """Value of a measure, with the ends of its 95 % bootstrap interval over names."""
    of = _COLUMNS[measure]
    rng = np.random.default_rng(seed)
    parts = []
    for start in range(0, n_resamples, _AT_ONCE):
        n = min(_AT_ONCE, n_resamples - start)
        draws = rng.integers(0, len(truth), (n, len(truth))).T
        parts.append(of(reading[draws], truth[draws]))
    values = np.concatenate(parts)
    known = values[np.isfinite(values)]  # a resample may hold one kind only
    low, high = np.quantile(known, (0.025, 0.975)) if known.size else (np.nan, np.nan)
    return float(of(reading[:, None], truth[:, None])[0]), float(low), float(high)


def chance_null(measure: str, readings: Float64Array, truth: Float64Array) -> float:
    """What 95 % of chance axes, one a column, stay below; their sign is taken as it suits them."""
    neutral = _NEUTRAL[measure]
    values = _COLUMNS[measure](readings, truth[:, None])
    return neutral + float(np.nanquantile(np.abs(values - neutral), 0.95))


def shuffled_null(measure: str, truth: Float64Array) -> float:
    """What 95 % of shuffles of the records stay below, by the normal limit of either measure."""
    n = len(truth)
    if measure == "Spearman":
        return float(1.96 / (n - 1) ** 0.5)
    above = int((truth >= 0.5).sum())
    return float(0.5 + 1.96 * ((n + 1) / (12 * above * (n - above))) ** 0.5)
