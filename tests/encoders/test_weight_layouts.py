"""Folders whose weights lie in shards, in half precision or as a variant alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from namebasis.encoders import loading
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError
from tests.encoders.conftest import TEXTS

Tiny = Callable[[str], Path]
# How weights are saved, and in which precision the file then holds them.
LAYOUTS: dict[str, tuple[dict[str, Any], torch.dtype]] = {
    "shards": ({"max_shard_size": "20KB"}, torch.float32),
    "bf16": ({}, torch.bfloat16),
    "fp16 alone": ({"variant": "fp16"}, torch.float16),
    "bf16 alone": ({"variant": "bf16"}, torch.bfloat16),
    "fp16 in shards": ({"variant": "fp16", "max_shard_size": "20KB"}, torch.float16),
    "ema in shards": ({"variant": "ema", "max_shard_size": "20KB"}, torch.float32),
}


def written(tiny: Tiny, kind: str, layout: str, place: Path) -> tuple[Path, Any]:
    """A folder in a layout, and the model that it holds."""
    options, dtype = LAYOUTS[layout]
    shutil.copytree(tiny(kind), place)
    part = place / "text_encoder" if kind == "sd" else place
    read = transformers.CLIPTextModel if kind == "sd" else transformers.CLIPModel
    model = read.from_pretrained(part, local_files_only=True, trust_remote_code=False).to(dtype)
    (part / "model.safetensors").unlink()
    model.save_pretrained(part, **options)
    assert ("shards" in layout) == (len(list(part.glob("*.safetensors"))) > 2)
    return part, model.float().eval()


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sd", "clip"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_rows_of_its_weights(
    tiny: Tiny, kind: str, layout: str, tmp_path: Path
) -> None:
    part, model = written(tiny, kind, layout, tmp_path / "model")
    words = transformers.AutoTokenizer.from_pretrained(
        part.parent / "tokenizer" if kind == "sd" else part, local_files_only=True,
        trust_remote_code=False,
    )  # fmt: skip
    given = words(TEXTS, padding="max_length", truncation=True, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        rows = (
            model(given).pooler_output if kind == "sd"
            else model.get_text_features(given).pooler_output
        )  # fmt: skip
    expected = torch.nn.functional.normalize(rows, dim=-1).numpy()
    prefix = "diffusers" if kind == "sd" else "hf"
    found = load_encoder(f"{prefix}:{tmp_path / 'model'}")
    np.testing.assert_allclose(found.encode_text(TEXTS), expected, atol=1e-5)
    if "shards" in layout:  # one that is missing is never drawn at random
        sorted(part.glob("*.safetensors"))[-1].unlink()
        with pytest.raises(EncoderError, match=r"cannot be read: .*-of-0"):
            load_encoder(f"{prefix}:{tmp_path / 'model'}")


def test_shards_have_the_fingerprint_of_one_file(tiny: Tiny, tmp_path: Path) -> None:
    written(tiny, "clip", "shards", tmp_path / "model")
    whole = load_encoder(f"hf:{tiny('clip')}").fingerprint
    assert load_encoder(f"hf:{tmp_path / 'model'}").fingerprint == whole


def test_plain_weights_come_before_a_variant(tiny: Tiny, tmp_path: Path) -> None:
    part, model = written(tiny, "clip", "fp16 alone", tmp_path / "model")
    halved = load_encoder(f"hf:{part}").encode_text(TEXTS)
    for parameter in model.parameters():
        parameter.data += 0.1
    model.save_pretrained(part, variant="ema")  # fp16 comes before others
    np.testing.assert_allclose(load_encoder(f"hf:{part}").encode_text(TEXTS), halved, atol=1e-6)
    shutil.copy(tiny("clip") / "model.safetensors", part)
    found = load_encoder(f"hf:{part}").fingerprint
    assert found == load_encoder(f"hf:{tiny('clip')}").fingerprint


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sd", "clip"])
@pytest.mark.parametrize("layout", ["bf16 alone", "fp16 in shards"])
def test_of_a_hub_s_repository_a_variant_is_fetched_where_nothing_else_is(
    kind: str, layout: str, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    written(tiny, kind, layout, folder)
    prefix = "diffusers" if kind == "sd" else "hf"
    local = load_encoder(f"{prefix}:{folder}")

    def fetch(kind: str, repository: str, patterns: Any, revision: str | None) -> Path:
        """What the hub's client does: only the files that a pattern names."""
        place = tmp_path / "snapshot"
        for path in folder.rglob("*"):
            name = path.relative_to(folder)
            if path.is_file() and any(name.match(pattern) for pattern in patterns):
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, place / name)
        return place

    monkeypatch.setattr(loading, "_snapshot", fetch)
    assert load_encoder(f"{prefix}:org/name").fingerprint == local.fingerprint
