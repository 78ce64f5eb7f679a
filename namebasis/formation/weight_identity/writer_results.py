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
from namebasis.wording import counted, percent

SOURCES = ("start", "given", "family", "rest", "constants")
"""Where something comes from: start token, the name's parts, other tokens, biases and positions."""
NULLS = ("recombined", "never seen", "made up")
"""Kinds of names that nobody bears."""
_HEAVIEST = 3  # writers of each kind that a table lists
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
    score : ndarray of shape (n_names,)
        The own score; NaN of whole embeddings.
    heads : ndarray of shape (n_names, n_layers, n_heads, 5)
        Written by each head, by `SOURCES`.
    mlps : ndarray of shape (n_names, n_layers, 5)
    embedding : ndarray of shape (n_names, 5)
        Of the end token.
    biases : ndarray of shape (n_names,)
        All of these add up to `length`.
    """

    _section = "Formation: over checkpoints"
    _page = "namebasis.formation.weight_identity.page:html_of_writers"
    _figure = "namebasis.formation.weight_identity.figures:draw_writers"

    label: str
    step: int
    template: str
    target: str
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    length: Float64Array
    score: Float64Array
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

    @cached_property
    def by_mlps(self) -> Float64Array:
        """Shares that all MLPs together write, (n_names,)."""
        return np.asarray(self.mlps.sum(axis=(1, 2)) / np.maximum(self.length, _TINY))

    @cached_property
    def null_score(self) -> float | None:
        """Own score that 2.5 % of the names that nobody bears exceed; None without any."""
        scores = self.score[self.is_null]
        scores = scores[np.isfinite(scores)]
        return float(np.quantile(scores, 0.975)) if len(scores) else None

    def groups(self) -> Iterator[tuple[str, np.ndarray[Any, np.dtype[np.int64]]]]:
        """Kinds, those of the null last, and the rows of their names."""
        kinds = np.array(self.kinds)
        for kind in dict.fromkeys(self.kinds):
            yield kind, np.flatnonzero(kinds == kind)

    def headline(self) -> str | None:
        """From which part of the name, and by whom, what names have of their own is written."""
        rows = np.flatnonzero(~self.is_null)
        if not len(rows):
            return None
        given, family = self.from_sources[rows, 1:3].mean(axis=0)
        best = int(self.shares[rows].mean(axis=0).argmax())
        whose = self.names[rows[0]] if len(rows) == 1 else counted(len(rows), "name")
        told = [
            f"{self.label}: of the {_TOLD[self.target]} of {whose}, {percent(given)} comes from "
            f"the given name's tokens and {percent(family)} from the family name's",
            f"MLPs write {percent(self.by_mlps[rows].mean())}",
            f"most by one writer {self.label_of(best)}, {percent(self.shares[rows, best].mean())}",
        ]
        if self.is_null.any():
            null = self.from_sources[self.is_null, 1:3].mean(axis=0)
            told[0] += f" ({percent(null[0])} and {percent(null[1])} of names that nobody bears)"
            told[1] += f" ({percent(self.by_mlps[self.is_null].mean())})"
            told[2] += f" ({percent(self.shares[self.is_null, best].mean())})"
        return "; ".join(told) + "."

    def label_of(self, writer: int) -> str:
        """A column of `values` in words: ``head 2.3 given``."""
        return " ".join(self.labels[writer])

    def tables(self) -> tuple[Table, ...]:
        """Where it comes from per kind, the heaviest writers of each, and the names."""
        return (self._by_kind(), self._heaviest(), self._by_name())

    def notes(self) -> tuple[str, ...]:
        """Which names have no more than chance leaves."""
        limit = self.null_score
        if limit is None:
            return ()
        weak = int((self.score[~self.is_null] <= limit).sum())
        have = "has no more of its own" if weak == 1 else "have no more of their own"
        return (
            f"{self.label}: {weak} of {counted(int((~self.is_null).sum()), 'name')} {have} than "
            f"names that nobody bears (own score up to {limit:.2f} in 97.5 % of these).",
        )

    def _by_kind(self) -> Table:
        rows: list[tuple[object, ...]] = []
        muted = []
        for kind, members in self.groups():
            parts = (*self.from_sources[members, 1:3].T, self.by_mlps[members])
            cells = [text for values in parts for text in _mean(values)]
            muted += [len(rows)] if kind in NULLS else []
            rows.append((kind, len(members), _known(self.score[members].mean()), *cells))
        columns = (
            "kind", "names", "own score", "from given", "95 % interval", "from family", "95 %",
            "from MLPs", "interval",
        )  # fmt: skip
        title = f"{self.label}: where it comes from"
        return Table(columns, rows, title=title, key=title, muted=muted)

    def _heaviest(self) -> Table:
        null = self.shares[self.is_null]
        rows: list[tuple[object, ...]] = []
        for kind, members in self.groups():
            if kind in NULLS:
                continue
            mean = self.shares[members].mean(axis=0)
            for best in np.argsort(-mean)[:_HEAVIEST]:
                chance = _mean(null[:, best]) if len(null) else (None, None)
                rows.append((
                    kind, self.label_of(int(best)), *_mean(self.shares[members, best]), *chance,
                ))  # fmt: skip
        columns = ("kind", "writer", "written", "95 % interval", "null", "interval")
        title = f"{self.label}: heaviest writers"
        return Table(columns, rows, title=title, key=title)

    def _by_name(self) -> Table:
        rows: list[tuple[object, ...]] = []
        muted = []
        limit = self.null_score
        for row in np.flatnonzero(~self.is_null):
            best = int(self.shares[row].argmax())
            if limit is not None and self.score[row] <= limit:
                muted.append(len(rows))
            rows.append((
                self.names[row], self.kinds[row], _known(self.score[row]),
                *(float(one) for one in self.from_sources[row, 1:3]),
                float(self.by_mlps[row]), self.label_of(best), float(self.shares[row, best]),
            ))  # fmt: skip
        columns = (
            "name", "kind", "own score", "from given", "from family", "from MLPs", "writer",
            "written",
        )  # fmt: skip
        title = f"{self.label}: names"
        return Table(columns, rows, title=title, key=title, muted=muted)

    def to_arrow(self) -> pa.Table:
        """One row per name, writer and source."""
        n, writers = self.values.shape
        return pa.table({
            "step": np.full(n * writers, self.step, dtype=np.int64),
            "name": np.repeat(np.array(self.names, dtype=object), writers),
            "kind": np.repeat(np.array(self.kinds, dtype=object), writers),
            "writer": np.tile(np.array([one for one, _ in self.labels], dtype=object), n),
            "source": np.tile(np.array([one for _, one in self.labels], dtype=object), n),
            "length": self.values.ravel(),
            "written": self.shares.ravel(),
        })  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "label": self.label, "step": self.step, "template": self.template,
            "target": self.target, "sources": list(SOURCES),
            "names": [
                {
                    "name": self.names[row], "kind": self.kinds[row],
                    "length": float(self.length[row]), "own_score": _known(self.score[row]),
                    "heads": self.heads[row].tolist(),
                    "mlps": self.mlps[row].tolist(),
                    "embedding": self.embedding[row].tolist(),
                    "biases": float(self.biases[row]),
                }
                for row in range(len(self.names))
            ],
        }  # fmt: skip


def _mean(values: Float64Array) -> tuple[float, str | None]:
    """A mean, and its interval in words; None where there is none."""
    found = mean_interval(values)
    if found.low is None:
        return found.value, None
    return found.value, f"{found.low:.3f} to {found.high:.3f}"


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
