"""The packaged organism: a small CLIP trained on a made-up world whose truth is known."""

from __future__ import annotations

from namebasis.encoders.base import Encoder
from namebasis.encoders.huggingface.models import HuggingFaceEncoder
from namebasis.encoders.loading import choose_device, packaged_source


def load(rest: str, *, revision: str | None, device: str | None, dtype: str) -> Encoder:
    """Load the packaged weights; see `load_encoder`."""
    import torch

    source = packaged_source(
        "organism", "organism", "model.safetensors", revision,
        what="its weights are", remedy="make organism",
    )  # fmt: skip
    return HuggingFaceEncoder(source, choose_device(device), getattr(torch, dtype))
