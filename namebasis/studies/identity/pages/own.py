"""How own directions lie, as a figure and as one page."""

from __future__ import annotations

from typing import Any

import numpy as np

from namebasis.report import charts
from namebasis.report.answer import answer_page
from namebasis.studies.identity.own_results import MOST_OF_CLUSTER, OwnDirections

_BINS = 40
_CELL = 0.21
"""Inches of a name in the map of clusters."""


def html_of(found: OwnDirections) -> str:
    """Who shares what they have of their own, with clusters, as one HTML document."""
    drawings = [(draw_nearest(found), _said_of_nearest(found))]
    if len(found.cosines):
        drawings.append((draw_clusters(found), _said_of_clusters(found)))
    return answer_page(
        found, "What names have of their own", drawings, found.parameters,
        "names, those with the nearest other first",
    )  # fmt: skip


def draw(found: OwnDirections) -> Any:
    """Draw the clusters of own directions where there are any, else how near each has another."""
    return draw_clusters(found) if len(found.cosines) else draw_nearest(found)


@charts.chart
def draw_nearest(found: OwnDirections) -> Any:
    """Draw how near each own direction has another, beside recombined names.

    Parameters
    ----------
    found : OwnDirections
    """
    own = np.array([one.cosine for one in found.names if one.cosine is not None])
    null = found.null_cosines
    edges = np.linspace(min([*own, *null, 0.0]), max([*own, *null, found.limit]), _BINS + 1)
    figure, (axes,) = charts.new_figure(1, width=8.0, height=3.0)
    for values, color, label in (
        (null, charts.FAINT, "recombined names"), (own, charts.FILL, "names"),
    ):  # fmt: skip
        if len(values):
            shares = np.full(len(values), 1 / len(values))
            axes.hist(values, edges, weights=shares, color=color, alpha=0.6, label=label)
    axes.axvline(found.limit, color=charts.WARM, linewidth=0.9, linestyle="--")
    axes.set_xlabel("cosine of the nearest other own direction")
    axes.set_ylabel("share")
    axes.legend(loc="upper right")
    axes.grid(axis="y")
    return figure


@charts.chart
def draw_clusters(found: OwnDirections) -> Any:
    """Draw the cosines of own directions with each other, cluster by cluster.

    Parameters
    ----------
    found : OwnDirections

    Raises
    ------
    ValueError
        If no names cluster.
    """
    clusters = found.drawn_clusters()
    names = [name for some in clusters for name in some]
    if not names:
        raise ValueError("there is nothing to draw: no own directions cluster.")
    n = len(names)
    figure, (axes,) = charts.new_figure(1, width=2.6 + _CELL * n, height=1.9 + _CELL * n)
    for row, column in np.ndindex(n, n):
        cosine = float(found.cosines[row, column])
        color = charts.FILL if cosine > 0 else charts.WARM
        axes.fill(
            [column, column + 1, column + 1, column], [row, row, row + 1, row + 1], color=color,
            alpha=min(abs(cosine), 1.0), linewidth=0,
        )  # fmt: skip
    edge = 0
    for size in map(len, clusters):
        axes.plot(
            edge + size * np.array([0, 1, 1, 0, 0]), edge + size * np.array([0, 0, 1, 1, 0]),
            color=charts.INK, linewidth=1,
        )  # fmt: skip
        edge += size
    labels = [charts.drawable(name, f"name {at + 1}") for at, name in enumerate(names)]
    axes.set_xticks(np.arange(n) + 0.5, labels, rotation=90, fontsize=8)
    axes.set_yticks(np.arange(n) + 0.5, labels, fontsize=8)
    axes.set_xlim(0, n)
    axes.set_ylim(n, 0)
    axes.set_aspect("equal")
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def _said_of_nearest(found: OwnDirections) -> str:
    return (
        f"How near each own direction has another. Dashed: {found.limit:.2f}, which 5 % of "
        "recombined names reach; to its right names share what they have of their own."
    )


def _said_of_clusters(found: OwnDirections) -> str:
    n_all, n = sum(map(len, found.clusters().values())), len(found.cosines)
    few = f" {n} of {n_all:,} names, {MOST_OF_CLUSTER} of a cluster at most." if n_all > n else ""
    return (
        "Cosines of own directions that cluster, a square for each cluster: the stronger the "
        f"colour, the more alike; brown where they are opposite.{few}"
    )
