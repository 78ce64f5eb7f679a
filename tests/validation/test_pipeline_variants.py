"""Pipelines whose weights lie in half precision, wholly or in part; no bars of the libraries."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from namebasis.encoders.weight_variants import variant_of
from namebasis.errors import EncoderError
from namebasis.validation.pictures import pipelines
from namebasis.validation.pictures.pipelines import PaintOptions, load_pipeline
from tests.lazily import library

library("diffusers", "the extra diffusers is not installed")
PLAIN = PaintOptions(steps=2, guidance=1.0, size=16)


def half(folder: Path, to: Path, *parts: str) -> Path:
    """The pipeline with some parts saved by diffusers as fp16 alone; all, where none is named."""
    import diffusers
    import torch

    shutil.copytree(folder, to)
    saved = to.with_name(f"{to.name}-half")
    whole = diffusers.StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float16)
    whole.save_pretrained(saved, variant="fp16")
    for path in sorted(saved.glob("*/*.safetensors")):
        part = to / path.parent.name
        if not parts or part.name in parts:
            for plain in part.glob("*.safetensors"):
                plain.unlink()
            shutil.copy(path, part)
    return to


@pytest.mark.long
@pytest.mark.parametrize("parts", [(), ("unet",)], ids=["all", "one part"])
def test_fp16_alone_is_read(
    models: Callable[[str], Path], tmp_path: Path, parts: tuple[str, ...],
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = half(models("pipeline"), tmp_path / "p", *parts)
    capfd.readouterr()
    found = load_pipeline(f"diffusers:{folder}", device="cpu")
    assert capfd.readouterr().err == "", "libraries' bars belong to nobody"
    plain = load_pipeline(f"diffusers:{models('pipeline')}", device="cpu")
    assert found.fingerprint != plain.fingerprint
    rows = [np.asarray(p.paint(["Ann"], [3], PLAIN)[0][0], dtype=float) for p in (found, plain)]
    assert np.abs(rows[0] - rows[1]).mean() < 3, "half precision rounds, no more"


def test_weights_that_are_not_read_do_not_count(
    models: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(models("pipeline"), tmp_path / "p"))
    before = pipelines.fingerprint_of_files(folder)
    (folder / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"other")
    assert pipelines.fingerprint_of_files(folder) == before


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["model.safetensors", "model.fp16.safetensors"], None),
        (["model.fp16.safetensors", "model.bf16.safetensors"], "fp16"),
        (["model.fp16-00001-of-00002.safetensors"], "fp16"),
        (["model-00001-of-00002.fp16.safetensors"], "fp16"),
        (["diffusion_pytorch_model.bf16.safetensors"], "bf16"),
        (["diffusion_pytorch_model-00001-of-00002.safetensors"], None),
        (["lora.safetensors"], None),
    ],
)  # fmt: skip
def test_the_variant_of_a_folder(tmp_path: Path, names: list[str], expected: str | None) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert variant_of(tmp_path) == expected


def test_one_precision_is_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The plain weights; fp16 only of the parts that have no others."""
    import fnmatch

    import huggingface_hub

    there = [
        "model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.fp16.safetensors",
        "vae/config.json", "vae/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.fp16.safetensors", "vae/diffusion_pytorch_model.bin",
    ]  # fmt: skip

    def answer(_: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        for name in there:
            if any(fnmatch.fnmatch(name, pattern) for pattern in allow_patterns):
                (tmp_path / name).parent.mkdir(exist_ok=True)
                (tmp_path / name).touch()
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", answer)
    pipelines._find("org/name", None)
    fetched = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert fetched == {*there[:5]}


def test_parts_in_different_precisions_are_refused(tmp_path: Path) -> None:
    for part, kind in (("unet", "fp16"), ("vae", "bf16")):
        (tmp_path / part).mkdir()
        (tmp_path / part / "config.json").touch()
        (tmp_path / part / f"diffusion_pytorch_model.{kind}.safetensors").touch()
    with pytest.raises(EncoderError, match=r"its parts lie there as bf16, fp16; get them all"):
        pipelines._variant(tmp_path)
