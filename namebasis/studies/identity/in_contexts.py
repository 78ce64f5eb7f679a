"""Names measured in contexts, beside made-up names of the same form; two studies rest on it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.identity.contexts import (
    ContextPrior,
    LeakageDraws,
    context_measures,
    context_prior,
    leakage,
    leakage_draws,
)
from namebasis.analysis.identity.spread import MEASURES, Spread, spread, spread_values
from namebasis.checks import Float64Array, FloatArray, Progress
from namebasis.errors import NamebasisHint
from namebasis.namespace.actors.crew import Advance, Crew, batches, counting
from namebasis.namespace.corpus.pseudo import pseudo_names
from namebasis.studies.identity.contexts import BLOCK, embed_contexts
from namebasis.studies.identity.kept import Arrays, kept, numbers
from namebasis.studies.identity.swaps import pseudo_pairs

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.space import StoredSpace

CONTEXT_MEASURES = ("displacement", "displacement_ratio", "interaction", "leakage")
FORMS = ("one word", "several words")
FEWEST_WEAK = 20
N_MADE_UP = 100
"""Made-up names of a form that are put in contexts, unless told otherwise."""
_BARE_EACH = 9  # further bare made-up names for each: where those lean is soon told wrong
_N_DRAWS = 50

Values = Mapping[str, Float64Array]
"""Measure to one value per name."""
_Prior = tuple[ContextPrior, Values, LeakageDraws]


@dataclass(frozen=True)
class InContexts:
    """What contexts do to names.

    A name of several words moves less in a context than one of one word, whatever it means;
    each is therefore compared with made-up names of its own form.

    Attributes
    ----------
    names, templates : tuple of str
    forms : tuple of str
        Of `FORMS`, one per name.
    values : mapping of str to ndarray of shape (n_names,)
        Of `analysis.spread.MEASURES` and `CONTEXT_MEASURES`.
    spreads : tuple of Spread
        With intervals; empty where none were asked for.
    leaked : tuple of str
        The context that each bare name lies furthest towards.
    prior : mapping of form to mapping of measure to ndarray
        Of made-up names.
    weak : mapping of form to mapping of measure to ndarray
        Of the space's rarest names; no entry for a form with fewer than 20.
    leakage_draws : ndarray of shape (n_names, n_draws)
        Leakage when the made-up names of the same form are resampled.
    prior_draws : mapping of form to ndarray of shape (n_draws, n_made_up)
        Leakage of the made-up names drawn, bare ones among them: `prior` too is of this number.
    """

    names: tuple[str, ...]
    templates: tuple[str, ...]
    forms: tuple[str, ...]
    values: Values
    spreads: tuple[Spread, ...]
    leaked: tuple[str, ...]
    prior: Mapping[str, Values]
    weak: Mapping[str, Values]
    leakage_draws: Float64Array
    prior_draws: Mapping[str, Float64Array]


def measure_contexts(
    space: StoredSpace,
    names: Sequence[str],
    templates: Sequence[str],
    *,
    n_made_up: int,
    with_spreads: bool = False,
    with_weak: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
    crew: Crew | None = None,
) -> InContexts:
    """Measure names in contexts.

    Parameters
    ----------
    space : Space
        Its encoder embeds; names need not be stored.
    names : sequence of str
        Different from each other.
    templates : sequence of str
    n_made_up : int
        Made-up names of each form in contexts, and the most rare names; nine times as many more
        made-up names are embedded without a context.
    with_spreads : bool
        Measure the names' spreads with intervals too.
    with_weak : bool
        Measure the space's rarest names too.
    seed : int
    crew : Crew, optional
        Who measures the names; by default this process.
    """
    crew = crew or Crew(space)
    forms = tuple(form_of(name) for name in names)
    rare = {}
    for form in dict.fromkeys(forms):
        found = _rarest(space, form, n_made_up) if with_weak else []
        others = len(set(found) - set(names))
        rare[form] = found if others >= FEWEST_WEAK else []
    n_prompts = len(names) + sum(map(len, rare.values()))
    n_prompts = n_prompts * (1 + len(templates)) + len(rare) * _count_prior(n_made_up, templates)
    work = _Work(space.encoder(), templates, counting(progress, n_prompts))
    values = {key: np.empty(len(names)) for key in (*MEASURES, *CONTEXT_MEASURES)}
    spreads: list[Spread | None] = [None] * len(names)
    leaked = np.zeros(len(names), dtype=np.int64)
    priors, weak, prior_draws = {}, {}, {}
    drawn = np.empty((len(names), _N_DRAWS))
    for form in rare:
        context, priors[form], draws = _prior(space, work, form, n_made_up, seed)
        prior_draws[form] = draws.made_up
        if rare[form]:
            values_of_rare = _weak(space, work, form, rare[form], context, [n_made_up, seed])
            is_other = np.array([name not in names for name in rare[form]])
            weak[form] = {key: one[is_other] for key, one in values_of_rare.items()}
        own = [at for at, one in enumerate(forms) if one == form]
        asked = [names[i] for i in own]
        done = _joined(
            crew.map(
                _Measuring(tuple(templates), context, with_spreads, draws),
                [asked[part] for part in batches(len(asked), BLOCK)],
                work.advance,
            )
        )
        leaked[own] = done.leaked
        drawn[own] = done.drawn
        for key, column in done.values.items():
            values[key][own] = column
        for at, one in zip(own, done.spreads, strict=False):
            spreads[at] = one
    return InContexts(
        tuple(names), tuple(templates), forms, values,
        tuple(one for one in spreads if one is not None),
        tuple(templates[int(at)] for at in leaked), priors, weak, drawn, prior_draws,
    )  # fmt: skip


def _prior(space: StoredSpace, work: _Work, form: str, n: int, seed: int) -> _Prior:
    """What contexts do to made-up names of a form; measured once and kept beside the space."""
    templates = list(work.templates)
    found, was_kept = kept(
        space, f"contexts-{form.replace(' ', '-')}.npz", [templates, n, seed],
        lambda: work.prior(
            _made_up(form, n, seed), _made_up(form, n * (1 + _BARE_EACH), seed)[n:], seed
        ), _packed,
        lambda saved: _unpacked(saved, n, len(templates)),
    )  # fmt: skip
    if was_kept:
        work.advance(_count_prior(n, templates))
    return found


def _weak(
    space: StoredSpace,
    work: _Work,
    form: str,
    rare: Sequence[str],
    prior: ContextPrior,
    made_of: Sequence[int],
) -> Values:
    """Measures of the space's rarest names against a prior; kept beside the space as that is."""
    n, keys = len(rare), {*MEASURES, *CONTEXT_MEASURES}

    def read(saved: Arrays) -> Values | None:
        found = numbers(saved, "value_")
        fits = set(found) == keys and all(one.shape == (n,) for one in found.values())
        return found if fits else None

    found, was_kept = kept(
        space, f"contexts-of-rare-{form.replace(' ', '-')}.npz",
        [list(work.templates), *made_of, list(rare)],
        lambda: work.measure(rare, prior).values,
        lambda made: {f"value_{key}": one for key, one in made.items()}, read,
    )  # fmt: skip
    if was_kept:
        work.advance(n * (1 + len(work.templates)))
    return found


