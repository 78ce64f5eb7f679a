"""The figures of the formation page, in bokeh."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from namebasis.checks import Float64Array
from namebasis.formation.phases import PHASES

if TYPE_CHECKING:
    from namebasis.formation.crossings import NameCrossing
    from namebasis.formation.results import Formation

INK = "#1d2330"
"""Of thresholds and marks; the page's script gives them the ink of the page."""
PHASE_COLORS = ("#ffffff", "#dfe4ec", "#f2c14e", "#2f8f6b", "#7b3fa0")
"""Of the phases 0 to 4."""
_MOST_TICKS = 12
_LABEL = 0.075  # of a figure's height
_BAR = 0.35  # of a cell's width
_COUNTS = [one * 10**power for power in range(10) for one in (1, 3)]  # ticks of log axes
_TIP = '<div style="font:13px sans-serif"><b>@name</b> @kind<br>@detail</div>'


class Axis:
    """Checkpoints at equal distances, those that are missing included.

    Parameters
    ----------
    steps : sequence of int
        Of the checkpoints that were used.
    missing : sequence of int
        Steps of those that could not be.

    Attributes
    ----------
    ticks : list of str
    places, gaps : list of int
        Places of the two kinds among the ticks.
    """

    def __init__(self, steps: Sequence[int], missing: Sequence[int] = ()) -> None:
        there = set(steps)
        every = sorted({*there, *missing})
        self.ticks = [f"{step:,}" for step in every]
        self.places = [at for at, step in enumerate(every) if step in there]
        self.gaps = [at for at, step in enumerate(every) if step not in there]

    def placed(self, values: npt.ArrayLike) -> Float64Array:
        """Values of the used checkpoints, NaN at the missing ones."""
        out = np.full(len(self.ticks), np.nan)
        out[self.places] = values
        return out

    def place(self, steps: Sequence[int], step: float) -> float:
        """Where a step between checkpoints lies; beyond the last one, at the last."""
        return float(np.interp(step, steps, self.places))

    def name(self, axis: Any) -> None:
        """Label an axis of positions with as many checkpoints as there is room for."""
        from bokeh.models import FixedTicker

        stride = max(1, math.ceil(len(self.ticks) / _MOST_TICKS))
        axis.ticker = FixedTicker(ticks=list(range(0, len(self.ticks), stride)))
        axis.major_label_overrides = dict(enumerate(self.ticks))
        axis.major_label_orientation = 0.7


