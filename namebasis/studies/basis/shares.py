"""What names explain of a target beyond phrases, and phrases beyond names."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from namebasis.analysis.blas import one_blas_thread
from namebasis.checks import FloatArray, IntArray
from namebasis.studies.basis import trust
from namebasis.studies.basis.recipe import FAMILY, Mask, Recipe
from namebasis.studies.basis.stability import resampled
from namebasis.wording import z_sentence


@dataclass(frozen=True)
class UniqueShare:
    """What one kind of atoms explains of a target when the other kind was there first.

    The target is fitted by the other kind alone. What these atoms span is taken off the target and
    off the atoms of this kind, which are then fitted to the rest by the same pursuit.

    Attributes
    ----------
    of : {"names", "phrases"}
    beyond : {"phrases", "names"}
    share : float
        Of the centred target's squared length, in [0, 1].
    low, high : float or None
        2.5 % and 97.5 % quantiles over bootstrap resamples of the atoms of this kind, each without
        about 37 % of them; None where these were not asked for.
    chance : float or None
        The mean share with random dictionaries of the same size and covariance.
    z : float or None
        Of the cosine behind the share against theirs; see `trust.Null`.
    """

    of: str
    beyond: str
    share: float
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    z: float | None = None

    def said(self) -> str:
        """A sentence."""
        told = f"{self.of.capitalize()} explain {100 * self.share:.0f} % beyond {self.beyond}"
        if self.chance is None or self.z is None:
            return f"{told}."
        return f"{told}; random dictionaries {100 * self.chance:.0f} % ({z_sentence(self.z)})."


@one_blas_thread()
def unique_shares(
    recipe: Recipe,
    vectors: FloatArray,
    target: FloatArray,
    kinds: IntArray,
    denied: Mask,
    n_null: int,
    n_resamples: int,
    rng: np.random.Generator,
    progress: trust.Advance,
) -> tuple[UniqueShare, ...]:
    """Measure both; none where one of the kinds has no usable atom.

    Parameters
    ----------
    recipe : Recipe
        Each kind may take as many atoms as the basis.
    vectors : ndarray of shape (n_atoms, dim)
    target : ndarray of shape (dim,)
    kinds, denied : ndarray of shape (n_atoms,)
    n_null, n_resamples : int
    rng : Generator
    progress : callable
    """
    is_phrase = kinds > FAMILY
    usable = vectors.any(axis=1) & ~denied
    if not (usable & is_phrase).any() or not (usable & ~is_phrase).any():
        return ()
    found = []
    for of, beyond, own in (("names", "phrases", ~is_phrase), ("phrases", "names", is_phrase)):
        first = _limited(recipe, usable & ~own)
        code = first.code(vectors, target[None], kinds, denied | own)
        rest, rows = _without_span(target, vectors, code.indices[0][code.indices[0] >= 0])
        left = float(rest @ rest) / float(target.astype(np.float64) @ target)
        barred = denied | ~own | ~(np.linalg.norm(rows, axis=1) > _NOTHING)
        if left < _NOTHING or barred.all():
            found.append(UniqueShare(of, beyond, 0.0))
            continue
        second = _limited(recipe, ~barred)
        cosine = float(np.nan_to_num(second.code(rows, rest[None], kinds, barred).similarities[0]))
        share = UniqueShare(of, beyond, left * cosine**2)
        if n_null:
            null = trust.turned_null(
                second, rows, rest, kinds, barred, cosine, n_null, rng, progress
            )
            # The mean of squares, which is the square of the mean and the variance.
            share = replace(share, chance=left * (null.mean**2 + null.sd**2), z=null.z)
        if n_resamples:
            again, _ = resampled(second, rows, rest, kinds, barred, n_resamples, rng)
            shares = left * np.nan_to_num(again.similarities.astype(np.float64)) ** 2
            low, high = np.quantile(shares, [0.025, 0.975])
            share = replace(share, low=float(low), high=float(high))
            progress(n_resamples)
        found.append(share)
    return tuple(found)


_NOTHING = 1e-6


def _limited(recipe: Recipe, usable: Mask) -> Recipe:
    return replace(recipe, n_names=max(1, min(recipe.n_names, int(usable.sum()))))


def _without_span(
    target: FloatArray, vectors: FloatArray, atoms: IntArray
) -> tuple[FloatArray, FloatArray]:
    """A target and all atoms without what lies in the span of some atoms."""
    if not len(atoms):
        return target, vectors
    span = np.linalg.qr(vectors[atoms].T.astype(np.float64))[0]
    rest = target - span @ (span.T @ target)
    rows = vectors - (vectors @ span) @ span.T
    return rest.astype(np.float32), rows.astype(np.float32)
