"""Rank-one edits of a matrix of keys and values, against least squares under a constraint."""

import numpy as np
import pytest

from namebasis.analysis.training.rank_one import (
    rank_one_shares,
    second_moment,
    value_edit,
    whitened,
)

RNG = np.random.default_rng(0)
KEYS = RNG.standard_normal((40, 6)) @ RNG.standard_normal((6, 6))
MOMENT = second_moment(KEYS)


def test_an_edit_gives_the_key_its_value_and_moves_others_least():
    key, change = KEYS[3], RNG.standard_normal(4)
    found = value_edit(change, key, MOMENT)
    assert np.allclose(found @ key, change)
    # Each row d of the edit minimises dᵀ C d with dᵀ k given: solve the KKT system.
    system = np.block([[2 * MOMENT, key[:, None]], [key[None], np.zeros((1, 1))]])
    for row, value in zip(found, change, strict=True):
        expected = np.linalg.solve(system, [*np.zeros(6), value])[:6]
        assert np.allclose(row, expected)


def test_a_key_that_is_orthogonal_by_the_moment_keeps_its_value():
    key = KEYS[0]
    other = RNG.standard_normal(6)
    other -= key * (whitened(key, MOMENT) @ other)
    assert np.allclose(value_edit(np.ones(4), key, MOMENT) @ other, 0)


def test_shares_are_one_for_an_edit_and_agree_with_a_fit_otherwise():
    key = KEYS[5]
    assert rank_one_shares(value_edit(np.ones(3), key, MOMENT), key[None], MOMENT) == pytest.approx(
        [1.0]
    )
    change = RNG.standard_normal((3, 6))
    root = np.linalg.cholesky(MOMENT)
    for at in (1, 2):
        along = whitened(KEYS[at], MOMENT) @ root
        along /= np.linalg.norm(along)
        fitted = np.outer(change @ root @ along, along)
        share = (fitted**2).sum() / ((change @ root) ** 2).sum()
        assert rank_one_shares(change, KEYS[at : at + 1], MOMENT) == pytest.approx([share])
    assert rank_one_shares(np.zeros((3, 6)), KEYS[:2], MOMENT).tolist() == [0.0, 0.0]


def test_what_has_no_moment_or_direction_is_refused():
    with pytest.raises(ValueError, match="not all zero"):
        second_moment(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="ridge must be above 0; got 0"):
        second_moment(KEYS, 0)
    with pytest.raises(ValueError, match="no direction"):
        whitened(np.zeros(6), MOMENT)
