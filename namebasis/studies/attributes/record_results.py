"""What a comparison with records holds, and the forms it is handed out in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from namebasis.analysis.readings.calibration import Calibration
from namebasis.results import Result, Table
from namebasis.studies.attributes.record_matching import Matching
from namebasis.studies.attributes.record_measures import Measure


@dataclass(frozen=True)
class Curve:
    """How far one reading's beliefs come true: in years for ages, in shares else."""

    fact: str
    reading: str
    unit: str
    calibration: Calibration


@dataclass(frozen=True)
class EraBias:
    """Belief less records for the names of one decade.

    Attributes
    ----------
    fact, reading, unit : str
        A reading without a unit is given the records' own values in the order of its ranks.
    decade : int
        In which most bearers of these names were born.
    n : int
    recorded, believed : float
        Means, in the fact's unit.
    bias : float
        Believed less recorded.
    low, high : float or None
        Its 95 % interval over names; None where it is the same for all.
    null : float
        Bias of a belief that knows nothing: every name gets the mean of all.
    """

    fact: str
    reading: str
    unit: str
    decade: int
    n: int
    recorded: float
    believed: float
    bias: float
    low: float | None
    high: float | None
    null: float


@dataclass(frozen=True)
class Popularity:
    """One measure among names of like popularity; `first` and `last` count from the commonest."""

    fact: str
    measure: str
    reading: str
    first: int
    last: int
    least: int
    most: int
    value: float
    low: float | None
    high: float | None
    null: float
    n: int


@dataclass(frozen=True, repr=False)
class RecordsReport(Result):
    """How well readings follow records.

    Attributes
    ----------
    records : str
    year : int or None
    n_names : int
    measures : tuple of Measure
    curves : tuple of Curve
        Calibration of the readings with a unit: `expectation` and the probe.
    eras : tuple of EraBias
        Where the records know decades of birth.
    popularity : tuple of Popularity
        Where the records count bearers.
    provenance : mapping
    matching : Matching or None
        How names were found in the records, and which were lost.
    """

    records: str
    year: int | None
    n_names: int
    measures: tuple[Measure, ...]
    curves: tuple[Curve, ...]
    eras: tuple[EraBias, ...]
    popularity: tuple[Popularity, ...]
    provenance: Mapping[str, Any]
    matching: Matching | None = None

    _page = "namebasis.studies.attributes.record_page:html_of"
    _figure = "namebasis.studies.attributes.record_charts:draw"

    def headline(self) -> str | None:
        """How names were found in the records."""
        return self.matching.told() if self.matching else None

    def tables(self) -> list[Table]:
        """Measures, calibration, and where the records know them, popularity and decades."""
        shown = [
            Table(
                ("fact", "measure", "reading", "value", "low", "high", "null", "names"),
                [
                    (m.fact, m.measure, m.reading, m.value, m.low, m.high, m.null, m.n_names)
                    for m in self.measures
                ],
                f"against {self.records}, {self.n_names:,} names",
                key="measures",
            ),
            Table(
                ("fact", "reading", "error", "slope", "unit"),
                [
                    (c.fact, c.reading, c.calibration.error, c.calibration.slope, c.unit)
                    for c in self.curves
                ],
                "calibration: names by what is believed",
                key="calibration",
            ),
            Table(
                ("fact", "measure", "reading", "from", "to", "value", "low", "high", "null"),
                [
                    (p.fact, p.measure, p.reading, p.first, p.last, p.value, p.low, p.high, p.null)
                    for p in self.popularity
                ],
                "by popularity",
                key="popularity",
            ),
            Table(
                ("fact", "reading", "decade", "names", "recorded", "bias", "low", "high", "null"),
                [
                    (e.fact, e.reading, e.decade, e.n, e.recorded, e.bias, e.low, e.high, e.null)
                    for e in self.eras
                ],
                "bias by decade: believed less recorded",
                key="eras",
            ),
        ]
        return [table for table in shown if table.rows or table.key in ("measures", "calibration")]

    def to_arrow(self) -> pa.Table:
        """One row per fact, measure and reading."""
        return pa.Table.from_pylist([asdict(measure) for measure in self.measures])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
