"""How varied the pictures of one name are, in two numbers, and which one stands for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from namebasis.analysis.identity.spread import spread
from namebasis.analysis.intervals import Interval, mean_interval
from namebasis.checks import Float64Array, FloatArray, IntArray, as_embeddings, unit_rows

FLOOR = 0.01
"""Share of a unit vector's squared length that counts as noise, spread over all directions."""
MAX_SETS = 210
"""Sets of equally many pictures that a log-determinant is averaged over: all sets up to here."""


@dataclass(frozen=True)
class Diversity:
    """How varied the embeddings of one name are.

    Attributes
    ----------
    n : int
        Embeddings.
    trace : Interval
        Of their covariance: the variance in all directions together, which is also their mean
        cosine distance over all pairs.
    log_det : Interval
        ``log2 det(I + Σ / σ²)`` in bits, Σ the covariance of `n_matched` of them, averaged over
        such sets.
    """

    n: int
    trace: Interval
    log_det: Interval


def log_dets(cosines: npt.ArrayLike, dim: int, floor: float = FLOOR) -> Float64Array:
    """Regularised log-determinant of the covariance of unit rows, in bits.

    ``log2 det(I + Σ / σ²)`` with σ² = `floor` / `dim`. Σ of m rows has rank m - 1 at most and no
    determinant; the floor gives every direction that they leave out a factor of 1, and directions
    in which they differ less than noise count for nothing [1]_. It grows with m: compare equal m.

    Parameters
    ----------
    cosines : array_like of shape (..., m, m)
        Of the rows of each set, at least 2.
    dim : int
        Width of the rows.
    floor : float
        As `FLOOR`, above 0.

    Returns
    -------
    ndarray of shape (...,), float64
        At least 0, which it is where all rows are equal.

    References
    ----------
    .. [1] Ma, Derksen, Hong and Wright (2007), Segmentation of multivariate mixed data via lossy
       data coding and compression, IEEE Transactions on Pattern Analysis and Machine Intelligence
       29: twice the bits that one row takes at distortion σ².
    """
    gram = np.asarray(cosines, dtype=np.float64)
    m = gram.shape[-1]
    if m < 2:
        raise ValueError(f"a covariance needs at least 2 rows; got {m}.")
    if not floor > 0:
        raise ValueError(f"floor must be above 0; got {floor}.")
    gram = gram - gram.mean(axis=-1, keepdims=True)
    gram -= gram.mean(axis=-2, keepdims=True)
    _, values = np.linalg.slogdet(np.eye(m) + gram * (dim / floor / (m - 1)))
    return np.asarray(np.maximum(values, 0.0) / np.log(2))


def traces(cosines: npt.ArrayLike) -> Float64Array:
    """Trace of the covariance of unit rows: the mean of 1 - cosine over their pairs.

    Parameters
    ----------
    cosines : array_like of shape (..., m, m)
        At least 2 rows.
    """
    gram = np.asarray(cosines, dtype=np.float64)
    m = gram.shape[-1]
    diagonal = np.trace(gram, axis1=-2, axis2=-1)
    return np.asarray(np.maximum(1 - (gram.sum(axis=(-2, -1)) - diagonal) / (m * (m - 1)), 0.0))


def diversity(embeddings: npt.ArrayLike, n_matched: int, *, seed: int = 0) -> Diversity:
    """Measure how varied the embeddings of one name are.

    Trace and log-determinant part where the variance lies in few directions: two kinds of pictures
    have the trace of a cloud and the log-determinant of a line. The trace does not depend on n and
    has the interval of `spread`. The log-determinant does, so it is the mean over sets of
    `n_matched` rows (all of them, or `MAX_SETS` drawn); its interval is that of the jackknife's
    pseudo-values, each from the sets without one row.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
        At least 2; scaled to length 1.
    n_matched : int
        Rows of a set, 2 to n.
    seed : int
        Of the sets that are drawn.
    """
    rows = unit_rows(as_embeddings(embeddings, min_rows=2)).astype(np.float64)
    n, dim = rows.shape
    if not 2 <= n_matched <= n:
        raise ValueError(f"n_matched must lie between 2 and the {n} rows; got {n_matched}.")
    cosines = np.clip(rows @ rows.T, -1.0, 1.0)
    if n > 2:
        trace = spread(rows).div
    else:
        trace = Interval(float(traces(cosines)), None, None, "2 rows have no interval")
    sets = _sets(n, n_matched, seed)
    values = log_dets(cosines[sets[:, :, None], sets[:, None, :]], dim)
    return Diversity(n, trace, _interval(values, sets, n))


def shuffled(
    pool: FloatArray, n: int, n_matched: int, *, n_draws: int = 200, seed: int = 0
) -> tuple[Float64Array, Float64Array]:
    """Traces and log-determinants of names that n pictures of the pool are dealt to at random.

    Parameters
    ----------
    pool : ndarray of shape (n_pictures, n_features)
        Unit rows, those of all names.
    n, n_matched : int
        As of the name that they are compared with.
    n_draws, seed : int

    Returns
    -------
    traces, log_dets : ndarrays of shape (n_draws,)
    """
    rng = np.random.default_rng(seed)
    sets = _sets(n, n_matched, seed)
    found = np.empty((2, n_draws))
    for draw in range(n_draws):
        rows = pool[rng.choice(len(pool), n, replace=False)].astype(np.float64)
        cosines = np.clip(rows @ rows.T, -1.0, 1.0)
        inner = cosines[sets[:, :, None], sets[:, None, :]]
        found[:, draw] = traces(cosines), log_dets(inner, pool.shape[1]).mean()
    return found[0], found[1]


def medoid(embeddings: npt.ArrayLike) -> tuple[int, float]:
    """The row with the largest mean cosine to the others, and that cosine; NaN for one row.

    The first of several; the only one of one.
    """
    rows = unit_rows(as_embeddings(embeddings)).astype(np.float64)
    if len(rows) == 1:
        return 0, float("nan")
    # Rounding must not choose between rows that are equally near.
    means = np.round((rows @ rows.sum(axis=0) - 1) / (len(rows) - 1), 6)
    best = int(np.argmax(means))
    return best, float(means[best])


def _sets(n: int, m: int, seed: int) -> IntArray:
    """Sets of m of n rows: all, or `MAX_SETS` at random."""
    if comb(n, m) <= MAX_SETS:
        return np.array(list(combinations(range(n), m)), dtype=np.int64)
    rng = np.random.default_rng(seed)
    return np.argsort(rng.random((MAX_SETS, n)), axis=1)[:, :m].astype(np.int64)


def _interval(values: Float64Array, sets: IntArray, n: int) -> Interval:
    mean = float(values.mean())
    if sets.shape[1] == n:
        return Interval(mean, None, None, "as many pictures as are compared")
    holds = np.zeros((len(sets), n), dtype=bool)
    np.put_along_axis(holds, sets, True, axis=1)
    left_out = (values @ ~holds) / (~holds).sum(axis=0)
    pseudo = n * left_out.mean() - (n - 1) * left_out
    found = mean_interval(pseudo)
    if found.low is None or found.high is None:
        return Interval(mean, None, None, found.reason)
    shift = mean - found.value
    return Interval(mean, max(found.low + shift, 0.0), found.high + shift)
