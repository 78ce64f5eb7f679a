"""Text, pictures and weights of one name in one figure, for the formation page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from namebasis.analysis.training.change_points import Crossing
from namebasis.formation.evidences.series import PICTURES, TEXT, WEIGHTS, Evidence
from namebasis.formation.figures import INK, Axis, new_plot, shade_gaps
from namebasis.report.packed import packed
from namebasis.report.palette import GREY, PALETTE

COLORS = {TEXT: PALETTE[0], PICTURES: PALETTE[1], WEIGHTS: PALETTE[7]}
MARKS = {PICTURES: "circle", WEIGHTS: "diamond"}
"""Of crossings in the diagram of phases."""
MEANINGS = {
    TEXT: "the length of its own direction, over what controls reach",
    PICTURES: "how far its own direction points at the person in its pictures",
    WEIGHTS: "what the change of the weights writes for it beyond its parts",
}
"""What each evidence of a name is."""
_TICKS = (-10, -3, -1, 0, 1, 3, 10, 30, 100, 300)
_FLOOR = -10.0  # deviations; what lies lower is drawn here
_LANE = 0.62  # between the lanes of crossings, on the drawn scale
_DASH = "–"


def evidence_figure(evidences: Sequence[Evidence], axis: Axis) -> Any:
    """Lines and crossings of one name, which the page's script fills in, over the null bands.

    The scale is the inverse hyperbolic sine: linear about 0, logarithmic far from it.

    Parameters
    ----------
    evidences : sequence of Evidence
    axis : Axis
    """
    from bokeh.models import ColumnDataSource, FixedTicker, HoverTool

    top = max([3.0, *(float(np.nanmax(one.values, initial=0.0)) for one in evidences)])
    floor = math.asinh(_FLOOR)
    lanes = {one.key: floor - (at + 1) * _LANE for at, one in enumerate(evidences)}
    last = len(axis.ticks) - 1
    plot = new_plot(
        340, x_range=(-0.3 - 0.01 * last, last + 0.3 + 0.01 * last), x_axis_label="checkpoint",
        y_axis_label="deviations of the controls above the level",
        y_range=(min(lanes.values(), default=floor) - 0.6 * _LANE, math.asinh(top) + 0.2),
    )  # fmt: skip
    shade_gaps(plot, axis)
    edges = [plot.x_range.start, plot.x_range.end]
    plot.line(edges, [0, 0], color=INK, line_dash="dashed", line_width=1.5)
    plot.line(edges, [floor - 0.4 * _LANE] * 2, color=GREY)
    lines = []
    for one in evidences:
        color = COLORS[one.key]
        _null_band(plot, axis, one, color)
        line = ColumnDataSource({"x": [], "y": [], "z": [], "tick": []}, name=f"{one.key} line")
        lines += [
            plot.line("x", "y", source=line, color=color, line_width=2.6),
            plot.scatter("x", "y", source=line, color=color, size=5),
        ]
        crossed = ColumnDataSource(
            {"x": [], "low": [], "high": [], "lane": [], "top": []}, name=f"{one.key} crossed"
        )
        plot.segment("x", "lane", "x", "top", source=crossed, color=color, line_dash="dotted",
                     line_width=1.5)  # fmt: skip
        plot.segment("low", "lane", "high", "lane", source=crossed, color=color, line_width=4,
                     alpha=0.5)  # fmt: skip
        plot.scatter("x", "lane", source=crossed, color=color, size=9)
    tip = '<div style="font:13px sans-serif">@z{0.0} deviations at @tick</div>'
    plot.add_tools(HoverTool(renderers=lines[1::2], tooltips=tip))
    shown = [tick for tick in _TICKS if math.asinh(tick) <= math.asinh(top)]
    plot.yaxis.ticker = FixedTicker(ticks=[*(math.asinh(tick) for tick in shown), *lanes.values()])
    plot.yaxis.major_label_overrides = {
        **{math.asinh(tick): f"{tick}".replace("-", "−") for tick in shown},
        **{lane: key for key, lane in lanes.items()},
    }
    plot.ygrid.ticker = FixedTicker(ticks=[math.asinh(tick) for tick in shown])
    axis.name(plot.xaxis)
    return plot


def _null_band(plot: Any, axis: Axis, one: Evidence, color: str) -> None:
    low, high = (axis.placed(np.arcsinh(np.maximum(ends, _FLOOR))) for ends in (one.low, one.high))
    there = np.flatnonzero(np.isfinite(low))
    plot.varea(
        there.tolist(), low[there].tolist(), high[there].tolist(), color=color, alpha=0.18,
        name="null band",
    )  # fmt: skip


def evidence_data(
    evidences: Sequence[Evidence], axis: Axis, names: Sequence[str], steps: Sequence[int]
) -> list[dict[str, object]]:
    """Of each evidence what the page's script draws: values of every name, and its crossings."""
    out: list[dict[str, object]] = []
    for at, one in enumerate(evidences):
        crossed: dict[str, object] = {}
        for row, name in enumerate(names):
            if name in one.crossings:
                crossed[str(row)] = _crossing(*one.crossings[name], axis, steps)
        out.append({
            "key": one.key,
            "lane": math.asinh(_FLOOR) - (at + 1) * _LANE,
            "floor": math.asinh(_FLOOR),
            "values": packed(one.values, "f4"),
            "crossed": crossed,
        })  # fmt: skip
    return out


