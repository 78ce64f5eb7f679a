"""Pictures: shapes against closed forms, and every attribute visible and readable."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.organism.canvas import Canvas
from namebasis.organism.people import People, random_people
from namebasis.organism.renderer import render
from namebasis.organism.scenes import scene_pixels
from namebasis.organism.sheet import contact_sheet
from namebasis.organism.words import ATTRIBUTES, CONTEXTS
from namebasis.organism.world import N_FINE


def values(*numbers: float) -> np.ndarray:
    return np.array(numbers, np.float32)


def blank(n: int = 1, size: int = 48) -> Canvas:
    return Canvas(np.zeros((n, 3, size, size), np.float32))


def test_an_ellipse_has_its_area_and_its_colour() -> None:
    canvas = blank(2)
    canvas.ellipse(values(24, 20), values(24, 30), values(10, 6), values(15, 6),
                   np.array([[1, 0.5, 0], [0, 0, 1]], np.float32))  # fmt: skip
    assert canvas.pixels[0, 0].sum() == pytest.approx(np.pi * 10 * 15, rel=0.01)
    assert canvas.pixels[1, 2].sum() == pytest.approx(np.pi * 36, rel=0.01)
    np.testing.assert_allclose(canvas.pixels[0, 1], 0.5 * canvas.pixels[0, 0])
    assert canvas.pixels[0, :, 24, 24].tolist() == [1, 0.5, 0]
    assert canvas.pixels[0, :, 0, 0].tolist() == [0, 0, 0]
    assert not canvas.pixels[1, 0].any()


def test_half_an_ellipse_has_half_the_area() -> None:
    upper, lower = blank(), blank()
    shape = (values(24), values(24), values(12), values(9), np.ones((1, 3), np.float32))
    upper.ellipse(*shape, above=values(24))
    lower.ellipse(*shape, below=values(24))
    assert upper.pixels[0, 0].sum() == pytest.approx(np.pi * 12 * 9 / 2, rel=0.01)
    np.testing.assert_allclose(upper.pixels[0, 0], lower.pixels[0, 0, ::-1], atol=1e-5)


def test_a_squarer_ellipse_fills_more() -> None:
    canvas = blank(2)
    canvas.ellipse(values(24, 24), values(24, 24), values(12, 12), values(12, 12),
                   np.ones((2, 3), np.float32), power=values(2, 8))  # fmt: skip
    areas = canvas.pixels[:, 0].sum(axis=(1, 2))
    assert areas[0] == pytest.approx(np.pi * 144, rel=0.02)
    # The superellipse's area: 4 ab G(1 + 1/p)^2 / G(1 + 2/p).
    from math import gamma

    assert areas[1] == pytest.approx(4 * 144 * gamma(1.125) ** 2 / gamma(1.25), rel=0.02)


def test_a_bar_has_its_area_whatever_its_slope() -> None:
    for slope in (0.0, 0.7):
        canvas = blank()
        canvas.bar(values(24), values(20), values(9), values(3), np.ones((1, 3), np.float32),
                   slope=slope)  # fmt: skip
        assert canvas.pixels[0, 0].sum() == pytest.approx(18 * 6, rel=0.02)
    leaning = np.argwhere(canvas.pixels[0, 0] > 0.5)
    assert np.corrcoef(leaning.T)[0, 1] > 0.5  # down to the right


def test_opacity_zero_paints_nothing_and_edges_are_cut() -> None:
    canvas = blank(2)
    canvas.ellipse(values(0, 0), values(0, 0), values(10, 10), values(10, 10),
                   np.ones((2, 3), np.float32), opacity=values(1, 0))  # fmt: skip
    assert canvas.pixels[0, 0].sum() == pytest.approx(np.pi * 100 / 4, rel=0.05)
    assert not canvas.pixels[1].any()
    canvas.bar(
        values(90, 90), values(9, 9), values(3, 3), values(3, 3), np.ones((2, 3), np.float32)
    )


def test_shapes_keep_their_share_at_other_sizes() -> None:
    large = blank(size=96)
    large.ellipse(values(24), values(24), values(10), values(15), np.ones((1, 3), np.float32))
    assert large.pixels[0, 0].mean() == pytest.approx(np.pi * 150 / 48**2, rel=0.01)


def test_pictures_follow_from_people_and_seed() -> None:
    people = random_people(5, np.random.default_rng(0))
    first, again, other = (render(people, seed=seed) for seed in (3, 3, 4))
    assert first.shape == (5, 48, 48, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert render(people, size=64).shape == (5, 64, 64, 3)
    none = People(people.attributes[:0], people.fine[:0], people.contexts[:0])
    assert render(none).shape == (0, 48, 48, 3)


@pytest.mark.parametrize("position", range(9), ids=[*ATTRIBUTES, *CONTEXTS])
def test_every_value_changes_many_pixels(position: int) -> None:
    """Two values differ by 40 of 255 or more on at least 20 pixels of 2,304."""
    rng = np.random.default_rng(0)
    base = random_people(6, rng)
    n_values = [*map(len, ATTRIBUTES.values()), *map(len, CONTEXTS.values())][position]
    drawn = []
    for code in range(n_values):
        attributes, contexts = base.attributes.copy(), base.contexts.copy()
        (attributes if position < 6 else contexts)[:, position - 6 * (position >= 6)] = code
        drawn.append(render(People(attributes, base.fine, contexts), seed=1).astype(int))
    for one in range(n_values):
        for two in range(one):
            changed = (np.abs(drawn[one] - drawn[two]).max(axis=3) >= 40).sum(axis=(1, 2))
            assert changed.min() >= 20, (one, two)


def test_fine_features_are_seen_too() -> None:
    rng = np.random.default_rng(0)
    one = random_people(1, rng)
    fine = (rng.choice([-1, 1], (8, N_FINE)) * rng.uniform(0.3, 1, (8, N_FINE))).astype(np.float32)
    people = People(np.repeat(one.attributes, 8, 0), fine, np.repeat(one.contexts, 8, 0))
    plain = People(people.attributes, np.repeat(fine[:1], 8, 0), people.contexts)
    changed = np.abs(render(people, seed=0).astype(int) - render(plain, seed=0)).max(axis=3) >= 40
    assert changed[1:].sum(axis=(1, 2)).min() >= 60
    assert not changed[0].any()


def test_wrong_codes_are_refused() -> None:
    people = random_people(2, np.random.default_rng(0))
    wrong = people.attributes.copy()
    wrong[0, 1] = 2
    with pytest.raises(ValueError, match=r"attributes must have shape \(2, 6\) and codes below"):
        render(People(wrong, people.fine, people.contexts))
    with pytest.raises(ValueError, match=r"fine must have shape \(2, 12\); got \(2, 3\)"):
        render(People(people.attributes, people.fine[:, :3], people.contexts))
    with pytest.raises(ValueError, match="size must be an integer, at least 16"):
        render(people, size=8)


def test_scenes_are_shifted_copies_of_one_pattern() -> None:
    rng = np.random.default_rng(0)
    pixels = scene_pixels(np.full(40, 3, np.int8), 48, rng)
    for other in pixels[1:]:
        assert any(np.array_equal(np.roll(pixels[0], by, axis=2), other) for by in range(48))


def test_the_contact_sheet_has_a_row_for_every_value() -> None:
    sheet = contact_sheet(seed=0, columns=2)
    rows = sum(map(len, [*ATTRIBUTES.values(), *CONTEXTS.values()])) + 3
    assert sheet.size == (2 * (2 * 100 + 4) + 4, -(-rows // 2) * 112)
    colours = np.asarray(sheet).reshape(-1, 3).astype(np.int32) @ (1 << 16, 1 << 8, 1)
    assert len(np.unique(colours)) > 1000


def test_light_that_is_too_bright_stays_white(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without the cut at 1, white in bright light would come out black.
    def white(contexts: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
        return np.full((len(contexts), 3, size, size), 1.3, np.float32)

    monkeypatch.setattr("namebasis.organism.renderer.scene_pixels", white)
    pictures = render(random_people(6, np.random.default_rng(0)), size=48)
    assert (pictures[:, 0, 0] == 255).all()
