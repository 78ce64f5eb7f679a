"""How are the single pictures of names arranged, and what does the arrangement follow?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.analysis.clusters.membership import soft_memberships
from namebasis.analysis.clusters.stability import cluster_stability
from namebasis.analysis.graph.neighbours import duplicate_groups
from namebasis.analysis.identity.diversity import medoid
from namebasis.analysis.shape.layout import layout
from namebasis.checks import FloatArray, IntArray, Progress, check_count, check_seed
from namebasis.errors import SpaceError
from namebasis.namespace.search.graph_cache import graph_of
from namebasis.results import Table
from namebasis.studies.topology import study
from namebasis.studies.topology.arrangement import (
    Settings,
    compare_labels,
    find_clusters,
    undefined_notes,
)
from namebasis.studies.topology.clusters import ClusterSummary, summarise_clusters
from namebasis.studies.topology.graph import NO_BRIDGES
from namebasis.studies.topology.labels import GROUPS, all_values, detail_lines, known_labels
from namebasis.studies.topology.results import TopologyReport
from namebasis.studies.topology.shape import measure_shape
from namebasis.studies.topology.steps import Clock
from namebasis.wording import counted, did_you_mean, percent

if TYPE_CHECKING:
    from namebasis.namespace.search.picture_rows import PictureRows
    from namebasis.namespace.space import StoredSpace

_OF_SPELLING = ("first letters", "first piece", "beginning", "ending")
_MOST_SHOWN = 8
"""Pictures of a cluster that a page shows."""
_MOST = 0.5
"""Share of a cluster from which a value names it."""
Labels = dict[str, Sequence[str | None]]


@dataclass(frozen=True, repr=False, eq=False)
class PictureTopology(TopologyReport):
    """How the pictures of a space are arranged; see `TopologyReport`.

    Attributes
    ----------
    ids : ndarray of shape (n,), int64
        Numbers of the pictures in ``space.pictures()``.
    names : tuple of n str
        Whose picture each is.
    paths : tuple of n str
        Their files.
    shown : tuple of tuple of int
        Of each cluster, its medoid (the picture most like its others) and the next ones, by
        position in this report.

    See Also
    --------
    namebasis.Space.topology : Makes one, with ``pictures=True``.
    """

    noun = "pictures"

    paths: tuple[str, ...] = ()
    shown: tuple[tuple[int, ...], ...] = ()

    def headline(self) -> str:
        """How many pictures and clusters there are, and what the clusters follow."""
        n_names = len(set(self.names))
        return (
            f"{len(self):,} pictures of {counted(n_names, 'name')} form "
            f"{counted(self.n_clusters, 'cluster')}; {percent(self.noise_share)} of pictures are "
            f"in none. {self.finding()}"
        )

    def finding(self) -> str:
        """What the clusters follow beyond chance, in a sentence or two."""
        return super().finding().replace(" of names", " of pictures")

    def tables(self) -> list[Table]:
        """The largest clusters with their medoids, what the arrangement follows, its shape."""
        found = super().tables()
        if self.clusters:
            found[0] = self._clusters(found[0])
        return [
            replace(table, columns=["pictures" if c == "names" else c for c in table.columns],
                    bars=tuple("pictures" if c == "names" else c for c in table.bars))
            for table in found
        ]  # fmt: skip

    def _clusters(self, table: Table) -> Table:
        at = list(table.columns).index("most central")
        rows = [
            (*row[:at], self.paths[shown[0]])
            for row, shown in zip(table.rows, self.shown, strict=True)
        ]
        return replace(table, columns=(*list(table.columns)[:at], "medoid"), rows=rows)

    def to_arrow(self) -> pa.Table:
        """As for names, a row per picture: picture, name, path, x, y, cluster and so on."""
        table = super().to_arrow()
        columns = ["picture" if one == "id" else one for one in table.column_names]
        table = table.rename_columns(columns)
        return table.add_column(2, "path", pa.array(self.paths, pa.string()))

    def to_dict(self) -> dict[str, Any]:
        """As for names, with the path of each cluster's medoid."""
        found = super().to_dict()
        clusters = [
            one | {"medoid": self.paths[shown[0]]}
            for one, shown in zip(found["clusters"], self.shown, strict=True)
        ]
        n_names = len(set(self.names))
        return found | {"n_pictures": len(self), "n_names": n_names, "clusters": clusters}


