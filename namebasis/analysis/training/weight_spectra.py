"""What the singular values of weights say: effective rank, spectral exponent, relative change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.checks import Float64Array

_FEWEST_TAIL = 10  # values below which a power law fits anything
_FURTHEST_CUT = 1e3  # in standard deviations: beyond it a normal tail is exponential


@dataclass(frozen=True)
class PowerLaw:
    """A power-law fit of the upper tail of a spectrum.

    Attributes
    ----------
    exponent : float
        alpha of ``p(x) ~ x ** -alpha``; NaN where the spectrum is too short.
    standard_error : float
        ``(alpha - 1) / sqrt(n_tail)``, of independent values and a given beginning of the tail:
        that the beginning is chosen adds up to a quarter, and singular values are not independent.
    minimum : float
        Where the tail begins.
    n_tail : int
    distance : float
        Kolmogorov–Smirnov distance of the tail from the fit, in [0, 1]: large means that it is
        no power law.
    """

    exponent: float
    standard_error: float
    minimum: float
    n_tail: int
    distance: float


def singular_values(matrix: npt.ArrayLike) -> Float64Array:
    """Singular values of a matrix, largest first, from the smaller of its two Gram matrices.

    Values below 1e-7 of the largest are lost to rounding and come as about that.

    Parameters
    ----------
    matrix : array_like of shape (n_out, n_in)

    Raises
    ------
    ValueError
        If it is no matrix or a value is not finite.
    """
    values = np.asarray(matrix, dtype=np.float64)
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"a matrix must be 2-D and not empty; got shape {values.shape}.")
    if not np.isfinite(values).all():
        raise ValueError("a matrix must be finite; some values are not.")
    tall = values if values.shape[0] >= values.shape[1] else values.T
    squares = np.linalg.eigvalsh(tall.T @ tall)[::-1]
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def effective_rank(singular: npt.ArrayLike) -> float:
    """Exponential of the entropy of the normalised singular values [1]_.

    Parameters
    ----------
    singular : array_like of shape (n,)
        Not negative.

    Returns
    -------
    float
        Dimensionless, in [1, n].

    Raises
    ------
    ValueError
        If a value is negative or not finite, or all are zero.

    References
    ----------
    .. [1] Roy and Vetterli (2007), The effective rank, EUSIPCO.
    """
    values = np.asarray(singular, dtype=np.float64)
    total = values.sum()
    if values.ndim != 1 or not np.isfinite(values).all() or (values < 0).any() or total <= 0:
        raise ValueError("singular values must be 1-D, finite, not negative and not all zero.")
    shares = values[values > 0] / total
    return float(np.exp(-np.sum(shares * np.log(shares))))


def spectral_exponent(singular: npt.ArrayLike) -> PowerLaw:
    """Fit a power law to the upper tail of the squared singular values.

    The eigenvalues of ``W.T @ W`` as in [1]_; the exponent by maximum likelihood, and the tail's
    beginning where the Kolmogorov–Smirnov distance is smallest [2]_, of tails of at least 10
    values.

    Parameters
    ----------
    singular : array_like of shape (n,)

    Returns
    -------
    PowerLaw
        With NaN where fewer than 10 values are above zero.

    References
    ----------
    .. [1] Martin and Mahoney (2021), Implicit self-regularization in deep neural networks.
    .. [2] Clauset, Shalizi and Newman (2009), Power-law distributions in empirical data, §3.
    """
    values = np.sort(np.square(np.asarray(singular, dtype=np.float64)))
    # Zeros, and what a rank-deficient matrix leaves of rounding, are no part of a tail.
    values = values[values > 1e-12 * values.max(initial=0.0)] if values.size else values
    if len(values) < _FEWEST_TAIL or values[0] == values[-1]:
        nan = float("nan")
        return PowerLaw(nan, nan, nan, len(values), nan)
    logs = np.log(values)
    best: PowerLaw | None = None
    for start in range(len(values) - _FEWEST_TAIL + 1):
        tail = logs[start:] - logs[start]
        mean = tail.mean()
        if mean <= 0:
            break
        exponent = 1 + 1 / mean
        fitted = 1 - np.exp(-(exponent - 1) * tail)
        n = len(tail)
        steps = np.arange(n)
        distance = max(np.max((steps + 1) / n - fitted), np.max(fitted - steps / n))
        if best is None or distance < best.distance:
            error = (exponent - 1) / np.sqrt(n)
            best = PowerLaw(float(exponent), float(error), float(values[start]), n, float(distance))
    if best is None:
        nan = float("nan")
        return PowerLaw(nan, nan, nan, len(values), nan)
    return best


def against_lognormal(singular: npt.ArrayLike, fit: PowerLaw) -> tuple[float, float]:
    """Compare a power law with a lognormal on the tail that it was fitted to [1]_.

    The lognormal that begins where the tail does is fitted by maximum likelihood: it has the mean
    and the mean square of the tail's logarithms [2]_. Where these vary more than an exponential
    distribution allows, the best lognormal is the power law itself, and the ratio is 0.

    Parameters
    ----------
    singular : array_like of shape (n,)
    fit : PowerLaw
        Of the same values.

    Returns
    -------
    float
        Normalised log-likelihood ratio, in standard deviations: the further below 0, the better
        the lognormal fits. It has one parameter more, and never fits worse.
    float
        How likely a ratio as far from 0 is if both fit equally well.

    References
    ----------
    .. [1] Clauset, Shalizi and Newman (2009), Power-law distributions in empirical data, §5.
    .. [2] Cohen (1950), Estimating the mean and variance of normal populations from singly
       truncated samples, Ann. Math. Stat. 21.
    """
    from scipy.special import erfc, log_ndtr

    values = np.square(np.asarray(singular, dtype=np.float64))
    tail = np.log(values[values >= fit.minimum] / fit.minimum)
    n, mean = len(tail), tail.mean()
    cut = _normal_cut(float(np.square(tail).mean() / mean**2))
    if cut is None:
        return 0.0, 1.0
    scale = mean / (_hazard(cut) - cut)
    lognormal = -0.5 * np.square(tail / scale + cut) - log_ndtr(-cut)
    lognormal -= np.log(scale) + 0.5 * np.log(2 * np.pi)
    ahead = -np.log(mean) - tail / mean - lognormal
    ratio = float(ahead.sum() / (np.sqrt(n) * ahead.std()))
    return ratio, float(erfc(abs(ratio) / np.sqrt(2)))


def _normal_cut(square_ratio: float) -> float | None:
    """Where a unit normal is cut so that what lies above it, less the cut, has this ratio.

    Of the mean square over the squared mean; that rises from 1 to 2, of an exponential
    distribution, which it reaches nowhere: then None.
    """
    from scipy.optimize import brentq

    def excess(cut: float) -> float:
        past = _hazard(cut) - cut
        return float((1 - cut * past) / past**2 - square_ratio)

    if excess(_FURTHEST_CUT) <= 0:
        return None
    return float(brentq(excess, -1 / np.sqrt(max(square_ratio - 1, 1e-12)) - 1, _FURTHEST_CUT))


def _hazard(cut: float) -> float:
    """Density of a unit normal at a cut over how likely it is to lie above."""
    from scipy.special import erfcx

    return float(np.sqrt(2 / np.pi) / erfcx(cut / np.sqrt(2)))


def relative_change(before: npt.ArrayLike, after: npt.ArrayLike) -> float:
    """Frobenius length of the difference over that of `before`.

    Raises
    ------
    ValueError
        If the shapes differ, or `before` is zero.
    """
    first, second = np.asarray(before, np.float64), np.asarray(after, np.float64)
    if first.shape != second.shape:
        raise ValueError(f"weights must have one shape; got {first.shape} and {second.shape}.")
    length = float(np.linalg.norm(first))
    if not length > 0:
        raise ValueError("weights that are all zero have no relative change.")
    return float(np.linalg.norm(second - first)) / length
