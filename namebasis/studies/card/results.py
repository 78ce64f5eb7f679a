"""What a card holds, and the tables and words in which it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from namebasis.analysis.readings.axes import READINGS
from namebasis.checks import FloatArray
from namebasis.namespace.search.beside import told_apart
from namebasis.results import Result, Table
from namebasis.studies.attributes.beliefs import sentence
from namebasis.studies.card.axes import Reading, Readings, by_axis
from namebasis.studies.card.comparison import (
    AGREES,
    DISAGREES,
    SILENT,
    Belief,
    told_of_records,
)
from namebasis.studies.card.in_pictures import InPictures, in_pictures
from namebasis.studies.card.records import Record
from namebasis.studies.identity.results import EVIDENCES_IN_WORDS, Identity, NameIdentity
from namebasis.studies.identity.rigidity import CONTEXTS_IN_WORDS
from namebasis.wording import between, p_value, percent, percentile, share_words, z_score

if TYPE_CHECKING:
    from namebasis.studies.basis.results import Basis
    from namebasis.studies.describe.results import Description
    from namebasis.studies.identity.rigidity import NameRigidity

_PACKAGED = "packaged US records"
LEFT_OUT = "axes, beliefs beside records, sparse decomposition, rigidity, identity"
STEPS = (
    "reading it in contexts", "exchanging its parts", "reading it on axes", "taking it apart",
)  # fmt: skip
"""What measuring a card does in turn; each is an equal part of its progress."""


def step_of(done: int, total: int) -> str:
    """What is being done when a card has told so much progress."""
    return STEPS[min(done * len(STEPS) // max(total, 1), len(STEPS) - 1)]


MEANINGS = {
    "similarity": "mean cosine to the centre of its contexts",
    "div": "mean cosine distance of two contexts",
    "range": "largest minus smallest cosine of two contexts",
    "q05": "5 % quantile of the cosines",
    "q50": "their median",
    "q95": "95 % quantile",
    "displacement": "how far contexts move it; 1 is what they do to made-up names",
    "displacement_ratio": "the move that it follows most over the one that it follows least",
    "interaction": "what it becomes in a context beyond what the context does to other names",
    "leakage": "how far it lies towards a context that nobody named",
}
_WORDS = {
    **EVIDENCES_IN_WORDS,
    **CONTEXTS_IN_WORDS,
    "similarity": "alike across contexts",
    "div": "mean distance of contexts",
    "q05": "cosines, 5 %",
    "q50": "cosines, median",
    "q95": "cosines, 95 %",
}
_EVIDENCE = {
    "own_score": "it is more than its parts",
    "strength": "its parts mean something",
    "hold": "one part alone settles what it means: captured",
    "leakage": "it leans to a context on its own: entangled",
}
_THEY = {AGREES: "agree", DISAGREES: "disagree", SILENT: "the model has no belief"}


@dataclass(frozen=True)
class PartsOnly:
    """A full name as the additive effects of its parts predict it.

    Attributes
    ----------
    similarity : float
        Cosine of the prediction to the name's own vector.
    nearest, nearest_own : tuple of (str, float)
        Names near the prediction, and near the name itself.
    vector : ndarray of shape (dim,), float32
        The prediction, of length 1, in the `text` view.
    """

    similarity: float
    nearest: tuple[tuple[str, float], ...]
    nearest_own: tuple[tuple[str, float], ...]
    vector: FloatArray

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the vector."""
        return {
            "similarity": self.similarity,
            "nearest": [{"name": n, "similarity": s} for n, s in self.nearest],
            "nearest_own": [{"name": n, "similarity": s} for n, s in self.nearest_own],
        }


class Evidence(NamedTuple):
    """A measure against its threshold, and the chance that it lies above."""

    measure: str
    value: float
    threshold: float
    chance: float
    meaning: str


