"""What kind of identity a model has formed for each full name, from text alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.analysis.identity.spread import standing
from namebasis.checks import (
    BoolArray,
    Float64Array,
    FloatArray,
    Progress,
    check_count,
    check_seed,
)
from namebasis.encoders.base import check_template
from namebasis.namespace.actors.crew import Advance, Crew, counting, crew_of
from namebasis.namespace.computed.reading import said_reader
from namebasis.namespace.corpus.full_names import Cut, Pair
from namebasis.namespace.search.beside import check_columns, columns_of_names
from namebasis.studies.identity.contexts import load_contexts
from namebasis.studies.identity.in_contexts import (
    CONTEXT_MEASURES,
    FORMS,
    N_MADE_UP,
    InContexts,
    count_contexts,
    measure_contexts,
)
from namebasis.studies.identity.own_null import NullDirections, as_units
from namebasis.studies.identity.parts import asked_names, cut_names, notes_on, read_parts
from namebasis.studies.identity.reference import (
    UNKNOWN_PIECES,
    Plan,
    Reference,
    borne_in,
    reference,
    space_partners,
    swap_columns,
)
from namebasis.studies.identity.results import STORED, SWAP_MEASURES, Identity, NameIdentity
from namebasis.studies.identity.single.pull import count_pulls, pulls, single_names
from namebasis.studies.identity.swaps import (
    Known,
    Partners,
    count_prompts,
    measure,
    recombined_pairs,
)
from namebasis.studies.identity.thresholds import (
    KINDS,
    Judgement,
    judge,
    load_origin,
    packaged_estimator,
)
from namebasis.studies.identity.uncertainty import Drawn, probability_intervals

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

UNREADABLE = "the encoder reads a part as unknown tokens: what is measured says nothing of it"
CUT_OFF = (
    "the encoder reads a part alike with every other partner: it fills the window of what is read"
)
_CAPTURES = ("capture_given", "capture_family")
_FEWEST_MIXED = 20
_TURNED = {
    f"{what}_{one}": f"{what}_{other}"
    for what in ("hold", "capture")
    for one, other in (("given", "family"), ("family", "given"))
}
_BLOCK = 4096  # full names measured at a time, which bounds the memory


def identity(
    space: StoredSpace,
    names: Sequence[str] | None = None,
    *,
    where: str | None = None,
    n_swaps: int | None = None,
    templates: Sequence[str] | None = None,
    contexts: str | Path | None = None,
    with_contexts: bool = True,
    thresholds: str | Path | None = None,
    n_made_up: int = 400,
    columns: Sequence[str] = (),
    n_shown: int | None = None,
    view: str = "text",
    seed: int = 0,
    in_contexts: InContexts | None = None,
    parts: str | Path | Mapping[str, Pair] | None = None,
    engine: str = "local",
    n_actors: int | None = None,
    address: str | None = None,
    progress: Progress | None = None,
) -> Identity:
    """Say for every full name what identity the space's encoder has formed.

    A full name is cut as `parts.cut_names` says; where it is not, its row gives the reason. What it
    has of its own is what remains after the additive effects of both parts, estimated from their
    pairs with `n_swaps` other partners, against the same for made-up names. Partners and made-up
    names are the space's, so that a name's verdict does not depend on who else is asked about;
    its interval says how far it would move with others. A name of one word has no parts to swap:
    it gets its pull on the family partners, an evidence and no kind (see `single.pull.pulls`).
    Made-up full names are embedded only where a full name is asked about.

    Parameters
    ----------
    space : Space
        Its encoder embeds; names need not be stored.
    names : sequence of str, optional
        By default those of `where`.
    where : str, optional
        One boolean SQL expression: all names of the space that pass are measured.
    n_swaps : int, optional
        Partners of each part, at least 6; `data/identity.toml` has the default.
    templates : sequence of str, optional
        Swaps are embedded in the mean of these; `data/identity.toml` has the default.
    contexts : str or Path, optional
        See `load_contexts`.
    with_contexts : bool
        Leave the context measures out for speed: entangled and flexible are not told apart then.
    thresholds : str or Path, optional
        See `thresholds.load_origin`.
    n_made_up : int
        Made-up full names whose swaps are measured, at least 20; from 160 on four share each part.
        In contexts stand 100, with 900 more that are embedded alone.
    columns : sequence of str
        Stored columns to give beside the names.
    n_shown : int, optional
        See `Identity`.
    view : str
        What reads the prompts: `text` is the encoder; a view that was computed, such as
        `conditioning`, its model, which reads each prompt whole (see
        `namebasis.namespace.computed.reading.read_by`).
    seed : int
        Draws partners and made-up names; what is measured of these is kept beside the space.
    in_contexts : InContexts, optional
        The same names in the same order as `measure_contexts` measured them already, against
        made-up names of the same seed.
    parts : str, Path or mapping of name to (given, family), optional
        Where names are cut whose parts rules cannot know; a file is read as `parts.read_parts`
        says. Columns `given` and `family` of the space come next, then the rules.
    engine, n_actors, address
        Who measures the names; see `namebasis.namespace.actors.crew.crew_of`.
    progress : callable, optional
        Is told (done, total) prompts.

    Raises
    ------
    ValueError
        If there is no name, one comes twice, or both `names` and `where` are given.
    NamebasisError
        If the contexts or thresholds file, or the encoder, is refused.

    See Also
    --------
    namebasis.studies.identity.rigidity.rigidity : How names keep their embedding over contexts.
    namebasis.studies.identity.counts.compare_counts : Do measures follow how often people are
        named?

    Examples
    --------
    >>> found = space.identity(
    ...     ["Ada Lovelace", "Winona"], n_swaps=6, n_made_up=20, with_contexts=False
    ... )
    >>> sorted(found.rows[0].probabilities)
    ['compositional', 'entangled', 'flexible', 'part-captured', 'unknown']
    >>> found.rows[1].reason
    'one part only: ...'
    >>> figure = found.plot()
    """
    seed = check_seed(seed)
    origin, usual = load_origin(thresholds), packaged_estimator()
    n_swaps = check_count(usual.n_swaps if n_swaps is None else n_swaps, "n_swaps", 6)
    used = tuple(check_template(one) for one in (templates or usual.templates))
    check_count(n_made_up, "n_made_up", 20)
    if n_shown is not None:
        check_count(n_shown, "n_shown", 1)
    columns = check_columns(space, columns)
    asked = asked_names(space, names, where)
    if in_contexts is not None and list(in_contexts.names) != asked:
        raise ValueError("in_contexts must hold the names in their order.")
    places = list(load_contexts(contexts)) if with_contexts and in_contexts is None else []
    given_ones = read_parts(parts) if isinstance(parts, (str, Path)) else parts
    cuts = cut_names(space, asked, given_ones)
    pairs = {name: one.pair for name, one in cuts.items() if one.pair is not None}
    real = list(dict.fromkeys(pairs.values()))
    plan = Plan(n_swaps, used, n_made_up, seed)
    singles = single_names(space, cuts)
    n_contexts = count_contexts(asked, places, N_MADE_UP)
    with crew_of(space, engine, n_actors, address, view=view) as crew:
        space = crew.space
        # Filled where the reference is made now; only the null of single names asks for it.
        known: Known | None = {} if singles else None
        n_more = n_contexts + count_pulls(len(singles), plan)
        swapped = _Swapped(crew, plan, real, progress, n_more, known)
        made_of, found, mixed_values = swapped.reference, swapped.found, swapped.mixed
        if places:
            in_contexts = measure_contexts(
                space, asked, places, n_made_up=N_MADE_UP, seed=seed,
                progress=progress and (
                    lambda done, _: progress(swapped.n_prompts + done, swapped.n_total)
                ), crew=crew,
            )  # fmt: skip
        pulled = pulls(
            crew, plan, made_of, singles,
            counting(progress, swapped.n_total, swapped.n_prompts + n_contexts), known,
        )  # fmt: skip
    at = {pair: row for row, pair in enumerate(real)}
    rows = [at[pairs[name]] if name in pairs else None for name in asked]
    values = {key: _pick(column, rows) for key, column in found.columns.items()}
    alone = {name: row for row, name in enumerate(singles)}
    of_single = [alone.get(name) for name in asked]
    values |= {key: _pick(column, of_single) for key, column in pulled.items()}
    made = dict(made_of.made)
    left_out = {
        key: np.array([_pick(one, rows) for one in column])
        for key, column in found.left_out.items()
    }
    drawn = Drawn(left_out, made_of.made_left_out)
    if in_contexts is not None:
        values |= {key: in_contexts.values[key] for key in CONTEXT_MEASURES}
        full = in_contexts.prior.get(FORMS[1], {})
        made |= {key: full[key] for key in CONTEXT_MEASURES if full and real}
        drawn = replace(
            drawn, leakage=in_contexts.leakage_draws,
            made_leakage=in_contexts.prior_draws.get(FORMS[1]),
        )  # fmt: skip
    if real:
        place = standing(values["own_score"], made["own_score"])
        values |= {"own_percentile": place.percentile, "own_z": place.z}
        judged = judge(values, made, origin)
    else:
        judged = Judgement({}, {}, np.full((len(asked), len(KINDS)), np.nan))
    bounds, own_bounds = probability_intervals(values, made, drawn, judged, origin, seed=seed)
    direction = np.full((len(asked), made_of.grid.shape[2]), np.nan, dtype=np.float32)
    full_rows = [row for row, source in enumerate(rows) if source is not None]
    direction[full_rows] = found.remainder[[source for source in rows if source is not None]]
    stored, remarks = _stored(space, asked)
    return Identity(
        _rows(space, cuts, values, judged, (bounds, own_bounds), stored, in_contexts),
        direction,
        judged.thresholds,
        made,
        mixed_values,
        origin,
        {"n_swaps": n_swaps, "templates": list(used), "n_made_up": n_made_up, "seed": seed,
         "with_contexts": in_contexts is not None,
         "partners": [list(side) for side in made_of.partners]},
        (made_of.source + ".", *said_reader(space), *remarks),
        beside=columns_of_names(space, asked, columns),
        n_shown=n_shown,
        said_of_parts=notes_on(cuts),
        null=NullDirections(swapped.mixed_pairs, as_units(swapped.mixed_remainder)),
    )  # fmt: skip


@dataclass(frozen=True)
class _Columns:
    """What the swaps say of pairs."""

    columns: Mapping[str, Float64Array]
    left_out: Mapping[str, Float64Array]
    remainder: FloatArray

    def split(self, n: int) -> tuple[_Columns, _Columns]:
        """The first n pairs, and the others."""
        ahead, behind = (
            _Columns(
                {key: column[part] for key, column in self.columns.items()},
                {key: column[:, part] for key, column in self.left_out.items()},
                self.remainder[part],
            )
            for part in (slice(n), slice(n, None))
        )
        return ahead, behind


@dataclass(frozen=True)
class _Swapping:
    """Measures a block of pairs against their swaps."""

    partners: Partners
    templates: tuple[str, ...]
    grid: FloatArray

    def __call__(self, space: StoredSpace, pairs: Sequence[Pair], advance: Advance) -> _Columns:
        found = measure(
            space.encoder(), pairs, self.partners, self.templates,
            real=borne_in(space), grid=self.grid, advance=advance,
        )  # fmt: skip
        return _Columns(swap_columns(found), found.left_out, found.own.remainder)


class _Swapped:
    """Full names and random recombinations of their parts, measured against a space's reference."""

    def __init__(
        self,
        crew: Crew,
        plan: Plan,
        real: Sequence[Pair],
        progress: Progress | None,
        n_more: int,
        known: Known | None,
    ) -> None:
        space = crew.space
        chosen = space_partners(space, plan.n_swaps, plan.seed)
        partners, _ = chosen
        blocks = [real[at : at + _BLOCK] for at in range(0, len(real), _BLOCK)]
        # Recombined within their block, so that the swaps of a part serve both.
        mixed = [recombined_pairs(block, partners, plan.seed, real) for block in blocks]
        if sum(map(len, mixed)) < _FEWEST_MIXED:
            mixed = [[] for _ in blocks]
        both = [[*block, *more] for block, more in zip(blocks, mixed, strict=True)]
        self.n_prompts = plan.prompts(is_bare=not real) + sum(
            count_prompts(pairs, partners, plan.templates, with_grid=False) for pairs in both
        )
        self.n_total = self.n_prompts + n_more
        advance = counting(progress, self.n_total)
        self.reference = reference(
            space, plan, is_bare=not real, chosen=chosen, advance=advance, known=known
        )

        job = _Swapping(self.reference.partners, plan.templates, self.reference.grid)
        found = crew.map(job, both, advance)
        halves = [one.split(len(block)) for one, block in zip(found, blocks, strict=True)]
        self.found = _joined([one for one, _ in halves], self.reference)
        recombined = _joined([one for _, one in halves], self.reference)
        read = _are_read(recombined.columns)
        self.mixed = {key: column[read] for key, column in recombined.columns.items()}
        self.mixed_remainder = recombined.remainder[read]
        pairs = [pair for some in mixed for pair in some]
        self.mixed_pairs = [pair for pair, one in zip(pairs, read, strict=True) if one]


