"""Tiny checkpoints in the published layouts, and the folders of the same weights.

Names of keys as published: CompVis' and Stability AI's checkpoints, ComfyUI's clip_l and clip_g.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from tests.encoders.conftest import shaken

State = dict[str, torch.Tensor]
N_VOCABULARY = 49_408


def text_model(*, projected: bool, activation: str, seed: int = 0, n_layers: int = 2) -> Any:
    """A CLIP text model of transformers, 128 wide with 2 heads."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    torch.manual_seed(seed)
    kind = CLIPTextModelWithProjection if projected else CLIPTextModel
    config = CLIPTextConfig(
        vocab_size=N_VOCABULARY, hidden_size=128, intermediate_size=160, projection_dim=96,
        num_hidden_layers=n_layers, num_attention_heads=2, max_position_embeddings=77,
        hidden_act=activation, bos_token_id=49406, eos_token_id=49407, pad_token_id=49407,
    )  # fmt: skip
    return shaken(kind(config))


def transformers_keys(model: Any, prefix: str = "") -> State:
    """A model's weights under the keys of transformers before 5.6, as files have them."""
    state = {}
    for name, tensor in model.state_dict().items():
        inner = "" if name.startswith("text_") else "text_model."
        state[f"{prefix}{inner}{name}"] = tensor.clone()
    positions = torch.arange(77)[None]
    return {**state, f"{prefix}text_model.embeddings.position_ids": positions}


def open_clip_keys(model: Any, prefix: str) -> State:
    """A model's weights under open_clip's keys, queries, keys and values in one matrix."""
    given = {name.removeprefix("text_model."): t for name, t in model.state_dict().items()}
    state: State = {}
    for name, tensor in given.items():
        layer = re.match(r"encoder\.layers\.(\d+)\.(.+)", name)
        if layer is None:
            plain = {
                "embeddings.token_embedding.weight": "token_embedding.weight",
                "embeddings.position_embedding.weight": "positional_embedding",
                "final_layer_norm.weight": "ln_final.weight",
                "final_layer_norm.bias": "ln_final.bias",
            }.get(name)
            if plain is not None:
                state[prefix + plain] = tensor.clone()
            continue
        block, rest = f"{prefix}transformer.resblocks.{layer[1]}.", layer[2]
        for theirs, own in (
            ("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"), ("mlp.fc1", "mlp.c_fc"),
            ("mlp.fc2", "mlp.c_proj"), ("self_attn.out_proj", "attn.out_proj"),
        ):  # fmt: skip
            if rest.startswith(f"{theirs}."):
                state[block + rest.replace(theirs, own)] = tensor.clone()
        if rest.startswith("self_attn.q_proj."):
            end = rest.rpartition(".")[2]
            parts = [given[name.replace("q_proj", f"{part}_proj")] for part in "qkv"]
            state[f"{block}attn.in_proj_{end}"] = torch.cat(parts)
    if "text_projection.weight" in given:
        state[f"{prefix}text_projection"] = given["text_projection.weight"].T.contiguous()
    return state | {f"{prefix}logit_scale": torch.tensor(4.6)}


UNET = {
    "model.diffusion_model.input_blocks.0.0.weight": torch.zeros(4, 4, 3, 3),
    "first_stage_model.encoder.conv_in.weight": torch.zeros(4, 3, 3, 3),
    "model_ema.decay": torch.tensor(0.99),
}
"""A few tensors of what stands beside the text encoder."""


def write_folder(folder: Path, models: dict[str, Any]) -> Path:
    """Models as a diffusers pipeline's folder, with CLIP's tokenizer as OpenAI's folder has it."""
    import json

    from namebasis.encoders.single_file.vocabulary import clip_tokenizer, vocabulary_file

    index: dict[str, Any] = {"_class_name": "StableDiffusionPipeline"}
    for part, model in models.items():
        words = part.replace("text_encoder", "tokenizer")
        model.save_pretrained(folder / part)
        clip_tokenizer(vocabulary_file("sd:x"), 77).save_pretrained(folder / words)
        index |= {part: ["transformers", type(model).__name__]}
        index |= {words: ["transformers", "CLIPTokenizer"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def write(path: Path, state: State, notes: dict[str, str] | None = None) -> Path:
    save_file({name: tensor.clone().contiguous() for name, tensor in state.items()}, path, notes)
    return path
