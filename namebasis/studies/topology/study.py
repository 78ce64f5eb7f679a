"""How are the names of a space arranged, and what does the arrangement follow?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.analysis.clusters.density_tree import LEVELS
from namebasis.analysis.clusters.membership import soft_memberships
from namebasis.analysis.clusters.stability import cluster_stability
from namebasis.analysis.graph.neighbours import KnnGraph, duplicate_groups
from namebasis.analysis.shape.homology_null import PersistenceReport
from namebasis.analysis.shape.layout import layout
from namebasis.checks import FloatArray, IntArray, Progress, check_count, check_seed
from namebasis.errors import SpaceError
from namebasis.namespace.building.unspelled import facts
from namebasis.studies.describe.study import label_of
from namebasis.studies.topology.arrangement import (
    Arrangement,
    Settings,
    compare_labels,
    find_clusters,
    read_graph,
    read_vectors,
    undefined_notes,
)
from namebasis.studies.topology.clusters import ClusterSummary, summarise_clusters
from namebasis.studies.topology.labels import GROUPS, all_values, detail_lines, known_labels
from namebasis.studies.topology.results import TopologyReport
from namebasis.studies.topology.shape import STEPS as SHAPE_STEPS
from namebasis.studies.topology.shape import TopologyShape, measure_homology, measure_shape
from namebasis.studies.topology.spelling import (
    arrange_with_spelling,
    compare_spelling,
    open_unspelled,
    side_map,
)
from namebasis.studies.topology.steps import Clock, Lane
from namebasis.wording import counted, did_you_mean, percent

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

STUDY = "topology"
METHODS = ("density", "hdbscan")
_ENOUGH = 100  # the error of a dimension is 1/√n: 10 % from here on


def report(
    space: StoredSpace,
    *,
    view: str = "text",
    k: int = 15,
    where: str | None = None,
    ids: IntArray | None = None,
    min_cluster_size: int | None = None,
    seed: int = 0,
    max_points: int | None = None,
    n_permutations: int = 99,
    by: Sequence[str] = (),
    method: str = "density",
    n_clusters: int | None = None,
    level: str | float | None = None,
    without_spelling: bool = False,
    n_resamples: int = 20,
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
    ids : ndarray of shape (n,), int64, optional
        Only these rows, in this order, instead of `where`.
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
    method : {"density", "hdbscan"}
        Our own clusters over the graph of neighbours, or those of `hdbscan` on the vectors, to
        compare with; see `analysis.cluster`.
    n_clusters : int, optional
        Number of clusters to read off the hierarchy instead of those with the most excess of mass.
    level : {"eom", "split", "leaf"} or float, optional
        Those with the most excess of mass, the same with none above half of the names, the
        finest ones, or those that hang together within a distance; see `Clusters.cut`. By default
        eom, or where that leaves most names in one cluster, the first of split and leaf whose
        clusters come back better in resamples; a note says so.
    without_spelling : bool
        Arrange the names by the view `unspelled`, made where it is not there (see `unspell`), and
        compare with the text view.
    n_resamples : int
        Resamples for the stability of clusters; 0 for none.
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
    seed = check_seed(seed)
    k = check_count(k, "k")
    n_resamples = check_count(n_resamples, "n_resamples", 0)
    if min_cluster_size is not None:
        check_count(min_cluster_size, "min_cluster_size", 2)
    cut = read_level(n_clusters, level)
    if method not in METHODS:
        raise ValueError(
            f"method must be one of {', '.join(METHODS)}; got {method!r}."
            f"{did_you_mean(method, METHODS)}"
        )
    clock = Clock(progress, steps_of(n_resamples, shape, without_spelling))
    if without_spelling:
        space, view = open_unspelled(space, view)
    ids, chosen_notes = _choose(space, view, where, ids, max_points, seed)
    labels, orders = known_labels(space, ids, by)
    table = space.table(["name", "part", "gender", "locales", "pieces", *GROUPS], ids=ids)
    notes = list(chosen_notes)
    if k > len(ids) - 1:
        notes.append(f"k was lowered from {k} to {len(ids) - 1}, all the other names there are.")
        k = len(ids) - 1
    settings = Settings(k, min_cluster_size, cut, n_permutations, seed, method)
    clock.lap("names")
    vectors = read_vectors(space, view, ids)
    pieces, names = table["pieces"].to_pylist(), table["name"].to_pylist()
    with clock.abreast(len(ids)) as start:
        homology = start(partial(_homology, vectors, seed)) if shape else None
        with clock.widened():
            graph = read_graph(space, view, ids, vectors, k)
        notes += recall_note(graph)
        clock.lap("neighbours")
        mapped = start(partial(_place, vectors, graph, seed))
        described = start(lambda _: (all_values(table), detail_lines(table)))
        shaped = None
        if homology is not None:
            shaped = start(
                partial(_shape, vectors, graph, names, labels, n_permutations, seed, homology)
            )
        found = find_clusters(view, vectors, graph, settings)
        memberships = soft_memberships(graph, found.clusters.labels)
        clock.lap("clusters")
        compared = start(partial(_compare, found, labels, pieces, settings))
        stability = None
        if n_resamples:
            stability = cluster_stability(
                vectors, found.clusters, graph, n_resamples=n_resamples, seed=seed
            )
            clock.lap("stability")
        values, details = described.result()
        clusters = summarise_clusters(names, vectors, found.clusters.labels, values, stability)
        clusters = _in_words(space, ids, clusters, found.clusters.labels)
        found = compared.result()
        n_distinct = int(duplicate_groups(vectors).first.size)
        notes += [*found.notes, *undefined_notes(found.agreement, by)]
        notes += [
            *copies_note(len(ids) - n_distinct),
            *few_note(n_distinct, is_complete=k == len(ids) - 1),
        ]
        places = mapped.result()
        spelling = beside = None
        if without_spelling:
            plain = arrange_with_spelling(space, ids, labels, pieces, settings)
            spelling = compare_spelling(plain, found, facts(space), settings)
            beside = side_map(plain, places, names, values, seed)
            clock.lap("spelling")
        measured = shaped.result() if shaped else None
        notes += measured.notes if measured else ()
    result = TopologyReport(
        ids=ids,
        names=tuple(names),
        details=tuple(details),
        places=places,
        labels=found.clusters.labels,
        probabilities=found.clusters.probabilities,
        nearest_clusters=memberships.clusters,
        nearest_probabilities=memberships.probabilities,
        graph=graph,
        hierarchy=found.clusters,
        clusters=clusters,
        agreement=found.agreement,
        common_piece=found.common_piece,
        n_distinct=n_distinct,
        noise_share=found.clusters.noise_share,
        parameters=parameters_of(view, where, found, settings, max_points, n_resamples),
        provenance=provenance_of(space),
        remarks=tuple(notes),
        seconds=clock.seconds,
        shape=measured,
        properties=labels,
        orders=orders,
        spelling=spelling,
        beside=beside,
    )
    if write:
        columns = result.to_arrow().drop_columns(["name", "x", "y"])
        space.add_metrics(columns, study=STUDY, parameters=result.parameters)
    return result


def _compare(
    found: Arrangement,
    labels: Mapping[str, Sequence[str | None]],
    pieces: Sequence[Sequence[str]],
    settings: Settings,
    lane: Lane,
) -> Arrangement:
    compared = compare_labels(found, labels, pieces, settings)
    lane.lap("agreement")
    return compared


def _place(vectors: FloatArray, graph: KnnGraph, seed: int, lane: Lane) -> FloatArray:
    places = layout(vectors, graph=graph, seed=seed, progress=lane.check)
    lane.lap("map")
    return places


def _shape(
    vectors: FloatArray,
    graph: KnnGraph,
    names: Sequence[str],
    labels: Mapping[str, Sequence[str | None]],
    n_permutations: int,
    seed: int,
    homology: Future[PersistenceReport | None],
    lane: Lane,
) -> TopologyShape:
    return measure_shape(
        vectors, graph, names, labels, n_permutations=n_permutations, seed=seed, lap=lane.lap,
        homology=homology,
    )  # fmt: skip


def _homology(vectors: FloatArray, seed: int, lane: Lane) -> PersistenceReport | None:
    found = measure_homology(vectors, seed=seed)
    lane.lap("homology")
    return found


def _in_words(
    space: StoredSpace,
    ids: IntArray,
    clusters: Sequence[ClusterSummary],
    labels: IntArray,
) -> tuple[ClusterSummary, ...]:
    """Clusters that no column of their names describes, labelled by phrases where these do."""
    found = []
    for one in clusters:
        said = None
        if one.label == f"around {one.exemplars[0]}":
            said = label_of(space, ids[labels == one.cluster])
        found.append(one if said is None else replace(one, label=f"in words: {said}"))
    return tuple(found)


def steps_of(n_resamples: int, shape: bool, without_spelling: bool) -> tuple[str, ...]:
    """What the clock will be told, in order."""
    return (
        *("names", "neighbours", "clusters"),
        *(("stability",) if n_resamples else ()),
        *("map", "agreement"),
        *(("spelling",) if without_spelling else ()),
        *(SHAPE_STEPS if shape else ()),
    )


def recall_note(graph: KnnGraph) -> list[str]:
    if graph.recall == 1:
        return []
    found = percent(graph.recall, 1)
    return [f"Neighbours were sought approximately: {found} of the true ones are found."]


def copies_note(n_copies: int) -> list[str]:
    if not n_copies:
        return []
    return [
        f"{n_copies:,} names have the very vector of another name: the encoder "
        "cannot tell them apart. On the map they stand around one place."
    ]


def few_note(n: int, *, is_complete: bool) -> list[str]:
    """What figures of so few different vectors are worth; nothing from 100 on, an error of 10 %."""
    if n >= _ENOUGH:
        return []
    complete = (
        " Every name is a neighbour of every other: hubs, parts and communities say nothing."
        if is_complete
        else ""
    )
    return [
        f"Only {counted(n, 'different vector')}: by chance alone a dimension is off by about "
        f"1/√n, {percent(n**-0.5)} here (10 % from {_ENOUGH} on), and clusters, holes and the "
        f"graph rest on as few.{complete}"
    ]


def _choose(
    space: StoredSpace,
    view: str,
    where: str | None,
    ids: IntArray | None,
    max_points: int | None,
    seed: int,
) -> tuple[IntArray, list[str]]:
    """Ids to report on, and notes where they are not all that were asked for."""
    if ids is not None and where is not None:
        raise ValueError("where and ids are two ways to choose names; give one of them.")
    # All that fit, of whom those without a vector are counted.
    asked = space.ids(where, view="text") if ids is None else np.asarray(ids, np.int64)
    ids = asked[np.isin(asked, space.ids(view=view))] if space.lacks(view) else asked
    n = len(ids)
    notes = []
    if n < len(asked):
        notes.append(
            f"{len(asked) - n:,} of {len(asked):,} names have no vector in the {view} view and are "
            "left out."
        )
    if n < 3:
        given = f" that fit {where!r}" if where else ""
        given += f" with a vector in the {view} view" * (n < len(asked))
        raise SpaceError(f"a topology needs at least 3 names; {space.path} has {n}{given}.")
    if max_points is None or n <= check_count(max_points, "max_points", 3):
        return ids, notes
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(ids, max_points, replace=False))
    return chosen, [*notes, f"A random sample of {max_points:,} of {n:,} names (seed {seed})."]


def read_level(n_clusters: int | None, level: str | float | None) -> str | int | float | None:
    """Where to cut, as one value."""
    if n_clusters is not None and level is not None:
        raise ValueError("n_clusters and level are two ways to say one thing; give one of them.")
    if n_clusters is not None:
        return check_count(n_clusters, "n_clusters")
    if level is None or level in LEVELS:
        return level
    if isinstance(level, str) or not 0 < level < math.inf:
        raise ValueError(
            "level must be 'eom', 'split', 'leaf' or a distance above 0, 2 at most; "
            f"got {level!r}.{did_you_mean(level, LEVELS)}"
        )
    return float(level)


def parameters_of(
    view: str,
    where: str | None,
    found: Arrangement,
    settings: Settings,
    max_points: int | None,
    n_resamples: int,
) -> dict[str, Any]:
    return {
        "view": view,
        "k": settings.k,
        "where": where,
        "min_cluster_size": found.clusters.min_cluster_size,
        "min_samples": found.clusters.min_samples,
        "smoothing": found.clusters.smoothing,
        "method": settings.method,
        "level": found.clusters.level,
        "seed": settings.seed,
        "max_points": max_points,
        "n_permutations": settings.n_permutations,
        "n_resamples": n_resamples,
    }


def provenance_of(space: StoredSpace) -> dict[str, Any]:
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
