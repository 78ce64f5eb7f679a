"""Maps of names: the bokeh figure, and the data with which the page's script fills it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.checks import Float64Array, FloatArray, IntArray
from namebasis.report.packed import dictionary, packed
from namebasis.report.page import embedded_json
from namebasis.report.palette import (
    GREY,
    GREY_ON_DARK,
    ON_DARK,
    PALETTE,
    cluster_colors,
    inks,
    sequential,
)
from namebasis.wording import visible

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class MapCluster:
    """A cluster as a map shows it; `central` are rows of its most central names."""

    label: str
    size: int
    central: Sequence[int]


@dataclass(frozen=True)
class NameMap:
    """One arrangement of n names.

    Attributes
    ----------
    title : str
        Said above the map where there are several.
    places : ndarray of shape (n, 2), float32
    labels : ndarray of shape (n,), int64
        Cluster of each name, -1 for none.
    probabilities : ndarray of shape (n,), float64
        How firmly each name belongs to its cluster, in [0, 1].
    neighbours, similarities : ndarrays of shape (n, m)
        A few nearest names each, by row, with their cosines.
    clusters : sequence of MapCluster
        In the order of the labels.
    """

    title: str
    places: FloatArray
    labels: IntArray
    probabilities: Float64Array
    neighbours: IntArray
    similarities: FloatArray
    clusters: Sequence[MapCluster]

    def colors(self) -> list[str]:
        """A colour per cluster; clusters that lie close together differ."""
        return cluster_colors(_centres(self.places, self.labels, len(self.clusters)))


@dataclass(frozen=True)
class Explorer:
    """Maps that are searched and walked on a page, as the template `explorer` draws them.

    Attributes
    ----------
    titles : tuple of str
        Of the maps, in order.
    holders : tuple of Markup
        Where the script puts each map.
    library, script, data : Markup
        bokeh, what it draws, and the names.
    n_names : int
    orders : mapping of title to sequence of str
        Of properties that are numbers, their texts from the lowest to the highest.
    side_by_side : bool
        Whether two maps stand next to each other at first.
    dots : tuple of two str
        Colours of dots that have none, on a light and on a dark ground.
    """

    titles: tuple[str, ...]
    holders: tuple[Markup, ...]
    library: Markup
    script: Markup
    data: Markup
    n_names: int
    side_by_side: bool
    dots: tuple[str, str] = (GREY, GREY_ON_DARK)


def explorer(
    names: Sequence[str],
    details: Sequence[str],
    maps: Sequence[NameMap],
    properties: Mapping[str, Sequence[str]],
    *,
    orders: Mapping[str, Sequence[str]] = MappingProxyType({}),
    side_by_side: bool = False,
    spaces: Sequence[str] = (),
) -> Explorer:
    """Prepare maps of the same n names for a page.

    Parameters
    ----------
    names, details : sequences of n str
        A name, and the line shown below it.
    maps : sequence of NameMap
    properties : mapping of title to n str
        What dots can be coloured by besides clusters; an empty text where unknown.
    orders : mapping of title to sequence of str
        Of properties that are numbers, their texts from the lowest to the highest.
    side_by_side : bool
        Whether two maps stand next to each other at first.
    spaces : sequence of str
        Where the names are stored: the panel of a name shows the commands of its cards.
    """
    from bokeh.embed import components
    from bokeh.resources import Resources
    from markupsafe import Markup

    script, holders = components(tuple(build_figure(f"map{at}") for at in range(len(maps))))
    library = Resources(mode="inline", components=["bokeh", "bokeh-gl"], log_level="warn")
    data = page_data(names, details, maps, properties, orders) | {
        "palette": list(PALETTE),
        "dark": ON_DARK,
        "spaces": list(spaces),
        "scale": sequential(12),
    }
    return Explorer(
        titles=tuple(shown.title for shown in maps),
        holders=tuple(Markup(holder) for holder in holders),
        # What the library wrote into it by itself is made visible.
        library=Markup(visible(library.render(), keep="\n\t\r")),
        script=Markup(script),
        data=Markup(embedded_json("data", data)),
        n_names=len(names),
        side_by_side=side_by_side,
    )


def build_figure(name: str) -> Any:
    """Set up an empty map; the page's script finds its models by `name` and fills them.

    The page holds every name once, for search and maps alike, so that it stays small.
    """
    from bokeh.models import ColumnDataSource, Range1d
    from bokeh.plotting import figure

    plot = figure(
        name=name,
        sizing_mode="stretch_both",
        tools="pan,wheel_zoom",
        active_scroll="wheel_zoom",
        toolbar_location=None,
        x_range=Range1d(0, 1, name=f"{name} x"),
        y_range=Range1d(0, 1, name=f"{name} y"),
        output_backend="webgl",
        outline_line_color=None,
        background_fill_color=None,
        border_fill_color=None,
        lod_threshold=None,
        min_border=0,
    )
    plot.axis.visible = False
    plot.grid.visible = False

    def source(layer: str, *columns: str) -> ColumnDataSource:
        return ColumnDataSource({column: [] for column in columns}, name=f"{name} {layer} data")

    for layer, alpha in (("back", 0.6), ("front", 0.9)):
        plot.scatter(
            "x", "y", size=3, color="color", alpha=alpha, line_color=None,
            source=source(layer, "x", "y", "color"), name=f"{name} {layer}",
        )  # fmt: skip
    for layer, size, width in (("near", 9, 1.4), ("found", 17, 3), ("pointed", 12, 2)):
        plot.scatter(
            "x", "y", size=size, fill_alpha=0, line_width=width,
            source=source(layer, "x", "y"), name=f"{name} {layer}",
        )  # fmt: skip
    return plot


def dot_size(n: int) -> float:
    """Pixels across a dot on a map of `n` names, before one zooms in."""
    return 7.0 if n < 500 else 4.5 if n < 5_000 else 3.2 if n < 40_000 else 2.6


def page_data(
    names: Sequence[str],
    details: Sequence[str],
    maps: Sequence[NameMap],
    properties: Mapping[str, Sequence[str]],
    orders: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> dict[str, object]:
    """All that the page's script needs, in its smallest form."""
    return {
        "names": list(names),
        "details": dictionary(details),
        "properties": [
            _property_data(title, values, orders.get(title)) for title, values in properties.items()
        ],
        "maps": [_map_data(shown) for shown in maps],
    }


