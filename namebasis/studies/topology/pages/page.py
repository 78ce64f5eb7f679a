"""The page of a topology report, and that of a comparison of two."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from markupsafe import Markup

from namebasis.encoders.thumbnails import thumbnails
from namebasis.report import charts
from namebasis.report.name_map import MapCluster, NameMap, explorer
from namebasis.report.page import render
from namebasis.studies.topology.clusters import ClusterSummary, Trait, spelling
from namebasis.studies.topology.comparison import TopologyComparison
from namebasis.studies.topology.figures import draw_maps
from namebasis.studies.topology.pages import drawings
from namebasis.studies.topology.pictures import PictureTopology
from namebasis.studies.topology.results import TopologyReport
from namebasis.studies.topology.spelling import SideMap
from namebasis.wording import percent

_N_NEIGHBOURS = 6
_N_TRAITS = 4
_N_GALLERIES = 30
"""Clusters whose pictures a page shows."""
_CLUSTERED = {
    "density": "density hierarchy of vectors drawn to their mutual neighbours",
    "hdbscan": "HDBSCAN on the vectors",
}


def html_of(report: TopologyReport) -> str:
    """The page of a report; it opens from disk and asks no host for anything."""
    maps = maps_of(report)
    return render(
        "topology",
        report=report,
        explorer=explorer(
            report.names,
            report.details,
            maps,
            _properties(report),
            orders=report.orders,
            spaces=[report.provenance["space"]],
        ),
        charts=_svg_charts(report),
        colors=maps[0].colors(),
        where=where_words(report.parameters["where"]),
        traits_of=traits_of,
        provenance=provenance_of(report),
        nulls=drawings.NULLS,
        degrees=drawings.DEGREES,
        galleries=_galleries(report),
    )


def _galleries(report: TopologyReport) -> list[tuple[int, int, list[dict[str, object]]]]:
    """Pictures of the largest clusters, the medoid first, where pictures are arranged."""
    if not isinstance(report, PictureTopology):
        return []
    shown = report.shown[:_N_GALLERIES]
    at = [row for rows in shown for row in rows]
    uris = dict(zip(at, thumbnails([report.paths[row] for row in at]), strict=True))
    return [
        (number, report.clusters[number].size,
         [{"uri": uris[row], "name": report.names[row], "path": report.paths[row]} for row in rows])
        for number, rows in enumerate(shown)
    ]  # fmt: skip


def html_of_comparison(found: TopologyComparison) -> str:
    """The page of a comparison."""
    maps = maps_of(found)
    ranges, order = found.moves.ranges()
    both = list(zip(found.titles, (found.left, found.right), strict=True))
    return render(
        "comparison",
        found=found,
        explorer=explorer(
            found.left.names,
            found.left.details,
            maps,
            {"moved": ranges, **_properties(found.left)},
            orders={**found.left.orders, **({"moved": order} if order else {})},
            side_by_side=True,
            spaces=list(
                dict.fromkeys(side.provenance["space"] for side in (found.left, found.right))
            ),
        ),
        charts=_svg_charts(found),
        colors=maps[0].colors(),
        medians=found.moves.medians(found.left.labels, found.left.n_clusters),
        where=where_words(found.overlap.parameters["where"]),
        provenance=[
            (f"{title}: {term}", value)
            for title, report in both
            for term, value in provenance_of(report)
        ],
    )


def draw(found: TopologyReport | TopologyComparison, *, figure: str = "map") -> Any:
    """One figure of a page: the map, or another by the name of its file.

    Raises
    ------
    ValueError
        If the page has none of this name.
    """
    drawn = _drawings(found)
    if figure not in drawn:
        raise ValueError(f"figure must be one of {', '.join(drawn)}; got {figure!r}.")
    return drawn[figure]()


def figures_of(found: TopologyReport | TopologyComparison) -> dict[str, Any]:
    """Every figure of a page, the map first, by the name of its file."""
    return {name: drawing() for name, drawing in _drawings(found).items()}


def maps_of(found: TopologyReport | TopologyComparison) -> list[NameMap]:
    """The maps that a page shows."""
    if isinstance(found, TopologyComparison):
        sides = (found.left, found.right)
        return [_map_of(side, title) for side, title in zip(sides, found.titles, strict=True)]
    if found.beside is None:
        return [_map_of(found, f"{found.parameters['view']} view")]
    return [_map_of(found, "without spelling"), _map_of(found.beside, "with spelling")]


def where_words(where: str | None) -> str:
    """Which names a page is about, to follow where they come from; nothing for all."""
    return f" · only names where {where}" if where else ""


def provenance_of(report: TopologyReport) -> list[tuple[str, object]]:
    """Where a report comes from."""
    source, parameters = report.provenance, report.parameters
    revision = f", revision {source['revision']}" if source["revision"] else ""
    return [
        ("space", f"{source['space']}, {source['n_names']:,} names"),
        ("encoder", f"{source['encoder']}{revision}, weights {source['fingerprint']}"),
        ("templates", " · ".join(source["templates"])),
        ("parameters", ", ".join(f"{key} {value}" for key, value in parameters.items())),
        ("method", f"{_search(report.graph.recall)}; {_CLUSTERED[report.hierarchy.found_by]}; map "
                   "by UMAP"),
        ("time", ", ".join(f"{step} {seconds:.1f} s" for step, seconds in report.seconds.items())),
        ("made by", f"namebasis {source['package_version']}"),
    ]  # fmt: skip


def traits_of(cluster: ClusterSummary) -> list[tuple[str, str]]:
    """The commonest traits of a cluster, each with its share and how much more common it is.

    Of letters only the longest among those about as common, and no locales, whose languages
    stand there.
    """
    best = {
        column: max(
            (trait for trait in cluster.traits if trait.column == column),
            key=lambda trait: (trait.share * len(trait.value), trait.lift),
            default=None,
        )
        for column in ("beginning", "ending")
    }
    kept = [
        trait
        for trait in cluster.traits
        if trait.column != "locales" and best.get(trait.column, trait) is trait
    ]
    return [_trait(trait) for trait in kept if trait.share >= 0.1][:_N_TRAITS]


def _trait(trait: Trait) -> tuple[str, str]:
    value = spelling(trait)
    times = f"×{trait.lift:.1f}" if trait.lift < 10 else f"×{trait.lift:,.0f}"
    return value, f"{percent(trait.share)} · {times}"


def _drawings(found: TopologyReport | TopologyComparison) -> dict[str, Callable[[], Any]]:
    """What draws each figure, by the name of its file."""
    drawn: dict[str, Callable[[], Any]] = {"map": lambda: draw_maps(maps_of(found))}
    if isinstance(found, TopologyComparison):
        return drawn | {"overlap": partial(drawings.overlap_bars, found.overlap.overlaps)}
    drawn["agreement"] = partial(drawings.agreement_bars, found.agreement)
    if found.clusters:
        drawn["clusters"] = lambda: drawings.cluster_bars(
            found.clusters, maps_of(found)[0].colors()
        )
    shape = found.shape
    if shape is None:
        return drawn
    entropy, middle = shape.entropy, shape.dimension.quartiles[1]
    drawn["entropy"] = partial(drawings.entropy_curve, entropy.whole, entropy.nulls)
    if shape.persistence is not None:
        drawn["persistence"] = partial(drawings.persistence_diagrams, shape.persistence)
    drawn["hubs"] = partial(drawings.degree_histogram, shape.hubness, found.graph.k)
    if np.isfinite(shape.local_dimension).any():
        drawn["dimension"] = partial(drawings.dimension_histogram, shape.local_dimension, middle)
    return drawn


def _svg_charts(found: TopologyReport | TopologyComparison) -> dict[str, Markup]:
    """The charts that stand in a page, whose texts matplotlib has escaped."""
    tabled = ("map", "agreement", "clusters")  # which a page shows in its own way
    return {
        name: Markup(charts.to_svg(drawing(), f"{name}-chart"))
        for name, drawing in _drawings(found).items()
        if name not in tabled
    }


def _properties(report: TopologyReport) -> Mapping[str, Sequence[str]]:
    """What dots can be coloured by; an empty text where unknown or several."""
    return {title: [value or "" for value in values] for title, values in report.properties.items()}


def _map_of(report: TopologyReport | SideMap, title: str) -> NameMap:
    n_near = min(_N_NEIGHBOURS, report.graph.k)
    return NameMap(
        title=title,
        places=report.places,
        labels=report.labels,
        probabilities=report.probabilities,
        neighbours=report.graph.indices[:, :n_near],
        similarities=report.graph.similarities[:, :n_near],
        clusters=[
            MapCluster(_short(cluster.label), cluster.size, cluster.central)
            for cluster in report.clusters
        ],
    )


def _short(label: str) -> str:
    """A label without its share, which the table gives: a map has no room for it."""
    return re.sub(r", \d+ %$", "", label)


def _search(recall: float) -> str:
    if recall == 1:
        return "exact cosine neighbours"
    return f"cosine neighbours, {percent(recall, 1)} of the true ones"
