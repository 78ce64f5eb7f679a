"""Charts of a comparison with records: bias by decade, belief by popularity, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from namebasis.report import charts
from namebasis.studies.attributes.record_results import (
    PROPER,
    Curve,
    EraBias,
    Popularity,
    RecordsReport,
)

_UNITS = {"years": "years", "share": "share"}
_WORDS = {
    "age": "age of living bearers",
    "women": "share of women",
    "expectation": "zero-shot (expectation)",
    "inferred": "zero-shot (inferred)",
    "projection": "zero-shot (projection)",
    "probe": "probe, cross-validated",
    **PROPER,
}
_INKS = (charts.FILL, charts.WARM, charts.SOFT)


@dataclass(frozen=True)
class Point:
    """One mark: its place, and the interval of its height; None for ends where it has none."""

    x: float
    y: float
    low: float | None
    high: float | None

    @property
    def ends(self) -> tuple[float, float]:
        """Those of the bar, of no length without an interval."""
        return (
            self.y if self.low is None else self.low,
            self.y if self.high is None else self.high,
        )


@dataclass(frozen=True)
class Series:
    """Marks joined by a line; `dashed` for a null, which has neither marks nor intervals.

    A null of one series alone has its colour: `of` is that series' name.
    """

    name: str
    points: Sequence[Point]
    dashed: bool = False
    of: str = ""


@dataclass(frozen=True)
class Chart:
    """What a chart shows.

    Attributes
    ----------
    title, x_label, y_label : str
    series : sequence of Series
        At most three that are not dashed.
    ticks : sequence of (float, str), optional
        Places along x with their names; by default round numbers.
    diagonal : bool
        Draw the line where y equals x.
    level : float, optional
        Draw a horizontal line there.
    span : (float, float), optional
        Where the y axis begins and ends; by default around the marks.
    """

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    ticks: Sequence[tuple[float, str]] | None = None
    diagonal: bool = False
    level: float | None = None
    span: tuple[float, float] | None = None


@dataclass(frozen=True)
class Section:
    """Charts of one kind under a heading, and a line that says how to read them."""

    title: str
    note: str
    charts: Sequence[Chart]


def word(name: str) -> str:
    """What a fact or a reading is called on charts and pages."""
    return _WORDS.get(name, name)


def draw(report: RecordsReport) -> Any:
    """The first fact's charts beside each other, one of each kind that the records allow.

    Raises
    ------
    ValueError
        If there is nothing to draw.
    """
    shown = [section.charts[0] for section in sections_of(report) if section.charts]
    if not shown:
        raise ValueError("the records say too little of these names to draw a chart.")
    return figure_of(shown)


@charts.chart
def figure_of(shown: Sequence[Chart]) -> Any:
    """Draw charts beside each other.

    Raises
    ------
    ValueError
        If a chart has no point, or a coordinate is not finite.
    """
    figure, axes = charts.new_figure(len(shown), width=5.6 * len(shown), height=4.1)
    for panel, chart in zip(axes, shown, strict=True):
        _draw(panel, chart)
    return figure


def _draw(axes: Any, chart: Chart) -> None:
    points = [point for series in chart.series for point in series.points]
    if not points:
        raise ValueError(f"chart {chart.title!r} needs at least one point.")
    if not all(isfinite(v) for p in points for v in (p.x, p.y, *p.ends)):
        raise ValueError(f"chart {chart.title!r} has a coordinate that is not finite.")
    axes.set_title(chart.title)
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)
    axes.grid(axis="y")
    shown = [series.name for series in chart.series if not series.dashed]
    inks = dict(zip(shown, _INKS, strict=False))
    for series in chart.series:
        across = [p.x for p in series.points]
        heights = [p.y for p in series.points]
        if series.dashed:
            ink = inks.get(series.of, charts.FAINT)
            # A line of one point would not be seen.
            mark = "_" if len(across) == 1 else None
            axes.plot(across, heights, ":" if series.of else "--", color=ink, label=series.name,
                      marker=mark, markersize=14, markeredgewidth=1.6)  # fmt: skip
            continue
        reach = [[abs(p.ends[at] - p.y) for p in series.points] for at in (0, 1)]
        axes.errorbar(across, heights, reach, color=inks[series.name], marker="o", markersize=4.5,
                      elinewidth=1, label=series.name)  # fmt: skip
    if chart.level is not None:
        axes.axhline(chart.level, color=charts.SOFT, linewidth=0.9, linestyle=":")
    if chart.diagonal:
        ends = [min(p.x for p in points), max(p.x for p in points)]
        axes.plot(ends, ends, ":", color=charts.SOFT, linewidth=0.9)
    if chart.span is not None:
        axes.set_ylim(*chart.span)
    if chart.ticks is not None:
        axes.set_xticks([x for x, _ in chart.ticks], [name for _, name in chart.ticks])
    # Below the axes, where it covers no line.
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)


def sections_of(report: RecordsReport) -> list[Section]:
    """The charts of a report by kind; a kind without data has none."""
    return [
        Section(
            "Bias by decade",
            "Believed less recorded, for names most of whose bearers were born in a decade; above "
            "the line they are believed older (or more often women) than they are. Dashed: a "
            "belief that knows nothing and gives all names the same value. A zero-shot reading has "
            "no unit: it is given the records' own values in the order of its ranks.",
            _era_charts(report.eras),
        ),
        Section(
            "Belief by popularity",
            "How well beliefs follow the records among names from the most common on; charts of "
            "one measure have one y axis. Dotted, in the colour of each reading: what 95 % of its "
            "nulls stay below (a dash, where all names are in one group). A mark says something "
            "where it lies above its null.",
            _popularity_charts(report.popularity),
        ),
        Section(
            "Calibration",
            "Names in ten bins by what is believed; where a believed age or share "
            "is right, marks lie on the dotted diagonal. Each chart has its own axes.",
            _calibration_charts(report.curves),
        ),
    ]


def _era_charts(rows: Sequence[EraBias]) -> list[Chart]:
    drawn: list[Chart] = []
    for fact in dict.fromkeys(row.fact for row in rows):
        own = [row for row in rows if row.fact == fact]
        decades = sorted({row.decade for row in own})
        every = 2 if len(decades) > 9 else 1
        series = []
        for reading in dict.fromkeys(row.reading for row in own):
            points = [
                Point(row.decade, row.bias, row.low, row.high)
                for row in own
                if row.reading == reading
            ]
            series.append(Series(word(reading), points))
        null = {row.decade: Point(row.decade, row.null, row.null, row.null) for row in own}
        series.append(Series("knows nothing", [null[d] for d in decades], dashed=True))
        drawn.append(
            Chart(
                f"{word(fact)}: believed less recorded",
                "decade in which most bearers were born",
                f"bias, {_UNITS[own[0].unit]}",
                series,
                ticks=[(decade, f"{decade}s") for decade in decades[::every]],
                level=0.0,
            )
        )
    return drawn


def _popularity_charts(rows: Sequence[Popularity]) -> list[Chart]:
    drawn: list[Chart] = []
    for fact, measure in dict.fromkeys((row.fact, row.measure) for row in rows):
        own = [row for row in rows if (row.fact, row.measure) == (fact, measure)]
        bins = sorted({(row.first, row.last) for row in own})
        series, nulls = [], []
        for reading in dict.fromkeys(row.reading for row in own):
            # Undefined where a bin's names all have one reading.
            here = {
                bins.index((row.first, row.last)): row
                for row in own
                if row.reading == reading and isfinite(row.value)
            }
            if not here:
                continue
            name = word(reading)
            points = [Point(at, row.value, row.low, row.high) for at, row in here.items()]
            series.append(Series(name, points))
            known = [
                Point(at, r.null, r.null, r.null) for at, r in here.items() if isfinite(r.null)
            ]
            if known:
                nulls.append(Series(f"null, {name}", known, dashed=True, of=name))
        if not series:
            continue
        drawn.append(
            Chart(
                f"{word(fact)}: {measure} by popularity",
                "names, from the most common",
                measure,
                [*series, *nulls],
                ticks=[(at, f"{first:,}–{last:,}") for at, (first, last) in enumerate(bins)],
                span=_span([row for row in rows if row.measure == measure]),
            )
        )
    return drawn


def _span(rows: Sequence[Popularity]) -> tuple[float, float]:
    """One y axis for all charts of a measure, so that heights compare between them."""
    marks = [mark for row in rows for mark in (row.value, row.low, row.high, row.null)]
    known = [mark for mark in marks if mark is not None and isfinite(mark)]
    neutral = 0.0 if rows[0].measure == "Spearman" else 0.5
    return min([neutral, *known]) - 0.03, max([neutral, *known]) + 0.03


def _calibration_charts(curves: Sequence[Curve]) -> list[Chart]:
    drawn: list[Chart] = []
    for fact in dict.fromkeys(curve.fact for curve in curves):
        own = [curve for curve in curves if curve.fact == fact]
        series = [
            Series(
                f"{word(curve.reading)}, error {curve.calibration.error:.2f}",
                [
                    Point(
                        b.predicted,
                        b.observed,
                        b.low,
                        b.high,
                    )
                    for b in curve.calibration.bins
                ],
            )
            for curve in own
        ]
        unit = _UNITS[own[0].unit]
        drawn.append(
            Chart(
                f"{word(fact)}: calibration",
                f"believed, {unit}",
                f"recorded, {unit}",
                series,
                diagonal=True,
            )
        )
    return drawn
