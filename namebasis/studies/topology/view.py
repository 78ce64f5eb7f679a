"""From a topology report to what its page shows."""

from __future__ import annotations

import re
from typing import Any

from namebasis.report.name_map import MapCluster, NameMap
from namebasis.studies.topology.arrangement import LabelAgreement, agreement_figures
from namebasis.studies.topology.clusters import ClusterSummary, Trait, spelling
from namebasis.studies.topology.figures import page_figure, page_figures
from namebasis.studies.topology.pages.comparison import FiguresSection
from namebasis.studies.topology.pages.page import Section, TopologyPage, render
from namebasis.studies.topology.pages.tables import (
    AgreementRow,
    AgreementSection,
    ClusterRow,
    ClustersSection,
    Stability,
)
from namebasis.studies.topology.results import TopologyReport
from namebasis.studies.topology.shape_view import shape_facts, shape_sections
from namebasis.studies.topology.spelling import SideMap, SpellingComparison
from namebasis.wording import percent

_N_NEIGHBOURS = 6
_N_TRAITS = 4
_CLUSTERED = {
    "density": "density hierarchy of vectors drawn to their mutual neighbours",
    "hdbscan": "HDBSCAN on the vectors",
}


def html_of(report: TopologyReport) -> str:
    """The page of a report."""
    return render(page_of(report))


def draw(report: TopologyReport, *, figure: str = "map") -> Any:
    """One figure of the page: the map, or another by the name of its file."""
    return page_figure(page_of(report), figure)


def figures_of(report: TopologyReport) -> dict[str, Any]:
    """Every figure of the page, by the name of its file."""
    return page_figures(page_of(report))


def page_of(report: TopologyReport) -> TopologyPage:
    """Lay a report out as plain values for `namebasis.studies.topology.pages.page.render`."""
    source, parameters = report.provenance, report.parameters
    shown = map_of(report, "without spelling" if report.beside else f"{parameters['view']} view")
    facts = [
        (f"{len(report):,}", "names"),
        (f"{report.n_distinct:,}", "different vectors"),
        (f"{report.n_clusters:,}", "cluster" if report.n_clusters == 1 else "clusters"),
        (percent(report.noise_share), "of names in no cluster"),
    ]
    if report.common_piece is not None:
        share, chance = report.common_piece.share, report.common_piece.by_chance
        facts.append(
            (
                percent(share),
                f"of neighbours have a piece in common, {percent(chance, 1)} by chance",
            )
        )
    if report.shape is not None:
        facts += shape_facts(report.shape)
    return TopologyPage(
        title="How names are arranged",
        lead=(
            f"{source['space']} · {source['encoder']} · {parameters['view']} view · "
            + _quoted(source["templates"])
            + where_words(parameters["where"])
        ),
        finding=report.finding(),
        facts=facts,
        names=report.names,
        details=report.details,
        maps=[shown, *([map_of(report.beside, "with spelling")] if report.beside else [])],
        sections=_sections(report, shown),
        notes=report.remarks,
        footer=footer_of(report),
        properties=properties_of(report),
    )


def where_words(where: str | None) -> str:
    """Which names a page is about, to follow where they come from; nothing for all."""
    return f" · only names where {where}" if where else ""


def _sections(report: TopologyReport, shown: NameMap) -> list[Section]:
    """What stands below the map; what was not measured is absent."""
    clusters = zip(report.clusters, shown.colors(), strict=True)
    return [
        AgreementSection(
            [_agreement_row(row) for row in report.agreement],
            report.parameters["n_permutations"],
        ),
        *([_spelling(report.spelling)] if report.spelling else []),
        ClustersSection([_cluster_row(cluster, color) for cluster, color in clusters]),
        *(shape_sections(report.shape, report.graph.k) if report.shape else []),
    ]


def _spelling(found: SpellingComparison) -> FiguresSection:
    """Both views' figures beside each other."""
    sides = [
        {"clusters": f"{side.n_clusters:,}", "in no cluster": f"{percent(side.noise_share)}"}
        | agreement_figures(side.agreement, side.common_piece)
        for side in (found.unspelled, found.text)
    ]
    labels = dict.fromkeys([*sides[0], *sides[1]])
    agreed = (
        f" Both clusterings agree with an adjusted Rand index of {found.between.adjusted_rand:.2f} "
        f"(0 by chance) over the {found.between.n_rows:,} names that both put in a cluster."
        if found.between
        else ""
    )
    return FiguresSection(
        rows=[(label, sides[0].get(label, "–"), sides[1].get(label, "–")) for label in labels],
        titles=("without spelling", "with spelling"),
        lead=found.sentence() + agreed,
        title="Spelling",
        anchor="spelling",
    )


def properties_of(report: TopologyReport) -> dict[str, list[str]]:
    """What dots can be coloured by; an empty text where unknown or several."""
    return {title: [value or "" for value in values] for title, values in report.properties.items()}


def map_of(report: TopologyReport | SideMap, title: str) -> NameMap:
    """The map of one arrangement."""
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


def _quoted(templates: list[str]) -> str:
    more = f" and {len(templates) - 1} more" if len(templates) > 1 else ""
    return f"“{templates[0]}”{more}" if templates else ""


def _cluster_row(cluster: ClusterSummary, color: str) -> ClusterRow:
    return ClusterRow(
        label=cluster.label,
        size=cluster.size,
        exemplars=list(zip(cluster.exemplars, cluster.central, strict=True)),
        traits=[_trait(trait) for trait in _worth_showing(cluster.traits)],
        similarity=cluster.similarity,
        color=color,
        stability=_stability(cluster),
    )


def _stability(cluster: ClusterSummary) -> Stability | None:
    if cluster.stability is None:
        return None
    low, high = cluster.stability_low, cluster.stability_high
    ends = None if low is None or high is None else (low, high)
    return Stability(cluster.stability, ends, cluster.stability_by_chance)


def _worth_showing(traits: tuple[Trait, ...]) -> list[Trait]:
    """The commonest traits; of letters only the longest among those about as common, and no
    locales, whose languages stand there."""
    best = {
        column: max(
            (trait for trait in traits if trait.column == column),
            key=lambda trait: (trait.share * len(trait.value), trait.lift),
            default=None,
        )
        for column in ("beginning", "ending")
    }
    kept = [
        trait
        for trait in traits
        if trait.column != "locales" and best.get(trait.column, trait) is trait
    ]
    return [trait for trait in kept if trait.share >= 0.1][:_N_TRAITS]


def _trait(trait: Trait) -> tuple[str, str]:
    value = spelling(trait) if trait.column in ("beginning", "ending") else trait.value
    return value, f"{percent(trait.share)} · {_times(trait.lift)}"


def _times(lift: float) -> str:
    return f"×{lift:.1f}" if lift < 10 else f"×{lift:,.0f}"


def _agreement_row(row: LabelAgreement) -> AgreementRow:
    found, near = row.with_clusters, row.with_neighbours
    return AgreementRow(
        label=row.label,
        n_names=row.n_names,
        n_values=row.n_values,
        information=found.mutual_information if found else None,
        null_information=found.null_mutual_information if found else None,
        beyond_chance=row.beyond_chance,
        rand=found.adjusted_rand if found else None,
        p=found.p_mutual_information if found else None,
        neighbours=near.share if near else None,
        neighbours_by_chance=near.by_chance if near else None,
    )


def _search(recall: float) -> str:
    if recall == 1:
        return "exact cosine neighbours"
    return f"cosine neighbours, {percent(recall, 1)} of the true ones"


def footer_of(report: TopologyReport) -> list[tuple[str, object]]:
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
