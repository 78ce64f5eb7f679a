"""Choose rows that rebuild others as sparse codes: a greedy dictionary of rows, with exchange."""

from __future__ import annotations

import numpy as np

from namebasis.analysis.select.cover import Choice
from namebasis.analysis.select.room import Room
from namebasis.analysis.sparse.codes import sparse_code
from namebasis.analysis.sparse.products import Products
from namebasis.checks import FloatArray, IntArray, Progress

N_NONZERO = 4
"""Rows in a code."""
_BLOCK = 128  # candidates whose gains are computed at a time
_LOOKED_AT = 1024  # candidates of a step; more are sampled
_SURE = 3.0  # samples are so much larger than the candidates over n: ln(1 / 0.05)
_EXCHANGED = 0.125  # share of the rows that an exchange gives back
_N_EXCHANGES = 2


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
    step looks at a sample [1]_. At the end the rows that are missed least are given back and others
    take their places, as long as that helps.

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
    best, values = list(room.chosen), list(state.values)
    for _ in range(_N_EXCHANGES if len(best) > 2 * N_NONZERO else 0):
        given_back = state.missed_least(n_fixed, int(len(best) * _EXCHANGED))
        for place in given_back:
            room.drop(int(every[place]))
        state = _Codes(candidates, demand, own, np.searchsorted(every, room.chosen))
        _grow(state, n, room, every, rng, None)
        if len(room.chosen) < len(best) or state.values[-1] <= values[-1]:
            break
        best, values = list(room.chosen), list(state.values)
    return Choice(np.array(best, np.int64), np.array(values), values[-1] if values else 0.0)


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
        may = np.flatnonzero(room.open[every])
        if not may.size:
            return
        size = max(_LOOKED_AT, int(_SURE * len(may) / n))
        if size < len(may):
            may = np.sort(rng.choice(may, size, replace=False))
        at = state.best(may)
        room.take(int(every[at]))
        state.add(at)
        if progress is not None:
            progress(len(room.chosen), n)


class _Codes:
    """The demand's codes by the chosen candidates."""

    def __init__(
        self, candidates: FloatArray, demand: FloatArray, own: IntArray | None, chosen: IntArray
    ) -> None:
        self._candidates, self._demand = candidates, demand
        self._own = np.full(len(demand), -1) if own is None else own
        self._chosen: list[int] = []
        self._products = Products(candidates.shape[1], demand)
        self._rest = demand.copy()  # what codes of 3 leave
        self._explained = np.zeros(len(demand), np.float32)  # what they do not, squared
        self._cosines = np.zeros(len(demand), np.float32)  # of codes of 4
        self.values: list[float] = []
        for at in chosen.tolist():
            self._hold(at)
            self._code(np.arange(len(demand)))
            self.values.append(float(self._cosines.mean(dtype=np.float64)))

    def best(self, may: IntArray) -> int:
        """The candidate that gains most, the first of equal ones."""
        gains = np.concatenate(
            [
                self._gains(may[start : start + _BLOCK]).sum(axis=1)
                for start in range(0, len(may), _BLOCK)
            ]
        )
        return int(may[np.argmax(gains)])

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
        helped = np.flatnonzero(self._gains(np.array([at]))[0] > 0)
        self._hold(at)
        if len(self._chosen) <= N_NONZERO:
            helped = np.arange(len(self._demand))
        if helped.size:
            self._code(helped)
        self.values.append(float(self._cosines.mean(dtype=np.float64)))

    def _hold(self, at: int) -> None:
        self._chosen.append(at)
        self._products.add(self._candidates[at])

    def _code(self, rows: IntArray) -> None:
        place = {at: position for position, at in enumerate(self._chosen)}
        barred = np.array([place.get(int(at), -1) for at in self._own[rows]])
        three = self._products.pursue(rows, barred, min(N_NONZERO - 1, len(self._chosen)))
        four = three
        if len(self._chosen) >= N_NONZERO:
            four = self._products.pursue(rows, barred, N_NONZERO, three)
        self._cosines[rows] = np.nan_to_num(four.similarities())
        rest = self._demand[rows]
        for atoms, weights in zip(three.support.T, three.weights.T, strict=True):
            held = self._candidates[np.asarray(self._chosen)[atoms]]  # a free slot's weight is 0
            rest -= weights[:, None].astype(np.float32) * held
        self._rest[rows] = rest
        self._explained[rows] = np.maximum(1 - np.square(rest).sum(axis=1), 0)

    def missed_least(self, n_fixed: int, n: int) -> list[int]:
        """The chosen candidates, but for the first, whose part in all codes is smallest."""
        atoms = self._candidates[self._chosen]
        code = sparse_code(atoms, self._demand, min(N_NONZERO, len(atoms)))
        held = code.indices >= 0
        parts = np.bincount(
            code.indices[held], np.square(code.weights[held]), minlength=len(self._chosen)
        )
        order = n_fixed + np.argsort(parts[n_fixed:], kind="stable")
        return [self._chosen[at] for at in order[:n]]
