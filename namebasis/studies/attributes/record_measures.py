"""Agreement of readings with records: rank correlation and AUC, intervals and nulls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from namebasis.analysis import intervals
from namebasis.checks import Float64Array, FloatArray

NAN = float("nan")
_NORMAL = 1.959963984540054  # Φ⁻¹(0.975)
_N_SHUFFLES = 1000
_MANY = {"Spearman": 200, "AUC": 50}
"""Names, or names of the rarer kind, from which on the normal limit is as good as shuffles."""


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
    value : float
    low, high : float or None
        Its 95 % interval over names, see `analysis.intervals`; None where there is none.
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
    low: float | None
    high: float | None
    null: float
    n_names: int


def spearman(reading: Float64Array, truth: Float64Array) -> float:
    """Rank correlation; NaN where one side is constant."""
    return float(intervals.rank_correlations(reading, truth))


def auc(reading: Float64Array, share: Float64Array) -> float:
    """Chance that a name with a share of one half or more reads above another.

    NaN with names of one kind only.
    """
    above = share >= 0.5
    return intervals.auc(reading[above], reading[~above]) if 0 < above.sum() < above.size else NAN


def interval(
    measure: str,
    reading: Float64Array,
    truth: Float64Array,
) -> tuple[float, float | None, float | None]:
    """Value of a measure, with the ends of its 95 % interval over names.

    None for ends where there is no interval.
    """
    if measure == "Spearman":
        found = intervals.rank_correlation_interval(reading, truth)
    else:
        above = truth >= 0.5
        if not 0 < above.sum() < above.size:
            return NAN, None, None
        found = intervals.auc_interval(reading[above], reading[~above])
    return found.value, found.low, found.high


def of_ranks(measure: str, ranks: FloatArray | Float64Array, truth: Float64Array) -> Float64Array:
    """Spearman or AUC of many readings of the same names, from their ranks.

    Parameters
    ----------
    measure : str
    ranks : ndarray of shape (n_readings, n)
        Ties have the mean of their ranks.
    truth : ndarray of shape (n,)

    Returns
    -------
    ndarray of shape (n_readings,), float64
        NaN where one side is constant or names are of one kind.
    """
    from scipy.stats import rankdata

    n = len(truth)
    if measure == "AUC":
        own = truth >= 0.5
        m = int(own.sum())
        if not 0 < m < n:
            return np.full(len(ranks), NAN)
        sums = ranks[:, own].sum(axis=1, dtype=np.float64)
        return np.asarray((sums - m * (m + 1) / 2) / (m * (n - m)))
    told = rankdata(truth) - (n + 1) / 2
    spreads = np.array([np.linalg.norm(one - (n + 1) / 2) for one in ranks]) * np.linalg.norm(told)
    # Rounding may pass 1 by a hair.
    return np.asarray(np.clip((ranks @ told) / np.where(spreads > 0, spreads, NAN), -1, 1))


def chance_null(measure: str, readings: Float64Array, truth: Float64Array) -> float:
    """What 95 % of chance axes, one a column, stay below; their sign is taken as it suits them."""
    from scipy.stats import rankdata

    neutral = 0.0 if measure == "Spearman" else 0.5
    values = of_ranks(measure, rankdata(readings.T, axis=1), truth)
    values = values[np.isfinite(values)]
    return neutral + float(np.quantile(np.abs(values - neutral), 0.95)) if values.size else NAN


def shuffled_null(
    measure: str, reading: Float64Array, truth: Float64Array, *, seed: int = 0
) -> float:
    """What 95 % of shuffles of the records stay below; like the measure, never above 1.

    Of few names the shuffles are drawn. Of many the normal limit of either measure is taken, with
    the variance that ties leave it, which is exact at any number.

    Parameters
    ----------
    measure : str
        "Spearman" or "AUC".
    reading, truth : ndarray of shape (n_names,)
    seed : int
        Of the shuffles.

    Returns
    -------
    float
        NaN where the measure has no value: one side is constant, or names are of one kind.
    """
    n, above = len(truth), truth >= 0.5
    fewest = n if measure == "Spearman" else int(min(above.sum(), n - above.sum()))
    if fewest < _MANY[measure]:
        rng = np.random.default_rng(seed)
        return chance_null(
            measure, rng.permuted(np.tile(reading, (_N_SHUFFLES, 1)), axis=1).T, truth
        )
    if measure == "Spearman":
        return _NORMAL / (n - 1) ** 0.5 if np.isfinite(spearman(reading, truth)) else NAN
    from scipy.stats import rankdata

    variance = float(rankdata(reading).var()) / ((n - 1) * fewest * (n - fewest))
    return float(0.5 + _NORMAL * variance**0.5)