def _property_data(
    title: str, values: Sequence[str], order: Sequence[str] | None
) -> dict[str, object]:
    """A property, and of numbers the order of their texts."""
    found: dict[str, object] = {"title": title, **dictionary(values)}
    if order:
        codes = {text: code for code, text in enumerate(dict.fromkeys(values))}
        found["order"] = [codes[text] for text in order if text in codes]
    return found


def _map_data(shown: NameMap) -> dict[str, object]:
    places = spread_equal(shown.places)
    low, high = np.percentile(places, [0.1, 99.9], axis=0) if len(places) else np.zeros((2, 2))
    span = float((high - low).max()) or 1.0
    box = [low[0] - span / 16, high[0] + span / 16, low[1] - span / 16, high[1] + span / 16]
    return {
        "title": shown.title,
        "x": packed(places[:, 0], "f4"),
        "y": packed(places[:, 1], "f4"),
        "cluster": packed(shown.labels, "i4"),
        "belongs": packed(np.round(100 * np.clip(shown.probabilities, 0, 1)), "u1"),
        "near": packed(shown.neighbours, "u4"),
        "cosine": packed(np.round(1000 * np.clip(shown.similarities, -1, 1)), "i2"),
        "size": dot_size(len(places)),
        "span": span,
        "box": [round(float(value), 4) for value in box],
        "clusters": _clusters_data(shown, places, span),
    }


def _clusters_data(shown: NameMap, places: FloatArray, span: float) -> list[dict[str, object]]:
    order = np.argsort(shown.labels, kind="stable")
    ends = np.searchsorted(shown.labels[order], np.arange(len(shown.clusters) + 1))
    found = []
    for number, (cluster, color) in enumerate(zip(shown.clusters, shown.colors(), strict=True)):
        inside = places[order[ends[number] : ends[number + 1]]]
        low, high = np.percentile(inside, [5, 95], axis=0)
        middle = np.median(inside, axis=0)
        margin = 0.35 * float((high - low).max()) + span / 200
        box = (low[0] - margin, high[0] + margin, low[1] - margin, high[1] + margin)
        found.append(
            {
                "label": cluster.label,
                "size": cluster.size,
                "color": color,
                "ink": inks(color),
                "central": list(cluster.central),
                "x": round(float(middle[0]), 4),
                "y": round(float(middle[1]), 4),
                "box": [round(float(value), 4) for value in box],
            }
        )
    return found


def _centres(places: FloatArray, labels: IntArray, n_clusters: int) -> FloatArray:
    inside = labels >= 0
    sizes = np.maximum(np.bincount(labels[inside], minlength=n_clusters), 1)
    sums = [np.bincount(labels[inside], places[inside, axis], n_clusters) for axis in (0, 1)]
    return np.asarray(np.column_stack(sums) / sizes[:, None], np.float32)


def spread_equal(places: FloatArray) -> FloatArray:
    """Set names that share one place around it like the seeds of a sunflower, to be seen."""
    _, group = np.unique(places, axis=0, return_inverse=True)
    group = group.ravel()
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(group.max(initial=-1) + 1))
    seed = np.empty(group.size)
    seed[order] = np.arange(group.size) - starts[group[order]]
    span = float(np.ptp(places, axis=0).max(initial=0.0)) or 1.0
    radius, angle = span / 2500 * np.sqrt(seed), seed * np.pi * (3 - np.sqrt(5))
    offset = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return np.asarray(places + offset, np.float32)
