"""What readings of axes hold, and the forms they are handed out in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.checks import Float64Array, IntArray
from namebasis.errors import TargetError
from namebasis.namespace.search.beside import told_apart
from namebasis.results import Result, Table
from namebasis.studies.attributes.beliefs import NONE, AxisBelief, counted, sentence
from namebasis.wording import p_value, z_score

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

_FEW = 3
"""Names that a headline speaks of one by one."""
_FEW_ROWS = 12
"""Names that a terminal shows one by one."""
_N_LISTED = 4


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
    unit : str
        Of `expectation` and `curve`; the others are in cosines.
    """

    axis: str
    value: str | None
    readings: Mapping[str, Float64Array]
    spreads: Mapping[str, Float64Array]
    z: Mapping[str, Float64Array]
    unit: str = ""

    def unit_of(self, reading: str) -> str:
        """The unit of one reading."""
        return self.unit if reading in ("expectation", "curve") else "cosine"

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
    beliefs : tuple of AxisBelief
        What may be said of each name on each axis, by the best validated reading.
    n_company : int
        Names that were read together, of which these are some; 0 where they are all.
    parts : tuple of str or None
        Of the names: two rows may bear one name, Jordan as a given and as a family name.
    view : str
        `text`, or the view of pictures that was read; z then compares with shuffled names.
    n_without : int
        Names that were asked for and have no picture.
    """

    ids: IntArray
    names: tuple[str, ...]
    scores: tuple[AxisScores, ...]
    leakage: Float64Array
    temperature: float
    n_made_up: int
    beliefs: tuple[AxisBelief, ...] = ()
    n_company: int = 0
    parts: tuple[str | None, ...] = ()
    view: str = "text"
    n_without: int = 0

    _figure = "namebasis.studies.attributes.figures:draw_readings"

    def headline(self) -> str | None:
        """What a few names read as; of many, how many read as what."""
        if not self.beliefs:
            return None
        if len(self.names) <= _FEW:
            every = [sentence(name, self.beliefs, at) for at, name in enumerate(self._apart())]
            return "; ".join(every) + "."
        found = []
        for belief in self.beliefs:
            groups = [(label, len(own)) for label, own in counted(belief).items() if len(own)]
            groups = sorted(groups, key=lambda one: -one[1])[:2]
            told = [f"{n:,} read as {label}" for label, n in groups]
            found.append(f"{belief.title}: {' and '.join(told) or NONE}")
        return f"Of {len(self.names):,} names, beyond chance: {'; '.join(found)}."

    def notes(self) -> list[str]:
        """The legend of the first table."""
        if not self.beliefs:
            return []
        control = "made-up names" if self.view == "text" else "shuffled names"
        told = [
            f"Reads as: beyond the range of {self.n_made_up:,} {control} at 5 %, corrected for "
            f"{len(self.beliefs)} axes (p); above: of {self._n_company:,} names; z: in standard "
            f"deviations of {control}. All four readings: --all; terms: docs/measures.md."
        ]
        if self.view != "text":
            without = f"; {self.n_without:,} names have none" if self.n_without else ""
            told.append(
                "Read from the pictures of names; a shuffled name has as many, dealt out at "
                f"random{without}."
            )
        return told

    @property
    def _n_company(self) -> int:
        return self.n_company or len(self.names)

    def tables(self) -> list[Table]:
        """What names read as; by unit every reading of every name; how much the axes overlap."""
        shown = [self._believed()] if self.beliefs else []
        if self.beliefs and len(self.names) > _FEW_ROWS:
            shown = [self._counts(), *shown]
        shown += self._readings()
        labels = [score.label for score in self.scores]
        if len(labels) > 1:
            overlap = [
                (label, *row) for label, row in zip(labels, self.leakage.tolist(), strict=True)
            ]
            title = "leakage (1: two axes are the same direction)"
            shown.append(Table(("axis", *labels), overlap, title, aside=True, detail=True))
        return shown

    def _believed(self) -> Table:
        """One row per name and axis."""
        names = self._apart()
        cells = [(at, one) for at in range(len(names)) for one in self.beliefs]
        rows = [
            (names[at], one.title, one.told(at), one.place(at), z_score(one.z[at]),
             p_value(float(one.p[at])))
            for at, one in cells
        ]  # fmt: skip
        return Table(
            ("name", "axis", "reads as", "where", "z", "p"), rows, key="beliefs",
            muted=[place for place, (at, one) in enumerate(cells) if not one.counts[at]],
            detail=len(self.names) > _FEW_ROWS,
        )  # fmt: skip

    def _apart(self, rows: Sequence[int] | IntArray | None = None) -> list[str]:
        """Names of some rows, or of all, with the part of those that come twice."""
        at = range(len(self.names)) if rows is None else rows
        parts = [self.parts[row] for row in at] if self.parts else []
        return told_apart([self.names[row] for row in at], parts)

    def _counts(self) -> Table:
        """One row per axis and value, with the names that lean to it most."""
        rows: list[tuple[object, ...]] = []
        muted = []
        for belief in self.beliefs:
            for label, own in counted(belief).items():
                most = self._apart(own[:_N_LISTED])
                if len(own) or belief.kind == "ordinal":
                    rows.append((belief.title, label, len(own), ", ".join(most)))
            muted.append(len(rows))
            rows.append((belief.title, NONE, int((~belief.counts).sum()), ""))
        columns = ("axis", "reads as", "names", "such as")
        return Table(columns, rows, key="counts", muted=muted)

    def _readings(self) -> list[Table]:
        """A table for each unit, as years and cosines do not go into one column."""
        rows: dict[str, list[tuple[object, ...]]] = {}
        for at, name in enumerate(self._apart()):
            for score in self.scores:
                for reading, values in score.readings.items():
                    spread, z = score.spreads[reading][at], score.z[reading][at]
                    numbers = map(float, (values[at], spread, z))
                    unit = score.unit_of(reading)
                    rows.setdefault(unit, []).append((name, score.label, reading, *numbers))
        return [
            Table(
                ("name", "axis", "reading", unit, "± templates", "z"), found,
                f"readings, {unit}", key=f"readings_{unit.replace(' ', '_')}", detail=True,
            )
            for unit, found in rows.items()
        ]  # fmt: skip

    def to_arrow(self) -> pa.Table:
        """One row per name: id, name, per axis what it reads as, each reading, its spread and z.

        Columns of axes are called ``age_reads_as`` (null: no belief beyond chance), with
        ``age_percentile`` and ``age_p``, and ``age_expectation`` and so on.
        """
        columns: dict[str, Any] = {"id": self.ids, "name": list(self.names)}
        for one in self.beliefs:
            told = [one.told(at) if one.counts[at] else None for at in range(len(self.names))]
            columns[f"{one.axis}_reads_as"] = pa.array(told, pa.string())
            columns[f"{one.axis}_percentile"] = one.percentile
            columns[f"{one.axis}_p"] = one.p
        for score in self.scores:
            for reading, values in score.readings.items():
                columns[f"{score.label}_{reading}"] = values
                columns[f"{score.label}_{reading}_spread"] = score.spreads[reading]
                columns[f"{score.label}_{reading}_z"] = score.z[reading]
        return pa.table(columns)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: rows of `to_arrow`, and each name's beliefs with their units."""
        return {
            "headline": self.headline(),
            "names": self.to_arrow().to_pylist(),
            "beliefs": [
                {"name": name, **one.row(at)}
                for at, name in enumerate(self.names)
                for one in self.beliefs
            ],
            "units": {s.label: {r: s.unit_of(r) for r in s.readings} for s in self.scores},
            "axes": [score.label for score in self.scores],
            "leakage": self.leakage.tolist(),
            "temperature": self.temperature,
            "n_made_up": self.n_made_up,
            "view": self.view,
            "n_without": self.n_without,
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
            is_are = "is" if len(strangers) == 1 else "are"
            lacks = ", which have pictures" if self.view != "text" else ""
            raise TargetError(
                f"{', '.join(strangers)} {is_are} not among the {len(self.names):,} names "
                f"read{lacks}; loosen where, or leave {'it' if is_are == 'is' else 'them'} out."
            )
        at = np.array([place[row] for row in rows], dtype=np.int64)

        def some(values: Mapping[str, Float64Array]) -> dict[str, Float64Array]:
            return {reading: column[at] for reading, column in values.items()}

        scores = tuple(
            AxisScores(s.axis, s.value, some(s.readings), some(s.spreads), some(s.z), s.unit)
            for s in self.scores
        )
        return replace(
            self,
            ids=self.ids[at],
            names=tuple(self.names[i] for i in at),
            scores=scores,
            beliefs=tuple(one.pick(at) for one in self.beliefs),
            n_company=self._n_company,
            parts=tuple(self.parts[i] for i in at) if self.parts else (),
        )

    def write(self, space: StoredSpace) -> None:
        """Keep readings, spreads and z as metric columns of the space.

        Those of pictures begin with ``picture_``.
        """
        rows = self.to_arrow().drop_columns(["name"])
        if self.view != "text":
            columns = [one if one == "id" else f"picture_{one}" for one in rows.column_names]
            rows = rows.rename_columns(columns)
        space.add_metrics(
            rows,
            study="attributes",
            parameters={
                "temperature": self.temperature,
                "n_made_up": self.n_made_up,
                "view": self.view,
                "labels": {one.label: one.value for one in self.scores if one.value is not None},
            },
        )
