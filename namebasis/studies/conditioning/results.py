"""What came of computing the token states that an image model reads, beside the pooled vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from namebasis.encoders.specs import without_folders
from namebasis.results import Result, Table, plain_dict
from namebasis.studies.topology.overlap import NameOverlap, SpaceOverlap
from namebasis.wording import counted, listed, percent

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

WORDS = {
    "text": "the pooled vector",
    "conditioning": "the mean of its token states",
    "conditioning_last": "its last token's state",
}
"""Views, as said of one name."""


@dataclass(frozen=True)
class ViewsCompared:
    """Two views of the same names beside each other.

    Attributes
    ----------
    left, right : str
    overlap : SpaceOverlap
    """

    left: str
    right: str
    overlap: SpaceOverlap


@dataclass(frozen=True, repr=False, eq=False)
class Conditioning(Result):
    """How far `conditioning` and `conditioning_last` of a space agree with `text`.

    Attributes
    ----------
    space : Space
        Opened again.
    model : str
        Whose text encoders were asked.
    settings : mapping of str
        By text encoder, which states are read.
    n_names : int
        Names that have both views.
    n_computed : int
        Of them, those computed just now.
    compared : tuple of ViewsCompared
        `text` beside each, then the two beside each other.
    parameters : mapping

    See Also
    --------
    namebasis.Space.condition : Makes one.
    """

    _page = "namebasis.studies.conditioning.page:html_of"
    _figure = "namebasis.studies.conditioning.page:draw"

    space: StoredSpace
    model: str
    settings: Mapping[str, Mapping[str, Any]]
    n_names: int
    n_computed: int
    compared: tuple[ViewsCompared, ...]
    parameters: Mapping[str, Any]

    def headline(self) -> str:
        """How many of a name's neighbours are the same by the pooled vector and as it is read."""
        first, second, _ = (one.overlap.overlaps[-1] for one in self.compared)
        return (
            f"Of the {counted(first.k, 'name')} nearest to a name by the pooled vector, "
            f"{percent(first.share)} are nearest by the mean of its token states too "
            f"({percent(first.low, 1)} to {percent(first.high, 1)}; {percent(first.by_chance, 1)} "
            f"by chance), and {percent(second.share)} by its last token's, among {self.n_names:,} "
            "names."
        )

    def tables(self) -> Sequence[Table]:
        """How far each two views agree, and the names that they place most differently."""
        rows = [
            (
                one.left, one.right, at.k, at.share, at.low, at.high, at.by_chance, one.overlap.cka,
            )
            for one in self.compared
            for at in one.overlap.overlaps
        ]  # fmt: skip
        columns = (
            "view", "beside", "nearest", "share in both", "low", "high", "by chance", "CKA",
        )  # fmt: skip
        return [
            Table(columns, rows, "neighbours in both views", bars=("share in both",), key="views"),
            *(self._names(one.overlap.lowest, one) for one in self.compared[:2]),
        ]

    @staticmethod
    def _names(rows: Sequence[NameOverlap], one: ViewsCompared) -> Table:
        k = one.overlap.overlaps[-1].k
        return Table(
            ("name", "share in both", "nearest on the left", "nearest on the right"),
            [(row.name, row.share, row.left, row.right) for row in rows],
            f"names whose {k} neighbours differ most in {one.left} (left) and {one.right} (right)",
            bars=("share in both",),
            key=f"names of {one.right}",
        )

    def notes(self) -> Sequence[str]:
        """What is read, and what was computed."""
        read = listed([f"{part} ({_states(how)})" for part, how in self.settings.items()])
        told = [f"Read from {without_folders(self.model)}: {read}."]
        if self.n_computed:
            told.append(
                f"Stored now of {counted(self.n_computed, 'name')}; --view conditioning and "
                "--view conditioning_last ask them wherever a view is asked for."
            )
        else:
            told.append("All names were computed before; --rebuild computes them again.")
        return told

    def to_arrow(self) -> pa.Table:
        """One row per comparison and number of neighbours."""
        rows = [
            {
                "left": one.left,
                "right": one.right,
                "k": at.k,
                "share": at.share,
                "low": at.low,
                "high": at.high,
                "by_chance": at.by_chance,
                "cka": one.overlap.cka,
                "n_names": at.n_names,
            }
            for one in self.compared
            for at in one.overlap.overlaps
        ]
        return pa.Table.from_pylist(rows)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the rows per name, as plain JSON values."""
        return plain_dict(
            {
                "space": f"{self.space.path}",
                "model": self.model,
                "settings": dict(self.settings),
                "n_names": self.n_names,
                "n_computed": self.n_computed,
                "compared": [
                    {"left": one.left, "right": one.right, **one.overlap.to_dict()}
                    for one in self.compared
                ],
                "parameters": dict(self.parameters),
            }
        )


def _states(how: Mapping[str, Any]) -> str:
    is_before = how["layer"] == "penultimate"
    said = "what its last layer is given" if is_before else "its last layer's states"
    padded = how.get("padded_to")
    return f"{said}, prompts padded to {padded} tokens" if padded else said
