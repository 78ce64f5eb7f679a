"""When a reading says more than chance: held against made-up names, corrected for all axes read.

The rule was fixed before any example was looked at (docs/measures.md, "No belief beyond chance").
"""

from __future__ import annotations

import numpy as np

from namebasis.analysis.readings.associations import holm
from namebasis.checks import Float64Array, IntArray

LEVEL = 0.05
"""Chance that a name without any belief gets at least one, over all axes together."""


def lean(z: Float64Array, *, is_ordinal: bool) -> tuple[Float64Array, IntArray]:
    """How far each name leans on one axis, and to what.

    Parameters
    ----------
    z : ndarray of shape (n_names, n_values)
        Standard deviations from made-up names; of an ordinal axis one column.
    is_ordinal : bool

    Returns
    -------
    strength : ndarray of shape (n_names,), float64
        Of an ordinal axis |z|, as either end is a belief; of a nominal one the largest z, as less
        of a value than usual is none. -inf where nothing is defined.
    towards : ndarray of shape (n_names,), int64
        Of an ordinal axis 0 for its first end and 1 for its last; else the value.
    """
    known = np.where(np.isfinite(z), z, -np.inf)
    if not is_ordinal:
        return known.max(axis=1), known.argmax(axis=1).astype(np.int64)
    single = z[:, 0]
    strength = np.where(np.isfinite(single), np.abs(single), -np.inf)
    return strength, (single > 0).astype(np.int64)


def rank_p(strengths: Float64Array, made: Float64Array) -> Float64Array:
    """Share of made-up names that lean as far, each name counted with them.

    Parameters
    ----------
    strengths : ndarray of shape (n_names,)
    made : ndarray of shape (n_made,)
        Of the made-up names, measured alike.

    Returns
    -------
    ndarray of shape (n_names,), float64
        In [1 / (n_made + 1), 1]; at most α in a share of α of names that are as made-up ones are.
    """
    ranked = np.sort(made)
    reached = len(ranked) - np.searchsorted(ranked, strengths - 1e-12, side="left")
    return np.asarray((1 + reached) / (1 + len(ranked)), dtype=np.float64)


def corrected(p_values: Float64Array) -> Float64Array:
    """Correct each name's p over its axes by Holm's step-down; shape (n_axes, n_names)."""
    return np.stack([holm(one.tolist()) for one in p_values.T], axis=1)
