"""The graph of neighbours in words: parts, communities, bridges between locales, central names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from namebasis.analysis.agreement import encode
from namebasis.analysis.graph_measures import (
    Assortativity,
    Float64Array,
    assortativity,
    communities,
    components,
    directed_adjacency,
    edges_of,
    label_counts,
    label_mixing,
    page_rank,
    undirected_adjacency,
)
from namebasis.analysis.neighbours import KnnGraph
from namebasis.checks import IntArray

BRIDGED = "locale"
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
        Chance that two of its neighbours are of different locales, in [0, 1].
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

    Attributes
    ----------
    n_edges : int
    n_components : int
        Parts without an edge between them.
    largest_share : float
        Share of names in the largest part.
    n_communities : int
        Groups found by the Louvain method.
    modularity : float
        Share of edges inside them beyond that of a random graph of equal degrees.
    assortativity : mapping of str to Assortativity or None
        Per label; None where it is undefined.
    bridges : tuple of Bridge
        Names between locales, the most mixed first, of those with many labelled neighbours.
    links : tuple of Link
        Pairs of locales, the most joined beyond chance first.
    central : tuple of CentralName
        The most central first.
    """

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
    names: Sequence[str],
    labels: Mapping[str, Sequence[str | None]],
    *,
    n_permutations: int,
    seed: int,
) -> tuple[GraphShape, Float64Array, list[str]]:
    """Describe the graph; also every name's bridge value (NaN where undefined), and notes."""
    adjacency = undirected_adjacency(graph)
    edges = edges_of(adjacency)
    parts = components(adjacency)
    found = communities(adjacency, seed=seed)
    codes, locales = encode(list(labels.get(BRIDGED, ())))
    notes = []
    if len(locales) < 2:
        codes = np.full(graph.n_rows, -1)
        notes.append("Fewer than two locales are known: no name is a bridge between locales.")
    mixing, n_labelled = label_mixing(adjacency, codes)
    shape = GraphShape(
        n_edges=len(edges),
        n_components=int(parts.max()) + 1,
        largest_share=float(np.mean(parts == 0)),
        n_communities=found.n,
        modularity=found.modularity,
        assortativity={
            label: assortativity(
                edges, encode(list(values))[0], n_permutations=n_permutations, seed=seed
            )
            for label, values in labels.items()
        },
        bridges=_bridges(adjacency, names, codes, locales, mixing, n_labelled, graph.k),
        links=_links(edges, codes, locales),
        central=_central(graph, names),
    )
    return shape, mixing, notes


def _bridges(
    adjacency: csr_matrix,
    names: Sequence[str],
    codes: IntArray,
    locales: Sequence[str],
    mixing: Float64Array,
    n_labelled: IntArray,
    k: int,
) -> tuple[Bridge, ...]:
    """Of names with at least k labelled neighbours: fewer are all different by chance."""
    able = np.flatnonzero((n_labelled >= k) & (mixing > 0))
    shown = able[np.lexsort((able, -n_labelled[able], -mixing[able]))][:_N_SHOWN]
    counts = label_counts(adjacency[shown], codes)
    bridges = []
    for place, row in enumerate(shown):
        near = counts[place]
        order = np.lexsort((near.indices, -near.data))
        joins = tuple((locales[near.indices[i]], int(near.data[i])) for i in order)
        bridges.append(
            Bridge(int(row), names[row], float(mixing[row]), int(n_labelled[row]), joins)
        )
    return tuple(bridges)


def _links(edges: IntArray, codes: IntArray, locales: Sequence[str]) -> tuple[Link, ...]:
    known = codes[edges[(codes[edges] >= 0).all(axis=1)]]
    if known.size == 0:
        return ()
    n = len(locales)
    low, high = known.min(axis=1), known.max(axis=1)
    pairs, counts = np.unique(low * n + high, return_counts=True)
    first, second = np.divmod(pairs, n)
    degrees = np.bincount(known.ravel(), minlength=n).astype(np.float64)
    expected = degrees[first] * degrees[second] / (2 * len(known))
    shown = np.flatnonzero((first != second) & (counts >= _LEAST_EDGES) & (counts > expected))
    order = shown[np.lexsort((shown, -counts[shown] / expected[shown]))][:_N_SHOWN]
    return tuple(
        Link(
            (locales[first[i]], locales[second[i]]), int(counts[i]), float(counts[i] / expected[i])
        )
        for i in order
    )


def _central(graph: KnnGraph, names: Sequence[str]) -> tuple[CentralName, ...]:
    rank = page_rank(directed_adjacency(graph)) * graph.n_rows
    order = np.argsort(-rank, kind="stable")[:_N_SHOWN]
    return tuple(CentralName(int(row), names[row], float(rank[row])) for row in order)
