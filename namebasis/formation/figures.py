"""The figures of the formation page, in bokeh."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from namebasis.formation.page import CrossingPoint, Panel, PhaseRow

_MOST_TICKS = 12
_BAR = 0.35  # of a cell's width
_COUNTS = [one * 10**power for power in range(10) for one in (1, 3)]  # ticks of log axes
_TIP = '<div style="font:13px sans-serif"><b>@name</b> @kind<br>@detail</div>'


def _figure(height: int, **options: Any) -> Any:
    from bokeh.plotting import figure

    plot = figure(
        height=height, sizing_mode="stretch_width", toolbar_location=None, tools="",
        outline_line_color=None, min_border=4, **options,
    )  # fmt: skip
    plot.grid.grid_line_color = "#eef0f4"
    plot.axis.axis_line_color = "#c3c8d1"
    plot.axis.major_tick_line_color = "#c3c8d1"
    plot.axis.minor_tick_line_color = None
    plot.axis.major_label_text_color = "#5b6475"
    plot.axis.axis_label_text_color = "#5b6475"
    plot.axis.axis_label_text_font_style = "normal"
    return plot


def _name_ticks(axis: Any, ticks: Sequence[str]) -> None:
    """Label an axis of positions with checkpoints, not more than there is room for."""
    from bokeh.models import FixedTicker

    stride = max(1, math.ceil(len(ticks) / _MOST_TICKS))
    axis.ticker = FixedTicker(ticks=list(range(0, len(ticks), stride)))
    axis.major_label_overrides = dict(enumerate(ticks))
    axis.major_label_orientation = 0.7


def curves(panel: Panel, ticks: Sequence[str], gap_ticks: Sequence[int]) -> Any:
    """Lines with bands over checkpoints; the missing ones are shaded, and lines pass over them."""
    from bokeh.models import BoxAnnotation, ColumnDataSource, HoverTool

    plot = _figure(
        245, y_axis_type="log" if panel.is_log else "linear", x_axis_label="checkpoint"
    )  # fmt: skip
    places = list(range(len(ticks)))
    for at in gap_ticks:
        plot.add_layout(
            BoxAnnotation(left=at - 0.5, right=at + 0.5, fill_color="#8d95a5", fill_alpha=0.25)
        )
    lines = []
    for band in panel.bands:
        if band.low is not None and band.high is not None:
            for run in _runs(band.low):
                if len(run) == 1:  # an area of one place would not be seen
                    plot.segment(
                        run, [band.low[run[0]]], run, [band.high[run[0]]], color=band.color,
                        alpha=0.3, line_width=4,
                    )  # fmt: skip
                    continue
                plot.varea(
                    [places[at] for at in run], [band.low[at] for at in run],
                    [band.high[at] for at in run], color=band.color, alpha=0.16,
                )  # fmt: skip
        there = [at for at in places if not math.isnan(band.middle[at])]
        source = ColumnDataSource(
            {"x": there, "y": [band.middle[at] for at in there],
             "name": [band.label] * len(there), "tick": [ticks[at] for at in there]}
        )  # fmt: skip
        line = plot.line(
            "x", "y", source=source, color=band.color, line_width=1.5 if band.is_dashed else 2.2,
            line_dash="dashed" if band.is_dashed else "solid",
        )  # fmt: skip
        lines.append(line)
        if not band.is_dashed and len(places) <= 60:
            plot.scatter("x", "y", source=source, color=band.color, size=4)
    tip = '<div style="font:13px sans-serif"><b>@name</b> @y{0.000} at @tick</div>'
    plot.add_tools(HoverTool(renderers=lines, tooltips=tip, mode="mouse"))
    _name_ticks(plot.xaxis, ticks)
    return plot


def _runs(values: Sequence[float]) -> list[list[int]]:
    """Stretches of places without NaN: a band must not close over a gap."""
    out: list[list[int]] = [[]]
    for at, value in enumerate(values):
        if math.isnan(value):
            out.append([])
        else:
            out[-1].append(at)
    return [run for run in out if run]


def phase_map(
    rows: Sequence[PhaseRow],
    ticks: Sequence[str],
    names: Sequence[str],
    colors: Sequence[str],
    captured_color: str,
) -> Any:
    """A cell per name and checkpoint, barred where it is captured, with the kinds at the side."""
    from bokeh.models import ColumnDataSource, FixedTicker, HoverTool

    n = len(rows)
    plot = _figure(
        max(220, min(1100, 60 + 3 * n)), y_range=(n - 0.5, -0.5), x_range=(-0.5, len(ticks) - 0.5)
    )
    cells: dict[str, list[Any]] = {k: [] for k in ("x", "y", "color", "name", "kind", "detail")}
    for y, row in enumerate(rows):
        for x, (phase, captured) in enumerate(zip(row.phases, row.captured, strict=True)):
            label = f"{ticks[x]}: {names[phase]}{', captured by one part' if captured else ''}"
            values = (x, y, colors[phase], row.name, row.kind, label)
            for key, value in zip(cells, values, strict=True):
                cells[key].append(value)
    drawn = plot.rect(
        "x", "y", 1, 1, color="color", line_color=None, source=ColumnDataSource(cells)
    )
    bars = [(x, y) for y, row in enumerate(rows) for x, yes in enumerate(row.captured) if yes]
    if bars:
        # A bar and not a shade: the phase stays to be seen on both sides of it.
        xs, ys = zip(*bars, strict=True)
        plot.rect(
            list(xs), list(ys), _BAR, 1, color=captured_color, line_color=None, name="captured"
        )
    plot.add_tools(HoverTool(renderers=[drawn], tooltips=_TIP))
    starts = [at for at in range(n) if at == 0 or rows[at].kind != rows[at - 1].kind]
    ends = [*starts[1:], n]
    middles = [(start + end - 1) / 2 for start, end in zip(starts, ends, strict=True)]
    plot.yaxis.ticker = FixedTicker(ticks=middles)
    plot.yaxis.major_label_overrides = {
        middle: rows[start].kind for middle, start in zip(middles, starts, strict=True)
    }
    for start in starts[1:]:
        plot.line([-0.5, len(ticks) - 0.5], [start - 0.5] * 2, color="#1d2330", line_width=1)
    plot.grid.visible = False
    _name_ticks(plot.xaxis, ticks)
    return plot


def crossing_map(points: Sequence[CrossingPoint]) -> Any:
    """Exposures at the crossing against exposures at the end, both plus one, on log axes."""
    from bokeh.models import (
        ColumnDataSource,
        FixedTicker,
        HoverTool,
        LogAxis,
        NumeralTickFormatter,
    )

    finite = [p.high for p in points if math.isfinite(p.high)] + [p.at for p in points] + [10.0]
    edge = 1.5 * (max(finite) + 1)
    plot = _figure(
        300, x_axis_type="log", y_axis_type="log", x_axis_label="exposures in all",
        y_axis_label="exposures at the crossing", y_range=(0.8, edge),
    )  # fmt: skip
    # Names of equal exposures stand side by side, kind by kind.
    kinds = list(dict.fromkeys(p.kind for p in points))
    aside = {kind: 1.05 ** (at - (len(kinds) - 1) / 2) for at, kind in enumerate(kinds)}
    data = {
        "x": [(p.final + 1) * aside[p.kind] for p in points],
        "y": [p.at + 1 for p in points],
        "low": [max(p.low, 0.0) + 1 for p in points],
        "high": [p.high + 1 if math.isfinite(p.high) else edge for p in points],
        "color": [p.color for p in points],
        "name": [p.name for p in points],
        "kind": [p.kind for p in points],
        "detail": [_interval(p) for p in points],
    }
    source = ColumnDataSource(data)
    plot.segment("x", "low", "x", "high", color="color", alpha=0.3, source=source)
    dots = plot.scatter("x", "y", color="color", size=6, alpha=0.8, source=source)
    plot.add_tools(HoverTool(renderers=[dots], tooltips=_TIP))
    for axis in plot.select(LogAxis):
        axis.formatter = NumeralTickFormatter(format="0,0")
        # bokeh's own ticks stand in each other where an axis is shorter than a decade.
        axis.ticker = FixedTicker(ticks=_COUNTS)
    for grid, axis in zip(plot.grid, (plot.xaxis[0], plot.yaxis[0]), strict=True):
        grid.ticker = axis.ticker
    return plot


def _interval(point: CrossingPoint) -> str:
    high = f"{point.high:,.0f}" if math.isfinite(point.high) else "never"
    return f"{point.at:,.0f} of {point.final:,.0f} ({point.low:,.0f} to {high})"


def similarity_map(rows: Sequence[Sequence[float]], ticks: Sequence[str]) -> Any:
    """A cell per pair of checkpoints; NaN at gaps stays empty."""
    from bokeh.models import ColorBar, ColumnDataSource, HoverTool, LinearColorMapper
    from bokeh.palettes import Viridis256

    n = len(ticks)
    plot = _figure(300, x_range=(-0.5, n - 0.5), y_range=(n - 0.5, -0.5))
    cells = [
        (x, y, value)
        for y, row in enumerate(rows)
        for x, value in enumerate(row)
        if not math.isnan(value)
    ]
    data = {
        "x": [x for x, _, _ in cells],
        "y": [y for _, y, _ in cells],
        "value": [value for _, _, value in cells],
        "first": [ticks[y] for _, y, _ in cells],
        "second": [ticks[x] for x, _, _ in cells],
    }
    mapper = LinearColorMapper(palette=Viridis256, low=0, high=1)
    drawn = plot.rect(
        "x", "y", 1, 1, line_color=None, source=ColumnDataSource(data),
        fill_color={"field": "value", "transform": mapper},
    )  # fmt: skip
    tip = '<div style="font:13px sans-serif">@first, @second: <b>@value{0.000}</b></div>'
    plot.add_tools(HoverTool(renderers=[drawn], tooltips=tip))
    plot.add_layout(ColorBar(color_mapper=mapper, width=10, title="CKA"), "right")
    plot.grid.visible = False
    _name_ticks(plot.xaxis, ticks)
    _name_ticks(plot.yaxis, ticks)
    plot.yaxis.major_label_orientation = 0.0
    return plot