@dataclass(frozen=True)
class DeepCard:
    """What the model says of one name.

    Attributes
    ----------
    readings : Readings
        On all packaged axes, also of the prediction from the parts.
    beliefs : tuple of Belief
    basis : Basis or None
        None where the space has too few names; `remarks` says so.
    rigidity : NameRigidity
    identity : NameIdentity
    study : Identity
        The study that `identity` comes from, with thresholds, nulls and origin.
    parts_only : PartsOnly or None
        None for a name of one part.
    remarks : tuple of str
        What is left out, and why.
    words : Description or None
        The name in phrases; None where there are none to say it with, which `remarks` say.
    """

    readings: Readings
    beliefs: tuple[Belief, ...]
    basis: Basis | None
    rigidity: NameRigidity
    identity: NameIdentity
    study: Identity
    parts_only: PartsOnly | None
    remarks: tuple[str, ...]
    words: Description | None = None

    @property
    def verdict(self) -> str:
        """The kind of identity in a sentence, or why there is none."""
        return self.identity.verdict

    def sentence(self, name: str) -> str:
        """What the name reads as, what records say, and of a full name what kind it is."""
        read = sentence(name, self.readings.beliefs, 0)
        told = "; ".join(part for part in (read, told_of_records(self.beliefs)) if part)
        return f"{told}." + (f" {self.verdict}" if self.identity.kind else "")

    @property
    def evidence(self) -> list[Evidence]:
        """The measures that the kind of identity rests on."""
        row, thresholds = self.identity, self.study.thresholds
        return [
            Evidence(EVIDENCES_IN_WORDS[key], value, thresholds[key], chance, _EVIDENCE[key])
            for key, chance in (row.evidence or {}).items()
            if (value := getattr(row, key)) is not None
        ]

    @property
    def atoms(self) -> list[tuple[str, float, float | None]]:
        """Names of the decomposition, their weights, and how often they were chosen again."""
        if self.basis is None:
            return []
        stable = self.basis.stability
        again = [None] * len(self.basis.names) if stable is None else stable.tolist()
        return list(zip(self.basis.names, self.basis.weights.tolist(), again, strict=True))

    @property
    def said_of_basis(self) -> str:
        """Cosine and verdict of the decomposition; empty without one."""
        if self.basis is None:
            return ""
        return f"Cosine {self.basis.similarity:.3f}, centred. {self.basis.verdict or ''}".strip()

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """Ordinal axes as the name and its parts read on them: value and percentile of both."""
        alone = {one.axis: one for one in self.readings.parts or () if one.share is None}

        def told(one: Reading) -> str:
            return f"{one.value}, above {percent(one.percentile)}"

        return [
            (in_words(one.axis), told(one), told(alone[one.axis]))
            for one in self.readings.on_scales
            if one.axis in alone
        ]

    def tables(self) -> list[Table]:
        """Axes, beliefs, decomposition, rigidity, identity, and what the parts alone predict."""
        parts = self.parts_only
        shown = [
            self._believed(),
            Table(
                ("axis", "the model", "records", "they"),
                [(one.what, one.belief, one.record, _THEY.get(one.verdict, "are not comparable"))
                 for one in self.beliefs],
                "believed and recorded", key="beliefs",
                muted=[at for at, one in enumerate(self.beliefs)
                       if one.verdict not in (AGREES, DISAGREES)],
            ),
            self._axes(),
            self._values(),
            Table(
                ("name", "weight", "chosen again"),
                [(name, weight, percent(again)) for name, weight, again in self.atoms],
                "names that add up to it",
                bars=("weight",), key="basis", detail=True,
            ),
            self._rigidity(),
            Table(
                ("kind", "probability", "95 % interval"),
                [
                    (kind, chance, self.identity.told_interval(kind))
                    for kind, chance in (self.identity.probabilities or {}).items()
                ],
                "identity", bars=("probability",), key="identity", detail=True,
            ),
            Table(
                ("measure", "value", "threshold", "holds", "what it would mean"),
                [(e.measure, e.value, e.threshold, percent(e.chance), e.meaning)
                 for e in self.evidence],
                "evidence", key="evidence", detail=True,
            ),
        ]  # fmt: skip
        if parts is not None:
            pairs = zip(parts.nearest_own, parts.nearest, strict=False)
            shown += [
                Table(
                    ("near the name", "similarity", "near its parts' sum", "similarity"),
                    [(*own, *other) for own, other in pairs],
                    f"if only its parts were known (cosine {parts.similarity:.3f})",
                    key="parts", detail=True,
                ),
                Table(
                    ("axis", "the name", "its parts"), self.changes, "parts read",
                    key="parts_read", detail=True,
                ),
            ]  # fmt: skip
        return [table for table in shown if table.rows]

    def notes(self) -> list[str]:
        """The name in words, and the legend of what it reads as."""
        readings = self.readings
        told = [] if self.words is None else [self.words.said()]
        if not readings.beliefs:
            return told
        return [
            *told,
            f"Reads as: beyond the range of {readings.n_made_up:,} made-up names at 5 %, corrected "
            f"for {len(readings.beliefs)} axes (p); where: among {readings.n_company:,} names of "
            "the space. All four readings, contexts and identity: --all; terms: docs/measures.md.",
        ]

    def footnotes(self) -> list[str]:
        """What is said of the decomposition, the contexts and the thresholds; what is left out."""
        said = [self.said_of_basis] if self.basis is not None else []
        if self.rigidity.leaked:
            said.append(f"by itself it leans most to: {self.rigidity.nearest_context}")
        if self.identity.kind:
            said.append(f"thresholds: {self.study.origin.description}")
        return list(dict.fromkeys([*said, *self.remarks]))

    def _believed(self) -> Table:
        found = sorted(self.readings.beliefs, key=lambda one: (not one.counts[0], float(one.p[0])))
        rows = [
            (one.title, one.told(0), one.place(0), z_score(one.z[0]), p_value(float(one.p[0])))
            for one in found
        ]
        muted = [at for at, one in enumerate(found) if not one.counts[0]]
        return Table(("axis", "reads as", "where", "z", "p"), rows, key="axes", muted=muted)

    @property
    def muted_axes(self) -> set[str]:
        """Axes on which the name carries no belief beyond chance."""
        return {one.axis for one in self.readings.beliefs if not one.counts[0]}

    def _axes(self) -> Table:
        """All readings of ordinal axes; in standard deviations, as their units differ."""
        columns = ("axis", "place 0–1", "± templates", *(f"z {reading}" for reading in READINGS))
        found = self.readings.on_scales
        rows = [
            (r.axis, r.position, r.spread, *(r.z[reading] for reading in READINGS)) for r in found
        ]
        return Table(
            columns, rows, "readings of scales", bars=("place 0–1",), key="readings", detail=True,
            muted=[at for at, r in enumerate(found) if r.axis in self.muted_axes],
        )  # fmt: skip

    def _values(self) -> Table:
        """All readings of the values of nominal axes, those most above other names first."""
        found = [r for ones in by_axis(self.readings.own).values() for r in ones]
        rows = [
            (r.axis, r.value, r.share, r.spread, *(r.z[reading] for reading in READINGS))
            for r in found
        ]
        columns = (
            "axis", "value asked", "share", "± templates", *(f"z {one}" for one in READINGS),
        )  # fmt: skip
        return Table(
            columns, rows, "readings of values", bars=("share",), key="values", detail=True,
            muted=[at for at, r in enumerate(found) if r.axis in self.muted_axes],
        )  # fmt: skip

    def _rigidity(self) -> Table:
        rigid = self.rigidity
        intervals = rigid.spread.intervals()
        rows = []
        for key, value in rigid.values.items():
            one, place = intervals.get(key), rigid.places[key]
            ends = None if one is None else between(one.low, one.high)
            weak = None if place.weak_percentile is None else percentile(place.weak_percentile)
            rows.append((in_words(key), value, ends, percentile(place.percentile), weak))
        columns = ("measure", "value", "95 % interval", "of made-up names", "of rare names")
        title = f"rigidity: in {rigid.spread.n} contexts, beside names of {rigid.form}"
        return Table(columns, rows, title, key="rigidity", detail=True)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        readings = self.readings
        return {
            "axes": [asdict(one) for one in readings.own],
            "axes_from_parts": None
            if readings.parts is None
            else [asdict(one) for one in readings.parts],
            "n_company": readings.n_company,
            "n_made_up": readings.n_made_up,
            "reads_as": [one.row(0) for one in readings.beliefs],
            "beliefs": [asdict(one) for one in self.beliefs],
            "basis": None if self.basis is None else self.basis.to_dict(),
            "rigidity": self.rigidity.flat(),
            "identity": asdict(self.identity),
            "thresholds": self.study.told_thresholds,
            "origin": asdict(self.study.origin),
            "words": None if self.words is None else self.words.to_dict(),
            "parts_only": None if self.parts_only is None else self.parts_only.to_dict(),
            "notes": list(self.remarks),
        }


