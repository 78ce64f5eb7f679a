"""Rigidity: do frequent names keep their place over contexts, against rare and made-up ones?

How far a context moves a name depends on its number of pieces in any tower. Names are therefore
compared in equal numbers of each length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from namebasis.analysis.intervals import mean_interval
from namebasis.auditing.claims import Claim, Sample, measured
from namebasis.auditing.corpora import GIVEN, MADE_UP, WORLD
from namebasis.auditing.draws import exchanged
from namebasis.auditing.inquiry import Answer, Inquiry, Skipped
from namebasis.auditing.organism import contexts_of_captions
from namebasis.checks import Float64Array, IntArray
from namebasis.results import Table
from namebasis.studies.identity.contexts import load_contexts
from namebasis.studies.identity.in_contexts import InContexts, measure_contexts
from namebasis.studies.identity.reference import UNKNOWN_PIECES

KINDS = ("frequent", "rare", "made up")
FEWEST = 12
KNOWN, BIRTHS = "rigidity.frequent", "rigidity.births"
_N_MADE_UP = 20  # of the study's own, which the claims do not use
_QUICK_STEP = 3  # quick: every third context
_N_SHOWN = 8


@dataclass(frozen=True)
class Matched:
    """Names of each kind, equally many of every number of pieces.

    Attributes
    ----------
    names : mapping of kind to tuple of str
        In one order of their numbers of pieces.
    spread : tuple of str
        Given names of any number of pieces, evenly over the order of their births.
    pieces : mapping of name to int
    """

    names: Mapping[str, tuple[str, ...]]
    spread: tuple[str, ...]
    pieces: Mapping[str, int]


def run(inquiry: Inquiry) -> Answer:
    """Put frequent, rare and made-up names of as many pieces into contexts."""
    chosen = matched(inquiry)
    every = list(
        dict.fromkeys([*(n for kind in KINDS for n in chosen.names[kind]), *chosen.spread])
    )
    if len(chosen.names["frequent"]) < FEWEST:
        raise Skipped(
            f"only {len(chosen.names['frequent'])} made-up names are written in as many pieces as "
            f"names of the records; at least {FEWEST} are needed."
        )
    contexts = _contexts(inquiry)
    found = measure_contexts(
        inquiry.space, every, contexts, n_made_up=_N_MADE_UP, seed=inquiry.seed,
        progress=inquiry.step,
    )  # fmt: skip
    held = dict(zip(every, found.values["similarity"].tolist(), strict=True))
    answer = Answer([], {})
    _known_claim(inquiry, chosen, held, answer)
    _births_claim(inquiry, chosen, held, answer)
    answer.tables.extend([_kinds_table(chosen, held), _names_table(found, chosen, held)])
    lengths = sorted(set(chosen.pieces.values()))
    answer.remarks.append(
        f"{len(contexts)} contexts; names of {_listed(lengths)} pieces, equally many of each kind."
    )
    return answer


def say(claims: Mapping[str, Claim], level: float) -> str:
    """Whether contexts move frequent names less or more than made-up ones."""
    known = claims.get(KNOWN)
    if known is None:
        return "Nothing is told of names in contexts."
    if known.is_beyond(level):
        way = "more" if known.value > 0 else "less"
        told = (
            f"Frequent names stay {way} alike over contexts than made-up ones of as many "
            f"pieces (difference of mean cosines {_told(known)})"
        )
    else:
        told = (
            "Frequent names stay about as alike over contexts as made-up ones of as many "
            f"pieces (difference of mean cosines {_told(known)})"
        )
    births = claims.get(BIRTHS)
    if births is None:
        return f"{told}."
    if not births.is_beyond(level):
        return f"{told}; it does not follow how frequent a name is."
    return f"{told}; the more frequent, the {'more' if births.value > 0 else 'less'} alike."


def _contexts(inquiry: Inquiry) -> list[str]:
    """The packaged contexts, or those that an organism's captions tell."""
    found = list(load_contexts()) if inquiry.world is None else contexts_of_captions()
    return found[:: _QUICK_STEP if inquiry.plan.is_quick else 1]


def _borne(inquiry: Inquiry) -> list[str]:
    """Given names of one word, those with most births first; of a world whom it tells of most.

    A world tells of people by both their names, and of no one by a given name alone.
    """
    if inquiry.world is None:
        return [name for name in inquiry.corpora.names(GIVEN) if " " not in name]
    told = {one.name: one.exposures for one in inquiry.world.names}
    return sorted(inquiry.corpora.names(WORLD), key=lambda name: -told.get(name, 0))


