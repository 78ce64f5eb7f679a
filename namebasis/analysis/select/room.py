"""Which rows may still be chosen: limits on a subset, kept while it grows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from namebasis.checks import BoolArray, IntArray

Alike = Callable[[int], Iterable[int]]
"""Gives the rows that must not stand beside a row, such as other spellings of a name."""


@dataclass(frozen=True, eq=False)
class AtMost:
    """At most so many chosen rows of each group; a row may be in several groups.

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


@dataclass(eq=False)
class Room:
    """Rows that may still be chosen, given those that are.

    Attributes
    ----------
    open : ndarray of shape (n,), bool
    chosen : list of int
        In the order of their choice.
    """

    limits: Limits
    open: BoolArray = field(init=False)
    chosen: list[int] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.open = self.limits.allowed.copy()
        n = len(self.open)
        self._members = [_by(one.groups, one.rows) for one in self.limits.at_most]
        self._groups = [_by(one.rows, one.groups, n) for one in self.limits.at_most]
        self._taken = [np.zeros(len(starts) - 1, np.int64) for starts, _ in self._members]
        self._left = self.limits.budget
        self._close_dear()

    def take(self, row: int) -> None:
        """Choose a row, and close it and all that may not stand beside it any more."""
        self.chosen.append(row)
        self.open[row] = False
        for which, one in enumerate(self.limits.at_most):
            starts, groups = self._groups[which]
            for group in groups[starts[row] : starts[row + 1]]:
                self._taken[which][group] += 1
                if self._taken[which][group] >= one.most:
                    first, members = self._members[which]
                    self.open[members[first[group] : first[group + 1]]] = False
        if self.limits.alike is not None:
            self.open[list(self.limits.alike(row))] = False
        if self.limits.costs is not None:
            self._left -= int(self.limits.costs[row])
            self._close_dear()

    def _close_dear(self) -> None:
        if self.limits.costs is not None:
            self.open &= self.limits.costs <= self._left


def _by(keys: IntArray, values: IntArray, n: int | None = None) -> tuple[IntArray, IntArray]:
    """Values grouped by their key: where each key's begin, and the values."""
    order = np.argsort(keys, kind="stable")
    counts = np.bincount(keys, minlength=n or 0)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), values[order]
