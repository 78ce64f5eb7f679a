"""Sparse codes against brute force, SciPy and scikit-learn, and the theorems they obey."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls
from sklearn.linear_model import Lasso, orthogonal_mp

from namebasis.analysis.sparse.codes import SparseCode, refit, sparse_code
from namebasis.analysis.sparse.nonnegative import solve_nonnegative

SEEDS = st.integers(0, 2**32 - 1)


def unit(matrix: np.ndarray) -> np.ndarray:
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def problem(seed: int, n_atoms: int = 40, n_targets: int = 6, width: int = 12):
    rng = np.random.default_rng(seed)
    atoms = rng.standard_normal((n_atoms, width)) * rng.uniform(0.5, 2, (n_atoms, 1))
    targets = rng.standard_normal((n_targets, width)) * rng.uniform(0.1, 9, (n_targets, 1))
    return atoms.astype(np.float32), targets.astype(np.float32)


def errors(code: SparseCode, atoms: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Squared error of each code relative to its target's."""
    left = targets - code.reconstruct(atoms)
    return (left**2).sum(axis=1) / (targets**2).sum(axis=1)


def supports(code: SparseCode) -> list[set[int]]:
    return [set(row[row >= 0].tolist()) for row in code.indices]


@pytest.mark.parametrize("seed", range(5))
def test_batched_nonnegative_least_squares_equals_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    atoms = rng.standard_normal((50, 7, 9)) + 0.5
    targets = rng.standard_normal((50, 9))
    gram = np.einsum("bid,bjd->bij", atoms, atoms)
    weights = solve_nonnegative(gram, np.einsum("bid,bd->bi", atoms, targets))
    for rows, target, found in zip(atoms, targets, weights, strict=True):
        np.testing.assert_allclose(found, nnls(rows.T, target)[0], atol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_a_warm_start_ends_at_the_same_solution(seed: int) -> None:
    rng = np.random.default_rng(seed)
    atoms, targets = rng.standard_normal((30, 6, 9)), rng.standard_normal((30, 9))
    gram = np.einsum("bid,bjd->bij", atoms, atoms)
    moments = np.einsum("bid,bd->bi", atoms, targets)
    start = rng.uniform(0, 1, moments.shape) * (rng.uniform(size=moments.shape) < 0.5)
    cold, warm = solve_nonnegative(gram, moments), solve_nonnegative(gram, moments, start=start)
    np.testing.assert_allclose(warm, cold, atol=1e-7)


def reference_pursuit(atoms: np.ndarray, target: np.ndarray, k: int) -> dict[int, float]:
    """Nonnegative OMP written plainly, one target, SciPy's refit."""
    rows, support = unit(atoms.astype(float)), []
    weights = np.zeros(0)
    left = target.astype(float)
    while len(support) < k:
        match = rows @ left
        match[support] = -np.inf
        if match.max() <= 1e-6 * np.linalg.norm(target):
            break
        support.append(int(match.argmax()))
        weights = nnls(atoms[support].T.astype(float), target.astype(float))[0]
        support = [a for a, w in zip(support, weights, strict=True) if w > 0]
        weights = weights[weights > 0]
        left = target - weights @ atoms[support]
    return dict(zip(support, weights.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(8))
def test_nonnegative_pursuit_equals_the_plain_one(seed: int) -> None:
    atoms, targets = problem(seed, n_atoms=60, n_targets=20)
    code = sparse_code(atoms, targets, 6, atom_chunk=17, target_chunk=7)
    for row, target in enumerate(targets):
        expected = reference_pursuit(atoms, target, 6)
        used = code.indices[row] >= 0
        found = dict(zip(code.indices[row][used], code.weights[row][used], strict=True))
        assert found.keys() == expected.keys()
        for atom, weight in expected.items():
            assert found[atom] == pytest.approx(weight, rel=1e-4, abs=1e-5)


def test_a_weight_that_falls_to_zero_leaves_and_its_place_is_filled() -> None:
    # The sum of two atoms is closest to the third, which the two then make useless.
    atoms = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0.8, 0.6, 0.1, 0], [0, 0, 0, 1]], np.float32)
    target = np.array([[1.0, 1.0, 0.0, 0.01]], np.float32)
    code = sparse_code(atoms, target, 3)
    assert supports(code) == [{0, 1, 3}]
    np.testing.assert_allclose(code.similarities, 1.0, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_signed_pursuit_equals_scikit_learn(seed: int) -> None:
    atoms, targets = problem(seed, n_atoms=80, n_targets=30, width=24)
    atoms = unit(atoms).astype(np.float32)
    code = sparse_code(atoms, targets, 5, nonnegative=False, atom_chunk=32)
    peer = orthogonal_mp(atoms.T.astype(float), targets.T.astype(float), n_nonzero_coefs=5).T
    for row in range(len(targets)):
        dense = np.zeros(len(atoms))
        dense[code.indices[row]] = code.weights[row]
        np.testing.assert_allclose(dense, peer[row], atol=2e-4)


@pytest.mark.parametrize("nonnegative", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_no_code_beats_the_best_subset_and_orthogonal_atoms_reach_it(
    seed: int, nonnegative: bool
) -> None:
    atoms, targets = problem(seed, n_atoms=9, n_targets=4, width=9)
    orthogonal = np.linalg.qr(atoms.T)[0].T

    def best(dictionary: np.ndarray, target: np.ndarray) -> float:
        found = []
        for subset in combinations(range(9), 3):
            chosen = dictionary[list(subset)].T.astype(float)
            if nonnegative:
                found.append(nnls(chosen, target)[1] ** 2)
            else:
                weights = np.linalg.lstsq(chosen, target, rcond=None)[0]
                found.append(float(((target - chosen @ weights) ** 2).sum()))
        return min(found) / float((target**2).sum())

    for dictionary, is_exact in ((atoms, False), (orthogonal, True)):
        code = sparse_code(dictionary, targets, 3, nonnegative=nonnegative)
        swept = sparse_code(dictionary, targets, 3, nonnegative=nonnegative, n_sweeps=5)
        bound = np.array([best(dictionary, t.astype(float)) for t in targets])
        plain, better = errors(code, dictionary, targets), errors(swept, dictionary, targets)
        assert (better >= bound - 1e-5).all()
        assert (better <= plain + 1e-5).all()
        if is_exact:
            np.testing.assert_allclose(plain, bound, atol=1e-5)


def test_exchange_finds_the_pair_that_a_pursuit_misses() -> None:
    rng = np.random.default_rng(0)
    pair = unit(rng.standard_normal((2, 20)))
    decoy = unit((pair.sum(axis=0) + 0.1 * rng.standard_normal(20))[None])
    atoms = np.concatenate([unit(rng.standard_normal((50, 20))), pair, decoy])
    target = pair.sum(axis=0, keepdims=True)
    assert supports(sparse_code(atoms, target, 2)) != [{50, 51}]
    assert supports(sparse_code(atoms, target, 2, n_sweeps=3)) == [{50, 51}]


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, k=st.integers(1, 6))
def test_optimality_conditions_hold_on_every_support(seed: int, k: int) -> None:
    atoms, targets = problem(seed)
    code = sparse_code(atoms, targets, k)
    gradient = (targets - code.reconstruct(atoms)) @ unit(atoms).T
    tolerance = 2e-5 * np.linalg.norm(targets, axis=1)
    for row in range(len(targets)):
        used = code.indices[row][code.indices[row] >= 0]
        assert np.abs(gradient[row, used]).max() < tolerance[row]
        assert (code.weights[row, : len(used)] > 0).all()
        if len(used) < k:  # it stopped early, so nothing may improve it
            assert gradient[row].max() < tolerance[row]
    cosine = (code.reconstruct(atoms) * targets).sum(axis=1)
    cosine /= np.linalg.norm(code.reconstruct(atoms), axis=1) * np.linalg.norm(targets, axis=1)
    np.testing.assert_allclose(code.similarities, cosine, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, nonnegative=st.booleans())
def test_rotation_permutation_and_scale_change_nothing(seed: int, nonnegative: bool) -> None:
    atoms, targets = problem(seed)
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.standard_normal((12, 12)))[0].astype(np.float32)
    order = rng.permutation(len(atoms))
    plain = sparse_code(atoms, targets, 3, nonnegative=nonnegative)
    rotated = sparse_code(
        atoms[order] @ rotation * 3, targets @ rotation * 0.25, 3, nonnegative=nonnegative
    )
    assert supports(plain) == [{int(order[a]) for a in row} for row in supports(rotated)]
    np.testing.assert_allclose(plain.similarities, rotated.similarities, atol=1e-4)
    np.testing.assert_allclose(np.sort(plain.weights), np.sort(rotated.weights) * 12, atol=1e-3)


