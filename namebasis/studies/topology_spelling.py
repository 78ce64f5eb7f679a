"""What changes in an arrangement when the part that spelling predicts is taken out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from namebasis.analysis.agreement import Agreement, NeighbourShare, agreement
from namebasis.analysis.hubness import neighbour_overlap
from namebasis.namespace.unspelled import UnspelledFacts
from namebasis.studies.arrangement import Arrangement, Settings
from namebasis.studies.topology_report import LabelAgreement


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
        Share of a name's neighbours that it keeps, and what random neighbours would give.
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

    def sentence(self) -> str:
        """What changes, in words."""
        parts = [f"Pieces predict {self.explained:.0%} of the variance of the vectors"]
        before, after = self.text.common_piece, self.unspelled.common_piece
        if before is not None and after is not None:
            parts.append(
                f"without that part, {after.share:.0%} of near neighbours share a piece instead "
                f"of {before.share:.0%} ({after.by_chance:.1%} by chance)"
            )
        parts.append(f"{self.kept_neighbours:.0%} of neighbours stay")
        for label in ("locale", "gender"):
            shares = [_share(view, label) for view in (self.text, self.unspelled)]
            if shares[0] is not None and shares[1] is not None:
                parts.append(
                    f"{label} is shared by {shares[1].share:.0%} of neighbours instead of "
                    f"{shares[0].share:.0%} ({shares[0].by_chance:.0%} by chance)"
                )
        return "; ".join(parts) + "."


def compare_spelling(
    text: Arrangement, unspelled: Arrangement, made: UnspelledFacts, settings: Settings
) -> SpellingComparison:
    """Put two arrangements of the same names side by side."""
    n = text.graph.n_rows
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
        kept_neighbours=neighbour_overlap(text.graph, unspelled.graph),
        kept_by_chance=text.graph.k / (n - 1),
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
