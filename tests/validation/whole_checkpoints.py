"""UNets and VAEs under the keys of CompVis' and Stability AI's checkpoints."""

from __future__ import annotations

from typing import Any

import torch

State = dict[str, torch.Tensor]
_UNET = {
    "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
    "mid_block.resnets.0": "middle_block.0", "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}  # fmt: skip
_RESNET = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "norm2": "out_layers.0",
    "conv2": "out_layers.3", "time_emb_proj": "emb_layers.1", "conv_shortcut": "skip_connection",
}  # fmt: skip
_ATTENTION = {
    "group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out",
}  # fmt: skip


def unet_keys(unet: Any) -> State:
    """A UNet's weights under the published keys."""
    n = unet.config.layers_per_block
    attends = [kind.startswith("Cross") for kind in unet.config.up_block_types]
    places = dict(_UNET)
    for level in range(len(unet.config.block_out_channels)):
        for at in range(n):
            block = f"input_blocks.{1 + level * (n + 1) + at}"
            places[f"down_blocks.{level}.resnets.{at}"] = f"{block}.0"
            places[f"down_blocks.{level}.attentions.{at}"] = f"{block}.1"
        places[f"down_blocks.{level}.downsamplers.0.conv"] = (
            f"input_blocks.{(level + 1) * (n + 1)}.0.op"
        )
        for at in range(n + 1):
            block = f"output_blocks.{level * (n + 1) + at}"
            places[f"up_blocks.{level}.resnets.{at}"] = f"{block}.0"
            places[f"up_blocks.{level}.attentions.{at}"] = f"{block}.1"
        up = f"output_blocks.{level * (n + 1) + n}.{1 + attends[level]}.conv"
        places[f"up_blocks.{level}.upsamplers.0.conv"] = up
    return {
        f"model.diffusion_model.{renamed(key, places, _RESNET)}": tensor
        for key, tensor in unet.state_dict().items()
    }


def vae_keys(vae: Any) -> State:
    """A VAE's weights under the published keys: its attention is made of convolutions there."""
    n = len(vae.config.block_out_channels)
    places = {"quant_conv": "quant_conv", "post_quant_conv": "post_quant_conv"}
    for half, blocks in (("encoder", "down"), ("decoder", "up")):
        places |= {f"{half}.conv_in": f"{half}.conv_in", f"{half}.conv_out": f"{half}.conv_out",
                   f"{half}.conv_norm_out": f"{half}.norm_out",
                   f"{half}.mid_block.attentions.0": f"{half}.mid.attn_1"}  # fmt: skip
        for at in range(2):
            places[f"{half}.mid_block.resnets.{at}"] = f"{half}.mid.block_{at + 1}"
        for level in range(n):
            theirs = level if half == "encoder" else n - 1 - level
            for at in range(vae.config.layers_per_block + 1):
                places[f"{half}.{blocks}_blocks.{level}.resnets.{at}"] = (
                    f"{half}.{blocks}.{theirs}.block.{at}"
                )
            for sample in ("downsample", "upsample"):
                places[f"{half}.{blocks}_blocks.{level}.{sample}rs.0.conv"] = (
                    f"{half}.{blocks}.{theirs}.{sample}.conv"
                )
    state = {}
    for key, tensor in vae.state_dict().items():
        inner = _ATTENTION if "attentions" in key else {"conv_shortcut": "nin_shortcut"}
        is_square = "attentions" in key and tensor.ndim == 2
        state[f"first_stage_model.{renamed(key, places, inner)}"] = (
            tensor[:, :, None, None] if is_square else tensor
        )
    return state


def renamed(key: str, places: dict[str, str], inner: dict[str, str]) -> str:
    start = max((place for place in places if key.startswith(f"{place}.")), key=len)
    rest = key[len(start) + 1 :]
    if "resnets" in start or "attentions" in start:
        own = next((name for name in inner if rest.startswith(f"{name}.")), None)
        if own is not None:
            rest = inner[own] + rest[len(own) :]
    return f"{places[start]}.{rest}"
