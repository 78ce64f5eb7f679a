"""Many small nonnegative least-squares problems at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from namebasis.checks import IntArray

Float64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# Below this a gradient counts as zero: atoms and targets have length 1, and the matching step that
# proposes atoms works in float32.
GRADIENT_TOLERANCE = 1e-6


def solve_nonnegative(
    gram: Float64,
    moments: Float64,
    *,
    start: Float64 | None = None,
    tolerance: float = GRADIENT_TOLERANCE,
) -> Float64:
    """Minimise ``w G w / 2 - m w`` over ``w >= 0`` for each problem of a batch [1]_.

    The active-set method of Lawson and Hanson, every problem of the batch one step at a time. It
    is exact: on return the weights in use solve the normal equations, and no gradient of an unused
    one exceeds `tolerance`.

    Parameters
    ----------
    gram : ndarray of shape (n_problems, k, k)
        Inner products of the atoms; a slot without an atom holds zeros in its row and column.
    moments : ndarray of shape (n_problems, k)
        Inner products of the atoms with the target.
    start : ndarray of shape (n_problems, k), optional
        Nonnegative weights to start from whose atoms in use are linearly independent; the solution
        of the problem before an atom was added saves most of the work.
    tolerance : float
        The gradient below which an atom stays out.

    Returns
    -------
    ndarray of shape (n_problems, k)

    References
    ----------
    .. [1] Lawson and Hanson (1974), Solving Least Squares Problems, chapter 23.
    """
    weights = np.zeros_like(moments) if start is None else start.copy()
    passive = weights > 0
    if start is not None:
        _restore(gram, moments, weights, passive, np.flatnonzero(passive.any(axis=1)))
    barred = np.zeros_like(passive)
    todo = np.arange(len(moments))
    while todo.size:
        gradient = moments[todo] - np.einsum("bij,bj->bi", gram[todo], weights[todo])
        gradient[passive[todo] | barred[todo]] = -np.inf
        entering = gradient.argmax(axis=1)
        keep = gradient[np.arange(len(todo)), entering] > tolerance
        todo, entering = todo[keep], entering[keep]
        passive[todo, entering] = True
        _restore(gram, moments, weights, passive, todo)
        # Rounding can throw the entering atom straight out again; taking it back would go on for
        # ever, so it stays out until the weights have moved.
        expelled = ~passive[todo, entering]
        barred[todo[~expelled]] = False
        barred[todo[expelled], entering[expelled]] = True
    return weights


def _restore(
    gram: Float64, moments: Float64, weights: Float64, passive: Mask, rows: IntArray
) -> None:
    """Solve on the passive sets, moving to the boundary until every passive weight is positive."""
    while rows.size:
        solution = _solve_passive(gram[rows], moments[rows], passive[rows])
        negative = passive[rows] & (solution <= 0)
        done = ~negative.any(axis=1)
        weights[rows[done]] = solution[done]
        rows, solution, negative = rows[~done], solution[~done], negative[~done]
        current = weights[rows]
        step = np.full_like(current, np.inf)
        np.divide(current, current - solution, out=step, where=negative)
        blocking = step.argmin(axis=1)
        length = step[np.arange(len(rows)), blocking]
        moved = np.maximum(current + length[:, None] * (solution - current), 0.0)
        moved[np.arange(len(rows)), blocking] = 0.0
        passive[rows] &= moved > 0
        weights[rows] = np.where(passive[rows], moved, 0.0)


def _solve_passive(gram: Float64, moments: Float64, passive: Mask) -> Float64:
    """Solve the normal equations on the passive slots; zero elsewhere."""
    both = passive[:, :, None] & passive[:, None, :]
    system = np.where(both, gram, np.eye(gram.shape[1]))
    right = np.where(passive, moments, 0.0)
    solution: Float64 = np.linalg.solve(system, right[:, :, None])[:, :, 0]
    return solution
