"""A list of names that was chosen, and what it is good for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from namebasis.checks import Float64Array, IntArray
from namebasis.namespace.search.beside import drawn_beside, joined, told_apart
from namebasis.results import Result, Table, plain_dict

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

STUDY = "select"
OBJECTIVES = {
    "cover": "so that every name is near a chosen one",
}
"""Each objective, and what it makes a list good for."""


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
    curve : ndarray of shape (n_chosen,), float64
        What the objective reaches with the names up to each.
    covers : ndarray of shape (n_chosen,), float64
        Share of the names that each chosen one is the nearest to.
    n_candidates, n_demand : int
        Names that could be chosen, and those that the list is to stand for.
    remarks : tuple of str
    parameters : dict
    beside : Table, optional
        Stored columns that were asked for, one row per name.

    See Also
    --------
    namebasis.Space.select : Makes one.
    """

    objective: str
    ids: IntArray
    names: Sequence[str]
    parts: Sequence[str]
    n_tokens: IntArray
    curve: Float64Array
    covers: Float64Array
    n_candidates: int
    n_demand: int
    remarks: tuple[str, ...]
    parameters: dict[str, Any]
    beside: pa.Table | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def headline(self) -> str:
        return (
            f"{len(self):,} of {self.n_candidates:,} names, chosen {OBJECTIVES[self.objective]}: "
            f"mean centred cosine {self.curve[-1]:.3f} to the nearest."
        )

    def notes(self) -> Sequence[str]:
        return self.remarks

    def tables(self) -> list[Table]:
        columns = ("rank", "name", "tokens", "covers", "reached")
        told = told_apart(self.names, self.parts)
        rows = list(
            zip(
                range(1, len(self) + 1), told, self.n_tokens.tolist(), self.covers.tolist(),
                self.curve.tolist(), strict=True,
            )
        )  # fmt: skip
        table = Table(columns, rows, bars=("covers", "reached"))
        return [drawn_beside(table, self.beside, range(len(self)))]

    def to_arrow(self) -> pa.Table:
        """One row per chosen name, in the order of choice."""
        return joined(self._measures(), self.beside)

    def _measures(self) -> pa.Table:
        return pa.table(
            {
                "id": self.ids,
                "name": pa.array(self.names, pa.string()),
                "selected_rank": pa.array(range(1, len(self) + 1), pa.int64()),
                "n_tokens": self.n_tokens,
                "covers": self.covers,
                "reached": self.curve,
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything in plain values, as JSON holds them."""
        return plain_dict(
            {
                "objective": self.objective,
                "parameters": self.parameters,
                "n_candidates": self.n_candidates,
                "n_demand": self.n_demand,
                "selected": self.to_arrow().to_pylist(),
                "notes": list(self.remarks),
            }
        )

    def write(self, space: StoredSpace) -> None:
        """Store selected_rank, which replaces that of an earlier choice."""
        table = self._measures().select(["id", "selected_rank"])
        space.add_metrics(table, study=STUDY, parameters=self.parameters)
