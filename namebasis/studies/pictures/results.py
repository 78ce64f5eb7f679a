"""How varied the pictures of names are, and the forms in which it is handed out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from namebasis.analysis.intervals import Interval
from namebasis.checks import Float64Array
from namebasis.namespace.search.beside import drawn_beside, joined, row_of
from namebasis.results import Result, Table, plain_dict
from namebasis.wording import between, counted, percent

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

STUDY = "diversity"
ALIKE = 0.05
"""Share of shuffled names below which pictures count as more alike than chance."""


@dataclass(frozen=True)
class NameDiversity:
    """The pictures of one name.

    Attributes
    ----------
    id : int
        Row of the name.
    name : str
    n_pictures : int
    medoid : int or None
        Number of the picture most like the others, in ``space.pictures()``.
    path : str or None
        Where that one lies.
    medoid_similarity : float or None
        Its mean cosine to the others.
    trace, log_det : Interval or None
        Of the covariance of the vectors; of one picture there is none.
    trace_below, log_det_below : float or None
        Share of shuffled names with less, in [0, 1].
    reason : str or None
        Why a value is missing.
    """

    id: int
    name: str
    n_pictures: int
    medoid: int | None = None
    path: str | None = None
    medoid_similarity: float | None = None
    trace: Interval | None = None
    trace_below: float | None = None
    log_det: Interval | None = None
    log_det_below: float | None = None
    reason: str | None = None


@dataclass(frozen=True, repr=False, eq=False)
class PictureDiversity(Result):
    """How varied the pictures of names are, the most alike first.

    Attributes
    ----------
    names : tuple of NameDiversity
    n_matched : int
        Pictures that every log-determinant is of.
    shuffled : ndarray of shape (n_null, 2), float64
        Trace and log-determinant of shuffled names of `n_shuffled` pictures.
    n_shuffled : int
        The number of pictures that most names have.
    parameters : mapping
    beside : Table or None
        Stored columns that were asked for.

    See Also
    --------
    namebasis.Space.diversity : Makes one.
    """

    _page = "namebasis.studies.pictures.plane:html_of"
    _figure = "namebasis.studies.pictures.plane:draw_plane"

    names: tuple[NameDiversity, ...]
    n_matched: int
    shuffled: Float64Array
    n_shuffled: int
    parameters: Mapping[str, Any]
    beside: pa.Table | None = None

    def __len__(self) -> int:
        return len(self.names)

    def headline(self) -> str:
        """How many names have pictures that are more alike than shuffled ones."""
        known = [one.trace_below for one in self.names if one.trace_below is not None]
        n_pictures = sum(one.n_pictures for one in self.names)
        said = f"{counted(len(self), 'name')} with {counted(n_pictures, 'picture')}"
        if not known and any(one.trace is not None for one in self.names):
            return f"{said}; there are no others to shuffle them with, so nothing is compared."
        if not known:
            return f"{said}; none has the pictures that it takes to compare their variety."
        n_alike = sum(below < ALIKE for below in known)
        measured = [one for one in self.names if one.trace is not None]
        most = (
            f"; the most alike are of {measured[0].name}, the most varied of {measured[-1].name}"
            if len(measured) > 1
            else ""
        )
        none = (
            f" No name has the {self.n_matched:,} pictures that log-determinants were to be "
            "compared at; by default it takes fewer."
            if all(one.log_det is None for one in self.names)
            else ""
        )
        return (
            f"{said}: those of {n_alike:,} of {len(known):,} are more alike than shuffled pictures "
            f"({ALIKE * len(known):.0f} by chance){most}.{none}"
        )

    def tables(self) -> list[Table]:
        """A row per name."""
        rows: list[tuple[object, ...]] = [
            (
                one.name, one.n_pictures, *_told(one.trace), _share(one.trace_below),
                *_told(one.log_det), _share(one.log_det_below), one.path, one.reason,
            )
            for one in self.names
        ]  # fmt: skip
        columns: tuple[str, ...] = (
            "name", "pictures", "trace", "95 %", "shuffled below", "log det", "95 % of log det",
            "log dets below", "medoid", "reason",
        )  # fmt: skip
        if not any(one.reason for one in self.names):
            columns, rows = columns[:-1], [row[:-1] for row in rows]
        table = Table(columns, rows, bars=("trace", "log det"))
        return [drawn_beside(table, self.beside, range(len(rows)))]

    def notes(self) -> list[str]:
        return [
            "Trace: variance of a name's pictures in all directions. Log det: in how many of them, "
            f"in bits, of {self.n_matched} pictures each (more would have more); noise is "
            f"{percent(self.parameters['floor'])} of the length. Below: share of shuffled names "
            "(the same number of pictures dealt out at random) with less."
        ]

    def to_arrow(self) -> pa.Table:
        """One row per name: id, name, n_pictures, trace and log_det with their ends and shares,
        the medoid with its path and similarity, reason, then columns asked for."""
        floats = [
            *(f"{key}{end}" for key in ("trace", "log_det") for end in ("", "_low", "_high",
                                                                       "_below")),
            "medoid_similarity",
        ]  # fmt: skip
        schema = pa.schema(
            [("id", pa.int64()), ("name", pa.string()), ("n_pictures", pa.int64()),
             *((name, pa.float64()) for name in floats), ("medoid", pa.int64()),
             ("medoid_path", pa.string()), ("reason", pa.string())]
        )  # fmt: skip
        rows = pa.Table.from_pylist([_row(one) for one in self.names], schema)
        return joined(rows, self.beside)

    def to_dict(self) -> dict[str, Any]:
        """The rows of `to_arrow`, and what was asked with."""
        rows = [_row(one) | row_of(self.beside, at) for at, one in enumerate(self.names)]
        return {
            "headline": self.headline(), "n_matched": self.n_matched,
            "names": [plain_dict(row) for row in rows], "parameters": dict(self.parameters),
        }  # fmt: skip

    def write(self, space: StoredSpace) -> None:
        """Keep trace, log-determinant, their shares and the medoid as columns of the space."""
        rows = self.to_arrow()
        kept = {
            "id": rows["id"],
            "picture_trace": rows["trace"],
            "picture_trace_below": rows["trace_below"],
            "picture_log_det": rows["log_det"],
            "picture_log_det_below": rows["log_det_below"],
            "medoid": rows["medoid_path"],
            "medoid_similarity": rows["medoid_similarity"],
        }
        space.add_metrics(pa.table(kept), study=STUDY, parameters=dict(self.parameters))


def _told(found: Interval | None) -> tuple[float | None, str | None]:
    if found is None:
        return None, None
    return found.value, None if found.low is None else between(found.low, found.high)


def _share(below: float | None) -> str | None:
    return None if below is None else percent(below)


def _row(one: NameDiversity) -> dict[str, Any]:
    """Plain values of one name."""
    found: dict[str, Any] = {
        "id": one.id, "name": one.name, "n_pictures": one.n_pictures, "medoid": one.medoid,
        "medoid_path": one.path, "medoid_similarity": one.medoid_similarity, "reason": one.reason,
    }  # fmt: skip
    for key, value, below in (
        ("trace", one.trace, one.trace_below), ("log_det", one.log_det, one.log_det_below)
    ):  # fmt: skip
        found |= {
            key: value and value.value, f"{key}_low": value and value.low,
            f"{key}_high": value and value.high, f"{key}_below": below,
        }  # fmt: skip
    return found
