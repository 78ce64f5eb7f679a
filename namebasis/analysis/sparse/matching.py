"""The matching step of a pursuit: which atom agrees best with what is left of a target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from namebasis.analysis.sparse.atoms import Atoms
from namebasis.checks import FloatArray, IntArray

Searcher = Callable[[FloatArray, int], IntArray]

# A pool takes the best atom of each run of this number of neighbours, then the best of those.
_RUN = 32


class Matcher(Protocol):
    """Finds the best atom for residuals; over the whole dictionary or through a searcher."""

    def best(
        self, residuals: FloatArray, rows: IntArray, support: IntArray
    ) -> tuple[IntArray, FloatArray]:
        """Return the best atom and its match for each residual.

        Parameters
        ----------
        residuals : ndarray of shape (n, n_features)
        rows : ndarray of shape (n,)
            Which targets these are.
        support : ndarray of shape (n, k)
            The atoms each has already, -1 in free slots; they are not proposed again.

        Returns
        -------
        tuple of ndarray
            Atoms (n,) and matches (n,): the inner product with the atom at length 1, its absolute
            value for signed codes; -inf where no atom is left.
        """
        ...


@dataclass(frozen=True)
class DenseMatcher:
    """Multiplies the whole dictionary, `atom_chunk` atoms at a time with a running maximum."""

    atoms: Atoms
    signed: bool
    atom_chunk: int

    def best(
        self, residuals: FloatArray, rows: IntArray, support: IntArray
    ) -> tuple[IntArray, FloatArray]:
        n = len(residuals)
        blocked = np.concatenate([support, self.atoms.exclude[rows]], axis=1)
        full = self.atoms.full_groups(support)
        atom, match = np.zeros(n, dtype=np.int64), np.full(n, -np.inf, dtype=np.float32)
        for start in range(0, len(self.atoms.vectors), self.atom_chunk):
            scores = self._scores(residuals, start, blocked, full)
            column = scores.argmax(axis=1)
            score = scores[np.arange(n), column]
            better = score > match
            atom[better], match[better] = column[better] + start, score[better]
        return atom, match

    def pool(self, residuals: FloatArray, rows: IntArray, support: IntArray, size: int) -> IntArray:
        """Return about the `size` best atoms of each residual, (n, size), best first, -1 for none.

        The very best is always among them; of others that stand within a few places of a better
        one in the dictionary, some are missed.
        """
        blocked = np.concatenate([support, self.atoms.exclude[rows]], axis=1)
        full = self.atoms.full_groups(support)
        found, matches = [], []
        for start in range(0, len(self.atoms.vectors), self.atom_chunk):
            scores = self._scores(residuals, start, blocked, full)
            ids, best = _best_of_runs(scores, min(_RUN, 1 + len(self.atoms.vectors) // (8 * size)))
            found.append(ids + start)
            matches.append(best)
        ids, best = np.concatenate(found, axis=1), np.concatenate(matches, axis=1)
        ids[best <= 0] = -1
        if ids.shape[1] > size:
            top = np.argpartition(best, -size, axis=1)[:, -size:]
            ids, best = np.take_along_axis(ids, top, axis=1), np.take_along_axis(best, top, axis=1)
        order = np.argsort(-best, axis=1, kind="stable")
        return np.take_along_axis(ids, order, axis=1)

    def _scores(
        self,
        residuals: FloatArray,
        start: int,
        blocked: IntArray,
        full: npt.NDArray[np.bool_] | None,
    ) -> FloatArray:
        stop = min(start + self.atom_chunk, len(self.atoms.vectors))
        scores: FloatArray = residuals @ self.atoms.vectors[start:stop].T  # (n, stop - start)
        scores *= self.atoms.scale[start:stop]
        if self.signed:
            np.abs(scores, out=scores)
        if full is not None and self.atoms.groups is not None:
            scores[full[:, self.atoms.groups[start:stop]]] = -np.inf
        row, slot = np.nonzero((blocked >= start) & (blocked < stop))
        scores[row, blocked[row, slot] - start] = -np.inf
        return scores


def _best_of_runs(scores: FloatArray, run: int) -> tuple[IntArray, FloatArray]:
    """Return the columns and values of the maximum of each run of columns."""
    n, width = scores.shape
    n_runs = width // run
    runs = scores[:, : n_runs * run].reshape(n, n_runs, run)
    ids = runs.argmax(axis=2) + run * np.arange(n_runs)
    rest = np.broadcast_to(np.arange(n_runs * run, width), (n, width - n_runs * run))
    ids = np.concatenate([ids, rest], axis=1)
    return ids, np.take_along_axis(scores, ids, axis=1)


@dataclass(frozen=True)
class SearchMatcher:
    """Asks a searcher for candidates and scores those exactly."""

    atoms: Atoms
    signed: bool
    searcher: Searcher
    n_candidates: int

    def best(
        self, residuals: FloatArray, rows: IntArray, support: IntArray
    ) -> tuple[IntArray, FloatArray]:
        candidates = self._ask(residuals)
        if self.signed:
            candidates = np.concatenate([candidates, self._ask(-residuals)], axis=1)
        return best_of(self.atoms, self.signed, candidates, residuals, rows, support)

    def _ask(self, residuals: FloatArray) -> IntArray:
        found = np.asarray(self.searcher(residuals, self.n_candidates))
        n_atoms = len(self.atoms.vectors)
        if found.ndim != 2 or len(found) != len(residuals) or found.dtype.kind not in "iu":
            raise ValueError(
                f"candidates must return integers of shape ({len(residuals)}, m); got "
                f"{found.dtype} of shape {found.shape}."
            )
        if found.size and (found.max() >= n_atoms or found.min() < -1):
            raise ValueError(
                f"candidates must return atoms between 0 and {n_atoms - 1}, or -1 for none; got "
                f"{found.min()} to {found.max()}."
            )
        return found.astype(np.int64)


def best_of(
    atoms: Atoms,
    signed: bool,
    candidates: IntArray,
    residuals: FloatArray,
    rows: IntArray,
    support: IntArray,
) -> tuple[IntArray, FloatArray]:
    """Return the best of each target's own `candidates` (n, m), -1 for none, and its match."""
    if candidates.shape[1] == 0:
        return np.zeros(len(rows), np.int64), np.full(len(rows), -np.inf, np.float32)
    scores = np.matmul(atoms.vectors[candidates], residuals[:, :, None])[:, :, 0]
    scores *= atoms.scale[candidates]
    if signed:
        np.abs(scores, out=scores)
    full = atoms.full_groups(support)
    if full is not None and atoms.groups is not None:
        scores[np.take_along_axis(full, atoms.groups[candidates], axis=1)] = -np.inf
    blocked = np.concatenate([support, atoms.exclude[rows]], axis=1)
    for column in blocked.T:
        scores[candidates == column[:, None]] = -np.inf
    scores[candidates < 0] = -np.inf
    column = scores.argmax(axis=1)
    row = np.arange(len(rows))
    return candidates[row, column], scores[row, column]
