"""Two encoders side by side: how each arranges the names that both spaces hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.clusters.agreement import Agreement, agreement
from namebasis.analysis.shape.layout import align
from namebasis.checks import Progress, check_seed
from namebasis.encoders.specs import without_folders
from namebasis.results import Table
from namebasis.studies.topology import study as topology
from namebasis.studies.topology.arrangement import agreement_figures
from namebasis.studies.topology.files import Report
from namebasis.studies.topology.moves import Moves, moves
from namebasis.studies.topology.overlap import SpaceOverlap, overlap
from namebasis.studies.topology.results import TopologyReport
from namebasis.wording import percent, z_score

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace


@dataclass(frozen=True)
class ClusterMatch:
    """Where the names of one cluster are in the other space.

    Attributes
    ----------
    cluster : int
        Of the left space.
    match : int or None
        The cluster of the right space with the largest Jaccard index; None where none of its
        names is in a cluster there.
    jaccard : float
        Names in both over names in either, in [0, 1].
    share : float
        Of its names that are in the match.
    """

    cluster: int
    match: int | None
    jaccard: float
    share: float


@dataclass(frozen=True, repr=False, eq=False)
class TopologyComparison(Report):
    """Two arrangements of the same n names.

    Attributes
    ----------
    left, right : TopologyReport
        Of the matched names alone, in the same order. The right map is turned and scaled onto
        the left one.
    overlap : SpaceOverlap
        Neighbours that both spaces give.
    between : Agreement or None
        Of both clusterings, over names that both put in a cluster; None where one of them has
        fewer than two clusters.
    matches : tuple of ClusterMatch
        Per cluster of the left space.
    moves : Moves
        Which names lie elsewhere among the others on the right, and where they went.
    titles : tuple of two str
        What tells the two apart.

    See Also
    --------
    namebasis.studies.topology.compare : Makes one.
    """

    _page = "namebasis.studies.topology.pages.page:html_of_comparison"
    _figure = "namebasis.studies.topology.pages.page:draw"
    _figures = "namebasis.studies.topology.pages.page:figures_of"

    left: TopologyReport
    right: TopologyReport
    overlap: SpaceOverlap
    between: Agreement | None
    matches: tuple[ClusterMatch, ...]
    moves: Moves
    titles: tuple[str, str]

    def __len__(self) -> int:
        return len(self.left)

    def to_arrow(self) -> pa.Table:
        """One row per matched name: name, overlap, moved, and every column of either report."""
        shares = self.overlap.to_arrow()["overlap"]
        moved = pa.array(self.moves.moved, from_pandas=True)
        names = self.left.to_arrow()["name"]
        table = pa.table({"name": names, "overlap": shares, "moved": moved})
        for side, report in (("left", self.left), ("right", self.right)):
            own = report.to_arrow().drop_columns(["name"])
            for column in own.column_names:
                table = table.append_column(f"{side}_{column}", own[column])
        return table

    def to_dict(self) -> dict[str, Any]:
        """Everything but the rows per name, as plain JSON values."""
        return {
            "titles": list(self.titles),
            "n_names": len(self),
            "parameters": self.overlap.parameters,
            "provenance": {"left": self.left.provenance, "right": self.right.provenance},
            "overlap": self.overlap.to_dict(),
            "between": asdict(self.between) if self.between else None,
            "matches": [asdict(match) for match in self.matches],
            "moves": self.moves.to_dict(),
            "left": self.left.to_dict(),
            "right": self.right.to_dict(),
        }

    def headline(self) -> str:
        """What agrees, beside chance, and over how many names; then what moved."""
        return f"{self.finding()} {self.moves.sentence(self.titles)}"

    def tables(self) -> list[Table]:
        """Figures of both sides, the neighbours that both give, and the names that moved."""
        figures = Table(("figure", *self.titles), self.rows())
        # Of its three rows the headline says the last.
        shared = replace(self.overlap.tables()[0], detail=True)
        return [figures, shared, self.moves.table()]

    def finding(self) -> str:
        """What agrees, in two sentences."""
        words = self.overlap.sentence(self.titles)
        if self.between is None:
            return f"{words} One of them has too few clusters to compare."
        # What rounds to nothing has no sign.
        chance = round(self.between.null_adjusted_rand, 2) + 0
        return (
            f"{words} Their clusters agree with an adjusted Rand index of "
            f"{self.between.adjusted_rand:.2f} ({chance:.2f} by chance) over the "
            f"{self.between.n_rows:,} names that both put in a cluster."
        )

    def rows(self) -> list[tuple[str, str, str]]:
        """Figures of both sides: what, left, right."""
        left, right = _figures(self.left), _figures(self.right)
        return [(label, left.get(label, "–"), right.get(label, "–"))
                for label in dict.fromkeys([*left, *right])]  # fmt: skip

    def notes(self) -> list[str]:
        """What a reader should know, from both sides and of the match."""
        told = self.overlap.remarks_of(self.titles)
        for title, report in zip(self.titles, (self.left, self.right), strict=True):
            told += [f"{title}: {note}" for note in report.remarks]
        return told


def compare(
    left: StoredSpace,
    right: StoredSpace,
    *,
    view: str = "text",
    right_view: str | None = None,
    k: int = 15,
    where: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    **options: Any,
) -> TopologyComparison:
    """Arrange the names that two spaces share in either, and say what agrees.

    Parameters
    ----------
    left, right : Space
        Two spaces, or one with two views.
    view, right_view : str
        Which vectors; `right_view` is `view` unless given.
    k, where, seed, progress
        As for `topology.report`; `where` is over the columns of `left`.
    **options
        Others of `topology.report`, for both; but not `max_points`, whose samples would differ.

    Returns
    -------
    TopologyComparison

    Raises
    ------
    FilterError, SpaceError, ValueError
        As `topology.report` and `space_overlap.overlap`; ValueError too where a space is compared
        with itself or `max_points` is given.
    """
    seed = check_seed(seed)
    if options.get("max_points") is not None:
        raise ValueError(
            "max_points would draw other names on either side; choose names with where instead."
        )
    right_view = right_view or view
    if left.path.resolve() == right.path.resolve() and view == right_view:
        raise ValueError(
            f"{left.path} would be compared with itself; give another space or another view of it."
        )
    found = overlap(
        left, right, view=view, right_view=right_view, k=k, where=where, seed=seed,
        progress=_part(progress, 0),
    )  # fmt: skip
    first = topology.report(
        left, view=view, k=k, ids=found.left_ids, seed=seed, progress=_part(progress, 1), **options
    )
    second = topology.report(
        right, view=right_view, k=k, ids=found.right_ids, seed=seed, progress=_part(progress, 2),
        **options,
    )  # fmt: skip
    second = replace(second, places=align(second.places, first.places))
    return TopologyComparison(
        left=first,
        right=second,
        overlap=found,
        between=agreement(first.labels, second.labels, seed=seed),
        matches=match_clusters(first, second),
        moves=moves(
            first.names,
            left.vectors(view, ids=found.left_ids),
            right.vectors(right_view, ids=found.right_ids),
            seed=seed,
        ),
        titles=_titles(first, second),
    )


def _part(progress: Progress | None, number: int) -> Progress | None:
    """The progress of one of three parts, each ten steps of the whole."""
    if progress is None:
        return None
    return lambda done, total: progress(10 * number + 10 * done // max(total, 1), 30)


def match_clusters(left: TopologyReport, right: TopologyReport) -> tuple[ClusterMatch, ...]:
    """For each cluster on the left the one on the right that shares the most with it."""
    n_left, n_right = left.n_clusters, right.n_clusters
    both = (left.labels >= 0) & (right.labels >= 0)
    pairs = left.labels[both] * max(n_right, 1) + right.labels[both]
    shared = np.bincount(pairs, minlength=n_left * max(n_right, 1)).reshape(n_left, max(n_right, 1))
    left_sizes = np.array([cluster.size for cluster in left.clusters])
    right_sizes = np.array([cluster.size for cluster in right.clusters])
    found = []
    for cluster in range(n_left):
        row = shared[cluster, :n_right]
        if not row.any():
            found.append(ClusterMatch(cluster, None, 0.0, 0.0))
            continue
        jaccard = row / (left_sizes[cluster] + right_sizes - row)
        best = int(jaccard.argmax())
        share = float(row[best] / left_sizes[cluster])
        found.append(ClusterMatch(cluster, best, float(jaccard[best]), share))
    return tuple(found)


def _titles(left: TopologyReport, right: TopologyReport) -> tuple[str, str]:
    """The shortest words that tell two reports apart."""
    choices: tuple[Callable[[Mapping[str, Any], Mapping[str, Any]], str], ...] = (
        lambda source, parameters: without_folders(str(source["encoder"])),
        lambda source, parameters: str(source["encoder"]),
        lambda source, parameters: str(source["space"]),
        lambda source, parameters: f"{source['space']}, {parameters['view']} view",
        lambda source, parameters: (
            f"{without_folders(source['encoder'])}, {', '.join(source['templates'])}"
        ),
    )
    for words in choices:
        titles = (
            words(left.provenance, left.parameters),
            words(right.provenance, right.parameters),
        )
        if titles[0] != titles[1]:
            return titles
    return "left", "right"


def _figures(report: TopologyReport) -> dict[str, str]:
    """A side's figures, as they are shown."""
    found = {
        "different vectors": f"{report.n_distinct:,}",
        "clusters": f"{report.n_clusters:,}",
        "in no cluster": percent(report.noise_share),
    }
    shape = report.shape
    if shape is not None:
        whole = shape.entropy.whole
        found["entropy"] = f"{whole.bits:.2f} bits ({percent(whole.share)})"
        for null in shape.entropy.nulls:
            found[f"entropy’s z, {null.null}"] = z_score(null.z)
        found["intrinsic dimension"] = f"{shape.dimension.likelihood:.1f}"
        found["skew of in-degrees"] = f"{shape.hubs.skewness:.2f}"
        found["nobody’s neighbour"] = f"{percent(shape.hubs.anti_hub_share)}"
        found["communities’ modularity"] = f"{shape.graph.modularity:.2f}"
    return found | agreement_figures(report.agreement, report.common_piece)
