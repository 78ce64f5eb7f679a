"""What the study `identity` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.identity import Float64Array

if TYPE_CHECKING:
    from namebasis.namespace.space import Space

STUDY = "identity"
KINDS = ("unknown", "compositional", "flexible", "entangled", "part-captured")
CONTEXT_MEASURES = ("displacement_ratio", "interaction", "leakage")
_NUMBERS = (
    "own_length", "own_score", "own_percentile", "own_z", "strength", "capture_given",
    "capture_family", *CONTEXT_MEASURES,
)  # fmt: skip


@dataclass(frozen=True)
class NameIdentity:
    """One name; what could not be measured is None, and `reason` says why.

    Attributes
    ----------
    name : str
    n_tokens : int
    own_length : float or None
        Length of what remains of the embedding after the effects of the parts.
    own_score : float or None
        That over the noise of the noisier part; 1 is what any pairing leaves.
    own_percentile, own_z : float or None
        Of `own_score` among made-up full names.
    strength : float or None
        Effect of the weaker part over its noise.
    capture_given, capture_family : float or None
        See `analysis.identity.part_capture`.
    displacement_ratio, interaction, leakage : float or None
        See `analysis.spread.ContextMeasures`; None where contexts were left out.
    anchor_rank, own_residual : float or None
        As the study `anchors` stored them, if it did.
    kind : str or None
        The most probable of `KINDS`.
    probabilities : dict
        Of every kind; empty without a kind. Uncalibrated: see `Identity.origin`.
    reason : str or None
    """

    name: str
    n_tokens: int
    own_length: float | None = None
    own_score: float | None = None
    own_percentile: float | None = None
    own_z: float | None = None
    strength: float | None = None
    capture_given: float | None = None
    capture_family: float | None = None
    displacement_ratio: float | None = None
    interaction: float | None = None
    leakage: float | None = None
    anchor_rank: float | None = None
    own_residual: float | None = None
    kind: str | None = None
    probabilities: Mapping[str, float] | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Identity:
    """Measures of names, in the order asked for.

    Attributes
    ----------
    rows : tuple of NameIdentity
    thresholds : dict
        Of own_score, strength, capture and, with contexts, displacement_ratio.
    null_scores : tuple of float
        own_score of made-up full names.
    recombined_scores : tuple of float
        own_score of the names' own parts paired anew; empty for fewer than 20 such pairs.
    origin : str
        Where the thresholds come from.
    parameters : dict
    """

    rows: tuple[NameIdentity, ...]
    thresholds: Mapping[str, float]
    null_scores: tuple[float, ...]
    recombined_scores: tuple[float, ...]
    origin: str
    parameters: Mapping[str, Any]

    def column(self, name: str) -> Float64Array:
        """One measure of all rows, NaN where it is None.

        Raises
        ------
        ValueError
            If there is no such measure.
        """
        allowed = ("n_tokens", *_NUMBERS, "anchor_rank", "own_residual")
        if name not in allowed:
            raise ValueError(f"column must be one of {', '.join(allowed)}; got {name!r}.")
        values = [getattr(row, name) for row in self.rows]
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)

    def to_arrow(self) -> pa.Table:
        """One row per name; probabilities as columns p_unknown … p_part_captured."""
        columns: dict[str, Any] = {"name": [row.name for row in self.rows]}
        columns["n_tokens"] = pa.array([row.n_tokens for row in self.rows], pa.int64())
        for key in (*_NUMBERS, "anchor_rank", "own_residual"):
            columns[key] = pa.array([getattr(row, key) for row in self.rows], pa.float64())
        columns["kind"] = pa.array([row.kind for row in self.rows], pa.string())
        for kind in KINDS:
            values = [(row.probabilities or {}).get(kind) for row in self.rows]
            columns[f"p_{kind.replace('-', '_')}"] = pa.array(values, pa.float64())
        columns["reason"] = pa.array([row.reason for row in self.rows], pa.string())
        return pa.table(columns)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def write(self, space: Space) -> int:
        """Store measures and kinds of the names that the space holds; return how many those are.

        Raises
        ------
        ValueError
            If it holds none of them.
        """
        ids = [space.find(row.name) for row in self.rows]
        # Two spellings can fold to one stored name; the first one counts.
        first = {row: at for at, row in reversed(list(enumerate(ids))) if row is not None}
        if not first:
            raise ValueError("the space holds none of these names; add them before writing.")
        table = self.to_arrow().take(list(first.values()))
        table = table.select([*_NUMBERS, "kind"])
        table = table.rename_columns([f"identity_{key}" for key in table.column_names])
        table = table.append_column("id", pa.array(list(first), pa.int64()))
        space.add_metrics(table, study=STUDY, parameters=self.parameters)
        return len(first)
