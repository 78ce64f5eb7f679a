"""What is read of names beside what records say of them: shared by age, gender, and region.

Each fact makes two claims. *By words*: the axis' phrases alone order the names as records do; held
against differences of phrases for things. *Beyond spelling*: a cross-validated probe of the vectors
is nearer to the records than the better one of letters and of pieces, which know no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.readings.axes import along_directions, direction
from namebasis.analysis.readings.probes import probe
from namebasis.auditing.claims import Claim, Sample, measured, statistic
from namebasis.auditing.inquiry import Answer, Inquiry, Skipped
from namebasis.checks import Float64Array, FloatArray
from namebasis.errors import CorpusError
from namebasis.studies.attributes.axis_files import load_axis
from namebasis.studies.attributes.record_facts import Fact, Records, read_records
from namebasis.studies.attributes.records import (
    Belief,
    piece_features,
    read_beliefs,
    report_of,
)
from namebasis.studies.attributes.study import WITHOUT_GENDER, axis_prompts

if TYPE_CHECKING:
    from namebasis.results import Table

BY_WORDS, BEYOND = "by_words", "beyond_spelling"
_BLOCK = 512  # chance axes at a time, which bounds the memory
_POLE = 2  # things at each end of a chance axis, as an axis has phrases for each value


@dataclass(frozen=True, eq=False)
class Beliefs:
    """Every reading of some records, with the names and their vectors."""

    known: Records
    names: tuple[str, ...]
    held: tuple[Belief, ...]
    text: FloatArray

    def of(self, fact: Fact, reading: str) -> Belief | None:
        """One reading of one fact, where there are enough names for it."""
        return next((b for b in self.held if b.fact is fact and b.reading == reading), None)


@lru_cache(maxsize=2)
def read(inquiry: Inquiry, records: str, *, with_era: bool = False) -> Beliefs:
    """The readings of every fact of some records.

    Parameters
    ----------
    inquiry : Inquiry
    records : str
        As `read_records` takes.
    with_era : bool
        Read the year of birth too, which the age gives.

    Raises
    ------
    Skipped
        If the encoder reads too few of the names.
    """
    try:
        known = read_records(inquiry.space, records)
    except CorpusError as error:
        raise Skipped(str(error)) from None
    if with_era:
        age = next(fact for fact in known.facts if fact.name == "age")
        born = Fact(
            "year of birth", "era", None, (known.year or 0) - age.truth, "years", "Spearman"
        )
        known = replace(known, facts=(*known.facts, born), axes=(*known.axes, load_axis("era")))
    held, names = read_beliefs(
        inquiry.space, known, n_made_up=inquiry.plan.size.made_up, seed=inquiry.seed
    )
    return Beliefs(known, names, tuple(held), inquiry.vectors(known.ids))


def chance_directions(inquiry: Inquiry, templates: Sequence[str]) -> Float64Array:
    """Directions between things in the sentences of an axis, of shape (n_draws, dim)."""
    rows = _things(inquiry, tuple(templates))
    rng = np.random.default_rng(inquiry.seed)
    chosen = np.array(
        [rng.choice(len(rows), 2 * _POLE, replace=False) for _ in range(inquiry.plan.n_draws)]
    )
    return np.asarray(rows[chosen[:, :_POLE]].mean(axis=1) - rows[chosen[:, _POLE:]].mean(axis=1))


@lru_cache(maxsize=2)
def _things(inquiry: Inquiry, templates: tuple[str, ...]) -> Float64Array:
    texts = [t.replace("{}", thing) for t in templates for thing in inquiry.plan.things]
    rows = inquiry.encoder.encode_text(texts).astype(np.float64)
    return np.asarray(rows.reshape(len(templates), len(inquiry.plan.things), -1).mean(axis=0))


def claims_of(
    inquiry: Inquiry, beliefs: Beliefs, facts: Sequence[Fact], titles: Sequence[str], answer: Answer
) -> None:
    """Add both claims of each fact to the answer, where there are enough names.

    Parameters
    ----------
    inquiry, beliefs
    facts : sequence of Fact
    titles : sequence of str
        What each fact is called, such as "age".
    answer : Answer
    """
    for fact, title in zip(facts, titles, strict=True):
        found = beliefs.of(fact, "projection")
        if found is None:
            continue
        claim, sample = by_words(inquiry, beliefs, found, title)
        answer.add(claim, sample)
        probes = beliefs.of(fact, "probe"), beliefs.of(fact, "spelling")
        if probes[0] is not None and probes[1] is not None:
            answer.add(*_beyond_spelling(inquiry, beliefs, probes[0], probes[1], title))


def by_words(inquiry: Inquiry, beliefs: Beliefs, found: Belief, title: str) -> tuple[Claim, Sample]:
    """Whether an axis' words order the names as the records do."""
    fact = found.fact
    sample = Sample(tuple(beliefs.names[row] for row in found.rows), found.values, found.truth)
    axis = next(one for one in beliefs.known.axes if one.name == fact.axis)
    directions = chance_directions(inquiry, axis.templates)
    without = None
    if axis.name in WITHOUT_GENDER:
        gender = axis_prompts(inquiry.encoder, load_axis("gender")).mean(axis=0)
        without = direction(gender)
    draws = [
        statistic(fact.measure, replace(sample, values=column))
        for at in range(0, len(directions), _BLOCK)
        for column in along_directions(beliefs.text, directions[at : at + _BLOCK], without=without)[
            "projection"
        ][found.rows].T
    ]
    claim = measured(
        f"{_key(fact)}.{BY_WORDS}", f"{title}, read by words", fact.measure, sample,
        chance=np.array(draws), against="differences of things",
        meaning=_MEANINGS[fact.measure].format(title=title),
        on_card=fact.axis in ("age", "gender"),
    )  # fmt: skip
    return claim, sample


