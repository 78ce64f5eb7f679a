"""What a file without a text encoder of Stable Diffusion is, and the step to take."""

from __future__ import annotations

import re
from collections.abc import Callable

from namebasis.encoders.open_clip.checkpoint_files import is_shard
from namebasis.encoders.single_file.weights import Shapes, WeightFile

_WITHOUT = "give the checkpoint that it belongs to, or its text encoder's file (clip_l, clip_g)"


def _starts(*prefixes: str) -> Callable[[Shapes], bool]:
    return lambda shapes: any(name.startswith(prefixes) for name in shapes)


def _has(pattern: str) -> Callable[[Shapes], bool]:
    found = re.compile(pattern)
    return lambda shapes: any(found.search(name) for name in shapes)


def _is_embedding(shapes: Shapes) -> bool:
    """Whether all is one word's vectors, a row each."""
    known = {"emb_params", "string_to_param", "clip_l", "clip_g", "t5xxl"}
    few = 0 < len(shapes) <= 4 and all(len(shape) in (1, 2) for shape in shapes.values())
    return few and (set(shapes) <= known or all(re.match(r"<.+>\Z", name) for name in shapes))


# The first that fits is said, so what would also fit a later one stands before it.
_KINDS: tuple[tuple[Callable[[Shapes], bool], str], ...] = (
    (
        _has(r"lora_(?:A|B|up|down)\b|\.lora\.|\Alora_(?:te|unet)|hada_w1|lokr_w|\.oft_"),
        "is a LoRA, which changes a model and is none; give the checkpoint that it was trained on, "
        "and this file behind it: sd:CHECKPOINT+lora:FILE",
    ),
    (
        _is_embedding,
        "is a textual inversion, one word's embedding; give the checkpoint that it was trained on, "
        "and this file behind it: sd:CHECKPOINT+embedding:FILE",
    ),
    (
        _starts("control_model.", "controlnet_cond_embedding.", "controlnet_"),
        f"is a ControlNet, which holds no text encoder; {_WITHOUT}",
    ),
    (
        _has(r"motion_modules\.\d+\.temporal_transformer"),
        f"is a motion module of AnimateDiff, which holds no text encoder; {_WITHOUT}",
    ),
    (
        _starts("conditioner.embedders.0.open_clip.model.visual."),
        "is a Stable Video Diffusion model, which is given an image and no text; give a model "
        "that reads text",
    ),
    (
        _starts("image_proj.", "ip_adapter.", "image_proj_model."),
        f"is an IP-Adapter, which reads images; {_WITHOUT}",
    ),
    (
        _has(r"\A(?:text_encoders\.t5xxl\.transformer\.)?(?:encoder\.block\.0\.layer\.0\.Self"
             r"Attention\.|shared\.weight\Z)"),
        "holds T5, whose tokenizer is in no file and no package; give its folder (hf:FOLDER, or "
        "diffusers:FOLDER#text_encoder_3)",
    ),
    (
        _has(r"\A(?:model\.diffusion_model\.)?(?:double_blocks|joint_blocks|transformer_blocks|"
             r"patchify_proj|patch_embedding|blocks\.\d+\.(?:cross_attn|self_attn|attn))"),
        "holds an image or video model (a transformer) without its text encoders; give clip_l or "
        "clip_g, or the model's folder (diffusers:FOLDER)",
    ),
    (
        _starts("model.diffusion_model.", "down_blocks.", "input_blocks."),
        f"holds a UNet without its text encoder; {_WITHOUT}",
    ),
    (
        _starts("first_stage_model.", "encoder.conv_in.", "decoder.conv_in.", "encoder.down.",
                "encoder.down_blocks."),
        f"is a VAE, which turns pictures into latents and reads no text; {_WITHOUT}",
    ),
    (
        _starts("visual."),
        "is a whole CLIP of open_clip, images and text; name its model: open_clip:MODEL@FILE",
    ),
    (
        _starts("vision_model.", "visual_projection."),
        "is CLIP's image half, which reads no text; give the whole model's folder (hf:FOLDER)",
    ),
)  # fmt: skip


def known_kind(file: WeightFile) -> str | None:
    """What a file without a text encoder is, as the end of a sentence; None where nothing tells."""
    if is_shard(file.path):
        return "is one shard of several; give the model's folder (hf:FOLDER or diffusers:FOLDER)"
    return next((reason for fits, reason in _KINDS if fits(file.shapes)), None)


def not_a_checkpoint(file: WeightFile) -> str:
    """Say what a file without a text encoder is, as the end of a sentence about it."""
    reason = known_kind(file)
    if reason is not None:
        return reason
    names = ", ".join(sorted(file.shapes)[:2])
    return (
        f"holds no text encoder of Stable Diffusion ({len(file.shapes):,} tensors, such as "
        f"{names}); known are checkpoints of 1.x, 2.x, XL and 3, and files of their text encoders"
    )
