"""Identity: whom does the model know as more than the sum of a given and a family name?

What chance alone makes is told by the people's own parts, paired otherwise: each person is held
against the same given name with family names of other people, and the same family name with given
names of others, of as many pieces. An encoder that knows nobody cannot tell who belongs together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from namebasis.auditing.claims import Claim, Sample, measured
from namebasis.auditing.draws import signed
from namebasis.auditing.inquiry import Answer, Inquiry, Skipped
from namebasis.auditing.parts import mentions
from namebasis.auditing.parts.recombined import SIDES, Recombined, recombine
from namebasis.checks import Float64Array
from namebasis.results import Table
from namebasis.studies.identity.results import Identity, NameIdentity
from namebasis.studies.identity.study import identity
from namebasis.studies.identity.thresholds import KINDS
from namebasis.wording import counted, percent

FEWEST = 12
_MEASURES = {"given": "capture_given", "family": "capture_family"}


def run(inquiry: Inquiry) -> Answer:
    """Measure people beside their own parts recombined."""
    size = inquiry.plan.size
    asked = recombine(_people(inquiry), inquiry, size.recombined)
    if len(asked.people) < FEWEST:
        raise Skipped(
            f"the encoder reads {len(asked.people)} of the people's names in two parts; at least "
            f"{FEWEST} are needed."
        )
    found = identity(
        inquiry.space, asked.every(), n_swaps=size.swaps, n_made_up=size.pairs,
        with_contexts=False, seed=inquiry.seed, progress=inquiry.step,
    )  # fmt: skip
    n, rest = len(asked.people), len(asked.people) + len(asked.ordinary)
    people = replace(found, rows=found.rows[:n], own_directions=found.own_directions[:n])
    answer = Answer([], {})
    _own_claims(inquiry, asked, found, answer)
    near = {side: _placements(inquiry, asked, found, side) for side in SIDES}
    for side, held in near.items():
        _pointing_claim(inquiry, asked, held, side, answer)
    _held_claim(inquiry, asked, found, answer)
    if inquiry.counts is not None:
        mentions.add(inquiry, people, found.column("own_score")[rest:], answer)
    answer.tables.extend(
        [_kinds_table(people, found.rows[n:rest]), _pointing_table(people, asked, found)]
    )
    answer.tables.append(replace(people.tables()[0], title="people by what is their own"))
    answer.remarks.extend([
        "Kinds are uncalibrated for this encoder, and are those of "
        f"{size.swaps} partners of each part and {size.pairs} made-up names; flexible and "
        "entangled are not told apart.",
        found.remarks[0],
    ])  # fmt: skip
    return answer


def say(claims: Mapping[str, Claim], level: float) -> str:
    """Whom the model knows, and whether one part is enough."""
    own = claims.get("identity.own")
    if own is None:
        return "Nothing is told of people."
    if own.is_beyond(level):
        told = (
            f"{percent(own.value)} of {own.n} people have a direction beyond what nearly all made-"
            f"up names reach ({own.told()})"
        )
    else:
        told = (
            f"No more of {own.n} people have a direction beyond made-up names than their own parts "
            f"do when paired otherwise ({own.told()})"
        )
    pointing = [
        side for side in SIDES
        if (one := claims.get(f"identity.{side}_points")) is not None and one.is_beyond(level)
    ]  # fmt: skip
    if not pointing:
        return f"{told}; neither their given nor their family names alone point to them."
    return f"{told}; their {' and '.join(pointing)} names alone point to them rather than others."


def _people(inquiry: Inquiry) -> list[str]:
    """Who is asked about: those with counts, evenly over them where they are many."""
    if inquiry.counts is None:
        return list(inquiry.plan.people[: inquiry.plan.size.people])
    return mentions.chosen(inquiry.counts, mentions.MOST * inquiry.plan.size.people)


def _rows(found: Identity) -> dict[str, int]:
    return {row.name: at for at, row in enumerate(found.rows)}


def _sets(
    asked: Recombined, found: Identity, measure: str, sides: Sequence[str]
) -> dict[str, Float64Array]:
    """Each person's value, then those of its recombinations, where it has any."""
    at, values = _rows(found), found.column(measure)
    sets = {
        name: np.array([values[at[one]] for one in (name, *(o for s in sides for o in kept[s]))])
        for name, kept in asked.others.items()
    }
    return {name: row for name, row in sets.items() if len(row) > 1}


def _draws(inquiry: Inquiry, sets: Sequence[Float64Array]) -> Float64Array:
    """Means over sets of which any one member, drawn at random, stands for the person."""
    rng = np.random.default_rng(inquiry.seed)
    total = np.zeros(inquiry.plan.n_draws)
    for row in sets:
        total += row[rng.integers(0, len(row), len(total))]
    return total / len(sets)


