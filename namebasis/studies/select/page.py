"""A list of names as one page."""

from __future__ import annotations

from namebasis.report.answer import answer_page
from namebasis.studies.select.drawing import draw_selection, sheets
from namebasis.studies.select.results import Selection


def html_of(found: Selection) -> str:
    """The list, its cells and what it is worth as one HTML document that asks no host."""
    return answer_page(
        found, f"{len(found):,} chosen names",
        [(draw_selection(found, sheet.kind), sheet.caption) for sheet in sheets(found)],
        found.parameters, "the list, in the order of choice",
    )  # fmt: skip
