"""What the study `identity` returns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.checks import Float64Array, FloatArray
from namebasis.namespace.computed.facts import FACTS_KEY, ComputedFacts
from namebasis.namespace.corpus.count_files import by_fold
from namebasis.namespace.search.beside import drawn_beside, joined, row_of
from namebasis.namespace.store.metrics import MeasuredView
from namebasis.results import Result, Table
from namebasis.studies.identity.in_contexts import CONTEXT_MEASURES
from namebasis.studies.identity.own_null import VIEW, NullDirections, as_units, keep_null
from namebasis.studies.identity.thresholds import EVIDENCES, KINDS, Origin
from namebasis.wording import between, counted, did_you_mean, listed, percent, percentile

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

STUDY = "identity"
SWAP_MEASURES = (
    "own_length", "own_score", "strength", "hold", "hold_given", "hold_family", "capture_given",
    "capture_family",
)  # fmt: skip
STORED = ("anchor_rank", "own_residual", "piece_names", "same_pieces")
"""Columns that other studies and the build keep about a stored name."""
SINGLE_MEASURES = ("pull", "pull_percentile", "pull_z", "pull_z_low", "pull_z_high")
"""What is measured of names of one word instead: see `single.pull`."""
_NUMBERS = (
    "own_length", "own_score", "own_percentile", "own_z", "strength", "hold", "hold_given",
    "hold_family", "capture_given", "capture_family", *CONTEXT_MEASURES, *SINGLE_MEASURES,
)  # fmt: skip
COLUMNS = ("n_tokens", *_NUMBERS, *STORED)
_OWN = ("own_evidence", "own_evidence_low", "own_evidence_high")
_PARTS = ("given", "family")
KINDS_IN_WORDS = {
    "unknown": "the model does not tell its parts from other names",
    "compositional": "it is the sum of its parts",
    "flexible": "it is more than its parts, and leans to no context",
    "entangled": "it is more than its parts, and leans to a context by itself",
    "part-captured": "one of its parts alone settles what it means",
}
EVIDENCES_IN_WORDS = {
    "own_score": "more than its parts",
    "strength": "weight of its parts",
    "hold": "settled by one part",
    "leakage": "pull of a context",
}
"""What the measures behind a kind are called where people read them; see docs/measures.md."""
_INTERVALS = (
    "95 % interval: over other swap partners and made-up names; where it begins below 50 %, "
    "another kind is possible."
)
WITHOUT_CONTEXTS = "contexts left out: flexible may be entangled"
OF_SINGLE_NAMES = (
    "single names have no parts to swap: their pull on the family partners, beyond what common "
    "given names and made-up words of as many pieces have, is an evidence and no verdict."
)
_HALF = 0.5
_FIRM = 0.95  # of names that mean nobody in particular
_MANY_MADE_UP = 400  # settled 39 % of names where 100 settled 28 %; see docs/benchmarks.md
_FEW = 3  # names that the headline tells of one by one


@dataclass(frozen=True)
class NameIdentity:
    """One name; what could not be measured is None, and `reason` says why.

    Attributes
    ----------
    name : str
    pieces : tuple of str
        The encoder's tokens.
    own_length : float or None
        Length of what remains of the embedding after the effects of the parts.
    own_score : float or None
        That over the noise of the noisier part; 1 is what any pairing leaves.
    own_percentile, own_z : float or None
        Of `own_score` among made-up full names.
    strength : float or None
        Effect of the weaker part over its noise.
    hold : float or None
        The larger of the next two: near 1 where one part settles what the name means.
    hold_given, hold_family : float or None
        Mean cosine of the name and its given (family) name with other partners, about the centre
        of the partners' own pairs; see `analysis.identity.part_hold`.
    capture_given, capture_family : float or None
        See `analysis.identity.part_capture`. No evidence: where the truth is known, `hold` tells
        captured names better (docs/organism.md).
    displacement, displacement_ratio, interaction, leakage : float or None
        See `analysis.contexts.ContextMeasures`; None where contexts were left out. Of these,
        `leakage` is the evidence for an entangled name.
    leaked : str or None
        The context that the bare name lies furthest towards.
    pull : float or None
        Of a name of one word: how far it moves what it is paired with to what it means alone; see
        `analysis.identity.part_pull`. An evidence that grades, of no kind.
    pull_percentile, pull_z : float or None
        Of `pull` among common given names and made-up words, beyond a line over their pieces.
    pull_z_low, pull_z_high : float or None
        95 % of `pull_z`: where other partners and other such names put it.
    anchor_rank, own_residual : float or None
        As the study `anchors` stored them, if it did.
    piece_names, same_pieces : float or None
        How many names of the space share the name's rarest token, and how many others are
        written with the same tokens; None for a name that is not stored.
    given, family : str or None
        Its parts, None where it was not cut.
    cut_by : str or None
        What cut it: rules, a file of parts, or columns of the space.
    kind : str or None
        The most probable of `KINDS`.
    probabilities : mapping of kind to float, or None
        Calibrated as far as `Identity.origin` is.
    intervals : mapping of kind to (float, float), or None
        95 % of each probability, over other swap partners and other made-up names.
    evidence : mapping of evidence to float, or None
        Probability that each measure lies above its threshold, of which the kinds are made.
    own_interval : (float, float) or None
        95 % of the evidence of being more than its parts.
    reason : str or None
    """

    name: str
    pieces: tuple[str, ...]
    own_length: float | None = None
    own_score: float | None = None
    own_percentile: float | None = None
    own_z: float | None = None
    strength: float | None = None
    hold: float | None = None
    hold_given: float | None = None
    hold_family: float | None = None
    capture_given: float | None = None
    capture_family: float | None = None
    displacement: float | None = None
    displacement_ratio: float | None = None
    interaction: float | None = None
    leakage: float | None = None
    leaked: str | None = None
    pull: float | None = None
    pull_percentile: float | None = None
    pull_z: float | None = None
    pull_z_low: float | None = None
    pull_z_high: float | None = None
    anchor_rank: float | None = None
    own_residual: float | None = None
    piece_names: float | None = None
    same_pieces: float | None = None
    given: str | None = None
    family: str | None = None
    cut_by: str | None = None
    kind: str | None = None
    probabilities: Mapping[str, float] | None = None
    intervals: Mapping[str, tuple[float, float]] | None = None
    evidence: Mapping[str, float] | None = None
    own_interval: tuple[float, float] | None = None
    reason: str | None = None

    @property
    def n_tokens(self) -> int:
        """How many pieces."""
        return len(self.pieces)

    @property
    def parts(self) -> str | None:
        """Given and family name as they were told apart: "Helena | Bonham Carter"."""
        return None if self.given is None else f"{self.given} | {self.family}"

    @property
    def probability(self) -> float | None:
        """Of the most probable kind."""
        return None if self.kind is None else (self.probabilities or {}).get(self.kind)

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of `probability`."""
        return None if self.kind is None else (self.intervals or {}).get(self.kind)

    @property
    def is_settled(self) -> bool:
        """Whether the kind stays more probable than all others together over its interval."""
        return self.interval is not None and self.interval[0] >= _HALF

    @property
    def verdict(self) -> str:
        """The kind of identity in a sentence."""
        chances = self.probabilities or {}
        if self.kind is None:
            return f"{self.name} has no kind of identity ({self.reason}).{self.pull_in_words}"
        if self.is_settled:
            return (
                f"{self.name} is {self.kind} ({self._chance(self.kind)}): "
                f"{KINDS_IN_WORDS[self.kind]}."
            )
        first, second = sorted(chances, key=lambda kind: -chances[kind])[:2]
        return (  # its interval reaches below one half: more likely than not, but not settled
            f"{self.name} is perhaps {first} ({self._chance(first)}) but may be {second} "
            f"({self._chance(second)})."
            if chances[first] >= _HALF
            else f"{self.name} may be {first} ({self._chance(first)}) or {second} "
            f"({self._chance(second)})."
        )

    @property
    def pull_in_words(self) -> str:
        """Where a name of one word stands among names of nobody in particular; else empty."""
        if self.pull_z is None:
            return ""
        return (
            f" Its pull on family names lies {percentile(self.pull_percentile)} of names that mean "
            f"nobody in particular (z {self.pull_z:.1f}, 95 % interval {self.told_pull()})."
        )

    def told_pull(self) -> str:
        """The interval of `pull_z`, such as "0.4 to 2.1"; a dash where it has none."""
        if self.pull_z_low is None or self.pull_z_high is None:
            return percent(None)
        return between(self.pull_z_low, self.pull_z_high, 1)

    def told_interval(self, kind: str) -> str:
        """The interval of a kind's probability, such as "14 to 91 %"; a dash where it has none."""
        low, high = (self.intervals or {}).get(kind, (None, None))
        return percent(None) if low is None else f"{100 * low:.0f} to {percent(high)}"

    def _chance(self, kind: str) -> str:
        chance = percent((self.probabilities or {}).get(kind))
        return f"{chance}, 95 % interval {self.told_interval(kind)}"


