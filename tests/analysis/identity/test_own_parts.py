from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.identity.own_parts import Swaps, attribute_basis, resampled_scores

RNG = np.random.default_rng(0)
N_GIVEN, N_FAMILY, N, DIM = 6, 5, 12, 30


def swaps(own: float = 2.0) -> Swaps:
    """Additive parts with noise, and full names with a direction of their own of length `own`."""
    given, family = RNG.standard_normal((N_GIVEN, DIM)), RNG.standard_normal((N_FAMILY, DIM))
    first, last = RNG.standard_normal((N, DIM)), RNG.standard_normal((N, DIM))

    def pairs(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        rows = left[:, None] + right[None]
        return rows + 0.1 * RNG.standard_normal(rows.shape)

    g, f = np.arange(8) % N_GIVEN, np.arange(8) % N_FAMILY
    direction = RNG.standard_normal((8, DIM))
    direction *= own / np.linalg.norm(direction, axis=1, keepdims=True)
    valid = np.ones((N_GIVEN, N), bool)
    valid[:, -2:] = False
    return Swaps(
        given[g] + family[f] + direction, pairs(first, last), pairs(given, last),
        pairs(first, family).transpose(1, 0, 2), valid, np.ones((N_FAMILY, N), bool), g, f,
    )  # fmt: skip


def test_draws_centre_on_the_measured_score() -> None:
    made = swaps()
    drawn = resampled_scores(made, n_resamples=400, seed=0)
    np.testing.assert_allclose(drawn.mean(axis=1), made.measure().score, rtol=0.03)
    assert (drawn.std(axis=1) > 0).all()


def test_a_draw_is_the_score_of_resampled_swaps() -> None:
    made = swaps()
    noisy = made.measure().length / made.measure().score
    np.testing.assert_allclose(noisy, 0.1 * np.sqrt(DIM), rtol=0.35)
    small = resampled_scores(swaps(own=0.0), n_resamples=400, seed=0)
    assert np.median(small) < 1 < np.median(resampled_scores(made, n_resamples=20, seed=0))


def test_within_and_off_a_basis_add_up() -> None:
    made = swaps()
    basis, _ = np.linalg.qr(RNG.standard_normal((DIM, 4)))
    within, beyond = made.onto(basis.T).measure(), made.onto(basis.T, off=True).measure()
    total = within.length**2 + beyond.length**2
    np.testing.assert_allclose(total, made.measure().length ** 2, rtol=1e-5)


def test_the_basis_spans_differences_of_values_of_one_attribute() -> None:
    axes = np.eye(8)
    values = np.stack([axes[7] + axes[0], axes[7] - axes[0], axes[1], axes[2], axes[3]])
    found = attribute_basis(values, [0, 0, 1, 1, 1])
    assert found.shape == (3, 8)
    np.testing.assert_allclose(found @ found.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(found[:, 7], 0, atol=1e-9)  # what all values share
    np.testing.assert_allclose(np.linalg.norm(found @ axes[0]), 1, atol=1e-9)
    assert attribute_basis(values[:1], [0]).shape == (0, 8)
    with pytest.raises(ValueError, match="one for each of 5 values"):
        attribute_basis(values, [0, 1])