def _count_prior(n: int, templates: Sequence[str]) -> int:
    return n * (1 + _BARE_EACH + len(templates))


def _packed(found: _Prior) -> Arrays:
    prior, values, draws = found
    parts = (("prior_", vars(prior)), ("value_", values), ("draw_", vars(draws)))
    return {prefix + key: column for prefix, part in parts for key, column in part.items()}


def _unpacked(saved: Arrays, n: int, n_contexts: int) -> _Prior | None:
    prior = ContextPrior(**numbers(saved, "prior_"))
    values, draws = numbers(saved, "value_"), LeakageDraws(**numbers(saved, "draw_"))
    fits = (
        {*MEASURES, *CONTEXT_MEASURES} <= set(values)
        and all(
            one.shape == (n * (1 + _BARE_EACH) if key == "leakage" else n,)
            for key, one in values.items()
        )
        and prior.shifts.shape == (n_contexts, *prior.bare_mean.shape)
        and draws.directions.shape == (_N_DRAWS, *prior.shifts.shape)
        and draws.made_up.shape == (_N_DRAWS, n * (1 + _BARE_EACH))
        and all(np.isfinite(one).all() for part in (prior, draws) for one in vars(part).values())
    )
    return (prior, values, draws) if fits else None


def count_contexts(names: Sequence[str], templates: Sequence[str], n_made_up: int) -> int:
    """How many prompts `measure_contexts` embeds without weak names; 0 without templates."""
    forms = {form_of(name) for name in names}
    priors = len(forms) * _count_prior(n_made_up, templates)
    return len(names) * (1 + len(templates)) + priors if templates else 0


