"""What a space believes about names against what public records say of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.analysis.intervals import mean_interval
from namebasis.analysis.readings import axes
from namebasis.analysis.readings.calibration import calibration
from namebasis.analysis.readings.probes import joined, probe
from namebasis.checks import Float64Array, IntArray, Progress, check_seed
from namebasis.studies.attributes.beliefs import VALIDATED
from namebasis.studies.attributes.record_facts import (
    LEAST,
    Fact,
    Records,
    expected_ages,
    read_records,
)
from namebasis.studies.attributes.record_measures import (
    Measure,
    auc,
    chance_null,
    interval,
    shuffled_null,
    spearman,
)
from namebasis.studies.attributes.record_results import (
    Curve,
    EraBias,
    Misjudged,
    Popularity,
    RecordsReport,
)
from namebasis.studies.attributes.study import Steps, read_axes, read_rows

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

__all__ = ["RecordsReport", "auc", "compare", "expected_ages", "spearman"]

_RANKS = (100, 300, 1_000, 3_000, 10_000, 30_000)
"""Where bins of popularity end; they widen as names get rarer."""
_COMMON, _N_MISJUDGED = 1_000, 10
"""Names among which the most misjudged are looked for, where bearers are counted; how many."""
_N_COMPONENTS = 384
"""Of letter runs: as many as a small encoder has dimensions."""


def compare(
    space: StoredSpace,
    records: str,
    *,
    where: str | None = None,
    n_made_up: int = 500,
    seed: int = 0,
    progress: Progress | None = None,
) -> RecordsReport:
    """Compare readings of a space's names with public records.

    Only names that the records hold are read, so that they alone set the centre. Besides the
    readings of `attributes.score`, two cross-validated ridge probes are held against the records:
    one on the text and token vectors, one on letters alone ("spelling"), which knows no model.

    Parameters
    ----------
    space : Space
    records : str
        ``us`` or ``ssa:ZIP`` (age and women), ``us:family`` or ``census:CSV``
        (groups of surnames) or ``locales`` (regions of the world, of Faker's lists).
    where : str, optional
        The only names that are compared.
    n_made_up : int
        Made-up names, at least 2.
    seed : int
    progress : callable, optional
        Called with (done, total) steps.

    Raises
    ------
    CorpusError
        If the records cannot be read, or hold fewer than 10 of the names.

    See Also
    --------
    namebasis.studies.attributes.study.score : The readings alone.

    Examples
    --------
    The archive of the US Social Security Administration is not packaged.

    >>> report = space.records("ssa:names.zip")  # doctest: +SKIP
    >>> report.write_html("records.html")  # doctest: +SKIP
    """
    seed = check_seed(seed)
    known = read_records(space, records, where=where)
    step = Steps(progress, 4 + len(known.facts))
    step()
    beliefs, names = read_beliefs(space, known, n_made_up=n_made_up, seed=seed, step=step)
    report = report_of(known, beliefs, space, names)
    step()
    return report


def read_beliefs(
    space: StoredSpace,
    known: Records,
    *,
    n_made_up: int = 500,
    n_axes: int = 200,
    made: Sequence[str] | None = None,
    seed: int = 0,
    step: Callable[[], None] = lambda: None,
) -> tuple[list[Belief], tuple[str, ...]]:
    """Every reading of every fact over the names that records hold, and these names.

    Parameters
    ----------
    space : Space
    known : Records
    n_made_up : int
        Made-up names, at least 2.
    made : sequence of str, optional
        These made-up names instead, where the encoder knows a world of its own.
    n_axes : int
        Chance axes behind every reading without labels.
    seed : int
    step : callable
        Called ``2 + len(known.facts)`` times.
    """
    rows = read_rows(space, known.ids, n_made_up, seed, made)
    found = read_axes(space, known.axes, known.ids, rows)
    readings = {(s.axis, s.value): s.readings for s in found.scores}
    step()
    chance = axes.along_differences(
        rows.text, rows.text[rows.n_names :], n_axes=n_axes, n_reference=rows.n_names,
        also=rows.token, seed=seed,
    )  # fmt: skip
    chance = {reading: values[: rows.n_names] for reading, values in chance.items()}
    step()
    views = {
        "probe": joined(*rows.views_of_names),
        "spelling": letter_features(found.names, seed=seed),
    }
    predicted = _predicted([fact for fact in known.facts if _is_known(fact)], views, seed)
    beliefs: list[Belief] = []
    for fact in known.facts:
        if _is_known(fact):
            own = readings[fact.axis, fact.value]
            beliefs += _beliefs(
                fact, own, {key: predicted[key, fact.name] for key in views}, chance
            )
        step()
    return beliefs, found.names


def letter_features(names: Sequence[str], *, seed: int = 0) -> Float64Array:
    """Principal directions of the names' letter runs, one to four long, ends marked.

    Parameters
    ----------
    names : sequence of str, length n
    seed : int
        Of the random projection.

    Returns
    -------
    ndarray of shape (n, k), float64
        k is 384, or less than the number of names and of different runs.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    runs = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True)
    return _principal(runs.fit_transform(names), seed)


