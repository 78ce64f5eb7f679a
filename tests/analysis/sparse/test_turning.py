"""Random dictionaries: what a draw keeps, what it forgets, and that flips stand for draws."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.sparse.codes import sparse_code
from namebasis.analysis.sparse.turning import (
    TurnedDictionaries,
    _participation,
    similar_groups,
)


def rows(seed: int = 0, n: int = 300, width: int = 40) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixed = rng.standard_normal((n, width)) * np.arange(1, width + 1) ** -0.7
    turn = np.linalg.qr(rng.standard_normal((width, width)))[0]
    return (mixed @ turn).astype(np.float32)


def test_a_draw_keeps_size_and_second_moments_and_forgets_directions() -> None:
    names = rows()
    turned = TurnedDictionaries(names)
    target = names[0]
    drawn = [d.copy() for d, _ in turned.draws(target, 60, np.random.default_rng(1))]
    assert len(drawn) >= 3
    for one in drawn:
        assert one.shape == (300, 40)
        back = one @ turned.axes.T
        np.testing.assert_allclose(back.T @ back, names.T @ names, atol=2e-3)
        cosines = (back * names).sum(axis=1) / np.linalg.norm(back, axis=1)
        assert np.abs(np.mean(cosines / np.linalg.norm(names, axis=1))) < 0.3
    assert np.abs(drawn[0] - drawn[1]).max() > 0.1


def test_a_target_in_few_components_gets_more_turns() -> None:
    names = np.random.default_rng(0).standard_normal((200, 40)).astype(np.float32)
    turned = TurnedDictionaries(names)

    def sizes(target: np.ndarray) -> list[int]:
        drawn = turned.draws(target, 60, np.random.default_rng(1))
        return [len(seen) for _, seen in drawn]

    assert sizes(turned.axes[:, :3].sum(axis=1)) == [8] * 7 + [4]
    assert sizes(turned.axes.sum(axis=1)) == [25, 25, 10]


def test_within_a_group_of_equal_variance_cosines_among_rows_are_kept() -> None:
    half = np.linalg.qr(np.random.default_rng(0).standard_normal((60, 20)))[0]
    names = (half * 3).astype(np.float32)  # all 20 variances are equal
    turned = TurnedDictionaries(names)
    assert turned.groups == (slice(0, 20),)
    for one, _ in turned.draws(names[0], 8, np.random.default_rng(0)):
        np.testing.assert_allclose(one @ one.T, names @ names.T, atol=1e-4)


def test_a_flipped_target_equals_a_flipped_dictionary() -> None:
    names = rows()
    target = rows(5, 1)[0]
    turned = TurnedDictionaries(names)
    for one, seen in turned.draws(target, 4, np.random.default_rng(2)):
        assert len(seen) == 4
        code = sparse_code(one, seen, 3)
        plain = target @ turned.axes
        for row, similarity in zip(seen, code.similarities, strict=True):
            signs = np.sign(row * plain)
            flipped = ((one * signs) @ turned.axes.T).astype(np.float32)
            alone = sparse_code(flipped, target[None], 3).similarities[0]
            assert alone == pytest.approx(float(similarity), abs=1e-4)


def test_groups_hold_sixteen_and_halve() -> None:
    cut = similar_groups(np.array([8.0] * 20 + [3.0] * 3 + [1.0] * 40))
    assert cut == (slice(0, 20), slice(20, 36), slice(36, 63))
    assert similar_groups(np.ones(5)) == (slice(0, 5),)
    assert similar_groups(2.0 ** -np.arange(20)) == (slice(0, 20),)  # no rest of less than 16


def test_rows_that_span_little_are_turned_within_their_span() -> None:
    thin = (rows(0, 50, 3) @ np.ones((3, 9), np.float32) * [1, 0, 2, 0, 0, 0, 0, 0, 0]).astype(
        np.float32
    )
    turned = TurnedDictionaries(thin)
    assert turned.axes.shape == (9, 1)
    with pytest.raises(ValueError, match="all 0"):
        TurnedDictionaries(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="n_draws must be an integer, at least 1"):
        next(turned.draws(thin[0], 0, np.random.default_rng(0)))


def test_only_usable_rows_set_the_moments() -> None:
    names = rows()
    far = np.concatenate([names, 100 * names[:5]])
    usable = np.arange(305) < 300
    variances = TurnedDictionaries(far, usable).variances
    np.testing.assert_allclose(variances, TurnedDictionaries(names).variances, rtol=1e-5)


def test_participation_is_one_over_the_sum_of_squared_shares() -> None:
    assert _participation(np.array([3.0, 0, 0])) == pytest.approx(1)
    assert _participation(np.array([1.0, -1, 1, -1])) == pytest.approx(4)
    assert _participation(np.array([2.0, -1])) == pytest.approx(1 / (0.8**2 + 0.2**2))
