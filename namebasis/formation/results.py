"""What `formation` returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.training.change_points import Crossing
from namebasis.analysis.training.lags import Lag, lag_of_places
from namebasis.checks import Float64Array
from namebasis.formation.checkpoints import Gap
from namebasis.formation.crossings import NameCrossing
from namebasis.formation.phases import NOT_SHOWN, PHASES, Phases
from namebasis.formation.trajectories import SetState
from namebasis.formation.weight_identity.evidence import WEIGHTS, WeightEvidence
from namebasis.formation.weight_identity.progress import Progress, progress_of
from namebasis.formation.weights import MatrixState
from namebasis.organism.cohorts import MEANINGS
from namebasis.results import Result, Table
from namebasis.wording import percent

if TYPE_CHECKING:
    from namebasis.formation.weight_identity.learning_coefficient import LearningCoefficients

_FEW_GAPS = 2
NOT_LEARNED = "not learned yet"
"""Of a name that stood out from made-up ones before training and does no more so at the end."""
_COLUMNS = ("leaves", "margin", "fine")
_PICTURE_COLUMNS = ("seen", "elsewhere", "pictures")  # what a reader is told the crossings of


@dataclass(frozen=True, repr=False, eq=False)
class Formation(Result):
    """Names over the checkpoints of one training.

    Attributes
    ----------
    names : tuple of str
        Those asked for, then the controls.
    n_asked : int
    kinds : tuple of str or None
        What the truth calls each name; None where it does not say.
    control_kind : str
        ``unseen`` or ``pseudo``.
    steps, labels : tuple
        Of the checkpoints that were used.
    gaps : tuple of Gap
        Checkpoints that could not be used, with the reason.
    lost : dict
        Names that the tokenizer cannot write, with the reason.
    values : dict
        Measure to (n_names, n_checkpoints); see `trajectories.MEASURES`.
    exposures : ndarray of shape (n_asked, n_checkpoints) or None
    phases : Phases
    sets : tuple of SetState
    cka : ndarray of shape (n_checkpoints, n_checkpoints)
        Debiased linear CKA between checkpoints, of the names' embeddings.
    weights : tuple of tuples of MatrixState
        Per checkpoint; empty tuples where they were not measured.
    remarks : tuple of str
        What could not be measured, and why.
    parameters : dict
    n_shown : int, optional
        Number of names in tables, frames and JSON, those of the highest phase at the end first; by
        default all and the controls, in the order asked for.
    context_lag : Lag or None
        How much later names are read as their person in contexts that they were not seen in than
        in those they were, by captions, in exposures or steps plus one; None where it is not known
        which these are.
    weight_evidence : WeightEvidence or None
        What the change of the weights writes for names beyond their parts; its crossings are among
        those of `phases`.
    learning_coefficient : LearningCoefficients or None
        Of the same checkpoints.
    """

    _page = "namebasis.formation.page:html_of"
    _figure = "namebasis.formation.plot:draw"

    names: tuple[str, ...]
    n_asked: int
    kinds: tuple[str | None, ...]
    control_kind: str
    steps: tuple[int, ...]
    labels: tuple[str, ...]
    gaps: tuple[Gap, ...]
    lost: Mapping[str, str]
    values: Mapping[str, Float64Array]
    exposures: Float64Array | None
    phases: Phases
    sets: tuple[SetState, ...]
    cka: Float64Array
    weights: tuple[tuple[MatrixState, ...], ...]
    remarks: tuple[str, ...]
    parameters: Mapping[str, Any]
    n_shown: int | None = None
    context_lag: Lag | None = None
    weight_evidence: WeightEvidence | None = None
    learning_coefficient: LearningCoefficients | None = None

    @property
    def _highest(self) -> list[int]:
        """Rows of the names asked for that are shown, where a number is asked for."""
        rows = range(self.n_asked)
        if self.n_shown is None:
            return list(rows)
        last = self.phases.labels[:, -1]
        return sorted(rows, key=lambda row: -int(last[row]))[: self.n_shown]

    @property
    def _told(self) -> list[int]:
        """Rows in frames and JSON."""
        return list(range(len(self.names))) if self.n_shown is None else self._highest

    @property
    def shown_kinds(self) -> tuple[str, ...]:
        """What a reader sees of each name's kind; names without one are called names."""
        return tuple(kind or "names" for kind in self.kinds)

    def headline(self) -> str:
        """What the labels at the last checkpoint say, in one sentence or two."""
        last = self.phases.labels[: self.n_asked, -1]
        known = last[last > 0]
        if not known.size:
            return "No name has two parts, so none has a phase."
        if (known == 1).all():
            told = f"No name is learned yet: at the last checkpoint (step {self.steps[-1]:,}) " + (
                f"all {known.size:,} mean only their parts."
                if known.size > 1
                else "it means only its parts."
            )
        else:
            shares = [f"{np.sum(known == at):,} {PHASES[at]}" for at in range(1, len(PHASES))]
            told = f"At the last checkpoint: {', '.join(shares)}."
        if n_captured := int(self.phases.captured[: self.n_asked, -1].sum()):
            told += f" Of all these, one part has captured {n_captured:,}."
        crossed = [
            one.exposures.position
            for one in self.phases.crossings
            if one.measure == "leaves" and one.exposures and one.exposures.state == "crossed"
        ]
        if len(crossed) >= 3:
            low, middle, high = np.quantile(crossed, [0.25, 0.5, 0.75])
            told += (
                f" The own direction of {len(crossed):,} names rises above the controls' level: "
                f"half of them by {middle:,.0f} exposures (middle half {low:,.0f} to {high:,.0f})."
            )
        return told + self._lagging()

    @property
    def lags(self) -> dict[str, float]:
        """Names recognised in contexts they were seen in and in others: how much later the latter.

        The ratio of both crossings in exposures, each plus one, or in steps where exposures are
        not known; above 1 where other contexts come later.
        """
        places: dict[str, dict[str, float]] = {}
        for one in self.phases.crossings:
            found = one.exposures or one.step
            if one.measure in ("seen", "elsewhere") and found.state == "crossed":
                places.setdefault(one.name, {})[one.measure] = 1 + found.position
        return {name: at["elsewhere"] / at["seen"] for name, at in places.items() if len(at) == 2}

    @property
    def picture_lag(self) -> Lag | None:
        """As `context_lag`, by pictures; None without pictures in other contexts."""
        asked = [one.name for one in self.phases.crossings if one.measure == "elsewhere"]
        if not asked:
            return None
        places: dict[tuple[str, str], float] = {}
        for one in self.phases.crossings:
            found = one.exposures or one.step
            at = {"crossed": found.position, "never": float("inf")}.get(found.state, float("nan"))
            # Above from the start says nothing of when it came; on the second side it is no lag.
            is_first = one.measure == "seen"
            places[one.name, one.measure] = at if is_first or not np.isnan(at) else 0.0
        first, second = (
            [places.get((name, side), np.nan) for name in asked] for side in ("seen", "elsewhere")
        )
        lag = lag_of_places(first, second)
        rows = {name: row for row, name in enumerate(self.names[: self.n_asked])}
        ratios = np.full(self.n_asked, np.nan)
        ratios[[rows[name] for name in asked]] = lag.ratios
        return replace(lag, ratios=ratios)

    def _lagging(self) -> str:
        """How much later names are known in contexts that they were not seen in."""
        told = ""
        lags = (("captions", self.context_lag), ("pictures", self.picture_lag))
        for by, lag in lags:
            if lag is not None and lag.n:
                told += f" {_lag_in_words(by, lag, self.exposures is not None)}"
        return told

    def tables(self) -> tuple[Table, ...]:
        """How many names of each kind are in each phase at the end; a row per name; progress."""
        measured = self.learning_coefficient
        return (
            self._by_kind(), self._by_name(), *self.progress().tables(),
            *(() if measured is None else measured.tables()),
        )  # fmt: skip

    def progress(self) -> Progress:
        """Measures of the weights, each related to where names cross."""
        measured = self.learning_coefficient
        chains = None if measured is None else {"learning coefficient": measured.values}
        return progress_of(self.steps, self.weights, self.phases.crossings, chains)

    def _by_kind(self) -> Table:
        shown, last = self.shown_kinds[: self.n_asked], self.phases.labels[: self.n_asked, -1]
        captured = self.phases.captured[: self.n_asked, -1]
        leaves = {
            one.name: one.exposures or one.step
            for one in self.phases.crossings
            if one.measure == "leaves"
        }
        rows = []
        for kind in dict.fromkeys(shown):
            mine = [at for at, one in enumerate(shown) if one == kind]
            found = [leaves[name] for at in mine if (name := self.names[at]) in leaves]
            crossed = [one.position for one in found if one.state == "crossed"]
            rows.append((
                kind, MEANINGS.get(kind, ""), len(mine),
                *(int(np.sum(last[mine] == at)) for at in range(1, len(PHASES))),
                int(captured[mine].sum()),
                f"{np.median(crossed):,.0f}" if len(crossed) * 2 > len(mine) else None,
            ))  # fmt: skip
        columns = (
            "kind", "what it is", "names", *PHASES[1:], "captured", f"half leave 1 {self._unit}",
        )  # fmt: skip
        return Table(columns, rows, "kinds at the last checkpoint", aside=True)

    @property
    def _unit(self) -> str:
        return "at step" if self.exposures is None else "after exposures"

    def _by_name(self) -> Table:
        crossings = {(one.name, one.measure): one for one in self.phases.crossings}
        has_pictures = "seen_rank" in self.values
        pictured = _PICTURE_COLUMNS if has_pictures else ()
        weighed = () if self.weight_evidence is None else (WEIGHTS,)
        rows = []
        for row in self._highest:
            name = self.names[row]
            phase = int(self.phases.labels[row, -1])
            captured = "yes" if self.phases.captured[row, -1] else ""
            cells = [
                _where(crossings.get((name, measure)), in_steps=self.exposures is None)
                for measure in (*_COLUMNS, *pictured, *weighed)
            ]
            is_new = phase == 1 and bool(self.phases.stood_out[row])
            at_end = NOT_LEARNED if is_new else PHASES[phase]
            rows.append((name, self.kinds[row], phase, at_end, captured, *cells))
        columns: tuple[str, ...] = (
            "name", "kind", "phase", "at the end", "captured", f"leaves 1 {self._unit}",
            "own attributes", "one person",
        )  # fmt: skip
        if has_pictures:
            columns = (*columns, "recognised", "recognised elsewhere", "own pictures")
        columns = (*columns, *weighed)
        return Table(columns, rows, detail=True)

    def notes(self) -> tuple[str, ...]:
        """How often controls give a false alarm, and what is taken off before training."""
        told = []
        if n := int(self.phases.stood_out[: self.n_asked].sum()):
            told.append(
                f"{n:,} of {self.n_asked:,} names stand out from made-up ones before training, by "
                "their letters alone: that much is taken off what they are judged by."
            )
        found = self.phases.false_alarms
        return (
            *told,
            f"{found.n_alarms} of {found.n_made_up} controls ({self.control_kind}) ever leave "
            f"phase 1: {percent(found.share, 1)} ({percent(found.low, 1)} to "
            f"{percent(found.high, 1)}).",
            *self._gaps()[:_FEW_GAPS],
        )

    def _gaps(self) -> list[str]:
        return [f"gap: {gap.label}: {gap.reason}" for gap in self.gaps]

    def footnotes(self) -> tuple[str, ...]:
        """Controls that seem captured, what is missing, and what is not shown."""
        found = self.phases.captured_alarms
        return (
            f"{found.n_alarms} of {found.n_made_up} controls ({self.control_kind}) ever seem "
            f"captured by one of their parts: {percent(found.share, 1)} "
            f"({percent(found.low, 1)} to {percent(found.high, 1)})",
            *self._gaps()[_FEW_GAPS:], *self.remarks, NOT_SHOWN,
        )  # fmt: skip

    def to_arrow(self) -> pa.Table:
        """One row per name and checkpoint: phase, captured or not, thresholds, all measures."""
        told = self._told
        n, m = len(told), len(self.steps)
        columns: dict[str, Any] = {
            "name": np.repeat(np.array([self.names[row] for row in told], dtype=object), m),
            "kind": pa.array([self.kinds[row] for row in told for _ in range(m)], pa.string()),
            "is_control": np.repeat(np.array(told) >= self.n_asked, m),
            "step": np.tile(np.array(self.steps, dtype=np.int64), n),
            "exposures": _column(self._all_exposures()[told]),
            "phase": self.phases.labels[told].ravel().astype(np.int64),
            "captured": self.phases.captured[told].ravel(),
        }
        for key, rows in self.values.items():
            columns[key] = _column(rows[told])
        for key in self.phases.thresholds:
            columns[f"{key}_threshold"] = _column(np.tile(self.phases.thresholds[key], (n, 1)))
        return pa.table(columns)

    def crossings_to_arrow(self) -> pa.Table:
        """One row per name and measure: where it crosses, in steps and in exposures."""
        kinds = {self.names[row]: self.kinds[row] for row in self._told}
        rows = []
        for one in self.phases.crossings:
            if one.name not in kinds:
                continue
            row: dict[str, Any] = {
                "name": one.name, "kind": kinds[one.name], "measure": one.measure,
                "state": one.step.state, "rise": one.rise,
            }  # fmt: skip
            for unit, found in (("step", one.step), ("exposures", one.exposures)):
                row |= _crossing(unit, found)
            rows.append(row)
        return pa.Table.from_pylist(rows, schema=_CROSSINGS)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        last = [PHASES[at] for at in self.phases.labels[:, -1].tolist()]
        return {
            "steps": list(self.steps),
            "checkpoints": list(self.labels),
            "gaps": [asdict(gap) for gap in self.gaps],
            "lost": dict(self.lost),
            "control_kind": self.control_kind,
            "names": [
                {
                    "name": self.names[row],
                    "kind": self.kinds[row],
                    "is_control": row >= self.n_asked,
                    "phases": self.phases.labels[row].tolist(),
                    "captured": self.phases.captured[row].tolist(),
                    "last_phase": last[row],
                    "what_it_is": MEANINGS.get(self.kinds[row] or ""),
                    "stood_out_untrained": bool(self.phases.stood_out[row]),
                    "exposures": None
                    if self.exposures is None or row >= self.n_asked
                    else self.exposures[row].tolist(),
                    **{key: rows[row].tolist() for key, rows in self.values.items()},
                    "change_points": [
                        asdict(c) for c in self.phases.changes.get(self.names[row], ())
                    ],
                }
                for row in self._told
            ],
            "crossings": self.crossings_to_arrow().to_pylist(),
            "lags": self.lags,
            "context_lags": {
                by: None if lag is None else _plain(lag, self.names)
                for by, lag in (("captions", self.context_lag), ("pictures", self.picture_lag))
            },
            "thresholds": {key: rows.tolist() for key, rows in self.phases.thresholds.items()},
            "false_alarms": asdict(self.phases.false_alarms),
            "captured_alarms": asdict(self.phases.captured_alarms),
            "set": [asdict(state) for state in self.sets],
            "cka": self.cka.tolist(),
            "weight_evidence": None
            if self.weight_evidence is None
            else self.weight_evidence.to_dict(),
            "learning_coefficient": None
            if self.learning_coefficient is None
            else self.learning_coefficient.to_dict(),
            "weights": [[matrix.to_dict() for matrix in one] for one in self.weights],
            "notes": list(self.remarks),
            "not_shown": NOT_SHOWN,
            "parameters": dict(self.parameters),
        }

    def _all_exposures(self) -> Float64Array:
        out = np.full((len(self.names), len(self.steps)), np.nan)
        if self.exposures is not None:
            out[: self.n_asked] = self.exposures
        return out


