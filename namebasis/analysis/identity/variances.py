"""How much a few measurements of each name vary, beside those of names that nobody bears."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.analysis.intervals import Interval, resampled_ends
from namebasis.checks import Float64Array

FEWEST_PRIOR = 3
"""Names that a prior needs."""
RESOLUTION = 0.01
"""Share of the variance of all measurements below which a variance counts as this share.

A tenth of their standard deviation: less is nothing that anybody sees, and the logarithm of what an
extractor makes of equal images is about the extractor.
"""
_FEW_DRAWS = "too few resamples reach so far out"
_FARTHEST = 1.0  # standard errors that an estimate is drawn towards the prior at most


@dataclass(frozen=True)
class Sample:
    """Measurements of one name.

    Attributes
    ----------
    n : int
    variance : float
        Mean over pairs of half the squared distance: of one number the sample variance, of shares
        the sum of their variances.
    pairs : tuple of float
        Means of the product of two half squared distances: of one pair with itself, of two that
        share a row, of two that share none; NaN with fewer than 4 rows.
    """

    n: int
    variance: float
    pairs: tuple[float, float, float]


def sample_of(values: npt.ArrayLike) -> Sample:
    """Variance of rows of numbers or of shares, and what says how sure it is.

    Parameters
    ----------
    values : array_like of shape (n,) or (n, n_labels)
        At least 2, all finite.
    """
    rows = np.asarray(values, dtype=np.float64)
    rows = rows.reshape(len(rows), -1)
    n = len(rows)
    if n < 2:
        raise ValueError(f"a variance needs at least 2 measurements; got {n}.")
    centred = rows - rows.mean(axis=0)
    variance = float(np.square(centred).sum() / (n - 1))
    if n < 4:
        return Sample(n, variance, (np.nan, np.nan, np.nan))
    half = np.square(centred[:, None] - centred[None]).sum(axis=2) / 2
    squares, sums = float(np.square(half).sum()), half.sum(axis=1)
    of_rows = float(np.square(sums).sum())
    same = squares / (n * (n - 1))
    shared = (of_rows - squares) / (n * (n - 1) * (n - 2))
    apart = float(sums.sum()) ** 2 - 4 * of_rows + 2 * squares
    return Sample(n, variance, (same, shared, apart / (n * (n - 1) * (n - 2) * (n - 3))))


def freedoms(samples: Sequence[Sample], n_dims: int = 1) -> Float64Array:
    """Degrees of freedom of each variance: 2 over its squared relative error.

    Of normal numbers n − 1 [2]_. The variance of a variance is that of a U-statistic [1]_, whose
    parts are estimated without bias in each sample and pooled over all, as one of 9 rows knows
    little of its own tails. Never more than normal rows would have.

    Parameters
    ----------
    samples : sequence of Sample
    n_dims : int
        Numbers that a row can vary in: 1, or labels less 1.

    References
    ----------
    .. [1] Hoeffding (1948), A class of statistics with asymptotically normal distribution, Annals
       of Mathematical Statistics 19.
    .. [2] Box (1953), Non-normality and tests on variances, Biometrika 40.
    """
    parts = np.array([one.pairs for one in samples]).reshape(-1, 3)
    n = np.array([one.n for one in samples], dtype=np.float64)
    known = np.isfinite(parts).all(axis=1)
    same, shared, apart = parts[known].sum(axis=0)
    most = (n - 1) * n_dims
    if not known.any() or apart <= 0:
        return np.asarray(n - 1)
    error = (4 * (n - 2) * (shared - apart) + 2 * (same - apart)) / (n * (n - 1) * apart)
    with np.errstate(divide="ignore"):
        found = np.where(error > 0, 2 / np.abs(error), np.inf)
    return np.asarray(np.clip(found, 1.0, most))


@dataclass(frozen=True)
class VariancePrior:
    """How the variances of names that nobody bears are distributed [1]_.

    A variance over `scale` follows F with the name's own degrees of freedom and `freedom`.

    Attributes
    ----------
    scale : float
        Their typical variance, above 0.
    freedom : float
        Small where they differ; infinite where they differ as those of one variance do.
    n : int
        Names.
    error : float
        Variance of the logarithm of `scale`.
    floor : float
        What smaller variances are taken for; see `RESOLUTION`.
    variances : ndarray of shape (n,)
        Theirs, rising.

    References
    ----------
    .. [1] Smyth (2004), Linear models and empirical Bayes methods for assessing differential
       expression, Statistical Applications in Genetics and Molecular Biology 3(1), §6.2.
    """

    scale: float
    freedom: float
    n: int
    error: float
    floor: float
    variances: Float64Array

    def log_ratio(self, variances: npt.ArrayLike) -> Float64Array:
        """Logarithm of variances, none below the floor, over `scale`."""
        seen = np.maximum(np.asarray(variances, dtype=np.float64), self.floor)
        return np.asarray(np.log(seen / self.scale))


def fit_prior(
    variances: npt.ArrayLike, freedom: npt.ArrayLike, floor: float
) -> VariancePrior | None:
    """Fit the distribution of variances by the moments of their logarithms.

    Parameters
    ----------
    variances, freedom : array_like of shape (n,)
        Of the names of the prior.
    floor : float
        Above 0; smaller variances are taken for it.

    Returns
    -------
    VariancePrior or None
        None with fewer than 3 names.

    Raises
    ------
    ValueError
        If the floor is not above 0.
    """
    from scipy.special import digamma, polygamma

    raw, own = (np.asarray(values, dtype=np.float64) for values in (variances, freedom))
    if not floor > 0:
        raise ValueError(f"floor must be above 0; got {floor}.")
    if len(raw) < FEWEST_PRIOR:
        return None
    seen = np.maximum(raw, floor)
    logs = np.log(seen) - digamma(own / 2) + np.log(own / 2)
    noise = polygamma(1, own / 2)
    excess = float(logs.var(ddof=1) - noise.mean())
    error = float((noise.mean() + max(excess, 0.0)) / len(raw))
    if excess <= 0:
        scale = float((own * seen).sum() / own.sum())
        return VariancePrior(scale, np.inf, len(raw), error, floor, np.sort(seen))
    half = _inverse_trigamma(excess)
    scale = float(np.exp(logs.mean() + digamma(half) - np.log(half)))
    return VariancePrior(scale, 2 * half, len(raw), error, floor, np.sort(seen))


def _inverse_trigamma(value: float) -> float:
    """The x with trigamma(x) = value, by Newton's steps on 1/trigamma, which is convex."""
    from scipy.special import polygamma

    x = 0.5 + 1 / value
    for _ in range(50):
        slope = polygamma(1, x)
        step = float(slope * (1 - slope / value) / polygamma(2, x))
        x += step
        if abs(step) < 1e-10 * x:
            break
    return float(x)


