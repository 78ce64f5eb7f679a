"""What the study `identity` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.checks import Float64Array, FloatArray
from namebasis.results import Result, Table
from namebasis.studies.identity.in_contexts import CONTEXT_MEASURES
from namebasis.studies.identity.thresholds import KINDS, Origin
from namebasis.wording import did_you_mean

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

STUDY = "identity"
SWAP_MEASURES = (
    "own_length", "own_score", "strength", "hold", "hold_given", "hold_family", "capture_given",
    "capture_family",
)  # fmt: skip
STORED = ("anchor_rank", "own_residual", "piece_names", "same_pieces")
"""Columns that other studies and the build keep about a stored name."""
_NUMBERS = (
    "own_length", "own_score", "own_percentile", "own_z", "strength", "hold", "hold_given",
    "hold_family", "capture_given", "capture_family", *CONTEXT_MEASURES,
)  # fmt: skip
COLUMNS = ("n_tokens", *_NUMBERS, *STORED)


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
    anchor_rank, own_residual : float or None
        As the study `anchors` stored them, if it did.
    piece_names, same_pieces : float or None
        How many names of the space share the name's rarest token, and how many others are
        written with the same tokens; None for a name that is not stored.
    kind : str or None
        The most probable of `KINDS`.
    probabilities : mapping of kind to float, or None
        Calibrated as far as `Identity.origin` is.
    evidence : mapping of evidence to float, or None
        Probability that each measure lies above its threshold, of which the kinds are made.
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
    anchor_rank: float | None = None
    own_residual: float | None = None
    piece_names: float | None = None
    same_pieces: float | None = None
    kind: str | None = None
    probabilities: Mapping[str, float] | None = None
    evidence: Mapping[str, float] | None = None
    reason: str | None = None

    @property
    def n_tokens(self) -> int:
        """How many pieces."""
        return len(self.pieces)


@dataclass(frozen=True, repr=False, eq=False)
class Identity(Result):
    """Measures of names, in the order asked for.

    Attributes
    ----------
    rows : tuple of NameIdentity
    own_directions : ndarray of shape (n_names, dim), float32
        What remains of each full name's embedding; NaN for a name of one part.
    thresholds : mapping of evidence to float
    made_up : mapping of measure to ndarray
        Of made-up full names: `SWAP_MEASURES` and, where contexts were measured, those.
    recombined : mapping of measure to ndarray
        `SWAP_MEASURES` of the names' own parts paired anew; empty for fewer than 20 such pairs.
    origin : Origin
        The thresholds' rules and where they come from.
    parameters : mapping
    remarks : tuple of str
        What is null for every name, and why.
    """

    rows: tuple[NameIdentity, ...]
    own_directions: FloatArray
    thresholds: Mapping[str, float]
    made_up: Mapping[str, Float64Array]
    recombined: Mapping[str, Float64Array]
    origin: Origin
    parameters: Mapping[str, Any]
    remarks: tuple[str, ...]

    _figure = "namebasis.studies.identity.figures:draw_evidence"

    def tables(self) -> list[Table]:
        """Main measures and the kind of every name, those with most of their own first."""
        columns = (
            "name", "own score", "percentile", "strength", "hold", "leakage", "kind",
            "probability", "remark",
        )  # fmt: skip
        rows = [
            (row.name, row.own_score, row.own_percentile, row.strength, row.hold, row.leakage,
             row.kind, (row.probabilities or {}).get(row.kind or ""), row.reason)
            for row in sorted(self.rows, key=lambda row: -(row.own_score or 0.0))
        ]  # fmt: skip
        return [Table(columns, rows, bars=("own score", "probability"))]

    def notes(self) -> list[str]:
        """Thresholds, where they come from, and what is null for every name."""
        odds = ", ".join(f"{key.replace('_', ' ')} {at:.3g}" for key, at in self.thresholds.items())
        return [
            f"even odds at {odds}; hold: of the part that holds more. --json has all measures.",
            f"thresholds: {self.origin.description}",
            *self.remarks,
        ]

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
        columns: dict[str, Any] = {"name": [row.name for row in self.rows]}
        columns["pieces"] = pa.array([row.pieces for row in self.rows], pa.list_(pa.string()))
        columns["n_tokens"] = pa.array([row.n_tokens for row in self.rows], pa.int64())
        for key in (*_NUMBERS, *STORED):
            columns[key] = pa.array([getattr(row, key) for row in self.rows], pa.float64())
        for key in ("leaked", "kind"):
            columns[key] = pa.array([getattr(row, key) for row in self.rows], pa.string())
        for kind in KINDS:
            values = [(row.probabilities or {}).get(kind) for row in self.rows]
            columns[f"p_{kind.replace('-', '_')}"] = pa.array(values, pa.float64())
        columns["reason"] = pa.array([row.reason for row in self.rows], pa.string())
        return pa.table(columns)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; without the own directions, which are vectors."""
        return {
            "names": [asdict(row) | {"n_tokens": row.n_tokens} for row in self.rows],
            "thresholds": dict(self.thresholds),
            "origin": asdict(self.origin),
            "made_up": {key: column.tolist() for key, column in self.made_up.items()},
            "recombined": {key: column.tolist() for key, column in self.recombined.items()},
            "parameters": dict(self.parameters),
            "notes": list(self.remarks),
        }

    def write(self, space: StoredSpace) -> int:
        """Store measures and kinds of the names that the space holds; return how many those are.

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
        table = self.to_arrow()
        chances = [name for name in table.column_names if name.startswith("p_")]
        table = table.select([*_NUMBERS, "kind", *chances]).take(list(first.values()))
        table = table.rename_columns([f"identity_{key}" for key in table.column_names])
        table = table.append_column("id", pa.array(list(first), pa.int64()))
        parameters = {**self.parameters, "origin": self.origin.name}
        space.add_metrics(table, study=STUDY, parameters=parameters)
        return len(first)
