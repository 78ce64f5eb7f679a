"""A set of row numbers as one bit a row: what a search is given of a filter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from namebasis.checks import IntArray

Bits = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class RowSet:
    """Some of the rows 0 to n_rows - 1; never changed once it is made.

    Attributes
    ----------
    n_rows : int
        Of all, those of the set and the others.
    bits : ndarray of shape (ceil(n_rows / 8),), uint8
        The bit 2^(i % 8) of byte i // 8 says whether row i is in the set; those behind the last
        row are 0.
    """

    n_rows: int
    bits: Bits

    @classmethod
    def of_mask(cls, mask: npt.NDArray[np.bool_]) -> RowSet:
        """The rows where a mask of shape (n_rows,) is true."""
        return cls(len(mask), np.packbits(mask, bitorder="little"))

    @classmethod
    def of_ids(cls, ids: IntArray, n_rows: int) -> RowSet:
        """The rows of these numbers, in any order and repeated or not.

        Raises
        ------
        ValueError
            If one is not from 0 to n_rows - 1.
        """
        ids = np.asarray(ids, dtype=np.int64)
        if ids.size and (ids.min() < 0 or ids.max() >= n_rows):
            raise ValueError(
                f"allowed must hold row numbers from 0 to {n_rows - 1}; "
                f"got {ids.min()} to {ids.max()}."
            )
        mask = np.zeros(n_rows, dtype=bool)
        mask[ids] = True
        return cls.of_mask(mask)

    @cached_property
    def count(self) -> int:
        """Rows in the set."""
        return int(np.bitwise_count(self.bits).sum(dtype=np.int64))

    @property
    def ids(self) -> IntArray:
        """Their numbers, ascending; a fresh array each time."""
        bits = np.unpackbits(self.bits, count=self.n_rows, bitorder="little")
        return np.flatnonzero(bits).astype(np.int64, copy=False)

    def split(self, row: int) -> tuple[RowSet, RowSet]:
        """The set before a row, and from it on, counted from there."""
        first = self.bits[: (row + 7) // 8].copy()
        if row % 8:
            first[-1] &= (1 << row % 8) - 1
        rest = np.unpackbits(
            self.bits[row // 8 :], count=self.n_rows - row // 8 * 8, bitorder="little"
        )
        return RowSet(row, first), RowSet.of_mask(rest[row % 8 :].astype(bool))
