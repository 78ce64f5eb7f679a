"""Configurations of a checkpoint's UNet and VAE, by the shapes of its tensors.

A file of Stable Diffusion in the layout of CompVis and Stability AI holds no configuration. All of
it but two things follows from shapes: how many heads an attention has, which goes by the family,
and what the UNet predicts, which `checkpoint.predicts` finds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from namebasis.encoders.single_file.weights import Shapes
from namebasis.errors import EncoderError

UNET, VAE = "model.diffusion_model.", "first_stage_model."
_HEADS_OF_FIRST = 8  # of every attention in Stable Diffusion 1; 2 and XL have heads of 64
_HEAD = 64
_N_IDS = 6  # numbers that XL is told of a picture: its size, the crop and the size aimed at
_OTHERS = {
    9: "is an inpainting model, which paints into a picture that it is given",
    8: "changes a picture that it is given (InstructPix2Pix)",
    7: "enlarges a picture that it is given",
    5: "is told a picture's depth too",
}
_GET = "give a checkpoint that paints from text alone"


def unet_config(shapes: Shapes, pooled: int | None) -> dict[str, Any]:
    """Configuration of the UNet, as diffusers' UNet2DConditionModel takes it.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
    pooled : int or None
        Width of the pooled text that XL is given beside the tokens.

    Raises
    ------
    EncoderError
        If it is no UNet that paints from text alone, or lacks a tensor; without the file's name.
    """
    own = {key.removeprefix(UNET): shape for key, shape in shapes.items() if key.startswith(UNET)}
    first = _shape(own, "input_blocks.0.0.weight", 4)
    if first[1] != 4:
        raise EncoderError(f"{_OTHERS.get(first[1], f'reads {first[1]} channels')}; {_GET}")
    levels = _levels(own, first[0])
    middle = _depth(own, "middle_block.1.")
    if not middle:
        raise EncoderError(f"its UNet attends to no text; {_GET}")
    attending = [bool(depth) for _, _, depth in levels]
    is_linear = len(_shape(own, "middle_block.1.proj_in.weight")) == 2
    channels = [width for width, _, _ in levels]
    config: dict[str, Any] = {
        "in_channels": 4,
        "out_channels": _shape(own, "out.2.weight", 4)[0],
        "block_out_channels": channels,
        "layers_per_block": _one([n for _, n, _ in levels], "layers of a level"),
        "down_block_types": [
            "CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in attending
        ],
        "up_block_types": [
            "CrossAttnUpBlock2D" if attends else "UpBlock2D" for attends in reversed(attending)
        ],
        # The middle has as many as the last level, which may attend to nothing itself.
        "transformer_layers_per_block": [*(depth or 1 for _, _, depth in levels[:-1]), middle],
        "cross_attention_dim": _shape(
            own, "middle_block.1.transformer_blocks.0.attn2.to_k.weight", 2
        )[1],
        # The number of heads, whatever diffusers calls it.
        "attention_head_dim": (
            [max(1, width // _HEAD) for width in channels] if is_linear else _HEADS_OF_FIRST
        ),
        "use_linear_projection": is_linear,
    }
    if "label_emb.0.0.weight" in own:
        told = _shape(own, "label_emb.0.0.weight", 2)[1]
        if pooled is None or told <= pooled or (told - pooled) % _N_IDS:
            raise EncoderError(
                f"its UNet is told {told} numbers of a picture, which is not XL's way (the refiner "
                f"finishes pictures of another model); {_GET}"
            )
        config |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": (told - pooled) // _N_IDS,
            "projection_class_embeddings_input_dim": told,
        }
    return config


def vae_config(shapes: Shapes) -> dict[str, Any]:
    """Configuration of the VAE, as diffusers' AutoencoderKL takes it, without its scale.

    Raises
    ------
    EncoderError
        If the file holds none, or one that lacks a tensor.
    """
    own = {key.removeprefix(VAE): shape for key, shape in shapes.items() if key.startswith(VAE)}
    if not any(key.startswith("decoder.") for key in own):
        raise EncoderError(
            "holds no VAE, which turns what the UNet paints into a picture; give the checkpoint "
            "with its VAE in it"
        )
    widths: list[int] = []
    counts: list[int] = []
    while True:
        block = f"encoder.down.{len(widths)}.block."
        found = {int(m[1]) for key in own if (m := re.match(rf"{re.escape(block)}(\d+)\.", key))}
        if not found:
            break
        counts.append(len(found))
        widths.append(_shape(own, f"{block}0.conv1.weight", 4)[0])
    if not widths:
        raise EncoderError("its VAE lacks encoder.down.0; get the whole file")
    return {
        "in_channels": _shape(own, "encoder.conv_in.weight", 4)[1],
        "out_channels": _shape(own, "decoder.conv_out.weight", 4)[0],
        "latent_channels": _shape(own, "decoder.conv_in.weight", 4)[1],
        "block_out_channels": widths,
        "layers_per_block": _one(counts, "blocks of a level of its VAE"),
        "down_block_types": ["DownEncoderBlock2D"] * len(widths),
        "up_block_types": ["UpDecoderBlock2D"] * len(widths),
    }


def _levels(own: Mapping[str, tuple[int, ...]], width: int) -> list[tuple[int, int, int]]:
    """Of each resolution: channels, residual layers, and layers of its transformers."""
    found: list[tuple[int, int, int]] = []
    n, depth, at = 0, 0, 1
    while True:
        block = f"input_blocks.{at}."
        if f"{block}0.in_layers.2.weight" in own:
            width = _shape(own, f"{block}0.in_layers.2.weight", 4)[0]
            n, depth = n + 1, _depth(own, f"{block}1.")
        elif f"{block}0.op.weight" in own:
            found.append((width, n, depth))
            n = depth = 0
        else:
            break
        at += 1
    if not n or any(key.startswith(f"input_blocks.{at + 1}.") for key in own):
        raise EncoderError(f"its UNet lacks input_blocks.{at}; get the whole file")
    return [*found, (width, n, depth)]


def _depth(own: Mapping[str, tuple[int, ...]], block: str) -> int:
    """Layers of a transformer; 0 where there is none."""
    pattern = re.compile(rf"{re.escape(block)}transformer_blocks\.(\d+)\.")
    return len({found[1] for key in own if (found := pattern.match(key))})


def _shape(own: Mapping[str, tuple[int, ...]], key: str, n: int | None = None) -> tuple[int, ...]:
    shape = own.get(key, ())
    if not shape or not all(shape) or n not in (None, len(shape)):
        said = f"has the shape {shape} at" if shape else "lacks"
        raise EncoderError(f"it {said} {key}; get the whole file")
    return shape


def _one(counts: list[int], what: str) -> int:
    if len(set(counts)) != 1:
        raise EncoderError(f"its {what} differ in number ({counts}), which no published model has")
    return counts[0]
