"""A list of names that was chosen, and what it is good for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.checks import Float64Array, FloatArray, IntArray
from namebasis.namespace.search.beside import drawn_beside, joined, told_apart
from namebasis.results import Result, Table, plain_dict
from namebasis.wording import between, counted, listed

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

STUDY = "select"
OBJECTIVES = {
    "cover": "so that every name is near a chosen one",
    "span": "so that sums of few of them rebuild the others",
    "axes": "evenly over a grid, the strongest names of each cell",
    "low-bias": "so that no axis reads anything in them",
    "strong": "from the ends of one axis, with little on others",
}
"""Each objective, and how it chooses."""
_MOST_EMPTY = 6


@dataclass(frozen=True)
class Cell:
    """A cell of the grid, or an end of an axis.

    Attributes
    ----------
    group : str
        The levels that make it.
    quota, n_chosen : int
        Names that were wanted, and that are on the list.
    n_could : int
        Names of the cell that the constraints allow.
    names : tuple of str
        On the list, the strongest first.
    """

    group: str
    quota: int
    n_chosen: int
    n_could: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """What a list is worth where the choice did not look, beside lists of the same length.

    Attributes
    ----------
    measure : str
    value, low, high : float
        Of the list, with its 95 % interval.
    random : float
        Mean of random lists under the same filter; of made-up names, for `low-bias`.
    gain, gain_low, gain_high : float
        Value less random, with its 95 % interval; NaN where there is none.
    matched, matched_gain_low, matched_gain_high : float
        The same beside lists of names about as frequent as the chosen ones; NaN without counts.
    on : str
        What the choice did not see.
    """

    measure: str
    value: float
    low: float
    high: float
    random: float
    gain: float
    gain_low: float
    gain_high: float
    matched: float
    matched_gain_low: float
    matched_gain_high: float
    on: str


@dataclass(frozen=True, eq=False)
class Map:
    """Names on a plane.

    Attributes
    ----------
    how : str
        Whose places they are: those of the explorer's map, or the two main directions.
    around, chosen : ndarrays of shape (n, 2), float32
        A sample of the other names, and the chosen ones in their order.
    """

    how: str
    around: FloatArray
    chosen: FloatArray


@dataclass(frozen=True, repr=False, eq=False)
class Selection(Result):
    """Names in the order of their choice.

    Attributes
    ----------
    objective : str
    ids : ndarray of shape (n_chosen,), int64
        Rows of the space.
    names, parts : sequence of str
    n_tokens : ndarray of shape (n_chosen,), int64
    groups : sequence of str
        The cell, or the end of the axis, that each name stands for; empty for `cover`.
    values : mapping of str to ndarray of shape (n_chosen,), float64
        What each name is worth: `covers` and `reached`, or `strength`.
    cells : tuple of Cell
    checks : tuple of Check
        Empty where none was asked for.
    n_candidates, n_demand : int
        Names that could be chosen, and those that the list is to stand for.
    reached : float or None
        The objective of the list on the names that the choice looked at.
    remarks : tuple of str
    parameters : dict
    beside : Table, optional
        Stored columns that were asked for, one row per name.
    map : Map, optional
        Where the chosen names lie among others, for the eye alone; None for too few.

    See Also
    --------
    namebasis.Space.select : Makes one.
    """

    _page = "namebasis.studies.select.page:html_of"
    _figure = "namebasis.studies.select.drawing:draw_selection"

    objective: str
    ids: IntArray
    names: Sequence[str]
    parts: Sequence[str]
    n_tokens: IntArray
    groups: Sequence[str]
    values: Mapping[str, Float64Array]
    cells: tuple[Cell, ...]
    checks: tuple[Check, ...]
    n_candidates: int
    n_demand: int
    remarks: tuple[str, ...]
    parameters: dict[str, Any]
    reached: float | None = None
    beside: pa.Table | None = None
    map: Map | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def headline(self) -> str:
        told = f"{len(self):,} of {self.n_candidates:,} names, chosen {OBJECTIVES[self.objective]}"
        if self.parameters.get("of") is not None:
            told += f", for {counted(self.n_demand, 'name')} with {self.parameters['of']}"
        if self.objective == "axes":
            filled = sum(cell.n_chosen > 0 for cell in self.cells)
            told += f": {filled} of {len(self.cells)} cells have a name"
        elif self.checks:
            first = self.checks[0]
            told += f": {first.measure} {first.value:.3f}, of random lists {first.random:.3f}"
        elif self.reached is not None:
            told += f": mean centred cosine {self.reached:.3f}"
        return f"{told}."

    def notes(self) -> Sequence[str]:
        told = _empty_cells(self.cells)
        turn = knee(self.values["reached"]) if "reached" in self.values else None
        if turn is not None and turn < len(self):
            told.append(
                f"Of {len(self):,} names the first {turn:,} bring most: from there on each adds "
                "less than an average one of the list."
            )
        return (*told, *self.remarks)

    def tables(self) -> list[Table]:
        heads = ["rank", "name", *(["group"] if self.groups else []), "tokens"]
        told = told_apart(self.names, self.parts)
        columns = [
            range(1, len(self) + 1), told, *([self.groups] if self.groups else []),
            self.n_tokens.tolist(), *(values.tolist() for values in self.values.values()),
        ]  # fmt: skip
        table = Table(
            (*heads, *self.values), list(zip(*columns, strict=True)), bars=tuple(self.values)
        )
        found = [drawn_beside(table, self.beside, range(len(self)))]
        if len(self.cells) > 1:
            cells = [(c.group, c.quota, c.n_chosen, c.n_could, c.names) for c in self.cells]
            empty = [at for at, cell in enumerate(self.cells) if not cell.n_chosen]
            found.append(
                Table(
                    ("group", "wanted", "chosen", "candidates", "names"), cells, "cells",
                    key="cells", muted=empty, detail=True, aside=True,
                )
            )  # fmt: skip
        if self.checks:
            found.append(self._check_table())
        return found

    def _check_table(self) -> Table:
        # Without counts no list is as frequent: the two columns would be empty.
        has_matched = any(math.isfinite(check.matched) for check in self.checks)
        heads = ("as frequent", "gain over these") if has_matched else ()
        rows = []
        for check in self.checks:
            gain = between(check.gain_low, check.gain_high)
            beside = (
                _or_dash(check.matched),
                between(check.matched_gain_low, check.matched_gain_high),
            )
            rows.append((
                check.measure, _or_dash(check.value), _or_dash(check.random), gain,
                *(beside if has_matched else ()), check.on,
            ))  # fmt: skip
        return Table(
            ("measure", "this list", "random lists", "gain", *heads, "not seen"),
            rows, "where the choice did not look", key="checks", aside=True,
        )  # fmt: skip

    def to_arrow(self) -> pa.Table:
        """One row per chosen name, in the order of choice."""
        return joined(self._measures(), self.beside)

    def _measures(self) -> pa.Table:
        columns: dict[str, Any] = {
            "id": self.ids,
            "name": pa.array(self.names, pa.string()),
            "selected_rank": pa.array(range(1, len(self) + 1), pa.int64()),
        }
        if self.groups:
            columns["selected_group"] = pa.array(self.groups, pa.string())
        return pa.table({**columns, "n_tokens": self.n_tokens, **self.values})

    def to_dict(self) -> dict[str, Any]:
        """Everything in plain values, as JSON holds them."""
        return plain_dict(
            {
                "objective": self.objective,
                "parameters": self.parameters,
                "n_candidates": self.n_candidates,
                "n_demand": self.n_demand,
                "reached": self.reached,
                "selected": self.to_arrow().to_pylist(),
                "cells": [asdict(cell) for cell in self.cells],
                "checks": [asdict(check) for check in self.checks],
                "notes": list(self.notes()),
            }
        )

    def write(self, space: StoredSpace) -> None:
        """Store selected_rank and selected_group, which replace those of an earlier choice."""
        table = self._measures()
        groups = pa.array(self.groups or pa.nulls(len(self)), pa.string())
        table = table.select(["id", "selected_rank"]).append_column("selected_group", groups)
        space.add_metrics(table, study=STUDY, parameters=self.parameters)


def _or_dash(value: float) -> float | str:
    """A value, or the sign of what was not measured."""
    return value if math.isfinite(value) else "–"


def _empty_cells(cells: Sequence[Cell]) -> list[str]:
    """Which cells have no name, and which of them for want of any."""
    told = []
    none = [cell.group for cell in cells if not cell.n_could and cell.quota]
    barred = [cell.group for cell in cells if cell.n_could and cell.quota and not cell.n_chosen]
    short = [
        cell.group for cell in cells if cell.n_could and 0 < cell.n_chosen < cell.quota
    ]  # fmt: skip
    for groups, why in (
        (none, "No name that the constraints allow lies in"),
        (barred, "The other constraints left no name for"),
        (short, "There were fewer names than wanted for"),
    ):
        if groups:
            more = f" and {len(groups) - _MOST_EMPTY} more" if len(groups) > _MOST_EMPTY else ""
            shown = groups[:_MOST_EMPTY]
            told.append(f"{why} {', '.join(shown) + more if more else listed(shown)}.")
    return told


def knee(curve: Sequence[float] | Float64Array) -> int | None:
    """After how many names each further one brings less than an average one of the list.

    Where the curve, from its first value to its last, lies farthest above its chord; None for
    fewer than 5 names. Satopää, Albrecht, Irwin and Raghavan (2011), Finding a "kneedle" in a
    haystack.
    """
    values = np.asarray(curve, dtype=np.float64)
    if len(values) < 5 or values[-1] <= values[0]:
        return None
    rise = (values - values[0]) / (values[-1] - values[0])
    return int(np.argmax(rise - np.linspace(0, 1, len(values)))) + 1
