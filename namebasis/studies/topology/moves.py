"""Which names lie elsewhere among the others in a second space, and where they went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from namebasis.analysis.shape.moves import approached, row_moves
from namebasis.checks import Float64Array, FloatArray, IntArray
from namebasis.results import Table, plain_dict
from namebasis.wording import listed

_ANCHORS = 3000
"""Names that all are measured by."""
_N_MOVED = 50
_N_TERMINAL = 5
_N_TOWARD = 3
_FENCE = 3.0
"""Interquartile ranges above the upper quartile: Tukey's outer fence (1977)."""


@dataclass(frozen=True)
class MovedName:
    """A name that moved.

    Attributes
    ----------
    row : int
        Its position among the matched names.
    name : str
    moved : float
    nearer, farther : tuple of str
        Names that it came nearer to and went away from most.
    """

    row: int
    name: str
    moved: float
    nearer: tuple[str, ...]
    farther: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Moves:
    """How far each matched name moved from the left space to the right one.

    Attributes
    ----------
    moved : ndarray of shape (n_names,), float64
        One less the correlation of its centred similarities to other names in both spaces: 0 for
        the same place among them, 1 for an unrelated one; NaN where it has none.
    most : tuple of MovedName
        Those that moved most.
    median : float
    fence : float
        Names beyond it moved more than the rest: upper quartile and 3 interquartile ranges.
    n_beyond : int
    repeats : float
        Rank correlation of what two halves of the other names say, in [-1, 1]: how far the order
        of names depends on what they are measured by.
    n_anchors : int
        Names that they are measured by.
    """

    moved: Float64Array
    most: tuple[MovedName, ...]
    median: float
    fence: float
    n_beyond: int
    repeats: float
    n_anchors: int

    def sentence(self, titles: tuple[str, str]) -> str:
        """Which name moved most, where to, and whether that is much."""
        if not self.most:
            return "How far names moved is not defined: all vectors of a side are equal."
        first = self.most[0]
        most = f"{first.name} ({first.moved:.2f}, half of the names {self.median:.2f} or less)"
        to = f", nearer to {listed(first.nearer)} in {titles[1]}" if first.nearer else ""
        if not self.n_beyond:
            return f"No name moved much more than the rest; most did {most}{to}."
        them = "1 name moved" if self.n_beyond == 1 else f"{self.n_beyond:,} names moved"
        return f"{them} much more than the rest, most of all {most}{to}."

    def table(self) -> Table:
        """The names that moved most."""
        rows = [(one.name, one.moved, one.nearer, one.farther) for one in self.most[:_N_TERMINAL]]
        columns = ("name", "moved", "came nearer to", "went away from")
        return Table(columns, rows, "names that moved most", bars=("moved",))

    def to_dict(self) -> dict[str, Any]:
        """Everything but the values per name."""
        found = asdict(self)
        del found["moved"]
        return plain_dict(found)

    def medians(self, labels: IntArray, n_clusters: int) -> list[float]:
        """Median of each cluster's names; NaN where none has one."""
        found = []
        for cluster in range(n_clusters):
            own = self.moved[labels == cluster]
            own = own[np.isfinite(own)]
            found.append(float(np.median(own)) if own.size else float("nan"))
        return found

    def ranges(self) -> tuple[list[str], tuple[str, ...]]:
        """Every name's range of movement, to colour it by, and the ranges in order."""
        told = self.moved[np.isfinite(self.moved)]
        if not told.size:
            return [""] * self.moved.size, ()
        borders = np.unique(np.quantile(told, (0, 0.5, 0.75, 0.9, 0.99, 1)).round(3))
        words = [f"{low:.3f} to {high:.3f}" for low, high in pairwise(borders)]
        if not words:
            return [""] * self.moved.size, ()
        at = np.clip(np.searchsorted(borders, self.moved, side="left") - 1, 0, len(words) - 1)
        ranges = [
            words[where] if np.isfinite(value) else ""
            for where, value in zip(at, self.moved, strict=True)
        ]
        return ranges, tuple(words)


def moves(names: Sequence[str], left: FloatArray, right: FloatArray, *, seed: int) -> Moves:
    """Say which names moved between two spaces, and where to.

    Parameters
    ----------
    names : sequence of n str
    left, right : ndarrays of shape (n, …), float32
        Their vectors in either space.
    seed : int
        Of the names that all are measured by, where there are more than 3,000.
    """
    rng = np.random.default_rng(seed)
    anchors = rng.permutation(len(names))[:_ANCHORS]
    moved = row_moves(left, right, anchors)
    told = np.flatnonzero(np.isfinite(moved))
    order = told[np.argsort(-moved[told], kind="stable")][:_N_MOVED]
    quartiles = np.quantile(moved[told], (0.25, 0.5, 0.75)) if told.size else np.full(3, np.nan)
    fence = float(quartiles[2] + _FENCE * (quartiles[2] - quartiles[0]))
    beyond = told[moved[told] > fence]
    # What moved by itself is nothing that a name which hardly moved came nearer to.
    n = min(beyond.size, order.size)
    places = [
        approached(left, right, rows, _N_TOWARD, left_out)
        for rows, left_out in ((order[:n], None), (order[n:], beyond))
    ]
    nearer, farther = ([row for pair in places for row in pair[side]] for side in (0, 1))
    return Moves(
        moved=moved,
        most=tuple(
            MovedName(
                int(row), names[row], float(moved[row]),
                tuple(names[one] for one in near), tuple(names[one] for one in far),
            )
            for row, near, far in zip(order, nearer, farther, strict=True)
        ),
        median=float(quartiles[1]),
        fence=fence,
        n_beyond=beyond.size,
        repeats=_repeats(left, right, anchors),
        n_anchors=anchors.size,
    )  # fmt: skip


def _repeats(left: FloatArray, right: FloatArray, anchors: IntArray) -> float:
    """Rank correlation of how far names move by one half of the anchors and by the other."""
    from scipy.stats import rankdata

    if anchors.size < 6:
        return float("nan")
    halves = [row_moves(left, right, half) for half in (anchors[::2], anchors[1::2])]
    told = np.isfinite(halves[0]) & np.isfinite(halves[1])
    ranks = [rankdata(half[told]) for half in halves]
    if told.sum() < 3 or any(np.ptp(side) == 0 for side in ranks):
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])
