"""The topology report as one page: map, search, what clusters follow, table of clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from namebasis.checks import FloatArray, IntArray
from namebasis.report.page import asset, definitions, embedded_json, page, text, tiles
from namebasis.report.palette import GREY, cluster_colors, darker
from namebasis.report.topology_tables import (
    AgreementRow,
    ClusterRow,
    agreement_section,
    clusters_section,
)


@dataclass(frozen=True)
class MapPoints:
    """What the map shows: n names at their places.

    Attributes
    ----------
    names, details : sequences of n str
        A name, and the line shown below it.
    places : ndarray of shape (n, 2), float32
    labels : ndarray of shape (n,), int64
        Cluster of each name, -1 for none.
    probabilities : ndarray of shape (n,), float
    neighbours, similarities : ndarrays of shape (n, m)
        A few nearest names each, by position, with their cosines.
    """

    names: Sequence[str]
    details: Sequence[str]
    places: FloatArray
    labels: IntArray
    probabilities: np.ndarray[tuple[int], np.dtype[np.float64]]
    neighbours: IntArray
    similarities: FloatArray


@dataclass(frozen=True)
class TopologyPage:
    """All that the page shows, in plain values."""

    title: str
    lead: str
    finding: str
    facts: Sequence[tuple[str, str]]
    points: MapPoints
    clusters: Sequence[ClusterRow]
    agreement: Sequence[AgreementRow]
    n_permutations: int
    notes: Sequence[str]
    footer: Sequence[tuple[str, object]]


def render(content: TopologyPage) -> str:
    """Draw the page; it opens from disk and asks no host for anything.

    Parameters
    ----------
    content : TopologyPage

    Returns
    -------
    str
        A whole HTML document.
    """
    from bokeh.embed import components
    from bokeh.resources import Resources

    from namebasis.report.topology_map import build_map

    colors = cluster_colors(len(content.clusters))
    places = spread_equal(content.points.places)
    script, holder = components(build_map(len(content.points.names)))
    library = Resources(mode="inline", components=["bokeh", "bokeh-gl"], log_level="warn")
    body = (
        f"<main><h1>{text(content.title)}</h1>"
        f'<p class="lead">{text(content.lead)}</p>'
        + tiles(content.facts)
        + f'<p class="finding">{text(content.finding)}</p>'
        + _explore(holder, len(content.points.names))
        + agreement_section(content.agreement, content.n_permutations)
        + clusters_section(content.clusters, colors)
        + _notes(content.notes)
        + f"<footer>{definitions(content.footer)}</footer></main>"
    )
    data = embedded_json("data", _data(content, places, colors))
    behaviour = f"<script>\n{asset('topology.js')}</script>"
    return page(content.title, body, head=library.render(), scripts=data + script + behaviour)


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


def _data(content: TopologyPage, places: FloatArray, colors: Sequence[str]) -> dict[str, object]:
    """What the script needs besides the map itself."""
    from namebasis.report.topology_map import dot_size

    points = content.points
    low, high = np.percentile(places, [0.1, 99.9], axis=0) if len(places) else np.zeros((2, 2))
    margin = 0.06 * float((high - low).max())
    rounded = np.round(places.astype(np.float64), 3)
    return {
        "names": list(points.names),
        "details": list(points.details),
        "x": rounded[:, 0].tolist(),
        "y": rounded[:, 1].tolist(),
        "cluster": points.labels.tolist(),
        "probability": np.round(points.probabilities, 2).tolist(),
        "near": points.neighbours.tolist(),
        "cosine": np.round(points.similarities.astype(np.float64), 3).tolist(),
        "grey": GREY,
        "size": dot_size(len(points.names)),
        "span": float((high - low).max()) or 1.0,
        "box": [
            float(low[0] - margin),
            float(high[0] + margin),
            float(low[1] - margin),
            float(high[1] + margin),
        ],
        "clusters": [
            _cluster_data(number, row, points.labels, places, color)
            for number, (row, color) in enumerate(zip(content.clusters, colors, strict=True))
        ],
    }


def _cluster_data(
    number: int, row: ClusterRow, labels: IntArray, places: FloatArray, color: str
) -> dict[str, object]:
    inside = places[labels == number]
    low, high = np.percentile(inside, [5, 95], axis=0)
    middle = np.median(inside, axis=0)
    margin = 0.35 * float((high - low).max()) + 1e-3
    return {
        "label": row.label,
        "size": row.size,
        "color": color,
        "ink": darker(color),
        "central": list(row.central),
        "x": round(float(middle[0]), 3),
        "y": round(float(middle[1]), 3),
        "box": [
            round(float(value), 3)
            for value in (low[0] - margin, high[0] + margin, low[1] - margin, high[1] + margin)
        ],
    }


def _explore(holder: str, n_names: int) -> str:
    return (
        f'<section class="explore"><div class="card map">{holder}'
        '<button id="reset" type="button">Whole map</button>'
        '<div class="hint">scroll to zoom, drag to move; distances across the map mean little</div>'
        '</div><aside class="card side"><div class="search">'
        f'<input id="query" type="search" autocomplete="off" placeholder='
        f'"Find one of {n_names:,} names" aria-label="Find a name"></div>'
        '<div class="panel" id="panel"></div></aside></section>'
    )


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    items = "".join(f"<li>{text(note)}</li>" for note in notes)
    return f'<h2>Notes</h2><ul class="notes">{items}</ul>'