def test_chunks_and_batches_change_nothing() -> None:
    atoms, targets = problem(3, n_atoms=200, n_targets=40)
    whole = sparse_code(atoms, targets, 4)
    parts = sparse_code(atoms, targets, 4, target_chunk=3, atom_chunk=7)
    single = [sparse_code(atoms, target[None], 4) for target in targets]
    np.testing.assert_array_equal(whole.indices, parts.indices)
    np.testing.assert_array_equal(whole.indices, np.concatenate([c.indices for c in single]))
    np.testing.assert_allclose(whole.weights, parts.weights, atol=1e-4)


@pytest.mark.parametrize("nonnegative", [True, False])
def test_a_searcher_that_sees_everything_equals_the_product(nonnegative: bool) -> None:
    atoms, targets = problem(5, n_atoms=100, n_targets=20)
    exact = sparse_code(atoms, targets, 5, nonnegative=nonnegative)
    everything = lambda residuals, m: np.tile(np.arange(100), (len(residuals), 1))  # noqa: E731
    asked = sparse_code(atoms, targets, 5, nonnegative=nonnegative, candidates=everything)
    np.testing.assert_array_equal(exact.indices, asked.indices)


def test_a_searcher_is_asked_for_the_residuals_and_its_answer_is_scored_exactly() -> None:
    atoms = np.eye(4, dtype=np.float32)
    seen = []

    def searcher(residuals: np.ndarray, m: int) -> np.ndarray:
        seen.append(residuals.copy())
        return np.array([[2, 1, -1]])[:, :m]

    code = sparse_code(atoms, [[0.0, 3.0, 4.0, 12.0]], 3, candidates=searcher, n_candidates=3)
    assert supports(code) == [{1, 2}]  # atom 3 is best, but was not proposed
    np.testing.assert_allclose(seen[1], np.array([[0, 3, 0, 12]]) / 13, atol=1e-6)


