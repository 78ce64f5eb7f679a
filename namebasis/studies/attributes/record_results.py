"""What a comparison with records holds, and the forms it is handed out in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from namebasis.analysis.readings.calibration import Calibration
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


@dataclass(frozen=True)
class RecordsReport:
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

    def to_arrow(self) -> pa.Table:
        """One row per fact, measure and reading."""
        return pa.Table.from_pylist([asdict(measure) for measure in self.measures])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def write_html(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the report as one self-contained page.

        Raises
        ------
        SpaceError
            If a file is there and may not be overwritten, or there is no folder to write into.
        """
        from namebasis.atomic import replacing_file
        from namebasis.studies.attributes.record_view import page_of

        page = page_of(self).encode("utf-8")
        with replacing_file(Path(path), overwrite) as stream:
            stream.write(page)

    def write_figure(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the charts of the first fact beside each other, as .png or .svg.

        Raises
        ------
        ValueError
            If the path ends otherwise.
        SpaceError
            As `write_html`.
        """
        from namebasis.atomic import replacing_file
        from namebasis.report.charts import save
        from namebasis.studies.attributes.record_charts import figure_of
        from namebasis.studies.attributes.record_view import sections_of

        form = Path(path).suffix.removeprefix(".")
        if form not in ("png", "svg"):
            raise ValueError(f"a figure is written as .png or .svg; got {Path(path).name!r}.")
        figure = figure_of([s.charts[0] for s in sections_of(self) if s.charts])
        with replacing_file(Path(path), overwrite) as stream:
            save(figure, stream, form)
