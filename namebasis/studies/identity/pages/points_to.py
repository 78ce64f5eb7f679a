"""Whom parts of names point to, as a figure and as one page."""

from __future__ import annotations

from typing import Any

import numpy as np

from namebasis.report import charts
from namebasis.report.answer import answer_page
from namebasis.studies.identity.points_results import PartPoints, PointsTo
from namebasis.wording import counted

MOST_DRAWN = 40
"""Parts that are drawn, the surest ones."""
_ROW = 0.24
"""Inches of a part."""


def html_of(found: PointsTo) -> str:
    """Whom each part points to as one HTML document that asks no host."""
    rows, is_sure = drawn(found)
    left = sum(found.is_sure) - len(rows) if is_sure else 0
    caption = (
        "Parts and the full names that they point to, the wider a line the surer."
        if is_sure
        else "No part points to anybody; drawn is the nearest full name of each."
    )
    if left > 0:
        caption += f" {counted(left, 'more part')} in the table."
    return answer_page(
        found, "Whom parts of names point to", [(draw(found), caption)] if rows else [],
        found.parameters, "parts, the surest first",
    )  # fmt: skip


def drawn(found: PointsTo) -> tuple[list[PartPoints], bool]:
    """Parts that point to somebody, by whom they point to; where none does, the nearest to it."""
    sure = [row for row, yes in zip(found.rows, found.is_sure, strict=True) if yes]
    rows = (sure or list(found.rows))[:MOST_DRAWN]
    best: dict[int, float] = {}
    for row in rows:
        best[row.id] = max(row.z, best.get(row.id, -np.inf))
    return sorted(rows, key=lambda row: (-best[row.id], row.id, -row.z)), bool(sure)


@charts.chart
def draw(found: PointsTo) -> Any:
    """Draw a line from each part to the full name that it points to.

    Parameters
    ----------
    found : PointsTo

    Raises
    ------
    ValueError
        If there is no part.
    """
    rows, is_sure = drawn(found)
    if not rows:
        raise ValueError("there is nothing to draw: no part was measured.")
    figure, (axes,) = charts.new_figure(1, width=8.0, height=0.6 + _ROW * len(rows))
    color = charts.FILL if is_sure else charts.FAINT
    largest = max(max(row.z for row in rows), 1e-9)
    ends: dict[int, list[int]] = {}
    for at, row in enumerate(rows):
        ends.setdefault(row.id, []).append(at)
    names = {row.id: row.nearest for row in rows}
    for at, row in enumerate(rows):
        width = 0.6 + 3.4 * max(row.z, 0.0) / largest
        axes.plot([0, 1], [at, np.mean(ends[row.id])], color=color, linewidth=width, alpha=0.7,
                  solid_capstyle="butt")  # fmt: skip
        part = charts.drawable(row.part, f"part {at + 1}")
        axes.text(-0.02, at, f"{part} · {row.side}", ha="right", va="center", fontsize=9)
    for number, (row_id, places) in enumerate(ends.items()):
        name = charts.drawable(names[row_id], f"name {number + 1}")
        axes.text(1.02, np.mean(places), name, ha="left", va="center", fontsize=9)
    axes.set_xlim(-0.75, 1.75)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_axis_off()
    return figure