def test_excluded_denied_and_grouped_atoms() -> None:
    atoms = np.eye(5, dtype=np.float32)
    targets = np.array([[5, 4, 3, 2, 1], [1, 2, 3, 4, 5]], np.float32)
    assert supports(sparse_code(atoms, targets, 2)) == [{0, 1}, {3, 4}]
    assert supports(sparse_code(atoms, targets, 2, exclude=[0, -1])) == [{1, 2}, {3, 4}]
    assert supports(sparse_code(atoms, targets, 2, exclude=[[0, 1], [4, 3]])) == [{2, 3}, {1, 2}]
    deny = np.array([False, True, False, False, False])
    assert supports(sparse_code(atoms, targets, 2, deny=deny)) == [{0, 2}, {3, 4}]
    groups = [0, 0, -1, 7, 7]
    assert supports(sparse_code(atoms, targets, 2, groups=groups)) == [{0, 2}, {2, 4}]
    assert supports(sparse_code(atoms, targets, 4, groups=groups)) == [{0, 2, 3}, {1, 2, 4}]
    everything = lambda residuals, m: np.tile(np.arange(5), (len(residuals), 1))  # noqa: E731
    asked = sparse_code(
        atoms, targets, 2, groups=groups, exclude=[0, -1], deny=deny, candidates=everything
    )
    assert supports(asked) == [{2, 3}, {2, 4}]
    swept = sparse_code(atoms, targets, 2, groups=groups, n_sweeps=2)
    assert supports(swept) == [{0, 2}, {2, 4}]


def test_equal_and_zero_atoms_are_chosen_once_and_never() -> None:
    rng = np.random.default_rng(0)
    base = rng.standard_normal((4, 6))
    atoms = np.concatenate([base, base * 2, np.zeros((2, 6))])
    targets = rng.standard_normal((20, 6))
    for nonnegative in (True, False):
        code = sparse_code(atoms, targets, 6, nonnegative=nonnegative, n_sweeps=1)
        assert np.isfinite(code.weights).all()
        for chosen in supports(code):
            assert not chosen & {8, 9}
            assert len({atom % 4 for atom in chosen}) == len(chosen)


def test_a_target_opposite_to_every_atom_has_an_empty_code() -> None:
    code = sparse_code(np.eye(3), [[-1.0, -1.0, -1.0]], 2)
    assert code.indices.tolist() == [[-1, -1]]
    assert np.isnan(code.similarities).all()
    assert not code.reconstruct(np.eye(3, dtype=np.float32)).any()


@pytest.mark.parametrize("penalty", [0.25, 0.4])
def test_the_lasso_equals_scikit_learn_at_its_penalty(penalty: float) -> None:
    rng = np.random.default_rng(0)
    atoms, targets = unit(rng.standard_normal((300, 20))), unit(rng.standard_normal((6, 20)))
    code = sparse_code(atoms, targets, 20, method="lasso", penalty=penalty)
    for row, target in enumerate(targets):
        peer = Lasso(alpha=penalty / 20, positive=True, fit_intercept=False, tol=1e-10)
        expected = peer.fit(atoms.T, target).coef_
        found = np.zeros(300)
        found[code.indices[row]] = code.weights[row]
        np.testing.assert_allclose(found, expected, atol=2e-4)
        assert (expected > 0).any()


