"""One view's arrangement of names: neighbours, clusters, and what both go with."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.clusters.agreement import (
    Agreement,
    NeighbourShare,
    agreement,
    encode,
    neighbour_share,
    shared_item_share,
)
from namebasis.analysis.clusters.clustering import Clusters, cluster
from namebasis.analysis.graph.neighbours import KnnGraph
from namebasis.checks import FloatArray, IntArray
from namebasis.errors import NamebasisWarning
from namebasis.namespace.search.graph_cache import graph_of
from namebasis.studies.topology.levels import choose_level, level_hint
from namebasis.wording import percent

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from namebasis.namespace.space import StoredSpace


@dataclass(frozen=True)
class Settings:
    """How names are arranged and compared.

    Attributes
    ----------
    k : int
        Neighbours of a name.
    min_cluster_size : int or None
        None for the default of their number.
    level : str, int, float or None
        Where the hierarchy is cut: a method, a number of clusters, or a distance; None for the
        default, or a finer level where that is lopsided (see `levels`).
    n_permutations, seed : int
        Shuffles for the nulls, and their seed.
    method : {"density", "hdbscan"}
        Our own clusters over the graph of neighbours, or HDBSCAN's on the vectors.
    """

    k: int
    min_cluster_size: int | None
    level: str | int | float | None
    n_permutations: int
    seed: int
    method: str = "density"


@dataclass(frozen=True)
class LabelAgreement:
    """How far one property of names goes with clusters and with neighbourhoods.

    Attributes
    ----------
    label : str
        Which property: `gender`, `locale`, `part`, `first letters`, `first piece`.
    n_names, n_values : int
        Names of the report that have exactly one known value, and how many values there are.
    with_clusters : Agreement or None
        Over names in a cluster; None where it is undefined (one cluster, or one value).
    with_neighbours : NeighbourShare or None
        Over pairs of neighbours, whether in a cluster or not.
    """

    label: str
    n_names: int
    n_values: int
    with_clusters: Agreement | None
    with_neighbours: NeighbourShare | None

    @property
    def beyond_chance(self) -> float | None:
        """Mutual information above its null, as a share of what was left to gain; 1 at most."""
        found = self.with_clusters
        if found is None or found.null_mutual_information >= 1:
            return None
        null = found.null_mutual_information
        return (found.mutual_information - null) / (1 - null)


def p_words(p: float, n_permutations: int) -> str:
    """A p-value of shuffles: "≤ 0.01" where none of 99 does as well, which is all they can tell."""
    floor = 1 / (n_permutations + 1)
    digits = max(2, -math.floor(math.log10(floor)))
    return f"≤ {floor:.{digits}f}" if p <= floor * (1 + 1e-9) else f"{p:.{digits}f}"


def agreement_figures(
    rows: Sequence[LabelAgreement], common_piece: NeighbourShare | None
) -> dict[str, str]:
    """What clusters and neighbourhoods follow, as it is shown beside another arrangement's."""
    found = {}
    for row in rows:
        if row.beyond_chance is not None:
            found[f"clusters follow {row.label}"] = f"{row.beyond_chance:.2f}"
    near = {f"neighbours share {row.label}": row.with_neighbours for row in rows}
    near["neighbours have a piece in common"] = common_piece
    for label, shared in near.items():
        if shared is not None:
            found[label] = f"{percent(shared.share)} ({percent(shared.by_chance, 1)} by chance)"
    return found


@dataclass(frozen=True)
class Arrangement:
    """What one view does with names.

    Attributes
    ----------
    view : str
    vectors, graph, clusters
        Of the names, in the order of their ids.
    agreement : tuple of LabelAgreement
        With each of their labels.
    common_piece : NeighbourShare or None
        How often neighbours have a piece in common; None where no name has a piece.
    notes : tuple of str
    """

    view: str
    vectors: FloatArray
    graph: KnnGraph
    clusters: Clusters
    agreement: tuple[LabelAgreement, ...] = ()
    common_piece: NeighbourShare | None = None
    notes: tuple[str, ...] = field(default=())


