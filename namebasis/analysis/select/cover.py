"""Choose rows so that every row is near a chosen one: facility location, by lazy greedy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.analysis.select.room import Room
from namebasis.checks import BoolArray, Float64Array, FloatArray, IntArray, Progress

BLOCK = 512  # candidates whose similarities are computed at a time
_PRODUCT = 2**25  # similarities that are computed at a time for the pool
_HELD = 3 * 2**25  # similarities that the pool holds, of 8 bytes each
_SMALLEST_POOL = 1024
_STRETCHED = 1.25  # so much more the pool may hold if that is all
_JUDGED = 128  # candidates by which the pool's size is judged
_BITS = 30  # of a similarity, so that sums of up to 2^23 of them are exact
_ROUNDING = 1e-4  # of sums in float32, with room to spare
MOST_BOUNDED = 2**18
"""Candidates that may all be chosen; of more, each step looks at a sample."""
LOOKED_AT = 2**13
"""Candidates of a sample, whatever n is: the first m chosen are the choice of m."""


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
    seed: int = 0,
    progress: Progress | None = None,
) -> Choice:
    """Choose the rows that gain most, one after another.

    The objective is the mean over the demand of the largest cosine to a chosen row, or 0 where
    none is above 0. It is monotone and submodular, so the greedy choice reaches at least 1 - 1/e
    of the best [1]_, and a gain that was computed before bounds the gain now: only candidates
    whose bound is high enough are computed again [2]_. Of these, the similarities above those to
    the chosen rows are kept while they fit, at most some 1 GB, so that a choice changes their
    gains by what it newly covers. All others exist for a block of candidates at a time.

    Of more than `MOST_BOUNDED` candidates each step looks at `LOOKED_AT` that are drawn at random,
    and takes the best of them: in the mean that reaches 1 - 1/e - exp(-n `LOOKED_AT` / n_rows) of
    the best [3]_.

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
    seed : int
        Of the samples of very many candidates.
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
    .. [3] Mirzasoleiman, Badanidiyuru, Karbasi, Vondrák and Krause (2015), Lazier than lazy
       greedy, AAAI.
    """
    state = _Coverage(candidates, demand, power)
    every = np.arange(len(room.open)) if rows is None else rows
    values = [state.add(at) for at in np.searchsorted(every, room.chosen)]
    is_sampled = int(room.open[every].sum()) > MOST_BOUNDED
    rng = np.random.default_rng(seed)
    if not is_sampled:
        state.bound(np.flatnonzero(room.open[every]))
    while len(room.chosen) < n:
        is_open = room.open[every]
        if not is_open.any():
            break
        at = state.best_of(_drawn(is_open, rng)) if is_sampled else state.best(is_open)
        room.take(int(every[at]))
        values.append(state.add(at))
        if progress is not None:
            progress(len(values), n)
    return Choice(np.array(room.chosen, np.int64), np.array(values), values[-1] if values else 0.0)


class _Coverage:
    """What is covered so far, and what each candidate would add at most.

    Similarities are whole numbers of 2^-30, finer than float32 is from 2^-6 on, so that their sums
    in float64 are exact: a gain that is kept up to date equals a recomputed one, and gains of
    equal rows are equal.
    """

    def __init__(self, candidates: FloatArray, demand: FloatArray, power: int) -> None:
        factor = 2 ** (_BITS // power)
        self._unit: float = 1 / factor**power
        self._candidates, self._power = candidates, power
        self._demand = demand * np.float32(factor)
        self._nearest = np.zeros(len(demand), np.float32)
        self._bounds = np.full(len(candidates), -np.inf)  # of sums over the demand
        # The pool's gains are exact: of each row of the demand, it has those candidates of the
        # pool that are nearer than any chosen one, and their similarities.
        self._in_pool = np.zeros(len(candidates), bool)
        self._nearer: list[tuple[npt.NDArray[np.int32], FloatArray]] = []

    def add(self, row: int | np.int64) -> float:
        """Choose a row; the objective with it."""
        near = np.rint(self._near(self._demand, self._candidates[row]))
        if self._nearer:
            for at in np.flatnonzero(near > self._nearest):
                self._raise(int(at), near[at])
        np.maximum(self._nearest, near, out=self._nearest)
        return float(self._nearest.mean(dtype=np.float64)) * self._unit

    def _raise(self, at: int, now: np.float32) -> None:
        """Take from the pool's gains what a row of the demand no longer gives."""
        places, near = self._nearer[at]
        lost = np.minimum(near, now)
        self._bounds[places] -= np.subtract(lost, self._nearest[at], dtype=np.float64)
        still = near > now
        self._nearer[at] = places[still], near[still]

    def bound(self, rows: IntArray) -> None:
        """Bound the gains of rows: float32's sums and a little more."""
        for start in range(0, len(rows), BLOCK):
            part = rows[start : start + BLOCK]
            near = self._near(self._candidates[part], self._demand.T)
            near -= self._nearest
            np.maximum(near, 0.0, out=near)
            self._bounds[part] = near.sum(axis=1) * (1 + _ROUNDING)

    def best(self, is_open: BoolArray) -> int:
        """The open row of the largest gain, the first of equal ones."""
        self._bounds[~is_open] = -np.inf
        while True:
            gains = np.where(self._in_pool, self._bounds, -np.inf)
            top = int(np.argmax(gains))
            others = self._bounds[~self._in_pool].max(initial=-np.inf)
            if gains[top] > -np.inf and gains[top] >= others:
                return top
            self._fill_pool()

    def best_of(self, rows: IntArray) -> int:
        """The row of the largest gain among some, the first of equal ones."""
        gains = np.empty(len(rows))
        for start in range(0, len(rows), BLOCK):
            part = rows[start : start + BLOCK]
            near = np.rint(self._near(self._candidates[part], self._demand.T))
            near -= self._nearest
            np.maximum(near, 0.0, out=near)
            gains[start : start + BLOCK] = near.sum(axis=1, dtype=np.float64)
        return int(rows[np.argmax(gains)])

    def _fill_pool(self) -> None:
        """Hold the candidates of the largest bounds, as many as there is memory for."""
        n_open = int((self._bounds > -np.inf).sum())
        pool = _largest(self._bounds, min(n_open, self._n_that_fit()))
        self._in_pool[:] = False
        self._in_pool[pool] = True
        self._nearer = []
        held, places = self._candidates[pool], pool.astype(np.int32)
        gains = np.zeros(len(pool))
        step = max(1, _PRODUCT // len(pool))
        for start in range(0, len(self._demand), step):
            near = self._near(self._demand[start : start + step], held.T)
            for row, least in zip(near, self._nearest[start : start + step], strict=True):
                nearer = np.flatnonzero(row > least)
                kept = np.rint(row[nearer])
                gains[nearer] += np.subtract(kept, least, dtype=np.float64)
                self._nearer.append((places[nearer], kept))
        self._bounds[pool] = gains

    def _n_that_fit(self) -> int:
        """How many candidates the pool can hold, judged by some of them."""
        some = _largest(self._bounds, _JUDGED * 16)[::16]
        near = self._near(self._candidates[some], self._demand.T)
        share = float((near > self._nearest).mean()) if near.size else 0.0
        n_fit = max(_SMALLEST_POOL, int(_HELD / (1 + share * len(self._demand))))
        # A few more cost less than to fill the pool again for them.
        return len(self._bounds) if n_fit * _STRETCHED >= len(self._bounds) else n_fit

    def _near(self, rows: FloatArray, others: FloatArray) -> FloatArray:
        near = rows @ others
        np.maximum(near, 0.0, out=near)
        return near if self._power == 1 else near**self._power


def _drawn(is_open: BoolArray, rng: np.random.Generator) -> IntArray:
    """Open candidates, ascending; of many a sample."""
    may = np.flatnonzero(is_open)
    return may if len(may) <= LOOKED_AT else np.sort(rng.choice(may, LOOKED_AT, replace=False))


def _largest(bounds: Float64Array, n: int) -> IntArray:
    """Places of the n largest bounds, ascending."""
    if len(bounds) <= n:
        return np.arange(len(bounds))
    return np.sort(np.argpartition(bounds, len(bounds) - n)[len(bounds) - n :])
