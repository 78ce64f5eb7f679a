"""What the study `points_to` returns: whom each given or family name brings up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from namebasis.analysis.intervals import Interval
from namebasis.results import Result, Table, plain_dict
from namebasis.wording import between, counted, percent

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

STUDY = "points_to"
RATE = 0.05
"""Chance below which a part is said to point to somebody."""
_FEW = 3
_WRITTEN = ("hold", "margin", "z", "chance")


@dataclass(frozen=True)
class PartPoints:
    """One given or family name.

    Attributes
    ----------
    part : str
    side : str
        "given" or "family".
    n_bearers : int
        Stored full names that have it there.
    nearest : str
        Of these the one with the largest hold.
    id : int
        Its row.
    hold : float
        Mean cosine of that name to the part beside the swap partners, about the mean of all pairs.
    second : str
        The nearest of all other stored full names, whether they have the part or not.
    margin : Interval
        By how much its hold is less, with 95 % over partners; below 0 where it is nearer.
    null : float
        Mean hold of the swap partners' pairs with each other.
    z : float
        `hold` in standard deviations of these from their mean.
    chance : float
        Probability of as large a z by chance, the largest of as many names as bear the part.
    """

    part: str
    side: str
    n_bearers: int
    nearest: str
    id: int
    hold: float
    second: str
    margin: Interval
    null: float
    z: float
    chance: float


@dataclass(frozen=True, repr=False, eq=False)
class PointsTo(Result):
    """Whom parts of names bring up, the surest first.

    Attributes
    ----------
    rows : tuple of PartPoints
    n_names : int
        Stored full names that could be brought up.
    source : str
        Where the swap partners come from.
    parameters : mapping
    """

    _page = "namebasis.studies.identity.pages.points_to:html_of"
    _figure = "namebasis.studies.identity.pages.points_to:draw"

    rows: tuple[PartPoints, ...]
    n_names: int
    source: str
    parameters: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def is_sure(self) -> list[bool]:
        """Whether each part points to its nearest name, whichever others are asked about.

        Its chance lies below 5 %, and the margin's interval lies above 0.
        """
        return [row.chance < RATE and (row.margin.low or 0.0) > 0 for row in self.rows]

    def of(self, part: str, side: str | None = None) -> str | None:
        """The name that a part points to; None where it points to nobody."""
        for row, sure in zip(self.rows, self.is_sure, strict=True):
            if row.part == part and side in (None, row.side) and sure:
                return row.nearest
        return None

    def headline(self) -> str:
        """Whom a few parts point to, or how many point to somebody."""
        both = list(zip(self.rows, self.is_sure, strict=True))
        if len(both) <= _FEW:
            return " ".join(
                f"{row.part} points to {row.nearest} (z {row.z:.1f}, hold {row.hold:.2f})."
                if sure
                else f"{row.part} points to nobody; nearest is {row.nearest} (z {row.z:.1f})."
                for row, sure in both
            )
        n_sure = sum(sure for _, sure in both)
        said = f"Of {counted(len(both), 'part')}, {n_sure:,} point to one stored full name"
        said += f" (up to {RATE * len(both):.0f} by chance)"
        if n_sure:
            first = next(row for row, sure in both if sure)
            said += f", {first.part} to {first.nearest} most surely"
        return said + "."

    def tables(self) -> list[Table]:
        """A row per part."""
        sure = self.is_sure
        rows = [
            (row.part, row.side, row.nearest if yes else None, row.nearest, row.hold, row.null,
             row.z, percent(row.chance, 1), row.second, row.margin.value, _ends(row.margin),
             row.n_bearers)
            for row, yes in zip(self.rows, sure, strict=True)
        ]  # fmt: skip
        columns = ("name part", "part", "points to", "nearest full name", "hold", "hold by chance",
                   "hold z", "by chance", "next full name", "margin to it", "95 % of margin",
                   "bearers")  # fmt: skip
        return [Table(columns, rows, muted=[at for at, yes in enumerate(sure) if not yes])]

    def notes(self) -> list[str]:
        """How to read the rows."""
        return [
            "By chance: pairs of the swap partners, which are common names; the best of as many as "
            f"bear the part. Points to: less than {percent(RATE)} by chance, and the margin's "
            "interval lies above 0. The next full name may have any parts.",
            f"Could be brought up: {counted(self.n_names, 'stored full name')}. {self.source}.",
        ]

    def to_arrow(self) -> pa.Table:
        """One row per part."""
        schema = pa.schema(
            [("part", pa.string()), ("side", pa.string()), ("points_to", pa.string()),
             ("nearest", pa.string()), ("id", pa.int64()), ("hold", pa.float64()),
             ("null", pa.float64()), ("z", pa.float64()), ("chance", pa.float64()),
             ("second", pa.string()), ("margin", pa.float64()), ("margin_low", pa.float64()),
             ("margin_high", pa.float64()), ("n_bearers", pa.int64())]
        )  # fmt: skip
        return pa.Table.from_pylist(self._rows(), schema)

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {**{key: value for key, value in asdict(row).items() if key != "margin"},
             "points_to": row.nearest if sure else None, "margin": row.margin.value,
             "margin_low": row.margin.low, "margin_high": row.margin.high}
            for row, sure in zip(self.rows, self.is_sure, strict=True)
        ]  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain JSON values."""
        return {
            "headline": self.headline(),
            "parts": [plain_dict(row) for row in self._rows()],
            "n_names": self.n_names,
            "parameters": dict(self.parameters),
            "notes": self.notes(),
        }

    def write(self, space: StoredSpace) -> int:
        """Store whom parts point to; return how many rows of the space got it.

        On stored given and family names: ``points_to`` (null where to nobody), with its hold,
        margin, z and chance. On full names: ``pointed_to_by``, the parts that point to them.

        Raises
        ------
        ValueError
            If the space stores none of the parts, and none of them points to anybody.
        """
        told = self._of_parts(space)
        for one, sure in zip(self.rows, self.is_sure, strict=True):
            if sure:
                before = told.setdefault(one.id, {}).get("pointed_to_by")
                told[one.id]["pointed_to_by"] = f"{before}, {one.part}" if before else one.part
        if not told:
            raise ValueError(
                "the space stores none of these parts as a name, and none points to anybody; "
                "there is nothing to write."
            )
        numbers = [(f"{STUDY}_{key}", pa.float64()) for key in _WRITTEN]
        schema = pa.schema(
            [("id", pa.int64()), (STUDY, pa.string()), *numbers, ("pointed_to_by", pa.string())]
        )
        table = pa.Table.from_pylist([{"id": at, **row} for at, row in told.items()], schema)
        space.add_metrics(table, study=STUDY, parameters=dict(self.parameters))
        return len(told)

    def _of_parts(self, space: StoredSpace) -> dict[int, dict[str, Any]]:
        """By row of the space: whom stored given and family names point to."""
        told: dict[int, dict[str, Any]] = {}
        for side in ("given", "family"):
            rows = [row for row in self._rows() if row["side"] == side]
            places = space.find_all([row["part"] for row in rows], side) if rows else []
            for row, place in zip(rows, places, strict=True):
                if place is not None:
                    numbers = {f"{STUDY}_{key}": row[key] for key in _WRITTEN}
                    told.setdefault(place, {STUDY: row[STUDY], **numbers})
        return told


def _ends(one: Interval) -> str | None:
    return None if one.low is None or one.high is None else between(one.low, one.high, 3)
