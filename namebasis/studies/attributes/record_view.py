"""From a comparison with records to what its page shows."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from namebasis.studies.attributes.record_charts import Chart, Point, Series
from namebasis.studies.attributes.record_page import (
    MeasureRow,
    RecordsPage,
    Section,
    render,
)
from namebasis.studies.attributes.record_results import (
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
    "probe": "probe, cross-validated",
}


def page_of(report: RecordsReport) -> str:
    """The report as a whole HTML document."""
    source = report.provenance
    return render(
        RecordsPage(
            title="What names are believed to be, and what records say",
            lead=(
                f"{source['space']} · {source['encoder']} · against {report.records}"
                + (f" of {report.year}" if report.year else "")
            ),
            facts=[(f"{report.n_names:,}", "names in both"), *_best(report)],
            measures=[
                MeasureRow(
                    _word(m.fact), m.measure, m.reading, m.value, m.low, m.high, m.null, m.n_names
                )
                for m in report.measures
            ],
            measures_note=(
                "Intervals: 95 %, over names. Null: what 95 % of chance axes reach (readings "
                "without labels), or of shuffled records (probes). The probe “spelling” sees the "
                "letters alone and no model: what it knows need not be the model's belief."
            ),
            sections=sections_of(report),
            footer=[
                *([("names", report.matching.told())] if report.matching else []),
                ("templates", "; ".join(source["templates"])),
                ("records", report.records),
            ],
        )
    )


def _word(name: str) -> str:
    return _WORDS.get(name, name)


def _best(report: RecordsReport) -> list[tuple[str, str]]:
    """The first fact's zero-shot and probe values, then the second's: figures for the tiles."""
    seen: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for m in report.measures:
        if m.reading in ("inferred", "probe"):
            caption = f"{_word(m.fact)}: {m.measure}, {_word(m.reading)}"
            seen.setdefault((m.fact, m.measure), []).append((f"{m.value:.2f}", caption))
    return [tile for tiles in list(seen.values())[:2] for tile in tiles]


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
            "How well beliefs follow the records among names from the most common on. Dotted: "
            "knowing nothing.",
            _popularity_charts(report.popularity),
        ),
        Section(
            "Calibration",
            "Names in ten bins by what is believed; where a belief of so many years or such a "
            "share is right, marks lie on the diagonal.",
            _calibration_charts(report.curves),
        ),
    ]


def _era_charts(rows: Sequence[EraBias]) -> list[Chart]:
    charts = []
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
            series.append(Series(_word(reading), points))
        null = {row.decade: Point(row.decade, row.null, row.null, row.null) for row in own}
        series.append(Series("knows nothing", [null[d] for d in decades], dashed=True))
        charts.append(
            Chart(
                f"{_word(fact)}: believed less recorded",
                "decade in which most bearers were born",
                f"bias, {_UNITS[own[0].unit]}",
                series,
                ticks=[(decade, f"{decade}s") for decade in decades[::every]],
                level=0.0,
            )
        )
    return charts


def _popularity_charts(rows: Sequence[Popularity]) -> list[Chart]:
    charts = []
    for fact, measure in dict.fromkeys((row.fact, row.measure) for row in rows):
        own = [row for row in rows if (row.fact, row.measure) == (fact, measure)]
        bins = sorted({(row.first, row.last) for row in own})
        series = []
        for reading in dict.fromkeys(row.reading for row in own):
            points = [
                Point(
                    bins.index((row.first, row.last)),
                    row.value,
                    row.low,
                    row.high,
                )
                for row in own
                # Undefined where a bin's names all have one reading.
                if row.reading == reading and isfinite(row.value)
            ]
            if points:
                series.append(Series(_word(reading), points))
        if not series:
            continue
        charts.append(
            Chart(
                f"{_word(fact)}: {measure} by popularity",
                "names, from the most common",
                measure,
                series,
                ticks=[(at, f"{first:,}–{last:,}") for at, (first, last) in enumerate(bins)],
                level=0.0 if measure == "Spearman" else 0.5,
            )
        )
    return charts


def _calibration_charts(curves: Sequence[Curve]) -> list[Chart]:
    charts = []
    for fact in dict.fromkeys(curve.fact for curve in curves):
        own = [curve for curve in curves if curve.fact == fact]
        series = [
            Series(
                f"{_word(curve.reading)}, error {curve.calibration.error:.2f}",
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
        charts.append(
            Chart(
                f"{_word(fact)}: calibration",
                f"believed, {unit}",
                f"recorded, {unit}",
                series,
                diagonal=True,
            )
        )
    return charts
