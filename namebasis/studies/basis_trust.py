"""How far a basis can be trusted: what chance reaches, and which names would be chosen again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from namebasis.analysis.sparse import refit
from namebasis.analysis.whitening import covariance
from namebasis.checks import FloatArray, IntArray
from namebasis.studies.basis_recipe import Mask, Recipe

_MATCHES = 50  # a name's stand-in is drawn from so many of the nearest count
_MIN_COUNTED = 2 * _MATCHES


@dataclass(frozen=True)
class Null:
    """What the same fit reaches where names and target have nothing to do with each other.

    Attributes
    ----------
    kind : str
        `rotated`: the dictionary turned by random signs of its principal components, which keeps
        its size, its covariance and the cosines among names; `matched`: each chosen name replaced
        by one about as frequent; `pseudo`: made-up names instead of real ones.
    n_draws, n_atoms : int
        How often, and how many names there were to choose from.
    mean, sd : float
        Of the centred cosine over the draws.
    observed : float
        What is compared with it: the basis's own cosine; for `pseudo` the mean over samples of
        as many real names.
    z : float
        (observed - mean) / sd; NaN where sd is 0.
    """

    kind: str
    n_draws: int
    n_atoms: int
    mean: float
    sd: float
    observed: float
    z: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; an undefined number is None."""
        plain: Mapping[str, Any] = asdict(self)
        return {k: None if isinstance(v, float) and v != v else v for k, v in plain.items()}


def make_null(kind: str, n_atoms: int, cosines: npt.ArrayLike, observed: float) -> Null:
    """Summarise the cosines of a control; a code without atoms counts as cosine 0."""
    values = np.nan_to_num(np.asarray(cosines, dtype=np.float64))
    mean, sd = float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0
    z = (observed - mean) / sd if sd > 0 else float("nan")
    return Null(kind, len(values), n_atoms, mean, sd, observed, z)


def rotated_null(
    recipe: Recipe,
    vectors: FloatArray,
    target: FloatArray,
    is_family: Mask,
    denied: Mask,
    observed: float,
    n_draws: int,
    rng: np.random.Generator,
) -> Null:
    """Fit the target with randomly turned dictionaries.

    A turn by signs of the principal components is orthogonal, so turning the target back instead
    gives the same cosines, and all draws are one batch over the dictionary as it is.
    """
    axes = np.linalg.eigh(covariance(vectors[~denied]))[1]
    signs = rng.choice([-1.0, 1.0], size=(n_draws, len(axes)))
    targets = ((target.astype(np.float64) @ axes) * signs) @ axes.T
    code = recipe.code(vectors, targets.astype(np.float32), is_family, denied)
    return make_null("rotated", int((~denied).sum()), code.similarities, observed)


def matched_null(
    recipe: Recipe,
    vectors: FloatArray,
    target: FloatArray,
    counts: npt.NDArray[np.float64],
    chosen: IntArray,
    denied: Mask,
    observed: float,
    n_draws: int,
    rng: np.random.Generator,
) -> Null | None:
    """Refit with names about as frequent in place of the chosen; None where counts do not allow."""
    counted = np.flatnonzero(np.isfinite(counts) & ~denied)
    counted = counted[~np.isin(counted, chosen)]
    if not np.isfinite(counts[chosen]).all() or len(counted) < _MIN_COUNTED or not len(chosen):
        return None
    by_count = counted[np.argsort(counts[counted], kind="stable")]
    drawn = np.empty((n_draws, len(chosen)), dtype=np.int64)
    for column, atom in enumerate(chosen):
        place = int(np.searchsorted(counts[by_count], counts[atom]))
        first = min(max(place - _MATCHES // 2, 0), len(by_count) - _MATCHES)
        drawn[:, column] = by_count[first + rng.integers(_MATCHES, size=n_draws)]
    for row in drawn:  # two chosen names may get the same stand-in
        row[np.setdiff1d(np.arange(len(row)), np.unique(row, return_index=True)[1])] = -1
    code = refit(vectors, np.tile(target, (n_draws, 1)), drawn, nonnegative=recipe.nonnegative)
    return make_null("matched", len(counted), code.similarities, observed)


def pseudo_null(
    recipe: Recipe,
    real: FloatArray,
    pseudo: FloatArray,
    target: FloatArray,
    is_family: Mask,
    denied: Mask,
    n_draws: int,
    rng: np.random.Generator,
) -> Null | None:
    """Fit with made-up names, and with samples of as many real ones; None with too few."""
    usable = np.flatnonzero(~denied)
    size = min(len(usable), len(pseudo)) // 2
    if size < max(recipe.n_names, 2):
        return None
    targets = np.tile(target, (n_draws, 1))
    none = np.zeros(len(pseudo), dtype=bool)
    left_out = _leave_out(np.arange(len(pseudo)), size, n_draws, rng)
    made_up = recipe.code(pseudo, targets, none, none, left_out)
    left_out = _leave_out(usable, size, n_draws, rng)
    sampled = recipe.code(real, targets, is_family, denied, left_out)
    observed = float(np.nan_to_num(sampled.similarities).mean())
    return make_null("pseudo", size, made_up.similarities, observed)


def _leave_out(members: IntArray, keep: int, n_draws: int, rng: np.random.Generator) -> IntArray:
    """Return for each draw all `members` but a random `keep` of them."""
    return np.stack([rng.permutation(members)[keep:] for _ in range(n_draws)])


def stability(
    recipe: Recipe,
    vectors: FloatArray,
    target: FloatArray,
    is_family: Mask,
    denied: Mask,
    chosen: IntArray,
    n_resamples: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """Return how often each chosen name is chosen again over bootstrap resamples of the corpus.

    A resample draws as many names as there are with replacement, which leaves out about 37 %; a
    name is asked about only where it was drawn. NaN for a name that was never drawn.
    """
    usable = np.flatnonzero(~denied)
    present = np.zeros((n_resamples, len(vectors)), dtype=bool)
    for row in present:
        row[rng.choice(usable, size=len(usable))] = True
    absent = [usable[~row[usable]] for row in present]
    exclude = np.full((n_resamples, max(map(len, absent))), -1, dtype=np.int64)
    for row, missing in zip(exclude, absent, strict=True):
        row[: len(missing)] = missing
    code = recipe.code(vectors, np.tile(target, (n_resamples, 1)), is_family, denied, exclude)
    again = (code.indices[:, :, None] == chosen).any(axis=1).sum(axis=0)
    drawn = present[:, chosen].sum(axis=0)
    undefined = np.full(len(chosen), np.nan)
    shares: npt.NDArray[np.float64] = np.divide(again, drawn, out=undefined, where=drawn > 0)
    return shares
