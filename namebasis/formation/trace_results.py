"""What `trace` returns: token × layer maps, and their means over names beside those of a null."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.intervals import mean_interval
from namebasis.checks import Float64Array
from namebasis.formation.checkpoints import Gap
from namebasis.results import Result, Table
from namebasis.wording import counted

ROLES = ("given", "family", "rest", "end")
"""What a token belongs to; all of a name of one part counts as given."""
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
    n_given_tokens : int
        How many of the name's tokens are its given name's, or its only part's.
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
    n_given_tokens: int

    @property
    def roles(self) -> tuple[str, ...]:
        """Which of `ROLES` each token has."""
        family = self.n_name_tokens - self.n_given_tokens
        rest = len(self.tokens) - self.n_name_tokens - 1
        counts = (self.n_given_tokens, family, rest, 1)
        return tuple(role for role, n in zip(ROLES, counts, strict=True) for _ in range(n))

    def of_role(self, role: str) -> Float64Array:
        """Mean of `recovered` over the tokens of a role, (n_layers,)."""
        rows = [at for at, told in enumerate(self.roles) if told == role]
        return np.asarray(self.recovered[rows].mean(axis=0))

    @property
    def reach(self) -> Float64Array:
        """Half the 95 % interval of `recovered` over draws of the noise, by Student's t.

        NaN of a single draw.
        """
        from scipy.stats import t

        if self.n_samples < 2:
            return np.full_like(self.deviation, np.nan)
        within = float(t.ppf(0.975, self.n_samples - 1)) * self.deviation
        return np.asarray(within / (self.n_samples - 1) ** 0.5)

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
                "low": pa.array((self.recovered - self.reach).ravel(), from_pandas=True),
                "high": pa.array((self.recovered + self.reach).ravel(), from_pandas=True),
                "role": np.repeat(np.array(self.roles, dtype=object), n),
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
class MeanTrace(Result):
    """The mean map of several names at one checkpoint.

    Attributes
    ----------
    names : tuple of str
    is_null : bool
        Whether nobody bears these names.
    label, step, kind, target
        See `Trace`.
    roles : tuple of str
        Of `ROLES`, those that the names have.
    layers : tuple of int
    recovered : ndarray of shape (n_roles, n_layers)
        Mean over names of the mean over a role's tokens.
    low, high : ndarray of shape (n_roles, n_layers)
        95 % interval of the mean over names; NaN where there is none.
    """

    _page = "namebasis.formation.page:html_of_trace"

    names: tuple[str, ...]
    is_null: bool
    label: str
    step: int
    kind: str
    target: str
    template: str
    n_samples: int
    noise: float
    roles: tuple[str, ...]
    layers: tuple[int, ...]
    recovered: Float64Array
    low: Float64Array
    high: Float64Array

    @classmethod
    def of(cls, traces: Sequence[Trace], *, is_null: bool = False) -> MeanTrace:
        """Average maps of one checkpoint."""
        first = traces[0]
        roles = tuple(role for role in ROLES if any(role in one.roles for one in traces))
        shape = (len(roles), len(first.layers))
        mean, low, high = (np.full(shape, np.nan) for _ in range(3))
        for row, role in enumerate(roles):
            maps = np.stack([one.of_role(role) for one in traces if role in one.roles])
            for column, values in enumerate(maps.T):
                known = values[np.isfinite(values)]
                if len(known):
                    found = mean_interval(known)
                    mean[row, column] = found.value
                    if found.low is not None and found.high is not None:
                        low[row, column], high[row, column] = found.low, found.high
        return cls(
            tuple(one.name for one in traces), is_null, first.label, first.step, first.kind,
            first.target, first.template, first.n_samples, first.noise, roles, first.layers, mean,
            low, high,
        )  # fmt: skip

    @property
    def name(self) -> str:
        """Whose mean it is."""
        return counted(len(self.names), "name") + " that nobody bears" * self.is_null

    @property
    def title(self) -> str:
        """What is mapped: names, checkpoint, kind and target."""
        return f"{self.name}, {self.label}: {self.kind}, {_TOLD[self.target]}"

    @property
    def peak(self) -> tuple[str, float]:
        """The part of the name that brings back most in any layer, and how much."""
        own = [(float(np.nanmax(row, initial=-np.inf)), role) for role, row in self._parts()]
        value, role = max(own)
        return role, value

    @property
    def handover(self) -> int | None:
        """First layer whose end token brings back more than either part; None if none."""
        parts = np.stack([row for _, row in self._parts()]).max(axis=0)
        ahead = np.flatnonzero(self.recovered[-1] > parts)
        return self.layers[int(ahead[0])] if ahead.size else None

    def _parts(self) -> list[tuple[str, Float64Array]]:
        rows = zip(self.roles, self.recovered, strict=True)
        return [(role, row) for role, row in rows if role in ROLES[:2]]

    @property
    def finding(self) -> str:
        """What the map says in one line."""
        role, value = self.peak
        at = self.handover
        moved = "stays with its tokens" if at is None else f"moves to the end token at layer {at}"
        return f"the {role} name brings back most, {value:.2f}; what is restored {moved}"

    def headline(self) -> str:
        """Where names are read, in a sentence."""
        return f"{self.name}, {self.label}: {self.finding}."

    @property
    def tokens(self) -> tuple[str, ...]:
        """The rows of the map."""
        return self.roles

    @property
    def pieces(self) -> list[str]:
        """The rows of the map, as a figure names them."""
        return list(self.roles)

    @property
    def layer_labels(self) -> list[str]:
        """Layers as a reader sees them."""
        return ["emb" if layer == 0 else str(layer) for layer in self.layers]

    def tables(self) -> tuple[Table, ...]:
        """A row per role: the share that comes back, by layer."""
        rows = [(t, *row) for t, row in zip(self.roles, self.recovered.tolist(), strict=True)]
        title = f"{self.label}: {self.name}"
        return (Table(("token", *self.layer_labels), rows, title=title, key=title),)

    def to_arrow(self) -> pa.Table:
        """One row per role and layer."""
        n = len(self.layers)
        columns = {"recovered": self.recovered, "low": self.low, "high": self.high}
        return pa.table({
            "step": np.full(self.recovered.size, self.step, dtype=np.int64),
            "names": np.full(self.recovered.size, len(self.names), dtype=np.int64),
            "is_null": np.full(self.recovered.size, self.is_null),
            "role": np.repeat(np.array(self.roles, dtype=object), n),
            "layer": np.tile(np.array(self.layers, dtype=np.int64), len(self.roles)),
            **{key: pa.array(rows.ravel(), from_pandas=True) for key, rows in columns.items()},
        })  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = asdict(self)
        for key in ("recovered", "low", "high"):
            values[key] = values[key].tolist()
        return {**values, "handover": self.handover}


@dataclass(frozen=True, repr=False, eq=False)
class Tracing(Result):
    """Maps of names over checkpoints.

    Attributes
    ----------
    traces : tuple of Trace
        Checkpoint by checkpoint, and in each the names.
    gaps : tuple of Gap
    nulls : tuple of Trace
        Of names that nobody bears, in the same order.
    """

    _page = "namebasis.formation.page:html_of_traces"
    _figure = "namebasis.formation.plot:draw_traces"

    traces: tuple[Trace, ...]
    gaps: tuple[Gap, ...]
    nulls: tuple[Trace, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names traced."""
        return tuple(dict.fromkeys(one.name for one in self.traces))

    @cached_property
    def means(self) -> tuple[MeanTrace, ...]:
        """Mean maps of each checkpoint: of the names, and of those that nobody bears.

        Of a single name without a null there is none.
        """
        found = []
        for label in dict.fromkeys(one.label for one in self.traces):
            mine, null = (
                [one for one in some if one.label == label] for some in (self.traces, self.nulls)
            )
            if len(mine) > 1 or null:
                found.append(MeanTrace.of(mine))
            if null:
                found.append(MeanTrace.of(null, is_null=True))
        return tuple(found)

    def to_arrow(self) -> pa.Table:
        """One row per checkpoint, name, token and layer."""
        return pa.concat_tables([
            one.to_arrow().append_column("is_null", pa.array([is_null] * one.recovered.size))
            for is_null, some in ((False, self.traces), (True, self.nulls))
            for one in some
        ])  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "traces": [one.to_dict() for one in self.traces],
            "nulls": [one.to_dict() for one in self.nulls],
            "means": [one.to_dict() for one in self.means],
            "gaps": [asdict(gap) for gap in self.gaps],
        }

    def headline(self) -> str | None:
        """Where names are read at the last checkpoint, and where those that nobody bears."""
        if not self.traces:
            return None
        told = [one.headline() for one in self.means if one.label == self.traces[-1].label]
        if len(self.names) == 1:
            told = [self.traces[-1].headline(), *told[1:]]
        return " ".join(told)

    def tables(self) -> tuple[Table, ...]:
        """Maps of a single name, or means of several, beside those of the null.

        Maps of several names, and the intervals of all means, are details.
        """
        found: list[Table] = []
        several = len(self.names) > 1
        for label in dict.fromkeys(one.label for one in self.traces):
            mine = [one for one in self.traces if one.label == label]
            if not several:
                found += [replace(table, key=label) for one in mine for table in one.tables()]
            means = [one for one in self.means if one.label == label]
            # The mean of one name is its map, which stands above.
            found += [table for one in means if several or one.is_null for table in one.tables()]
            found += [_intervals(one) for one in means if len(one.names) > 1]
            if several:
                found += [
                    replace(
                        table, title=f"{one.name}, {label}", key=f"{label}, {one.name}", detail=True
                    )
                    for one in mine
                    for table in one.tables()
                ]
        return tuple(found)

    def notes(self) -> tuple[str, ...]:
        """How much the noise takes from each, and which checkpoints are missing."""
        told = [
            f"{label}: cosine under noise {np.mean(some):.2f}."
            for label in dict.fromkeys(one.label for one in self.traces)
            if (some := [one.corrupted for one in self.traces if one.label == label])
        ]
        return (*told, *(f"gap: {gap.label}: {gap.reason}" for gap in self.gaps))


def _intervals(mean: MeanTrace) -> Table:
    rows = [
        (
            role, mean.layer_labels[column], float(mean.recovered[row, column]),
            f"{mean.low[row, column]:.3f} to {mean.high[row, column]:.3f}"
            if np.isfinite(mean.low[row, column]) else None,
        )
        for row, role in enumerate(mean.roles)
        for column in range(len(mean.layers))
    ]  # fmt: skip
    title = f"{mean.label}: {mean.name}, intervals over names"
    columns = ("token", "layer", "restored", "95 % interval")
    return Table(columns, rows, title=title, key=title, detail=True)
