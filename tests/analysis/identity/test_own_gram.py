"""Own directions: shared or private, how many dimensions, carried over by a rotation."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from namebasis.analysis.identity.own_gram import carry_over, own_gram

DIM = 48


def drawn(n: int, seed: int, spread: np.ndarray | float = 1.0, dim: int = DIM) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dim)) * spread


def test_planted_pairs_are_shared_and_all_others_are_private() -> None:
    rows = drawn(60, 0)
    rows[1] = rows[0] + 0.2 * rows[1]
    rows[[4, 5]] = rows[3] + 0.2 * rows[[4, 5]]
    found = own_gram(rows, drawn(60, 1), n_resamples=20)
    assert found.nearest[:2].tolist() == [1, 0]
    assert set(found.nearest[3:6]) <= {3, 4, 5}
    assert (found.chance[[0, 1, 3, 4, 5]] == 1 / 61).all()  # no null direction has one as near
    assert found.cluster[3:6].tolist() == [0, 0, 0]  # the larger group comes first
    assert found.cluster[0] == found.cluster[1] > 0
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert found.cosine[0] == pytest.approx(unit[0] @ unit[1], abs=1e-6)
    null = drawn(60, 1)
    null /= np.linalg.norm(null, axis=1, keepdims=True)
    near = np.sort(null @ null.T, axis=1)[:, -2]
    assert found.limit == pytest.approx(np.quantile(near, 0.95), abs=1e-6)


def test_noise_that_fills_few_dimensions_feigns_nothing() -> None:
    """Of noise like the null's, 5 % seem shared, however uneven it is."""
    uneven = np.exp(-np.arange(DIM) / 6)
    shares, beyond = [], []
    for seed in range(30):
        found = own_gram(drawn(50, seed, uneven), drawn(50, 100 + seed, uneven), n_resamples=20)
        shares.append(np.mean(found.chance < 0.05))
        beyond.append(found.n_beyond)
        assert found.rank.value == pytest.approx(found.null_rank.value, rel=0.4)
    assert np.mean(shares) == pytest.approx(0.05, abs=0.03)
    assert np.mean(np.array(beyond) > 0) < 0.2


def test_directions_of_few_dimensions_are_counted() -> None:
    few = drawn(80, 0, dim=3) @ np.linalg.qr(drawn(DIM, 1)[:, :3])[0].T
    found = own_gram(few, drawn(80, 2), n_resamples=20)
    assert found.rank.value == pytest.approx(3, abs=0.3)
    assert found.rank.high < found.null_rank.low
    assert found.n_beyond == 3
    assert found.square.value == pytest.approx(1 / 3, abs=0.05)
    assert found.null_square.value == pytest.approx(1 / DIM, abs=0.01)


def test_pairs_that_share_a_part_are_not_compared() -> None:
    rows = drawn(30, 0)
    rows[1] = rows[0]
    alike = np.zeros((30, 30), bool)
    alike[0, 1] = alike[1, 0] = True
    found = own_gram(rows, drawn(30, 1), alike=alike, n_resamples=20)
    assert found.nearest[0] != 1
    assert np.isfinite(found.cosine).all()
    none = own_gram(rows, drawn(30, 1), alike=np.ones((30, 30), bool), n_resamples=20)
    assert (none.nearest == -1).all()
    assert np.isnan(none.chance).all()


def test_a_smaller_null_is_compared_with_as_few_others() -> None:
    """Of 200 others the nearest is nearer than of 40, which says nothing of the names."""
    shares = []
    for seed in range(20):
        found = own_gram(drawn(200, seed), drawn(40, 50 + seed), n_resamples=20)
        shares.append(np.mean(found.chance < 0.05))
    assert np.mean(shares) == pytest.approx(0.05, abs=0.03)


def test_a_larger_null_counts_all_choices_of_as_few_others() -> None:
    rows, null = drawn(8, 3), drawn(11, 4)
    units = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in (rows, null)]
    own, grams = units[0] @ units[0].T, units[1] @ units[1].T
    usual = np.array([
        [max(some) for some in combinations(np.delete(grams[at], at), 7)] for at in range(11)
    ])  # fmt: skip
    nearest = np.sort(own, axis=1)[:, -2]
    expected = [(1 + 11 * np.mean(usual >= one - 1e-9)) / 12 for one in nearest]
    found = own_gram(rows, null, n_resamples=20)
    np.testing.assert_allclose(found.chance, expected, atol=1e-6)
    even = np.quantile(usual, (np.arange(11) + 0.5) / 11, method="inverted_cdf")
    np.testing.assert_allclose(found.null_cosine, even, atol=1e-6)


@pytest.mark.parametrize(("n", "n_null"), [(30, 12), (12, 30)])
def test_no_verdict_depends_on_the_seed(n: int, n_null: int) -> None:
    found, other = (
        own_gram(drawn(n, 0), drawn(n_null, 1), n_resamples=20, seed=seed) for seed in (0, 1)
    )
    np.testing.assert_array_equal(found.chance, other.chance)
    np.testing.assert_array_equal(found.cluster, other.cluster)


def test_a_rotation_carries_all_over_and_unrelated_ones_nothing() -> None:
    rows = drawn(120, 0, dim=20)
    turned = rows @ np.linalg.qr(drawn(32, 1, dim=32))[0][:20]
    same = carry_over(rows, turned, n_splits=3, n_null=20)
    assert same.cosine.value == pytest.approx(1, abs=1e-6)
    assert same.found.value == 1
    assert same.chance == 1 / 21
    back = carry_over(turned, rows, n_splits=3, n_null=20)
    assert back.cosine.value == pytest.approx(1, abs=1e-6)
    other = carry_over(rows, drawn(120, 5, dim=32), n_splits=3, n_null=20)
    assert abs(other.cosine.value) < 0.1
    assert other.by_chance == 1 / 60
    assert other.found.value < 0.1
    assert other.chance > 0.05


def test_too_few_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 8"):
        own_gram(drawn(5, 0), drawn(20, 1))
    with pytest.raises(ValueError, match="must pair up; got 20 and 10"):
        carry_over(drawn(20, 0), drawn(10, 0))
