"""Small reports to draw in tests, with hostile and difficult names."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from namebasis.analysis.clusters.agreement import Agreement, NeighbourShare
from namebasis.analysis.clusters.hierarchy import Clusters
from namebasis.analysis.graph.measures import Assortativity
from namebasis.analysis.graph.neighbours import KnnGraph
from namebasis.analysis.shape.entropy import EntropyReport, NullComparison
from namebasis.analysis.shape.homology_null import DegreeReport, Draws, PersistenceReport
from namebasis.report.name_map import MapCluster, NameMap
from namebasis.studies.topology.arrangement import LabelAgreement
from namebasis.studies.topology.clusters import ClusterSummary, Trait
from namebasis.studies.topology.comparison import ClusterMatch, TopologyComparison
from namebasis.studies.topology.graph import Bridge, CentralName, GraphShape, Link
from namebasis.studies.topology.moves import MovedName, Moves
from namebasis.studies.topology.overlap import NameOverlap, OverlapAtK, SpaceOverlap
from namebasis.studies.topology.results import TopologyReport
from namebasis.studies.topology.shape import (
    DimensionShape,
    EntropyShape,
    Hub,
    HubShape,
    TopologyShape,
)
from namebasis.studies.topology.spelling import SideMap

NAN = float("nan")
HOSTILE = ("<script>alert(1)</script>", "</script><b>x", "'\"><img src=x onerror=alert(2)>",
           "{{7*7}}", "\u2028line", "\\u003c", "http://evil.example/x.js")  # fmt: skip
DIFFICULT = ("جمال الدّين", "אודליה", "श्रेष्‍ठ", "अञ्जना", "红梅", "Ó hOileáin", "x" * 400, "a\u202eb")


def name_map(
    n: int, n_clusters: int = 3, title: str = "text view", label: str = "cluster"
) -> NameMap:
    """`n` names in `n_clusters` groups and as many again in none, at places drawn at random."""
    rng = np.random.default_rng(0)
    labels = (np.arange(n) % (n_clusters + 1) - 1).astype(np.int64)
    angle = 2 * np.pi * labels / max(n_clusters, 1)
    centres = 6 * np.sqrt(max(n_clusters, 1)) * np.column_stack([np.cos(angle), np.sin(angle)])
    m = min(3, n - 1)
    return NameMap(
        title=title,
        places=(rng.standard_normal((n, 2)) + centres).astype(np.float32),
        labels=labels,
        probabilities=np.where(labels < 0, 0.0, 0.5),
        neighbours=(np.arange(n)[:, None] + np.arange(1, m + 1)) % n,
        similarities=np.full((n, m), 0.25, np.float32),
        clusters=[
            MapCluster(f"{label} {c}", int((labels == c).sum()), (c + 1,))
            for c in range(n_clusters)
        ],
    )


def _clusters(drawn: NameMap, names: tuple[str, ...]) -> tuple[ClusterSummary, ...]:
    found = tuple(
        ClusterSummary(
            cluster=number,
            size=cluster.size,
            label=cluster.label,
            exemplars=names[:3],
            central=tuple(range(len(names[:3]))),
            traits=(Trait("language", "Icelandic", 9, 0.92, 0.018, 50.0),),
            similarity=0.5,
        )
        for number, cluster in enumerate(drawn.clusters)
    )
    if not found:
        return found
    measured = dataclasses.replace(
        found[0], stability=0.8, stability_low=0.7, stability_high=0.9, stability_by_chance=0.2
    )
    return (measured, *found[1:])


def report(
    n: int = 300, names: tuple[str, ...] = HOSTILE, *, n_clusters: int = 3, **changes: Any
) -> TopologyReport:
    """A report on `n` names, the last of them Vicki; `names` are in every place of its page."""
    everyone = (*names, *(f"Name {i}" for i in range(n - len(names) - 1)), "Vicki")
    drawn = name_map(n, n_clusters, label=names[0])
    graph = KnnGraph(np.asarray(drawn.neighbours, np.int64), drawn.similarities)
    filled: dict[str, Any] = {
        "ids": np.arange(n),
        "names": everyone,
        "details": (names[-1],) * n,
        "places": drawn.places,
        "labels": drawn.labels,
        "probabilities": drawn.probabilities,
        "nearest_clusters": np.full((n, 3), -1),
        "nearest_probabilities": np.zeros((n, 3)),
        "graph": graph,
        "hierarchy": Clusters(drawn.labels, drawn.probabilities, None, drawn.labels, 5, 5, 1),  # type: ignore[arg-type]
        "clusters": _clusters(drawn, names),
        "agreement": (
            LabelAgreement(
                names[1], 10, 2, Agreement(9, 0.5, 0.7, 0.0, 0.1, 0.01, 0.01, 99),
                NeighbourShare(20, 0.4, 0.1),
            ),
            LabelAgreement("gender", 0, 0, None, None),
        ),
        "common_piece": None,
        "n_distinct": n,
        "noise_share": float((drawn.labels < 0).mean()),
        "parameters": {"view": "text", "where": names[0], "n_permutations": 99},
        "provenance": {
            "space": names[0], "n_names": n, "encoder": names[-1], "revision": None,
            "fingerprint": "f00", "templates": [names[1]], "package_version": "1",
        },
        "remarks": (names[0],),
        "seconds": {"map": 1.0},
        "properties": {names[0]: [names[1] if i % 2 else None for i in range(n)]},
    }  # fmt: skip
    return TopologyReport(**(filled | changes))


def beside(n: int, n_clusters: int = 3) -> SideMap:
    """Another map of the same names."""
    drawn = name_map(n, n_clusters)
    graph = KnnGraph(np.asarray(drawn.neighbours, np.int64), drawn.similarities)
    clusters = _clusters(drawn, ("a", "b", "c"))
    return SideMap("text", drawn.places, drawn.labels, drawn.probabilities, graph, clusters)


def comparison(
    n: int = 300, names: tuple[str, ...] = HOSTILE, **changes: Any
) -> TopologyComparison:
    """Two reports on the same names, of 3 and of 5 clusters."""
    found = NameOverlap(4, names[0], "given", 0.25, names[:2], names[2:4])
    overlap = SpaceOverlap(
        n_names=n, n_left_only=0, n_right_only=0,
        overlaps=(OverlapAtK(1, 0.2, 0.1, 0.3, 0.01, 77), OverlapAtK(15, 0.4, 0.35, 0.45, 0.15, n)),
        cka=NAN, n_aligned=77, lowest=(found,), highest=(found,), left_ids=np.arange(n),
        right_ids=np.arange(n), shares=np.zeros(n), parameters={"where": None},
    )  # fmt: skip
    left = report(n, names)
    filled: dict[str, Any] = {
        "left": left,
        "right": report(n, names, n_clusters=5),
        "overlap": overlap,
        "between": Agreement(60, 0.5, 0.4, 0.001, 0.1, 0.01, 0.02, 99),
        "matches": tuple(
            ClusterMatch(c, None if c == 0 else c, 0.4 if c else 0.0, 0.7 if c else 0.0)
            for c in range(left.n_clusters)
        ),
        "titles": (names[0], names[1]),
        "moves": Moves(
            moved=np.linspace(0, 1.4, n), median=0.7, fence=1.2,
            most=(MovedName(n - 1, names[0], 1.4, names[1:3], names[3:4]),), n_beyond=1,
            repeats=0.9, n_anchors=n,
        ),
    }  # fmt: skip
    return TopologyComparison(**(filled | changes))


def entropy(null: str = "gaussian") -> EntropyShape:
    """An entropy of 6.5 bits of 1,024 names, and two nulls, one without a spread."""
    whole = EntropyReport(
        bits=6.5, standard_error=0.0012, share=0.65, bandwidth=0.4, t=1, times=(1, 2, 4),
        curve=(6.5, 3.0, 1.0), curve_errors=(0.0, 0.0, 0.0), method=HOSTILE[0], recall=None,
        n_rows=1024,
    )  # fmt: skip
    nulls = (NullComparison(null, 5.0, 5.5, 0.1, -5.0, 5),
             NullComparison("none", 5.0, 6, 0.0, NAN, 5))  # fmt: skip
    return EntropyShape(whole, nulls, 1000)


def persistence() -> PersistenceReport:
    """Three components and two loops."""
    components = np.array([[0, 0.2], [0, 0.5], [0, np.inf]])
    loops = np.array([[0.6, 0.7], [0.65, 0.95]])
    rows = (
        DegreeReport(0, components, 1.0, 0.5, 1, components, Draws(1, 0.9, 1.1, 5), None,
                     Draws(0.1, 0, 0.2, 5), None),
        DegreeReport(1, loops, NAN, 0.3, 0, np.empty((0, 2)), None, None, None, None),
    )  # fmt: skip
    return PersistenceReport(
        degrees=rows, landmarks=np.arange(3), covering_radius=0.05, error_bound=0.1,
        null="gaussian", n_draws=5,
    )  # fmt: skip


def graph_shape(**changes: Any) -> GraphShape:
    """A graph in two parts, with hostile names."""
    filled: dict[str, Any] = {
        "n_nodes": 300, "n_edges": 1234, "n_components": 2, "largest_share": 0.9,
        "n_communities": 7, "modularity": 0.63,
        "assortativity": {"gender": Assortativity(0.2, -0.0001, 0.01, 0.01, 50, 99), "part": None},
        "bridges": (Bridge(2, HOSTILE[1], 0.98, 15, tuple((f"l{i}", 9 - i) for i in range(6))),),
        "links": (Link(("ar_AA", HOSTILE[2]), 29, 77.1),),
        "central": (CentralName(1, HOSTILE[0], 26.7),),
    }  # fmt: skip
    return GraphShape(**(filled | changes))


def shape(n: int = 400, k: int = 15, **changes: Any) -> TopologyShape:
    """The shape of `n` names, some without a local dimension."""
    rng = np.random.default_rng(0)
    local = rng.gamma(5, 2, n)
    local[:7] = NAN
    filled: dict[str, Any] = {
        "entropy": entropy(),
        "hubs": HubShape(2.5, 0.081, (Hub(3, HOSTILE[0], 45, 1),)),
        "dimension": DimensionShape(9.3, NAN, (8, 10, 12), 7),
        "persistence": persistence(),
        "graph": graph_shape(),
        "hubness": rng.poisson(k, n) / k,
        "local_dimension": local,
        "bridge": np.zeros(n),
        "notes": (),
    }
    return TopologyShape(**(filled | changes))