def _are_read(columns: Mapping[str, Float64Array]) -> BoolArray:
    """Pairs whose parts both leave the encoder something to read of their partners."""
    return np.asarray(np.isfinite([columns[key] for key in _CAPTURES]).all(axis=0))


def _joined(parts: Sequence[_Columns], reference: Reference) -> _Columns:
    if not parts:  # no name could be cut in two
        nothing = {key: np.empty(0) for key in SWAP_MEASURES}
        left = {key: one[:, :0] for key, one in reference.made_left_out.items()}
        return _Columns(nothing, left, np.empty((0, reference.grid.shape[2]), np.float32))
    return _Columns(
        {key: np.concatenate([one.columns[key] for one in parts]) for key in parts[0].columns},
        {
            key: np.concatenate([one.left_out[key] for one in parts], axis=1)
            for key in parts[0].left_out
        },
        np.concatenate([one.remainder for one in parts]),
    )


def _pick(column: Float64Array, rows: Sequence[int | None]) -> Float64Array:
    return np.array([np.nan if row is None else column[row] for row in rows], dtype=np.float64)


def _rows(
    space: StoredSpace,
    cuts: Mapping[str, Cut],
    values: Mapping[str, Float64Array],
    judged: Judgement,
    bounds: tuple[Float64Array, Float64Array],
    stored: Mapping[str, Mapping[str, Any]],
    in_contexts: InContexts | None,
) -> tuple[NameIdentity, ...]:
    pieces = space.encoder().pieces(list(cuts))
    rows = []
    for at, (name, one) in enumerate(cuts.items()):
        numbers = {key: float(column[at]) for key, column in values.items()}
        if one.is_family_first:  # measured in the order of the name
            numbers |= {key: numbers[other] for key, other in _TURNED.items()}
        known: dict[str, Any] = {key: one for key, one in numbers.items() if not np.isnan(one)}
        verdict: dict[str, Any] = {"reason": one.reason}
        if not UNKNOWN_PIECES.isdisjoint(pieces[at]):
            verdict = {"reason": UNREADABLE}
        elif one.pair is not None and not known.keys() >= set(_CAPTURES):
            verdict = {"reason": CUT_OFF}
        elif "own_score" in known:
            chances = judged.probabilities[at].tolist()
            verdict = {
                "probabilities": dict(zip(KINDS, chances, strict=True)),
                "intervals": {
                    kind: (float(low), float(high))
                    for kind, (low, high) in zip(KINDS, bounds[0][at].tolist(), strict=True)
                },
                "kind": KINDS[int(np.argmax(chances))],
                "evidence": {key: float(column[at]) for key, column in judged.evidence.items()},
                "own_interval": tuple(bounds[1][at].tolist()),
                "reason": None,
            }
        leaked = None if in_contexts is None else in_contexts.leaked[at]
        rows.append(
            NameIdentity(
                name,
                tuple(pieces[at]),
                given=one.given,
                family=one.family,
                cut_by=one.by if one.pair else None,
                leaked=leaked,
                **known,
                **stored.get(name, {}),
                **verdict,
            )
        )
    return tuple(rows)


def _stored(
    space: StoredSpace, asked: Sequence[str]
) -> tuple[dict[str, dict[str, Any]], tuple[str, ...]]:
    """What the space holds about names that it holds, and what it lacks."""
    columns = [key for key in STORED if key in space.columns]
    notes = []
    if "anchor_rank" not in columns:
        notes.append("anchor_rank is null: run `namebasis anchors SPACE --write` first.")
    places = zip(asked, space.find_all(asked) if columns else (), strict=False)
    ids = {name: row for name, row in places if row is not None}
    if len(ids) < len(asked):
        what = ", ".join(columns) or "token facts of the corpus"
        notes.append(f"{what}: null for {len(asked) - len(ids):,} names that the space lacks.")
    if not ids:
        return {}, tuple(notes)
    table = space.table(columns, ids=list(ids.values())).to_pylist()
    found = {
        name: {key: float(value) for key, value in row.items() if value is not None}
        for name, row in zip(ids, table, strict=True)
    }
    return found, tuple(notes)
