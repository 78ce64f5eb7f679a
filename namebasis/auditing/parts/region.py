"""Region and group: are names read where they are from, by Faker's lists and by the census?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from namebasis.auditing.claims import Claim, Sample, measured
from namebasis.auditing.corpora import FAMILY, WORLD
from namebasis.auditing.inquiry import Answer, Inquiry, Skipped
from namebasis.auditing.parts import beliefs
from namebasis.auditing.parts.beliefs import Beliefs
from namebasis.checks import Float64Array, IntArray
from namebasis.studies.attributes.record_facts import Fact
from namebasis.wording import listed, percent

_PHRASES = 2  # for each region; as many things stand for one by chance
_LEAST = 10  # names of a region, or it is not among those that names are read into


@dataclass(frozen=True)
class _Kind:
    """One record of where names are from."""

    records: str
    corpus: str
    measure: str
    key: str
    noun: str
    title: str


_KINDS = (
    _Kind("locales", WORLD, "AUC", "region", "region", "{}"),
    _Kind("us:family", FAMILY, "Spearman", "census", "group", "{} surnames"),
)


def run(inquiry: Inquiry) -> Answer:
    """Read every region of the world and every Census group by its words, and names into them."""
    answer, reasons = Answer([], {}), []
    for kind in _KINDS:
        try:
            found = beliefs.read(inquiry, kind.records, kind.corpus)
        except Skipped as reason:
            reasons.append(str(reason))
            continue
        facts = [fact for fact in found.known.facts if fact.measure == kind.measure]
        _add_shares(inquiry, found, facts, kind, answer)
        for fact in facts:
            reading = found.of(fact, "projection")
            if reading is not None:
                title = kind.title.format(fact.name if kind.key == "region" else fact.name.title())
                answer.add(*beliefs.by_words(inquiry, found, reading, title))
        answer.tables.extend(beliefs.tables_of(inquiry, found, facts, merged=True))
        answer.remarks.append(beliefs.held_of(inquiry, found, kind.corpus))
    begun = [reason[:1].upper() + reason[1:] for reason in dict.fromkeys(reasons)]
    if not answer.claims:
        told = " ".join([*reasons[:1], *begun[1:]])
        raise Skipped(told or "records tell too little of the names.")
    answer.remarks.extend(begun)
    return answer


def say(claims: Mapping[str, Claim], level: float) -> str:
    """How many names are read into their region and group, and which regions are told apart."""
    told = []
    for kind in _KINDS:
        found = claims.get(f"{kind.key}.own")
        if found is None:
            continue
        more = "more than" if found.is_beyond(level) else "no more than"
        told.append(
            f"{percent(found.value)} of {found.n:,} names are read into their {kind.noun}, {more} "
            f"chance ({found.told()})"
        )
    known = [
        one.label.split(",")[0]
        for key, one in claims.items()
        if key.startswith("region.") and one.measure == "AUC" and one.is_beyond(level)
        and one.value > 0.5
    ]  # fmt: skip
    if known:
        told.append(f"words tell of {listed(known)}")
    return "; ".join(told) + "."


def _add_shares(
    inquiry: Inquiry, found: Beliefs, facts: list[Fact], kind: _Kind, answer: Answer
) -> None:
    """The share of names that are read into what they are of, each region counting alike."""
    truth = np.nan_to_num(np.stack([fact.truth for fact in facts], axis=1))  # the census hides few
    held = np.flatnonzero((truth >= 0.5).sum(axis=0) >= _LEAST)
    read = np.full((len(truth), len(held)), np.nan)
    for place, at in enumerate(held):
        reading = found.of(facts[at], "projection")
        if reading is not None:
            read[reading.rows, place] = reading.values
    known = (truth[:, held] >= 0.5).any(axis=1) & np.isfinite(read).all(axis=1)
    rows = np.flatnonzero(known)
    if len(held) < 2 or not rows.size:
        return
    own, read = truth[:, held].argmax(axis=1), read[rows]
    labels = own[rows]
    weights = (len(rows) / len(held) / np.maximum(np.bincount(labels, minlength=len(held)), 1))[
        labels
    ]
    chance = _by_things(inquiry, found, facts[0].axis, rows, labels, weights, len(held))
    sample = Sample(tuple(found.names[row] for row in rows), _own(read, labels) * weights)
    claim = measured(
        f"{kind.key}.own", f"names read into their {kind.noun}", "mean", sample,
        chance=chance, neutral=1 / len(held), one_sided=True, against="differences of things",
        on_card=True,
        meaning=f"share of names whose own {kind.noun} they are nearest to, of {len(held)} that "
        "count alike",
    )  # fmt: skip
    # Names weigh unlike each other: what the interval of their mean does not know.
    high = None if claim.high is None else min(claim.high, 1.0)
    low = None if claim.low is None else max(claim.low, 0.0)
    answer.add(replace(claim, low=low, high=high), sample)


def _own(read: Float64Array, labels: IntArray) -> Float64Array:
    """Whether each name's own reading is its highest, all readings scaled alike."""
    scaled = (read - read.mean(axis=0)) / np.maximum(read.std(axis=0), 1e-12)
    return np.asarray(scaled.argmax(axis=1) == labels, dtype=np.float64)


def _by_things(
    inquiry: Inquiry,
    found: Beliefs,
    axis: str,
    rows: IntArray,
    labels: IntArray,
    weights: Float64Array,
    n: int,
) -> Float64Array:
    """The share where things stand for the regions, two for each; shape (n_draws,)."""
    templates = next(one for one in found.known.axes if one.name == axis)
    columns = beliefs.along_things(inquiry, found, templates)[rows]
    shares = []
    for chosen in beliefs.drawn_things(inquiry, n * _PHRASES):
        ends = columns[:, chosen].reshape(len(rows), n, _PHRASES).sum(axis=2)
        # Each against the mean of the others, as an axis of names without an order is read.
        read = ends - (ends.sum(axis=1, keepdims=True) - ends) / (n - 1)
        shares.append(float(weights @ _own(read, labels)) / len(rows))
    return np.array(shares)
