"""What readings of axes hold, and the forms they are handed out in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.checks import Float64Array, IntArray
from namebasis.errors import TargetError
from namebasis.results import Result, Table

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace


@dataclass(frozen=True)
class AxisScores:
    """One axis of some names; every array has a value per name.

    Attributes
    ----------
    axis : str
    value : str or None
        The value that a nominal axis' reading is for; None on an ordinal axis.
    readings : mapping of str to ndarray
        `expectation` and `curve` in the axis' ranks (years for age), `projection` and `inferred`
        in cosine units; of a nominal axis' value, `expectation` is its share and `projection`
        that against the other values' mean.
    spreads : mapping of str to ndarray
        Standard deviation of each reading over the axis' templates; NaN with one template.
    z : mapping of str to ndarray
        Standard deviations from the mean of pseudo names.
    """

    axis: str
    value: str | None
    readings: Mapping[str, Float64Array]
    spreads: Mapping[str, Float64Array]
    z: Mapping[str, Float64Array]

    @property
    def label(self) -> str:
        """As its columns are called."""
        value = "" if self.value is None else "_" + self.value.replace(" ", "_").replace("-", "_")
        return (self.axis + value).lower()


@dataclass(frozen=True, repr=False, eq=False)
class Attributes(Result):
    """Readings of several axes for the same names.

    Attributes
    ----------
    ids : ndarray of shape (n_names,)
    names : tuple of str
    scores : tuple of AxisScores
    leakage : ndarray of shape (n_scores, n_scores)
        Absolute cosines between the axes' directions; near 1, two axes are the same.
    temperature : float
    n_made_up : int
    """

    ids: IntArray
    names: tuple[str, ...]
    scores: tuple[AxisScores, ...]
    leakage: Float64Array
    temperature: float
    n_made_up: int

    _figure = "namebasis.studies.attributes.figures:draw_readings"

    def tables(self) -> list[Table]:
        """Every reading of every name, and how much the axes overlap."""
        columns = ("name", "axis", "reading", "value", "spread", "z")
        shown = [Table(columns, list(self._rows()))]
        labels = [score.label for score in self.scores]
        if len(labels) > 1:
            overlap = [
                (label, *row) for label, row in zip(labels, self.leakage.tolist(), strict=True)
            ]
            title = "leakage (1: two axes are the same direction)"
            shown.append(Table(("axis", *labels), overlap, title, aside=True))
        return shown

    def _rows(self) -> Iterator[tuple[object, ...]]:
        for at, name in enumerate(self.names):
            for score in self.scores:
                for reading, values in score.readings.items():
                    spread, z = score.spreads[reading][at], score.z[reading][at]
                    yield name, score.label, reading, *map(float, (values[at], spread, z))

    def to_arrow(self) -> pa.Table:
        """One row per name: id, name, and per axis each reading, its spread and its z."""
        columns: dict[str, Any] = {"id": self.ids, "name": list(self.names)}
        for score in self.scores:
            for reading, values in score.readings.items():
                columns[f"{score.label}_{reading}"] = values
                columns[f"{score.label}_{reading}_spread"] = score.spreads[reading]
                columns[f"{score.label}_{reading}_z"] = score.z[reading]
        return pa.table(columns)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "names": self.to_arrow().to_pylist(),
            "axes": [score.label for score in self.scores],
            "leakage": self.leakage.tolist(),
            "temperature": self.temperature,
            "n_made_up": self.n_made_up,
        }

    def pick(self, space: StoredSpace, names: Sequence[str]) -> Attributes:
        """The same for some names alone.

        Raises
        ------
        TargetError
            If a name is not among those that were read.
        """
        place = {int(row): at for at, row in enumerate(self.ids)}
        rows = space.rows_of(names)
        strangers = [n for n, row in zip(names, rows, strict=True) if row not in place]
        if strangers:
            raise TargetError(
                f"{', '.join(strangers)} is not among the {len(self.names):,} names read; "
                "loosen where, or leave it out."
            )
        at = np.array([place[row] for row in rows], dtype=np.int64)

        def some(values: Mapping[str, Float64Array]) -> dict[str, Float64Array]:
            return {reading: column[at] for reading, column in values.items()}

        scores = tuple(
            AxisScores(s.axis, s.value, some(s.readings), some(s.spreads), some(s.z))
            for s in self.scores
        )
        chosen = tuple(self.names[i] for i in at)
        return replace(self, ids=self.ids[at], names=chosen, scores=scores)

    def write(self, space: StoredSpace) -> None:
        """Keep readings, spreads and z as metric columns of the space."""
        space.add_metrics(
            self.to_arrow().drop_columns(["name"]),
            study="attributes",
            parameters={"temperature": self.temperature, "n_made_up": self.n_made_up},
        )