def report(
    space: StoredSpace,
    *,
    view: str = "image",
    k: int = 15,
    where: str | None = None,
    min_cluster_size: int | None = None,
    seed: int = 0,
    max_points: int | None = None,
    n_permutations: int = 99,
    by: Sequence[str] = (),
    method: str = "density",
    n_clusters: int | None = None,
    level: str | float | None = None,
    n_resamples: int = 20,
    shape: bool = True,
    progress: Progress | None = None,
) -> PictureTopology:
    """Find clusters of pictures, lay out a map, and say what the clusters follow.

    What they are compared with is whose picture each is, where it comes from, the context that it
    was painted in, and what is known of its name.

    Parameters
    ----------
    space : Space
    view : str
        `image`, or ``image:photos`` or ``image:PIPELINE`` for the pictures of one source; `text`,
        the default of `topology`, is read as `image`.
    where : str, optional
        Only pictures of such names.
    by : sequence of str
        More columns of the names to compare the arrangement with.
    k, min_cluster_size, seed, max_points, n_permutations, method, n_clusters, level, n_resamples, \
    shape, progress
        As for names; see `studies.topology.report`.

    Raises
    ------
    SpaceError
        If fewer than 3 pictures of stored names are left.
    FilterError, ValueError
        As for names.
    """
    seed, k = check_seed(seed), check_count(k, "k")
    n_resamples = check_count(n_resamples, "n_resamples", 0)
    if min_cluster_size is not None:
        check_count(min_cluster_size, "min_cluster_size", 2)
    cut = study.read_level(n_clusters, level)
    if method not in study.METHODS:
        raise ValueError(
            f"method must be one of {', '.join(study.METHODS)}; got {method!r}."
            f"{did_you_mean(method, study.METHODS)}"
        )
    view = "image" if view == "text" else view
    clock = Clock(progress, study.steps_of(n_resamples, shape, False))
    rows = space.picture_rows()
    at, notes = _choose(space, rows, view, where, max_points, seed)
    facts = rows.facts(at)
    names, labels, orders, values, details = _known(space, rows, at, facts, by)
    if k > len(at) - 1:
        notes.append(f"k was lowered from {k} to {len(at) - 1}, all the other pictures there are.")
        k = len(at) - 1
    settings = Settings(k, min_cluster_size, cut, n_permutations, seed, method)
    clock.lap("names")
    vectors = rows.vectors(at)
    graph = graph_of(vectors, k)
    notes += study.recall_note(graph)
    clock.lap("neighbours")
    found = find_clusters("image", vectors, graph, settings)
    memberships = soft_memberships(graph, found.clusters.labels)
    clock.lap("clusters")
    stability = None
    if n_resamples:
        stability = cluster_stability(
            vectors, found.clusters, graph, n_resamples=n_resamples, seed=seed
        )
        clock.lap("stability")
    places = layout(vectors, graph=graph, seed=seed)
    clock.lap("map")
    told = {
        key: column
        for key, column in labels.items()
        if key in by or len({value for value in column if value is not None}) > 1
    }
    found = compare_labels(found, told, [()] * len(at), settings)
    n_distinct = int(duplicate_groups(vectors).first.size)
    notes += [*found.notes, *undefined_notes(found.agreement, by)]
    clock.lap("agreement")
    measured = None
    if shape:
        measured = measure_shape(vectors, graph, names, labels, n_permutations=n_permutations,
                                 seed=seed, lap=clock.lap)  # fmt: skip
        notes += [note for note in measured.notes if note != NO_BRIDGES]  # of names
    clusters = summarise_clusters(names, vectors, found.clusters.labels, values, stability)
    parameters = study.parameters_of(view, where, found, settings, max_points, n_resamples)
    return PictureTopology(
        ids=rows.numbers[at],
        names=tuple(names),
        details=tuple(details),
        places=places,
        labels=found.clusters.labels,
        probabilities=found.clusters.probabilities,
        nearest_clusters=memberships.clusters,
        nearest_probabilities=memberships.probabilities,
        graph=graph,
        hierarchy=found.clusters,
        clusters=tuple(_named(one) for one in clusters),
        agreement=found.agreement,
        common_piece=None,
        n_distinct=n_distinct,
        noise_share=found.clusters.noise_share,
        parameters=parameters,
        provenance=study.provenance_of(space),
        remarks=tuple(notes),
        seconds=clock.seconds,
        shape=measured,
        properties=told,
        orders=orders,
        paths=tuple(facts["path"].to_pylist()),
        shown=_shown(vectors, found.clusters.labels, len(clusters)),
    )


