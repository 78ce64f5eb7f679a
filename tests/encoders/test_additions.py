"""LoRA and textual inversions on folders, against folders that hold the changed weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from namebasis.encoders.registry import load_encoder
from namebasis.encoders.specs import full_spec
from namebasis.errors import EncoderError, NamebasisHint
from tests.encoders.conftest import add_token, pictures

Tiny = Callable[[str], Path]
TEXTS = ["Vicki", "a photo of <vicki>", "a photo of <vicki> in Anna", "", "<vicki>, Zoë O'Brien"]
RANK, WEIGHT = 2, 0.7
Q = "encoder.layers.1.self_attn.q_proj"


def lora(width: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn((width, RANK), generator=generator),
        torch.randn((RANK, width), generator=generator),
    )


UP, DOWN = lora(32)


def kohya(*starts: str, width: int = 32) -> dict[str, torch.Tensor]:
    up, down = lora(width)
    key = f"text_model_{Q.replace('.', '_')}"
    state = {}
    for start in starts:
        state[f"{start}{key}.lora_up.weight"] = up.clone()
        state[f"{start}{key}.lora_down.weight"] = down.clone()
    return state


def merged(folder: Path) -> None:
    """Add the LoRA to a folder's own file."""
    path = folder / "model.safetensors"
    state = load_file(path)
    (name,) = (key for key in state if key.endswith(f"{Q}.weight") and "vision" not in key)
    save_file({**state, name: state[name] + WEIGHT * UP @ DOWN}, path, metadata={"format": "pt"})


def same(found: str, expected: str) -> None:
    """Two specs give the same rows, texts and templates alike."""
    ours, theirs = load_encoder(found), load_encoder(expected)
    np.testing.assert_allclose(ours.encode_text(TEXTS), theirs.encode_text(TEXTS), atol=1e-5)
    names = ["Anna", "<vicki>"]
    np.testing.assert_allclose(
        ours.encode_names(names, "a photo of {}"), theirs.encode_names(names, "a photo of {}"),
        atol=1e-5,
    )  # fmt: skip
    assert load_encoder(ours.spec).fingerprint == ours.fingerprint


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "part", "named"),
    [
        ("sd", "text_encoder", "lora_te_"),
        ("sdxl", "text_encoder", "lora_te1_"),
        ("sdxl", "text_encoder_2", "lora_te2_"),
    ],
)
def test_a_pipeline_s_folder(tiny: Tiny, tmp_path: Path, kind: str, part: str, named: str) -> None:
    base = tiny(kind)
    changed = Path(shutil.copytree(base, tmp_path / "changed"))
    tokenizer = part.replace("text_encoder", "tokenizer")
    merged(changed / part)
    add_token(changed / part, changed / tokenizer, "<vicki>")
    table = load_file(changed / part / "model.safetensors")
    (row,) = (t[-1:] for key, t in table.items() if key.endswith("token_embedding.weight"))
    save_file(kohya(named), tmp_path / "style.safetensors")
    # XL's files hold a word for either encoder.
    own, other = ("clip_g", "clip_l") if part.endswith("_2") else ("clip_l", "clip_g")
    word = {own: row, other: row + 1} if kind == "sdxl" else {"emb_params": row}
    save_file(word, tmp_path / "<vicki>.safetensors")
    spec = (
        f"diffusers:{base}#{part}+lora:{tmp_path}/style.safetensors:{WEIGHT}"
        f"+embedding:{tmp_path}/<vicki>.safetensors"
    )
    same(spec, f"diffusers:{changed}#{part}")
    assert load_encoder(spec).spec == f"{spec}=<vicki>"
    assert load_encoder(spec).fingerprint != load_encoder(f"diffusers:{base}#{part}").fingerprint


