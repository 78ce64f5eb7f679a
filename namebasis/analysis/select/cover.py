"""Choose rows so that every row is near a chosen one: facility location, by lazy greedy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from namebasis.analysis.select.room import Room
from namebasis.checks import BoolArray, Float64Array, FloatArray, IntArray, Progress

BLOCK = 512  # candidates whose similarities are computed at a time
_BATCH = 64  # candidates whose gain is computed again at a time
_POOL = 8192  # candidates of the largest bounds, among which the best mostly is


@dataclass(frozen=True, eq=False)
class Choice:
    """Rows in the order of their choice.

    Attributes
    ----------
    rows : ndarray of shape (n_chosen,), int64
        Fewer than were asked for where the limits left no more.
    values : ndarray of shape (n_chosen,), float64
        The objective of the rows up to each.
    reached : float
        The objective of all.
    """

    rows: IntArray
    values: Float64Array
    reached: float


def cover(
    candidates: FloatArray,
    demand: FloatArray,
    n: int,
    room: Room,
    rows: IntArray | None = None,
    *,
    power: int = 1,
    progress: Progress | None = None,
) -> Choice:
    """Choose the rows that gain most, one after another.

    The objective is the mean over the demand of the largest cosine to a chosen row, or 0 where
    none is above 0. It is monotone and submodular, so the greedy choice reaches at least 1 - 1/e
    of the best [1]_, and a gain that was computed before bounds the gain now: only candidates
    whose bound is high enough are computed again [2]_. Similarities exist for a block of
    candidates at a time.

    Parameters
    ----------
    candidates : ndarray of shape (n_rows, n_features)
        Unit rows, or zero for a row without a direction, which gains nothing.
    demand : ndarray of shape (n_demand, n_features)
        Unit rows that are to be near a chosen one.
    n : int
        How many to choose in all; what the room holds already counts.
    room : Room
        Grows by the rows chosen; those that it holds already cover before any other.
    rows : ndarray of shape (n_rows,), int64, optional
        The room's rows that the candidates are, ascending; by default all of them. Those that the
        room holds must be among them.
    power : int
        To which the cosines are raised: 2 counts what of a row's length a chosen one explains.
    progress : callable, optional
        Called with rows chosen and `n`.

    Returns
    -------
    Choice
        All rows of the room.

    References
    ----------
    .. [1] Nemhauser, Wolsey and Fisher (1978), An analysis of approximations for maximizing
       submodular set functions, Mathematical Programming 14.
    .. [2] Minoux (1978), Accelerated greedy algorithms for maximizing submodular set functions.
    """
    state = _Coverage(candidates, demand, power)
    every = np.arange(len(room.open)) if rows is None else rows
    values = [state.add(at) for at in np.searchsorted(every, room.chosen)]
    state.bound(np.flatnonzero(room.open[every]))
    while len(room.chosen) < n:
        is_open = room.open[every]
        if not is_open.any():
            break
        at = state.best(is_open)
        room.take(int(every[at]))
        values.append(state.add(at))
        if progress is not None:
            progress(len(values), n)
    return Choice(np.array(room.chosen, np.int64), np.array(values), values[-1] if values else 0.0)


class _Coverage:
    """What is covered so far, and what each candidate would add at most."""

    def __init__(self, candidates: FloatArray, demand: FloatArray, power: int) -> None:
        self._candidates, self._demand, self._power = candidates, demand, power
        self._nearest = np.zeros(len(demand), np.float32)
        self._bounds = np.full(len(candidates), -1.0)
        self._pool, self._floor = np.empty(0, np.int64), np.inf

    def add(self, row: int | np.int64) -> float:
        """Choose a row; the objective with it."""
        self._nearest = np.maximum(self._nearest, self._near(self._candidates[row]))
        return float(self._nearest.mean(dtype=np.float64))

    def bound(self, rows: IntArray) -> None:
        """Compute the gains of rows anew."""
        for start in range(0, len(rows), BLOCK):
            part = rows[start : start + BLOCK]
            self._bounds[part] = self._gains(self._near(self._candidates[part]))

    def best(self, is_open: BoolArray) -> int:
        """The open row of the largest gain, the first of equal ones."""
        self._bounds[~is_open] = -1.0
        fresh = np.zeros(len(self._bounds), bool)
        while True:
            stale = self._pool[~fresh[self._pool] & (self._bounds[self._pool] >= 0)]
            batch = stale[_largest(self._bounds[stale], _BATCH)]
            self._bounds[batch] = self._gains(self._near(self._candidates[batch]))
            fresh[batch] = True
            top = -1
            if self._pool.size:
                bounds = self._bounds[self._pool]
                top = int(self._pool[np.flatnonzero(bounds == bounds.max())].min())
            if top < 0 or self._bounds[top] < self._floor or self._bounds[top] < 0:
                self._fill_pool()
            elif fresh[top]:
                return top

    def _fill_pool(self) -> None:
        """Hold the largest bounds; no row outside the pool has a larger one than `_floor`."""
        self._pool = _largest(self._bounds, _POOL)
        is_all = len(self._pool) == len(self._bounds)
        self._floor = -1.0 if is_all else float(self._bounds[self._pool].min())

    def _gains(self, near: FloatArray) -> Float64Array:
        """What rows of these similarities add to the mean of the demand; overwrites `near`."""
        near -= self._nearest
        np.maximum(near, 0.0, out=near)
        return np.asarray(near.sum(axis=1) / len(self._demand), dtype=np.float64)

    def _near(self, rows: FloatArray) -> FloatArray:
        near = rows @ self._demand.T
        np.maximum(near, 0.0, out=near)
        return near if self._power == 1 else near**self._power


def _largest(bounds: Float64Array, n: int) -> IntArray:
    """Places of the n largest bounds, ascending."""
    if len(bounds) <= n:
        return np.arange(len(bounds))
    return np.sort(np.argpartition(bounds, len(bounds) - n)[len(bounds) - n :])
