"""Claims: one figure each, with its interval, what chance reaches, and the names behind it.

Every claim is a statistic of per-name values. Whoever holds the values can draw the interval and
the difference to another encoder's claim over the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from namebasis.analysis import intervals
from namebasis.analysis.intervals import Interval
from namebasis.checks import Float64Array
from namebasis.wording import p_value

NEUTRAL = {"Spearman": 0.0, "AUC": 0.5, "difference": 0.0, "d": 0.0}
"""Statistics with a value that says nothing; of a mean or a share the claim gives its own."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The values of names that a claim is a statistic of.

    Attributes
    ----------
    names : tuple of str
        What was measured, a name or a pair's label each; none twice.
    values : ndarray of shape (n,), float64
    truth : ndarray of shape (n,), float64, or None
        What is known of them. Spearman: any scale. AUC: a share, one half and more is one side.
        difference and d: 1 for the group, 0 for those it is held against.
    """

    names: tuple[str, ...]
    values: Float64Array
    truth: Float64Array | None = None

    def __post_init__(self) -> None:
        if len(set(self.names)) < len(self.names):
            raise ValueError("a sample names nothing twice.")
        if len(self.values) != len(self.names):
            raise ValueError(
                f"{len(self.names)} names need as many values; got {len(self.values)}."
            )


@dataclass(frozen=True)
class Claim:
    """One figure of an audit.

    Attributes
    ----------
    key : str
        Within its part, stable over audits, such as "age.zero_shot".
    label : str
        As tables name it, such as "age follows US births".
    measure : str
        "Spearman", "AUC", "mean", "share", "difference" (of two groups' means), or "d" (that over
        the standard deviation of all).
    value : float
    low, high : float or None
        Its 95 % interval over names; None where there is none.
    chance : float or None
        What 95 % of draws of chance stay within, on the side of the value; None for a fact, which
        has no chance to be held against.
    p : float or None
        Share of draws of chance that lie as far from the neutral value: on either side, or, where
        only one side says something of the model, on that side.
    p_corrected : float or None
        For all claims of the audit (Benjamini and Hochberg): of the claims at or below a level, at
        most as large a share is expected to be chance. Set when the audit is put together.
    n : int
        Names, or pairs.
    against : str
        What chance is, in words: "chance axes", "its words divided at random".
    meaning : str
        What the figure means, in a sentence.
    on_card : bool
        Whether the score card shows it.
    neutral : float or None
        The value that says nothing; None for a fact of no such value.
    one_sided : bool
        Whether only values above it say something.
    """

    key: str
    label: str
    measure: str
    value: float
    low: float | None
    high: float | None
    chance: float | None
    p: float | None
    n: int
    against: str
    meaning: str
    on_card: bool = False
    p_corrected: float | None = None
    neutral: float | None = None
    one_sided: bool = False

    @property
    def is_tested(self) -> bool:
        """Whether chance could have made it."""
        return self.p is not None

    def is_beyond(self, level: float) -> bool:
        """Whether it is more than chance; a fact is."""
        if self.p is None:
            return True
        return self.p_corrected is not None and self.p_corrected <= level

    def told(self) -> str:
        """The value with its interval and p, as a sentence writes them."""
        ends = "" if self.low is None else f", {self.low:.2f} to {self.high:.2f}"
        p = self.p_corrected
        return f"{self.value:.2f}{ends}" + ("" if p is None else f", p {p_value(p)}")


def statistic(measure: str, sample: Sample, rows: np.ndarray | slice = slice(None)) -> float:
    """The statistic of some rows of a sample; NaN where they do not have it.

    Parameters
    ----------
    measure : str
        See `Claim`.
    sample : Sample
    rows : ndarray of int, or slice
        Rows may come several times, as in a bootstrap.
    """
    values = sample.values[rows]
    if measure in ("mean", "share"):
        return float(values.mean()) if len(values) else float("nan")
    if sample.truth is None:
        raise ValueError(f"{measure} needs what is known of the names.")
    return _OF_TRUTH[measure](values, sample.truth[rows])


def measured(
    key: str,
    label: str,
    measure: str,
    sample: Sample,
    *,
    meaning: str,
    chance: Float64Array | None = None,
    against: str = "",
    neutral: float | None = None,
    one_sided: bool = False,
    on_card: bool = False,
) -> Claim:
    """A claim from its sample and the draws of chance.

    Parameters
    ----------
    key, label, measure, meaning, against, on_card
        See `Claim`.
    sample : Sample
    chance : ndarray of shape (n_draws,), optional
        The statistic where chance alone is at work; those that are not finite do not count. None
        for a fact.
    neutral : float, optional
        The value that says nothing; needed with `chance` for a mean or a share.
    one_sided : bool
        Only values above say something, as a probe that knows more than letters do.
    """
    found = interval(measure, sample)
    limit = p = None
    middle = NEUTRAL.get(measure) if neutral is None else neutral
    if chance is not None and middle is None:
        raise ValueError(f"a {measure} that is held against chance needs its neutral value.")
    if chance is not None and middle is not None and np.isfinite(found.value):
        draws = np.asarray(chance, dtype=np.float64)
        draws = draws[np.isfinite(draws)]
        if draws.size:
            far, away = draws - middle, found.value - middle
            if not one_sided:
                far, away = np.abs(far), abs(away)
            # With room for rounding: a draw that equals the claim counts as one as far.
            p = (1 + int((far >= away - 1e-12).sum())) / (1 + draws.size)
            side = 1 if one_sided or found.value >= middle else -1
            limit = middle + side * float(np.quantile(far, 0.95))
    return Claim(
        key, label, measure, found.value, found.low, found.high, limit, p, len(sample.names),
        against, meaning, on_card, neutral=middle, one_sided=one_sided,
    )  # fmt: skip


def interval(measure: str, sample: Sample, *, n_resamples: int = 999, seed: int = 0) -> Interval:
    """The statistic of a sample with its 95 % interval over names.

    Parameters
    ----------
    measure : str
        See `Claim`.
    sample : Sample
    n_resamples, seed : int
        Of the bootstrap within both groups, which "d" needs; the others have closed forms.
    """
    values, truth = sample.values, sample.truth
    if measure == "mean":
        return intervals.mean_interval(values)
    if measure == "share":
        return intervals.share_interval(values)
    if truth is None:
        raise ValueError(f"{measure} needs what is known of the names.")
    if measure == "Spearman":
        return intervals.rank_correlation_interval(values, truth)
    own = truth >= 0.5
    if min(own.sum(), (~own).sum()) < 1:
        return Interval(float("nan"), None, None, "names of one kind only")
    if measure == "AUC":
        return intervals.auc_interval(values[own], values[~own])
    if measure == "difference":
        return intervals.difference_interval(values[own], values[~own])
    value = statistic("d", sample)
    if min(own.sum(), (~own).sum()) < 2 or not np.isfinite(value):
        return Interval(value, None, None, "a group of one name has no interval")
    rng = np.random.default_rng(seed)
    sides = [np.flatnonzero(own), np.flatnonzero(~own)]
    drawn = [values[rng.choice(side, (n_resamples, len(side)))] for side in sides]
    spreads = np.concatenate(drawn, axis=1).std(axis=1, ddof=1)
    gaps = drawn[0].mean(axis=1) - drawn[1].mean(axis=1)
    draws = np.divide(gaps, spreads, out=np.full(n_resamples, np.nan), where=spreads > 1e-12)
    low, high = intervals.resampled_ends(draws, min(map(len, sides)))
    return Interval(value, min(low, value), max(high, value))


def corrected(claims: Sequence[Claim]) -> list[Claim]:
    """The claims with p corrected for all of them that chance could have made.

    References
    ----------
    .. [1] Benjamini and Hochberg (1995), Controlling the false discovery rate: a practical and
       powerful approach to multiple testing, Journal of the Royal Statistical Society B 57.
    """
    from scipy.stats import false_discovery_control

    tested = [one.p for one in claims if one.p is not None]
    found = iter(false_discovery_control(tested).tolist() if tested else [])
    return [one if one.p is None else replace(one, p_corrected=next(found)) for one in claims]


def _difference(values: Float64Array, truth: Float64Array) -> float:
    own = truth >= 0.5
    if own.all() or not own.any():
        return float("nan")
    return float(values[own].mean() - values[~own].mean())


def _d(values: Float64Array, truth: Float64Array) -> float:
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return _difference(values, truth) / spread if spread > 1e-12 else float("nan")


def _spearman(values: Float64Array, truth: Float64Array) -> float:
    return float(intervals.rank_correlations(values, truth))


def _auc(values: Float64Array, truth: Float64Array) -> float:
    own = truth >= 0.5
    return intervals.auc(values[own], values[~own]) if 0 < own.sum() < own.size else float("nan")


_OF_TRUTH: dict[str, Callable[[Float64Array, Float64Array], float]] = {
    "Spearman": _spearman,
    "AUC": _auc,
    "difference": _difference,
    "d": _d,
}
