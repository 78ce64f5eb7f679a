"""The pursuit by inner products against the pursuit by vectors."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.sparse.codes import sparse_code
from namebasis.analysis.sparse.products import Products


@pytest.mark.parametrize("n_slots", [1, 3, 4])
@pytest.mark.parametrize("n_start", [0, 2])
def test_codes_are_those_of_sparse_code(n_slots: int, n_start: int) -> None:
    rng = np.random.default_rng(n_slots)
    rows = rng.standard_normal((90, 12)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[7] = rows[3]  # of equal atoms one
    atoms, targets = rows[:30], rows[10:]
    barred = np.where(np.arange(80) < 20, np.arange(10, 90), -1)  # no atom codes itself
    products = Products(12, targets)
    for atom in atoms:
        products.add(atom)
    some = np.arange(0, 80, 3)
    start = None
    if n_start and n_start < n_slots:
        start = products.pursue(some, barred[some], n_start)
    found = products.pursue(some, barred[some], n_slots, start)
    expected = sparse_code(atoms, targets[some], n_slots, exclude=barred[some])
    np.testing.assert_allclose(found.similarities(), expected.similarities, atol=1e-6)
    dense = np.zeros((2, len(some), 30))
    rows_of = np.arange(len(some))
    for slot in range(n_slots):
        dense[0, rows_of, found.support[:, slot]] += found.weights[:, slot]
        dense[1, rows_of, expected.indices[:, slot]] += expected.weights[:, slot]
    lengths = np.linalg.norm(atoms.astype(np.float64), axis=1)
    np.testing.assert_allclose(dense[0], dense[1] * lengths, atol=1e-5)


def test_a_target_whose_only_atom_is_barred_has_an_empty_code() -> None:
    products = Products(2, np.eye(2, dtype=np.float32))
    products.add(np.array([1, 0], np.float32))
    found = products.pursue(np.arange(2), np.array([0, -1]), 1)
    assert found.support.tolist() == [[-1], [-1]]
    assert np.isnan(found.similarities()).all()


def test_a_dropped_atom_leaves_no_trace() -> None:
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((60, 10)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    whole, part = Products(10, rows[40:]), Products(10, rows[40:])
    for at in range(40):  # more than there is room for at first
        whole.add(rows[at])
        if at not in (0, 17, 39):
            part.add(rows[at])
    for at in (39, 17, 0):
        whole.drop(at)
    assert len(whole) == len(part) == 37
    np.testing.assert_allclose(whole.gram, part.gram, atol=1e-14)
    every, none = np.arange(20), np.full(20, -1)
    found, expected = (one.pursue(every, none, 4) for one in (whole, part))
    np.testing.assert_array_equal(found.support, expected.support)
    np.testing.assert_allclose(found.weights, expected.weights, atol=1e-12)