def _crossing(
    step: Crossing, exposures: Crossing | None, axis: Axis, steps: Sequence[int]
) -> Mapping[str, object]:
    """What is said of a crossing, and where it is drawn if there is one."""
    said: dict[str, object] = {"steps": _told(step), "exposures": _told(exposures)}
    if step.state == "crossed":
        ends = (step.position, step.low, step.high)
        said["at"] = [round(axis.place(steps, end), 3) for end in ends]
    return said


def _told(found: Crossing | None) -> str:
    if found is None:
        return _DASH
    if found.state != "crossed":
        return found.state
    high = f"{found.high:,.0f}" if math.isfinite(found.high) else "never"
    return f"{found.position:,.0f} ({found.low:,.0f} to {high})"


def mark_crossings(
    plot: Any,
    evidences: Sequence[Evidence],
    axis: Axis,
    names: Sequence[str],
    steps: Sequence[int],
) -> None:
    """Mark in a diagram with a row per name where evidences beside text begin to count.

    Parameters
    ----------
    plot : figure
    evidences : sequence of Evidence
    axis : Axis
    names : sequence of str
        Those of the rows, from the top.
    steps : sequence of int
        Of the checkpoints that were used.
    """
    for one in evidences:
        if one.key == TEXT:
            continue
        crossed = [
            (axis.place(steps, one.crossings[name][0].position), at)
            for at, name in enumerate(names)
            if name in one.crossings and one.crossings[name][0].state == "crossed"
        ]
        plot.scatter(
            [x for x, _ in crossed], [y for _, y in crossed], marker=MARKS[one.key], size=6,
            color=COLORS[one.key], line_color="#ffffff", line_width=0.8, name=f"{one.key} mark",
        )  # fmt: skip


def example(evidences: Sequence[Evidence], names: Sequence[str]) -> str:
    """A name to begin with: one that crosses in most of the evidences and ends far above them all.

    Parameters
    ----------
    evidences : sequence of Evidence
    names : sequence of str
        Those of the first rows of the values.
    """

    row_of = {name: row for row, name in enumerate(names)}

    def rank(name: str) -> tuple[int, float]:
        found = [one.crossings[name][0] for one in evidences if name in one.crossings]
        ends = [one.values[row_of[name], -1] for one in evidences]
        known = [end for end in ends if np.isfinite(end)]
        return -sum(each.state == "crossed" for each in found), -min(known, default=-np.inf)

    return min(names, key=rank)
