"""Intrinsic dimension from distances to nearest neighbours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from namebasis.analysis.diffusion_kernel import neighbour_distances
from namebasis.checks import as_embeddings, check_count

Float64Array = npt.NDArray[np.float64]


def two_nn_dimension(embeddings: object, *, discard: float = 0.1, seed: int = 0) -> float:
    """Intrinsic dimension from ratios of second to first neighbour distances, TwoNN [1]_.

    Equal rows count once. The maximum-likelihood form is used on the ratios below the quantile
    ``1 - discard``, corrected for that cut.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
        At least 3 different rows.
    discard : float
        Share of the largest ratios to leave out, in [0, 1).
    seed : int
        Of the approximate search above 50,000 rows.

    Returns
    -------
    float
        Dimensionless, above 0; infinite where first and second neighbours are equally far.

    Raises
    ------
    ValueError
        If there are fewer than 3 different rows or `discard` is out of range.

    References
    ----------
    .. [1] Facco et al. (2017), Estimating the intrinsic dimension of datasets by a minimal
       neighborhood information, Scientific Reports 7.
    """
    if not 0 <= discard < 1:
        raise ValueError(f"discard must be in [0, 1); got {discard!r}.")
    rows = np.unique(as_embeddings(embeddings, min_rows=3), axis=0)
    if len(rows) < 3:
        raise ValueError(f"TwoNN needs at least 3 different rows; got {len(rows)}.")
    near = neighbour_distances(rows, 2, seed)
    logs = np.sort(np.log(near[:, 1] / near[:, 0]))
    n_kept = max(int(np.ceil(len(logs) * (1 - discard))), 1)
    # Log ratios are exponential with rate d; the cut ones are known to be at least the last kept.
    total = float(logs[:n_kept].sum()) + (len(logs) - n_kept) * float(logs[n_kept - 1])
    return n_kept / total if total > 0 else float("inf")


def local_dimension(embeddings: object, k: int = 20, *, seed: int = 0) -> Float64Array:
    """Maximum-likelihood intrinsic dimension around every row [1]_, unbiased form [2]_.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
    k : int
        Neighbours, 3 to n - 1.
    seed : int
        Of the approximate search above 50,000 rows.

    Returns
    -------
    ndarray of shape (n,)
        ``(k - 2) / sum_j log(r_k / r_j)``. NaN where the row equals one of its k neighbours,
        infinite where all k are equally far: both leave it undefined. The mean of the inverses
        over rows, inverted, is the better estimate for the whole.

    Raises
    ------
    ValueError
        If `k` is not in 3 to n - 1 or a value is not finite.

    References
    ----------
    .. [1] Levina and Bickel (2004), Maximum likelihood estimation of intrinsic dimension, NIPS.
    .. [2] MacKay and Ghahramani (2005), Comments on Levina and Bickel.
    """
    rows = as_embeddings(embeddings, min_rows=4)
    k = check_count(k, f"k of {len(rows)} rows", 3, len(rows) - 1)
    near = neighbour_distances(rows, k, seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        sums = np.log(near[:, -1:] / near[:, :-1]).sum(axis=1)
        found = (k - 2) / sums
    return np.where(near[:, 0] > 0, found, np.nan)
