"""Apparent skin colour: CIELAB by published values, patches of known colour, synthetic faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from namebasis.validation.extractors.colour import hue_angle, to_lab
from namebasis.validation.extractors.skin import (
    FALLBACK,
    fallback_mask,
    overlay,
    skin_colour,
)

FACES = Path(__file__).parents[3] / "shared" / "data" / "faces"


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (53.2408, 80.0925, 67.2032)),
        ((0, 255, 0), (87.7347, -86.1827, 83.1793)),
        ((0, 0, 255), (32.2970, 79.1875, -107.8602)),
        ((119, 119, 119), (50.0344, 0.0, 0.0)),
    ],
)
def test_lab_has_the_published_values(
    rgb: tuple[int, int, int], lab: tuple[float, float, float]
) -> None:
    np.testing.assert_allclose(to_lab(np.array(rgb, np.uint8)), lab, atol=0.01)
    np.testing.assert_allclose(to_lab(np.array(rgb) / 255), lab, atol=0.01)


def test_the_hue_is_in_degrees_and_knows_the_quadrant() -> None:
    lab = np.array([[50.0, 10.0, 10.0], [50.0, -10.0, 10.0], [50.0, 10.0, -10.0]])
    np.testing.assert_allclose(hue_angle(lab), [45, 135, -45])


def test_pixels_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"uint8, or floats in \[0, 1\]"):
        to_lab(np.array([0.0, 0.5, 2.0]))
    with pytest.raises(ValueError, match=r"shape \(\.\.\., 3\); got \(4,\)"):
        to_lab(np.zeros(4))


SKINS = [(255, 224, 196), (224, 172, 138), (198, 134, 96), (141, 85, 54), (88, 54, 38)]


@pytest.mark.parametrize("rgb", SKINS)
def test_a_patch_of_known_colour_is_exact(rgb: tuple[int, int, int]) -> None:
    found = skin_colour(Image.new("RGB", (64, 64), rgb))
    known = to_lab(np.array(rgb, np.uint8))
    assert abs(found.lightness - known[0]) < 0.5
    assert abs(found.hue - hue_angle(known)) < 0.5
    assert found.is_light == (known[0] > 60)
    assert found.is_yellow == (hue_angle(known) > 55)
    assert found.mask == FALLBACK


def test_shadow_weighs_nothing_and_background_is_left_out() -> None:
    """Two thirds lit skin, a third in shadow, a blue wall around: the lit skin is measured."""
    pixels = np.full((90, 90, 3), (40, 80, 200), np.uint8)
    pixels[15:75, 15:75] = (224, 172, 138)
    pixels[15:35, 15:75] = (60, 38, 28)
    mask = np.zeros((90, 90), bool)
    mask[15:75, 15:75] = True
    # With 5 clusters over two colours and a blurred edge, the 3 lightest are nearly all lit skin.
    found = skin_colour(Image.fromarray(pixels), segment=lambda image: mask)
    assert found.mask == "segmentation"
    assert found.n_pixels == 3600
    assert abs(found.lightness - to_lab(np.array((224, 172, 138), np.uint8))[0]) < 1.0


def test_grain_does_not_move_the_colour() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 8, (128, 128, 3))
    pixels = np.clip(np.array((198, 134, 96)) + noise, 0, 255).astype(np.uint8)
    found = skin_colour(Image.fromarray(pixels), segment=lambda i: np.ones((128, 128), bool))
    known = to_lab(np.array((198, 134, 96), np.uint8))
    assert abs(found.lightness - known[0]) < 2
    assert abs(found.hue - hue_angle(known)) < 3


@pytest.mark.parametrize("colour", [(0, 0, 255), (0, 128, 0), (0, 0, 0)])
def test_without_skin_nothing_is_measured_and_the_reason_is_said(
    colour: tuple[int, int, int],
) -> None:
    found = skin_colour(Image.new("RGB", (64, 64), colour))
    assert np.isnan(found.lightness)
    assert found.is_light is None
    assert found.is_yellow is None
    assert found.reason == f"no skin found: 0 pixels by {FALLBACK}"


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"image's shape, \(20, 30\); got \(30, 20\)"):
        skin_colour(Image.new("RGB", (30, 20)), segment=lambda image: np.ones((30, 20), bool))


def test_the_same_seed_gives_the_same_colour() -> None:
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(120, 200, (80, 80, 3), dtype=np.uint8))
    assert skin_colour(image, segment=lambda i: np.ones((80, 80), bool)) == skin_colour(
        image, segment=lambda i: np.ones((80, 80), bool)
    )


def test_faces_are_measured_sensibly(tmp_path: Path) -> None:
    """Ten synthetic faces: most have skin in the middle; the overlay is kept to be looked at."""
    if not FACES.is_dir():
        pytest.skip("no ../shared/data/faces beside the checkout")
    images = [Image.open(path).convert("RGB") for path in sorted(FACES.glob("*.jpg"))]
    found = [skin_colour(image) for image in images]
    sheet = Image.new("RGB", (5 * 256, 2 * 256))
    for place, image in enumerate(images):
        shown = overlay(image, fallback_mask(image)).resize((256, 256))
        sheet.paste(shown, (place % 5 * 256, place // 5 * 256))
    sheet.save(tmp_path / "overlay.png")
    assert all(result.reason is None for result in found)
    assert all(20 < result.lightness < 95 and 20 < result.hue < 90 for result in found)
