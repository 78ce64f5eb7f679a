"""Matching pursuit by inner products alone: for few atoms, many targets and repeated fits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from namebasis.analysis.sparse.nonnegative import Float64, solve_nonnegative
from namebasis.analysis.sparse.pursuit import pursue
from namebasis.checks import FloatArray, IntArray

_FIRST = 16  # atoms that there is room for at first


class Products:
    """Inner products of a growing dictionary with itself and with targets.

    A code costs a multiple of its atoms, however long the vectors are [1]_.

    Parameters
    ----------
    n_features : int
    targets : ndarray of shape (n_targets, n_features)
        Of length 1.

    References
    ----------
    .. [1] Rubinstein, Zibulevsky and Elad (2008), Efficient implementation of the K-SVD algorithm
       using batch orthogonal matching pursuit.
    """

    def __init__(self, n_features: int, targets: FloatArray) -> None:
        self._targets = targets.astype(np.float64)
        self._n = 0
        # With room to grow: a dictionary that is copied for each atom costs more than its codes.
        self._atoms = np.empty((_FIRST, n_features))
        self._gram: Float64 = np.empty((_FIRST, _FIRST))
        self._moments: Float64 = np.empty((_FIRST, len(targets)))

    def __len__(self) -> int:
        return self._n

    @property
    def gram(self) -> Float64:
        """Inner products of the atoms, shape (n_atoms, n_atoms)."""
        return self._gram[: self._n, : self._n]

    def add(self, atom: FloatArray) -> None:
        """Append an atom, of length 1 or zero."""
        if self._n == len(self._atoms):
            self._grow()
        new = atom.astype(np.float64)
        self._atoms[self._n] = new
        self._moments[self._n] = self._targets @ new
        self._n += 1
        beside = self._atoms[: self._n] @ new
        self._gram[self._n - 1, : self._n] = self._gram[: self._n, self._n - 1] = beside

    def drop(self, at: int) -> None:
        """Take an atom out; those behind it move up by one."""
        last = self._n - 1
        self._atoms[at:last] = self._atoms[at + 1 : self._n].copy()
        self._moments[at:last] = self._moments[at + 1 : self._n].copy()
        kept = np.delete(np.arange(self._n), at)
        self._gram[:last, :last] = self._gram[np.ix_(kept, kept)]
        self._n = last

    def _grow(self) -> None:
        more = 2 * self._n
        gram = np.empty((more, more))
        gram[: self._n, : self._n] = self._gram
        self._gram = gram
        self._atoms = np.resize(self._atoms, (more, self._atoms.shape[1]))
        self._moments = np.resize(self._moments, (more, self._moments.shape[1]))

    def pursue(
        self, rows: IntArray, barred: IntArray, n_slots: int, start: ProductCodes | None = None
    ) -> ProductCodes:
        """Code targets by at most `n_slots` atoms with weights of at least 0.

        Parameters
        ----------
        rows : ndarray of shape (n,)
            Which targets.
        barred : ndarray of shape (n,)
            An atom that each must not use, -1 for none.
        n_slots : int
        start : ProductCodes, optional
            Codes of the same rows with fewer slots, to go on from: a pursuit that has filled its
            slots is the beginning of one with more.
        """
        moments = np.ascontiguousarray(self._moments[: self._n, rows].T)
        codes = ProductCodes(self.gram, moments, n_slots)
        if start is not None:
            codes.go_on(start)
        pursue(codes, _Barred(barred), np.arange(len(rows)))
        return codes


class ProductCodes:
    """Nonnegative codes as `pursue` grows them, by inner products.

    Attributes
    ----------
    targets : ndarray of shape (n, n_atoms), float64
        Inner products of targets with the atoms.
    residuals : ndarray of shape (n, n_atoms), float32
        Those of what is left of them.
    support, weights : ndarrays of shape (n, n_slots)
        As of `Codes`.
    """

    def __init__(self, gram: Float64, moments: Float64, n_slots: int) -> None:
        self._gram, self.targets = gram, moments
        self.residuals: FloatArray = moments.astype(np.float32)
        self.support: IntArray = np.full((len(moments), n_slots), -1, dtype=np.int64)
        self.weights = np.zeros(self.support.shape)

    def go_on(self, start: ProductCodes) -> None:
        """Begin with other codes of the same targets."""
        self.residuals[:] = start.residuals
        self.support[:, : start.support.shape[1]] = start.support
        self.weights[:, : start.support.shape[1]] = start.weights

    def put(self, rows: IntArray, atoms: IntArray) -> IntArray:
        """Put an atom into the first free slot of each row; return the slots."""
        slots: IntArray = (self.support[rows] < 0).argmax(axis=1)
        self.support[rows, slots] = atoms
        return slots

    def refit(self, rows: IntArray) -> None:
        """Solve for weights of at least 0, free the slots that end at 0, update the residuals."""
        support = self.support[rows]
        gram, moments = self._own(rows)
        weights = solve_nonnegative(gram, moments, start=self.weights[rows])
        self.weights[rows] = weights
        self.support[rows] = np.where(weights == 0, -1, support)
        left = self.targets[rows]
        for atoms, weight in zip(support.T, weights.T, strict=True):
            left -= weight[:, None] * self._gram[atoms]
        self.residuals[rows] = left

    def similarities(self) -> Float64:
        """Return the cosine of each combination to its target, NaN for an empty code."""
        gram, moments = self._own(np.arange(len(self.targets)))
        agreement = np.einsum("bk,bk->b", self.weights, moments)
        squared = np.einsum("bi,bij,bj->b", self.weights, gram, self.weights)
        undefined = np.full(len(agreement), np.nan)
        length = np.sqrt(np.maximum(squared, 0.0))
        cosines: Float64 = np.divide(agreement, length, out=undefined, where=length > 0)
        return cosines.clip(-1.0, 1.0)

    def _own(self, rows: IntArray) -> tuple[Float64, Float64]:
        """Products of each row's atoms with each other and its target; 0 for free slots."""
        support = self.support[rows]
        held = support >= 0
        gram = self._gram[support[:, :, None], support[:, None, :]]
        gram *= held[:, :, None] & held[:, None, :]
        return gram, np.take_along_axis(self.targets[rows], support, axis=1) * held


@dataclass(frozen=True)
class _Barred:
    """Finds the atom of the largest product, but for one that a target must not use."""

    barred: IntArray

    def best(
        self, residuals: FloatArray, rows: IntArray, support: IntArray
    ) -> tuple[IntArray, FloatArray]:
        """Return the best atom and its match for each residual, as `Matcher` does."""
        scores = residuals.copy()
        for atoms in [*support.T, self.barred[rows]]:
            at = np.flatnonzero(atoms >= 0)
            scores[at, atoms[at]] = -np.inf
        best = scores.argmax(axis=1)
        return best, scores[np.arange(len(scores)), best]
