"""From the measured shape of name space to the sections of a page."""

from __future__ import annotations

from collections.abc import Sequence

from namebasis.analysis.shape.entropy import EntropyReport, NullComparison
from namebasis.analysis.shape.homology_null import PersistenceReport
from namebasis.studies.topology.graph import GraphShape
from namebasis.studies.topology.pages.neighbours import (
    GraphSection,
    HubsSection,
    MixingRow,
)
from namebasis.studies.topology.pages.page import Section
from namebasis.studies.topology.pages.shape import (
    EntropySection,
    PersistenceSection,
)
from namebasis.studies.topology.shape import TopologyShape
from namebasis.wording import percent


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
        nulls=nulls,
        n_null_names=n_null_rows,
    )  # fmt: skip


def _persistence(found: PersistenceReport) -> PersistenceSection:
    return PersistenceSection(
        degrees=found.degrees,
        n_landmarks=len(found.landmarks),
        covering_radius=found.covering_radius,
        error_bound=found.error_bound,
        n_draws=found.n_draws,
    )


def _hubs(shape: TopologyShape, k: int) -> HubsSection:
    return HubsSection(
        k=k,
        skewness=shape.hubs.skewness,
        anti_hub_share=shape.hubs.anti_hub_share,
        hubs=shape.hubs.hubs,
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
        bridges=found.bridges,
        links=[(*link.locales, link.n_edges, link.ratio) for link in found.links],
        central=[(row.name, row.row, row.ratio) for row in found.central],
    )