class Curves:
    """Lines with bands over checkpoints; the missing ones are shaded, and lines pass over them."""

    def __init__(self, axis: Axis, *, is_log: bool = False, unit: str = "", key: str = "") -> None:
        self._axis = axis
        self._is_log = is_log
        self._key = key
        self._lines: list[Any] = []
        self._ends: list[tuple[str, str, float]] = []
        self.legend: list[tuple[str, str]] = []
        last = len(axis.ticks) - 1
        self._plot = new_plot(
            245,
            y_axis_type="log" if is_log else "linear",
            x_axis_label="checkpoint",
            y_axis_label=f"{unit} (log scale)".strip() if is_log else unit,
            x_range=(-0.03 * last - 0.2, 1.13 * last + 0.4),
        )
        shade_gaps(self._plot, axis)

    def band(
        self, label: str, color: str, low: npt.ArrayLike, high: npt.ArrayLike, *, is_shown: bool
    ) -> None:
        """Shade what lies between two series; nothing closes over a gap."""
        from bokeh.models import Segment, VArea

        name = f"band:{label}"
        below, above = self._axis.placed(low).tolist(), self._axis.placed(high).tolist()
        for run in stretches(below):
            if len(run) == 1:  # an area of one place would not be seen
                data = {"x0": run, "y0": [below[run[0]]], "x1": run, "y1": [above[run[0]]]}
                look = {"line_color": color, "line_alpha": 0.3, "line_width": 4}
                draw(self._plot, Segment(**_of(data), **look), data, name=name, visible=is_shown)
                continue
            data = {"x": run, "y1": [below[at] for at in run], "y2": [above[at] for at in run]}
            area = VArea(**_of(data), fill_color=color, fill_alpha=0.16)
            draw(self._plot, area, data, name=name, visible=is_shown)

    def line(
        self, label: str, color: str, values: npt.ArrayLike, *, is_dashed: bool = False,
        dash: str = "solid",
    ) -> None:  # fmt: skip
        """Draw one series; a solid one has an entry in the legend, and a label at its end."""
        from bokeh.models import ColumnDataSource, Line

        placed = self._axis.placed(values).tolist()
        there = [at for at, value in enumerate(placed) if not math.isnan(value)]
        source = ColumnDataSource(
            {"x": there, "y": [placed[at] for at in there], "name": [label] * len(there),
             "tick": [self._axis.ticks[at] for at in there]}
        )  # fmt: skip
        line = Line(
            x="x", y="y", line_color=color, line_width=1.5 if is_dashed else 2.2,
            line_dash="dashed" if is_dashed else dash,
        )  # fmt: skip
        self._lines.append(draw(self._plot, line, source, name=f"kind:{label}"))
        if is_dashed:
            return
        self.legend.append((label, color))
        if there:
            self._ends.append((label, color, placed[there[-1]]))
        if len(placed) <= 60:
            draw(self._plot, _dots(color, 4), source, name=f"kind:{label}")

    def finished(self) -> Any:
        """The figure, with a tip for each line."""
        from bokeh.models import ColumnDataSource, HoverTool, Line

        tip = '<div style="font:13px sans-serif"><b>@name</b> @y{0.000} at @tick</div>'
        self._plot.add_tools(HoverTool(renderers=self._lines, tooltips=tip, mode="mouse"))
        self._label_ends()
        if self._key:
            chosen = ColumnDataSource({"x": [], "y": []}, name=f"{self._key} chosen")
            line = Line(x="x", y="y", line_color=INK, line_width=3)
            draw(self._plot, line, chosen, name="chosen")
            draw(self._plot, _dots(INK, 5), chosen, name="chosen")
        self._axis.name(self._plot.xaxis)
        return self._plot

    def _label_ends(self) -> None:
        """Name the lines at their ends, one below the other where they come together."""
        from bokeh.models import Text

        last = len(self._axis.ticks) - 1
        heights = [math.log10(max(y, 1e-9)) if self._is_log else y for *_, y in self._ends]
        values = [
            value
            for line in self._lines
            for value in line.data_source.data["y"]
            if not self._is_log or value > 0
        ]
        if not heights or not values:
            return
        longest = max(len(label) for label, *_ in self._ends)
        self._plot.x_range.end = (1 + max(0.13, 0.035 * longest)) * last + 0.4  # room for labels
        span = [math.log10(value) if self._is_log else value for value in values]
        least = (max(span) - min(span) or 1.0) * _LABEL
        placed: list[tuple[float, int]] = []
        for at in sorted(range(len(heights)), key=lambda at: heights[at]):
            low = placed[-1][0] + least if placed else -math.inf
            placed.append((max(heights[at], low), at))
        for height, at in placed:
            label, color, _ = self._ends[at]
            data = {"x": [last], "y": [10**height if self._is_log else height], "text": [label]}
            look = {"text_color": color, "text_font_size": "11px", "text_baseline": "middle"}
            draw(self._plot, Text(**_of(data), **look, x_offset=7), data, name=f"kind:{label}")


