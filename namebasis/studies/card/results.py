"""What a card holds, and the tables and words in which it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from namebasis.analysis.readings.axes import READINGS
from namebasis.checks import FloatArray
from namebasis.results import Result, Table
from namebasis.studies.card.axes import Reading, Readings, by_axis
from namebasis.studies.card.records import Record
from namebasis.wording import between, percent

if TYPE_CHECKING:
    from namebasis.studies.basis.results import Basis
    from namebasis.studies.identity.results import Identity, NameIdentity
    from namebasis.studies.identity.rigidity import NameRigidity

LEFT_OUT = "axes, beliefs beside records, sparse decomposition, rigidity, identity"
MEANINGS = {
    "similarity": "mean cosine to the centre of its contexts",
    "div": "mean cosine distance of two contexts",
    "range": "largest minus smallest cosine of two contexts",
    "q05": "5 % quantile of the cosines",
    "q50": "their median",
    "q95": "95 % quantile",
    "displacement": "how far contexts move it, over made-up names",
    "displacement_ratio": "its largest displacement over its smallest",
    "interaction": "what it is in a context beyond name and context",
    "leakage": "how far the bare name lies towards a context",
}
_EVIDENCE = {
    "own_score": "it is more than its parts",
    "strength": "its parts mean something",
    "hold": "one part alone settles what it means: captured",
    "leakage": "it leans to a context on its own: entangled",
}
_KINDS = {
    "unknown": "the model does not know its parts apart from others",
    "compositional": "it is the sum of its parts",
    "flexible": "it is more than its parts, and leans to no context",
    "entangled": "it is more than its parts, and leans to a context on its own",
    "part-captured": "one of its parts alone settles what it means",
}


@dataclass(frozen=True)
class Belief:
    """What the model reads beside what is recorded: in words."""

    what: str
    record: str
    belief: str


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
    """

    readings: Readings
    beliefs: tuple[Belief, ...]
    basis: Basis | None
    rigidity: NameRigidity
    identity: NameIdentity
    study: Identity
    parts_only: PartsOnly | None
    remarks: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """The kind of identity in a sentence."""
        row = self.identity
        if row.kind is None:
            return f"No kind of identity: {row.reason}."
        chance = (row.probabilities or {}).get(row.kind, 0.0)
        return f"Most likely {row.kind} ({percent(chance)}): {_KINDS[row.kind]}."

    @property
    def evidence(self) -> list[Evidence]:
        """The measures that the kind of identity rests on."""
        row, thresholds = self.identity, self.study.thresholds
        return [
            Evidence(in_words(key), value, thresholds[key], chance, _EVIDENCE[key])
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
            self._axes(),
            self._leanings(),
            Table(
                ("what", "records", "the model"),
                [(one.what, one.record, one.belief) for one in self.beliefs],
                "recorded and believed", key="beliefs",
            ),
            Table(
                ("name", "weight", "chosen again"), self.atoms, "names that add up to it",
                bars=("weight",), key="basis",
            ),
            self._rigidity(),
            Table(
                ("kind", "probability"), list((self.identity.probabilities or {}).items()),
                "identity", bars=("probability",), key="identity",
            ),
            Table(
                ("measure", "value", "threshold", "holds", "what it would mean"),
                [(e.measure, e.value, e.threshold, percent(e.chance), e.meaning)
                 for e in self.evidence],
                "evidence", key="evidence",
            ),
        ]  # fmt: skip
        if parts is not None:
            pairs = zip(parts.nearest_own, parts.nearest, strict=False)
            shown += [
                Table(
                    ("near the name", "similarity", "near its parts' sum", "similarity"),
                    [(*own, *other) for own, other in pairs],
                    f"if only its parts were known (cosine {parts.similarity:.3f})", key="parts",
                ),
                Table(
                    ("axis", "the name", "its parts"), self.changes, "parts read",
                    key="parts read",
                ),
            ]  # fmt: skip
        return [table for table in shown if table.rows]

    def notes(self) -> list[str]:
        """What is said of the decomposition, the contexts and the thresholds; what is left out."""
        said = [self.said_of_basis] if self.basis is not None else []
        if self.rigidity.leaked:
            said.append(f"leans most to: {self.rigidity.leaked}")
        if self.identity.kind:
            said.append(f"thresholds: {self.study.origin.description}")
        return [*said, *self.remarks]

    def _axes(self) -> Table:
        columns = (
            "axis", "nearest value", "place 0–1", "± templates",
            *(f"z {reading}" for reading in READINGS), "names below",
        )  # fmt: skip
        rows = [
            (r.axis, r.value, r.position, r.spread, *(r.z[reading] for reading in READINGS),
             percent(r.percentile))
            for r in self.readings.on_scales
        ]  # fmt: skip
        n = self.readings.n_company
        title = f"axes: z against made-up names, place among {n:,} names of the space"
        return Table(columns, rows, title, bars=("place 0–1",), key="axes")

    def _leanings(self) -> Table:
        rows = [
            (axis, r.value, r.share, r.spread, r.z["expectation"], percent(r.percentile))
            for axis, ones in by_axis(self.readings.own).items()
            for r in ones[:2]
        ]
        columns = ("axis", "value", "share", "± templates", "z", "names below")
        return Table(columns, rows, "leans to", bars=("share",), key="leans to")

    def _rigidity(self) -> Table:
        rigid = self.rigidity
        intervals = rigid.spread.intervals()
        rows = []
        for key, value in rigid.values.items():
            one, place = intervals.get(key), rigid.places[key]
            ends = None if one is None else between(one.low, one.high)
            weak = None if place.weak_percentile is None else percent(place.weak_percentile)
            rows.append((key, value, ends, percent(place.percentile), weak))
        columns = ("measure", "value", "95 % interval", "made-up below", "rare below")
        title = f"rigidity: in {rigid.spread.n} contexts, beside names of {rigid.form}"
        return Table(columns, rows, title, key="rigidity")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        readings = self.readings
        return {
            "axes": [asdict(one) for one in readings.own],
            "axes_from_parts": None
            if readings.parts is None
            else [asdict(one) for one in readings.parts],
            "n_company": readings.n_company,
            "beliefs": [asdict(one) for one in self.beliefs],
            "basis": None if self.basis is None else self.basis.to_dict(),
            "rigidity": self.rigidity.flat(),
            "identity": asdict(self.identity),
            "thresholds": dict(self.study.thresholds),
            "origin": asdict(self.study.origin),
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
    """

    name: str
    records: tuple[Record, ...]
    tokens: Mapping[str, Any]
    written_alike: tuple[str, ...]
    nearest: tuple[tuple[str, float], ...]
    metrics: Mapping[str, Any]
    deep: DeepCard | None
    source: Mapping[str, Any]

    _page = "namebasis.studies.card.page:html_of"

    def headline(self) -> str | None:
        """The kind of identity, where it was measured."""
        return None if self.deep is None else self.deep.verdict

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
                found.append((f"births{suffix}", told))
        found += [(in_words(key), shown(value)) for key, value in self.tokens.items()]
        if self.written_alike:
            found.append(("written alike", ", ".join(self.written_alike)))
        return found + [(in_words(key), shown(value)) for key, value in self.metrics.items()]

    def tables(self) -> list[Table]:
        """What is stored, the nearest names, and what the model was asked for."""
        near = Table(("name", "similarity"), self.nearest, "nearest", ("similarity",), "nearest")
        stored = [Table(("what", "value"), self.facts(), self.name, key="facts"), near]
        deep = [] if self.deep is None else self.deep.tables()
        return [*(table for table in stored if table.rows), *deep]

    def notes(self) -> list[str]:
        """What must be known beside the tables, or what was left out."""
        if self.deep is not None:
            return self.deep.notes()
        return [f"left out: {LEFT_OUT}; --deep (in Python, deep=True) measures them"]

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
    return key.replace("_", " ")


def shown(value: object) -> str:
    """A stored value as text: numbers short, lists whole."""
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)
