"""Recognition as a figure and as one page."""

from __future__ import annotations

from typing import Any

import numpy as np

from namebasis.report import charts
from namebasis.report.answer import answer_page
from namebasis.studies.recognition.results import DEVIATIONS, RECOGNISED, Recognised, Recognition

_MOST = 40
_ROW = 0.24
"""Inches of a person."""


@charts.chart
def draw(found: Recognition, *, n_people: int = _MOST) -> Any:
    """Draw each person's rank with its interval, and how far the own direction points at them.

    A mark is filled where the name is known as one person; people whom the model cannot know are
    grey, below the others.

    Parameters
    ----------
    found : Recognition
    n_people : int
        Draw at most this many, those of the best rank.
    """
    own = sorted(found.people, key=lambda row: (row.rank, -(row.own_z or -np.inf)))[:n_people]
    rows = [*own, *found.unknown.people[: max(n_people - len(own), 0)]]
    figure, panels = charts.new_figure(2, width=9.0, height=1.5 + _ROW * len(rows))
    for at, row in enumerate(rows):
        color = charts.FILL if at < len(own) else charts.FAINT
        _mark(panels[0], at, row, color, row.rank, row.rank_low, row.rank_high)
        if row.own_z is not None:
            _mark(panels[1], at, row, color, row.own_z, None, None)
    for panel in panels:
        panel.set_ylim(len(rows) - 0.5, -0.5)
        panel.set_yticks([])
        panel.grid(axis="x")
    labels = [charts.drawable(row.name, f"person {at + 1}") for at, row in enumerate(rows)]
    panels[0].set_yticks(range(len(rows)), labels)
    panels[0].set_xscale("log")
    panels[0].set_xlim(0.8, max(found.n_names, 2) * 1.2)
    panels[0].set_title("Rank of the true name")
    panels[0].set_xlabel(f"of {found.n_names:,} names; line: 95 % over photos")
    panels[1].axvline(DEVIATIONS, color=charts.WARM, linewidth=0.9, linestyle="--")
    panels[1].set_title("Own direction towards the person")
    panels[1].set_xlabel("deviations of names that nobody bears")
    return figure


def _mark(
    panel: Any, at: int, row: Recognised, color: str, value: float, low: float | None,
    high: float | None,
) -> None:  # fmt: skip
    if low is not None and high is not None:
        panel.plot([low, high], [at, at], color=color, linewidth=1)
    face = color if row.verdict == RECOGNISED else "white"
    panel.plot([value], [at], "o", markersize=5, color=color, markerfacecolor=face)


def html_of(found: Recognition) -> str:
    """The shares, every person, and what people whom the model cannot know give, as one page."""
    caption = (
        "The rank of every true name for its person's photos, and how far what the name has beyond "
        "its parts points at them. Filled: known as one person. Grey: people whom the model cannot "
        "know."
    )
    return answer_page(
        found, "Which names does the encoder give these people?", [(draw(found), caption)],
        {**found.parameters, "names that compete": found.n_names, "attributes": list(found.axes)},
        "people",
    )  # fmt: skip