@dataclass(frozen=True, repr=False, eq=False)
class Card(Result):
    """What `card` found.

    Attributes
    ----------
    name : str
        As the space writes it.
    records : tuple of Record
        What the corpus knows of the name, once for each part that it is stored as.
    tokens : mapping
        Its pieces, how many, how many names share the rarest of them (itself counted), and how
        many other names the tokenizer writes the same way.
    written_alike : tuple of str
        Up to 10 of those other names.
    nearest : tuple of (str, float)
        Nearest names with their similarity.
    metrics : mapping
        Whatever the studies stored about the name.
    deep : DeepCard or None
        What takes the encoder, if it was asked for.
    source : mapping
        The space, its encoder and templates.
    measured_on : str or None
        Where `deep` was not measured now but before: the day, as an ISO date in UTC.
    nearest_parts : tuple of str
        Parts of the nearest names; tables show them where a name comes twice.
    """

    name: str
    records: tuple[Record, ...]
    tokens: Mapping[str, Any]
    written_alike: tuple[str, ...]
    nearest: tuple[tuple[str, float], ...]
    metrics: Mapping[str, Any]
    deep: DeepCard | None
    source: Mapping[str, Any]
    measured_on: str | None = None
    nearest_parts: tuple[str, ...] = ()

    _page = "namebasis.studies.card.page:html_of"

    def headline(self) -> str | None:
        """What the name reads as and what is recorded; without the model, what is recorded.

        Then whom it points to, where `points_to` was stored and it points to somebody.
        """
        person = self.metrics.get("points_to")
        said = [self._reading(), f"{self.name} → {person}." if person else None]
        return " ".join(filter(None, said)) or None

    def _reading(self) -> str | None:
        if self.deep is not None:
            return self.deep.sentence(self.name)
        told = [
            f"{share_words(one.births.share_female)} women of {one.births.n:,} US births, most in "
            f"the {one.births.peak}s"
            for one in self.records
            if one.births is not None
        ]
        if self.nearest:
            told.append(f"nearest to {self.nearest[0][0]} ({self.nearest[0][1]:.2f})")
        return f"{self.name}: {'; '.join(told)}." if told else None

    def facts(self) -> list[tuple[str, str]]:
        """Records, token facts and stored metrics, as pairs of text."""
        found: list[tuple[str, str]] = []
        for record in self.records:
            suffix = f" ({record.columns['part']})" if len(self.records) > 1 else ""
            known = {key: value for key, value in record.columns.items() if value != []}
            found += [(f"{in_words(key)}{suffix}", shown(value)) for key, value in known.items()]
            if record.births is not None:
                births = record.births
                told = f"{births.n:,}, {births.first} to {births.last}, most in the {births.peak}s"
                whose = f" ({_PACKAGED})" * record.has_packaged_births
                found.append((f"births{suffix}", told + whose))
            found += [
                (f"{in_words(key)}{suffix}", f"{shown(value)} ({_PACKAGED})")
                for key, value in record.packaged.items()
                if key not in record.columns
            ]
        found += [(in_words(key), shown(value)) for key, value in self.tokens.items()]
        if self.written_alike:
            found.append(("written alike", ", ".join(self.written_alike)))
        drawn = frozenset() if self.in_pictures is None else self.in_pictures.columns
        return found + [
            (in_words(key), shown(value)) for key, value in self.metrics.items()
            if key not in drawn
        ]  # fmt: skip

    @property
    def in_pictures(self) -> InPictures | None:
        """What the space's stored profiles say of the name's pictures."""
        return in_pictures(self.metrics)

    def tables(self) -> list[Table]:
        """What is stored, the nearest names, and what the model was asked for."""
        names = told_apart([name for name, _ in self.nearest], self.nearest_parts)
        rows = [(name, one[1]) for name, one in zip(names, self.nearest, strict=True)]
        near = Table(("name", "similarity"), rows, "nearest", ("similarity",), "nearest")
        deep = [] if self.deep is None else self.deep.tables()
        facts = Table(
            ("what", "value"), self.facts(), self.name, key="facts", detail=self.deep is not None
        )
        if self.in_pictures is not None:
            deep = [*deep, self.in_pictures.table()]
        brief = [table for table in deep if not table.detail]
        rest = [table for table in deep if table.detail]
        every = [*brief, near, facts, *rest] if deep else [facts, near]
        return [table for table in every if table.rows]

    def notes(self) -> list[str]:
        """What must be known beside the tables, or what was left out."""
        if self.deep is None:
            return [f"left out: {LEFT_OUT}; --deep (in Python, deep=True) measures them"]
        return [*self.deep.notes(), *([self.told_when] if self.told_when else [])]

    @property
    def told_when(self) -> str:
        """That the model was asked before, and when; empty where it was asked now."""
        return "" if self.measured_on is None else f"measured on {self.measured_on}, and kept"

    def footnotes(self) -> list[str]:
        """What was not measured and why, and where thresholds come from."""
        return [] if self.deep is None else self.deep.footnotes()

    def to_arrow(self) -> pa.Table:
        """One row: what is stored, the nearest names, and each deep measure as a column.

        Columns of axes are called ``age`` or ``region_east_asia`` (the expectation) and
        ``age_percentile``, others ``rigidity_similarity``, ``identity_own_score`` and so on. Rows
        of several cards can be put together by `pyarrow.concat_tables` with
        ``promote_options="default"``.
        """
        near = [{"name": name, "similarity": value} for name, value in self.nearest]
        row = {"name": self.name, **self.records[0].columns, **self.tokens, "nearest": near}
        row |= self.metrics
        if self.deep is not None:
            row |= _deep_columns(self.deep)
        return pa.Table.from_pylist([row])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.name,
            "records": [record.to_dict() for record in self.records],
            "tokens": dict(self.tokens),
            "written_alike": list(self.written_alike),
            "nearest": [{"name": name, "similarity": value} for name, value in self.nearest],
            "metrics": dict(self.metrics),
            "deep": None if self.deep is None else self.deep.to_dict(),
            "measured_on": self.measured_on,
            "source": dict(self.source),
        }


def _deep_columns(deep: DeepCard) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for one in deep.readings.own:
        value = "" if one.share is None else f"_{one.value}"
        key = (one.axis + value).lower().replace(" ", "_").replace("-", "_")
        row |= {key: one.expectation, f"{key}_percentile": one.percentile}
    for key, value in deep.rigidity.flat().items():
        if key not in ("name", "form", "n"):
            row[f"rigidity_{key}"] = value
    for key, value in asdict(deep.identity).items():
        if key not in ("name", "pieces", "probabilities", "evidence"):
            row[f"identity_{key}"] = value
    return row


def in_words(key: str) -> str:
    """A column or measure as a reader writes it."""
    return _WORDS.get(key, key.replace("_", " "))


def shown(value: object) -> str:
    """A stored value as text: numbers short, lists whole."""
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)
