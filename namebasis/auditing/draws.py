"""Draws of chance that several parts of an audit share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from namebasis.auditing.claims import Sample, statistic
from namebasis.auditing.inquiry import Inquiry
from namebasis.checks import Float64Array


def exchanged(
    measure: str, sample: Sample, groups: npt.ArrayLike, inquiry: Inquiry
) -> Float64Array:
    """The statistic with what is known exchanged within groups, once per draw of chance.

    Parameters
    ----------
    measure : str
        See `Claim`.
    sample : Sample
        With what is known of its names.
    groups : array_like of shape (n,)
        Names of one group may be exchanged, such as those of as many pieces.
    inquiry : Inquiry
        Gives the number of draws and the seed.

    Returns
    -------
    ndarray of shape (n_draws,), float64
    """
    truth, of = np.asarray(sample.truth), np.asarray(groups)
    rng = np.random.default_rng(inquiry.seed)
    rows = [np.flatnonzero(of == one) for one in np.unique(of)]
    draws = np.empty(inquiry.plan.n_draws)
    for at in range(len(draws)):
        mixed = truth.copy()
        for group in rows:
            mixed[group] = truth[rng.permutation(group)]
        draws[at] = statistic(measure, replace(sample, truth=mixed))
    return draws


def signed(gaps: Float64Array, inquiry: Inquiry) -> Float64Array:
    """Means of gaps whose signs are drawn at random, as where neither side is the larger.

    Parameters
    ----------
    gaps : ndarray of shape (n,), float64
    inquiry : Inquiry

    Returns
    -------
    ndarray of shape (n_draws,), float64
    """
    rng = np.random.default_rng(inquiry.seed)
    signs = rng.integers(0, 2, (inquiry.plan.n_draws, len(gaps)), dtype=np.int8) * 2 - 1
    return np.asarray(signs @ gaps / len(gaps))
