"""Taking the common directions out of a set of vectors, in part."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray, as_embeddings

_BLOCK = 8192  # rows widened to float64 at a time


def covariance(embeddings: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the covariance of the rows, (n_features, n_features), divided by their number."""
    rows = as_embeddings(embeddings)
    mean = rows.mean(axis=0, dtype=np.float64)
    total = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK] - mean
        total += block.T @ block
    return total / len(rows)


def whitening_matrix(embeddings: npt.ArrayLike, ridge: float) -> FloatArray:
    """Return the symmetric matrix ``(C + ridge * v * I) ** -1/2`` of the rows' covariance C.

    v is the mean variance, so `ridge` has no unit: near 0 every direction counts the same
    afterwards, noise too; at large values nothing changes but the scale.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
    ridge : float
        Above 0.

    Returns
    -------
    ndarray of shape (n_features, n_features), float32
        To multiply rows with from the right.

    Raises
    ------
    ValueError
        If `ridge` is not above 0 or all rows are equal.
    """
    if not (np.isfinite(ridge) and ridge > 0):
        raise ValueError(f"ridge must be a number above 0; got {ridge}.")
    values, vectors = np.linalg.eigh(covariance(embeddings))
    mean = float(values.mean())
    if mean <= 0:
        raise ValueError("embeddings are all equal: they have no covariance to whiten by.")
    scale = 1.0 / np.sqrt(np.maximum(values, 0.0) + ridge * mean)
    return np.asarray((vectors * scale) @ vectors.T, dtype=np.float32)
