"""The map of a topology report, as a bokeh figure."""

from __future__ import annotations

from typing import Any

_FONT = "Inter, 'Segoe UI', 'Helvetica Neue', 'Noto Sans', Arial, sans-serif"


def build_map(n_names: int) -> Any:
    """Set up the map; the page's script finds models by their names and fills them.

    The page holds every name once, for search and map alike, so that it stays small.
    """
    from bokeh.models import HoverTool, Range1d
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
    dots = [
        plot.scatter(
            "x", "y", size=dot_size(n_names), color="color", alpha=alpha, line_color=None,
            source=_source(f"{name} data", "x", "y", "color", "name", "detail"), name=name,
        )
        for name, alpha in (("noise", 0.55), ("clustered", 0.85))
    ]  # fmt: skip
    _add_marks(plot)
    plot.add_tools(
        HoverTool(
            renderers=dots,
            tooltips='<div style="font:13px sans-serif"><b>@name</b><br>@detail</div>',
            point_policy="snap_to_data",
            limit=4,
        )
    )
    return plot


def dot_size(n: int) -> float:
    """Pixels across a dot on a map of `n` names, before one zooms in."""
    return 4.5 if n < 5_000 else 3.2 if n < 40_000 else 2.6


def _source(name: str, *columns: str) -> Any:
    from bokeh.models import ColumnDataSource

    return ColumnDataSource({column: [] for column in columns}, name=name)


def _add_marks(plot: Any) -> None:
    """Labels of clusters and names, and rings for what was searched."""
    from bokeh.core.properties import value

    shared = {
        "text_color": "color", "text_align": "center", "text_font": value(_FONT),
        "background_fill_color": "white", "border_radius": 4, "padding": 2,
    }  # fmt: skip
    plot.text(
        "x", "y", "text", text_baseline="top", text_font_size="11px", y_offset=4,
        background_fill_alpha=0.55, source=_source("names", "x", "y", "text", "color"), **shared,
    )  # fmt: skip
    plot.text(
        "x", "y", "text", text_baseline="middle", text_font_size="12px", text_font_style="bold",
        background_fill_alpha=0.78, source=_source("labels", "x", "y", "text", "color"), **shared,
    )  # fmt: skip
    for name, size, color, width in (("near", 9, "#1d2330", 1.2), ("found", 18, "#d9480f", 3)):
        plot.scatter(
            "x", "y", size=size, fill_alpha=0, line_color=color, line_width=width,
            source=_source(name, "x", "y"),
        )  # fmt: skip
