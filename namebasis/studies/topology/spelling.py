"""What changes in an arrangement when the part that spelling predicts is taken out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from namebasis.analysis.clusters.agreement import Agreement, NeighbourShare, agreement
from namebasis.analysis.graph.hubness import countable_rows, row_overlap
from namebasis.analysis.graph.neighbours import KnnGraph, duplicate_groups
from namebasis.analysis.shape.layout import align, layout
from namebasis.checks import Float64Array, FloatArray, IntArray
from namebasis.namespace.building.unspelled import unspell
from namebasis.namespace.store.unspelled import VIEW, UnspelledFacts
from namebasis.studies.topology.arrangement import (
    Arrangement,
    LabelAgreement,
    Settings,
    agreement_figures,
    compare_labels,
    find_clusters,
    read_graph,
    read_vectors,
)
from namebasis.studies.topology.clusters import ClusterSummary, summarise_clusters
from namebasis.studies.topology.labels import Labels
from namebasis.wording import percent

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace


@dataclass(frozen=True)
class ViewArrangement:
    """One view in numbers.

    Attributes
    ----------
    view : str
    n_clusters : int
    noise_share : float
        Share of names in no cluster.
    agreement : tuple of LabelAgreement
    common_piece : NeighbourShare or None
        How often neighbours have a piece in common.
    """

    view: str
    n_clusters: int
    noise_share: float
    agreement: tuple[LabelAgreement, ...]
    common_piece: NeighbourShare | None


@dataclass(frozen=True)
class SpellingComparison:
    """The same names with and without the part of their vectors that pieces predict.

    Attributes
    ----------
    explained : float
        Share of the variance of `text` vectors that pieces predict, out of fold.
    explained_by_fold : tuple of float
    n_fitted : int
        Names that the prediction was fitted to.
    text, unspelled : ViewArrangement
    between : Agreement or None
        Of both clusterings, over names that both put in a cluster; None where one has fewer
        than two clusters.
    kept_neighbours, kept_by_chance : float
        Share of a name's neighbours that it keeps, and what random neighbours would give; the
        mean leaves out names whose nearest are a matter of order (see `countable_rows`).
    """

    explained: float
    explained_by_fold: tuple[float, ...]
    n_fitted: int
    text: ViewArrangement
    unspelled: ViewArrangement
    between: Agreement | None
    kept_neighbours: float
    kept_by_chance: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def rows(self) -> list[tuple[str, str, str]]:
        """Figures of both views: what, without spelling, with it."""
        sides = [
            {"clusters": f"{side.n_clusters:,}", "in no cluster": percent(side.noise_share)}
            | agreement_figures(side.agreement, side.common_piece)
            for side in (self.unspelled, self.text)
        ]
        return [(label, sides[0].get(label, "–"), sides[1].get(label, "–"))
                for label in dict.fromkeys([*sides[0], *sides[1]])]  # fmt: skip

    def sentence(self) -> str:
        """What changes, in words."""
        parts = [f"Pieces predict {percent(self.explained)} of the variance of the vectors"]
        before, after = self.text.common_piece, self.unspelled.common_piece
        if before is not None and after is not None:
            parts.append(
                f"without that part, {percent(after.share)} of near neighbours share a piece "
                f"instead of {percent(before.share)} ({percent(after.by_chance, 1)} by chance)"
            )
        parts.append(f"{percent(self.kept_neighbours)} of neighbours stay")
        for label in ("locale", "gender"):
            shares = [_share(view, label) for view in (self.text, self.unspelled)]
            if shares[0] is not None and shares[1] is not None:
                parts.append(
                    f"{label} is shared by {percent(shares[1].share)} of neighbours instead of "
                    f"{percent(shares[0].share)} ({percent(shares[0].by_chance)} by chance)"
                )
        return "; ".join(parts) + "."


@dataclass(frozen=True)
class SideMap:
    """Another arrangement of the same names, to be seen beside the report's.

    Attributes
    ----------
    view : str
    places, labels, probabilities, graph, clusters
        As those of `TopologyReport`; the map is turned and scaled onto the report's.
    """

    view: str
    places: FloatArray
    labels: IntArray
    probabilities: Float64Array
    graph: KnnGraph
    clusters: tuple[ClusterSummary, ...]


def open_unspelled(space: StoredSpace, view: str) -> tuple[StoredSpace, str]:
    """The space with the view without spelling, made where it is not there."""
    if view not in ("text", VIEW):
        raise ValueError(f"without spelling there is only the text view; got view={view!r}.")
    return (space if VIEW in space.views else unspell(space)), VIEW


def arrange_with_spelling(
    space: StoredSpace,
    ids: IntArray,
    labels: dict[str, Labels],
    pieces: list[list[str]],
    settings: Settings,
) -> Arrangement:
    """Arrange the same names by their whole vectors."""
    vectors = read_vectors(space, "text", ids)
    graph = read_graph(space, "text", ids, vectors, settings.k)
    return compare_labels(find_clusters("text", vectors, graph, settings), labels, pieces, settings)


def side_map(
    found: Arrangement,
    onto: FloatArray,
    names: list[str],
    values: dict[str, list[list[str]]],
    seed: int,
) -> SideMap:
    """Lay an arrangement out as the map beside another one, turned and scaled onto it."""
    places = layout(found.vectors, graph=found.graph, seed=seed)
    return SideMap(
        view=found.view,
        places=align(places, onto),
        labels=found.clusters.labels,
        probabilities=found.clusters.probabilities,
        graph=found.graph,
        clusters=summarise_clusters(names, found.vectors, found.clusters.labels, values),
    )


def compare_spelling(
    text: Arrangement, unspelled: Arrangement, made: UnspelledFacts, settings: Settings
) -> SpellingComparison:
    """Put two arrangements of the same names side by side."""
    n, k = text.graph.n_rows, text.graph.k
    groups = duplicate_groups(text.vectors), duplicate_groups(unspelled.vectors)
    kept = row_overlap(text.graph, unspelled.graph)[countable_rows(k, *groups)]
    return SpellingComparison(
        explained=made.mean_explained,
        explained_by_fold=made.explained,
        n_fitted=made.n_fitted,
        text=_in_numbers(text),
        unspelled=_in_numbers(unspelled),
        between=agreement(
            text.clusters.labels,
            unspelled.clusters.labels,
            n_permutations=settings.n_permutations,
            seed=settings.seed,
        ),
        kept_neighbours=float(kept.mean()),
        kept_by_chance=k / (n - 1),
    )


def _in_numbers(found: Arrangement) -> ViewArrangement:
    return ViewArrangement(
        view=found.view,
        n_clusters=found.clusters.n_clusters,
        noise_share=found.clusters.noise_share,
        agreement=found.agreement,
        common_piece=found.common_piece,
    )


def _share(view: ViewArrangement, label: str) -> NeighbourShare | None:
    return next((row.with_neighbours for row in view.agreement if row.label == label), None)