@pytest.mark.long
def test_a_whole_clip_keeps_its_image_tower(tiny: Tiny, tmp_path: Path) -> None:
    base = tiny("clip")
    changed = Path(shutil.copytree(base, tmp_path / "changed"))
    merged(changed)
    add_token(changed, changed, "<vicki>")
    (row,) = (
        t[-1:] for key, t in load_file(changed / "model.safetensors").items()
        if key.endswith("token_embedding.weight")
    )  # fmt: skip
    peft = {f"base_model.model.text_model.{Q}.lora_{role}.weight": matrix
            for role, matrix in (("A", DOWN), ("B", UP))}  # fmt: skip
    save_file(peft, tmp_path / "adapter_model.safetensors")
    config = {"r": RANK, "lora_alpha": RANK}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    save_file({"<vicki>": row}, tmp_path / "learned_embeds.safetensors")
    spec = (
        f"{base}+lora:{tmp_path}/adapter_model.safetensors:{WEIGHT}"
        f"+embedding:{tmp_path}/learned_embeds.safetensors=<vicki>"
    )
    assert full_spec(spec) == f"hf:{spec}"
    folders = f"hf:{base}+lora:{tmp_path}:{WEIGHT}+embedding:{tmp_path}"
    assert load_encoder(folders).spec == f"hf:{spec}"
    same(spec, f"hf:{changed}")
    np.testing.assert_array_equal(
        load_encoder(spec).encode_images(pictures()),
        load_encoder(f"hf:{base}").encode_images(pictures()),
    )


def test_a_text_encoder_alone_takes_the_part_that_fits(tiny: Tiny, tmp_path: Path) -> None:
    """Of a file for XL's two, by the shapes: which of them a folder is, it does not say."""
    base = tiny("sdxl")
    place = Path(shutil.copytree(base / "text_encoder_2", tmp_path / "base"))
    shutil.copytree(base / "tokenizer_2", place, dirs_exist_ok=True)
    changed = Path(shutil.copytree(place, tmp_path / "changed"))
    merged(changed)
    file = tmp_path / "xl.safetensors"
    save_file(kohya("lora_te1_", width=64) | kohya("lora_te2_"), file)
    words = {"clip_l": torch.ones(1, 64), "clip_g": torch.full((1, 32), 0.5)}
    save_file(words, tmp_path / "<w>.safetensors")
    with pytest.warns(NamebasisHint, match="1 layers of #text_encoder_2 are merged; 1 of text_enc"):
        same(f"hf:{place}+lora:{file}:{WEIGHT}", f"hf:{changed}")
    found = load_encoder(f"hf:{place}+embedding:{tmp_path}/<w>.safetensors")
    np.testing.assert_array_equal(found.token_embeddings(["<w>"]), np.full((1, 32), 0.5))
    save_file(kohya("lora_te_", width=64), file)
    with pytest.raises(EncoderError, match="q_proj is 64 × 64, here it is 32 × 32"):
        load_encoder(f"hf:{place}+lora:{file}")


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("minilm", "nothing can be added to minilm; .lora:FILE:WEIGHT and .embedding:FILE are for"),
        ("open_clip:ViT-B-32/openai", "nothing can be added to open_clip:ViT-B-32/openai"),
        ("sd:/no.safetensors", "there is no such file"),
        ("hf:/no/folder", "there is no such folder"),
    ],
)
def test_what_nothing_can_be_added_to(base: str, said: str, tmp_path: Path) -> None:
    save_file(kohya("lora_te_"), tmp_path / "style.safetensors")
    with pytest.raises(EncoderError, match=said):
        load_encoder(f"{base}+lora:{tmp_path}/style.safetensors")


def test_files_that_do_not_fit_a_folder(tiny: Tiny, tmp_path: Path) -> None:
    file = tmp_path / "style.safetensors"
    save_file(kohya("lora_te1_", "lora_te2_"), file)
    with pytest.raises(EncoderError, match="it is for XL's two text encoders, this checkpoint has"):
        load_encoder(f"diffusers:{tiny('sd')}+lora:{file}")
    with pytest.raises(EncoderError, match=f"there is no LoRA file {tmp_path}/none"):
        load_encoder(f"hf:{tiny('clip')}+lora:{tmp_path}/none:1")
    with (
        pytest.warns(NamebasisHint),
        pytest.raises(EncoderError, match="changes encoder_layers_1_self_attn_q_proj, which this"),
    ):
        load_encoder(f"hf:{tiny('bert')}+lora:{file}")
    with pytest.raises(EncoderError, match="reads no text; leave out what is added to it"):
        load_encoder(f"hf:{tiny('clip_vision')}+lora:{file}")
