"""What `weights` says of writers: a map per name, and means per kind beside those of the null."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.intervals import mean_interval
from namebasis.checks import Float64Array
from namebasis.results import Result, Table

SOURCES = ("start", "given", "family", "rest", "constants")
"""Where something comes from: start token, the name's parts, other tokens, biases and positions."""
NULLS = ("recombined", "never seen", "made up")
"""Kinds of names that nobody bears."""
_TINY = float(np.finfo(np.float64).tiny)
_TOLD = {"own": "own direction", "pooled": "whole embedding"}


@dataclass(frozen=True, repr=False, eq=False)
class Writers(Result):
    """What heads and MLPs write along the direction of each name.

    Attributes
    ----------
    label : str
        The checkpoint or encoder.
    step : int
    template, target : str
        ``own``: what the name has beyond its parts; ``pooled``: beyond the mean name.
    names, kinds : tuple of n_names str
        Names asked for, then the null's; kinds of the truth, else ``asked``, and `NULLS`.
    length : ndarray of shape (n_names,)
        Of what is divided among the writers.
    heads : ndarray of shape (n_names, n_layers, n_heads, 5)
        Written by each head, by `SOURCES`.
    mlps : ndarray of shape (n_names, n_layers, 5)
    embedding : ndarray of shape (n_names, 5)
        Of the end token.
    biases : ndarray of shape (n_names,)
        All of these add up to `length`.
    """

    _section = "Formation: over checkpoints"

    label: str
    step: int
    template: str
    target: str
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    length: Float64Array
    heads: Float64Array
    mlps: Float64Array
    embedding: Float64Array
    biases: Float64Array

    @property
    def n_layers(self) -> int:
        """Transformer blocks of the tower."""
        return int(self.mlps.shape[1])

    @cached_property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """Writer and source of each column of `values`."""
        layers, heads = self.heads.shape[1:3]
        named = [
            (f"head {layer + 1}.{head + 1}", source)
            for layer in range(layers)
            for head in range(heads)
            for source in SOURCES
        ]
        named += [(f"MLP {layer + 1}", source) for layer in range(layers) for source in SOURCES]
        named += [("embedding", source) for source in SOURCES]
        return (*named, ("biases", SOURCES[-1]))

    @cached_property
    def values(self) -> Float64Array:
        """What each writer writes, (n_names, n_writers): rows add up to `length`."""
        n = len(self.names)
        written = [part.reshape(n, -1) for part in (self.heads, self.mlps, self.embedding)]
        return np.column_stack([*written, self.biases])

    @cached_property
    def shares(self) -> Float64Array:
        """`values` over `length`: rows add up to 1."""
        return self.values / np.maximum(self.length, _TINY)[:, None]

    @cached_property
    def from_sources(self) -> Float64Array:
        """Shares of all writers together by `SOURCES`, (n_names, 5)."""
        written = self.heads.sum(axis=(1, 2)) + self.mlps.sum(axis=1) + self.embedding
        written[:, -1] += self.biases
        shares: Float64Array = written / np.maximum(self.length, _TINY)[:, None]
        return shares

    @cached_property
    def is_null(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which names are of the null, (n_names,)."""
        return np.array([kind in NULLS for kind in self.kinds], dtype=bool)

    def _groups(self) -> Iterator[tuple[str, np.ndarray[Any, np.dtype[np.int64]]]]:
        kinds = np.array(self.kinds)
        for kind in dict.fromkeys(self.kinds):
            yield kind, np.flatnonzero(kinds == kind)

    def headline(self) -> str | None:
        """Who writes most of what the names asked for have of their own."""
        asked = self.shares[~self.is_null]
        if not len(asked):
            return None
        mean = asked.mean(axis=0)
        best = int(mean.argmax())
        writer, source = self.labels[best]
        told = f"{writer}, from the {source} name," if source in SOURCES[1:3] else writer
        null = self.shares[self.is_null][:, best].mean() if self.is_null.any() else None
        beside = f" ({null:.0%} of names that nobody bears)" if null is not None else ""
        return (
            f"{self.label}: {told} writes {mean[best]:.0%} of the {_TOLD[self.target]} of "
            f"{len(asked)} names{beside}."
        )

    def tables(self) -> tuple[Table, ...]:
        """Names with their heaviest writers, and means per kind."""
        return (self._by_kind(), self._by_name())

    def _by_name(self) -> Table:
        rows: list[tuple[object, ...]] = []
        for row in np.flatnonzero(~self.is_null):
            best = int(self.shares[row].argmax())
            writer, source = self.labels[best]
            rows.append((
                self.names[row], self.kinds[row], float(self.length[row]),
                f"{writer} {source}", float(self.shares[row, best]),
                *(float(one) for one in self.from_sources[row, 1:3]),
                float(self.mlps[row].sum() / self.length[row]),
            ))  # fmt: skip
        columns = (
            "name",
            "kind",
            "own length",
            "writer",
            "written",
            "from given",
            "from family",
            "from MLPs",
        )
        return Table(columns, rows, title=f"{self.label}: names", key="names")

    def _by_kind(self) -> Table:
        null = self.shares[self.is_null]
        rows: list[tuple[object, ...]] = []
        for kind, members in self._groups():
            if kind in NULLS:
                continue
            mean = self.shares[members].mean(axis=0)
            for best in np.argsort(-mean)[:5]:
                found = mean_interval(self.shares[members, best])
                writer, source = self.labels[best]
                rows.append((
                    kind, len(members), f"{writer} {source}", found.value,
                    None if found.low is None else f"{found.low:.3f} to {found.high:.3f}",
                    float(null[:, best].mean()) if len(null) else None,
                ))  # fmt: skip
        columns = ("kind", "names", "writer", "written", "95 % interval", "null")
        return Table(columns, rows, title=f"{self.label}: means per kind", key="kinds")

    def to_arrow(self) -> pa.Table:
        """One row per name, writer and source."""
        n, writers = self.values.shape
        return pa.table({
            "step": np.full(n * writers, self.step, dtype=np.int64),
            "name": np.repeat(np.array(self.names, dtype=object), writers),
            "kind": np.repeat(np.array(self.kinds, dtype=object), writers),
            "writer": np.tile(np.array([one for one, _ in self.labels], dtype=object), n),
            "source": np.tile(np.array([one for _, one in self.labels], dtype=object), n),
            "written": self.values.ravel(),
            "share": self.shares.ravel(),
        })  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "label": self.label, "step": self.step, "template": self.template,
            "target": self.target, "sources": list(SOURCES),
            "names": [
                {
                    "name": self.names[row], "kind": self.kinds[row],
                    "length": float(self.length[row]), "heads": self.heads[row].tolist(),
                    "mlps": self.mlps[row].tolist(), "embedding": float(self.embedding[row]),
                    "biases": float(self.biases[row]),
                }
                for row in range(len(self.names))
            ],
        }  # fmt: skip
