"""Names of a space in public records, which write them without accents and joints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from namebasis.checks import IntArray
from namebasis.namespace.corpus.folding import letters_key

_N_EXAMPLES = 5


@dataclass(frozen=True)
class Matching:
    """How the names of a space were found in records.

    Attributes
    ----------
    n_asked : int
        Names of the part that the records are of.
    n_exact : int
        Found as they are written, whatever their capitals.
    n_by_letters : int
        Found by their letters alone: Zoë as Zoe, Anne-Marie as Annemarie.
    n_merged : int
        Left out since another spelling of the same name in the records was taken.
    merged : tuple of str
        Up to five of those.
    n_lost : int
        Not in the records.
    lost : tuple of str
        Up to five of those.
    n_lost_marked : int
        Of the lost ones, those with an accent, an apostrophe, a hyphen, a space or another script.
    """

    n_asked: int
    n_exact: int
    n_by_letters: int
    n_merged: int
    merged: tuple[str, ...]
    n_lost: int
    lost: tuple[str, ...]
    n_lost_marked: int

    def told(self) -> str:
        """Return the counts as a sentence."""
        parts = [
            f"of {self.n_asked:,} names {self.n_exact:,} are in the records as written and "
            f"{self.n_by_letters:,} by their letters alone"
        ]
        if self.n_merged:
            parts.append(
                f"{self.n_merged:,} more are other spellings of those (such as "
                f"{', '.join(self.merged)})"
            )
        if self.n_lost:
            parts.append(
                f"{self.n_lost:,} are not in the records (such as {', '.join(self.lost)}), "
                f"{self.n_lost_marked:,} of them with an accent, a joint or another script"
            )
        return "; ".join(parts)


def match(
    asked: Sequence[tuple[int, str, str]],
    known: Sequence[tuple[str, str]],
    *,
    longest: int | None = None,
) -> tuple[IntArray, IntArray, Matching]:
    """Find names in records by their spelling, else by their letters alone.

    Of several spellings in the space that the records write as one, that nearest to theirs stands.

    Parameters
    ----------
    asked : sequence of (row, name, part)
        Names of the space.
    known : sequence of (name, part)
        Names of the records, in their order.
    longest : int, optional
        Letters at which the records cut names off.

    Returns
    -------
    rows : ndarray of shape (n,), int64
        Of the space, ascending.
    places : ndarray of shape (n,), int64
        In the records.
    matching : Matching
    """
    exact: dict[tuple[str, str], int] = {}
    letters: dict[tuple[str, str], int] = {}
    for at, (name, part) in enumerate(known):
        exact.setdefault((name.casefold(), part), at)
        letters.setdefault((letters_key(name), part), at)
    # Of each record: how far the spelling is from its own, the row, the name.
    best: dict[int, tuple[int, int, str]] = {}
    merged: list[str] = []
    lost: list[str] = []
    for row, name, part in asked:
        key = letters_key(name)
        place: int | None = exact.get((name.casefold(), part))
        distance = 0
        if place is None:
            place, distance = letters.get((key, part)), 1
        if place is None and longest is not None and len(key) > longest:
            place, distance = letters.get((key[:longest], part)), 2
        if place is None:
            lost.append(name)
            continue
        found = (distance, row, name)
        before = best.get(place)
        if before is None:
            best[place] = found
        else:
            best[place] = min(before, found)
            merged.append(max(before, found)[2])
    pairs = sorted((row, place) for place, (_, row, _) in best.items())
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    n_exact = sum(distance == 0 for distance, _, _ in best.values())
    return table[:, 0], table[:, 1], Matching(
        len(asked), n_exact, len(best) - n_exact, len(merged), tuple(merged[:_N_EXAMPLES]),
        len(lost), tuple(lost[:_N_EXAMPLES]), sum(map(_is_marked, lost)),
    )  # fmt: skip


def _is_marked(name: str) -> bool:
    return not (name.isascii() and name.isalpha())
