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
import numpy.typing as npt

from namebasis.analysis.readings.axes import direction
from namebasis.analysis.readings.probes import probe
from namebasis.auditing.claims import Claim, Sample, measured
from namebasis.auditing.corpora import MADE_UP
from namebasis.auditing.draws import signed
from namebasis.auditing.inquiry import Answer, Inquiry, Skipped
from namebasis.auditing.parts.one_vector import told_apart
from namebasis.checks import Float64Array, FloatArray, IntArray
from namebasis.errors import CorpusError
from namebasis.studies.attributes.axis_files import Axis, load_axis
from namebasis.studies.attributes.record_facts import LEAST, Fact, Records
from namebasis.studies.attributes.record_measures import of_ranks
from namebasis.studies.attributes.records import (
    Belief,
    piece_features,
    read_beliefs,
    report_of,
)
from namebasis.studies.attributes.study import WITHOUT_GENDER, axis_prompts

if TYPE_CHECKING:
    from namebasis.results import Table
    from namebasis.studies.attributes.record_results import Misjudged

BY_WORDS, BEYOND = "by_words", "beyond_spelling"
_BLOCK = 256  # chance axes at a time, which bounds the memory
_MISJUDGED = 3  # names of each fact, where several facts share a table
_TOO_FEW = {
    "us": f"births of the United States tell of fewer than {LEAST} of the names that the encoder "
    "reads.",
    "us:family": f"the Census tells of fewer than {LEAST} of the names that the encoder reads.",
    "locales": f"fewer than {LEAST} of the names that the encoder reads are of one region of the "
    "world alone, or all are of the same one.",
}
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
def read(
    inquiry: Inquiry, records: str, corpus: str | None = None, *, with_era: bool = False
) -> Beliefs:
    """The readings of every fact of some records.

    Parameters
    ----------
    inquiry : Inquiry
    records : str
        As `read_records` takes.
    corpus : str, optional
        Only names of this corpus are read.
    with_era : bool
        Read the year of birth too, which the age gives.

    Raises
    ------
    Skipped
        If the encoder reads too few of the names, or no phrases tell anything apart.
    """
    known = known_of(inquiry, records, corpus)
    if with_era and known.year is not None:
        age = next(fact for fact in known.facts if fact.name == "age")
        years = known.year - age.truth
        born = Fact("year of birth", "era", None, years, "years", "Spearman")
        known = replace(known, facts=(*known.facts, born), axes=(*known.axes, load_axis("era")))

    try:
        held, names = _believed(inquiry, known)
    except ValueError:  # of phrases that are one vector, or of what nobody foresaw
        kept = told_apart(inquiry, known)
        if kept is known:
            raise
        known = kept
        held, names = _believed(inquiry, known)
    return Beliefs(known, names, tuple(held), inquiry.vectors(known.ids))


def _believed(inquiry: Inquiry, known: Records) -> tuple[Sequence[Belief], tuple[str, ...]]:
    made = None if inquiry.world is None else inquiry.corpora.names(MADE_UP)
    n_made_up = inquiry.plan.size.made_up
    return read_beliefs(inquiry.space, known, n_made_up=n_made_up, seed=inquiry.seed, made=made)


def known_of(inquiry: Inquiry, records: str, corpus: str | None = None) -> Records:
    """What records say of the names that the encoder reads; raises `Skipped` where of too few."""
    try:
        known = inquiry.records(records)
    except CorpusError as error:  # whose advice is for one who builds a space of their own
        told = str(error) if inquiry.world is not None else _TOO_FEW.get(records, str(error))
        raise Skipped(told) from None
    if corpus is None:
        return known
    # A spelling that is a given name and a family name is one name here, the first of its rows.
    asked = np.isin(known.ids, inquiry.ids(corpus))
    known = _where(known, asked)
    first = np.unique(np.array(inquiry.names(known.ids), dtype=object), return_index=True)[1]
    known = _where(known, np.isin(np.arange(len(known.ids)), first))
    if len(known.ids) < LEAST:
        raise Skipped(f"records hold too few of the names that are read, {LEAST} are needed.")
    return known


def _where(known: Records, held: npt.NDArray[np.bool_]) -> Records:
    """The records of some names."""
    counts, decades = (
        None if values is None else values[held] for values in (known.counts, known.decades)
    )
    facts = tuple(replace(fact, truth=fact.truth[held]) for fact in known.facts)
    return replace(known, ids=known.ids[held], facts=facts, counts=counts, decades=decades)


def held_of(inquiry: Inquiry, beliefs: Beliefs, corpus: str) -> str:
    """How many of a corpus' names the records hold, as a remark."""
    n = int(np.isin(beliefs.known.ids, inquiry.ids(corpus)).sum())
    held = inquiry.corpora
    return f"Records say it of {n:,} of {len(held.names(corpus)):,} {held.titles[corpus]}."