def test_the_lasso_path_ends_before_it_has_too_many_atoms() -> None:
    rng = np.random.default_rng(1)
    atoms, targets = unit(rng.standard_normal((400, 24))), unit(rng.standard_normal((10, 24)))
    code = sparse_code(atoms, targets, 5, method="lasso")
    gradient = (targets - code.reconstruct(atoms.astype(np.float32))) @ atoms.T
    for row in range(10):
        used = code.indices[row][code.indices[row] >= 0]
        penalty = gradient[row, used]  # equal on the support, and no other atom exceeds it
        assert 1 <= len(used) <= 5
        assert np.ptp(penalty) < 1e-4
        assert gradient[row].max() < penalty.max() + 1e-3
        # A little further along the path there are more atoms, so it did not stop too early.
        peer = Lasso(alpha=0.98 * penalty.min() / 24, positive=True, fit_intercept=False, tol=1e-10)
        assert (peer.fit(atoms.T, targets[row]).coef_ > 1e-9).sum() >= min(5, len(used) + 1)


def test_refit_solves_for_given_atoms() -> None:
    atoms, targets = problem(7)
    indices = np.array([[3, 5, -1], [1, 2, 3], [0, -1, -1], [9, 8, 7], [4, 5, 6], [30, 31, 32]])
    code = refit(atoms, targets, indices)
    for row, chosen in enumerate(indices):
        used = chosen[chosen >= 0]
        expected = nnls(atoms[used].T.astype(float), targets[row].astype(float))[0]
        found = {
            int(a): float(w)
            for a, w in zip(code.indices[row], code.weights[row], strict=True)
            if a >= 0
        }
        for atom, weight in zip(used.tolist(), expected, strict=True):
            assert found.get(atom, 0.0) == pytest.approx(weight, abs=1e-4)
    with pytest.raises(ValueError, match="distinct"):
        refit(atoms, targets[:1], [[3, 3]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"targets": np.zeros((1, 12))}, "targets has 1 zero row"),
        ({"targets": np.full((1, 12), np.nan)}, "targets must be finite"),
        ({"targets": np.ones((1, 11))}, "targets must have 12 columns; got 11"),
        ({"targets": np.ones(12)}, r"targets\[None, :\]"),
        ({"dictionary": np.full((40, 12), np.inf)}, "dictionary must be finite"),
        ({"n_nonzero": 41}, "at most the number of atoms that may be used, 40 of 40"),
        ({"n_nonzero": 0}, "n_nonzero must be an integer, at least 1"),
        ({"n_nonzero": 2.0}, "n_nonzero must be an integer"),
        ({"deny": np.arange(40) > 0, "n_nonzero": 2}, "1 of 40"),
        ({"deny": np.zeros(39, bool)}, "deny must be a boolean mask of shape"),
        ({"exclude": [0, 1, 2, 3, 4, 40]}, "exclude must be between -1 and 39"),
        ({"exclude": [0, 1]}, "exclude must be integers of shape"),
        ({"groups": np.zeros(3, int)}, "groups must be integers of shape"),
        ({"max_per_group": 0}, "max_per_group must be an integer, at least 1"),
        ({"method": "magic"}, "method must be one of omp, lasso"),
        ({"method": "lasso", "nonnegative": False}, "lasso' is nonnegative"),
        ({"method": "lasso", "groups": np.zeros(40, int)}, "belong to method='omp'"),
        ({"method": "lasso", "penalty": 1.0}, r"penalty must lie in \[0, 1\)"),
        ({"penalty": 0.1}, "penalty belongs to method='lasso'"),
        ({"n_sweeps": -1}, "n_sweeps must be an integer, at least 0"),
        ({"candidates": lambda r, m: np.zeros((1, 1), int)}, "candidates must return integers"),
        ({"candidates": lambda r, m: np.full((len(r), 1), 40)}, "between 0 and 39"),
    ],
)  # fmt: skip
def test_refused_arguments(changes: dict[str, object], message: str) -> None:
    atoms, targets = problem(0)
    arguments = {"dictionary": atoms, "targets": targets, "n_nonzero": 3, **changes}
    with pytest.raises(ValueError, match=message):
        sparse_code(**arguments)
