"""What a topology report holds, and the forms it is handed out in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import pyarrow as pa

from namebasis.analysis.clusters.agreement import NeighbourShare
from namebasis.analysis.clusters.hierarchy import Clusters
from namebasis.analysis.graph.neighbours import KnnGraph
from namebasis.checks import Float64Array, FloatArray, IntArray
from namebasis.results import Table
from namebasis.studies.topology.arrangement import LabelAgreement, p_words
from namebasis.studies.topology.clusters import ClusterSummary
from namebasis.studies.topology.files import Report
from namebasis.studies.topology.shape import TopologyShape
from namebasis.studies.topology.shape_summary import shape_rows
from namebasis.studies.topology.spelling import SideMap, SpellingComparison
from namebasis.wording import percent

SPELLING = ("first piece", "first letters")
_N_EXAMPLES, _N_OTHERS = 5, 3
_LEAST_GAIN = 0.01  # of mutual information beyond chance, as two decimals show it


@dataclass(frozen=True, repr=False, eq=False)
class TopologyReport(Report):
    """How the names of a space are arranged.

    Attributes
    ----------
    ids, names, details : ndarray of shape (n,) int64; tuples of n str
        Row number in the space, name, and a line of what is known of it.
    places : ndarray of shape (n, 2), float32
        The map. Only for the eye: nothing is measured on it.
    labels, probabilities : ndarrays of shape (n,), int64 and float64
        Cluster of each name (-1: none) and how firmly it belongs, in [0, 1].
    nearest_clusters, nearest_probabilities : ndarrays of shape (n, 3), int64 and float64
        Clusters that each name is nearest to and how far it belongs to each: its own with 1, or
        for a name in none those that a walk along neighbours arrives at; -1 where there is none.
    graph : KnnGraph
        Neighbours, by position in this report (not by id).
    hierarchy : Clusters
        The clusters with their tree: `.cut` and `.merge` give others without clustering again.
    clusters : tuple of ClusterSummary
        The largest first.
    agreement : tuple of LabelAgreement
        With gender, locale and part, with spelling, and with columns that were asked for.
    common_piece : NeighbourShare or None
        How often neighbours have a piece in common; None where no names have pieces.
    n_distinct : int
        Different vectors among the n.
    noise_share : float
        Share of names in no cluster.
    parameters, provenance : mapping
        What was asked, and of which space.
    remarks : tuple of str
        What a reader should know about this answer.
    seconds : mapping of str to float
        Time per step.
    shape : TopologyShape or None
        Entropy, hubs, dimension, homology and graph; None where they were not asked for.
    beside : SideMap or None
        The arrangement with spelling, where this one is without.
    properties : mapping of str to sequence of n str or None
        What `agreement` compares with, name by name.
    orders : mapping of str to tuple of str
        Of properties that are numbers, their values or ranges from the lowest to the highest: such
        a property has an order, which colours should show.
    spelling : SpellingComparison or None
        The arrangement with spelling beside this one without; None where it was not asked for.

    See Also
    --------
    namebasis.studies.topology.report : Makes one.
    """

    _page = "namebasis.studies.topology.pages.page:html_of"
    _figure = "namebasis.studies.topology.pages.page:draw"
    _figures = "namebasis.studies.topology.pages.page:figures_of"
    noun: ClassVar[str] = "names"
    """What is arranged."""

    ids: IntArray
    names: tuple[str, ...]
    details: tuple[str, ...]
    places: FloatArray
    labels: IntArray
    probabilities: Float64Array
    nearest_clusters: IntArray
    nearest_probabilities: Float64Array
    graph: KnnGraph
    hierarchy: Clusters
    clusters: tuple[ClusterSummary, ...]
    agreement: tuple[LabelAgreement, ...]
    common_piece: NeighbourShare | None
    n_distinct: int
    noise_share: float
    parameters: Mapping[str, Any]
    provenance: Mapping[str, Any]
    remarks: tuple[str, ...]
    seconds: Mapping[str, float]
    shape: TopologyShape | None = None
    properties: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    orders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    spelling: SpellingComparison | None = None
    beside: SideMap | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def n_clusters(self) -> int:
        """How many clusters there are."""
        return len(self.clusters)

    def to_arrow(self) -> pa.Table:
        """One row per name: id, name, x, y, cluster, cluster_probability, nearest_cluster (null
        where none is in reach), nearest_cluster_probability, and of the shape hubness,
        local_dimension and bridge (null where undefined)."""
        shape = self.shape.columns() if self.shape else {}
        nearest = self.nearest_clusters[:, 0]
        return pa.table(
            {
                "id": self.ids,
                "name": pa.array(self.names, pa.string()),
                "x": self.places[:, 0],
                "y": self.places[:, 1],
                "cluster": self.labels,
                "cluster_probability": self.probabilities,
                "nearest_cluster": pa.array(nearest, mask=nearest < 0),
                "nearest_cluster_probability": self.nearest_probabilities[:, 0],
            }
            | {name: pa.array(column, from_pandas=True) for name, column in shape.items()}
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything but the rows per name, as plain JSON values."""
        return {
            "n_names": len(self),
            "n_distinct": self.n_distinct,
            "n_clusters": self.n_clusters,
            "noise_share": self.noise_share,
            "clusters": [asdict(cluster) for cluster in self.clusters],
            "agreement": [
                asdict(row) | {"beyond_chance": row.beyond_chance} for row in self.agreement
            ],
            "common_piece": asdict(self.common_piece) if self.common_piece else None,
            "spelling": self.spelling.to_dict() if self.spelling else None,
            "shape": self.shape.to_dict() if self.shape else None,
            "notes": list(self.remarks),
            "parameters": dict(self.parameters),
            "provenance": dict(self.provenance),
            "seconds": dict(self.seconds),
        }

    def headline(self) -> str:
        """How many names and clusters there are, and what the clusters follow."""
        clusters = "1 cluster" if self.n_clusters == 1 else f"{self.n_clusters:,} clusters"
        return (
            f"{len(self):,} names ({self.n_distinct:,} different vectors) form {clusters}; "
            f"{percent(self.noise_share)} of names are in none. {self.finding()}"
        )

    def tables(self) -> list[Table]:
        """The largest clusters, what the arrangement follows, and its shape."""
        found = [_clusters_table(self.clusters)] if self.clusters else []
        found.append(_agreement_table(self.agreement))
        if self.shape is not None:
            found.append(Table(("shape", "found"), shape_rows(self.shape, self.noun), detail=True))
        return found

    def notes(self) -> list[str]:
        """What every reader should know."""
        return list(self.remarks)

    def finding(self) -> str:
        """What the clusters follow beyond chance, in a sentence or two.

        A property is named only where shuffled labels reach its mutual information in 5 % of
        draws at most (over all properties, by Bonferroni) and at least 0.01 is left beyond their
        mean; "most" is said of the first only where the next is behind it by as much.
        """
        known = [row for row in self.agreement if row.beyond_chance is not None]
        if not known:
            said = "Too few clusters or labels to say what the clusters follow."
        elif named := _named(known):
            said = _follows(named)
        else:
            labels = ", ".join(row.label for row in known)
            said = f"The clusters follow none of these beyond chance: {labels}."
        near = [row for row in self.agreement if row.label in SPELLING and row.with_neighbours]
        if known and near:
            first = max(near, key=lambda row: row.with_neighbours.share)  # type: ignore[union-attr]
            shared = first.with_neighbours
            if shared is not None and shared.share > shared.by_chance:
                said += (
                    f" Of near neighbours, {percent(shared.share)} share their {first.label} "
                    f"({percent(shared.by_chance, 1)} by chance)."
                )
        return f"{said} {self.spelling.sentence()}" if self.spelling else said


