"""LoRA files merged into a text encoder, against the sum computed by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from namebasis.encoders.registry import load_encoder
from namebasis.encoders.single_file.lora import merge_lora
from namebasis.errors import EncoderError, NamebasisHint
from tests.encoders.single_file.checkpoints import State, text_model, transformers_keys, write

RANK, ALPHA, WEIGHT = 4, 2.0, 0.8
Q, FC = "encoder.layers.0.self_attn.q_proj", "encoder.layers.1.mlp.fc1"


@pytest.fixture(scope="module")
def base() -> Any:
    return text_model(projected=False, activation="quick_gelu")


def pair(n_out: int, n_in: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(shape, generator=generator)  # noqa: E731  two shapes
    return draw(n_out, RANK), draw(RANK, n_in)


UPS = {Q: pair(128, 128, 1), FC: pair(160, 128, 2)}
UNET = {
    "lora_unet_mid_block_attn2_to_k.lora_down.weight": torch.ones(RANK, 128),
    "lora_unet_mid_block_attn2_to_k.lora_up.weight": torch.ones(64, RANK),
}


def kohya(start: str) -> State:
    state: State = {}
    for name, (up, down) in UPS.items():
        key = f"{start}text_model_{name.replace('.', '_')}"
        state |= {f"{key}.lora_up.weight": up, f"{key}.lora_down.weight": down}
        state[f"{key}.alpha"] = torch.tensor(ALPHA)
    return state


def dotted(start: str, down: str, up: str) -> State:
    return {
        f"{start}text_model.{name}{end}": tensor
        for name, matrices in UPS.items()
        for end, tensor in zip((up, down), matrices, strict=True)
    }


def by_hand(model: Any, scale: float) -> State:
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for name, (up, down) in UPS.items():
        state[f"{name}.weight"] = state[f"{name}.weight"] + WEIGHT * scale * (up @ down)
    return state


LAYOUTS = {
    "kohya": (kohya("lora_te_"), ALPHA / RANK),
    "kohya xl": (kohya("lora_te1_"), ALPHA / RANK),
    "diffusers": (dotted("text_encoder.", ".lora_A.weight", ".lora_B.weight"), 1.0),
    "diffusers 0.20": (
        dotted("text_encoder.", ".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
        1.0,
    ),
    "diffusers 0.36": (
        dotted("text_encoder.", ".lora_A.weight", ".lora_B.weight"),
        ALPHA / RANK,
    ),
    "peft": (dotted("base_model.model.", ".lora_A.weight", ".lora_B.weight"), ALPHA / RANK),
}


def merged(model: Any, file: Path, widths: dict[str, int] | None = None) -> State:
    import copy

    changed = copy.deepcopy(model)
    merge_lora(changed, "text_encoder", widths or {"text_encoder": 128}, file, WEIGHT, "sd:x")
    found: State = changed.state_dict()
    return found


@pytest.mark.long
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_matrices_are_the_sum(layout: str, base: Any, tmp_path: Path) -> None:
    state, scale = LAYOUTS[layout]
    noted = {"text_encoder.r": RANK, "text_encoder.lora_alpha": ALPHA}
    notes = {"lora_adapter_metadata": json.dumps(noted)} if layout == "diffusers 0.36" else None
    file = write(tmp_path / "style.safetensors", state, notes)
    if layout == "peft":
        with pytest.raises(EncoderError, match=r"alpha stands in adapter_config\.json; put that"):
            merged(base, file)
        config = {"r": RANK, "lora_alpha": ALPHA}
        (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    found, expected = merged(base, file), by_hand(base, scale)
    for name, tensor in found.items():
        torch.testing.assert_close(tensor, expected[name], atol=1e-6, rtol=1e-6, msg=name)


@pytest.mark.long
def test_a_spec_says_which_and_how_much(base: Any, tmp_path: Path) -> None:
    pytest.importorskip("open_clip", reason="the extra open-clip is not installed")
    file = write(
        tmp_path / "sd.safetensors", transformers_keys(base, "cond_stage_model.transformer.")
    )
    lora = write(tmp_path / "style.safetensors", kohya("lora_te_") | UNET)
    with pytest.warns(NamebasisHint, match="2 layers of #text_encoder are merged; 1 of the image"):
        found = load_encoder(f"sd:{file}+lora:{lora}:{WEIGHT}")
    assert found.spec == f"sd:{file}#text_encoder+lora:{lora}:0.8"
    state = by_hand(base, ALPHA / RANK)
    changed = write(
        tmp_path / "merged.safetensors",
        {f"cond_stage_model.transformer.text_model.{name}": t for name, t in state.items()},
    )
    expected = load_encoder(f"sd:{changed}")
    texts = ["Vicki", "a photo of Anna"]
    torch.testing.assert_close(
        torch.tensor(found.encode_text(texts)), torch.tensor(expected.encode_text(texts)),
        atol=1e-5, rtol=0,
    )  # fmt: skip
    with pytest.warns(NamebasisHint):
        twice = load_encoder(f"sd:{file}+lora:{lora}:0.5+lora:{lora}:0.3")
    torch.testing.assert_close(
        torch.tensor(twice.encode_text(texts)), torch.tensor(found.encode_text(texts)),
        atol=1e-5, rtol=0,
    )  # fmt: skip
    assert len({found.fingerprint, twice.fingerprint, load_encoder(f"sd:{file}").fingerprint}) == 3
    for spec, said in (
        (f"sd:{file}+lora:{lora}:much", "'much' is no weight; write"),
        (f"sd:{file}+lora:{lora}:nan", "'nan' is no weight; write"),
        (f"sd:{file}+lora:{tmp_path}/none.safetensors:1", "there is no LoRA file"),
    ):
        with pytest.raises(EncoderError, match=said):
            load_encoder(spec)


def test_a_lora_of_another_base_or_kind_is_refused(base: Any, tmp_path: Path) -> None:
    wide = {"lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": torch.ones(RANK, 64),
            "lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight": torch.ones(160, RANK),
    }  # fmt: skip
    deep = {
        key.replace("layers_0", "layers_9"): tensor for key, tensor in kohya("lora_te_").items()
    }
    context = {key: torch.ones(RANK, 64) if "down" in key else t for key, t in UNET.items()}
    for state, said in (
        (
            wide,
            r"is of another base: its encoder_layers_0_mlp_fc1 is 160 × 64, here it is 160 × 128",
        ),
        (deep, "changes encoder_layers_9_self_attn_q_proj, which this text encoder does not have"),
        (kohya("lora_te1_") | kohya("lora_te2_"), "is for XL's two text encoders, this checkpoint"),
        (
            kohya("lora_te_") | context,
            "reads text states 64 wide, those of this checkpoint are 128",
        ),
        (
            {key: t * float("inf") for key, t in kohya("lora_te_").items()},
            r"at weight 0\.8 makes encoder_layers_0_self_attn_q_proj infinite or no number",
        ),
        (UNET, r"changes nothing of #text_encoder \(1 layers of the image model\)"),
        ({"a.hada_w1_a": torch.ones(2, 2)}, r"another method than LoRA \(hada_w1: LoHa"),
        ({**kohya("lora_te_"), "a.dora_scale": torch.ones(2)}, r"another method than LoRA \(dora_"),
        ({"emb_params": torch.ones(2, 2)}, "holds no LoRA; its tensors are named like emb_params"),
    ):
        with pytest.raises(EncoderError, match=said) as caught:
            merged(base, write(tmp_path / "other.safetensors", state))
        assert "\n" not in str(caught.value)
