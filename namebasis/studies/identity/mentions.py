"""From how many mentions on a model is likely to know a person."""

from __future__ import annotations

import numpy as np

from namebasis.analysis.intervals import Interval, resampled_ends
from namebasis.checks import Float64Array

_FEWEST_EACH, _N_RESAMPLES = 5, 200
ENDLESS = 1e12
"""Mentions that nobody has: an upper end as high is told as none."""


def threshold(
    counts: Float64Array,
    known: np.ndarray,
    seed: int,
    *,
    is_it: str = "known",
    is_not: str = "unknown",
) -> Interval:
    """The mentions at which a person is as likely known as not.

    A logistic regression on the logarithm of the mentions, with a bootstrap over people.

    Parameters
    ----------
    counts : ndarray of shape (n,)
    known : ndarray of shape (n,), bool
    seed : int
    is_it, is_not : str
        What the two sides are called in the reason.

    Returns
    -------
    Interval
        NaN, with the reason, where the people do not tell.
    """
    nothing = float("nan")
    if min(known.sum(), (~known).sum()) < _FEWEST_EACH:
        few = is_it if known.sum() < _FEWEST_EACH else is_not
        return Interval(nothing, None, None, f"fewer than {_FEWEST_EACH} people are {few}")
    found = _even_odds(counts, known)
    if not np.isfinite(found) or not counts.min() <= found <= counts.max():
        return Interval(nothing, None, None, f"no number of mentions parts {is_it} from {is_not}")
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(_N_RESAMPLES):
        rows = rng.integers(0, len(counts), len(counts))
        at = _even_odds(counts[rows], known[rows])
        draws.append(at if np.isfinite(at) else np.inf)
    low, high = resampled_ends(draws, len(counts))
    return Interval(found, min(low, found), max(high, found))


def _even_odds(counts: Float64Array, known: np.ndarray) -> float:
    """NaN where those that are mentioned more are not known more often."""
    from sklearn.linear_model import LogisticRegression

    if known.all() or not known.any():
        return float("nan")
    logs = np.log10(1 + counts)[:, None]
    fitted = LogisticRegression(C=100.0).fit(logs, known)
    slope = float(fitted.coef_[0, 0])
    if slope <= 0:
        return float("nan")
    return float(10 ** min(-float(fitted.intercept_[0]) / slope, 300.0) - 1)


def told_threshold(found: Interval) -> str:
    """In a sentence."""
    if not np.isfinite(found.value):
        return f"From how many mentions on the model knows a person is not told: {found.reason}."
    ends = ""
    if found.low is not None and found.high is not None:
        high = f"to {found.high:,.0f}" if found.high < ENDLESS else "without an upper end"
        ends = f" (95 % interval {max(found.low, 0):,.0f} {high})"
    return (
        f"From about {found.value:,.0f} mentions on{ends} a person is more likely known than not."
    )
