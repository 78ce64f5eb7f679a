"""What `trace` returns: token × layer maps."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.checks import Float64Array
from namebasis.formation.checkpoints import Gap
from namebasis.formation.trace_map import TraceMap

_TOLD = {"pooled": "whole embedding", "own": "own direction"}


@dataclass(frozen=True)
class Trace:
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

    def to_map(self) -> TraceMap:
        """What a page draws."""
        at = self.handover
        moved = "stays with its tokens" if at is None else f"moves to the end token at layer {at}"
        return TraceMap(
            f"{self.name}, {self.label}: {self.kind}, {_TOLD[self.target]}",
            # The marks that tokenizers put at the ends of words say nothing here.
            [token.removesuffix("</w>").lstrip("Ġ▁") for token in self.tokens],
            ["emb" if layer == 0 else str(layer) for layer in self.layers],
            self.recovered.tolist(),
            f"cosine under noise {self.corrupted:.2f}; what is restored {moved}",
        )


@dataclass(frozen=True)
class Tracing:
    """One name's maps over checkpoints.

    Attributes
    ----------
    traces : tuple of Trace
    gaps : tuple of Gap
    """

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

    def write_html(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the maps as one page.

        Raises
        ------
        SpaceError
            If a file is there and may not be overwritten.
        """
        from namebasis.atomic import replacing_file
        from namebasis.formation.trace_map import trace_page

        first = self.traces[0]
        lead = (
            f"{first.name} in “{first.template}”, {len(self.traces)} checkpoint(s), "
            f"{first.n_samples} samples of noise"
        )
        html = trace_page("Where a name is read", lead, [one.to_map() for one in self.traces])
        with replacing_file(Path(path), overwrite) as stream:
            stream.write(html.encode("utf-8"))
