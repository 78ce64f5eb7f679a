"""Own direction and part capture in additive worlds with a planted identity."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.identity.own_direction import (
    own_direction,
    part_capture,
    part_effects,
    part_hold,
    partner_grid,
)

RNG = np.random.default_rng(0)
DIM, N, S = 24, 5, 12
GRAND = RNG.standard_normal(DIM)
GIVEN, FAMILY = RNG.standard_normal((N, DIM)), RNG.standard_normal((N, DIM))
FIRST, LAST = RNG.standard_normal((S, DIM)), RNG.standard_normal((S, DIM))
ROWS = np.arange(N)


def noisy(values: np.ndarray, scale: float, seed: int = 1) -> np.ndarray:
    return values + scale * np.random.default_rng(seed).standard_normal(values.shape)


def measured(whole: np.ndarray, scale: np.ndarray | float = 0.1, valid: np.ndarray | None = None):
    grid = partner_grid(GRAND + FIRST[:, None] + LAST)
    steps = np.broadcast_to(scale, N)[:, None, None]
    given = part_effects(
        GRAND + GIVEN[:, None] + LAST + steps * RNG.standard_normal((N, S, DIM)),
        grid.family,
        valid,
    )
    family = part_effects(noisy(GRAND + FAMILY[:, None] + FIRST, 0.1), grid.given)
    return own_direction(whole, given, family, grid.grand, ROWS, ROWS), given


def test_the_remainder_is_the_planted_direction() -> None:
    planted = np.zeros((N, DIM))
    planted[2] = 3.0
    own, _ = measured(GRAND + GIVEN + FAMILY + planted)
    assert own.score.argmax() == 2
    assert own.remainder[2] == pytest.approx(planted[2], abs=0.3)
    assert own.length[2] == pytest.approx(np.linalg.norm(planted[2]), rel=0.05)
    assert (np.delete(own.length, 2) < 0.5).all()


def test_the_score_is_measured_in_the_noise_of_the_noisier_part() -> None:
    scale = np.array([0.1, 0.1, 0.1, 0.1, 2.0])
    own, given = measured(GRAND + GIVEN + FAMILY, scale)
    expected = np.sqrt(DIM) * scale
    assert given.noise == pytest.approx(expected, rel=0.2)
    assert own.score[4] == pytest.approx(own.length[4] / given.noise[4])
    assert own.strength[4] < own.strength[:4].min()


def test_swaps_marked_as_real_names_change_nothing() -> None:
    valid = np.ones((N, S), bool)
    valid[1, 3] = False
    swaps = noisy(GRAND + GIVEN[:, None] + LAST, 0.1)
    partners = partner_grid(GRAND + FIRST[:, None] + LAST).family
    spoiled = swaps.copy()
    spoiled[1, 3] = 1e3
    clean, dirty = part_effects(swaps, partners, valid), part_effects(spoiled, partners, valid)
    assert np.array_equal(clean.effects, dirty.effects)
    assert np.array_equal(clean.noise, dirty.noise)


def test_a_part_that_means_the_whole_is_captured() -> None:
    part = np.eye(3, 8)
    swaps = noisy(np.repeat(part[:, None], 10, axis=1) * 0.5, 0.2)
    whole = part.copy()
    whole[1:] *= 0.5
    found = part_capture(whole, part, swaps)
    assert found[0] > 2
    assert np.abs(found[1:]).max() < 1.5
    peer = [(whole[i] @ part[i] - (swaps[i] @ part[i]).mean()) / (swaps[i] @ part[i]).std(ddof=1)
            for i in range(3)]  # fmt: skip
    assert found == pytest.approx(peer)


def test_too_few_swaps_and_no_noise_are_refused() -> None:
    swaps, partners = GRAND + GIVEN[:, None] + LAST, LAST
    with pytest.raises(ValueError, match="at least 4 valid swaps; row 0 has 3"):
        part_effects(swaps[:, :3], partners[:3])
    with pytest.raises(ValueError, match=r"partners must have shape \(12, 24\)"):
        part_effects(swaps, partners[:3])
    with pytest.raises(ValueError, match="nothing unexplained"):
        measured(GRAND + GIVEN + FAMILY, 0.0)
    with pytest.raises(ValueError, match="3-D"):
        partner_grid(np.eye(3))


def test_a_part_whose_swaps_are_all_alike_has_no_capture_and_others_keep_theirs() -> None:
    swaps = np.random.default_rng(0).standard_normal((3, 5, 4))
    whole, part = np.ones((2, 3, 4)) * [[[1.0]], [[0.5]]]
    alone = part_capture(whole, part, swaps)
    swaps[1] = swaps[1, 0]
    found = part_capture(whole, part, swaps)
    assert np.isnan(found).tolist() == [False, True, False]
    assert found[[0, 2]] == pytest.approx(alone[[0, 2]], abs=0)


def test_a_part_holds_a_name_as_far_as_its_swaps_point_where_the_name_does() -> None:
    """Swaps at known angles about a centre: the mean of their cosines, whatever their lengths."""
    centre = np.array([5.0, -2.0])
    angles = np.array([[0.0, 0.5, 1.0, 2.0], [0.0, 0.0, 0.0, 0.0]])
    lengths = np.array([1.0, 3.0, 0.2, 7.0])[:, None]
    swaps = centre + lengths * np.stack([np.cos(angles), np.sin(angles)], axis=2)
    whole = centre + np.array([[2.0, 0.0], [-1.0, 0.0]])
    np.testing.assert_allclose(
        part_hold(whole, swaps, centre), [np.cos(angles[0]).mean(), -1.0], atol=1e-12
    )


def test_swaps_that_are_real_names_do_not_count_for_the_hold() -> None:
    swaps = noisy(np.ones((2, 6, DIM)), 0.1)
    swaps[:, 0] = -50
    valid = np.ones((2, 6), dtype=bool)
    valid[:, 0] = False
    whole = np.ones((2, DIM))
    kept = part_hold(whole, swaps, np.zeros(DIM), valid)
    np.testing.assert_allclose(kept, part_hold(whole, swaps[:, 1:], np.zeros(DIM)))
    assert (kept > 0.9).all()
    assert (part_hold(whole, swaps, np.zeros(DIM)) < kept).all()
    valid[1, 2:4] = False
    with pytest.raises(ValueError, match="needs at least 4 valid swaps"):
        part_hold(whole, swaps, np.zeros(DIM), valid)
    with pytest.raises(ValueError, match="lies at the centre and has no direction"):
        part_hold(whole, swaps, np.ones(DIM))
