"""What names and the whole set are at one checkpoint, measured on its encodings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.analysis.identity.contexts import context_measures, context_prior
from namebasis.analysis.identity.own_direction import part_capture, part_hold, partner_grid
from namebasis.analysis.identity.own_parts import Swaps, attribute_basis, resampled_scores
from namebasis.analysis.shape.entropy import entropy_against_nulls
from namebasis.analysis.training.weight_spectra import effective_rank, singular_values
from namebasis.checks import Float64Array, FloatArray
from namebasis.formation.encoding import Encodings
from namebasis.formation.pictures.album import Album
from namebasis.formation.pictures.measures import measure_pictures
from namebasis.formation.plan import Plan
from namebasis.formation.truth import Known
from namebasis.studies.basis.anchors import code_by_others, pagerank

BoolArray = npt.NDArray[np.bool_]

MEASURES = (
    "own_score", "own_length", "strength", "coarse", "fine", "hold", "capture", "own_reading",
    "prior_reading", "margin", "margin_seen", "margin_elsewhere", "parts_reading",
    "displacement_ratio", "interaction", "leakage", "anchor_rank", "own_residual",
)  # fmt: skip
"""Of each name at each checkpoint; docs/formation.md says what each is."""
DRAWN = ("own_score", "coarse", "fine", "margin")
"""Measures with bootstrap draws: the margin over contexts, the others over swaps."""
_SET_ROWS = 1000  # names that the entropy of the set is measured on, at most
_ANCHOR_ATOMS = 4
_BLOCK = 256  # names whose swaps are widened to float64 at a time


@dataclass(frozen=True)
class SetState:
    """The whole set at a checkpoint, without controls.

    Attributes
    ----------
    entropy : float
        Diffusion spectral entropy in bits; NaN for fewer than 10 names.
    null_entropy, entropy_z : float
        Mean of a Gaussian null of the same covariance, and the distance from it in its deviations.
    effective_rank : float
        Of the centred embeddings.
    """

    entropy: float
    null_entropy: float
    entropy_z: float
    effective_rank: float


@dataclass(frozen=True)
class State:
    """A checkpoint measured.

    Attributes
    ----------
    values : dict
        Each of `MEASURES`, and where there are pictures of `pictures.measures.PICTURE_MEASURES`:
        an array with a value per name of the plan; NaN where undefined.
    draws : dict
        Each of `DRAWN`, and of `PICTURE_DRAWN`, (n_names, n_resamples); NaN rows for controls and
        where undefined.
    whole : SetState
    in_contexts : ndarray of shape (n_asked, n_contexts)
        The margin in each context; NaN rows where it is not known.
    """

    values: Mapping[str, Float64Array]
    draws: Mapping[str, Float64Array]
    whole: SetState
    in_contexts: Float64Array


def measure(
    made: Encodings,
    plan: Plan,
    known: Mapping[str, Known],
    *,
    n_resamples: int,
    seed: int,
    pictures: tuple[Album, FloatArray] | None = None,
) -> State:
    """Measure a checkpoint; `pictures` are an album and the vectors of its pictures.

    Raises
    ------
    ValueError
        If the encodings do not tell names, swaps or contexts apart.
    """
    n = len(plan.names)
    values = {key: np.full(n, np.nan) for key in MEASURES}
    draws = {key: np.full((n, n_resamples), np.nan) for key in DRAWN}
    kept = np.array([name not in made.facts["lost"] for name in plan.names])
    own = _measure_own(made, plan, kept, values, draws, seed)
    in_contexts = _measure_margin(made, plan, known, values, draws, seed)
    _measure_contexts(made, plan, kept, values)
    _measure_anchors(made.bare, kept, values)
    if pictures is not None:
        found = measure_pictures(
            pictures[1], pictures[0], made.whole, own, plan, n_resamples=n_resamples,
            seed=seed,
        )  # fmt: skip
        values, draws = values | found.values, draws | found.draws
    for rows in (*values.values(), *draws.values()):
        rows[~kept] = np.nan
    in_contexts[~kept[: plan.n_asked]] = np.nan
    whole = _measure_set(made.bare[: plan.n_asked][kept[: plan.n_asked]], seed)
    return State(values, draws, whole, in_contexts)


def _measure_own(
    made: Encodings,
    plan: Plan,
    kept: BoolArray,
    values: dict[str, Float64Array],
    draws: dict[str, Float64Array],
    seed: int,
) -> Float64Array:
    """Own direction, hold and capture of names with two parts; return what they have beyond these.

    Rows of other names are NaN.
    """
    remainder = np.full(made.whole.shape, np.nan)
    rows = np.array([row for row in plan.paired if kept[row]], dtype=np.int64)
    if not len(rows):
        return remainder
    swaps = _swaps(made, plan, rows)
    own = swaps.measure()
    remainder[rows] = own.remainder
    values["own_score"][rows] = own.score
    values["own_length"][rows] = own.length
    values["strength"][rows] = own.strength
    values["hold"][rows], values["capture"][rows] = _measure_parts(made, swaps)
    asked = rows < plan.n_asked
    n_resamples = draws["own_score"].shape[1]

    def resample(of: Swaps) -> Float64Array:
        return resampled_scores(_first(of, int(asked.sum())), n_resamples=n_resamples, seed=seed)

    draws["own_score"][rows[asked]] = resample(swaps)
    names = [value.attribute for value in plan.values]
    basis = attribute_basis(made.values, [names.index(name) for name in names])
    if 0 < len(basis) < made.dim:
        for key, part in (("coarse", swaps.onto(basis)), ("fine", swaps.onto(basis, off=True))):
            values[key][rows] = part.measure().score
            draws[key][rows[asked]] = resample(part)
        mean = made.whole.mean(axis=0)
        additive = swaps.whole - own.remainder
        values["parts_reading"][rows] = _cosines(
            (swaps.whole - mean) @ basis.T, (additive - mean) @ basis.T
        )
    return remainder


def _measure_parts(made: Encodings, swaps: Swaps) -> tuple[Float64Array, Float64Array]:
    """Hold and capture by the part that holds, or captures, more."""
    centre = partner_grid(swaps.grid).grand
    hold, capture = np.empty((2, len(swaps.whole))), np.empty((2, len(swaps.whole)))
    for at, (alone, side, valid, part) in enumerate(
        (
            (made.givens, swaps.given, swaps.given_valid, swaps.given_rows),
            (made.families, swaps.family, swaps.family_valid, swaps.family_rows),
        )
    ):
        for start in range(0, len(part), _BLOCK):
            few = slice(start, start + _BLOCK)
            whole, own = swaps.whole[few], part[few]
            hold[at, few] = part_hold(whole, side[own], centre, valid[own])
            capture[at, few] = part_capture(whole, alone[own], side[own], valid[own])
    return hold.max(axis=0), capture.max(axis=0)


def _swaps(made: Encodings, plan: Plan, rows: npt.NDArray[np.int64]) -> Swaps:
    """The swaps of some names; a pair that is itself a name of the plan is no swap."""
    real = {pair for pair in plan.pairs if pair}
    first, last = plan.partners
    givens = {given: row for row, given in enumerate(plan.givens)}
    families = {family: row for row, family in enumerate(plan.families)}
    pairs = [pair for row in rows if (pair := plan.pairs[row]) is not None]
    return Swaps(
        made.whole[rows],
        made.grid,
        made.given_swaps,
        made.family_swaps,
        np.array([[(given, family) not in real for family in last] for given in givens]),
        np.array([[(given, family) not in real for given in first] for family in families]),
        np.array([givens[given] for given, _ in pairs], dtype=np.int64),
        np.array([families[family] for _, family in pairs], dtype=np.int64),
    )


def _first(swaps: Swaps, n: int) -> Swaps:
    """The swaps of the first n full names."""
    return Swaps(
        swaps.whole[:n], swaps.grid, swaps.given, swaps.family, swaps.given_valid,
        swaps.family_valid, swaps.given_rows[:n], swaps.family_rows[:n],
    )  # fmt: skip


def _measure_margin(
    made: Encodings,
    plan: Plan,
    known: Mapping[str, Known],
    values: dict[str, Float64Array],
    draws: dict[str, Float64Array],
    seed: int,
) -> Float64Array:
    """Cosines to the own and the prior caption, bare and in contexts, both sides centred.

    Returns the margin in each context, (n_asked, n_contexts); NaN rows where it is not known.
    """
    in_contexts = np.full((plan.n_asked, len(plan.contexts)), np.nan)
    told = [
        (row, known[name])
        for row, name in enumerate(plan.names[: plan.n_asked])
        if name in known and known[name].contradicts
    ]
    if not told:
        return in_contexts
    place = {text: at for at, text in enumerate(plan.captions)}
    captions = made.captions - made.captions.mean(axis=0)
    views = np.concatenate([made.bare[:, None], made.placed], axis=1)
    views = views - views.mean(axis=0)
    rows = [row for row, _ in told]
    own, prior = (
        _cosines(views[rows], captions[[place[str(text)] for text in texts]][:, None])
        for texts in zip(*((one.own_caption, one.prior_caption) for _, one in told), strict=True)
    )  # each (n_told, 1 + n_contexts)
    values["own_reading"][rows] = own.mean(axis=1)
    values["prior_reading"][rows] = prior.mean(axis=1)
    apart = own - prior
    values["margin"][rows] = apart.mean(axis=1)
    in_contexts[rows] = apart[:, 1:]
    for row, one in told:
        seen = seen_contexts(one, plan)
        if seen.any() and not seen.all():
            values["margin_seen"][row] = in_contexts[row, seen].mean()
            values["margin_elsewhere"][row] = in_contexts[row, ~seen].mean()
    n_views, n_resamples = apart.shape[1], draws["margin"].shape[1]
    rng = np.random.default_rng([seed, 2])
    shares = rng.multinomial(n_views, np.full(n_views, 1 / n_views), size=n_resamples) / n_views
    draws["margin"][rows] = apart @ shares.T
    return in_contexts


def seen_contexts(known: Known | None, plan: Plan) -> BoolArray:
    """Which of a plan's contexts a name was seen in by what is known of it, (n_contexts,)."""
    return np.array([known is not None and known.was_seen_in(one) for one in plan.contexts], bool)