@dataclass(frozen=True)
class Placed:
    """Variances beside a prior, each of shape (n,).

    Attributes
    ----------
    raw : ndarray
        Logarithm of variance over the prior's.
    log_ratio : ndarray
        The same, drawn towards the prior where few measurements say little.
    low, high : ndarray
        95 % interval.
    percentile : ndarray
        Share of names that nobody bears that would vary less, in [0, 1].
    """

    raw: Float64Array
    log_ratio: Float64Array
    low: Float64Array
    high: Float64Array
    percentile: Float64Array


def place_variances(
    variances: npt.ArrayLike, freedom: npt.ArrayLike, prior: VariancePrior
) -> Placed:
    """Logarithms of variances over the prior's, with intervals and percentiles.

    The interval is that of a ratio of two variances, by F; the prior's has as many degrees of
    freedom as its names' together, fewer where they differ. The percentile is that of the F
    distribution of `VariancePrior`, or the share of its names below, whichever lies nearer to the
    middle: few names say little of the tails, and F may not fit them. The estimate is the mean of
    the logarithm, by an empirical Bayes rule drawn towards 0, at most one standard error [1]_: a
    name unlike all others stays so.

    Parameters
    ----------
    variances, freedom : array_like of shape (n,)
        Of the names asked for.
    prior : VariancePrior

    References
    ----------
    .. [1] Efron and Morris (1972), Limiting the risk of Bayes and empirical Bayes estimators, part
       II, Journal of the American Statistical Association 67.
    """
    from scipy.special import digamma, polygamma
    from scipy.stats import f

    own = np.asarray(freedom, dtype=np.float64)
    raw, behind = prior.log_ratio(variances), 2 / prior.error
    low = raw - np.log(f.ppf(0.975, own, behind))
    high = raw - np.log(f.ppf(0.025, own, behind))
    most = prior.freedom if np.isfinite(prior.freedom) else 1e9
    percentile = _nearer_the_middle(f.cdf(np.exp(raw), own, most), _below(raw, prior))
    error = polygamma(1, own / 2)
    found = raw - digamma(own / 2) + np.log(own / 2)
    between = max(float((found**2 - error).mean()), 0.0) if len(found) else 0.0
    pull = -found * error / (error + between)
    reach = _FARTHEST * np.sqrt(error)
    shrunk = np.clip(found + np.clip(pull, -reach, reach), low, high)
    return Placed(raw, shrunk, low, high, np.asarray(percentile))


