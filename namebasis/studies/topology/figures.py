"""The maps of a page as matplotlib draws them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from namebasis.report import charts
from namebasis.report.name_map import MapCluster, NameMap, dot_size, spread_equal
from namebasis.report.palette import GREY, with_lightness

_MOST_LABELS = 40


@charts.chart
def draw_maps(maps: Sequence[NameMap]) -> Any:
    """Maps beside each other; labels of clusters give way to those of larger ones."""
    figure, axes = charts.new_figure(len(maps), width=8.5 if len(maps) == 1 else 14, height=6.4)
    for panel, shown in zip(axes, maps, strict=True):
        _draw_map(panel, shown)
        if len(maps) > 1:
            panel.set_title(charts.drawable(shown.title, ""))
    figure.canvas.draw()
    for panel, shown in zip(axes, maps, strict=True):
        _label_map(panel, shown)
    return figure


def _draw_map(axes: Any, shown: NameMap) -> None:
    places = spread_equal(shown.places)
    colors = np.array([*shown.colors(), GREY])[shown.labels]
    area = dot_size(len(places)) ** 2 / 2.2
    noise = shown.labels < 0
    for rows, size, order in ((noise, 0.7 * area, 1), (~noise, area, 2)):
        axes.scatter(places[rows, 0], places[rows, 1], s=size, c=colors[rows], linewidths=0,
                     alpha=0.85, rasterized=True, zorder=order)  # fmt: skip
    low, high = np.percentile(places, [0.1, 99.9], axis=0)
    pad = 0.05 * float((high - low).max()) or 1.0
    axes.set_xlim(low[0] - pad, high[0] + pad)
    axes.set_ylim(low[1] - pad, high[1] + pad)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _label_map(axes: Any, shown: NameMap) -> None:
    renderer = axes.figure.canvas.get_renderer()
    drawn: list[Any] = []
    for number, (cluster, color) in enumerate(zip(shown.clusters, shown.colors(), strict=True)):
        if len(drawn) == _MOST_LABELS:
            break
        label = _put_label(axes, shown, number, cluster, with_lightness(color, 0.42))
        box = label.get_window_extent(renderer).padded(2)
        frame = axes.get_window_extent(renderer)
        outside = box.x0 < frame.x0 or box.x1 > frame.x1 or box.y0 < frame.y0 or box.y1 > frame.y1
        if outside or any(box.overlaps(other) for other in drawn):
            label.remove()
        else:
            drawn.append(box)


def _put_label(axes: Any, shown: NameMap, number: int, cluster: MapCluster, ink: str) -> Any:
    middle = np.median(shown.places[shown.labels == number], axis=0)
    share = cluster.size / max(len(shown.places), 1)
    words = charts.drawable(cluster.label[:40], f"cluster {number}")
    ground = {"facecolor": "white", "alpha": 0.7, "pad": 1, "edgecolor": "none"}
    return axes.text(*middle, words, ha="center", va="center", color=ink, weight="bold",
                     fontsize=9.5 if share > 0.02 else 8 if share > 0.005 else 7,
                     bbox=ground, zorder=3)  # fmt: skip
