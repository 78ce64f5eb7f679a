"""Orthogonal matching pursuit, signed and nonnegative, a chunk of targets at a time."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from namebasis.analysis.sparse.atoms import Atoms
from namebasis.analysis.sparse.matching import Matcher
from namebasis.analysis.sparse.nonnegative import (
    GRADIENT_TOLERANCE,
    Float64,
    solve_nonnegative,
)
from namebasis.checks import FloatArray, IntArray

# An atom whose squared part outside the chosen ones is below this counts as one of their
# combinations: float32 vectors say no more.
_DEPENDENT = 1e-10


class Growing(Protocol):
    """Codes that a pursuit grows; `residuals` are what its matcher compares with atoms."""

    residuals: FloatArray
    support: IntArray

    def put(self, rows: IntArray, atoms: IntArray) -> IntArray:
        """Put an atom into the first free slot of each row; return the slots."""
        ...

    def refit(self, rows: IntArray) -> None:
        """Solve for the weights, free the slots that end at zero, update the residuals."""
        ...


class Codes:
    """The growing codes of a chunk of targets over atoms of length 1.

    Attributes
    ----------
    targets, residuals : ndarray of shape (n, n_features), float32
    support : ndarray of shape (n, k), int64
        The atom in each slot, -1 in a free one.
    weights, moments : ndarray of shape (n, k), float64
        Weights, and the inner products of the atoms with the target.
    gram : ndarray of shape (n, k, k), float64
        Inner products of the atoms; zero in rows and columns of free slots.
    """

    def __init__(
        self, atoms: Atoms, targets: FloatArray, n_slots: int, *, nonnegative: bool
    ) -> None:
        n, n_features = targets.shape
        self.atoms = atoms
        self.nonnegative = nonnegative
        self.targets = targets
        self.residuals = targets.copy()
        self.support: IntArray = np.full((n, n_slots), -1, dtype=np.int64)
        self.vectors = np.zeros((n, n_slots, n_features), dtype=np.float32)
        self.gram = np.zeros((n, n_slots, n_slots))
        self.moments = np.zeros((n, n_slots))
        self.weights = np.zeros((n, n_slots))

    def put(self, rows: IntArray, atoms: IntArray) -> IntArray:
        """Put an atom into the first free slot of each row; return the slots."""
        slots: IntArray = (self.support[rows] < 0).argmax(axis=1)
        new = self.atoms.unit(atoms)
        self.support[rows, slots] = atoms
        self.vectors[rows, slots] = new
        exact = new.astype(np.float64)
        self.moments[rows, slots] = np.einsum("bd,bd->b", exact, self.targets[rows])
        products = np.einsum("bkd,bd->bk", self.vectors[rows], exact)
        self.gram[rows, slots, :] = products
        self.gram[rows, :, slots] = products
        return slots

    def take(self, rows: IntArray) -> Codes:
        """Return a copy of some rows."""
        part = Codes(
            self.atoms, self.targets[rows], self.support.shape[1], nonnegative=self.nonnegative
        )
        part.give(np.arange(len(rows)), self, rows)
        return part

    def give(self, rows: IntArray, other: Codes, other_rows: IntArray) -> None:
        """Overwrite `rows` by rows of another set of codes of the same targets."""
        for field in ("residuals", "support", "vectors", "gram", "moments", "weights"):
            getattr(self, field)[rows] = getattr(other, field)[other_rows]

    def errors(self) -> Float64:
        """Return the squared length of what each fitted code leaves of its target of length 1."""
        explained: Float64 = np.einsum("bk,bk->b", self.weights, self.moments)
        return 1.0 - explained

    def drop(self, rows: IntArray, slots: IntArray) -> None:
        """Free slots, one (row, slot) pair each."""
        self.support[rows, slots] = -1
        self.vectors[rows, slots] = 0
        self.weights[rows, slots] = 0
        self.moments[rows, slots] = 0
        self.gram[rows, slots, :] = 0
        self.gram[rows, :, slots] = 0

    def refit(self, rows: IntArray) -> None:
        """Solve for the weights exactly, free the slots that end at zero, update the residuals."""
        if self.nonnegative:
            weights = solve_nonnegative(
                self.gram[rows], self.moments[rows], start=self.weights[rows]
            )
        else:
            weights = solve_signed(self.gram[rows], self.moments[rows])
        self.weights[rows] = weights
        row, slot = np.nonzero((weights == 0) & (self.support[rows] >= 0))
        self.drop(rows[row], slot)
        combined = np.matmul(self.weights[rows, None, :], self.vectors[rows])[:, 0]
        self.residuals[rows] = self.targets[rows] - combined

    def similarities(self) -> Float64:
        """Return the cosine of each combination to its target, NaN for an empty code."""
        agreement = np.einsum("bk,bk->b", self.weights, self.moments)
        squared = np.einsum("bi,bij,bj->b", self.weights, self.gram, self.weights)
        norms = np.linalg.norm(self.targets.astype(np.float64), axis=1)
        undefined = np.full(len(agreement), np.nan)
        length = np.sqrt(np.maximum(squared, 0.0)) * norms
        cosines: Float64 = np.divide(agreement, length, out=undefined, where=length > 0)
        return cosines.clip(-1.0, 1.0)


def solve_signed(gram: Float64, moments: Float64) -> Float64:
    """Solve ``G w = m`` by a Cholesky factor, column by column over the whole batch.

    A slot that is free, or whose atom depends on those before it, gets the weight 0.
    """
    n, k = moments.shape
    factor = np.zeros_like(gram)
    partial = np.zeros_like(moments)
    pivots = np.zeros_like(moments)
    for j in range(k):
        column = gram[:, j:, j] - np.einsum("bil,bl->bi", factor[:, j:, :j], factor[:, j, :j])
        independent = column[:, 0] > _DEPENDENT
        pivots[:, j] = np.sqrt(np.where(independent, column[:, 0], 1.0))
        factor[:, j:, j] = np.where(independent[:, None], column / pivots[:, j, None], 0.0)
        rest = moments[:, j] - np.einsum("bl,bl->b", factor[:, j, :j], partial[:, :j])
        partial[:, j] = np.where(independent, rest / pivots[:, j], 0.0)
    weights = np.zeros((n, k))
    for j in reversed(range(k)):
        rest = partial[:, j] - np.einsum("bl,bl->b", factor[:, j + 1 :, j], weights[:, j + 1 :])
        weights[:, j] = np.where(factor[:, j, j] > 0, rest / pivots[:, j], 0.0)
    return weights


def pursue(codes: Growing, matcher: Matcher, rows: IntArray) -> None:
    """Grow every code of the chunk until its slots are full or no atom improves it.

    `rows` are the numbers of the chunk's targets among all. A nonnegative code whose refit drops
    an atom goes on, so a freed slot is filled again; it ends because its residual shrinks at
    every step.
    """
    active = np.arange(len(codes.support))
    while active.size:
        atom, match = matcher.best(codes.residuals[active], rows[active], codes.support[active])
        improves = match > GRADIENT_TOLERANCE
        active, atom = active[improves], atom[improves]
        slots = codes.put(active, atom)
        codes.refit(active)
        # An atom that gets no weight would be proposed again and again.
        taken = codes.support[active, slots] == atom
        unfinished = (codes.support[active] < 0).any(axis=1)
        active = active[taken & unfinished]


def exchange(codes: Codes, matcher: Matcher, rows: IntArray, *, n_sweeps: int) -> None:
    """Try for every atom of each code whether the best replacement fits better, and keep those.

    A pursuit never takes back an early choice that later ones made redundant; this does. The
    error falls with every exchange, so it ends; `n_sweeps` bounds how often all atoms are tried.
    """
    active = np.arange(len(codes.targets))
    for _ in range(n_sweeps):
        improved = np.zeros(len(codes.targets), dtype=bool)
        for slot in range(codes.support.shape[1]):
            there = active[codes.support[active, slot] >= 0]
            if not there.size:
                continue
            trial = codes.take(there)
            trial.drop(np.arange(len(there)), np.full(len(there), slot))
            trial.refit(np.arange(len(there)))
            pursue(trial, matcher, rows[there])
            better = trial.errors() < codes.errors()[there] - GRADIENT_TOLERANCE
            codes.give(there[better], trial, np.flatnonzero(better))
            improved[there[better]] = True
        active = np.flatnonzero(improved)
        if not active.size:
            return
