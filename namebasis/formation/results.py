"""What `formation` returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.training.change_points import Crossing
from namebasis.checks import Float64Array
from namebasis.formation.checkpoints import Gap
from namebasis.formation.phases import CAPTURE, EVIDENCE, NOT_SHOWN, PHASES, Phases
from namebasis.formation.trajectories import SetState
from namebasis.formation.weights import MatrixState

if TYPE_CHECKING:
    from namebasis.formation.trace_results import Trace


@dataclass(frozen=True)
class Formation:
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
    notes : tuple of str
    parameters : dict
    """

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
    notes: tuple[str, ...]
    parameters: Mapping[str, Any]

    def to_arrow(self) -> pa.Table:
        """One row per name and checkpoint: phase, captured or not, thresholds, all measures."""
        n, m = len(self.names), len(self.steps)
        columns: dict[str, Any] = {
            "name": np.repeat(np.array(self.names, dtype=object), m),
            "kind": pa.array([kind for kind in self.kinds for _ in range(m)], pa.string()),
            "is_control": np.repeat(np.arange(n) >= self.n_asked, m),
            "step": np.tile(np.array(self.steps, dtype=np.int64), n),
            "exposures": _column(self._all_exposures()),
            "phase": self.phases.labels.ravel().astype(np.int64),
            "captured": self.phases.captured.ravel(),
        }
        for key, rows in self.values.items():
            columns[key] = _column(rows)
        for key in (*EVIDENCE, CAPTURE):
            columns[f"{key}_threshold"] = _column(np.tile(self.phases.thresholds[key], (n, 1)))
        return pa.table(columns)

    def crossings_to_arrow(self) -> pa.Table:
        """One row per name and measure: where it crosses, in steps and in exposures."""
        kinds = dict(zip(self.names, self.kinds, strict=True))
        rows = []
        for one in self.phases.crossings:
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
                    "name": name,
                    "kind": self.kinds[row],
                    "is_control": row >= self.n_asked,
                    "phases": self.phases.labels[row].tolist(),
                    "captured": self.phases.captured[row].tolist(),
                    "last_phase": last[row],
                    "exposures": None
                    if self.exposures is None or row >= self.n_asked
                    else self.exposures[row].tolist(),
                    **{key: rows[row].tolist() for key, rows in self.values.items()},
                    "change_points": [asdict(c) for c in self.phases.changes.get(name, ())],
                }
                for row, name in enumerate(self.names)
            ],
            "crossings": self.crossings_to_arrow().to_pylist(),
            "thresholds": {key: rows.tolist() for key, rows in self.phases.thresholds.items()},
            "false_alarms": asdict(self.phases.false_alarms),
            "captured_alarms": asdict(self.phases.captured_alarms),
            "set": [asdict(state) for state in self.sets],
            "cka": self.cka.tolist(),
            "weights": [[matrix.to_dict() for matrix in one] for one in self.weights],
            "notes": list(self.notes),
            "not_shown": NOT_SHOWN,
            "parameters": dict(self.parameters),
        }

    def write_html(
        self, path: str | Path, *, traces: Sequence[Trace] = (), overwrite: bool = False
    ) -> None:
        """Write the page with trajectories, phases, crossings, the whole set, and tracing maps.

        Parameters
        ----------
        path : str or Path
        traces : sequence of Trace
            As `trace` returns them; their maps are added.
        overwrite : bool

        Raises
        ------
        SpaceError
            If a file is there and may not be overwritten.
        """
        from namebasis.atomic import replacing_file
        from namebasis.formation.page import render
        from namebasis.formation.view import page_of

        with replacing_file(Path(path), overwrite) as stream:
            stream.write(render(page_of(self, [one.to_map() for one in traces])).encode("utf-8"))

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


def _crossing(unit: str, found: Crossing | None) -> dict[str, float | None]:
    values = (None,) * 4 if found is None else (found.position, found.low, found.high, found.share)
    keys = (unit, f"{unit}_low", f"{unit}_high", f"{unit}_share")
    # JSON and readers of tables know no infinity: an open bound is empty.
    return {
        key: None if value is None or not np.isfinite(value) else float(value)
        for key, value in zip(keys, values, strict=True)
    }


def _column(rows: Float64Array) -> pa.Array:
    """Doubles, null where they are undefined."""
    flat = rows.ravel()
    return pa.array(flat, pa.float64(), mask=~np.isfinite(flat))
