"""The nonnegative lasso path over a large dictionary, by working sets that are verified."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from namebasis.analysis.sparse.matching import DenseMatcher
from namebasis.analysis.sparse.nonnegative import GRADIENT_TOLERANCE
from namebasis.analysis.sparse.pursuit import Codes
from namebasis.checks import IntArray

Float64 = npt.NDArray[np.float64]

_WORKING_SET = 64  # atoms to begin with; those that turn out to be missing join
# The violation of optimality that is let pass, relative to the penalty: float32 matches and the
# stopping rule of the coordinate descent resolve no more.
_SLACK = 1e-4
_MAX_ROUNDS = 200


def follow_lasso(codes: Codes, matcher: DenseMatcher, rows: IntArray, penalty: float) -> None:
    """Fill `codes` with the nonnegative lasso solutions of the chunk.

    Each target's penalty is the larger of `penalty` and the last one on its path before the code
    would have more atoms than slots. The path runs over a small working set; a match of the
    residual with the whole dictionary then finds the atom that breaks optimality most, which
    joins the set until none does, so the solution is that of the whole dictionary.
    """
    n_slots = codes.support.shape[1]
    free = np.full((len(rows), 1), -1, dtype=np.int64)
    pools = list(matcher.pool(codes.residuals, rows, free, max(_WORKING_SET, 4 * n_slots)))
    todo = np.arange(len(rows))
    for _ in range(_MAX_ROUNDS):
        penalties = np.zeros(len(todo))
        for position, row in enumerate(todo):
            pools[row] = pools[row][pools[row] >= 0]
            vectors = codes.atoms.unit(pools[row]).astype(np.float64)
            weights, penalties[position] = _solve(
                vectors @ vectors.T, vectors @ codes.targets[row], n_slots, penalty
            )
            _store(codes, int(row), pools[row], weights)
        atom, match = matcher.best(codes.residuals[todo], rows[todo], codes.support[todo])
        broken = match > penalties * (1 + _SLACK) + GRADIENT_TOLERANCE
        # The path may have stopped short of an atom it knows; that one is no news.
        known = np.array([atom[i] in pools[row] for i, row in enumerate(todo)], dtype=bool)
        broken &= ~known
        for row, new in zip(todo[broken], atom[broken], strict=True):
            pools[row] = np.append(pools[row], new)
        todo = todo[broken]
        if not todo.size:
            return
    raise RuntimeError(f"the lasso's working sets did not settle in {_MAX_ROUNDS} rounds.")


def _solve(gram: Float64, moments: Float64, n_slots: int, penalty: float) -> tuple[Float64, float]:
    """Return the weights at the last allowed penalty of the path, and that penalty."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import lars_path_gram

    n_steps = 2 * n_slots + 8
    while True:
        with warnings.catch_warnings():
            # Ends the path early on ties and equal atoms; the result is checked below.
            warnings.simplefilter("ignore", ConvergenceWarning)
            penalties, _, path = lars_path_gram(
                moments,
                gram,
                n_samples=1,
                max_iter=n_steps,
                alpha_min=penalty,
                method="lasso",
                positive=True,
            )
        n_used = (path > 0).sum(axis=0)
        too_many = np.flatnonzero(n_used > n_slots)
        if too_many.size or len(penalties) <= n_steps or penalties[-1] <= penalty:
            break
        n_steps *= 2
    last = int(too_many[0]) - 1 if too_many.size else len(penalties) - 1
    weights: Float64 = path[:, last]
    reached = float(penalties[last])
    if _violation(gram, moments, weights, reached) > reached * _SLACK + GRADIENT_TOLERANCE:
        weights = _descend(gram, moments, reached)
    return weights, reached


def _violation(gram: Float64, moments: Float64, weights: Float64, penalty: float) -> float:
    """Return how far the optimality conditions are from holding."""
    gradient = moments - gram @ weights - penalty
    return float(max(gradient.max(initial=0.0), np.abs(gradient[weights > 0]).max(initial=0.0)))


def _descend(gram: Float64, moments: Float64, penalty: float) -> Float64:
    """Solve at one penalty by coordinate descent, which bears equal atoms."""
    from sklearn.linear_model import Lasso

    # The Gram matrix's factor stands for the atoms: the same products, m rows.
    values, vectors = np.linalg.eigh(gram)
    keep = values > values[-1] * 1e-12
    factor = np.sqrt(values[keep])[:, None] * vectors[:, keep].T
    target = (vectors[:, keep] / np.sqrt(values[keep])).T @ moments
    model = Lasso(
        alpha=penalty / len(factor), positive=True, fit_intercept=False, precompute=gram,
        tol=1e-10, max_iter=100_000,
    )  # fmt: skip
    weights: Float64 = model.fit(factor, target).coef_
    return weights


def _store(codes: Codes, row: int, pool: IntArray, weights: Float64) -> None:
    """Write one code into its slots; weights stay as the lasso shrank them."""
    used = np.flatnonzero(weights > 0)
    used = used[np.argsort(-weights[used], kind="stable")][: codes.support.shape[1]]
    at = np.array([row])
    for slot in np.flatnonzero(codes.support[row] >= 0):
        codes.drop(at, np.array([slot]))
    for atom in used:
        put = codes.put(at, pool[[atom]])
        codes.weights[row, put] = weights[atom]
    codes.residuals[row] = codes.targets[row] - codes.weights[row] @ codes.vectors[row]
