"""Data without structure: what a measure of arrangement is compared with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from namebasis.checks import FloatArray

NULLS = ("gaussian", "shuffled columns")


def null_draws(
    rows: FloatArray, null: str, n_drawn: int | None = None
) -> Callable[[np.random.Generator], FloatArray]:
    """Make draws of a null of `rows` (n, n_features): a function of a random generator.

    ``gaussian`` has the mean and covariance of `rows`, ``shuffled columns`` their columns, each in
    an order of its own. Where all rows have length 1, drawn ones are scaled to length 1 as well.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
    null : str
        One of `NULLS`.
    n_drawn : int, optional
        Rows of each draw, n at most; by default n.
    """
    make = {"gaussian": _gaussian, "shuffled columns": _shuffled}[null]
    draw = make(rows, len(rows) if n_drawn is None else n_drawn)
    if not (np.abs(np.linalg.norm(rows, axis=1) - 1) < 1e-3).all():
        return draw

    def unit(rng: np.random.Generator) -> FloatArray:
        drawn = draw(rng)
        lengths = np.linalg.norm(drawn, axis=1, keepdims=True)
        return np.asarray(drawn / np.maximum(lengths, np.finfo(np.float32).tiny))

    return unit


def _gaussian(rows: FloatArray, n: int) -> Callable[[np.random.Generator], FloatArray]:
    mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = rows - mean
    values, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64) / len(rows))
    root = (axes * np.sqrt(np.maximum(values, 0))).T.astype(np.float32)
    shape = (n, rows.shape[1])
    return lambda rng: rng.standard_normal(shape, dtype=np.float32) @ root + mean


def _shuffled(rows: FloatArray, n: int) -> Callable[[np.random.Generator], FloatArray]:
    return lambda rng: np.asarray(rng.permuted(rows, axis=0)[:n])
