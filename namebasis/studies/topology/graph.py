"""The graph of neighbours in words: parts, communities, bridges between locales, central names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.clusters.agreement import encode
from namebasis.analysis.graph.measures import (
    Assortativity,
    assortativity,
    communities,
    components,
    directed_adjacency,
    edges_of,
    joined_labels,
    label_counts,
    label_distances,
    label_mixing,
    node_labels,
    page_rank,
    undirected_adjacency,
)
from namebasis.analysis.graph.neighbours import DuplicateGroups, KnnGraph
from namebasis.checks import Float64Array, IntArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

BRIDGED = "locale"
NO_BRIDGES = "Fewer than two locales are known: no name is a bridge between locales."
_N_SHOWN = 12
_LEAST_EDGES = 10  # of a pair of locales that is listed


@dataclass(frozen=True)
class Bridge:
    """A name between locales.

    Attributes
    ----------
    row : int
        Its position in the report.
    name : str
    bridge : float
        Mean distance between the locales of two of its neighbours, in [0, 1]: 1 where no two
        are of locales that are joined elsewhere.
    n_neighbours : int
        Its neighbours, either way round, that are of one known locale.
    joins : tuple of (str, int)
        Their locales with counts, the commonest first.
    """

    row: int
    name: str
    bridge: float
    n_neighbours: int
    joins: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Link:
    """Two locales whose names are neighbours more often than chance has it.

    Attributes
    ----------
    locales : tuple of two str
    n_edges : int
        Edges between their names.
    ratio : float
        That over the number expected from how many edges each locale has.
    """

    locales: tuple[str, str]
    n_edges: int
    ratio: float


@dataclass(frozen=True)
class CentralName:
    """A name near to names that are themselves near to many: high PageRank.

    Attributes
    ----------
    row : int
        Its position in the report.
    name : str
    ratio : float
        PageRank over its mean: 1 is average.
    """

    row: int
    name: str
    ratio: float


@dataclass(frozen=True)
class GraphShape:
    """The graph that joins two names where either is among the other's k nearest.

    Names with equal vectors are one node; it has a label where theirs agree.

    Attributes
    ----------
    n_nodes : int
        Different vectors.
    n_edges : int
    n_components : int
        Parts without an edge between them.
    largest_share : float
        Share of nodes in the largest part.
    n_communities : int
        Groups found by the Louvain method.
    modularity : float
        Share of edges inside them beyond that of a random graph of equal degrees.
    assortativity : mapping of str to Assortativity or None
        Per label; None where it is undefined.
    bridges : tuple of Bridge
        Names between locales that are seldom joined, of those with k labelled neighbours.
    links : tuple of Link
        Pairs of locales, the most joined beyond chance first.
    central : tuple of CentralName
        The most central first.
    """

    n_nodes: int
    n_edges: int
    n_components: int
    largest_share: float
    n_communities: int
    modularity: float
    assortativity: Mapping[str, Assortativity | None]
    bridges: tuple[Bridge, ...]
    links: tuple[Link, ...]
    central: tuple[CentralName, ...]


def measure_graph(
    graph: KnnGraph,
    groups: DuplicateGroups,
    names: Sequence[str],
    labels: Mapping[str, Sequence[str | None]],
    *,
    n_permutations: int,
    seed: int,
) -> tuple[GraphShape, Float64Array, list[str]]:
    """Describe the graph; also every name's bridge value (NaN where undefined), and notes."""
    directed = directed_adjacency(graph, groups)
    adjacency = undirected_adjacency(directed)
    edges = edges_of(adjacency)
    parts = components(adjacency)
    found = communities(adjacency, seed=seed)
    coded = {label: encode(list(values)) for label, values in labels.items()}
    nodes = {label: node_labels(codes, groups) for label, (codes, _) in coded.items()}
    called = [names[row] for row in groups.first]
    notes: list[str] = []
    locales = _Labels(nodes[BRIDGED], coded[BRIDGED][1]) if BRIDGED in coded else None
    if locales is None or locales.codes.max() < 1:
        notes.append(NO_BRIDGES)
        locales = _Labels(np.full(groups.first.size, -1), [])
    mixing, n_labelled = label_mixing(
        adjacency, locales.codes, label_distances(edges, locales.codes)
    )
    shape = GraphShape(
        n_nodes=groups.first.size,
        n_edges=len(edges),
        n_components=int(parts.max()) + 1,
        largest_share=float(np.mean(parts == 0)),
        n_communities=found.n,
        modularity=found.modularity,
        assortativity={
            label: assortativity(edges, codes, n_permutations=n_permutations, seed=seed)
            for label, codes in nodes.items()
        },
        bridges=tuple(
            Bridge(int(groups.first[node]), called[node], float(mixing[node]), n_near, joins)
            for node, n_near, joins in _joins(adjacency, locales, mixing, n_labelled, graph.k)
        ),
        links=_links(edges, locales),
        central=_central(directed, groups, called),
    )
    return shape, mixing[groups.group], notes


@dataclass(frozen=True)
class _Labels:
    """Labels of nodes: numbers from 0, negative for none, and what each number means."""

    codes: IntArray
    values: Sequence[str]


def _joins(
    adjacency: csr_matrix,
    locales: _Labels,
    mixing: Float64Array,
    n_labelled: IntArray,
    k: int,
) -> Iterator[tuple[int, int, tuple[tuple[str, int], ...]]]:
    """Yield the widest bridges with at least k labelled neighbours: few may all be far by chance.

    Node, number of labelled neighbours, and their locales with counts.
    """
    able = np.flatnonzero((n_labelled >= k) & (mixing > 0))
    shown = able[np.lexsort((able, -n_labelled[able], -mixing[able]))][:_N_SHOWN]
    counts = label_counts(adjacency[shown], locales.codes).toarray().astype(np.int64)
    for node, near in zip(shown, counts, strict=True):
        order = [code for code in np.argsort(-near, kind="stable") if near[code]]
        joins = tuple((locales.values[code], int(near[code])) for code in order)
        yield int(node), int(n_labelled[node]), joins


def _links(edges: IntArray, locales: _Labels) -> tuple[Link, ...]:
    found, expected = joined_labels(edges, locales.codes)
    first, second = np.triu_indices(len(found), k=1)
    counts, chance = found[first, second], expected[first, second]
    shown = np.flatnonzero((counts >= _LEAST_EDGES) & (counts > chance))
    order = shown[np.argsort(-counts[shown] / chance[shown], kind="stable")][:_N_SHOWN]
    return tuple(
        Link(
            (locales.values[first[i]], locales.values[second[i]]),
            int(counts[i]),
            float(counts[i] / chance[i]),
        )
        for i in order
    )


def _central(
    directed: csr_matrix, groups: DuplicateGroups, called: Sequence[str]
) -> tuple[CentralName, ...]:
    rank = page_rank(directed) * groups.first.size
    order = np.argsort(-rank, kind="stable")[:_N_SHOWN]
    return tuple(
        CentralName(int(groups.first[node]), called[node], float(rank[node])) for node in order
    )
