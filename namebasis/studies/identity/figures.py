"""The evidence for each name's kind, drawn against its thresholds and made-up names."""

from __future__ import annotations

from typing import Any

import numpy as np

from namebasis.report import charts
from namebasis.studies.identity.results import Identity

_MOST = 30
"""Names that are drawn unless more are asked for."""


@charts.chart
def draw_evidence(found: Identity, *, n_names: int = _MOST) -> Any:
    """Draw every measure that the kinds rest on, a panel each, names below each other.

    The dashed line is the measure's threshold, the grey band holds 95 % of made-up names; a mark
    is filled where the measure lies above its threshold.

    Parameters
    ----------
    found : Identity
    n_names : int
        Draw at most this many, those with most of their own.

    Raises
    ------
    ValueError
        If no name could be measured.
    """
    rows = [row for row in found.rows if row.evidence]
    if not rows:
        raise ValueError("there is no evidence to draw: no name could be cut in two.")
    rows = sorted(rows, key=lambda row: -(row.own_score or 0.0))[:n_names]
    measures = [key for key in found.thresholds if key in (rows[0].evidence or {})]
    figure, panels = charts.new_figure(
        len(measures), width=1.8 + 2.4 * len(measures), height=1.7 + 0.26 * len(rows)
    )
    for panel, key in zip(panels, measures, strict=True):
        _draw(panel, key, found, np.array([getattr(row, key) for row in rows], dtype=np.float64))
        panel.set_ylim(len(rows) - 0.5, -0.5)
        panel.set_yticks([])
    labels = [
        charts.drawable(row.name, f"name {at + 1}") + (f" · {row.kind}" if row.kind else "")
        for at, row in enumerate(rows)
    ]
    panels[0].set_yticks(range(len(rows)), labels)
    figure.supxlabel(
        "dashed: threshold · grey: 95 % of made-up names · filled: above the threshold",
        fontsize=9, color=charts.SOFT,
    )  # fmt: skip
    return figure


def _draw(panel: Any, key: str, found: Identity, values: Any) -> None:
    threshold = found.thresholds[key]
    made = found.made_up.get(key, np.empty(0))
    made = made[np.isfinite(made)]
    if made.size:
        low, high = np.quantile(made, [0.025, 0.975])
        panel.axvspan(low, high, color=charts.LINE, alpha=0.5, linewidth=0)
    panel.axvline(threshold, color=charts.WARM, linewidth=0.9, linestyle="--")
    places = np.arange(len(values))
    for above, face in ((True, charts.FILL), (False, "white")):
        here = (values > threshold) == above
        panel.plot(
            values[here], places[here], "o", markersize=5, color=charts.FILL,
            markerfacecolor=face,
        )  # fmt: skip
    panel.grid(axis="x")
    panel.set_title(key.replace("_", " "))
