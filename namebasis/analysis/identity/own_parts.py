"""The own direction of names taken apart: along attributes and beyond, and over resampled swaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.analysis.identity.own_direction import (
    BoolArray,
    OwnDirection,
    own_direction,
    part_effects,
    partner_grid,
)
from namebasis.checks import Float64Array, IntArray, check_count

_CUT = 1e-4  # of the largest singular value: what is below is rounding


@dataclass(frozen=True)
class Swaps:
    """Full names with their swaps; see `analysis.identity`.

    Attributes
    ----------
    whole : ndarray of shape (n, n_features)
    grid : ndarray of shape (n_given_partners, n_family_partners, n_features)
    given, family : ndarray of shape (n_parts, n_partners, n_features)
    given_valid, family_valid : ndarray of shape (n_parts, n_partners), bool
    given_rows, family_rows : ndarray of shape (n,)
        Which part each full name has.
    """

    whole: npt.NDArray[np.floating]
    grid: npt.NDArray[np.floating]
    given: npt.NDArray[np.floating]
    family: npt.NDArray[np.floating]
    given_valid: BoolArray
    family_valid: BoolArray
    given_rows: IntArray
    family_rows: IntArray

    def onto(self, basis: Float64Array, *, off: bool = False) -> Swaps:
        """All embeddings within the span of orthonormal rows, or with `off` without it."""

        def turn(rows: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
            within = rows @ basis.T.astype(rows.dtype)
            return rows - within @ basis.astype(rows.dtype) if off else within

        return Swaps(
            turn(self.whole), turn(self.grid), turn(self.given), turn(self.family),
            self.given_valid, self.family_valid, self.given_rows, self.family_rows,
        )  # fmt: skip

    def measure(self) -> OwnDirection:
        """What remains of the full names after the effects of their parts."""
        grid = partner_grid(self.grid)
        given = part_effects(self.given, grid.family, self.given_valid)
        family = part_effects(self.family, grid.given, self.family_valid)
        return own_direction(
            self.whole, given, family, grid.grand, self.given_rows, self.family_rows
        )


def attribute_basis(values: npt.ArrayLike, attributes: npt.ArrayLike) -> Float64Array:
    """Orthonormal directions in which attributes tell their values apart.

    Parameters
    ----------
    values : array_like of shape (n_values, n_features)
        Mean embedding of the texts of each value.
    attributes : array_like of shape (n_values,)
        Number of the attribute that each belongs to; values of one are compared with each other.

    Returns
    -------
    ndarray of shape (n_directions, n_features)
        At most n_values less the attributes; empty without two values of one attribute.
    """
    rows, groups = np.asarray(values, np.float64), np.asarray(attributes)
    if rows.ndim != 2 or groups.shape != rows.shape[:1]:
        raise ValueError(f"attributes must be one for each of {len(rows)} values.")
    apart = [
        rows[groups == group] - rows[groups == group].mean(axis=0) for group in np.unique(groups)
    ]
    stacked = np.concatenate(apart) if apart else rows
    if not len(stacked):
        return np.zeros((0, rows.shape[1]))
    _, sizes, axes = np.linalg.svd(stacked, full_matrices=False)
    return np.asarray(axes[sizes > _CUT * max(float(sizes.max()), 1e-12)])


def resampled_scores(swaps: Swaps, *, n_resamples: int, seed: int) -> Float64Array:
    """Scores of the own direction when each part's valid swaps are resampled.

    The squared length of a remainder grows by the variance of a resampled mean; that much is
    taken off, so that draws centre on the measured score.

    Parameters
    ----------
    swaps : Swaps
    n_resamples : int
    seed : int
        Draws of a part do not depend on which other parts there are.

    Returns
    -------
    ndarray of shape (n, n_resamples)
        Length over the noise of the noisier part, as `OwnDirection.score`; at least 0.
    """
    check_count(n_resamples, "n_resamples", 2)
    grid = partner_grid(swaps.grid)
    base = np.asarray(swaps.whole, np.float64) - grid.grand
    sides = [
        (swaps.given, grid.family, swaps.given_valid, swaps.given_rows),
        (swaps.family, grid.given, swaps.family_valid, swaps.family_rows),
    ]
    noise = np.stack(
        [part_effects(s, p, v).noise[rows] for s, p, v, rows in sides]
    ).max(axis=0)  # fmt: skip
    weights = [
        _weights(valid, n_resamples, (seed, side)) for side, (_, _, valid, _) in enumerate(sides)
    ]
    out = np.empty((len(base), n_resamples))
    for row in range(len(base)):
        vectors, shares, surplus = [base[row][None]], [np.ones((n_resamples, 1))], 0.0
        for (part, partners, valid, rows), drawn in zip(sides, weights, strict=True):
            apart = part[rows[row]] - partners
            used = valid[rows[row]]
            vectors.append(-apart)
            shares.append(drawn[rows[row]])
            surplus += float(apart[used].var(axis=0).sum()) / int(used.sum())
        stacked, share = np.concatenate(vectors), np.concatenate(shares, axis=1)
        squares = np.einsum("bi,ij,bj->b", share, stacked @ stacked.T, share, optimize=True)
        out[row] = np.sqrt(np.maximum(squares - surplus, 0.0)) / noise[row]
    return out


def _weights(valid: BoolArray, n_resamples: int, seed: tuple[int, int]) -> Float64Array:
    """Shares of each part's valid swaps in each draw, (n_parts, n_resamples, n_partners)."""
    out = np.zeros((len(valid), n_resamples, valid.shape[1]))
    rng = np.random.default_rng(seed)
    for part, used in enumerate(valid):
        n = int(used.sum())
        out[part][:, used] = rng.multinomial(n, np.full(n, 1 / n), size=n_resamples) / n
    return out
