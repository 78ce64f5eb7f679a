"""How far names of one word pull whatever they are paired with to what they mean alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.identity.own_direction import part_effects, part_pull
from namebasis.analysis.identity.spread import Standing, standing
from namebasis.checks import Float64Array, FloatArray, IntArray
from namebasis.namespace.actors.crew import Advance, Crew, batches
from namebasis.namespace.corpus.faker_source import read_faker
from namebasis.namespace.corpus.full_names import ONE_PART, Cut
from namebasis.namespace.corpus.pseudo import pseudo_names
from namebasis.studies.identity.in_contexts import FORMS, form_of
from namebasis.studies.identity.kept import Arrays, kept
from namebasis.studies.identity.reference import UNKNOWN_PIECES, Plan, Reference, borne_in
from namebasis.studies.identity.results import SINGLE_MEASURES
from namebasis.studies.identity.swaps import Known, draw_names, embedder, groups_of, usable

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.space import StoredSpace

N_EACH = 50
"""Common given names, and as many made-up words, that names are compared with."""
_FILE = "identity-single.npz"
_CORPUS = "en_US"
_BLOCK = 128  # names whose swaps are held at a time
_N_RESAMPLES = 200
_LENGTH = 1.96 * 2**0.5  # another seed errs as much as this one


@dataclass(frozen=True)
class _Null:
    """Names that mean nobody in particular.

    Attributes
    ----------
    pulls : ndarray of shape (1 + n_groups, n)
        With all partners, then without each group of them.
    n_pieces : ndarray of shape (n,)
    """

    pulls: Float64Array
    n_pieces: IntArray


def single_names(space: StoredSpace, cuts: Mapping[str, Cut]) -> list[str]:
    """Those of some names that are one word of one part and that the encoder reads."""
    names = [
        name for name, one in cuts.items()
        if one.reason == ONE_PART and form_of(name) == FORMS[0]
    ]  # fmt: skip
    pieces = space.encoder().pieces(names) if names else []
    return [
        name for name, some in zip(names, pieces, strict=True) if UNKNOWN_PIECES.isdisjoint(some)
    ]


def count_pulls(n_names: int, plan: Plan) -> int:
    """How many prompts `pulls` embeds, at most."""
    return n_names and (n_names + 2 * N_EACH) * (plan.n_swaps + 1) * len(plan.templates)


def pulls(
    crew: Crew,
    plan: Plan,
    made_of: Reference,
    names: Sequence[str],
    advance: Advance,
    known: Known | None = None,
) -> dict[str, Float64Array]:
    """Measure single names against names that mean nobody in particular.

    A name is paired with the space's family partners; its pull is how far it moves them, on
    average, to what it means alone. More pieces pull more whatever they spell: a line over the
    number of pieces is taken off, fitted to common US given names and made-up words. The value
    depends on the space and the name alone, never on who else is asked.

    Parameters
    ----------
    crew : Crew
        Of the space.
    plan : Plan
    made_of : Reference
        Of that plan.
    names : sequence of str
        As `single_names` gives them.
    advance : callable
        Is told how many prompts were embedded, or need not be.
    known : dict, optional
        Rows that making the reference embedded: its made-up names are those of the null.

    Returns
    -------
    dict of measure to ndarray of shape (n_names,)
        `SINGLE_MEASURES`. `pull_z` is in standard deviations of the null beyond its line; its
        interval says where another draw of partners (jackknife over groups) and of the null's
        names (bootstrap) puts it.
    """
    if not names:
        return {key: np.empty(0) for key in SINGLE_MEASURES}
    space = crew.space
    n_groups = int(groups_of(plan.n_swaps).max()) + 1
    null, was_kept = kept(
        space, _FILE, [plan.n_swaps, list(plan.templates), plan.seed, N_EACH],
        lambda: _null(crew, plan, made_of, advance, known),
        lambda one: {"pulls": one.pulls, "n_pieces": one.n_pieces},
        lambda saved: _unpacked(saved, n_groups), of_rows=True,
    )  # fmt: skip
    if was_kept:
        advance(count_pulls(len(names), plan) - len(names) * _each(plan))
    found = _measured(crew, plan, made_of, names, advance)
    n_pieces = _n_pieces(space.encoder(), names)
    place = _place(found[0], n_pieces, null.pulls[0], null.n_pieces)
    error = np.sqrt(
        _of_partners(found, n_pieces, null) + _of_names(found[0], n_pieces, null, plan.seed)
    )
    return {
        "pull": found[0],
        "pull_percentile": place.percentile,
        "pull_z": place.z,
        "pull_z_low": place.z - _LENGTH * error,
        "pull_z_high": place.z + _LENGTH * error,
    }


def _each(plan: Plan) -> int:
    return (plan.n_swaps + 1) * len(plan.templates)


def _null(
    crew: Crew, plan: Plan, made_of: Reference, advance: Advance, known: Known | None
) -> _Null:
    corpus = read_faker(_CORPUS)
    common = draw_names(corpus.select("given").strings, N_EACH, plan.seed, "single")
    made_up = pseudo_names(N_EACH, corpus=corpus, seed=plan.seed).strings
    names = [*common, *made_up]
    found = _measured(crew, plan, made_of, names, advance, known)
    return _Null(found, _n_pieces(crew.space.encoder(), names))


def _unpacked(saved: Arrays, n_groups: int) -> _Null | None:
    found, n_pieces = (np.asarray(saved[key]) for key in ("pulls", "n_pieces"))
    fits = (
        found.shape == (1 + n_groups, 2 * N_EACH)
        and n_pieces.shape == (2 * N_EACH,)
        and bool(np.isfinite(found).all())
    )
    return _Null(found, n_pieces.astype(np.int64)) if fits else None


def _n_pieces(encoder: Encoder, names: Sequence[str]) -> IntArray:
    return np.array([len(some) for some in encoder.pieces(names)], dtype=np.int64)


def _measured(
    crew: Crew,
    plan: Plan,
    made_of: Reference,
    names: Sequence[str],
    advance: Advance,
    known: Known | None = None,
) -> Float64Array:
    """Pulls with all partners, then without each group of them, (1 + n_groups, n_names)."""
    job = _Pulling(plan, made_of.partners[1], made_of.grid, known)
    blocks = [list(names[part]) for part in batches(len(names), _BLOCK)]
    return np.concatenate(crew.map(job, blocks, advance), axis=1)


@dataclass(frozen=True)
class _Pulling:
    """Measures the pulls of a block of names."""

    plan: Plan
    partners: Sequence[str]
    grid: FloatArray
    known: Known | None

    def __call__(self, space: StoredSpace, names: list[str], advance: Advance) -> Float64Array:
        groups = groups_of(self.plan.n_swaps)
        kept_ones = [np.ones(len(groups), dtype=bool)]
        kept_ones += [groups != one for one in range(int(groups.max()) + 1)]
        grid = self.grid.astype(np.float64)
        family = grid.mean(axis=0)
        embed, embed_new = (
            embedder(space.encoder(), self.plan.templates, advance, known)
            for known in (None, self.known)
        )
        swaps = [[(name, other) for other in self.partners] for name in names]
        cube = embed_new([" ".join(pair) for row in swaps for pair in row])
        cube = cube.reshape(len(names), len(self.partners), -1)
        alone, free = embed(names), usable(swaps, borne_in(space))
        found = np.empty((len(kept_ones), len(names)))
        for row, keep in enumerate(kept_ones):
            effects = part_effects(cube, family, free & keep).effects
            grand = grid[:, keep].mean(axis=(0, 1))
            found[row] = part_pull(alone, effects, grand)
        return found


def _place(
    values: Float64Array, n_pieces: IntArray, null: Float64Array, null_pieces: IntArray
) -> Standing:
    """Where values lie among the null's, both beyond the null's line over pieces."""
    low, high = int(null_pieces.min()), int(null_pieces.max())
    if low == high:
        return standing(values, null)
    line = np.polyfit(null_pieces, null, 1)
    # Beyond the null's numbers of pieces the line is not known to go on.
    own = values - np.polyval(line, np.clip(n_pieces, low, high))
    return standing(own, null - np.polyval(line, null_pieces))


def _of_partners(found: Float64Array, n_pieces: IntArray, null: _Null) -> Float64Array:
    """Variance of z over partners, by the jackknife over groups of them, (n_names,)."""
    without = np.array([
        _place(one, n_pieces, of_null, null.n_pieces).z
        for one, of_null in zip(found[1:], null.pulls[1:], strict=True)
    ])  # fmt: skip
    n = len(without)
    return np.asarray((n - 1) * without.var(axis=0))


def _of_names(values: Float64Array, n_pieces: IntArray, null: _Null, seed: int) -> Float64Array:
    """Variance of z over the null's names, by the bootstrap of each half, (n_names,)."""
    rng = np.random.default_rng(seed)
    halves = np.arange(2 * N_EACH).reshape(2, N_EACH)
    drawn = []
    for _ in range(_N_RESAMPLES):
        at = np.concatenate([rng.choice(half, N_EACH) for half in halves])
        drawn.append(_place(values, n_pieces, null.pulls[0][at], null.n_pieces[at]).z)
    return np.asarray(np.var(drawn, axis=0))