def _named(known: Sequence[LabelAgreement]) -> list[LabelAgreement]:
    """The properties that clusters follow beyond chance, the most first."""

    def is_beyond(row: LabelAgreement) -> bool:
        found = row.with_clusters
        if found is None or (row.beyond_chance or 0) < _LEAST_GAIN:
            return False
        # Draws cannot tell of a smaller share than their floor.
        floor = 1 / (found.n_permutations + 1)
        return found.p_mutual_information <= max(0.05 / len(known), floor) <= 0.05

    return sorted(filter(is_beyond, known), key=lambda row: -(row.beyond_chance or 0))


def _follows(named: Sequence[LabelAgreement]) -> str:
    """The first property beside its null, and the others after it."""
    first, *rest = named
    found = first.with_clusters
    gains = [row.beyond_chance or 0.0 for row in named]
    most = " most" if rest and gains[0] - gains[1] >= _LEAST_GAIN else ""
    beside = ""
    if found is not None:
        beside = (
            f"mutual information {found.mutual_information:.2f}, shuffled labels "
            f"{found.null_mutual_information:.2f}"
        )
    said = f"Clusters follow the {first.label} of names{most}: {gains[0]:.2f} beyond chance, where "
    said += f"1 is full agreement ({beside})"
    others = [f"{row.label} ({gain:.2f})" for row, gain in zip(rest, gains[1:], strict=True)]
    more = f" and {len(others) - _N_OTHERS} more" if len(others) > _N_OTHERS else ""
    return f"{said}; then {', '.join(others[:_N_OTHERS])}{more}." if others else f"{said}."


def _clusters_table(clusters: Sequence[ClusterSummary]) -> Table:
    measured = any(cluster.stability is not None for cluster in clusters)
    columns = ("cluster", "names", *(("stability",) if measured else ()), "label", "most central")
    rows = [
        (
            number,
            cluster.size,
            *((cluster.stability,) if measured else ()),
            cluster.label,
            ", ".join(cluster.exemplars[:_N_EXAMPLES]),
        )
        for number, cluster in enumerate(clusters)
    ]
    return Table(columns, rows, "clusters", bars=("names", "stability"))


def _agreement_table(agreement: Sequence[LabelAgreement]) -> Table:
    columns = ("property", "names", "values", "beyond chance", "p", "neighbours alike",
               "alike by chance")  # fmt: skip
    rows, muted = [], []
    by_gain = sorted(
        agreement, key=lambda row: -math.inf if (gain := row.beyond_chance) is None else gain
    )
    for at, row in enumerate(reversed(by_gain)):
        near, found = row.with_neighbours, row.with_clusters
        shares = (percent(near.share), percent(near.by_chance, 1)) if near else (None, None)
        p = p_words(found.p_mutual_information, found.n_permutations) if found else None
        rows.append((row.label, row.n_names, row.n_values, row.beyond_chance, p, *shares))
        if found is None or found.p_mutual_information > 0.05:
            muted.append(at)
    title = "what the arrangement follows"
    return Table(columns, rows, title, bars=("beyond chance",), muted=muted)