def _choose(
    space: StoredSpace,
    rows: PictureRows,
    view: str,
    where: str | None,
    max_points: int | None,
    seed: int,
) -> tuple[IntArray, list[str]]:
    """Positions of the pictures to report on, and notes where they are not all."""
    kind, _, source = view.partition(":")
    if kind != "image":
        raise ValueError(
            f"pictures have the view image, image:photos or image:PIPELINE; got {view!r}."
        )
    at = np.flatnonzero(rows.owners >= 0)
    if source:
        at = np.intersect1d(at, rows.of_source(source))
    if where is not None:
        at = at[np.isin(rows.owners[at], space.ids(where, view="text"))]
    if len(at) < 3:
        given = f" of names that fit {where!r}" if where else ""
        raise SpaceError(
            f"a topology needs at least 3 pictures of stored names; {space.path} has "
            f"{len(at)}{given}. Add some: namebasis add {space.path} --images FOLDER."
        )
    if max_points is None or len(at) <= check_count(max_points, "max_points", 3):
        return at, []
    chosen = np.sort(np.random.default_rng(seed).choice(at, max_points, replace=False))
    return chosen, [f"A random sample of {max_points:,} of {len(at):,} pictures (seed {seed})."]


def _known(
    space: StoredSpace, rows: PictureRows, at: IntArray, facts: pa.Table, by: Sequence[str]
) -> tuple[list[str], Labels, dict[str, Any], dict[str, list[list[str]]], list[str]]:
    """Names of pictures, what they are compared with, and a line on each."""
    known, of = np.unique(rows.owners[at], return_inverse=True)
    table = space.table(["name", "part", "gender", "locales", "pieces", *GROUPS], ids=known)
    name = table["name"].to_pylist()
    names = [name[one] for one in of]
    own, orders = known_labels(space, known, by)
    asked = (key for key in own if key not in _OF_SPELLING or key in by)
    labels: Labels = {"name": names} | {key: [own[key][one] for one in of] for key in asked}
    pictures = space.pictures().table(["context"], ids=rows.numbers[at])
    source = pc.coalesce(facts["pipeline"], facts["source"])
    more = {"source": source.to_pylist(), "context": pictures["context"].to_pylist()}
    labels |= {key: column for key, column in more.items() if len(set(column)) > 1}
    of_names = all_values(table)
    values = {
        key: [column[one] for one in of]
        for key, column in of_names.items()
        if key not in _OF_SPELLING
    }
    for key in ("name", *(key for key in more if key in labels)):
        values[key] = [[value] if value else [] for value in labels[key]]
    lines = detail_lines(table)
    details = [
        " · ".join(filter(None, (Path(path).name, lines[one])))
        for path, one in zip(facts["path"].to_pylist(), of, strict=True)
    ]
    return names, labels, orders, values, details


def _named(cluster: ClusterSummary) -> ClusterSummary:
    """A cluster by the name, source or context that most of its pictures have, or two names."""
    own = ("name", "context", "source")
    most = [one for one in cluster.traits if one.column in own and one.share >= _MOST]
    if not most:
        two = [one for one in cluster.traits if one.column == "name"][:2]
        if not two:
            return cluster
        said = " and ".join(one.value for one in two)
        return replace(cluster, label=f"{said}, {percent(sum(one.share for one in two))}")
    best = max(most, key=lambda one: (one.column == "name", one.share))
    return replace(cluster, label=f"{best.value}, {percent(best.share)}")


def _shown(vectors: FloatArray, labels: IntArray, n_clusters: int) -> tuple[tuple[int, ...], ...]:
    """The medoid of each cluster, and the pictures nearest to it."""
    found = []
    for cluster in range(n_clusters):
        members = np.flatnonzero(labels == cluster)
        best = medoid(vectors[members])[0]
        near = np.argsort(-(vectors[members] @ vectors[members[best]]), kind="stable")
        order = [best, *(one for one in near.tolist() if one != best)][:_MOST_SHOWN]
        found.append(tuple(members[order].tolist()))
    return tuple(found)
