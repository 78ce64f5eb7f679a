"""A comparison with records as one page: measures, calibration, eras, popularity."""

from __future__ import annotations

from markupsafe import Markup

from namebasis.report import charts
from namebasis.report.page import render
from namebasis.studies.attributes.record_charts import Chart, figure_of, sections_of, word
from namebasis.studies.attributes.record_results import RecordsReport
from namebasis.wording import visible


def html_of(report: RecordsReport) -> str:
    """The page as a whole HTML document; it holds no script and asks no host for anything."""
    return render(
        "records",
        title="What names are believed to be, and what records say",
        report=report,
        best=_best(report),
        sections=[section for section in sections_of(report) if section.charts],
        word=word,
        svg=_svg,
    )


def _svg(chart: Chart, name: str) -> Markup:
    """A chart, whose texts matplotlib has escaped."""
    return Markup(visible(charts.to_svg(figure_of([chart]), name), keep="\n\t\r"))


def _best(report: RecordsReport) -> list[tuple[str, str, str]]:
    """Without labels and by the probe, the values of the first two findings: for the tiles."""
    shown = [
        (f"{m.value:.2f}", f"{word(m.fact)}: {m.measure}, {word(m.reading)}", m.measure)
        for one in report.findings[:2]
        for m in (one.zero_shot, one.probe)
        if m is not None
    ]
    return list(dict.fromkeys(shown))
