"""What `trace` returns: token × layer maps."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.checks import Float64Array
from namebasis.formation.checkpoints import Gap
from namebasis.results import Result, Table

_TOLD = {"pooled": "whole embedding", "own": "own direction"}


@dataclass(frozen=True, repr=False, eq=False)
class Trace(Result):
    """A token × layer map of one name at one checkpoint.

    Attributes
    ----------
    name, template, label : str
        `label` names the checkpoint.
    step : int
    kind : str
        One of `towers.KINDS`.
    target : str
        ``pooled``: cosine to the clean embedding. ``own``: what lies along the name's own
        direction, beyond its parts.
    tokens : tuple of str
        From the name's first piece to the end token.
    layers : tuple of int
        0 is the input embeddings (residual only).
    recovered : ndarray of shape (n_tokens, n_layers)
        Share of what the noise took that comes back, mean over samples; 1 is all. NaN where the
        noise took nothing.
    deviation : ndarray of shape (n_tokens, n_layers)
        Standard deviation of that over samples, relative to the mean of what the noise took.
    corrupted : float
        Mean cosine of the corrupted to the clean embedding.
    n_name_tokens : int
        How many of `tokens` are the name's.
    n_samples : int
    noise : float
        Standard deviation of the noise.
    """

    _page = "namebasis.formation.page:html_of_trace"
    _figure = "namebasis.formation.plot:draw_trace"

    name: str
    template: str
    label: str
    step: int
    kind: str
    target: str
    tokens: tuple[str, ...]
    layers: tuple[int, ...]
    recovered: Float64Array
    deviation: Float64Array
    corrupted: float
    n_name_tokens: int
    n_samples: int
    noise: float

    @property
    def handover(self) -> int | None:
        """First layer whose end token brings back more than any token of the name; None if none.

        There the identity has left the name's own tokens.
        """
        if np.isnan(self.recovered).any():
            return None
        name = self.recovered[: self.n_name_tokens].max(axis=0)
        ahead = np.flatnonzero(self.recovered[-1] > name)
        return self.layers[int(ahead[0])] if ahead.size else None

    def to_arrow(self) -> pa.Table:
        """One row per token and layer."""
        n = len(self.layers)
        gone = np.isnan(self.recovered.ravel())
        return pa.table(
            {
                "step": np.full(self.recovered.size, self.step, dtype=np.int64),
                "name": np.repeat(np.array(self.name, dtype=object), self.recovered.size),
                "token": np.repeat(np.array(self.tokens, dtype=object), n),
                "position": np.repeat(np.arange(len(self.tokens)), n),
                "layer": np.tile(np.array(self.layers, dtype=np.int64), len(self.tokens)),
                "recovered": pa.array(self.recovered.ravel(), mask=gone),
                "deviation": pa.array(self.deviation.ravel(), mask=gone),
            }
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = asdict(self)
        for key in ("recovered", "deviation"):
            values[key] = values[key].tolist()
        return {**values, "handover": self.handover}

    @property
    def title(self) -> str:
        """What is mapped: name, checkpoint, kind and target."""
        return f"{self.name}, {self.label}: {self.kind}, {_TOLD[self.target]}"

    @property
    def finding(self) -> str:
        """What the map says in one line."""
        at = self.handover
        moved = "stays with its tokens" if at is None else f"moves to the end token at layer {at}"
        return f"cosine under noise {self.corrupted:.2f}; what is restored {moved}"

    def headline(self) -> str:
        """Where the name is read, in a sentence."""
        who, at, last = f"{self.name}, {self.label}", self.handover, self.layers[-1]
        if np.isnan(self.recovered).any():
            return f"{who}: the noise takes nothing away, so where the name is read is not seen."
        if at is None:
            return f"{who}: its own tokens carry the name up to the last layer, {last}."
        return (
            f"{who}: layer {at} of {last} is the first where the end token brings back more of the "
            "name than its own tokens."
        )

    @property
    def pieces(self) -> list[str]:
        """The tokens without the marks that tokenizers put at the ends of words."""
        return [token.removesuffix("</w>").lstrip("Ġ▁") for token in self.tokens]

    @property
    def layer_labels(self) -> list[str]:
        """Layers as a reader sees them."""
        return ["emb" if layer == 0 else str(layer) for layer in self.layers]

    def tables(self) -> tuple[Table, ...]:
        """A row per token: the share that comes back, by layer."""
        rows = [(t, *row) for t, row in zip(self.tokens, self.recovered.tolist(), strict=True)]
        return (Table(("token", *self.layer_labels), rows, title=self.label),)

    def notes(self) -> tuple[str, ...]:
        """How much the noise takes."""
        return (f"{self.label}: cosine under noise {self.corrupted:.2f}.",)


@dataclass(frozen=True, repr=False, eq=False)
class Tracing(Result):
    """One name's maps over checkpoints.

    Attributes
    ----------
    traces : tuple of Trace
    gaps : tuple of Gap
    """

    _page = "namebasis.formation.page:html_of_traces"
    _figure = "namebasis.formation.plot:draw_traces"

    traces: tuple[Trace, ...]
    gaps: tuple[Gap, ...]

    def to_arrow(self) -> pa.Table:
        """One row per checkpoint, token and layer."""
        return pa.concat_tables([one.to_arrow() for one in self.traces])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "traces": [one.to_dict() for one in self.traces],
            "gaps": [asdict(gap) for gap in self.gaps],
        }

    def headline(self) -> str | None:
        """Where the name is read at the last checkpoint."""
        return self.traces[-1].headline() if self.traces else None

    def tables(self) -> tuple[Table, ...]:
        """One table per checkpoint; see `Trace.tables`."""
        return tuple(table for one in self.traces for table in one.tables())

    def notes(self) -> tuple[str, ...]:
        """How much the noise takes from each, and which checkpoints are missing."""
        told = [note for one in self.traces for note in one.notes()]
        return (*told, *(f"gap: {gap.label}: {gap.reason}" for gap in self.gaps))
