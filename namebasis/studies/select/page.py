"""A list of names as one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from namebasis.report import charts
from namebasis.report.page import render
from namebasis.results import cell
from namebasis.studies.select.drawing import draw_selection, sheets
from namebasis.studies.select.results import Selection

if TYPE_CHECKING:
    from namebasis.results import Table


def html_of(found: Selection) -> str:
    """The list, its cells and what it is worth as one HTML document that asks no host."""
    title = f"{len(found):,} chosen names"
    return render(
        "select", title=title, headline=found.headline(), remarks=found.notes(),
        tables=[_filled(table) for table in found.tables()],
        drawings=[(Markup(charts.to_svg(draw_selection(found, sheet.kind), sheet.kind)),
                   sheet.caption) for sheet in sheets(found)],
        provenance=[(key.replace("_", " "), _shown(value))
                    for key, value in found.parameters.items()
                    if value not in (None, {}, (), [], False)],
    )  # fmt: skip


def _filled(table: Table) -> dict[str, Any]:
    numeric = [
        all(isinstance(row[at], (int, float)) for row in table.rows) and bool(table.rows)
        for at in range(len(table.columns))
    ]
    title = table.title or "the list, in the order of choice"
    return {
        "title": title[:1].upper() + title[1:],
        "columns": [f"#{name}" if is_n else name
                    for name, is_n in zip(table.columns, numeric, strict=True)],
        "numeric": numeric,
        "rows": [[_shown(value) for value in row] for row in table.rows],
    }  # fmt: skip


def _shown(value: object) -> str:
    """A value in the words of a page: a dash for a figure that is none, limits side by side."""
    if isinstance(value, float) and value != value:
        return "–"
    if isinstance(value, dict):
        value = [f"{key}: {limit}" for key, limit in value.items()]
    return "yes" if value is True else cell(value, whole=True)
