"""The shape of name space in a few rows of words."""

from __future__ import annotations

from namebasis.analysis.shape.homology_null import DegreeReport, PersistenceReport
from namebasis.studies.topology.shape import TopologyShape
from namebasis.wording import counted, percent, z_score

_N_LISTED = 5


def shape_rows(shape: TopologyShape, noun: str = "names") -> list[tuple[str, str]]:
    """A row each on entropy, hubs, dimension, homology and graph: what, and what was found.

    `noun` says what the vectors are of, in the plural.
    """
    rows = [("entropy", _entropy(shape)), ("hubs", _hubs(shape))]
    if shape.dimension.two_nn == shape.dimension.two_nn:  # not NaN
        found = (
            f"{shape.dimension.likelihood:.1f} around a {noun[:-1]} by maximum likelihood, "
            f"{shape.dimension.two_nn:.1f} by TwoNN"
        )
        rows.append(("dimension", found))
    if shape.persistence is not None:
        rows.append(("homology", _homology(shape.persistence, noun)))
    rows.append(("graph", _graph(shape)))
    if shape.graph.bridges:
        names = ", ".join(bridge.name for bridge in shape.graph.bridges[:_N_LISTED])
        rows.append(("bridges", f"between locales seldom joined: {names}"))
    return rows


def _entropy(shape: TopologyShape) -> str:
    whole = shape.entropy.whole
    against = ", ".join(
        f"z {z_score(null.z)} against {null.null}"
        for null in shape.entropy.nulls
        if null.z == null.z
    )
    error = f" ± {whole.standard_error:.3f}" if whole.standard_error else ""
    line = f"{whole.bits:.2f}{error} bits, {percent(whole.share)} of log2 n"
    return f"{line}; {against}" if against else line


def _hubs(shape: TopologyShape) -> str:
    hubs = shape.hubs
    names = ", ".join(f"{hub.name} ({hub.in_degree})" for hub in hubs.hubs[:_N_LISTED])
    even = hubs.skewness != hubs.skewness  # NaN: every in-degree is the same
    skew = "none, all in-degrees are equal" if even else f"skewness {hubs.skewness:.1f}"
    line = f"{skew}; {percent(hubs.anti_hub_share)} of vectors are nobody's neighbour"
    return f"{line}; {names}" if names and not even else line


def _homology(found: PersistenceReport, noun: str) -> str:
    loops = found.degrees[1]
    return (
        f"{len(found.landmarks)} landmarks within {found.covering_radius:.2f} of all "
        f"{noun}; {counted(loops.n_certain, 'loop')} certain; {_apart(loops)}"
    )


def _apart(degree: DegreeReport) -> str:
    if degree.bottleneck is None or degree.among_nulls is None:
        return "no null was drawn"
    from_null, among = degree.bottleneck, degree.among_nulls
    return (
        f"loops differ from the null's by {from_null.mean:.3f} ({from_null.low:.3f} to "
        f"{from_null.high:.3f}), nulls from each other by {among.mean:.3f}"
    )


def _graph(shape: TopologyShape) -> str:
    graph = shape.graph
    mixing = ", ".join(
        f"{label} {found.coefficient:.2f}"
        for label, found in graph.assortativity.items()
        if found is not None
    )
    parts = "1 part" if graph.n_components == 1 else f"{graph.n_components:,} parts"
    together = "1 community" if graph.n_communities == 1 else f"{graph.n_communities:,} communities"
    line = f"{parts}, {together}"
    line += f" (modularity {graph.modularity:.2f})" if graph.modularity == graph.modularity else ""
    return f"{line}; assortativity by {mixing}" if mixing else line
