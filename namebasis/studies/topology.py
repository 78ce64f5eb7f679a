"""How are the names of a space arranged, and what does the arrangement follow?"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.agreement import agreement, encode, neighbour_share
from namebasis.analysis.layout import layout
from namebasis.analysis.neighbours import KnnGraph, duplicate_groups, knn_graph
from namebasis.analysis.topology import Clusters, cluster
from namebasis.checks import FloatArray, IntArray, check_count
from namebasis.errors import NamebasisWarning, SpaceError
from namebasis.namespace.targets import fold
from namebasis.studies.cluster_summary import summarise_clusters
from namebasis.studies.name_labels import known_labels
from namebasis.studies.topology_report import LabelAgreement, TopologyReport
from namebasis.studies.topology_shape import STEPS as SHAPE_STEPS
from namebasis.studies.topology_shape import measure_shape

if TYPE_CHECKING:
    from namebasis.namespace.space import Space

Progress = Callable[[int, int], None]
STUDY = "topology"
_STEPS: tuple[str, ...] = ("names", "neighbours", "clusters", "map", "agreement")


def report(
    space: Space,
    *,
    view: str = "text",
    k: int = 15,
    where: str | None = None,
    min_cluster_size: int | None = None,
    seed: int = 0,
    max_points: int | None = None,
    n_permutations: int = 99,
    by: Sequence[str] = (),
    n_clusters: int | None = None,
    level: str | float | None = None,
    shape: bool = True,
    write: bool = False,
    progress: Progress | None = None,
) -> TopologyReport:
    """Find clusters of names, describe them, lay out a map, and say what clusters follow.

    Parameters
    ----------
    space : Space
    view : str
        Which vectors.
    k : int
        Neighbours per name in the graph; lowered, with a note, where there are fewer names.
    where : str, optional
        One boolean SQL expression; only such names are reported.
    min_cluster_size : int, optional
        Names that make a cluster; by default a quarter of the square root of their number.
    seed : int
        Of the map, the sample and the shuffles. The clusters themselves have no chance in them.
    max_points : int, optional
        A random sample of this many is reported where there are more names.
    n_permutations : int
        Shuffles for the null of each agreement.
    by : sequence of str
        More columns to compare the arrangement with; numbers are cut into ranges.
    n_clusters : int, optional
        Read so many clusters off the hierarchy instead of those with the most excess of mass.
    level : {"eom", "leaf"} or float, optional
        Or the finest ones, or those that hang together within a distance; see `Clusters.cut`.
    shape : bool
        Measure entropy, hubs, dimension, homology and graph too.
    write : bool
        Store `cluster` and `cluster_probability` as metric columns of the space, and with `shape`
        `hubness`, `local_dimension` and `bridge`.
    progress : callable, optional
        Called with (steps done, steps in all).

    Returns
    -------
    TopologyReport

    Raises
    ------
    FilterError
        If `where` is refused.
    SpaceError
        If fewer than 3 names are left to arrange.
    ValueError
        If a parameter is out of range, or a view, column or level is not there.
    """
    k, seed = check_count(k, "k"), check_count(seed, "seed", 0)
    clock = _Clock(progress, _STEPS + SHAPE_STEPS * shape)
    ids, sampled = _choose(space, where, max_points, seed)
    properties = known_labels(space, ids, by)
    table = space.table(["name", "part", "gender", "locales"], ids=ids)
    vectors = space.vectors(view, ids=None if len(ids) == len(space) else ids)
    notes = [sampled] if sampled else []
    if k > len(ids) - 1:
        notes.append(f"k was lowered from {k} to {len(ids) - 1}, all the other names there are.")
        k = len(ids) - 1
    clock.lap("names")
    graph = space.graph(view, k) if len(ids) == len(space) else knn_graph(vectors, k)
    clock.lap("neighbours")
    clusters, warned = _cluster(vectors, graph, min_cluster_size)
    clusters, notes = _cut(clusters, n_clusters, level), notes + warned
    clock.lap("clusters")
    places = layout(vectors, graph=graph, seed=seed)
    clock.lap("map")
    agreement_rows = tuple(
        _agreement(label, values, clusters.labels, graph, n_permutations, seed)
        for label, values in properties.items()
    )
    notes += _undefined(agreement_rows, by)
    n_distinct = int(duplicate_groups(vectors).first.size)
    if n_distinct < len(ids):
        notes.append(
            f"{len(ids) - n_distinct:,} names have the very vector of another name: the encoder "
            "cannot tell them apart. On the map they stand around one place."
        )
    names = table["name"].to_pylist()
    cut = level if n_clusters is None else n_clusters
    clock.lap("agreement")
    measured = None
    if shape:
        measured = measure_shape(vectors, graph, names, properties, n_permutations=n_permutations,
                                 seed=seed, lap=clock.lap)  # fmt: skip
        notes += measured.notes
    result = TopologyReport(
        ids=ids,
        names=tuple(names),
        details=tuple(_details(table)),
        places=places,
        labels=clusters.labels,
        probabilities=clusters.probabilities,
        graph=graph,
        clusters=summarise_clusters(names, vectors, clusters.labels, _values(table)),
        agreement=agreement_rows,
        n_distinct=n_distinct,
        noise_share=clusters.noise_share,
        parameters=_parameters(view, k, where, clusters, cut, seed, max_points, n_permutations),
        provenance=_provenance(space),
        notes=tuple(notes),
        seconds=clock.seconds,
        shape=measured,
        properties=properties,
    )
    if write:
        columns = result.to_arrow().drop_columns(["name", "x", "y"])
        space.add_metrics(columns, study=STUDY, parameters=result.parameters)
    return result


class _Clock:
    """Seconds per step, and the progress of steps."""

    def __init__(self, progress: Progress | None, steps: tuple[str, ...]) -> None:
        self.progress = progress
        self.steps = steps
        self.seconds: dict[str, float] = {}
        self.start = time.perf_counter()
        if progress is not None:
            progress(0, len(self.steps))

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self.seconds[step], self.start = round(now - self.start, 3), now
        if self.progress is not None:
            self.progress(len(self.seconds), len(self.steps))


def _choose(
    space: Space, where: str | None, max_points: int | None, seed: int
) -> tuple[IntArray, str | None]:
    """Ids to report on, ascending, and a note where they are a sample."""
    ids = space.ids(where)
    n = len(ids)
    if n < 3:
        given = f" that fit {where!r}" if where else ""
        raise SpaceError(f"a topology needs at least 3 names; {space.path} has {n}{given}.")
    if max_points is None or n <= check_count(max_points, "max_points", 3):
        return ids, None
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(ids, max_points, replace=False))
    return chosen, f"A random sample of {max_points:,} of {n:,} names (seed {seed})."


def _cluster(
    vectors: FloatArray, graph: KnnGraph, min_cluster_size: int | None
) -> tuple[Clusters, list[str]]:
    """Cluster, with what would be warned of as notes of the report."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NamebasisWarning)
        clusters = cluster(vectors, graph=graph, min_cluster_size=min_cluster_size)
    return clusters, [str(w.message) for w in caught if issubclass(w.category, NamebasisWarning)]


