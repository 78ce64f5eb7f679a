"""Probes: labels read out of embeddings by ridge regression, cross-validated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.checks import Float64Array, as_embeddings, check_count

PENALTIES = tuple(10.0**power for power in np.arange(-4.0, 3.5, 0.5))


@dataclass(frozen=True)
class Probe:
    """Cross-validated predictions of a ridge regression.

    Attributes
    ----------
    predictions : ndarray of the labels' shape, float64
        Of each name by a model that has not seen it.
    penalties : ndarray of shape (n_folds,) or (n_folds, n_labels), float64
        Chosen within the training names of each fold.
    """

    predictions: Float64Array
    penalties: Float64Array


def probe(names: object, labels: npt.ArrayLike, *, n_folds: int = 5, seed: int = 0) -> Probe:
    """Predict labels by ridge regression, cross-validated; the penalty is chosen inside.

    Each fold's penalty has the least leave-one-out error on that fold's own training names
    (closed form), so no name has a say in its own prediction. Several labels share the
    decomposition and have each its own penalty.

    Parameters
    ----------
    names : array_like of shape (n_names, n_features)
    labels : array_like of shape (n_names,) or (n_names, n_labels)
        Finite.
    n_folds : int
        From 2 to the number of names.
    seed : int
        Of the division into folds.

    Raises
    ------
    ValueError
        If labels are not finite or not one row per name, or there are too few names.
    """
    rows = as_embeddings(names, "names", min_rows=4).astype(np.float64)
    truth = np.asarray(labels, dtype=np.float64)
    if truth.ndim not in (1, 2) or len(truth) != len(rows) or not np.isfinite(truth).all():
        raise ValueError(f"labels must be {len(rows)} finite numbers; got shape {truth.shape}.")
    check_count(n_folds, "n_folds", 2, len(rows))
    columns = truth.reshape(len(rows), -1)
    fold = np.random.default_rng(seed).permutation(len(rows)) % n_folds
    predictions, penalties = np.empty(columns.shape), np.empty((n_folds, columns.shape[1]))
    for number in range(n_folds):
        held = fold == number
        predictions[held], penalties[number] = _ridge(rows[~held], columns[~held], rows[held])
    shape = (n_folds,) if truth.ndim == 1 else penalties.shape
    return Probe(predictions.reshape(truth.shape), penalties.reshape(shape))


def joined(*views: object) -> Float64Array:
    """Several views of the same names side by side, each centred and of root mean square length 1.

    Parameters
    ----------
    *views : array_like of shape (n_names, n_features)
        A view without spread stays 0.

    Returns
    -------
    ndarray of shape (n_names, sum of n_features), float64
    """
    parts = []
    for view in views:
        rows = np.asarray(view, dtype=np.float64)
        rows = rows - rows.mean(axis=0)
        length = float(np.sqrt(np.square(rows).sum(axis=1).mean()))
        parts.append(rows / length if length > 1e-12 else rows)
    return np.hstack(parts)


def _ridge(
    rows: Float64Array, truth: Float64Array, new: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Predictions (n_new, n_labels) and the penalty of each label."""
    mean, level = rows.mean(axis=0), truth.mean(axis=0)
    left, values, right = _decompose(rows - mean)
    squares, leverages, parts = values**2, np.square(left), left.T @ (truth - level)
    errors = np.empty((len(PENALTIES), truth.shape[1]))
    for at, penalty in enumerate(PENALTIES):
        shrink = squares / (squares + penalty)
        # The mean is fitted too, hence 1/n in the leverage.
        leverage = leverages @ shrink + 1 / len(rows)
        rest = truth - level - left @ (shrink[:, None] * parts)
        rest /= np.maximum(1 - leverage, 1e-9)[:, None]
        errors[at] = np.square(rest).mean(axis=0)
    chosen = np.array(PENALTIES)[errors.argmin(axis=0)]
    weights = right.T @ (values[:, None] / (squares[:, None] + chosen) * parts)
    return (new - mean) @ weights + level, chosen


def _decompose(rows: Float64Array) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Singular value decomposition; of tall rows by way of their Gram matrix, which is faster."""
    if len(rows) < 4 * rows.shape[1]:
        left, values, right = np.linalg.svd(rows, full_matrices=False)
        return left, values, right
    squares, vectors = np.linalg.eigh(rows.T @ rows)
    # Squaring halves the digits: smaller values are noise, and a ridge ignores them.
    kept = squares > 1e-12 * squares[-1]
    values, vectors = np.sqrt(squares[kept]), vectors[:, kept]
    return (rows @ vectors) / values, values, vectors.T
