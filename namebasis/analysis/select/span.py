"""Choose rows that rebuild others as sparse codes: a greedy dictionary of rows, with exchange."""

from __future__ import annotations

import numpy as np

from namebasis.analysis.select.cover import Choice
from namebasis.analysis.select.room import Room
from namebasis.analysis.sparse.products import ProductCodes, Products
from namebasis.checks import FloatArray, IntArray, Progress

N_NONZERO = 4
"""Rows in a code."""
_BLOCK = 128  # candidates whose gains are computed at a time
_LOOKED_AT = 1024  # candidates of a step; more are sampled
_SURE = 3.0  # samples are so much larger than the candidates over n: ln(1 / 0.05)
_N_SWAPS = 192  # chosen rows that are tried to be replaced, all passes together
_TRIED = 6  # candidates that are tried in the place of one
_BETTER = 1e-6  # a swap must gain, of a cosine


def span(
    candidates: FloatArray,
    demand: FloatArray,
    n: int,
    room: Room,
    rows: IntArray | None = None,
    *,
    own: IntArray | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Choice:
    """Choose rows whose sparse codes come nearest to the demand.

    The objective is the mean cosine of each row of the demand to its code, a nonnegative sum of at
    most 4 chosen rows found by `sparse_code`. In each step the candidate is taken that gains most
    if it joins every code of 3, or stays out where the code of 4 is better. Of many candidates a
    step looks at a sample [1]_. Then each chosen row, the least missed first, is given back, and
    of the candidates that gain most in its place the one takes it whose codes come nearest, as
    long as a pass over all rows helps and for at most 192 rows. At the end the rows are put in an
    order in which each gains most after those before it.

    Parameters
    ----------
    candidates, demand, n, room, rows, progress
        As `cover` takes them. What the room holds at first keeps its place.
    own : ndarray of shape (n_demand,), int64, optional
        The candidate that each row of the demand is, -1 for none: no row is coded by itself, or
        rows like no other would be chosen for their own sake.
    seed : int
        Of the samples of candidates.

    Returns
    -------
    Choice
        `values` are the objective after each step.

    References
    ----------
    .. [1] Mirzasoleiman et al. (2015), Lazier than lazy greedy, AAAI.
    """
    every = np.arange(len(room.open)) if rows is None else rows
    state = _Codes(candidates, demand, own, np.searchsorted(every, room.chosen))
    n_fixed = len(room.chosen)
    rng = np.random.default_rng(seed)
    _grow(state, n, room, every, rng, progress)
    if len(room.chosen) > max(n_fixed, N_NONZERO):
        _swap(state, n, n_fixed, room, every, rng)
    kept = np.searchsorted(every, room.chosen[:n_fixed])
    ordered = _Codes(candidates, demand, own, kept)
    left = np.setdiff1d(state.chosen, kept)
    while left.size:
        ordered.add(ordered.most_gaining(left, 1)[0])
        left = np.setdiff1d(left, ordered.chosen[-1:])
    room.chosen[:] = every[ordered.chosen].tolist()
    values = np.array(ordered.values)
    return Choice(np.array(room.chosen, np.int64), values, values[-1] if values.size else 0.0)


def _swap(
    state: _Codes, n: int, n_fixed: int, room: Room, every: IntArray, rng: np.random.Generator
) -> None:
    """Put other candidates in the place of chosen ones, as long as that helps."""
    best, reached = list(state.chosen), state.recode()
    left = _N_SWAPS
    while left > 0:
        for at in state.missed_least(n_fixed)[:left]:
            value, before = state.value, state.drop(at)
            room.drop(int(every[at]))
            may = _open(room, n, every, rng)
            tried = state.most_gaining(may[may != at], _TRIED)
            gained = [state.value_with(other) for other in tried]
            new = tried[int(np.argmax(gained))] if max(gained, default=0) > value + _BETTER else at
            room.take(int(every[new]))
            if new == at:
                state.undo(at, before)
            else:
                state.add(new)
        left -= len(state.chosen) - n_fixed
        now = state.recode()
        if now <= reached + _BETTER:
            break
        best, reached = list(state.chosen), now
    for at in np.setdiff1d(state.chosen, best):
        room.drop(int(every[at]))
    for at in np.setdiff1d(best, state.chosen):
        room.take(int(every[at]))
    state.chosen[:] = best


def _grow(
    state: _Codes,
    n: int,
    room: Room,
    every: IntArray,
    rng: np.random.Generator,
    progress: Progress | None,
) -> None:
    """Take rows until there are n or none is open."""
    while len(room.chosen) < n:
        may = _open(room, n, every, rng)
        if not may.size:
            return
        at = state.most_gaining(may, 1)[0]
        room.take(int(every[at]))
        state.add(at)
        if progress is not None:
            progress(len(room.chosen), n)


def _open(room: Room, n: int, every: IntArray, rng: np.random.Generator) -> IntArray:
    """Open candidates, ascending, or of many a sample."""
    may = np.flatnonzero(room.open[every])
    size = max(_LOOKED_AT, int(_SURE * len(may) / n))
    return np.sort(rng.choice(may, size, replace=False)) if size < len(may) else may


_Kept = tuple[IntArray, list[FloatArray | IntArray]]


class _Codes:
    """The demand's codes by the chosen candidates.

    Attributes
    ----------
    chosen : list of int
    values : list of float
        The objective after each `add`.
    """

    def __init__(
        self, candidates: FloatArray, demand: FloatArray, own: IntArray | None, chosen: IntArray
    ) -> None:
        n = len(demand)
        self._candidates, self._demand = candidates, demand
        self._own = np.full(n, -1) if own is None else own
        self.chosen: list[int] = []
        self._products = Products(candidates.shape[1], demand)
        self._rest = demand.copy()  # what codes of 3 leave
        self._explained = np.zeros(n, np.float32)  # what they do not, squared
        self._cosines = np.zeros(n, np.float32)  # of codes of 4
        self._atoms = np.full((n, 2 * N_NONZERO - 1), -1)  # of both
        self._parts = np.zeros((n, N_NONZERO), np.float32)  # of the last 4 of them, squared
        self.values: list[float] = []
        for at in chosen.tolist():
            self.add(at)

    @property
    def value(self) -> float:
        """The mean cosine of the codes of 4."""
        return float(self._cosines.mean(dtype=np.float64))

    def most_gaining(self, may: IntArray, n: int) -> list[int]:
        """The candidates that gain most, the first of equal ones."""
        gains = [
            self._gains(may[start : start + _BLOCK]).sum(axis=1)
            for start in range(0, len(may), _BLOCK)
        ]
        if not gains:
            return []
        order = np.argsort(-np.concatenate(gains), kind="stable")
        return [int(at) for at in may[order[:n]]]

    def _gains(self, rows: IntArray) -> FloatArray:
        """How much each row of the demand gains by each candidate, (n_rows, n_demand)."""
        gains = self._candidates[rows] @ self._rest.T
        np.maximum(gains, 0, out=gains)
        np.square(gains, out=gains)
        gains += self._explained
        np.minimum(gains, 1, out=gains)
        np.sqrt(gains, out=gains)
        gains -= self._cosines
        np.maximum(gains, 0, out=gains)
        at = np.flatnonzero(np.isin(self._own, rows))
        gains[np.searchsorted(rows, self._own[at]), at] = 0
        return gains

    def add(self, at: int) -> None:
        """Choose a candidate, and recompute the codes that it may improve."""
        helped = self._helped(at)
        self._hold(at)
        self._code(helped)
        self.values.append(self.value)

    def value_with(self, at: int) -> float:
        """The value if a candidate were chosen."""
        helped = self._helped(at)
        self._hold(at)
        _, four = self._pursue(helped)
        self._products.drop(len(self.chosen) - 1)
        self.chosen.pop()
        gained = np.nan_to_num(four.similarities()) - self._cosines[helped]
        return self.value + float(gained.sum()) / len(self._demand)

    def drop(self, at: int) -> _Kept:
        """Give a chosen candidate back, and recompute the codes that it is part of."""
        rows = np.flatnonzero((self._atoms == at).any(axis=1))
        kept: _Kept = rows, [field[rows] for field in self._fields()]
        self._products.drop(self.chosen.index(at))
        self.chosen.remove(at)
        self._code(rows)
        return kept

    def undo(self, at: int, kept: _Kept) -> None:
        """Choose again what was given back last."""
        self._hold(at)
        rows, before = kept
        for field, values in zip(self._fields(), before, strict=True):
            field[rows] = values

    def _fields(self) -> tuple[FloatArray | IntArray, ...]:
        return self._rest, self._explained, self._cosines, self._atoms, self._parts

    def recode(self) -> float:
        """Compute all codes from their beginning; the value, exactly."""
        self._code(np.arange(len(self._demand)))
        return self.value

    def _helped(self, at: int) -> IntArray:
        """Which rows of the demand a candidate may improve; the codes of few are all computed."""
        if len(self.chosen) < N_NONZERO:
            return np.arange(len(self._demand))
        return np.flatnonzero(self._gains(np.array([at]))[0] > 0)

    def _hold(self, at: int) -> None:
        self.chosen.append(at)
        self._products.add(self._candidates[at])

    def _pursue(self, rows: IntArray) -> tuple[ProductCodes, ProductCodes]:
        """Codes of at most 3 and of at most 4 chosen candidates."""
        place = {at: position for position, at in enumerate(self.chosen)}
        barred = np.array([place.get(int(at), -1) for at in self._own[rows]], np.int64)
        three = self._products.pursue(rows, barred, min(N_NONZERO - 1, len(self.chosen)))
        if len(self.chosen) < N_NONZERO:
            return three, three
        return three, self._products.pursue(rows, barred, N_NONZERO, three)

    def _code(self, rows: IntArray) -> None:
        if not rows.size:
            return
        three, four = self._pursue(rows)
        self._cosines[rows] = np.nan_to_num(four.similarities())
        rest = self._demand[rows]
        chosen = np.asarray(self.chosen)
        for at in range(three.support.shape[1]):
            held = self._candidates[chosen[three.support[:, at]]]  # a free slot's weight is 0
            rest -= three.weights[:, at, None].astype(np.float32) * held
        self._rest[rows] = rest
        self._explained[rows] = np.maximum(1 - np.square(rest).sum(axis=1), 0)
        both = np.concatenate([three.support, four.support], axis=1)
        n_both, n_four = both.shape[1], four.support.shape[1]
        self._atoms[rows, :n_both] = np.where(both >= 0, chosen[both], -1)
        self._parts[rows, :n_four] = np.square(four.weights)

    def missed_least(self, n_fixed: int) -> list[int]:
        """The chosen candidates, but for the first, in the order of their part in all codes."""
        four = self._atoms[:, -N_NONZERO:]
        held = four >= 0
        parts = np.bincount(four[held], self._parts[held], minlength=len(self._candidates))
        free = self.chosen[n_fixed:]
        return [free[at] for at in np.argsort(parts[free], kind="stable")]
