"""Matrices as memories of keys: what one says for a key, and how to change that and little else.

A second matrix of an MLP maps keys to values; the change of least effect on other keys that gives
one key another value has rank one along the whitened key [1]_.

.. [1] Meng et al. (2022), Locating and editing factual associations in GPT, §3.1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from namebasis.checks import Float64Array

RIDGE = 1e-2
"""Share of the mean variance that is added to a second moment, so that it has an inverse."""


def second_moment(keys: npt.ArrayLike, ridge: float = RIDGE) -> Float64Array:
    """Mean of ``k kᵀ`` over keys, with `ridge` of its mean diagonal added to the diagonal.

    Parameters
    ----------
    keys : array_like of shape (n, n_in)
    ridge : float
        Above 0.

    Returns
    -------
    ndarray of shape (n_in, n_in)

    Raises
    ------
    ValueError
        If keys are no matrix, not finite or all zero, or the ridge is not above 0.
    """
    rows = np.asarray(keys, dtype=np.float64)
    if rows.ndim != 2 or not np.isfinite(rows).all() or not rows.any():
        raise ValueError(f"keys must be finite, 2-D and not all zero; got shape {rows.shape}.")
    if not 0 < ridge < np.inf:
        raise ValueError(f"ridge must be above 0; got {ridge!r}.")
    moment = rows.T @ rows / len(rows)
    moment[np.diag_indices_from(moment)] += ridge * np.trace(moment) / len(moment)
    return np.asarray(moment)


def whitened(key: npt.ArrayLike, moment: npt.ArrayLike) -> Float64Array:
    """``C⁻¹ k / (kᵀ C⁻¹ k)``: its product with the key is 1, and with others as small as can be.

    Parameters
    ----------
    key : array_like of shape (n_in,)
    moment : array_like of shape (n_in, n_in)
        As `second_moment` gives it.

    Raises
    ------
    ValueError
        If the key is zero.
    """
    row = np.asarray(key, dtype=np.float64)
    if not row.any():
        raise ValueError("a key that is zero has no direction.")
    found = np.linalg.solve(np.asarray(moment, dtype=np.float64), row)
    return np.asarray(found / (row @ found))


def value_edit(
    change: npt.ArrayLike, key: npt.ArrayLike, moment: npt.ArrayLike
) -> Float64Array:  # fmt: skip
    """What to add to a matrix for its value of one key to change, and others' as little as can be.

    Of all D with ``D k = change`` the one of least ``tr(D C Dᵀ)``, the mean squared change of the
    values of the keys that C was made of.

    Parameters
    ----------
    change : array_like of shape (n_out,)
    key : array_like of shape (n_in,)
    moment : array_like of shape (n_in, n_in)

    Returns
    -------
    ndarray of shape (n_out, n_in)
        Of rank one.
    """
    return np.outer(np.asarray(change, dtype=np.float64), whitened(key, moment))


def rank_one_shares(
    change: npt.ArrayLike, keys: npt.ArrayLike, moment: npt.ArrayLike
) -> Float64Array:
    """How much of a change of weights is rank one along each whitened key.

    The best piece ``v uᵀ`` of the change D along the whitened key u, measured on the keys that C
    was made of, has v = D k; its share of ``tr(D C Dᵀ)`` is ``|D k|² / (kᵀ C⁻¹ k)`` over that.

    Parameters
    ----------
    change : array_like of shape (n_out, n_in)
    keys : array_like of shape (n, n_in)
    moment : array_like of shape (n_in, n_in)

    Returns
    -------
    ndarray of shape (n,)
        In [0, 1]; 0 of a change that is zero.
    """
    moved, rows = np.asarray(change, dtype=np.float64), np.asarray(keys, dtype=np.float64)
    known = np.asarray(moment, dtype=np.float64)
    whole = float(np.einsum("oi,ij,oj->", moved, known, moved, optimize=True))
    leverage = np.einsum("ni,ni->n", rows, np.linalg.solve(known, rows.T).T)
    written = np.square(rows @ moved.T).sum(axis=1)
    if not whole > 0:
        return np.zeros(len(rows))
    return np.asarray(written / np.maximum(leverage, np.finfo(np.float64).tiny) / whole)
