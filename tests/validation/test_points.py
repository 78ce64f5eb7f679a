"""Pictures of points: a name's own pieces paint the name, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from namebasis.encoders.base import Encoder
from namebasis.encoders.embedded import Slot
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError, SpaceError
from namebasis.validation.pictures.pipelines import ImagePipeline, PaintOptions, load_pipeline
from namebasis.validation.pictures.points import _given, paint_points, write_strip
from tests.lazily import library

library("diffusers", "the extra diffusers is not installed")
NAMES = ["vic ki", "an na"]


@pytest.fixture
def pipeline(models: Callable[[str], Path]) -> ImagePipeline:
    return load_pipeline(f"diffusers:{models('pipeline')}", device="cpu")


@pytest.fixture
def encoder(models: Callable[[str], Path]) -> Encoder:
    return load_encoder(f"diffusers:{models('pipeline')}", device="cpu")


def test_a_names_own_pieces_paint_the_name(pipeline: ImagePipeline, encoder: Encoder) -> None:
    rows = encoder.piece_embeddings(NAMES)
    how = PaintOptions(steps=2, guidance=5.0)  # with a negative prompt beside
    found = paint_points(pipeline, encoder, rows, "the photo {}", seed=3, options=how)
    prompts = [f"the photo {name}" for name in NAMES]
    expected = [np.asarray(image, int) for image, _ in pipeline.paint(prompts, [3, 3], how)]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(one, int), other, atol=1)
    assert np.abs(expected[0] - expected[1]).max() > 3


def test_a_pipeline_with_other_texts_is_refused(pipeline: ImagePipeline, encoder: Encoder) -> None:
    other = load_encoder("organism", device="cpu")
    with pytest.raises(EncoderError, match="reads texts with another encoder than organism"):
        paint_points(pipeline, other, other.piece_embeddings(["q"]))
    rows = encoder.piece_embeddings(["vic", "vic ki"])
    with pytest.raises(ValueError, match=r"need equally many pieces; got \[1, 2\]"):
        paint_points(pipeline, encoder, rows)

    class Two(ImagePipeline):
        def parts(self) -> dict[str, Any]:
            return {**super().parts(), "text_encoder_2": object()}

    two = Two(pipeline._pipeline, "diffusers:two", "sha256:0")
    with pytest.raises(EncoderError, match="has not one text encoder but 2; a point is of one"):
        paint_points(two, encoder, rows[:1])


def test_only_texts_with_the_places_are_changed() -> None:
    """Negative prompts come before the others, in a batch with them or by themselves."""
    table = torch.nn.Embedding(9, 4)
    plain = table.weight.detach()
    slot, rows = Slot("{}", (7, 1, 1, 8), 1, 2, "q q"), np.arange(16, dtype=np.float32)
    rows = rows.reshape(2, 2, 4)
    asked = torch.tensor([[7, 3, 1, 8], [7, 1, 3, 8], [7, 1, 1, 8], [7, 1, 1, 8]])
    with _given(table, slot, rows, "toy"), torch.no_grad():
        short, found = table(torch.tensor([[7, 8]])), table(asked)
    torch.testing.assert_close(short[0], plain[[7, 8]])
    torch.testing.assert_close(found[:2], plain[asked[:2]])
    torch.testing.assert_close(found[2:, 1:3], torch.from_numpy(rows))
    torch.testing.assert_close(found[2:, [0, 3]], plain[[7, 8]].expand(2, 2, 4))
    with (
        pytest.raises(EncoderError, match="toy asks for 1 texts of 2 points"),
        _given(table, slot, rows, "toy"),
    ):
        table(asked[:3])
    with (
        pytest.raises(EncoderError, match="toy does not read texts through its table"),
        _given(table, slot, rows, "toy"),
    ):
        pass
    torch.testing.assert_close(table(asked).detach(), plain[asked])


def test_a_strip_holds_the_pictures_in_order(tmp_path: Path) -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    write_strip([Image.new("RGB", (8, 6), one) for one in colours], tmp_path / "s.png")
    strip = Image.open(tmp_path / "s.png")
    assert strip.size == (28, 6)
    white = (255, 255, 255)
    found = [strip.getpixel((at, 3)) for at in (4, 9, 14, 24)]
    assert found == [colours[0], white, colours[1], colours[2]]
    with pytest.raises(SpaceError, match="already exists"):
        write_strip([strip], tmp_path / "s.png")
