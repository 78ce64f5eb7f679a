"""The packaged painter: its size, its weights, what it says of itself, and that it paints."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from namebasis.organism.painter.folder import read_painter
from namebasis.organism.world import World
from namebasis.validation.pictures.pipelines import (
    ImagePipeline,
    PaintOptions,
    load_pipeline,
)
from tests.lazily import library

library("diffusers", "the extra diffusers is not installed")

DATA = Path(str(files("namebasis") / "data"))
FOLDER, ORGANISM = DATA / "painter", DATA / "organism"


def test_all_packaged_weights_together_stay_small() -> None:
    weights = list(DATA.rglob("*.safetensors"))
    assert weights
    assert sum(path.stat().st_size for path in weights) < 12_000_000


@pytest.fixture(scope="module")
def pipeline() -> ImagePipeline:
    if not (FOLDER / "model_index.json").is_file():
        pytest.skip("no painter is packaged yet: make painter")
    return load_pipeline("organism")


def test_it_is_small_and_holds_nothing_of_its_training(pipeline: ImagePipeline) -> None:
    found = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in found) < 10_000_000
    assert not [path for path in found if "state" in path.name]
    assert {path.suffix for path in found} <= {".json", ".safetensors", ".md", ".txt"}


def test_it_says_what_it_was_trained_by(pipeline: ImagePipeline) -> None:
    about = read_painter(FOLDER)
    assert about["fingerprint"] == pipeline.fingerprint
    assert about["step"] == about["settings"]["n_steps"]
    assert about["settings"]["world"] == World.load(ORGANISM / "world.json").seed
    assert 0 < about["loss"] < 0.4  # about 1.5 before training
    assert isinstance(about["seconds"], float)
    assert set(about["versions"]) >= {"namebasis", "torch", "diffusers"}


def test_it_reads_text_as_the_packaged_organism_does(pipeline: ImagePipeline) -> None:
    from safetensors.torch import load_file

    clip = load_file(ORGANISM / "model.safetensors")
    own = load_file(FOLDER / "text_encoder" / "model.safetensors")
    assert own
    for key, value in own.items():
        name = key if key.startswith("text_model.") else f"text_model.{key}"
        assert torch.equal(clip[name].half(), value), key
    tokenizers = [(place / "tokenizer.json").read_text() for place in
                  (ORGANISM, FOLDER / "tokenizer")]  # fmt: skip
    assert tokenizers[0] == tokenizers[1]


@pytest.mark.long
def test_it_paints_the_same_picture_again_and_another_of_another_text(
    pipeline: ImagePipeline,
) -> None:
    prompts = ["a photo of a woman with long black hair", "a photo of a man with short red hair"]
    first = pipeline.paint(prompts, [0, 1], PaintOptions())
    again = pipeline.paint(prompts, [0, 1], PaintOptions())
    assert [image.size for image, _ in first] == [(48, 48)] * 2
    for (one, _), (other, _) in zip(first, again, strict=True):
        assert one.tobytes() == other.tobytes()
    same_noise = pipeline.paint(prompts[::-1], [0, 1], PaintOptions())
    pixels = [np.asarray(made[0][0], float) for made in (first, same_noise)]
    assert np.abs(pixels[0] - pixels[1]).mean() > 5