@dataclass(frozen=True, repr=False, eq=False)
class Identity(Result):
    """Measures of names, in the order asked for.

    Attributes
    ----------
    rows : tuple of NameIdentity
    own_directions : ndarray of shape (n_names, dim), float32
        What remains of each full name's embedding; NaN for a name of one part.
    thresholds : mapping of evidence to float
        Empty where no full name was asked about, as `made_up` is: others are not judged by them.
    made_up : mapping of measure to ndarray
        Of made-up full names: `SWAP_MEASURES` and, where contexts were measured, those.
    recombined : mapping of measure to ndarray
        `SWAP_MEASURES` of the names' own parts paired again; empty for fewer than 20 such pairs.
    origin : Origin
        The thresholds' rules and where they come from.
    parameters : mapping
    remarks : tuple of str
        Where the swap partners come from; then what is null for every name, and why.
    agreement : CountAgreement, optional
        With `counts`: how often each of them is named.
    beside : Table, optional
        Stored columns that were asked for, one row per name; null where it is not stored.
    n_shown : int, optional
        Number of names in tables, frames and JSON, those with most of their own; by default
        all, and in frames and JSON in the order asked for.
    said_of_parts : tuple of str
        What is in doubt of how names were cut in two.
    null : NullDirections, optional
        Own directions of the recombined names, which are noise.
    """

    rows: tuple[NameIdentity, ...]
    own_directions: FloatArray
    thresholds: Mapping[str, float]
    made_up: Mapping[str, Float64Array]
    recombined: Mapping[str, Float64Array]
    origin: Origin
    parameters: Mapping[str, Any]
    remarks: tuple[str, ...]

    agreement: Result | None = None
    counts: Mapping[str, int] | None = None
    beside: pa.Table | None = None
    n_shown: int | None = None
    said_of_parts: tuple[str, ...] = ()
    null: NullDirections | None = None

    _figure = "namebasis.studies.identity.figures:draw"

    def headline(self) -> str:
        """The verdict of a few names, or how many names are of each kind; then the counts."""
        said = [row.verdict for row in self.rows]
        if len(self.rows) > _FEW:
            said = [f"Of {len(self.rows):,} names, {self._of_each_kind()}."]
        if self.agreement is not None:
            said.append(self.agreement.headline() or "")
        return "\n".join(said)

    def _of_each_kind(self) -> str:
        settled = Counter(row.kind for row in self.rows if row.is_settled)
        kinds = [kind for kind in KINDS if settled[kind]]
        said = []
        if kinds:
            first, *more = kinds
            told = [f"{settled[first]:,} {'is' if settled[first] == 1 else 'are'} {first}"]
            said.append(listed([*told, *(f"{settled[kind]:,} {kind}" for kind in more)]))
        undecided = sum(row.kind is not None and not row.is_settled for row in self.rows)
        if undecided:
            said.append(f"{undecided:,} could be of more than one kind")
        alone = [row.pull_percentile for row in self.rows if row.pull_percentile is not None]
        if alone:
            n_above = sum(one >= _FIRM for one in alone)
            said.append(
                f"{counted(len(alone), 'single name')} without a kind, of which {n_above:,} "
                f"pull{'s' if n_above == 1 else ''} more than {percent(_FIRM)} of names that mean "
                f"nobody in particular ({(1 - _FIRM) * len(alone):.0f} by chance)"
            )
        left = sum(row.kind is None for row in self.rows) - len(alone)
        if left:
            said.append(f"{left:,} {'was' if left == 1 else 'were'} not measured")
        return "; ".join(said)

    def _by_own(self) -> list[int]:
        return sorted(range(len(self.rows)), key=lambda at: -(self.rows[at].own_score or 0.0))

    @property
    def _shown(self) -> list[int]:
        """Rows of frames and of JSON."""
        if self.n_shown is None:
            return list(range(len(self.rows)))
        return self._by_own()[: self.n_shown]

    def tables(self) -> list[Table]:
        """The kind of every name, those with most of their own first; then what it rests on."""
        order = self._by_own()[: self.n_shown]
        rows = [self.rows[at] for at in order]
        columns = [
            "name", "kind", "probability", "95 % interval", "more than its parts",
            "of made-up names", "remark",
        ]  # fmt: skip
        told: list[tuple[object, ...]] = [
            (row.name, row.kind, None if row.kind is None else percent(row.probability),
             None if row.kind is None else row.told_interval(row.kind), row.own_score,
             None if row.own_percentile is None else percentile(row.own_percentile), row.reason)
            for row in rows
        ]  # fmt: skip
        if not any(row.reason for row in rows):
            columns, told = columns[:-1], [line[:-1] for line in told]
        grey = [at for at, row in enumerate(rows) if not row.is_settled]
        tables = [drawn_beside(Table(columns, told, muted=grey), self.beside, order)]
        evidences = [key for key in EVIDENCES_IN_WORDS if key in self.thresholds]
        measured = [
            (row.name, row.parts, *(getattr(row, key) for key in evidences))
            for row in rows
            if row.evidence
        ]
        if measured:
            names = ("name", "parts", *(EVIDENCES_IN_WORDS[key] for key in evidences))
            tables.append(Table(names, measured, "what the kinds rest on", detail=True, aside=True))
        pulled = [
            (row.name, row.pull, percentile(row.pull_percentile), row.pull_z, row.told_pull())
            for row in sorted(rows, key=lambda row: -(row.pull_z or 0.0))
            if row.pull_z is not None and row.pull_percentile is not None
        ]
        if pulled:
            names = ("name", "pull", "of names of nobody", "pull z", "95 % of pull z")
            title = "single names: an evidence, no verdict"
            tables.append(Table(names, pulled, title, bars=(), detail=True, aside=True))
        if self.agreement is not None:
            tables += [replace(one, detail=True, aside=True) for one in self.agreement.tables()]
        return tables

    def notes(self) -> list[str]:
        """How to read the verdicts, and what the names were compared with."""
        n_made_up = len(next(iter(self.made_up.values()), ()))
        settled = [row.is_settled for row in self.rows if row.kind is not None]
        said = [
            *([_INTERVALS] if settled else ()),
            self.remarks[0] + (f" Compared with {n_made_up:,} made-up names." if n_made_up else ""),
            *self.said_of_parts,
        ]
        if n_made_up < _MANY_MADE_UP and 2 * sum(settled) < len(settled):
            said.append(
                "with more made-up names more kinds are sure: "
                f"--n-made-up {_MANY_MADE_UP}, embedded once for a space."
            )
        if self.thresholds and "leakage" not in self.thresholds:
            said.append(WITHOUT_CONTEXTS + ".")
        if any(row.pull_z is not None for row in self.rows):
            said.append(OF_SINGLE_NAMES)
        return said

    def footnotes(self) -> list[str]:
        """Thresholds, where they come from, and what is null for every name."""
        odds = ", ".join(
            f"{EVIDENCES_IN_WORDS[key]} {at:.2f}" for key, at in self.thresholds.items()
        )
        told = [f"even odds at: {odds}.", f"thresholds: {self.origin.description}."]
        return [
            *(told if self.thresholds else ()),
            *self.remarks[1:],
            *(self.agreement.notes() if self.agreement is not None else ()),
        ]

    @property
    def told_thresholds(self) -> dict[str, float | None]:
        """Of every evidence; None where no name that was asked about is judged by it."""
        return {key: self.thresholds.get(key) for key in EVIDENCES}

    def column(self, name: str) -> Float64Array:
        """One measure of all rows, NaN where it is None.

        Raises
        ------
        ValueError
            If there is no such measure.
        """
        if name not in COLUMNS:
            raise ValueError(
                f"column must be one of {', '.join(COLUMNS)}; got {name!r}."
                f"{did_you_mean(name, COLUMNS)}"
            )
        values = [getattr(row, name) for row in self.rows]
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)

    def to_arrow(self) -> pa.Table:
        """One row per name; probabilities as columns p_unknown … p_part_captured."""
        return self._to_arrow().take(self._shown)

    def _to_arrow(self) -> pa.Table:
        columns: dict[str, Any] = {"name": [row.name for row in self.rows]}
        columns["pieces"] = pa.array([row.pieces for row in self.rows], pa.list_(pa.string()))
        columns["n_tokens"] = pa.array([row.n_tokens for row in self.rows], pa.int64())
        for key in (*_NUMBERS, *STORED):
            columns[key] = pa.array([getattr(row, key) for row in self.rows], pa.float64())
        for key in ("given", "family", "cut_by", "leaked", "kind"):
            columns[key] = pa.array([getattr(row, key) for row in self.rows], pa.string())
        own = [(row.evidence or {}).get("own_score") for row in self.rows]
        columns["own_evidence"] = pa.array(own, pa.float64())
        for at, end in enumerate(("low", "high")):
            ends = [None if row.own_interval is None else row.own_interval[at] for row in self.rows]
            columns[f"own_evidence_{end}"] = pa.array(ends, pa.float64())
        for kind in KINDS:
            values = [(row.probabilities or {}).get(kind) for row in self.rows]
            columns[f"p_{kind.replace('-', '_')}"] = pa.array(values, pa.float64())
        for at, bound in enumerate(("kind_low", "kind_high")):
            ends = [None if row.interval is None else row.interval[at] for row in self.rows]
            columns[bound] = pa.array(ends, pa.float64())
        settled = [None if row.kind is None else row.is_settled for row in self.rows]
        columns["is_settled"] = pa.array(settled, pa.bool_())
        if self.counts is not None:
            find = by_fold(self.counts)
            columns["count"] = pa.array([find(row.name) for row in self.rows], pa.int64())
        columns["reason"] = pa.array([row.reason for row in self.rows], pa.string())
        return joined(pa.table(columns), self.beside)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; without the own directions, which are vectors."""
        return {
            "names": [
                row_of(self.beside, at)
                | asdict(self.rows[at])
                | {"n_tokens": self.rows[at].n_tokens, "is_settled": self.rows[at].is_settled}
                for at in self._shown
            ],
            "thresholds": self.told_thresholds,
            "origin": asdict(self.origin),
            "made_up": {key: column.tolist() for key, column in self.made_up.items()},
            "recombined": {key: column.tolist() for key, column in self.recombined.items()},
            "parameters": dict(self.parameters),
            "notes": [*self.notes(), *self.footnotes()],
            "counts": None if self.agreement is None else self.agreement.to_dict(),
        }

    def write(self, space: StoredSpace) -> int:
        """Store measures and kinds of the names that the space holds; return how many those are.

        Beside the columns ``identity_…`` it writes the view `own`: the own direction of each full
        name scaled to length 1, and its length as `own_norm`. Names of one part, names that the
        encoder cannot read have none. Of other names what is stored stays where it was measured
        with the same settings; else it is replaced by null.

        Raises
        ------
        ValueError
            If it holds none of them.
        """
        ids = space.find_all([row.name for row in self.rows])
        # Two spellings can fold to one stored name; the first one counts.
        first = {row: at for at, row in reversed(list(enumerate(ids))) if row is not None}
        if not first:
            raise ValueError("the space holds none of these names; add them before writing.")
        at = list(first.values())
        table = self._to_arrow()
        wanted = [*_NUMBERS, "kind", "kind_low", "kind_high", *_OWN, *_PARTS]
        chances = [name for name in table.column_names if name.startswith("p_")]
        table = table.select([*wanted, *chances]).take(at)
        table = table.rename_columns([f"identity_{key}" for key in table.column_names])
        table = table.append_column("id", pa.array(list(first), pa.int64()))
        kept = {key: value for key, value in self.parameters.items() if key != "partners"}
        parameters = {**kept, "origin": self.origin.name}
        has_own = np.array([self.rows[one].evidence is not None for one in at])
        view = None
        if has_own.any():
            rows = np.where(has_own[:, None], np.nan_to_num(self.own_directions[at]), np.float32(0))
            length = np.linalg.norm(rows.astype(np.float64), axis=1).astype(np.float32)
            table = table.append_column(f"{VIEW}_norm", pa.array(length))
            facts = ComputedFacts(
                space.provenance.encoder, space.provenance.fingerprint,
                {key: kept[key] for key in ("n_swaps", "seed")}, tuple(kept["templates"]),
            )  # fmt: skip
            view = MeasuredView(VIEW, as_units(rows), {FACTS_KEY: facts.to_json()})
        space.add_metrics(table, study=STUDY, parameters=parameters, view=view, merge=True)
        if view is not None and self.null is not None and len(self.null.directions):
            keep_null(space, self.null, n_names=int(has_own.sum()))
        return len(first)