def matched(inquiry: Inquiry) -> Matched:
    """The most frequent and the rarest names and made-up ones, of equal numbers of pieces.

    Of one word each, but of a world. A piece is at most once the last of a kind's names of a
    length as long as there are others: names that share an ending are hardly several.
    """
    every_borne = _borne(inquiry)
    made_up = inquiry.corpora.names(MADE_UP)
    if inquiry.world is None:
        made_up = [name for name in made_up if " " not in name]
    given, pieces = _of_lengths(inquiry, every_borne)
    made, more = _of_lengths(inquiry, made_up)
    pieces |= more
    names: dict[str, list[str]] = {kind: [] for kind in KINDS}
    room = {
        length: min(len(given[length]) // 2, len(made[length])) for length in {*given} & {*made}
    }
    left = inquiry.plan.size.rigid
    # Lengths of few names first, so that the others make up for what these lack.
    for at, length in enumerate(sorted(room, key=lambda one: (room[one], one))):
        n = min(room[length], -(-left // (len(room) - at)))
        own = given[length]
        for kind, some in zip(KINDS, (own, own[len(own) // 2 :][::-1], made[length]), strict=True):
            names[kind] += _of_many_ends(inquiry, some[: max(n, len(own) // 2)], n)
        left -= n
    known = [name for name in every_borne if name in pieces]
    evenly = np.linspace(0, len(known) - 1, min(len(known), 2 * inquiry.plan.size.rigid))
    spread = tuple(known[at] for at in evenly.round().astype(int)) if known else ()
    every = [name for one in (*names.values(), spread) for name in one]
    return Matched(
        {kind: tuple(one) for kind, one in names.items()}, spread,
        {name: pieces[name] for name in every},
    )  # fmt: skip


def _of_lengths(
    inquiry: Inquiry, names: Sequence[str]
) -> tuple[dict[int, list[str]], dict[str, int]]:
    """Names by their number of pieces, in their order; and these numbers."""
    words = list(names)
    found = inquiry.encoder.pieces(words) if words else []
    of_length: dict[int, list[str]] = {}
    pieces = {}
    for name, own in zip(words, found, strict=True):
        if UNKNOWN_PIECES.isdisjoint(own):
            of_length.setdefault(len(own), []).append(name)
            pieces[name] = len(own)
    return of_length, pieces


def _of_many_ends(inquiry: Inquiry, names: Sequence[str], n: int) -> list[str]:
    """The first n names, those whose last piece an earlier one has put behind all others."""
    first: list[str] = []
    later: list[str] = []
    seen: set[str] = set()
    for name, own in zip(names, inquiry.encoder.pieces(list(names)), strict=True):
        (later if own[-1] in seen else first).append(name)
        seen.add(own[-1])
    return [*first, *later][:n]


def _known_claim(
    inquiry: Inquiry, chosen: Matched, held: Mapping[str, float], answer: Answer
) -> None:
    names = (*chosen.names["frequent"], *chosen.names["made up"])
    truth = np.repeat([1.0, 0.0], len(names) // 2)
    sample = Sample(names, np.array([held[name] for name in names]), truth)
    answer.add(
        measured(
            KNOWN, "frequent names stay alike over contexts", "difference", sample,
            chance=exchanged("difference", sample, _lengths(chosen, names), inquiry),
            against="exchanged with made-up names of as many pieces", on_card=True,
            meaning="how much more alike (mean cosine) contexts leave frequent names than made-up "
            "ones of as many pieces",
        ),
        sample,
    )  # fmt: skip


def _births_claim(
    inquiry: Inquiry, chosen: Matched, held: Mapping[str, float], answer: Answer
) -> None:
    borne = (*chosen.names["frequent"], *chosen.names["rare"], *chosen.spread)
    names = tuple(dict.fromkeys(borne))
    lengths = _lengths(chosen, names)
    often = "births" if inquiry.world is None else "captions"
    place = {name: -at for at, name in enumerate(_borne(inquiry))}
    values = _within(np.array([held[name] for name in names]), lengths)
    births = _within(np.array([float(place[name]) for name in names]), lengths)
    sample = Sample(names, values, births)
    answer.add(
        measured(
            BIRTHS, f"names with more {often} stay alike", "Spearman", sample,
            chance=exchanged("Spearman", sample, lengths, inquiry),
            against=f"{often} exchanged between names of as many pieces",
            meaning=f"1: the more {often} a name has, the less contexts move it, among names "
            "of as many pieces; 0: nothing",
        ),
        sample,
    )  # fmt: skip


def _lengths(chosen: Matched, names: Sequence[str]) -> IntArray:
    return np.array([chosen.pieces[name] for name in names], dtype=np.int64)


def _within(values: Float64Array, lengths: IntArray) -> Float64Array:
    """Places among the names of as many pieces, from -1 to 1."""
    from scipy.stats import rankdata

    placed = np.empty(len(values))
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        placed[rows] = (2 * rankdata(values[rows]) - 1) / len(rows) - 1
    return placed


def _kinds_table(chosen: Matched, held: Mapping[str, float]) -> Table:
    rows = []
    for kind, names in chosen.names.items():
        found = mean_interval(np.array([held[name] for name in names]))
        rows.append((kind, len(names), found.value, found.low, found.high))
    return Table(
        ("names", "count", "alike across contexts", "low", "high"), rows,
        "how alike names stay over contexts", key="rigidity",
    )  # fmt: skip


def _names_table(found: InContexts, chosen: Matched, held: Mapping[str, float]) -> Table:
    """The names of records that contexts move least and most, beside names of their length."""
    leaked = dict(zip(found.names, found.leaked, strict=True))
    made = {
        length: np.array([held[name] for name in chosen.names["made up"]
                          if chosen.pieces[name] == length])
        for length in set(chosen.pieces.values())
    }  # fmt: skip
    rows = []
    for kind in KINDS[:2]:
        for name in chosen.names[kind]:
            above = held[name] - float(made[chosen.pieces[name]].mean())
            lean = leaked[name].replace("{}", name)
            rows.append((name, kind, chosen.pieces[name], held[name], above, lean))
    rows.sort(key=lambda row: -row[4])
    few = rows if len(rows) <= 2 * _N_SHOWN else [*rows[:_N_SHOWN], *rows[-_N_SHOWN:]]
    return Table(
        ("name", "kind", "pieces", "alike across contexts", "beyond made-up names", "leans to"),
        few, "names that contexts move least and most", key="rigid_names",
    )  # fmt: skip


def _listed(lengths: Sequence[int]) -> str:
    if len(lengths) == 1:
        return str(lengths[0])
    return f"{lengths[0]} to {lengths[-1]}"


def _told(claim: Claim) -> str:
    """With the digits that differences of cosines need."""
    ends = "" if claim.low is None else f", {claim.low:.3f} to {claim.high:.3f}"
    return f"{claim.value:.3f}{ends}"
