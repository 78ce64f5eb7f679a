"""Token ids of many texts in two flat arrays: rows of different lengths without padding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

import numpy as np
import numpy.typing as npt

TokenArray = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ragged:
    """Rows of token ids; row i is ``ids[offsets[i]:offsets[i + 1]]``.

    Attributes
    ----------
    ids : ndarray of shape (n_tokens,), int32
    offsets : ndarray of shape (n_rows + 1,), int64
        Starts at 0, never decreases, ends at n_tokens.
    """

    ids: TokenArray
    offsets: Offsets

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[int]]) -> Self:
        """Join rows of ids."""
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        offsets = _offsets(lengths)
        flat = chain.from_iterable(rows)
        return cls(np.fromiter(flat, dtype=np.int32, count=int(offsets[-1])), offsets)

    @classmethod
    def concatenate(cls, parts: Iterable[Ragged]) -> Self:
        """Stack the rows of several."""
        kept = list(parts)
        if not kept:
            return cls(np.zeros(0, np.int32), np.zeros(1, np.int64))
        lengths = np.concatenate([part.lengths for part in kept])
        return cls(np.concatenate([part.ids for part in kept]), _offsets(lengths))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Offsets:
        """Tokens per row, of shape (n_rows,)."""
        return np.diff(self.offsets)

    def rows(self) -> list[TokenArray]:
        """One array of ids per row (views)."""
        return np.split(self.ids, self.offsets[1:-1]) if len(self) else []

    def take(self, rows: npt.NDArray[np.integer]) -> Ragged:
        """The rows at `rows`, in that order."""
        lengths = self.lengths[rows]
        offsets = _offsets(lengths)
        shift = self.offsets[:-1][rows] - offsets[:-1]
        return Ragged(self.ids[np.arange(offsets[-1]) + np.repeat(shift, lengths)], offsets)

    def cut(self, lengths: npt.NDArray[np.integer]) -> Ragged:
        """Each row's first ``lengths[i]`` ids (which must not exceed the row's own length)."""
        offsets = _offsets(lengths)
        shift = self.offsets[:-1] - offsets[:-1]
        return Ragged(self.ids[np.arange(offsets[-1]) + np.repeat(shift, lengths)], offsets)

    def padded(self, width: int | None = None, fill: int = 0) -> TokenArray:
        """A matrix of shape (n_rows, width), short rows filled up on the right with `fill`.

        Raises
        ------
        ValueError
            If a row is longer than `width`.
        """
        lengths = self.lengths
        longest = int(lengths.max(initial=0))
        width = longest if width is None else width
        if longest > width:
            raise ValueError(f"width must be at least {longest}, the longest row; got {width}.")
        matrix = np.full((len(self), width), fill, dtype=np.int32)
        matrix[np.arange(width) < lengths[:, None]] = self.ids
        return matrix

    def wrapped(self, before: Sequence[int], after: Sequence[int]) -> Ragged:
        """Every row with the ids `before` in front of it and `after` behind it."""
        extra = len(before) + len(after)
        offsets = self.offsets + extra * np.arange(len(self) + 1)
        ids = np.empty(int(offsets[-1]), dtype=np.int32)
        starts, ends = offsets[:-1, None], offsets[1:, None]
        ids[starts + np.arange(len(before))] = np.asarray(before, dtype=np.int32)
        ids[ends - len(after) + np.arange(len(after))] = np.asarray(after, dtype=np.int32)
        shift = offsets[:-1] + len(before) - self.offsets[:-1]
        ids[np.arange(len(self.ids)) + np.repeat(shift, self.lengths)] = self.ids
        return Ragged(ids, offsets)


def _offsets(lengths: npt.NDArray[np.integer]) -> Offsets:
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