def piece_features(pieces: Sequence[Sequence[str]], *, seed: int = 0) -> Float64Array:
    """Principal directions of which pieces an encoder reads names as; as `letter_features`.

    Parameters
    ----------
    pieces : sequence of sequences of str, length n
    seed : int
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    held = TfidfVectorizer(analyzer=lambda one: one, sublinear_tf=True)
    return _principal(held.fit_transform(pieces), seed)


def _principal(counts: Any, seed: int) -> Float64Array:
    from sklearn.decomposition import TruncatedSVD

    k = min(_N_COMPONENTS, min(counts.shape) - 1)
    if k < 1:
        return np.zeros((counts.shape[0], 1))
    return np.asarray(TruncatedSVD(k, random_state=seed).fit_transform(counts), dtype=np.float64)


@dataclass(frozen=True)
class Belief:
    """One reading of one fact, over the names of which the records say it.

    Attributes
    ----------
    fact : Fact
    reading : str
        One of `axes.READINGS`, "probe" or "spelling".
    values, truth : ndarray of shape (n,), float64
    rows : ndarray of shape (n,), int64
        Which of the names that were read.
    chance : ndarray of shape (n_names, n_axes), float64, or None
        What chance axes read of all names; a probe has none.
    """

    fact: Fact
    reading: str
    values: Float64Array
    truth: Float64Array
    rows: IntArray
    chance: Float64Array | None

    @property
    def key(self) -> tuple[str, str, int]:
        """What its null hangs on."""
        drawn = self.values if self.chance is None else self.chance
        return self.fact.name, self.fact.measure, id(drawn)

    def null(self, some: IntArray | slice = slice(None)) -> float:
        if self.chance is None:
            return shuffled_null(self.fact.measure, self.values[some], self.truth[some])
        return chance_null(self.fact.measure, self.chance[self.rows][some], self.truth[some])

    def in_unit(self) -> Float64Array:
        """Beliefs in the fact's unit: as they are, or the records' values in the belief's order."""
        if self.reading in ("expectation", "probe", "spelling"):
            return self.values
        order = np.argsort(np.argsort(self.values, kind="stable"), kind="stable")
        return np.asarray(np.sort(self.truth)[order])


def _is_known(fact: Fact) -> bool:
    """Whether records say it of enough names, and of enough of each kind for an AUC."""
    truth = fact.truth[np.isfinite(fact.truth)]
    above = int((truth >= 0.5).sum())
    fewest = min(above, len(truth) - above) if fact.measure == "AUC" else len(truth)
    return min(fewest, len(truth)) >= LEAST


def _predicted(
    facts: Sequence[Fact], views: Mapping[str, Float64Array], seed: int
) -> dict[tuple[str, str], Float64Array]:
    """What a probe of each view says of each fact's names, by view and the fact's name.

    Facts that are known of the same names share the probe's decomposition, which is what it costs.
    """
    alike: dict[bytes, dict[str, Fact]] = {}
    for fact in facts:
        alike.setdefault(np.isfinite(fact.truth).tobytes(), {})[fact.name] = fact
    found: dict[tuple[str, str], Float64Array] = {}
    for held in alike.values():
        own = list(held.values())
        rows = np.isfinite(own[0].truth)
        truth = np.stack([fact.truth[rows] for fact in own], axis=1)
        for key, view in views.items():
            columns = probe(view[rows], truth, seed=seed).predictions.T
            for fact, column in zip(own, columns, strict=True):
                low, high = (0.0, 1.0) if fact.unit == "share" else (0.0, np.inf)
                found[key, fact.name] = np.clip(column, low, high)
    return found


def _beliefs(
    fact: Fact,
    readings: Mapping[str, Float64Array],
    predicted: Mapping[str, Float64Array],
    chance: Mapping[str, Float64Array],
) -> list[Belief]:
    """Every reading of a fact, then every probe's predictions."""
    rows = np.flatnonzero(np.isfinite(fact.truth))
    truth = fact.truth[rows]
    found = [
        Belief(fact, name, values[rows], truth, rows, chance.get(name, chance["projection"]))
        for name, values in readings.items()
    ]
    return found + [
        Belief(fact, key, values, truth, rows, None) for key, values in predicted.items()
    ]


def _named(label: str) -> str:
    """Records as a sentence calls them: their kind, and a file without its folders."""
    kind, joint, rest = label.partition(":")
    return f"{kind}{joint}{Path(rest).name}"


def _validated(fact: Fact) -> str:
    """The reading without labels that follows records best on this kind of axis."""
    return VALIDATED["ordinal" if fact.value is None else "nominal"]


