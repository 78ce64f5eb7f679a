"""Names by contexts: is it the same person in every context, and is the context there?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.analysis.intervals import Interval, mean_interval
from namebasis.checks import Float64Array, IntArray

FEWEST_CONTEXTS, FEWEST_NAMES = 3, 4
_TELLS = 2.0  # standard errors by which a text must score higher where it was asked for


@dataclass(frozen=True)
class TwoWay:
    """A table of names by contexts.

    Attributes
    ----------
    same : tuple of Interval
        Of each name the mean cosine of its pictures in two different contexts, about the mean of
        reference names and without what there is of the contexts, on a scale from what reference
        names reach, 0, to 1: the same person in every context. Below 0 where a name has less in
        common than these.
    there : tuple of Interval
        Of each name the mean over contexts of how far the context's text scores above pictures of
        other contexts, over the same of reference names: 1 is as there, 0 not at all.
    flexibility : tuple of Interval
        Mean over contexts of the smaller of both, each within [0, 1]: the same person, and the
        context is there.
    same_in, there_in : ndarray of shape (n_names, n_contexts)
        The same of one context: pictures in it beside those in the name's others; NaN without.
    is_told : ndarray of shape (n_contexts,), bool
        Whether the context's text tells its pictures from others at all.
    """

    same: tuple[Interval, ...]
    there: tuple[Interval, ...]
    flexibility: tuple[Interval, ...]
    same_in: Float64Array
    there_in: Float64Array
    is_told: npt.NDArray[np.bool_]


def two_way(
    vectors: npt.ArrayLike,
    names: IntArray,
    contexts: IntArray,
    texts: npt.ArrayLike,
    reference: npt.ArrayLike | None = None,
) -> TwoWay:
    """Separate who is shown from where.

    Parameters
    ----------
    vectors : array_like of shape (n_images, n_features)
        Unit rows of images, or of their faces.
    names, contexts : ndarray of shape (n_images,), int
        Whose image it is, and in which context, from 0.
    texts : array_like of shape (n_images, n_contexts)
        Scores of every context's text on each image.
    reference : array_like of shape (n_names,), bool, optional
        Names that show what a context looks like for anybody; by default all, and then cosines
        are not scaled, as no name is known to be nobody's.

    Raises
    ------
    ValueError
        With fewer than 3 contexts or 4 names.
    """
    rows, scores = (np.asarray(one, dtype=np.float64) for one in (vectors, texts))
    n_names, n_contexts = int(names.max()) + 1, scores.shape[1]
    if n_contexts < FEWEST_CONTEXTS or n_names < FEWEST_NAMES:
        raise ValueError(
            f"a table of names by contexts needs at least {FEWEST_CONTEXTS} contexts and "
            f"{FEWEST_NAMES} names; got {n_contexts} and {n_names}."
        )
    chosen = np.ones(n_names, bool) if reference is None else np.asarray(reference, bool)
    cosines = _cosines(_cells(rows, names, contexts, chosen, n_contexts))
    if reference is not None:
        usual = float(np.nanmean(cosines[chosen]))
        cosines = (cosines - usual) / (1 - usual)
    there_in, is_told = _there(scores, names, contexts, chosen, n_names)
    there_in[:, ~is_told] = np.nan
    same_in = _mean(cosines, 2)
    same, there, both = [], [], []
    for name in range(n_names):
        kept, told = np.isfinite(same_in[name]), np.isfinite(there_in[name])
        same.append(_over_contexts(_same(cosines[name][np.ix_(kept, kept)])))
        there.append(_over_contexts(_plain(there_in[name, told])))
        joint = np.minimum(same_in[name], there_in[name])[kept & told]
        both.append(_over_contexts(_plain(np.clip(joint, 0, 1))))
    return TwoWay(tuple(same), tuple(there), tuple(both), same_in, there_in, is_told)


Leaving = tuple[float, Float64Array]
"""A value of all contexts, and its values without each of them."""


def _cells(
    rows: Float64Array,
    names: IntArray,
    contexts: IntArray,
    chosen: npt.NDArray[np.bool_],
    n_contexts: int,
) -> Float64Array:
    """Means of each name in each context, about the mean, without what there is of the context.

    What there is of a context is the part along what it is for the other reference names, at most
    as much as of these: a picture that does not show its context loses nothing.
    """
    n_names = len(chosen)
    cells = np.zeros((n_names, n_contexts, rows.shape[1]))
    counts = np.zeros((n_names, n_contexts))
    np.add.at(cells, (names, contexts), rows)
    np.add.at(counts, (names, contexts), 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cells /= counts[:, :, None]
        shown = (counts > 0) & chosen[:, None]
        filled = np.where(shown[:, :, None], cells, 0)
        others = shown.sum(axis=0) - shown
        usual = (filled.sum(axis=0) - filled) / others[:, :, None]
        middle = np.nanmean(usual, axis=1, keepdims=True)
        usual, about = usual - middle, cells - middle
        share = (about * usual).sum(axis=2) / np.square(usual).sum(axis=2)
    return np.asarray(about - np.clip(share, 0, 1)[:, :, None] * usual)


def _cosines(cells: Float64Array) -> Float64Array:
    """Between a name's contexts, (n_names, n_contexts, n_contexts); NaN on the diagonal."""
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = cells / np.linalg.norm(cells, axis=2, keepdims=True)
    found = np.einsum("ncd,nkd->nck", unit, unit)
    found[:, np.arange(cells.shape[1]), np.arange(cells.shape[1])] = np.nan
    return np.asarray(found)


