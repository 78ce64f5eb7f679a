"""From the measured shape of name space to the sections of a page."""

from __future__ import annotations

from collections.abc import Sequence

from namebasis.analysis.shape.entropy import EntropyReport, NullComparison
from namebasis.analysis.shape.homology_null import DegreeReport, Draws, PersistenceReport
from namebasis.studies.topology.graph import GraphShape
from namebasis.studies.topology.pages.neighbours import (
    BridgeRow,
    GraphSection,
    HubRow,
    HubsSection,
    MixingRow,
)
from namebasis.studies.topology.pages.page import Section
from namebasis.studies.topology.pages.shape import (
    DegreeRow,
    EntropySection,
    NullRow,
    PersistenceSection,
)
from namebasis.studies.topology.shape import TopologyShape
from namebasis.wording import percent

_NULLS = {"gaussian": "Gaussian", "shuffled columns": "shuffled columns"}


def shape_facts(shape: TopologyShape) -> list[tuple[str, str]]:
    """Figures for the top of the page, with their captions."""
    facts = [(f"{shape.entropy.whole.bits:.2f} bits", "of diffusion spectral entropy, "
              f"{percent(shape.entropy.whole.share)} of what is possible")]  # fmt: skip
    if shape.dimension.likelihood == shape.dimension.likelihood:  # not NaN
        facts.append((f"{shape.dimension.likelihood:.1f}", "intrinsic dimension"))
    return facts


def shape_sections(shape: TopologyShape, k: int) -> list[Section]:
    """Lay the shape out as plain values; what was not measured has no section."""
    sections: list[Section] = [
        entropy_section(shape.entropy.whole, shape.entropy.nulls, shape.entropy.n_null_rows)
    ]
    if shape.persistence is not None:
        sections.append(_persistence(shape.persistence))
    sections += [_hubs(shape, k), _graph(shape.graph)]
    return sections


def entropy_section(
    whole: EntropyReport, nulls: Sequence[NullComparison], n_null_rows: int
) -> EntropySection:
    """An entropy beside its nulls."""
    return EntropySection(
        bits=whole.bits,
        standard_error=whole.standard_error,
        share=whole.share,
        bandwidth=whole.bandwidth,
        method=whole.method,
        n_names=whole.n_rows,
        t=whole.t,
        times=whole.times,
        curve=whole.curve,
        nulls=[
            NullRow(
                _NULLS.get(row.null, row.null), row.bits, row.null_bits, row.null_deviation,
                row.z, row.n_draws,
            )
            for row in nulls
        ],
        n_null_names=n_null_rows,
    )  # fmt: skip


def _persistence(found: PersistenceReport) -> PersistenceSection:
    return PersistenceSection(
        degrees=[_degree(row) for row in found.degrees],
        n_landmarks=len(found.landmarks),
        covering_radius=found.covering_radius,
        error_bound=found.error_bound,
        n_draws=found.n_draws,
    )


def _degree(row: DegreeReport) -> DegreeRow:
    return DegreeRow(
        degree=row.degree,
        diagram=row.diagram,
        null_diagram=row.null_diagram,
        entropy=row.entropy,
        null_entropy=_triple(row.null_entropy),
        longest=row.longest,
        null_longest=_triple(row.null_longest),
        n_certain=row.n_certain,
        bottleneck=_triple(row.bottleneck),
        among_nulls=_triple(row.among_nulls),
    )


def _triple(draws: Draws | None) -> tuple[float, float, float] | None:
    return (draws.mean, draws.low, draws.high) if draws else None


def _hubs(shape: TopologyShape, k: int) -> HubsSection:
    return HubsSection(
        k=k,
        skewness=shape.hubs.skewness,
        anti_hub_share=shape.hubs.anti_hub_share,
        hubs=[HubRow(hub.name, hub.row, hub.in_degree) for hub in shape.hubs.hubs],
        hubness=shape.hubness,
        two_nn=shape.dimension.two_nn,
        likelihood=shape.dimension.likelihood,
        quartiles=shape.dimension.quartiles,
        local_dimension=shape.local_dimension,
    )


def _graph(found: GraphShape) -> GraphSection:
    return GraphSection(
        n_edges=found.n_edges,
        n_components=found.n_components,
        largest_share=found.largest_share,
        n_communities=found.n_communities,
        modularity=found.modularity,
        mixing=[
            MixingRow(label, row.coefficient, row.null, row.p)
            if row
            else MixingRow(label, None, None, None)
            for label, row in found.assortativity.items()
        ],
        bridges=[BridgeRow(row.name, row.row, row.bridge, row.joins) for row in found.bridges],
        links=[(*link.locales, link.n_edges, link.ratio) for link in found.links],
        central=[(row.name, row.row, row.ratio) for row in found.central],
    )
