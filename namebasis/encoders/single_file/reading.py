"""From a tower's tensors in a file to a model of transformers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from namebasis.encoders.single_file.towers import N_VOCABULARY, Tower
from namebasis.encoders.single_file.weights import WeightFile
from namebasis.errors import EncoderError

if TYPE_CHECKING:
    from torch import Tensor, nn

_RENAMED = (
    (re.compile(r"\Atoken_embedding\.weight\Z"), "embeddings.token_embedding.weight"),
    (re.compile(r"\Apositional_embedding\Z"), "embeddings.position_embedding.weight"),
    (re.compile(r"\Aln_final\."), "final_layer_norm."),
    (re.compile(r"\Atransformer\.resblocks\."), "encoder.layers."),
    (re.compile(r"\.ln_1\."), ".layer_norm1."),
    (re.compile(r"\.ln_2\."), ".layer_norm2."),
    (re.compile(r"\.attn\.out_proj\."), ".self_attn.out_proj."),
    (re.compile(r"\.mlp\.c_fc\."), ".mlp.fc1."),
    (re.compile(r"\.mlp\.c_proj\."), ".mlp.fc2."),
)
"""open_clip's names of a text tower's tensors, and transformers'."""
_JOINED = re.compile(r"(.+)\.attn\.in_proj_(weight|bias)\Z")


def read_tower(file: WeightFile, tower: Tower) -> nn.Module:
    """Make the model of a tower; of the file only the tower's tensors are read.

    Returns
    -------
    CLIPTextModel or CLIPTextModelWithProjection
        In the precision of its file, on the CPU.

    Raises
    ------
    EncoderError
        If a tensor is missing, of another shape or quantised, or one is there that no such model
        has; without the file's name.
    """
    import torch
    import transformers

    with torch.device("meta"):
        model = getattr(transformers, tower.kind)(_config(tower))
    body = getattr(model, "text_model", model)
    inner = "text_model." if body is not model else ""
    with file.tensors() as opened:
        state = {
            name if name == "text_projection.weight" else inner + name: tensor
            for key, place in tower.keys.items()
            for name, tensor in _converted(key, opened.get_tensor(place), place)
        }
    _check(state, model.state_dict())
    model.load_state_dict(state, assign=True)
    positions = torch.arange(tower.n_positions)[None]  # the one tensor that is in no file
    body.embeddings.register_buffer("position_ids", positions, persistent=False)
    return model


def _config(tower: Tower) -> Any:
    from transformers import CLIPTextConfig

    return CLIPTextConfig(
        vocab_size=N_VOCABULARY,
        hidden_size=tower.width,
        intermediate_size=tower.intermediate,
        projection_dim=tower.projection or tower.width,
        num_hidden_layers=tower.n_layers,
        num_attention_heads=tower.n_heads,
        max_position_embeddings=tower.n_positions,
        hidden_act=tower.activation,
        bos_token_id=N_VOCABULARY - 2,
        eos_token_id=N_VOCABULARY - 1,
        pad_token_id=N_VOCABULARY - 1,
    )


def _converted(key: str, tensor: Tensor, place: str) -> Iterator[tuple[str, Tensor]]:
    """A tensor under transformers' name, or the three that open_clip keeps in one; copied."""
    if key.endswith(("scale_weight", "weight_scale")) or not tensor.is_floating_point():
        raise EncoderError(
            f"its {place} belongs to quantised weights (scaled fp8, int8 or 4 bits), whose scales "
            "are not known here; give the fp16 file that it was made of"
        )
    joined = _JOINED.match(key)
    if joined is not None:
        block = _renamed(joined[1])
        for name, part in zip("qkv", tensor.chunk(3), strict=False):
            yield f"{block}.self_attn.{name}_proj.{joined[2]}", part.clone()
    elif key == "text_projection":
        yield "text_projection.weight", tensor.T.clone().contiguous()
    else:
        yield _renamed(key), tensor.clone()


def _renamed(key: str) -> str:
    for pattern, instead in _RENAMED:
        key = pattern.sub(instead, key)
    return key


def _check(state: dict[str, Tensor], own: dict[str, Tensor]) -> None:
    others = sorted(state.keys() - own.keys())
    if others:
        raise EncoderError(
            f"its text encoder holds {others[0]}, which no text encoder of CLIP has; give the "
            "folder of the model (hf:FOLDER)"
        )
    missing = sorted(own.keys() - state.keys())
    if missing:
        raise EncoderError(
            f"its text encoder lacks {len(missing)} tensors, such as {missing[0]}; random ones are "
            "never used. Get the whole file"
        )
    for name, tensor in state.items():
        if tensor.shape != own[name].shape:
            raise EncoderError(
                f"its {name} has the shape {tuple(tensor.shape)}, by the other tensors it is "
                f"{tuple(own[name].shape)}"
            )