_CROSSINGS = pa.schema(
    [
        *((key, pa.string()) for key in ("name", "kind", "measure", "state")),
        *((key, pa.float64()) for key in ("rise", "step", "step_low", "step_high", "step_share",
          "exposures", "exposures_low", "exposures_high", "exposures_share")),
    ]
)  # fmt: skip


def _where(one: NameCrossing | None, *, in_steps: bool) -> str:
    """A crossing with its interval, in exposures where they are known, else marked as a step."""
    if one is None:
        return ""
    found = one.exposures or one.step
    if found.state != "crossed":
        return found.state
    high = f"{found.high:,.0f}" if np.isfinite(found.high) else "…"
    unit = "step " if one.exposures is None and not in_steps else ""
    return f"{unit}{found.position:,.0f} ({found.low:,.0f} to {high})"


def _crossing(unit: str, found: Crossing | None) -> dict[str, float | None]:
    values = (None,) * 4 if found is None else (found.position, found.low, found.high, found.share)
    keys = (unit, f"{unit}_low", f"{unit}_high", f"{unit}_share")
    # JSON and readers of tables know no infinity: an open bound is empty.
    return {
        key: None if value is None or not np.isfinite(value) else float(value)
        for key, value in zip(keys, values, strict=True)
    }


def _lag_in_words(by: str, lag: Lag, in_exposures: bool) -> str:
    unit = "exposures" if in_exposures else "steps"
    never = f", {lag.n_never:,} never" if lag.n_never else ""
    told = f"In contexts they were not seen in, {lag.n:,} names are recognised by {by}"
    if not np.isfinite(lag.ratio):
        return f"{told} later than in others{never}."
    high = f"{lag.high:.2f}" if np.isfinite(lag.high) else "…"
    is_known = lag.low > 0 or np.isfinite(lag.high)
    ends = f"{lag.low:.2f} to {high}" if is_known else "too few for an interval"
    told += f" after {lag.ratio:.2f} times the {unit} ({ends}{never})"
    if np.isfinite(lag.null):
        told += f"; dealt contexts give {lag.null_low:.2f} to {lag.null_high:.2f}"
    return f"{told}."


def _plain(lag: Lag, names: Sequence[str]) -> dict[str, Any]:
    """A lag for JSON, which knows no infinity: an open end is None."""
    found = {key: value for key, value in asdict(lag).items() if key != "ratios"}
    ratios = zip(names, lag.ratios.tolist(), strict=False)
    return {
        **{key: value if np.isfinite(value) else None for key, value in found.items()},
        "names": {name: ratio for name, ratio in ratios if np.isfinite(ratio)},
        "never": [name for name, ratio in zip(names, lag.ratios, strict=False) if ratio == np.inf],
    }


def _column(rows: Float64Array) -> pa.Array:
    """Doubles, null where they are undefined."""
    flat = rows.ravel()
    return pa.array(flat, pa.float64(), mask=~np.isfinite(flat))