def read_vectors(space: StoredSpace, view: str, ids: IntArray) -> FloatArray:
    """Vectors of some names; of all, in one pass."""
    return space.vectors(view, ids=None if _are_all(space, ids) else ids)


def read_graph(
    space: StoredSpace, view: str, ids: IntArray, vectors: FloatArray, k: int
) -> KnnGraph:
    """Neighbours of some names, of these vectors, among them; from the cache where it is all."""
    return space.graph(view, k) if _are_all(space, ids) else graph_of(vectors, k)


def _are_all(space: StoredSpace, ids: IntArray) -> bool:
    return np.array_equal(ids, np.arange(len(space)))


def find_clusters(
    view: str, vectors: FloatArray, graph: KnnGraph, settings: Settings
) -> Arrangement:
    """Cluster, with what would be warned of as notes of the report."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NamebasisWarning)
        clusters = cluster(
            vectors,
            graph=graph,
            min_cluster_size=settings.min_cluster_size,
            method="hdbscan" if settings.method == "hdbscan" else "eom",
        )
    level = settings.level
    told: list[str] = []
    if level is None:
        clusters, told = choose_level(vectors, graph, clusters)
    elif level == clusters.level:
        pass  # as they are
    elif isinstance(level, str):
        clusters = clusters.cut(method=level)
    elif isinstance(level, float):
        clusters = clusters.cut(distance=level)
    else:
        clusters = clusters.cut(n_clusters=level)
    if level is not None:
        told = level_hint(clusters)
    if clusters.n_clusters == 0:  # what is warned of is that the default level has none
        told += [str(w.message) for w in caught if issubclass(w.category, NamebasisWarning)]
    return Arrangement(view, vectors, graph, clusters, notes=tuple(told))


def compare_labels(
    found: Arrangement,
    labels: Mapping[str, Sequence[str | None]],
    pieces: Sequence[Sequence[str]],
    settings: Settings,
) -> Arrangement:
    """Add what clusters and neighbourhoods go with."""
    rows = tuple(_agreement(label, values, found, settings) for label, values in labels.items())
    common = shared_item_share(found.graph, incidence(pieces), seed=settings.seed)
    return Arrangement(
        found.view, found.vectors, found.graph, found.clusters, rows, common, found.notes
    )


def incidence(pieces: Sequence[Sequence[str]]) -> csr_matrix:
    """Which name holds which piece, as ones, (n_names, n_different_pieces)."""
    from scipy.sparse import csr_matrix

    number: dict[str, int] = {}
    columns: list[int] = []
    ends = [0]
    for row in pieces:
        columns += {number.setdefault(piece, len(number)) for piece in row}
        ends.append(len(columns))
    ones = np.ones(len(columns), np.float32)
    shape = (len(pieces), max(len(number), 1))
    return csr_matrix((ones, np.array(columns, np.int64), ends), shape=shape)


def undefined_notes(rows: Sequence[LabelAgreement], by: Sequence[str]) -> list[str]:
    """Say of columns that were asked for why nothing is said of them."""
    return [
        f"Agreement with {row.label} is undefined: {row.n_names:,} names have one known value "
        f"there ({row.n_values:,} different), and clusters and values must both be two at least."
        for row in rows
        if row.label in by and row.with_clusters is None
    ]


def _agreement(
    label: str, values: Sequence[str | None], found: Arrangement, settings: Settings
) -> LabelAgreement:
    codes, known = encode(list(values))
    return LabelAgreement(
        label=label,
        n_names=int(np.count_nonzero(codes >= 0)),
        n_values=len(known),
        with_clusters=agreement(
            found.clusters.labels,
            codes,
            n_permutations=settings.n_permutations,
            seed=settings.seed,
        ),
        with_neighbours=neighbour_share(found.graph, codes),
    )
