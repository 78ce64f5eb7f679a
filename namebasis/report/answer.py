"""The page of a result that is a sentence, drawings and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from namebasis.report import charts
from namebasis.report.page import render
from namebasis.results import Result, Table, cell


def answer_page(
    result: Result,
    title: str,
    drawings: Sequence[tuple[Any, str]],
    parameters: Mapping[str, object],
    first: str = "",
) -> str:
    """One HTML document that asks no host.

    Parameters
    ----------
    result : Result
        Its headline, notes and tables are shown.
    title : str
    drawings : sequence of (Figure, str)
        Matplotlib figures with their captions.
    parameters : mapping
        What was asked with; what is empty or off is left out.
    first : str
        Title of a table without one.
    """
    return render(
        "answer", title=title, headline=result.headline() or "", remarks=result.notes(),
        tables=[_filled(table, first) for table in result.tables()],
        drawings=[(Markup(charts.to_svg(figure, f"drawing{at}")), caption)
                  for at, (figure, caption) in enumerate(drawings)],
        provenance=[(key.replace("_", " "), _shown(value)) for key, value in parameters.items()
                    if value not in (None, {}, (), [], False, "")],
    )  # fmt: skip


def _filled(table: Table, first: str) -> dict[str, Any]:
    numeric = [
        all(isinstance(row[at], (int, float)) for row in table.rows) and bool(table.rows)
        for at in range(len(table.columns))
    ]
    title = table.title or first
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