def phase_map(found: Formation, axis: Axis, order: Sequence[int]) -> Any:
    """A cell per name and checkpoint, barred where it is captured, with the kinds at the side."""
    from bokeh.models import ColumnDataSource, FixedTicker, HoverTool, TapTool

    n, ticks = len(order), axis.ticks
    kinds = [found.shown_kinds[row] for row in order]
    phases = np.zeros((n, len(ticks)), dtype=np.int64)
    captured = np.zeros((n, len(ticks)), dtype=bool)
    phases[:, axis.places] = found.phases.labels[list(order)]
    captured[:, axis.places] = found.phases.captured[list(order)]
    plot = new_plot(
        max(220, min(1100, 60 + 3 * n)), y_range=(n - 0.5, -0.5), x_range=(-0.5, len(ticks) - 0.5)
    )
    cells = [
        (
            x, y, PHASE_COLORS[phases[y, x]], found.names[row], kinds[y],
            f"{ticks[x]}: {PHASES[phases[y, x]]}"
            + (", captured by one part" if captured[y, x] else ""),
        )
        for y, row in enumerate(order)
        for x in range(len(ticks))
    ]  # fmt: skip
    keys = ("x", "y", "color", "name", "kind", "detail")
    columns = dict(zip(keys, map(list, zip(*cells, strict=True)), strict=True))
    drawn = plot.rect(
        "x", "y", 1, 1, color="color", line_color=None, nonselection_alpha=1,
        source=ColumnDataSource(columns, name="phases cells"),
    )  # fmt: skip
    plot.add_tools(TapTool(renderers=[drawn]))
    if captured.any():
        ys, xs = np.nonzero(captured)
        # A bar and not a shade: the phase stays to be seen on both sides of it.
        plot.rect(
            xs.tolist(), ys.tolist(), _BAR, 1, color=INK, line_color=None,
            name="captured",
        )  # fmt: skip
    plot.add_tools(HoverTool(renderers=[drawn], tooltips=_TIP))
    starts = [at for at in range(n) if at == 0 or kinds[at] != kinds[at - 1]]
    middles = [(a + b - 1) / 2 for a, b in zip(starts, [*starts[1:], n], strict=True)]
    plot.yaxis.ticker = FixedTicker(ticks=middles)
    plot.yaxis.major_label_overrides = {
        middle: kinds[start] for middle, start in zip(middles, starts, strict=True)
    }
    for start in starts[1:]:
        plot.line([-0.5, len(ticks) - 0.5], [start - 0.5] * 2, color=INK, line_width=1)
    row = ColumnDataSource({"x": [], "y": [], "w": []}, name="phases chosen")
    plot.rect("x", "y", "w", 1, fill_alpha=0, line_color=INK, line_width=3, source=row,
              name="chosen")  # fmt: skip
    plot.grid.visible = False
    axis.name(plot.xaxis)
    return plot


def crossing_map(
    found: Formation, crossed: Sequence[NameCrossing], colors: Mapping[str, str]
) -> Any:
    """Exposures at the crossing against exposures at the end, both plus one, on log axes.

    Parameters
    ----------
    found : Formation
        With exposures.
    crossed : sequence of NameCrossing
        That cross, in exposures.
    colors : mapping
        Of every kind.
    """
    from bokeh.models import (
        ColumnDataSource,
        FixedTicker,
        HoverTool,
        LogAxis,
        NumeralTickFormatter,
    )

    rows = [found.names.index(one.name) for one in crossed]
    kinds = [found.shown_kinds[row] for row in rows]
    final = [0.0 if found.exposures is None else float(found.exposures[row, -1]) for row in rows]
    seen = [one.exposures for one in crossed if one.exposures is not None]
    finite = [one.high for one in seen if math.isfinite(one.high)]
    edge = 1.5 * (max([*finite, *(one.position for one in seen), 10.0]) + 1)
    plot = new_plot(
        300, x_axis_type="log", y_axis_type="log", x_axis_label="exposures in all",
        y_axis_label="exposures at the crossing", y_range=(0.8, edge),
    )  # fmt: skip
    # Names of equal exposures stand side by side, kind by kind.
    each = list(dict.fromkeys(kinds))
    aside = {kind: 1.05 ** (at - (len(each) - 1) / 2) for at, kind in enumerate(each)}
    data = {
        "x": [(count + 1) * aside[kind] for count, kind in zip(final, kinds, strict=True)],
        "y": [one.position + 1 for one in seen],
        "low": [max(one.low, 0.0) + 1 for one in seen],
        "high": [one.high + 1 if math.isfinite(one.high) else edge for one in seen],
        "color": [colors[kind] for kind in kinds],
        "name": [one.name for one in crossed],
        "kind": kinds,
        "detail": [
            f"{one.position:,.0f} of {count:,.0f} ({one.low:,.0f} to "
            f"{f'{one.high:,.0f}' if math.isfinite(one.high) else 'never'})"
            for one, count in zip(seen, final, strict=True)
        ],
    }
    dots = []
    for kind in each:
        own = [at for at, other in enumerate(kinds) if other == kind]
        source = ColumnDataSource({key: [column[at] for at in own] for key, column in data.items()})
        options = {"source": source, "color": "color", "name": f"kind:{kind}"}
        plot.segment("x", "low", "x", "high", alpha=0.3, **options)
        dots.append(plot.scatter("x", "y", size=6, alpha=0.8, **options))
    plot.add_tools(HoverTool(renderers=dots, tooltips=_TIP))
    for scale in plot.select(LogAxis):
        scale.formatter = NumeralTickFormatter(format="0,0")
        # bokeh's own ticks stand in each other where an axis is shorter than a decade.
        scale.ticker = FixedTicker(ticks=_COUNTS)
    for grid, scale in zip(plot.grid, (plot.xaxis[0], plot.yaxis[0]), strict=True):
        grid.ticker = scale.ticker
    return plot


