"""Sparse codes: a few atoms of a dictionary whose weighted sum stands for a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.analysis.sparse.atoms import Atoms, check_integers, prepare_atoms
from namebasis.analysis.sparse.lasso import follow_lasso
from namebasis.analysis.sparse.matching import (
    DenseMatcher,
    Matcher,
    Searcher,
    SearchMatcher,
)
from namebasis.analysis.sparse.pursuit import Codes, exchange, pursue
from namebasis.checks import FloatArray, IntArray, Progress, as_embeddings, check_count

METHODS = ("omp", "lasso")
_WORKSPACE = 2**26  # bytes that the atoms of a chunk's codes may take


@dataclass(frozen=True)
class SparseCode:
    """Codes of several targets, the atoms of each in decreasing absolute contribution.

    Attributes
    ----------
    indices : ndarray of shape (n_targets, n_nonzero), int64
        Atoms by row of the dictionary; -1 fills up a shorter code.
    weights : ndarray of shape (n_targets, n_nonzero), float32
        What to multiply the atoms as given (of any length) with; 0 where the index is -1.
    similarities : ndarray of shape (n_targets,), float32
        Cosine of the weighted sum to the target; NaN for a code without atoms.
    """

    indices: IntArray
    weights: FloatArray
    similarities: FloatArray

    def __len__(self) -> int:
        return len(self.indices)

    def reconstruct(self, dictionary: FloatArray) -> FloatArray:
        """Return the weighted sums, (n_targets, n_features)."""
        atoms = dictionary[self.indices]  # weight 0 silences the atom at -1
        return np.asarray(np.einsum("nk,nkd->nd", self.weights, atoms), dtype=np.float32)


def sparse_code(
    dictionary: npt.ArrayLike,
    targets: npt.ArrayLike,
    n_nonzero: int,
    *,
    nonnegative: bool = True,
    method: str = "omp",
    penalty: float = 0.0,
    n_sweeps: int = 0,
    candidates: Searcher | None = None,
    n_candidates: int = 64,
    exclude: npt.ArrayLike | None = None,
    deny: npt.ArrayLike | None = None,
    groups: npt.ArrayLike | None = None,
    max_per_group: int | npt.ArrayLike = 1,
    target_chunk: int | None = None,
    atom_chunk: int = 8192,
    progress: Progress | None = None,
) -> SparseCode:
    """Code each target as a weighted sum of at most `n_nonzero` atoms.

    ``method="omp"`` is orthogonal matching pursuit [1]_: take the atom that agrees best with what
    is left, solve exactly for all weights, repeat. With ``nonnegative=True`` the refit is an exact
    nonnegative least squares [2]_; an atom whose weight falls to zero leaves and its place is
    filled again. ``method="lasso"`` follows the nonnegative lasso path, the objective of SpLiCE
    [3]_, from the empty code to the last penalty with at most `n_nonzero` atoms.

    Memory is bounded: correlations exist for `target_chunk` × `atom_chunk` at a time.

    Parameters
    ----------
    dictionary : array_like of shape (n_atoms, n_features)
        Atoms of any length; they are compared at length 1 and weighted as given. A zero atom is
        never chosen, and of equal atoms one.
    targets : array_like of shape (n_targets, n_features)
        Of any length but zero.
    n_nonzero : int
        The most atoms per code, at most n_atoms.
    nonnegative : bool
        Whether weights must be at least 0; the lasso knows only this.
    method : {"omp", "lasso"}
    penalty : float
        The lasso's path ends here at the latest: ``|x - w D|^2 / 2 + penalty * sum(w)`` for
        targets and atoms of length 1; in [0, 1).
    n_sweeps : int
        After the pursuit, how often to try for every atom whether another in its place fits
        better. Costs up to `n_nonzero` matching steps a sweep.
    candidates : callable, optional
        For a dictionary too large to multiply: ``candidates(residuals, m)`` returns atoms of shape
        (n, m), -1 for none, among which the best is sought. The result is as good as the searcher.
    n_candidates : int
        The m to ask with.
    exclude : array_like of int, shape (n_targets,) or (n_targets, m), optional
        Atoms a target must not use (itself, say); -1 for none.
    deny : array_like of bool, shape (n_atoms,), optional
        Atoms that no target may use.
    groups : array_like of int, shape (n_atoms,), optional
        A group per atom, -1 for none; a code has at most `max_per_group` atoms of each.
    max_per_group : int or array_like of int, shape (n_atoms,)
        One number for all groups, or for each atom that of its group.
    target_chunk, atom_chunk : int
        Sizes of the blocks that are multiplied.
    progress : callable, optional
        Called with targets done and targets in all after each chunk of them.

    Returns
    -------
    SparseCode

    Raises
    ------
    ValueError
        If a value is not finite, a target is zero, a shape or an option does not fit, or
        `n_nonzero` exceeds the number of atoms that may be used.

    References
    ----------
    .. [1] Pati, Rezaiifar and Krishnaprasad (1993), Orthogonal matching pursuit, Asilomar.
    .. [2] Bruckstein, Elad and Zibulevsky (2008), On the uniqueness of nonnegative sparse
       solutions, IEEE Trans. Information Theory 54(11).
    .. [3] Bhalla et al. (2024), Interpreting CLIP with sparse linear concept embeddings, NeurIPS.
    """
    vectors = as_embeddings(dictionary, "dictionary")
    unit, norms = _unit_targets(targets, vectors.shape[1])
    atoms = prepare_atoms(vectors, len(unit), exclude, deny, groups, max_per_group)
    _check_size(n_nonzero, atoms)
    check_count(n_sweeps, "n_sweeps", 0)
    check_count(atom_chunk, "atom_chunk")
    if target_chunk is None:
        target_chunk = usual_chunk(n_nonzero, vectors.shape[1])
    check_count(target_chunk, "target_chunk")
    dense = DenseMatcher(atoms, not nonnegative, atom_chunk)
    matcher: Matcher = dense
    if candidates is not None:
        asked = check_count(n_candidates, "n_candidates")
        matcher = SearchMatcher(atoms, not nonnegative, candidates, asked)
    is_lasso = _is_lasso(method, nonnegative, penalty, groups, matcher, n_sweeps)
    parts = []
    for start in range(0, len(unit), target_chunk):
        rows = np.arange(start, min(start + target_chunk, len(unit)))
        codes = Codes(atoms, unit[rows], n_nonzero, nonnegative=nonnegative)
        if is_lasso:
            follow_lasso(codes, dense, rows, penalty)
        else:
            pursue(codes, matcher, rows)
            exchange(codes, matcher, rows, n_sweeps=n_sweeps)
        parts.append(SparseCode(*_finish(codes, norms[rows])))
        if progress is not None:
            progress(start + len(rows), len(unit))
    return joined_codes(parts)


def usual_chunk(n_nonzero: int, n_features: int) -> int:
    """How many targets `sparse_code` codes at a time, unless told otherwise."""
    return max(1, min(2048, _WORKSPACE // (4 * n_nonzero * n_features)))


def joined_codes(parts: Sequence[SparseCode]) -> SparseCode:
    """The codes of several blocks of targets by one dictionary, as one."""
    return SparseCode(
        np.concatenate([part.indices for part in parts]),
        np.concatenate([part.weights for part in parts]),
        np.concatenate([part.similarities for part in parts]),
    )


def refit(
    dictionary: npt.ArrayLike,
    targets: npt.ArrayLike,
    indices: npt.ArrayLike,
    *,
    nonnegative: bool = True,
) -> SparseCode:
    """Solve exactly for the weights of given atoms, however they were chosen.

    Parameters
    ----------
    dictionary : array_like of shape (n_atoms, n_features)
    targets : array_like of shape (n_targets, n_features)
    indices : array_like of int, shape (n_targets, k)
        Distinct atoms of each target, -1 for none.
    nonnegative : bool
        Whether weights must be at least 0; an atom whose weight is 0 leaves the code.

    Returns
    -------
    SparseCode

    Raises
    ------
    ValueError
        As `sparse_code`; also for an index outside the dictionary or twice in a row.
    """
    vectors = as_embeddings(dictionary, "dictionary")
    unit, norms = _unit_targets(targets, vectors.shape[1])
    support = np.asarray(indices)
    check_integers(support, "indices", (len(unit), *support.shape[1:2]), -1, len(vectors) - 1)
    ordered = np.sort(support, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
        raise ValueError("indices must be distinct in each row; an atom stands twice.")
    atoms = prepare_atoms(vectors, len(unit), None, None, None, 1)
    codes = Codes(atoms, unit, support.shape[1], nonnegative=nonnegative)
    for column in support.T:
        rows = np.flatnonzero(column >= 0)
        codes.put(rows, column[rows])
    codes.refit(np.arange(len(unit)))
    return SparseCode(*_finish(codes, norms))


def _unit_targets(
    targets: npt.ArrayLike, n_features: int
) -> tuple[FloatArray, npt.NDArray[np.float64]]:
    wanted = as_embeddings(targets, "targets", n_features=n_features)
    norms = np.linalg.norm(wanted.astype(np.float64), axis=1)
    if n_zero := int((norms == 0).sum()):
        raise ValueError(
            f"targets has {n_zero} zero row{'s' * (n_zero != 1)}, which no weights can approach in "
            f"direction; the first is row {int(np.argmin(norms))}."
        )
    return np.asarray(wanted / norms[:, None], dtype=np.float32), norms


def _check_size(n_nonzero: int, atoms: Atoms) -> None:
    check_count(n_nonzero, "n_nonzero")
    n_usable = int(np.count_nonzero(atoms.scale))
    if n_nonzero > n_usable:
        raise ValueError(
            f"n_nonzero must be at most the number of atoms that may be used, {n_usable} of "
            f"{len(atoms.vectors)} (neither zero nor denied); got {n_nonzero}."
        )


def _is_lasso(
    method: str, nonnegative: bool, penalty: float, groups: object, matcher: Matcher, n_sweeps: int
) -> bool:
    """Check that the options fit the method."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got {method!r}.")
    if not 0 <= penalty < 1:
        raise ValueError(f"penalty must lie in [0, 1); got {penalty}.")
    if method == "omp" and penalty:
        raise ValueError("penalty belongs to method='lasso'; got it with 'omp'.")
    if method == "lasso":
        if not nonnegative:
            raise ValueError("method 'lasso' is nonnegative; use method='omp' for signed weights.")
        if groups is not None or n_sweeps or not isinstance(matcher, DenseMatcher):
            raise ValueError(
                "groups, n_sweeps and candidates belong to method='omp'; a lasso "
                "solution is optimal over all atoms."
            )
    return method == "lasso"


def _finish(
    codes: Codes, norms: npt.NDArray[np.float64]
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Sort each code by contribution and weigh the atoms and targets as given."""
    order = np.argsort(-np.abs(codes.weights), axis=1, kind="stable")
    indices = np.take_along_axis(codes.support, order, axis=1)
    weights = np.take_along_axis(codes.weights, order, axis=1)
    weights *= norms[:, None] * codes.atoms.scale[indices]
    similarities = codes.similarities()
    return indices, weights.astype(np.float32), similarities.astype(np.float32)
