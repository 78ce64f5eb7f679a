"""How far a basis can be trusted: what chance reaches, and which names would be chosen again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.analysis.sparse.turning import TurnedDictionaries
from namebasis.checks import FloatArray, IntArray
from namebasis.studies.basis.recipe import FAMILY, OTHER, Mask, Recipe

_MATCHES = 200  # names of the nearest count that may stand for a chosen one
_MIN_MATCHES = 50
_NEARLY_ONE = 1.0 - 1e-6  # float32 cosines say no more
_NO_SPREAD = 1e-7

Advance = Callable[[int], None]
"""Told how many fits were made since it was last called."""


def _quiet(n_fits: int) -> None:
    """Tell nobody."""


class FitCounter:
    """Turns counts of fits since the last call into fits done and fits in all."""

    def __init__(self, progress: Callable[[int, int], None] | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, n_fits: int, *, is_last: bool = False) -> None:
        self.done = self.total if is_last else min(self.done + n_fits, self.total)
        if self.progress is not None and self.total:
            self.progress(self.done, self.total)


@dataclass(frozen=True)
class Null:
    """What the same fit reaches where names and target have nothing to do with each other.

    Attributes
    ----------
    kind : str
        `turned`: random dictionaries of the same size and covariance (`TurnedDictionaries`);
        `matched`: dictionaries of names about as frequent as the chosen ones, without these;
        `pseudo`: made-up names instead of real ones.
    n_draws, n_atoms : int
        How often, and how many names there were to choose from.
    mean, sd : float
        Of the centred cosine over the draws.
    observed : float
        What is compared with it: the basis's own cosine; for `matched` and `pseudo`, whose
        dictionaries are smaller, the mean over as many fits with real names, as many each time.
    z : float
        How many standard deviations `observed` lies above the mean, both on Fisher's scale
        (the inverse hyperbolic tangent of a cosine): where few dimensions let any names come
        near the target, cosines crowd below 1 and differ in what they leave out. NaN where the
        draws do not differ.
    """

    kind: str
    n_draws: int
    n_atoms: int
    mean: float
    sd: float
    observed: float
    z: float


def make_null(kind: str, n_atoms: int, cosines: npt.ArrayLike, observed: float) -> Null:
    """Summarise the cosines of a control; a code without atoms counts as cosine 0."""
    values = np.nan_to_num(np.asarray(cosines, dtype=np.float64))
    mean, sd = float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0
    scaled = np.arctanh(np.clip(values, -_NEARLY_ONE, _NEARLY_ONE))
    own = float(np.arctanh(np.clip(np.nan_to_num(observed), -_NEARLY_ONE, _NEARLY_ONE)))
    spread = float(scaled.std(ddof=1)) if len(values) > 1 else 0.0
    z = (own - float(scaled.mean())) / spread if sd > _NO_SPREAD else float("nan")
    return Null(kind, len(values), n_atoms, mean, sd, observed, z)


def turned_null(
    recipe: Recipe,
    vectors: FloatArray,
    target: FloatArray,
    kinds: IntArray,
    denied: Mask,
    observed: float,
    n_draws: int,
    rng: np.random.Generator,
    progress: Advance = _quiet,
) -> Null:
    """Fit the target with random dictionaries of the same size and covariance."""
    turned = TurnedDictionaries(vectors, ~denied)
    cosines: list[float] = []
    for dictionary, targets in turned.draws(target, n_draws, rng):
        seen = float(np.linalg.norm(targets[0])) / float(np.linalg.norm(target))
        if seen > 0:
            code = recipe.code(dictionary, targets, kinds, denied)
            cosines += (seen * np.nan_to_num(code.similarities)).tolist()
        else:
            cosines += [0.0] * len(targets)
        progress(len(targets))
    return make_null("turned", int((~denied).sum()), cosines, observed)


def matched_null(
    recipe: Recipe,
    vectors: FloatArray,
    target: FloatArray,
    counts: npt.NDArray[np.float64],
    kinds: IntArray,
    chosen: IntArray,
    denied: Mask,
    n_draws: int,
    rng: np.random.Generator,
    progress: Advance = _quiet,
) -> Null | None:
    """Fit with names about as frequent as the chosen ones, and with as many that include these.

    Phrases have no frequency: all may be chosen in both.

    Each draw takes a random half of the names whose count is near that of a chosen name, and
    chooses and weights again. The real fits do so from such halves with the chosen names put back
    in. The chosen are the best of all names, so this control asks whether others as frequent would
    do, not whether the fit is chance: that is asked by `turned_null`.

    Returns
    -------
    Null or None
        None where a chosen name has no count, or too few others have one.
    """
    is_phrase = kinds > FAMILY
    chosen = chosen[~is_phrase[chosen]]
    pool = _about_as_frequent(counts, chosen, denied | is_phrase)
    n_more = len(pool) // 2
    if len(pool) < _MIN_MATCHES or n_more < recipe.n_names:
        return None
    size = n_more + len(chosen)
    members = np.concatenate([pool, chosen, np.flatnonzero(is_phrase & ~denied)])
    targets = np.tile(target, (n_draws, 1))
    rows, own_kinds = vectors[members], kinds[members]
    none = np.zeros(len(members), dtype=bool)
    # Positions in `members`: the chosen stand behind the pool, phrases at its end.
    places, own = np.arange(len(pool)), len(pool) + np.arange(len(chosen))
    without = _leave_out(places, size, n_draws, rng)
    barred = np.concatenate([without, np.tile(own, (n_draws, 1))], axis=1)
    control = recipe.code(rows, targets, own_kinds, none, barred)
    progress(n_draws)
    left_out = _leave_out(places, n_more, n_draws, rng)
    real = recipe.code(rows, targets, own_kinds, none, left_out)
    observed = float(np.nan_to_num(real.similarities).mean())
    return make_null("matched", size, control.similarities, observed)


def _about_as_frequent(counts: npt.NDArray[np.float64], chosen: IntArray, denied: Mask) -> IntArray:
    """Return the atoms whose count is near that of a chosen one, without the chosen."""
    if not len(chosen) or not np.isfinite(counts[chosen]).all():
        return np.empty(0, dtype=np.int64)
    counted = np.flatnonzero(np.isfinite(counts) & ~denied)
    counted = counted[~np.isin(counted, chosen)]
    by_count = counted[np.argsort(counts[counted], kind="stable")]
    width = min(_MATCHES, len(by_count) // 2)  # of few names, all are not about as frequent
    near = []
    for atom in chosen:
        place = int(np.searchsorted(counts[by_count], counts[atom]))
        first = min(max(place - width // 2, 0), len(by_count) - width)
        near.append(by_count[first : first + width])
    return np.unique(np.concatenate(near))


def pseudo_null(
    recipe: Recipe,
    real: FloatArray,
    pseudo: FloatArray,
    target: FloatArray,
    kinds: IntArray,
    denied: Mask,
    n_draws: int,
    rng: np.random.Generator,
    progress: Advance = _quiet,
) -> Null | None:
    """Fit with made-up names, and with samples of as many real ones; None with too few.

    Phrases are no names: all may be chosen in both.
    """
    is_phrase = (kinds > FAMILY) & ~denied
    usable = np.flatnonzero(~denied & ~is_phrase)
    size = min(len(usable), len(pseudo)) // 2
    if size < max(recipe.n_names, 2):
        return None
    targets = np.tile(target, (n_draws, 1))
    rows = np.concatenate([pseudo, real[is_phrase]])
    own_kinds = np.concatenate([np.full(len(pseudo), OTHER), kinds[is_phrase]])
    none = np.zeros(len(rows), dtype=bool)
    left_out = _leave_out(np.arange(len(pseudo)), size, n_draws, rng)
    made_up = recipe.code(rows, targets, own_kinds, none, left_out)
    progress(n_draws)
    left_out = _leave_out(usable, size, n_draws, rng)
    sampled = recipe.code(real, targets, kinds, denied, left_out)
    observed = float(np.nan_to_num(sampled.similarities).mean())
    return make_null("pseudo", size, made_up.similarities, observed)


def _leave_out(members: IntArray, keep: int, n_draws: int, rng: np.random.Generator) -> IntArray:
    """Return for each draw all `members` but a random `keep` of them."""
    return np.stack([rng.permutation(members)[keep:] for _ in range(n_draws)])
