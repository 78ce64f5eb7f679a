"""How alike two representations of the same rows are: linear centred kernel alignment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from namebasis.checks import Float64Array, as_embeddings

_FEWEST = 4  # rows that the debiased estimate needs


def linear_cka(first: object, second: object, *, debiased: bool = True) -> float:
    """Linear centred kernel alignment of two embeddings of the same rows [1]_.

    Parameters
    ----------
    first : array_like of shape (n, n_features)
    second : array_like of shape (n, other_features)
        The same rows in the same order; the widths may differ.
    debiased : bool
        Estimate each product of kernels without its diagonal [2]_, so that unrelated rows give
        about 0. The plain value grows towards 1 with more features than rows.

    Returns
    -------
    float
        1 for rows that a rotation, a shift and one scale carry into each other; plain values lie
        in [0, 1], debiased ones can fall a little below 0.

    Raises
    ------
    ValueError
        If the rows do not pair up, are fewer than 4, or do not differ.

    References
    ----------
    .. [1] Kornblith et al. (2019), Similarity of neural network representations revisited.
    .. [2] Song et al. (2007), Supervised feature selection via dependence estimation, eq. 5.
    """
    return float(cka_matrix([first, second], debiased=debiased)[0, 1])


def cka_matrix(embeddings: Sequence[object], *, debiased: bool = True) -> Float64Array:
    """Linear CKA between all pairs of embeddings of the same rows.

    Parameters
    ----------
    embeddings : sequence of m array_like, each of shape (n, n_features)
    debiased : bool
        See `linear_cka`.

    Returns
    -------
    ndarray of shape (m, m)
        Symmetric, 1 on the diagonal.

    Raises
    ------
    ValueError
        As for `linear_cka`.
    """
    grams = [_gram(rows, debiased) for rows in embeddings]
    if len({len(gram) for gram in grams}) > 1:
        raise ValueError(
            "embeddings must be of the same rows; got "
            f"{', '.join(str(len(gram)) for gram in grams)} rows."
        )
    product = _unbiased if debiased else _plain
    norms = [product(gram, gram) for gram in grams]
    if any(norm <= 0 for norm in norms):
        raise ValueError("the rows of an embedding do not differ; there is nothing to align.")
    out = np.eye(len(grams))
    for i, left in enumerate(grams):
        for j in range(i):
            out[i, j] = out[j, i] = product(left, grams[j]) / np.sqrt(norms[i] * norms[j])
    return out


def _gram(rows: object, debiased: bool) -> Float64Array:
    matrix = as_embeddings(rows, min_rows=_FEWEST).astype(np.float64)
    matrix = matrix - matrix.mean(axis=0)
    gram = matrix @ matrix.T
    if debiased:
        np.fill_diagonal(gram, 0.0)
    return np.asarray(gram)


def _plain(first: Float64Array, second: Float64Array) -> float:
    return float(np.sum(first * second))


def _unbiased(first: Float64Array, second: Float64Array) -> float:
    """The unbiased estimate of HSIC, up to a factor that cancels; diagonals are zero."""
    n = len(first)
    sums = first.sum(axis=0) @ second.sum(axis=0)
    total = first.sum() * second.sum() / ((n - 1) * (n - 2))
    return float(np.sum(first * second) + total - 2 * sums / (n - 2))
