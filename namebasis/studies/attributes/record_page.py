"""The report on records as one page: measures, calibration, eras, popularity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from namebasis.report import charts
from namebasis.report.page import definitions, page, table, text, tiles
from namebasis.studies.attributes.record_charts import Chart, figure_of
from namebasis.wording import between


@dataclass(frozen=True)
class MeasureRow:
    """A row of the table of measures, in words."""

    fact: str
    measure: str
    reading: str
    value: float
    low: float | None
    high: float | None
    null: float
    n_names: int


@dataclass(frozen=True)
class Section:
    """Charts of one kind under a heading and a line that says how to read them."""

    title: str
    note: str
    charts: Sequence[Chart]


@dataclass(frozen=True)
class RecordsPage:
    """All that the page shows, in plain values."""

    title: str
    lead: str
    facts: Sequence[tuple[str, str]]
    measures: Sequence[MeasureRow]
    measures_note: str
    sections: Sequence[Section]
    footer: Sequence[tuple[str, object]]


def render(content: RecordsPage) -> str:
    """Draw the page; it holds no script and asks no host for anything.

    Returns
    -------
    str
        A whole HTML document.
    """
    head = ("fact", "measure", "reading", "# value", "# 95 % interval", "# null", "# names")
    body = (
        f"<main><h1>{text(content.title)}</h1>"
        f'<p class="lead">{text(content.lead)}</p>'
        + tiles(content.facts)
        + "".join(_section(at, section) for at, section in enumerate(content.sections))
        + f'<h2>Measures</h2><p class="soft">{text(content.measures_note)}</p>'
        + f'<div class="card scroll">{table(head, map(_row, content.measures))}</div>'
        + f"<footer>{definitions(content.footer)}</footer></main>"
    )
    return page(content.title, body)


def _section(place: int, section: Section) -> str:
    if not section.charts:
        return ""
    drawn = "".join(
        f'<div class="card">{_picture(chart, f"chart-{place}-{at}")}</div>'
        for at, chart in enumerate(section.charts)
    )
    return (
        f'<h2>{text(section.title)}</h2><p class="soft">{text(section.note)}</p>'
        f'<div class="maps two">{drawn}</div>'
    )


def _picture(chart: Chart, name: str) -> str:
    caption = f"{chart.y_label} against {chart.x_label}"
    return charts.captioned(charts.to_svg(figure_of([chart]), name), text(caption))


def _row(row: MeasureRow) -> str:
    cells = (row.fact, row.measure, row.reading)
    numbers = (
        f"{row.value:.3f}",
        between(row.low, row.high),
        f"{row.null:.3f}",
        f"{row.n_names:,}",
    )
    return (
        "<tr>"
        + "".join(f"<td>{text(cell)}</td>" for cell in cells)
        + "".join(f'<td class="n">{text(number)}</td>' for number in numbers)
        + "</tr>"
    )