def _misjudged(
    fact: str,
    beliefs: Sequence[Belief],
    measures: Sequence[Measure],
    names: Sequence[str],
    counts: IntArray | None,
) -> list[Misjudged]:
    """The names farthest off, by the belief that follows the records at all; none by none."""
    beyond = {m.reading for m in measures if m.fact == fact and m.value > m.null}
    own = {b.reading: b for b in beliefs if b.fact.name == fact}
    reading = next((r for r in (_validated(own["probe"].fact), "probe") if r in beyond), None)
    if reading is None:
        return []
    b = own[reading]
    believed = b.in_unit()
    errors = believed - b.truth
    bearers = None if counts is None else counts[b.rows]
    common = np.arange(len(errors)) if bearers is None else np.argsort(-bearers, kind="stable")
    common = common[:_COMMON] if bearers is not None else common
    # Of equal errors, as of yes and no, the belief that is the more decided.
    decided = np.sign(errors) * (b.values - np.median(b.values))
    order = common[np.lexsort((-decided[common], -np.abs(errors[common])))]
    return [
        Misjudged(
            fact, b.fact.unit, reading, names[b.rows[at]], float(b.truth[at]), float(believed[at]),
            float(errors[at]), None if bearers is None else int(bearers[at]),
        )
        for at in order[:_N_MISJUDGED].tolist()
        if errors[at]
    ]  # fmt: skip


def report_of(
    known: Records, beliefs: list[Belief], space: StoredSpace, names: Sequence[str]
) -> RecordsReport:
    """The report of beliefs that were read."""
    nulls: dict[tuple[str, str, int], float] = {}
    for b in beliefs:  # readings of one fact may share their chance axes, and so their null
        if b.key not in nulls:
            nulls[b.key] = b.null()
    measures = tuple(
        Measure(
            b.fact.name,
            b.fact.measure,
            b.reading,
            *interval(b.fact.measure, b.values, b.truth),
            nulls[b.key],
            len(b.truth),
        )
        for b in beliefs
    )
    shown = [b for b in beliefs if b.reading in (_validated(b.fact), "probe")]
    misjudged = [
        one
        for fact in dict.fromkeys(b.fact.name for b in beliefs)
        for one in _misjudged(fact, beliefs, measures, names, known.counts)
    ]
    curves = {
        (b.fact.name, b.reading): Curve(
            b.fact.name, b.reading, b.fact.unit, calibration(b.values, b.truth)
        )
        for b in beliefs
        if b.reading in ("expectation", "probe")
    }
    eras, popularity = [], []
    for b in shown:
        if known.decades is not None:
            eras += _eras(b, known.decades[b.rows])
        if known.counts is not None:
            popularity += _popularity(b, known.counts[b.rows])
    provenance = {
        "space": space.path.name,
        "encoder": space.provenance.encoder,
        "templates": list(space.provenance.templates),
    }
    return RecordsReport(
        _named(known.label),
        known.year,
        int(known.ids.size),
        measures,
        tuple(curves.values()),
        tuple(eras),
        tuple(popularity),
        provenance,
        known.matching,
        tuple(misjudged),
        {b.fact.name: _validated(b.fact) for b in beliefs},
    )


def _eras(b: Belief, decades: IntArray) -> list[EraBias]:
    believed = b.in_unit()
    found = []
    for decade in np.unique(decades).tolist():
        here = decades == decade
        n = int(here.sum())
        if n < LEAST:
            continue
        bias = mean_interval(believed[here] - b.truth[here])
        recorded = float(b.truth[here].mean())
        found.append(
            EraBias(
                b.fact.name,
                b.reading,
                b.fact.unit,
                decade,
                n,
                recorded,
                recorded + bias.value,
                bias.value,
                bias.low,
                bias.high,
                float(b.truth.mean()) - recorded,
            )
        )
    return found


def _popularity(b: Belief, counts: IntArray) -> list[Popularity]:
    order = np.argsort(-counts, kind="stable")
    ends = [end for end in _RANKS if end < len(order)]
    if not ends or len(order) - ends[-1] >= ends[-1] // 2:
        ends.append(len(order))
    else:
        ends[-1] = len(order)
    found, start = [], 0
    for end in ends:
        some = order[start:end]
        kind = (b.truth[some] >= 0.5).sum()
        if len(some) >= LEAST and (b.fact.measure != "AUC" or 0 < kind < len(some)):
            value, low, high = interval(b.fact.measure, b.values[some], b.truth[some])
            ends_of = (int(counts[some].min()), int(counts[some].max()))
            found.append(
                Popularity(
                    b.fact.name, b.fact.measure, b.reading, start + 1, end, *ends_of,
                    value, low, high, b.null(some), len(some),
                )
            )  # fmt: skip
        start = end
    return found
