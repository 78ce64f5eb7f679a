"""The map of a topology report, as a bokeh figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.checks import FloatArray
from namebasis.report.palette import GREY

_FONT = "Inter, 'Segoe UI', 'Helvetica Neue', 'Noto Sans', Arial, sans-serif"

if TYPE_CHECKING:
    from namebasis.report.topology_page import MapPoints


def build_map(points: MapPoints, places: FloatArray, colors: Sequence[str]) -> Any:
    """Draw names as dots, coloured by cluster; the page's script finds models by their names."""
    from bokeh.models import ColumnDataSource, HoverTool, Range1d
    from bokeh.plotting import figure

    plot = figure(
        name="map",
        sizing_mode="stretch_both",
        tools="pan,wheel_zoom",
        active_scroll="wheel_zoom",
        toolbar_location=None,
        x_range=Range1d(0, 1, name="x_range"),
        y_range=Range1d(0, 1, name="y_range"),
        output_backend="webgl",
        outline_line_color=None,
        lod_threshold=None,
        min_border=0,
    )
    plot.axis.visible = False
    plot.grid.visible = False
    size = dot_size(len(points.names))
    inside = points.labels >= 0
    tint = np.array([*colors, GREY])[points.labels]  # -1 takes the last, grey
    drawn = []
    for name, rows, alpha, scale in (
        ("noise", ~inside, 0.55, 0.85),
        ("clustered", inside, 0.85, 1.0),
    ):
        source = ColumnDataSource(
            {
                "x": places[rows, 0],
                "y": places[rows, 1],
                "color": tint[rows].tolist(),
                "name": [points.names[i] for i in np.flatnonzero(rows).tolist()],
                "detail": [points.details[i] for i in np.flatnonzero(rows).tolist()],
            }
        )
        drawn.append(
            plot.scatter(
                "x", "y", size=size * scale, color="color", alpha=alpha, line_color=None,
                source=source, name=name,
            )
        )  # fmt: skip
    _add_marks(plot)
    plot.add_tools(
        HoverTool(
            renderers=drawn,
            tooltips='<div style="font:13px sans-serif"><b>@name</b><br>@detail</div>',
            point_policy="snap_to_data",
            limit=4,
        )
    )
    return plot


def dot_size(n: int) -> float:
    """Pixels across a dot on a map of `n` names, before one zooms in."""
    return 4.5 if n < 5_000 else 3.2 if n < 40_000 else 2.6


def _add_marks(plot: Any) -> None:
    """Rings for what was searched, and the labels of clusters; the script fills them."""
    from bokeh.core.properties import value
    from bokeh.models import ColumnDataSource

    def source(name: str) -> ColumnDataSource:
        return ColumnDataSource({"x": [], "y": [], "text": [], "color": []}, name=name)

    shared = {
        "text_color": "color", "text_align": "center", "text_font": value(_FONT),
        "background_fill_color": "white", "border_radius": 4, "padding": 2,
    }  # fmt: skip
    plot.text(
        "x", "y", "text", text_baseline="top", text_font_size="11px", y_offset=4,
        background_fill_alpha=0.55, source=source("names"), **shared,
    )  # fmt: skip
    plot.text(
        "x", "y", "text", text_baseline="middle", text_font_size="12px", text_font_style="bold",
        background_fill_alpha=0.78, source=source("labels"), **shared,
    )  # fmt: skip
    for name, size, color, width in (("near", 9, "#1d2330", 1.2), ("found", 18, "#d9480f", 3)):
        plot.scatter(
            "x", "y", size=size, fill_alpha=0, line_color=color, line_width=width,
            source=ColumnDataSource({"x": [], "y": []}, name=name),
        )  # fmt: skip
