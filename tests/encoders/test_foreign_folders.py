"""Folders and files that people have where a whole model is wanted: read, or named."""

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
from namebasis.errors import EncoderError
from tests.encoders.conftest import TEXTS

Tiny = Callable[[str], Path]
ADAPTER = {"base_model.model.q_proj.lora_A.weight": torch.zeros(2, 2)}
TOKENS = "text_model.embeddings.token_embedding.weight"


def clip(tiny: Tiny, place: Path) -> tuple[Path, dict[str, torch.Tensor]]:
    folder = place / "clip"
    shutil.copytree(tiny("clip"), folder)
    return folder, load_file(folder / "model.safetensors")


def write(folder: Path, state: dict[str, torch.Tensor]) -> None:
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.long
@pytest.mark.parametrize(
    ("part", "wrapped"),
    [
        ("", "module."), ("", "_orig_mod."), ("", "_orig_mod.module."),
        ("layers.0.", "layers.0._orig_mod."), ("layers.1.", "layers.1._fsdp_wrapped_module."),
    ],
)  # fmt: skip
def test_what_wrappers_put_into_names_is_taken_out(
    part: str, wrapped: str, tiny: Tiny, tmp_path: Path
) -> None:
    expected = load_encoder(f"hf:{tiny('clip')}")
    folder, state = clip(tiny, tmp_path)
    write(folder, {k.replace(part, wrapped) if part else wrapped + k: v for k, v in state.items()})
    encoder = load_encoder(f"hf:{folder}")
    np.testing.assert_array_equal(encoder.encode_text(TEXTS), expected.encode_text(TEXTS))
    assert encoder.fingerprint == expected.fingerprint


def test_an_adapter_among_the_weights_is_never_left_out(tiny: Tiny, tmp_path: Path) -> None:
    """As loralib saves it: the plain weight keeps its name, the adapter stands beside it."""
    folder, state = clip(tiny, tmp_path)
    layer = "text_model.encoder.layers.0.self_attn.q_proj"
    assert f"{layer}.weight" in state
    write(folder, {**state, f"{layer}.lora_A": torch.ones(2, 32)})
    with pytest.raises(EncoderError, match="a LoRA adapter stands unmerged among its weights"):
        load_encoder(f"hf:{folder}")


def test_an_adapter_beside_the_weights_is_never_left_out(tiny: Tiny, tmp_path: Path) -> None:
    folder, _ = clip(tiny, tmp_path)
    save_file(ADAPTER, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))
    with pytest.raises(EncoderError, match=r"LoRA adapter \(adapter_config.json\) beside whole"):
        load_encoder(f"hf:{folder}")


def test_weights_of_another_shape_are_named(tiny: Tiny, tmp_path: Path) -> None:
    folder, state = clip(tiny, tmp_path)
    write(folder, {**state, "text_projection.weight": torch.ones(24, 32)})
    said = r"text_projection.weight has the shape \(24, 32\), by config.json it is \(20, 32\)"
    with pytest.raises(EncoderError, match=said) as caught:
        load_encoder(f"hf:{folder}")
    assert "ignore_mismatched_sizes" not in str(caught.value)


@pytest.mark.parametrize("kind", ["hf", "diffusers"])
@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("adapter_model.safetensors", "a LoRA adapter, not a whole model: write its base"),
        ("pytorch_lora_weights.safetensors", "a LoRA adapter, not a whole model: write its base"),
        ("learned_embeds.safetensors", "a textual inversion, one word's embedding"),
        (".metadata", "a distributed checkpoint of torch"),
        ("mp_rank_00_model_states.pt", "DeepSpeed's state"),
        ("flax_model.msgpack", r"of another library \(Flax, TensorFlow"),
        ("model.gguf", r"of another library \(Flax, TensorFlow"),
    ],
)
def test_what_other_trainers_leave_is_named(
    kind: str, file: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / file).touch()
    with pytest.raises(EncoderError, match=message) as caught:
        load_encoder(f"{kind}:{tmp_path}")
    assert "\n" not in str(caught.value)


def test_accelerate_s_state_is_named(tmp_path: Path) -> None:
    save_file(ADAPTER, tmp_path / "model.safetensors")
    (tmp_path / "optimizer.bin").touch()
    with pytest.raises(EncoderError, match=r"of accelerate without the model's config\.json"):
        load_encoder(f"hf:{tmp_path}")


@pytest.mark.parametrize("inner", ["model", "snapshots/0a1b"])
def test_a_folder_too_high_names_the_one_below(inner: str, tiny: Tiny, tmp_path: Path) -> None:
    shutil.copytree(tiny("clip"), tmp_path / inner)
    with pytest.raises(EncoderError, match=rf"Did you mean hf:{tmp_path / inner}\?$"):
        load_encoder(f"hf:{tmp_path}")


@pytest.mark.parametrize("kind", ["hf", "diffusers"])
@pytest.mark.parametrize(
    ("key", "message"),
    [
        (TOKENS, "holds a CLIP model of transformers; write sd:FILE"),
        (
            f"cond_stage_model.transformer.{TOKENS}",
            "single-file Stable Diffusion checkpoint; write sd:FILE",
        ),
        ("lora_te_text_model_q.lora_up.weight", "is a LoRA adapter"),
        ("something.else", "is a file; give the folder that holds the model"),
    ],
)
def test_single_files_are_named(kind: str, key: str, message: str, tmp_path: Path) -> None:
    save_file({key: torch.ones(2, 2)}, tmp_path / "one.safetensors")
    with pytest.raises(EncoderError, match=message):
        load_encoder(f"{kind}:{tmp_path / 'one.safetensors'}")
