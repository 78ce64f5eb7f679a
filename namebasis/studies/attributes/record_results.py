"""What a comparison with records holds, and the forms it is handed out in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from namebasis.analysis.readings.calibration import Calibration
from namebasis.results import Result, Table
from namebasis.studies.attributes.record_matching import Matching
from namebasis.studies.attributes.record_measures import Measure
from namebasis.wording import listed

PROPER = {"asian": "Asian", "hispanic": "Hispanic"}
"""Facts that sentences write with a capital."""


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


@dataclass(frozen=True)
class Misjudged:
    """A name of which the model believes something far from what is recorded.

    Attributes
    ----------
    fact, unit : str
    reading : str
        The belief: the best validated reading without labels, given the records' own values in
        the order of its ranks, where that follows the records beyond its null; else the probe.
    name : str
    recorded, believed, error : float
        In the fact's unit; the error is believed less recorded.
    births : int or None
        Or bearers, where the records count them.
    """

    fact: str
    unit: str
    reading: str
    name: str
    recorded: float
    believed: float
    error: float
    births: int | None


@dataclass(frozen=True)
class Finding:
    """What one fact and measure come to.

    Attributes
    ----------
    fact, measure : str
    zero_shot : Measure or None
        The best validated reading without labels.
    probe, spelling : Measure or None
        Cross-validated, on the model's vectors and on letters alone.
    """

    fact: str
    measure: str
    zero_shot: Measure | None
    probe: Measure | None
    spelling: Measure | None

    @property
    def is_read(self) -> bool:
        """Whether the reading without labels follows the records beyond its null."""
        return self.zero_shot is not None and self.zero_shot.value > self.zero_shot.null

    @property
    def is_found(self) -> bool:
        """Whether a probe finds it in the vectors beyond its null."""
        return self.probe is not None and self.probe.value > self.probe.null

    @property
    def is_spelled(self) -> bool:
        """Whether letters alone do as well: not below the probe's 95 % interval."""
        if not self.is_found or self.probe is None or self.spelling is None:
            return False
        low = self.probe.value if self.probe.low is None else self.probe.low
        return self.spelling.value >= low

    @property
    def said(self) -> str:
        """The finding in words."""
        told = (
            "read without labels" if self.is_read
            else "found by a probe only" if self.is_found
            else "no belief beyond chance"
        )  # fmt: skip
        return f"{told}; spelling alone does as well" if self.is_spelled else told


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
    misjudged : tuple of Misjudged
        By fact the names that the model misjudges most: of the 1,000 commonest where the records
        count bearers, else of all.
    validated : mapping of fact to str
        The reading without labels that follows public records best on this kind of axis.
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
    misjudged: tuple[Misjudged, ...] = ()
    validated: Mapping[str, str] = field(default_factory=dict)

    _page = "namebasis.studies.attributes.record_page:html_of"
    _figure = "namebasis.studies.attributes.record_charts:draw"

    @property
    def findings(self) -> list[Finding]:
        """Every fact and measure with its readings beside each other."""
        held = {(m.fact, m.measure, m.reading): m for m in self.measures}
        return [
            Finding(
                fact,
                measure,
                held.get((fact, measure, self.validated.get(fact, "inferred"))),
                held.get((fact, measure, "probe")),
                held.get((fact, measure, "spelling")),
            )
            for fact, measure in dict.fromkeys((m.fact, m.measure) for m in self.measures)
        ]

    def headline(self) -> str | None:
        """On what the model follows the records, on what not, and where spelling does as well."""
        found = {one.fact: one for one in self.findings}  # of several measures the last, the AUC
        if not found:
            return None
        read = [
            f"{_said(one.fact)} ({one.measure} {one.zero_shot.value:.2f}, chance "
            f"{one.zero_shot.null:.2f})"
            for one in found.values()
            if one.is_read and one.zero_shot is not None
        ]
        lost = [_said(one.fact) for one in found.values() if not one.is_read]
        spelled = [_said(one.fact) for one in found.values() if one.is_spelled]
        parts = [
            f"follows {self.records} beyond chance on {listed(read)}" if read else "",
            f"{'not' if read else 'does not follow ' + self.records} beyond chance on "
            f"{listed(lost)}" if lost else "",
            f"spelling alone does as well as a probe of its vectors on {listed(spelled)}"
            if spelled else "",
        ]  # fmt: skip
        told = "; ".join(part for part in parts if part)
        return f"What {self.provenance.get('space')} reads of {self.n_names:,} names {told}."

    def notes(self) -> list[str]:
        """The legend of the first table."""
        return [
            "chance: what 95 % of chance axes, or of shuffles, stay below; probe and spelling are "
            "cross-validated, spelling knows no model. Intervals, popularity, decades: --all."
        ]

    def footnotes(self) -> list[str]:
        """How names were found in the records."""
        return [self.matching.told()] if self.matching else []

    def tables(self) -> list[Table]:
        """Measures, calibration, and where the records know them, popularity and decades."""
        shown = [
            self._summary(),
            *self._misjudged(),
            Table(
                ("fact", "measure", "reading", "value", "low", "high", "null", "names"),
                [
                    (m.fact, m.measure, m.reading, m.value, m.low, m.high, m.null, m.n_names)
                    for m in self.measures
                ],
                f"against {self.records}, {self.n_names:,} names",
                key="measures",
                detail=True,
            ),
            Table(
                ("fact", "reading", "error", "slope", "unit"),
                [
                    (c.fact, c.reading, c.calibration.error, c.calibration.slope, c.unit)
                    for c in self.curves
                ],
                "calibration: names by what is believed",
                key="calibration",
                detail=True,
            ),
            Table(
                ("fact", "measure", "reading", "from", "to", "value", "low", "high", "null"),
                [
                    (p.fact, p.measure, p.reading, p.first, p.last, p.value, p.low, p.high, p.null)
                    for p in self.popularity
                ],
                "by popularity",
                key="popularity",
                detail=True,
            ),
            Table(
                ("fact", "reading", "decade", "names", "recorded", "bias", "low", "high", "null"),
                [
                    (e.fact, e.reading, e.decade, e.n, e.recorded, e.bias, e.low, e.high, e.null)
                    for e in self.eras
                ],
                "bias by decade: believed less recorded",
                key="eras",
                detail=True,
            ),
        ]
        return [table for table in shown if table.rows or table.key in ("measures", "calibration")]

    def _summary(self) -> Table:
        """A row per fact and measure: the readings beside each other, and what they come to."""
        rows = []
        found = self.findings
        for one in found:
            pairs = [
                (None, None) if m is None else (f"{m.value:.2f}", f"{m.null:.2f}")
                for m in (one.zero_shot, one.probe)
            ]
            spelling = None if one.spelling is None else f"{one.spelling.value:.2f}"
            rows.append((one.fact, one.measure, *pairs[0], *pairs[1], spelling, one.said))
        columns = (
            "fact", "measure", "no labels", "chance", "probe", "chance", "spelling", "what it says",
        )  # fmt: skip
        muted = [at for at, one in enumerate(found) if not one.is_read]
        return Table(columns, rows, key="summary", muted=muted)

    def _misjudged(self) -> list[Table]:
        """A table for each fact, as years and shares do not go into one column."""
        tables = []
        for fact in dict.fromkeys(one.fact for one in self.misjudged):
            own = [one for one in self.misjudged if one.fact == fact]
            digits = 0 if own[0].unit == "years" else 2
            rows = [
                (m.name, f"{m.recorded:.{digits}f}", f"{m.believed:.{digits}f}",
                 f"{m.error:+.{digits}f}", m.births)
                for m in own
            ]  # fmt: skip
            unit = own[0].unit
            columns = ("name", f"recorded, {unit}", f"believed, {unit}", "off by", "births")
            title = f"misjudged most: {fact}, by {own[0].reading}"
            tables.append(
                Table(columns, rows, title, key=f"misjudged_{fact.lower().replace(' ', '_')}")
            )
        return tables

    def to_arrow(self) -> pa.Table:
        """One row per fact, measure and reading."""
        return pa.Table.from_pylist([asdict(measure) for measure in self.measures])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        findings = [
            {"fact": one.fact, "measure": one.measure, "said": one.said} for one in self.findings
        ]
        return {"headline": self.headline(), "findings": findings, **asdict(self)}


def _said(fact: str) -> str:
    return PROPER.get(fact, fact)