def _placed(row: Float64Array) -> Float64Array:
    """For each member of a set the share of the others below it; ties count half."""
    below = (row[:, None] > row).sum(axis=1) + ((row[:, None] == row).sum(axis=1) - 1) / 2
    return np.asarray(below / (len(row) - 1))


def _own_claims(inquiry: Inquiry, asked: Recombined, found: Identity, answer: Answer) -> None:
    sets = _sets(asked, found, "own_score", SIDES)
    limit = found.thresholds["own_score"]
    above = {name: (row > limit).astype(np.float64) for name, row in sets.items()}
    sample = Sample(tuple(above), np.array([row[0] for row in above.values()]))
    usual = float(np.mean([row[1:].mean() for row in above.values()]))
    answer.add(
        measured(
            "identity.own", "people known beyond their parts", "share", sample,
            chance=_draws(inquiry, list(above.values())), neutral=usual, one_sided=True,
            against="their own parts, paired otherwise", on_card=True,
            meaning="people with a direction beyond 95 % of made-up names; of their parts paired "
            f"otherwise {percent(usual)}",
        ),
        sample,
    )  # fmt: skip
    places = {name: _placed(row) for name, row in sets.items()}
    sample = Sample(tuple(places), np.array([row[0] for row in places.values()]))
    answer.add(
        measured(
            "identity.told_apart", "people told from their parts paired otherwise", "mean", sample,
            chance=_draws(inquiry, list(places.values())), neutral=0.5, one_sided=True,
            against="their own parts, paired otherwise",
            meaning="chance that a person has more of their own than one of their parts with "
            "somebody else's; 0.5 tells nothing",
        ),
        sample,
    )  # fmt: skip


def _placements(
    inquiry: Inquiry, asked: Recombined, found: Identity, side: str
) -> dict[str, Float64Array]:
    sets = _sets(asked, found, _MEASURES[side], (side,))
    return {name: _placed(row) for name, row in sets.items()}


def _pointing_claim(
    inquiry: Inquiry,
    asked: Recombined,
    places: Mapping[str, Float64Array],
    side: str,
    answer: Answer,
) -> None:
    if len(places) < FEWEST:
        return
    sample = Sample(tuple(places), np.array([row[0] for row in places.values()]))
    answer.add(
        measured(
            f"identity.{side}_points", f"{side} names alone point to people", "mean", sample,
            chance=_draws(inquiry, list(places.values())), neutral=0.5, one_sided=True,
            against="the same names with other people's parts", on_card=side == "family",
            meaning=f"chance that a {side} name alone is nearer to its person than to the same "
            "name with another's part; 0.5 tells nothing",
        ),
        sample,
    )  # fmt: skip


def _held_claim(inquiry: Inquiry, asked: Recombined, found: Identity, answer: Answer) -> None:
    """Whether one part settles what people's names mean, more than it does in ordinary names."""
    at, values = _rows(found), found.column("hold")
    gaps = {name: values[at[name]] - values[at[one]] for name, one in asked.ordinary.items()}
    if len(gaps) < FEWEST:
        return
    sample = Sample(tuple(gaps), np.array(list(gaps.values())))
    answer.add(
        measured(
            "identity.held", "one part holds people more than ordinary names", "mean", sample,
            chance=signed(sample.values, inquiry), neutral=0.0,
            against="frequent names of as many pieces, exchanged", on_card=True,
            meaning="how much more alike a person's name stays when one part is paired otherwise "
            "(cosine) than a frequent name does",
        ),
        sample,
    )  # fmt: skip


def _kinds_table(people: Identity, ordinary: Sequence[NameIdentity]) -> Table:
    """How many people are of each kind, beside ordinary names of as many pieces."""
    rows = []
    for kind in KINDS:
        own = [row for row in people.rows if row.kind == kind]
        usual = sum(row.kind == kind for row in ordinary) / max(len(ordinary), 1)
        sure = sum(row.is_settled for row in own)
        share = percent(len(own) / len(people.rows))
        rows.append((kind, len(own), sure, share, percent(usual) if ordinary else None))
    return Table(
        ("kind", "people", "settled", "share", "of ordinary names"), rows, "kinds of identity",
        key="kinds", muted=[at for at, row in enumerate(rows) if not row[2]],
    )  # fmt: skip


def _pointing_table(people: Identity, asked: Recombined, found: Identity) -> Table:
    """Which single names lie nearest to which person, those that stand out most first."""
    rows = []
    for side, measure in _MEASURES.items():
        for name, row in _sets(asked, found, measure, (side,)).items():
            part = asked.people[name][SIDES.index(side)]
            gap = float(row[0] - row[1:].max())
            rows.append((part, name, float(row[0]), float(row[1:].max()), gap))
    rows.sort(key=lambda row: -row[-1])
    told = [row[:-1] for row in rows if row[-1] > 0]
    return Table(
        ("name alone", "points to", "nearness", "next"), told,
        f"who points to whom: {counted(len(told), 'name')} of {len(rows)}", key="points",
    )  # fmt: skip