def _there(
    scores: Float64Array,
    names: IntArray,
    contexts: IntArray,
    chosen: npt.NDArray[np.bool_],
    n_names: int,
) -> tuple[Float64Array, npt.NDArray[np.bool_]]:
    """Each name's score of each context, 0 as elsewhere and 1 as reference names have it."""
    n_contexts = scores.shape[1]
    found = np.full((n_names, n_contexts), np.nan)
    is_told = np.zeros(n_contexts, bool)
    of_reference = chosen[names]
    for at in range(n_contexts):
        own = contexts == at
        present, absent = scores[own & of_reference, at], scores[~own & of_reference, at]
        if len(present) < 2 or len(absent) < 2:
            continue
        gap = present.mean() - absent.mean()
        error = (present.var(ddof=1) / len(present) + absent.var(ddof=1) / len(absent)) ** 0.5
        is_told[at] = gap > _TELLS * error
        if not gap > 0:
            continue
        sums = np.bincount(names[own], scores[own, at], n_names)
        counts = np.bincount(names[own], minlength=n_names)
        with np.errstate(invalid="ignore", divide="ignore"):
            found[:, at] = (sums / counts - absent.mean()) / gap
    return found, is_told


def _mean(values: Float64Array, axis: int) -> Float64Array:
    """Mean of what is finite; NaN where nothing is."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(known, values, 0).sum(axis=axis) / known.sum(axis=axis))


def _same(cosines: Float64Array) -> Leaving | None:
    """Mean over pairs of contexts, and without each."""
    n = len(cosines)
    if n < FEWEST_CONTEXTS:
        return None
    sums = np.nansum(cosines, axis=1)
    total = float(sums.sum())
    return total / (n * (n - 1)), (total - 2 * sums) / ((n - 1) * (n - 2))


def _plain(values: Float64Array) -> Leaving | None:
    n = len(values)
    if n < FEWEST_CONTEXTS:
        return None
    return float(values.mean()), (values.sum() - values) / (n - 1)


def _over_contexts(values: Leaving | None) -> Interval:
    """A value with the interval of its jackknife's pseudo-values over contexts."""
    if values is None:
        return Interval(float("nan"), None, None, f"fewer than {FEWEST_CONTEXTS} contexts")
    value, left_out = values
    n = len(left_out)
    found = mean_interval(n * value - (n - 1) * left_out)
    if found.low is None or found.high is None:
        return Interval(value, None, None, found.reason)
    shift = value - found.value
    return Interval(value, found.low + shift, found.high + shift)
