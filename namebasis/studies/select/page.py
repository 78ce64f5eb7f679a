"""A list of names as one page, and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.report import charts
from namebasis.report.page import render
from namebasis.results import cell
from namebasis.studies.select.results import Selection, knee

if TYPE_CHECKING:
    from namebasis.results import Table

_MOST_BARS = 40


def html_of(found: Selection) -> str:
    """The list, its cells and what it is worth as one HTML document that asks no host."""
    title = f"{len(found):,} chosen names"
    return render(
        "select", title=title, headline=found.headline(), remarks=found.notes(),
        tables=[_filled(table) for table in found.tables()],
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


@charts.chart
def draw_selection(found: Selection) -> Any:
    """The curve of the objective with its knee, or how many names each cell has."""
    figure, (panel,) = charts.new_figure(1, width=7.0, height=4.5)
    if "reached" in found.values:
        curve = found.values["reached"]
        panel.plot(np.arange(1, len(curve) + 1), curve, color=charts.LINE)
        turn = knee(curve)
        if turn is not None:
            panel.axvline(turn, color=charts.WARM, linewidth=1)
            panel.set_title(f"the first {turn} names bring most")
        panel.set_xlabel("names")
        panel.set_ylabel("reached")
        return figure
    cells = found.cells[:_MOST_BARS]
    places = np.arange(len(cells))
    panel.barh(places, [one.n_chosen for one in cells], color=charts.FILL)
    panel.set_yticks(places, [charts.drawable(one.group, "cell") for one in cells], fontsize=6)
    panel.invert_yaxis()
    panel.set_xlabel("chosen names")
    return figure
