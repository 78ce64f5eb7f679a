"""Which names a prompt search starts from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.sparse.codes import sparse_code
from namebasis.checks import FloatArray, IntArray
from namebasis.namespace.search.targets import Target, fold
from namebasis.studies.paint.moves import Pool

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

_WIDER = 8  # names looked at per name taken, for the linear code and for names denied
_ATOMS = 32  # of the linear code, at most
_RANDOM = 8  # one in so many names of the pool is drawn at random


def mean_goal(
    targets: Sequence[Target], weights: Sequence[float] | None, centre: FloatArray | None
) -> FloatArray:
    """The vector whose dot product with a unit row is its weighted mean cosine to the targets.

    `centre` (dim,) is taken off each target first.

    Raises
    ------
    ValueError
        If the number of weights differs or one is not finite.
    """
    values = np.ones(len(targets)) if weights is None else np.asarray(weights, dtype=np.float64)
    if values.shape != (len(targets),) or not np.isfinite(values).all() or not values.any():
        raise ValueError(
            f"weights must be {len(targets)} finite numbers, one per target and not all 0; "
            f"got {weights!r}."
        )
    values /= np.abs(values).sum()
    vectors = np.stack([target.vector for target in targets]).astype(np.float64)
    if centre is not None:
        vectors -= centre
    return np.asarray(values @ vectors, dtype=np.float32)


def choose_pool(
    space: StoredSpace,
    goal: FloatArray,
    centred: FloatArray,
    n_candidates: int,
    *,
    where: str | None,
    barred: Iterable[str],
    seed: int,
    sayable: Callable[[str], bool] = bool,
) -> Pool:
    """Atoms of the linear code first, then the nearest names, then some at random.

    Names far from the goal on their own may fit well beside others: the linear code finds some
    of them, chance others.

    Parameters
    ----------
    space : Space
    goal : ndarray of shape (dim,), float32
    centred : ndarray of shape (dim,), float32
        The goal without the mean of its modality, for the linear code.
    n_candidates : int
        The most names in the pool.
    where : str, optional
    barred : iterable of str
        Names never used, in whatever case and accents.
    seed : int
    sayable : callable
        Whether a name can be written for the tool that it is meant for.

    Raises
    ------
    ValueError
        If no name is left.
    """
    banned = {fold(name) for name in barred}
    allowed = space.ids(where)
    near = np.empty(0, dtype=np.int64)
    if allowed.size:
        k = min(allowed.size, _WIDER * n_candidates + len(banned))
        near = space.search(goal[None], k, where=where)[1][0]
        near = near[near >= 0]
    rng = np.random.default_rng(seed)
    n_random = min(n_candidates // _RANDOM, allowed.size)
    drawn = rng.choice(allowed, n_random, replace=False)
    ids = np.concatenate([near, drawn])
    names = space.table(["name"], ids=ids)["name"].to_pylist()
    first: dict[str, int] = {}  # a name that is given and family name is one candidate
    for row, name in enumerate(names):
        if fold(name) not in banned and sayable(name):
            first.setdefault(fold(name), row)
    rows = np.array(list(first.values()), dtype=np.int64)
    if not rows.size:
        raise ValueError(
            f"no name is left to paint with: {allowed.size} row(s) pass where={where!r}, "
            f"{len(banned)} name(s) are denied or the target itself, and the rest cannot be "
            "written in the syntax. Loosen them."
        )
    vectors = space.vectors("text", ids=ids[rows])
    n_near = int((rows < near.size).sum())
    atoms = _linear_atoms(vectors, centred, space.mean("text"))
    order = list(dict.fromkeys([*atoms.tolist(), *range(rows.size)]))
    ranked, by_chance = [i for i in order if i < n_near], [i for i in order if i >= n_near]
    kept = np.array(ranked[: n_candidates - len(by_chance)] + by_chance)
    return Pool(ids[rows[kept]], tuple(names[i] for i in rows[kept]), vectors[kept])


def _linear_atoms(vectors: FloatArray, centred: FloatArray, mean: FloatArray) -> IntArray:
    """Rows of the linear code of the goal, the heaviest first."""
    atoms = vectors - mean
    usable = np.einsum("nd,nd->n", atoms, atoms) > 1e-12
    if np.linalg.norm(centred) < 1e-6 or not usable.any():
        return np.empty(0, dtype=np.int64)
    n_atoms = min(_ATOMS, int(usable.sum()), vectors.shape[1])
    indices = sparse_code(atoms, centred[None], n_atoms, deny=~usable).indices[0]
    atoms_used: IntArray = indices[indices >= 0]
    return atoms_used
