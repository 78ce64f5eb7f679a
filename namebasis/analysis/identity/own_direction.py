"""What a full name has beyond its parts: own direction and part capture, from swapped partners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.checks import Float64Array, FloatArray, IntArray

BoolArray = npt.NDArray[np.bool_]
_FEWEST = 4  # swaps a part needs before its scatter means anything


@dataclass(frozen=True)
class PartnerGrid:
    """What the partners themselves contribute, from all their pairs with each other.

    Attributes
    ----------
    grand : ndarray of shape (n_features,)
        Mean of all pairs.
    given, family : ndarray of shape (n_partners, n_features)
        Mean of the pairs of each partner.
    """

    grand: Float64Array
    given: Float64Array
    family: Float64Array


@dataclass(frozen=True)
class PartEffects:
    """The additive effect of parts, one row each.

    Attributes
    ----------
    effects : ndarray of shape (n, n_features)
        What the part adds to the grand mean.
    noise : ndarray of shape (n,)
        Root mean square length of what its swaps leave unexplained.
    """

    effects: Float64Array
    noise: Float64Array


@dataclass(frozen=True)
class OwnDirection:
    """What remains of full names after the effects of their parts.

    Attributes
    ----------
    remainder : ndarray of shape (n, n_features)
    length : ndarray of shape (n,)
        Of the remainder.
    score : ndarray of shape (n,)
        Length over the noise of the noisier part: 1 is what any pairing leaves.
    strength : ndarray of shape (n,)
        Length of the weaker part's effect over that part's noise: small where a part means
        little on its own.
    """

    remainder: FloatArray
    length: Float64Array
    score: Float64Array
    strength: Float64Array


def partner_grid(grid: npt.ArrayLike) -> PartnerGrid:
    """Average the pairs of all given partners with all family partners.

    Parameters
    ----------
    grid : array_like of shape (n_given, n_family, n_features)

    Raises
    ------
    ValueError
        If it is no such array, or a value is not finite.
    """
    values = _cube(grid, "grid")
    return PartnerGrid(values.mean(axis=(0, 1)), values.mean(axis=1), values.mean(axis=0))


def part_effects(
    swaps: npt.ArrayLike, partners: npt.ArrayLike, valid: BoolArray | None = None
) -> PartEffects:
    """Estimate what parts contribute from their pairs with the same partners.

    Row i's effect is the mean over partners s of ``swaps[i, s] - partners[s]``; its noise is the
    spread about that mean, with one degree of freedom taken off.

    Parameters
    ----------
    swaps : array_like of shape (n, n_partners, n_features)
        The part with each partner.
    partners : array_like of shape (n_partners, n_features)
        `PartnerGrid.family` for given names, `PartnerGrid.given` for family names.
    valid : ndarray of shape (n, n_partners), bool, optional
        False where a pair is not to be used, such as a real full name.

    Raises
    ------
    ValueError
        If shapes do not fit or a row has fewer than 4 valid swaps.
    """
    values = _cube(swaps, "swaps")
    others = np.asarray(partners, dtype=np.float64)
    if others.shape != values.shape[1:]:
        raise ValueError(f"partners must have shape {values.shape[1:]}; got {others.shape}.")
    used = np.ones(values.shape[:2]) if valid is None else np.asarray(valid, dtype=np.float64)
    if used.shape != values.shape[:2]:
        raise ValueError(f"valid must have shape {values.shape[:2]}; got {used.shape}.")
    count = used.sum(axis=1)
    if (count < _FEWEST).any():
        raise ValueError(
            f"every part needs at least {_FEWEST} valid swaps; row {int(count.argmin())} has "
            f"{int(count.min())}. Take more partners."
        )
    apart = values - others
    effects = np.einsum("ns,nsd->nd", used, apart) / count[:, None]
    apart -= effects[:, None]
    squares = np.einsum("ns,nsd,nsd->n", used, apart, apart)
    return PartEffects(effects, np.sqrt(squares / (count - 1)))


def own_direction(
    whole: npt.ArrayLike,
    given: PartEffects,
    family: PartEffects,
    grand: Float64Array,
    given_rows: IntArray,
    family_rows: IntArray,
) -> OwnDirection:
    """Take the effects of both parts off full names.

    Parameters
    ----------
    whole : array_like of shape (n, n_features)
        Embeddings of the full names.
    given, family : PartEffects
    grand : ndarray of shape (n_features,)
        `PartnerGrid.grand`.
    given_rows, family_rows : ndarray of shape (n,)
        Which part each full name has.

    Raises
    ------
    ValueError
        If a part has no noise at all: its swaps are all alike, and nothing can be normalised.
    """
    rows = np.asarray(whole, dtype=np.float64)
    noise = np.stack([given.noise[given_rows], family.noise[family_rows]])
    if not (noise > 1e-9).all():
        raise ValueError(
            "a part's swaps leave nothing unexplained, so there is no noise to compare a "
            "remainder with. Take an encoder that reads both parts."
        )
    first, last = given.effects[given_rows], family.effects[family_rows]
    remainder = rows - grand - first - last
    length = np.linalg.norm(remainder, axis=1)
    strengths = np.stack([np.linalg.norm(first, axis=1), np.linalg.norm(last, axis=1)]) / noise
    return OwnDirection(
        remainder.astype(np.float32),
        length,
        # The noisier part: a rare spelling scatters its swaps, and would feign an identity.
        length / noise.max(axis=0),
        strengths.min(axis=0),
    )


def part_pull(alone: npt.ArrayLike, effects: npt.ArrayLike, grand: Float64Array) -> Float64Array:
    """How far parts move whatever they are paired with towards what they mean alone.

    Parameters
    ----------
    alone : array_like of shape (n, n_features)
        Embeddings of the parts alone.
    effects : array_like of shape (n, n_features)
        `PartEffects.effects`: what each adds to its pairs on average.
    grand : ndarray of shape (n_features,)
        `PartnerGrid.grand`.

    Returns
    -------
    ndarray of shape (n,)
        Length of the effect along the part alone about the grand mean; 0 where the part lies on
        that mean, below 0 where pairs are moved away from what it means alone.
    """
    apart = np.asarray(alone, dtype=np.float64) - grand
    length = np.linalg.norm(apart, axis=1)
    along = np.einsum("nd,nd->n", np.asarray(effects, dtype=np.float64), apart)
    return np.asarray(along / np.where(length > 1e-9, length, np.inf))


def part_capture(
    whole: npt.ArrayLike, part: npt.ArrayLike, swaps: npt.ArrayLike, valid: BoolArray | None = None
) -> Float64Array:
    """How much nearer a part alone lies to the whole than to its pairs with other partners.

    Parameters
    ----------
    whole, part : array_like of shape (n, n_features)
        Unit rows: the full names, and one part of each alone.
    swaps : array_like of shape (n, n_partners, n_features)
        That part with other partners.
    valid : ndarray of shape (n, n_partners), bool, optional

    Returns
    -------
    ndarray of shape (n,)
        Cosine of part and whole, in standard deviations of the part's cosines to the swaps, from
        their mean. Large where the part alone already means the whole; NaN where all swaps lie
        equally near, as those of a part that fills a text tower's window do.

    Raises
    ------
    ValueError
        If a row has fewer than 4 valid swaps.
    """
    values = _cube(swaps, "swaps")
    alone = np.asarray(part, dtype=np.float64)
    used = np.ones(values.shape[:2]) if valid is None else np.asarray(valid, dtype=np.float64)
    count = used.sum(axis=1)
    if (count < _FEWEST).any():
        raise ValueError(f"every part needs at least {_FEWEST} valid swaps; one has fewer.")
    near = np.einsum("nd,nd->n", np.asarray(whole, dtype=np.float64), alone)
    others = np.einsum("nsd,nd->ns", values, alone)
    mean = (used * others).sum(axis=1) / count
    variance = (used * (others - mean[:, None]) ** 2).sum(axis=1) / (count - 1)
    spread = np.sqrt(np.where(variance > 1e-18, variance, np.nan))
    return np.asarray((near - mean) / spread)


def part_hold(
    whole: npt.ArrayLike,
    swaps: npt.ArrayLike,
    centre: npt.ArrayLike,
    valid: BoolArray | None = None,
) -> Float64Array:
    """How much a full name stays what it is when one part is paired with other partners.

    Near 1 where the part alone settles the meaning: it has captured the name. On the model
    organism this tells captured names from all others, where the distance of the part alone, in
    standard deviations of its swaps (`part_capture`), does not (docs/organism.md).

    Parameters
    ----------
    whole : array_like of shape (n, n_features)
        The full names.
    swaps : array_like of shape (n, n_partners, n_features)
        One part of each with other partners.
    centre : array_like of shape (n_features,)
        Taken off both; `PartnerGrid.grand`.
    valid : ndarray of shape (n, n_partners), bool, optional

    Returns
    -------
    ndarray of shape (n,)
        Mean cosine of the full name and its part's swaps about the centre, in [-1, 1].

    Raises
    ------
    ValueError
        If a row has fewer than 4 valid swaps, or lies at the centre.
    """
    values = _cube(swaps, "swaps") - np.asarray(centre, dtype=np.float64)
    rows = np.asarray(whole, dtype=np.float64) - np.asarray(centre, dtype=np.float64)
    used = np.ones(values.shape[:2]) if valid is None else np.asarray(valid, dtype=np.float64)
    count = used.sum(axis=1)
    if (count < _FEWEST).any():
        raise ValueError(f"every part needs at least {_FEWEST} valid swaps; one has fewer.")
    lengths = np.linalg.norm(values, axis=2) * np.linalg.norm(rows, axis=1)[:, None]
    if not (lengths > 1e-12).all():
        raise ValueError("a name or a swap lies at the centre and has no direction from it.")
    cosines = np.einsum("nsd,nd->ns", values, rows) / lengths
    return np.asarray((used * cosines).sum(axis=1) / count)


def _cube(values: npt.ArrayLike, what: str) -> Float64Array:
    cube = np.asarray(values, dtype=np.float64)
    if cube.ndim != 3 or 0 in cube.shape:
        raise ValueError(f"{what} must be 3-D (n, n_partners, n_features); got {cube.shape}.")
    if not np.isfinite(cube).all():
        raise ValueError(f"{what} must be finite; some values are not.")
    return cube
