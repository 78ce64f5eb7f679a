"""Readings of names on axes, drawn: places with their spread, shares as a grid."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from namebasis.analysis.readings.axes import READINGS
from namebasis.checks import IntArray
from namebasis.report import charts
from namebasis.studies.attributes.results import Attributes, AxisScores
from namebasis.wording import did_you_mean

_MOST = 30
"""Names that are drawn unless more are asked for; of more, those at either end."""


@charts.chart
def draw_readings(found: Attributes, *, reading: str = "expectation", n_names: int = _MOST) -> Any:
    """Draw one reading of every axis, names below each other.

    On an ordinal axis each name has a mark at its place, with a bar of one standard deviation over
    the axis' templates to either side; of a nominal axis each value has a column.

    Parameters
    ----------
    found : Attributes
    reading : str
        One of `READINGS`.
    n_names : int
        Draw at most this many: half of them highest, half lowest on the first axis.

    Raises
    ------
    ValueError
        If there is no such reading.
    """
    if reading not in READINGS:
        raise ValueError(
            f"reading must be one of {', '.join(READINGS)}; got {reading!r}."
            f"{did_you_mean(reading, READINGS)}"
        )
    by_axis = [list(entries) for _, entries in groupby(found.scores, key=lambda s: s.axis)]
    rows = _chosen(by_axis[0][0].readings[reading], n_names)
    figure, panels = charts.new_figure(
        len(by_axis), width=1.6 + 3.2 * len(by_axis), height=1.4 + 0.24 * len(rows)
    )
    for panel, scores in zip(panels, by_axis, strict=True):
        draw = _places if scores[0].value is None else _shares
        draw(panel, scores, reading, rows)
        panel.set_title(scores[0].axis.replace("_", " "))
        panel.set_ylim(len(rows) - 0.5, -0.5)
        panel.set_yticks([])
        if len(rows) < len(found.names):  # where the names between both ends are left out
            panel.axhline(len(rows) - len(rows) // 2 - 0.5, color=charts.SOFT, linewidth=0.9)
    labels = [charts.drawable(found.names[row], f"name {found.ids[row]}") for row in rows]
    panels[0].set_yticks(range(len(rows)), labels)
    return figure


def _chosen(values: Any, n_names: int) -> IntArray:
    """Rows to draw, highest first; of many, both ends."""
    order = np.argsort(-np.asarray(values), kind="stable").astype(np.int64)
    if len(order) <= n_names:
        return order
    top = n_names - n_names // 2
    return np.concatenate([order[:top], order[len(order) - n_names // 2 :]])


def _places(panel: Any, scores: Sequence[AxisScores], reading: str, rows: IntArray) -> None:
    (entry,) = scores
    values, spreads = entry.readings[reading], np.nan_to_num(entry.spreads[reading])
    panel.grid(axis="x")
    panel.axvline(float(values.mean()), color=charts.SOFT, linewidth=0.9, linestyle=":")
    panel.errorbar(
        values[rows], np.arange(len(rows)), xerr=spreads[rows], fmt="o", color=charts.FILL,
        markersize=4.5, elinewidth=1,
    )  # fmt: skip
    panel.set_xlabel(f"{reading} ± spread over templates")


def _shares(panel: Any, scores: Sequence[AxisScores], reading: str, rows: IntArray) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    grid = np.stack([entry.readings[reading][rows] for entry in scores], axis=1)
    inks = LinearSegmentedColormap.from_list("shares", ["#ffffff", charts.FILL])
    panel.imshow(grid, aspect="auto", cmap=inks, interpolation="nearest")
    panel.set_xticks(range(len(scores)), [str(s.value) for s in scores], rotation=60, ha="right")
    panel.set_xlabel(f"{reading}: darker is more")
