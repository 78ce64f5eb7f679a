"""From a comparison of two topology reports to what its page shows."""

from __future__ import annotations

from typing import Any

from namebasis.studies.topology.comparison import TopologyComparison
from namebasis.studies.topology.figures import page_figure, page_figures
from namebasis.studies.topology.pages.comparison import (
    FiguresSection,
    MatchRow,
    MatchSection,
    OverlapSection,
)
from namebasis.studies.topology.pages.page import TopologyPage, render
from namebasis.studies.topology.view import footer_of, map_of, properties_of, where_words
from namebasis.wording import percent


def html_of(found: TopologyComparison) -> str:
    """The page of a comparison."""
    return render(page_of(found))


def draw(found: TopologyComparison, *, figure: str = "map") -> Any:
    """One figure of the page: both maps, or another by the name of its file."""
    return page_figure(page_of(found), figure)


def figures_of(found: TopologyComparison) -> dict[str, Any]:
    """Every figure of the page, by the name of its file."""
    return page_figures(page_of(found))


def page_of(found: TopologyComparison) -> TopologyPage:
    """Lay a comparison out as plain values for `namebasis.studies.topology.pages.page.render`."""
    sides = (found.left, found.right)
    maps = [map_of(report, title) for report, title in zip(sides, found.titles, strict=True)]
    most = found.overlap.overlaps[-1]
    facts = [
        (f"{len(found):,}", "names in both"),
        (percent(most.share), f"of {most.k} nearest names are the same"),
        *((f"{report.n_clusters:,}", f"clusters in {title}")
          for report, title in zip(sides, found.titles, strict=True)),
    ]  # fmt: skip
    if found.between is not None:
        facts.append((f"{found.between.adjusted_rand:.2f}", "adjusted Rand index of clusters"))
    return TopologyPage(
        title="Two arrangements of the same names",
        lead=" · ".join(found.titles) + where_words(found.overlap.parameters["where"]),
        finding=found.finding(),
        facts=facts,
        names=found.left.names,
        details=found.left.details,
        maps=maps,
        sections=[
            FiguresSection(found.rows(), found.titles),
            _overlap(found),
            MatchSection(_matches(found, maps[0].colors()), found.titles),
        ],
        notes=found.notes(),
        footer=[
            (f"{title}: {term}", value)
            for report, title in zip(sides, found.titles, strict=True)
            for term, value in footer_of(report)
        ],
        properties=properties_of(found.left),
        side_by_side=True,
    )


def _overlap(found: TopologyComparison) -> OverlapSection:
    shared, between = found.overlap, found.between
    clusters = (
        []
        if between is None
        else [
            ("adjusted Rand index", between.adjusted_rand, between.null_adjusted_rand,
             between.p_adjusted_rand),
            ("mutual information", between.mutual_information, between.null_mutual_information,
             between.p_mutual_information),
        ]
    )  # fmt: skip
    return OverlapSection(
        titles=found.titles,
        overlaps=shared.overlaps,
        cka=shared.cka,
        n_aligned=shared.n_aligned,
        clusters=clusters,
        n_clustered=between.n_rows if between else 0,
        lowest=shared.lowest,
        highest=shared.highest,
    )


def _matches(found: TopologyComparison, colors: list[str]) -> list[MatchRow]:
    rows = []
    for cluster, match, color in zip(found.left.clusters, found.matches, colors, strict=True):
        other = None if match.match is None else found.right.clusters[match.match]
        rows.append(
            MatchRow(
                label=cluster.label,
                size=cluster.size,
                color=color,
                match=other.label if other else None,
                match_size=other.size if other else 0,
                jaccard=match.jaccard,
                share=match.share,
            )
        )
    return rows
