"""Which rows may still be chosen: limits on a subset, kept while it grows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from namebasis.checks import BoolArray, IntArray

Alike = Callable[[int], Iterable[int]]
"""Gives the rows that must not stand beside a row, such as other spellings of a name."""


@dataclass(frozen=True, eq=False)
class AtMost:
    """A limit to the chosen rows of each group; a row may be in several groups.

    Attributes
    ----------
    what : str
        What the groups are, for messages.
    most : int
    rows, groups : ndarrays of shape (n_memberships,), int64
        A row and a group that it is in; rows without a group are not limited.
    """

    what: str
    most: int
    rows: IntArray
    groups: IntArray


@dataclass(frozen=True, eq=False)
class Limits:
    """What a subset must keep to.

    Attributes
    ----------
    allowed : ndarray of shape (n,), bool
        Rows that may be chosen at all.
    at_most : sequence of AtMost
    alike : callable, optional
    costs : ndarray of shape (n,), int64, optional
        Of each row; the chosen rows together may cost at most `budget`.
    budget : int
    """

    allowed: BoolArray
    at_most: Sequence[AtMost] = ()
    alike: Alike | None = None
    costs: IntArray | None = None
    budget: int = 0


class Room:
    """Rows that may still be chosen, given those that are.

    Parameters
    ----------
    limits : Limits

    Attributes
    ----------
    chosen : list of int
        In the order of their choice.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.chosen: list[int] = []
        n = len(limits.allowed)
        # How many reasons keep each row out, so that they can go one by one.
        self._reasons = (~limits.allowed).astype(np.int32)
        self._members = [_by(one.groups, one.rows) for one in limits.at_most]
        self._groups = [_by(one.rows, one.groups, n) for one in limits.at_most]
        self._taken = [np.zeros(len(starts) - 1, np.int64) for starts, _ in self._members]
        self._left = limits.budget

    @property
    def open(self) -> BoolArray:
        """Which rows may be chosen next, shape (n,)."""
        is_open = np.asarray(self._reasons == 0)
        if self.limits.costs is not None:
            is_open &= self.limits.costs <= self._left
        return is_open

    def take(self, row: int) -> None:
        """Choose a row, which closes it and all that may not stand beside it any more."""
        self.chosen.append(row)
        self._count(row, 1)

    def drop(self, row: int) -> None:
        """Give a chosen row back."""
        self.chosen.remove(row)
        self._count(row, -1)

    def _count(self, row: int, step: int) -> None:
        self._reasons[row] += step
        for which, one in enumerate(self.limits.at_most):
            starts, groups = self._groups[which]
            for group in groups[starts[row] : starts[row + 1]]:
                was_full = self._taken[which][group] >= one.most
                self._taken[which][group] += step
                if was_full != (self._taken[which][group] >= one.most):
                    first, members = self._members[which]
                    self._reasons[members[first[group] : first[group + 1]]] += step
        if self.limits.alike is not None:
            others = [other for other in self.limits.alike(row) if other != row]
            self._reasons[others] += step
        if self.limits.costs is not None:
            self._left -= step * int(self.limits.costs[row])


def _by(keys: IntArray, values: IntArray, n: int | None = None) -> tuple[IntArray, IntArray]:
    """Values grouped by their key: where each key's begin, and the values."""
    order = np.argsort(keys, kind="stable")
    counts = np.bincount(keys, minlength=n or 0)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), values[order]