def _cut(clusters: Clusters, n_clusters: int | None, level: str | float | None) -> Clusters:
    """Read clusters off at the level asked for."""
    if n_clusters is not None and level is not None:
        raise ValueError("n_clusters and level are two ways to say one thing; give one of them.")
    if n_clusters is not None:
        return clusters.cut(n_clusters=n_clusters)
    if isinstance(level, str):
        return clusters.cut(method=level)
    return clusters if level is None else clusters.cut(distance=level)


def _undefined(rows: Sequence[LabelAgreement], by: Sequence[str]) -> list[str]:
    """Say of columns that were asked for why nothing is said of them."""
    return [
        f"Agreement with {row.label} is undefined: {row.n_names:,} names have one known value "
        f"there ({row.n_values:,} different), and clusters and values must both be two at least."
        for row in rows
        if row.label in by and row.with_clusters is None
    ]


def _agreement(
    label: str,
    values: Sequence[str | None],
    labels: IntArray,
    graph: KnnGraph,
    n_permutations: int,
    seed: int,
) -> LabelAgreement:
    codes, known = encode(list(values))
    return LabelAgreement(
        label=label,
        n_names=int(np.count_nonzero(codes >= 0)),
        n_values=len(known),
        with_clusters=agreement(labels, codes, n_permutations=n_permutations, seed=seed),
        with_neighbours=neighbour_share(graph, codes),
    )


def _values(table: pa.Table) -> dict[str, list[list[str]]]:
    """Every value of each name, for the traits of clusters."""
    return {
        "locales": [row or [] for row in table["locales"].to_pylist()],
        "gender": [[value] if value else [] for value in table["gender"].to_pylist()],
        "part": [[value] if value else [] for value in table["part"].to_pylist()],
        "beginning": [_beginnings(name) for name in table["name"].to_pylist()],
    }


def _beginnings(name: str) -> list[str]:
    """First two and three characters, where they are letters and the name goes on."""
    letters = fold(name)
    return [letters[:n] for n in (2, 3) if len(letters) > n and letters[:n].isalpha()]


def _details(table: pa.Table) -> list[str]:
    """A line on each name: part, gender, locales."""
    lines = []
    for part, gender, locales in zip(
        *(table[column].to_pylist() for column in ("part", "gender", "locales")), strict=True
    ):
        shown = [part, gender, " ".join((locales or [])[:4])]
        more = f" +{len(locales) - 4}" if locales and len(locales) > 4 else ""
        lines.append(" · ".join(item for item in shown if item) + more)
    return lines


def _parameters(
    view: str,
    k: int,
    where: str | None,
    clusters: Clusters,
    cut: int | str | float | None,
    seed: int,
    max_points: int | None,
    n_permutations: int,
) -> dict[str, Any]:
    return {
        "view": view,
        "k": k,
        "where": where,
        "min_cluster_size": clusters.min_cluster_size,
        "min_samples": clusters.min_samples,
        "smoothing": clusters.smoothing,
        "cut": cut,
        "seed": seed,
        "max_points": max_points,
        "n_permutations": n_permutations,
    }


def _provenance(space: Space) -> dict[str, Any]:
    source = space.provenance
    return {
        "space": space.path.name,
        "n_names": len(space),
        "encoder": source.encoder,
        "revision": source.revision,
        "fingerprint": source.fingerprint,
        "templates": list(source.templates),
        "package_version": source.package_version,
    }
