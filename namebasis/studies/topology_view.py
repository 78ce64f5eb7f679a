"""From a topology report to what its page shows."""

from __future__ import annotations

from namebasis.report.topology_map import MapCluster, NameMap
from namebasis.report.topology_page import Section, TopologyPage
from namebasis.report.topology_tables import (
    AgreementRow,
    AgreementSection,
    ClusterRow,
    ClustersSection,
)
from namebasis.studies.cluster_summary import ClusterSummary, Trait
from namebasis.studies.shape_view import shape_facts, shape_sections
from namebasis.studies.topology_report import LabelAgreement, TopologyReport

_N_NEIGHBOURS = 6
_N_TRAITS = 4


def page_of(report: TopologyReport) -> TopologyPage:
    """Lay a report out as plain values for `namebasis.report.topology_page.render`."""
    source, parameters = report.provenance, report.parameters
    shown = map_of(report, f"{parameters['view']} view")
    spelling = next((row for row in report.agreement if row.label == "first letters"), None)
    facts = [
        (f"{len(report):,}", "names"),
        (f"{report.n_distinct:,}", "different vectors"),
        (f"{report.n_clusters:,}", "clusters"),
        (f"{100 * report.noise_share:.0f} %", "of names in no cluster"),
    ]
    if spelling is not None and spelling.with_neighbours is not None:
        share = 100 * spelling.with_neighbours.share
        facts.append((f"{share:.0f} %", "of neighbours begin with the same two letters"))
    if report.shape is not None:
        facts += shape_facts(report.shape)
    return TopologyPage(
        title="How names are arranged",
        lead=(
            f"{source['space']} · {source['encoder']} · {parameters['view']} view · "
            + _quoted(source["templates"])
            + (f" · only names where {parameters['where']}" if parameters["where"] else "")
        ),
        finding=report.headline(),
        facts=facts,
        names=report.names,
        details=report.details,
        maps=[shown],
        sections=_sections(report, shown),
        notes=report.notes,
        footer=_footer(report),
        properties={
            title: [value or "" for value in values] for title, values in report.properties.items()
        },
    )


def _sections(report: TopologyReport, shown: NameMap) -> list[Section]:
    """What stands below the map; what was not measured is absent."""
    clusters = zip(report.clusters, shown.colors(), strict=True)
    return [
        AgreementSection(
            [_agreement_row(row) for row in report.agreement],
            report.parameters["n_permutations"],
        ),
        ClustersSection([_cluster_row(cluster, color) for cluster, color in clusters]),
        *(shape_sections(report.shape, report.graph.k) if report.shape else []),
    ]


def map_of(report: TopologyReport, title: str) -> NameMap:
    """The map of one report."""
    n_near = min(_N_NEIGHBOURS, report.graph.k)
    return NameMap(
        title=title,
        places=report.places,
        labels=report.labels,
        probabilities=report.probabilities,
        neighbours=report.graph.indices[:, :n_near],
        similarities=report.graph.similarities[:, :n_near],
        clusters=[
            MapCluster(cluster.label, cluster.size, cluster.central) for cluster in report.clusters
        ],
    )


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
    )


def _worth_showing(traits: tuple[Trait, ...]) -> list[Trait]:
    """The commonest traits; of beginnings only the longest among those about as common."""
    beginnings = [trait for trait in traits if trait.column == "beginning"]
    best = max(
        beginnings, key=lambda trait: (trait.share * len(trait.value), trait.lift), default=None
    )
    kept = [trait for trait in traits if trait.column != "beginning" or trait is best]
    return [trait for trait in kept if trait.share >= 0.1][:_N_TRAITS]


def _trait(trait: Trait) -> tuple[str, str]:
    value = f"{trait.value.capitalize()}…" if trait.column == "beginning" else trait.value
    return value, f"{100 * trait.share:.0f} % · {_times(trait.lift)}"


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


def _footer(report: TopologyReport) -> list[tuple[str, object]]:
    source, parameters = report.provenance, report.parameters
    revision = f", revision {source['revision']}" if source["revision"] else ""
    return [
        ("space", f"{source['space']}, {source['n_names']:,} names"),
        ("encoder", f"{source['encoder']}{revision}, weights {source['fingerprint']}"),
        ("templates", " · ".join(source["templates"])),
        ("parameters", ", ".join(f"{key} {value}" for key, value in parameters.items())),
        ("method", "exact cosine neighbours; density hierarchy of vectors drawn to their mutual "
                   "neighbours; map by UMAP"),
        ("time", ", ".join(f"{step} {seconds:.1f} s" for step, seconds in report.seconds.items())),
        ("made by", f"namebasis {source['package_version']}"),
    ]  # fmt: skip