def _beyond_spelling(
    inquiry: Inquiry, beliefs: Beliefs, own: Belief, letters: Belief, title: str
) -> tuple[Claim, Sample]:
    """How much nearer to records a probe of the vectors is than one of the spelling, by name."""
    fact = own.fact
    names = [beliefs.names[row] for row in own.rows]
    pieces = probe(
        piece_features(inquiry.encoder.pieces(names)), own.truth, seed=inquiry.seed
    ).predictions
    errors = [np.abs(one - own.truth) for one in (letters.values, pieces)]
    best = min(errors, key=lambda one: float(one.mean()))
    sample = Sample(tuple(names), best - np.abs(own.values - own.truth))
    rng = np.random.default_rng(inquiry.seed)
    signs = rng.integers(0, 2, (inquiry.plan.n_draws, len(names)), dtype=np.int8) * 2 - 1
    claim = measured(
        f"{_key(fact)}.{BEYOND}", f"{title}, beyond what spelling tells", "mean", sample,
        chance=(signs @ sample.values) / len(names), neutral=0.0, one_sided=True,
        against="signs drawn at random",
        meaning=f"how much nearer to records ({fact.unit}) a probe of the vectors is than one of "
        "letters or pieces",
    )  # fmt: skip
    return claim, sample


_MEANINGS = {
    "Spearman": "1: words for {title} order the names as records do; 0: they tell nothing",
    "AUC": "chance that words for {title} put a right name above a wrong one; 0.5 tells nothing",
}


def _key(fact: Fact) -> str:
    return f"{fact.axis}.{fact.name}".lower().replace(" ", "_")


def tables_of(inquiry: Inquiry, beliefs: Beliefs, facts: Sequence[Fact]) -> list[Table]:
    """The most misjudged names, calibration, popularity and decades of some facts."""
    own = [b for b in beliefs.held if any(b.fact is fact for fact in facts)]
    report = report_of(beliefs.known, own, inquiry.space, beliefs.names)
    wanted = ("misjudged", "calibration", "popularity", "eras")
    return [table for table in report.tables() if table.key.startswith(wanted) and table.rows]