def along_things(
    inquiry: Inquiry, beliefs: Beliefs, axis: Axis, *, without: Float64Array | None = None
) -> Float64Array:
    """Each centred name's coordinate along things in the sentences of an axis; (n_names, n_things).

    Every chance axis is a difference of things, so what it reads is a difference of these columns.
    """
    rows = _things(inquiry, axis.templates)
    if without is not None:
        rows = rows - np.outer(rows @ without, without) / float(without @ without)
    text = beliefs.text.astype(np.float64)
    return np.asarray((text - text.mean(axis=0)) @ rows.T)


def drawn_things(inquiry: Inquiry, n: int) -> IntArray:
    """Different things in random order, of shape (n_draws, n)."""
    rng = np.random.default_rng(inquiry.seed)
    n_things = len(inquiry.plan.things)
    return np.array([rng.permutation(n_things)[:n] for _ in range(inquiry.plan.n_draws)])


@lru_cache(maxsize=2)
def _things(inquiry: Inquiry, templates: tuple[str, ...]) -> Float64Array:
    texts = [t.replace("{}", thing) for t in templates for thing in inquiry.plan.things]
    rows = inquiry.encoder.encode_text(texts).astype(np.float64)
    return np.asarray(rows.reshape(len(templates), len(inquiry.plan.things), -1).mean(axis=0))


@lru_cache(maxsize=1)
def _chance_ranks(inquiry: Inquiry, beliefs: Beliefs, axis: str, rows: bytes) -> FloatArray:
    """Ranks of some names along every chance axis, of shape (n_draws, n_rows).

    Facts of one axis that are known of the same names share them.
    """
    from scipy.stats import rankdata

    own = next(one for one in beliefs.known.axes if one.name == axis)
    without = None
    if axis in WITHOUT_GENDER:
        gender = axis_prompts(inquiry.encoder, load_axis("gender")).mean(axis=0)
        without = direction(gender)
    columns = along_things(inquiry, beliefs, own, without=without)
    columns = columns[np.frombuffer(rows, dtype=np.int64)].T.copy()
    chosen = drawn_things(inquiry, 2 * _POLE)
    ranks = np.empty((len(chosen), columns.shape[1]), dtype=np.float32)
    for at in range(0, len(chosen), _BLOCK):
        some = chosen[at : at + _BLOCK]
        ends = (columns[some[:, :_POLE]].sum(axis=1), columns[some[:, _POLE:]].sum(axis=1))
        ranks[at : at + _BLOCK] = rankdata(ends[0] - ends[1], axis=1)
    return ranks


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
    ranks = _chance_ranks(inquiry, beliefs, fact.axis, found.rows.astype(np.int64).tobytes())
    claim = measured(
        f"{_key(fact)}.{BY_WORDS}", f"{title}, read by words", fact.measure, sample,
        chance=of_ranks(fact.measure, ranks, found.truth), against="differences of things",
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
    claim = measured(
        f"{_key(fact)}.{BEYOND}", f"{title}, beyond what spelling tells", "mean", sample,
        chance=signed(sample.values, inquiry), neutral=0.0, one_sided=True,
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


def and_vectors(claim: Claim | None, level: float) -> str:
    """The end of a sentence: whether the vectors tell more of a fact than spelling does."""
    if claim is None:
        return "."
    more = "more" if claim.is_beyond(level) else "no more"
    return f"; the vectors tell {more} of it than spelling does."


def tables_of(
    inquiry: Inquiry, beliefs: Beliefs, facts: Sequence[Fact], *, merged: bool = False
) -> list[Table]:
    """The most misjudged names, calibration, popularity and decades of some facts.

    Parameters
    ----------
    inquiry, beliefs, facts
    merged : bool
        A few misjudged names of each fact in one table: of many facts.
    """
    own = [b for b in beliefs.held if any(b.fact is fact for fact in facts)]
    report = report_of(beliefs.known, own, inquiry.space, beliefs.names)
    tables = {table.key: table for table in report.tables() if table.rows}
    misjudged = [table for key, table in tables.items() if key.startswith("misjudged")]
    if merged and misjudged:
        misjudged = [_merged(report.misjudged)]
    others = (tables.get(key) for key in ("calibration", "popularity", "eras"))
    return [*misjudged, *(table for table in others if table is not None)]


def _merged(misjudged: Sequence[Misjudged]) -> Table:
    """The worst few of every fact, all in one unit."""
    from namebasis.results import Table

    rows = []
    for fact in dict.fromkeys(one.fact for one in misjudged):
        own = [one for one in misjudged if one.fact == fact][:_MISJUDGED]
        rows += [
            (fact, one.name, one.reading, one.recorded, one.believed, one.error) for one in own
        ]
    columns = ("fact", "name", "reading", "recorded", "believed", "off by")
    return Table(columns, rows, "misjudged most", key="misjudged", detail=True)