def form_of(name: str) -> str:
    """Whether a name is one word or several."""
    return FORMS[len(name.split()) > 1]


def _made_up(form: str, n: int, seed: int) -> list[str]:
    if form == FORMS[0]:
        return pseudo_names(n, seed=seed).strings
    return [" ".join(pair) for pair in pseudo_pairs(n, seed)]


def _rarest(space: StoredSpace, form: str, n: int) -> list[str]:
    """The space's rarest names of recorded count and of one form."""
    negated = "NOT " if form == FORMS[0] else ""
    where = f"count IS NOT NULL AND name {negated}LIKE '% %'"
    with warnings.catch_warnings():  # a space without counts has no rare names; nobody asked
        warnings.simplefilter("ignore", NamebasisHint)
        table = space.table(["name"], where=where, order_by="count", limit=n)
    return list(dict.fromkeys(table["name"].to_pylist()))


@dataclass(frozen=True)
class _Done:
    values: Values
    spreads: list[Spread]
    leaked: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    drawn: Float64Array


@dataclass(frozen=True)
class _Work:
    """An encoder with its contexts, and whoever wants to know how far it is."""

    encoder: Encoder
    templates: Sequence[str]
    advance: Advance

    def prior(self, names: Sequence[str], others: Sequence[str], seed: int) -> _Prior:
        """What contexts do in general, the measures of made-up names, and other draws.

        The others are embedded without a context; leakage is that of all.
        """
        blocks = list(embed_contexts(self.encoder, names, self.templates, progress=self.advance))
        bare = np.concatenate([one for _, one, _ in blocks])
        placed = np.concatenate([one for _, _, one in blocks])
        alone = self.encoder.encode_text(list(others))
        self.advance(len(others))
        context = context_prior(bare, placed, alone)
        draws = leakage_draws(bare, placed, alone, n_draws=_N_DRAWS, seed=seed)
        values = dict(_measure(bare, placed, context).values)
        values["leakage"] = leakage(np.concatenate([bare, alone]), context)
        return context, values, draws

    def measure(
        self,
        names: Sequence[str],
        prior: ContextPrior,
        with_spreads: bool = False,
        draws: LeakageDraws | None = None,
    ) -> _Done:
        return _joined([
            _measure(bare, placed, prior, with_spreads, draws)
            for _, bare, placed in embed_contexts(
                self.encoder, names, self.templates, progress=self.advance
            )
        ])  # fmt: skip


@dataclass(frozen=True)
class _Measuring:
    """Measures a block of names in contexts."""

    templates: tuple[str, ...]
    prior: ContextPrior
    with_spreads: bool
    draws: LeakageDraws

    def __call__(self, space: StoredSpace, names: Sequence[str], advance: Advance) -> _Done:
        work = _Work(space.encoder(), self.templates, advance)
        return work.measure(names, self.prior, self.with_spreads, self.draws)


def _joined(parts: Sequence[_Done]) -> _Done:
    return _Done(
        {key: np.concatenate([part.values[key] for part in parts]) for key in parts[0].values},
        [one for part in parts for one in part.spreads],
        np.concatenate([part.leaked for part in parts]),
        np.concatenate([part.drawn for part in parts]),
    )


def _measure(
    bare: FloatArray,
    placed: FloatArray,
    prior: ContextPrior,
    with_spreads: bool = False,
    draws: LeakageDraws | None = None,
) -> _Done:
    found = context_measures(bare, placed, prior)
    values = spread_values(list(placed))
    values |= {key: getattr(found, key) for key in CONTEXT_MEASURES}
    spreads = [spread(one) for one in placed] if with_spreads else []
    drawn = np.empty((len(bare), 0)) if draws is None else draws.of(bare)
    return _Done(values, spreads, found.leaked, drawn)