def _below(raw: Float64Array, prior: VariancePrior) -> Float64Array:
    """Share of the prior's names below, ties counted half."""
    asked, own = np.exp(raw) * prior.scale, prior.variances
    edge = 1 + 1e-9  # rounding makes no difference
    below = np.searchsorted(own, asked / edge) + np.searchsorted(own, asked * edge, side="right")
    return np.asarray(below / (2 * len(own)))


def _nearer_the_middle(first: Float64Array, second: Float64Array) -> Float64Array:
    return np.asarray(np.where(np.abs(first - 0.5) < np.abs(second - 0.5), first, second))


def entropy_of(shares: npt.ArrayLike, *, n_resamples: int = 500, seed: int = 0) -> Interval:
    """Entropy of the mean of distributions over labels, in bits, with an interval over rows.

    A mean of few rows has too little entropy; the delete-one jackknife takes out the larger part of
    that [1]_. Ends by a bootstrap over rows, moved by the same correction.

    Parameters
    ----------
    shares : array_like of shape (n, n_labels)
        At least 1 row, each with sum 1.

    References
    ----------
    .. [1] Zahl (1977), Jackknifing an index of diversity, Ecology 58.
    """
    rows = np.asarray(shares, dtype=np.float64)
    n, most = len(rows), float(np.log2(rows.shape[1]))
    plain = float(_entropy(rows.mean(axis=0)))
    if n < 2:
        return Interval(plain, None, None, "1 image has no spread")
    left_out = _entropy((rows.sum(axis=0) - rows) / (n - 1))
    value = float(np.clip(n * plain - (n - 1) * left_out.mean(), 0.0, most))
    if n < 5:
        return Interval(value, None, None, "fewer than 5 images")
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=n_resamples) / n
    draws = _entropy(weights @ rows)
    shift = value - plain + (plain - float(draws.mean()))
    low, high = resampled_ends(draws + shift, n)
    if not np.isfinite([low, high]).all():
        return Interval(value, None, None, _FEW_DRAWS)
    return Interval(
        value, float(np.clip(low, 0.0, value)), float(np.clip(high, value, most))
    )  # fmt: skip


def _entropy(shares: Float64Array) -> Float64Array:
    from scipy.special import entr

    return np.asarray(np.maximum(entr(shares).sum(axis=-1) / np.log(2), 0.0))


def mean_log_ratio(
    columns: Sequence[npt.ArrayLike],
    priors: Sequence[VariancePrior],
    *,
    n_resamples: int = 500,
    seed: int = 0,
) -> Interval:
    """Mean over attributes of the logarithm of variance over the prior's, by a bootstrap over rows.

    One draw takes the same rows of all attributes, as they are of the same images; the prior's
    typical variances are drawn with their own error.

    Parameters
    ----------
    columns : sequence of array_like of shape (n,) or (n, n_labels)
        A name's measurements, one array an attribute, rows that belong together.
    priors : sequence of VariancePrior
        Of each attribute.
    """
    rows = [np.asarray(one, dtype=np.float64) for one in columns]
    rows = [one.reshape(len(one), -1) for one in rows]
    n = len(rows[0]) if rows else 0
    if n < 2:
        raise ValueError(f"a variance needs at least 2 measurements; got {n}.")
    value = float(np.mean([
        prior.log_ratio(sample_of(one).variance)
        for one, prior in zip(rows, priors, strict=True)
    ]))  # fmt: skip
    if n < 5:
        return Interval(value, None, None, "fewer than 5 images")
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=n_resamples) / n
    draws = np.zeros(n_resamples)
    for one, prior in zip(rows, priors, strict=True):
        centred = one - one.mean(axis=0)
        within = weights @ np.square(centred).sum(axis=1)
        within -= np.square(weights @ centred).sum(axis=1)
        draws += prior.log_ratio(within * n / (n - 1))
        draws += prior.error**0.5 * rng.standard_normal(n_resamples)
    # What a resample's logarithm lacks beside the sample's, the sample's lacks beside the truth.
    draws = draws / len(rows)
    lacking = value - float(draws.mean())
    low, high = resampled_ends(draws + 2 * lacking, n)
    value += lacking
    if not np.isfinite([low, high]).all():
        return Interval(value, None, None, _FEW_DRAWS)
    return Interval(value, min(low, value), max(high, value))
