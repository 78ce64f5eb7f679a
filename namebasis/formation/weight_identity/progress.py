"""Measures of the weights as a whole, each related to where names cross."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.training.turns import half_way, lag
from namebasis.checks import Float64Array
from namebasis.formation.crossings import NameCrossing
from namebasis.formation.weights import MatrixState
from namebasis.results import Result, Table

MEASURES = ("norm", "effective_rank", "exponent", "lognormal")
"""Of each matrix, see `MatrixState`; their means over matrices are what turns."""


@dataclass(frozen=True)
class TurnLag:
    """How long after a measure's turn names cross.

    Attributes
    ----------
    measure : str
    turns_at : float
        Step at which it has made half of its way.
    crossing : str
        What names cross, see `NameCrossing`.
    n_names : int
        How many cross; others are left aside.
    crosses_at, lag : float
        Their median step, and by how much that is later.
    low, high : float or None
        95 % interval of the lag.
    """

    measure: str
    turns_at: float
    crossing: str
    n_names: int
    crosses_at: float
    lag: float
    low: float | None
    high: float | None


@dataclass(frozen=True, repr=False, eq=False)
class Progress(Result):
    """Lags between measures of the weights and crossings of names.

    Attributes
    ----------
    lags : tuple of TurnLag
    """

    _section = "Formation: over checkpoints"

    lags: tuple[TurnLag, ...]

    def tables(self) -> tuple[Table, ...]:
        """A row per measure and crossing; no table without them."""
        rows = [
            (
                one.measure, one.turns_at, one.crossing, one.n_names, one.crosses_at, one.lag,
                None if one.low is None else f"{one.low:,.0f} to {one.high:,.0f}",
            )
            for one in self.lags
        ]  # fmt: skip
        columns = (
            "measure", "turns at", "crossing", "names", "crosses at", "lag", "95 % interval",
        )  # fmt: skip
        title = "weights and crossings, in steps"
        return (Table(columns, rows, title, aside=True, detail=True),) if rows else ()

    def to_arrow(self) -> pa.Table:
        """One row per measure and crossing."""
        return pa.Table.from_pylist(self.to_dict()["lags"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"lags": [vars(one) for one in self.lags]}


def progress_of(
    steps: Sequence[int],
    weights: Sequence[Sequence[MatrixState]],
    crossings: Sequence[NameCrossing],
    others: Mapping[str, Float64Array] | None = None,
) -> Progress:
    """Relate measures of weights to where names cross.

    Parameters
    ----------
    steps : sequence of n_checkpoints int
    weights : sequence of n_checkpoints sequences of MatrixState
        Empty where weights were not measured.
    crossings : sequence of NameCrossing
    others : mapping of str to ndarray of shape (n_replicates, n_checkpoints), optional
        Further measures, such as the local learning coefficient of several chains.
    """
    series = {**_series(weights), **(others or {})}
    places: dict[str, list[float]] = {}
    for one in crossings:
        if one.step.state == "crossed":
            places.setdefault(one.measure, []).append(one.step.position)
    found = []
    for measure, rows in series.items():
        turn = float(half_way(steps, rows.mean(axis=0)))
        for crossing, at in places.items():
            told = lag(steps, rows, at)
            if np.isfinite(told.value):
                found.append(TurnLag(
                    measure, turn, crossing, len(at), float(np.median(at)), told.value, told.low,
                    told.high,
                ))  # fmt: skip
    return Progress(tuple(found))


def _series(weights: Sequence[Sequence[MatrixState]]) -> dict[str, Float64Array]:
    """Each measure of the matrices that have it throughout, (n_matrices, n_checkpoints)."""
    if len(weights) < 3 or not all(weights):
        return {}
    by_name = [{one.matrix: one for one in states} for states in weights]
    found = {}
    for measure in MEASURES:
        rows = [
            [getattr(one[matrix], measure) for one in by_name]
            for matrix in by_name[0]
            if all(matrix in one for one in by_name)
        ]
        known = [row for row in rows if None not in row]
        if known:
            found[measure] = np.array(known, dtype=np.float64)
    return found