def similarity_map(cka: Float64Array, axis: Axis) -> Any:
    """A cell per pair of checkpoints; those of gaps stay empty."""
    from bokeh.models import ColorBar, ColumnDataSource, HoverTool, LinearColorMapper
    from bokeh.palettes import Viridis256

    n, ticks = len(axis.ticks), axis.ticks
    plot = new_plot(300, x_range=(-0.5, n - 0.5), y_range=(n - 0.5, -0.5))
    rows, columns = np.nonzero(np.isfinite(cka))
    ys, xs = [axis.places[at] for at in rows], [axis.places[at] for at in columns]
    data = {
        "x": xs,
        "y": ys,
        "value": cka[rows, columns].tolist(),
        "first": [ticks[y] for y in ys],
        "second": [ticks[x] for x in xs],
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
    axis.name(plot.xaxis)
    axis.name(plot.yaxis)
    plot.yaxis.major_label_orientation = 0.0
    return plot


def new_plot(height: int, **options: Any) -> Any:
    """An empty figure in the looks of the page, which the page's script recolours."""
    from bokeh.plotting import figure

    plot = figure(
        height=height, sizing_mode="stretch_width", toolbar_location=None, tools="",
        outline_line_color=None, min_border=4, background_fill_color=None,
        border_fill_color=None, **options,
    )  # fmt: skip
    plot.grid.grid_line_color = "#eef0f4"
    plot.axis.axis_line_color = "#c3c8d1"
    plot.axis.major_tick_line_color = "#c3c8d1"
    plot.axis.minor_tick_line_color = None
    plot.axis.major_label_text_color = "#5b6475"
    plot.axis.axis_label_text_color = "#5b6475"
    plot.axis.axis_label_text_font_style = "normal"
    return plot


def draw(plot: Any, glyph: Any, source: Any, *, name: str, visible: bool = True) -> Any:
    """Draw by one glyph.

    A figure's own methods make two more for each, as the parts of a selection look. Nothing is
    selected among curves, and most of a page's time is that of its glyphs.

    Parameters
    ----------
    plot : figure
    glyph : Glyph
        Of which the columns of `source` are the places.
    source : ColumnDataSource or dict
    name : str
        By which the page's script finds it.
    visible : bool

    Returns
    -------
    GlyphRenderer
    """
    from bokeh.models import ColumnDataSource

    held = ColumnDataSource(source) if isinstance(source, dict) else source
    return plot.add_glyph(held, glyph, name=name, visible=visible)


def _of(data: Mapping[str, object]) -> dict[str, Any]:
    """Places of a glyph by columns of the same names."""
    return {key: key for key in data}


def _dots(color: str, size: int) -> Any:
    from bokeh.models import Scatter

    return Scatter(x="x", y="y", size=size, line_color=color, fill_color=color)


def shade_gaps(plot: Any, axis: Axis) -> None:
    """Shade the checkpoints that could not be used."""
    from bokeh.models import BoxAnnotation

    for at in axis.gaps:
        plot.add_layout(
            BoxAnnotation(left=at - 0.5, right=at + 0.5, fill_color="#8d95a5", fill_alpha=0.25)
        )


def stretches(values: Sequence[float]) -> list[list[int]]:
    """Stretches of places without NaN."""
    out: list[list[int]] = [[]]
    for at, value in enumerate(values):
        if math.isnan(value):
            out.append([])
        else:
            out[-1].append(at)
    return [run for run in out if run]