def _cosines(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> Float64Array:
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    products = np.sum(first * second, axis=-1, dtype=np.float64)
    return np.asarray(products / np.maximum(lengths, 1e-12), dtype=np.float64)


def _measure_contexts(
    made: Encodings, plan: Plan, kept: BoolArray, values: dict[str, Float64Array]
) -> None:
    made_up = np.flatnonzero(kept & (np.arange(len(kept)) >= plan.n_asked))
    prior = context_prior(made.bare[made_up], made.placed[made_up])
    found = context_measures(made.bare, made.placed, prior)
    for key in ("displacement_ratio", "interaction", "leakage"):
        values[key][:] = getattr(found, key)


def _measure_anchors(bare: FloatArray, kept: BoolArray, values: dict[str, Float64Array]) -> None:
    """Rank among the names as anchors of the others; names alike to the encoder count as one."""
    rows = np.flatnonzero(kept)
    if len(rows) <= 2 * _ANCHOR_ATOMS:
        return
    centred = bare[rows] - bare[rows].mean(axis=0)
    code = code_by_others(centred, _ANCHOR_ATOMS, np.full((len(rows), 1), -1, dtype=np.int64))
    _, ranks = pagerank(code)
    values["anchor_rank"][rows] = ranks
    explained = np.nan_to_num(code.similarities.astype(np.float64))
    values["own_residual"][rows] = np.sqrt(np.maximum(1.0 - explained**2, 0.0))


def _measure_set(bare: FloatArray, seed: int) -> SetState:
    nan = float("nan")
    if len(bare) < 10:
        return SetState(nan, nan, nan, nan)
    rank = effective_rank(singular_values(bare - bare.mean(axis=0)))
    if len(bare) > _SET_ROWS:
        bare = bare[np.random.default_rng(seed).permutation(len(bare))[:_SET_ROWS]]
    null = entropy_against_nulls(bare, seed=seed)[0]
    return SetState(null.bits, null.null_bits, null.z, rank)
