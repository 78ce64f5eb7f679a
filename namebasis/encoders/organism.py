"""The packaged organism: a small CLIP trained on a made-up world whose truth is known."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import torch

from namebasis.encoders.base import Encoder
from namebasis.encoders.huggingface import HuggingFaceEncoder
from namebasis.encoders.loading import Source, choose_device
from namebasis.errors import EncoderError


def load(rest: str, *, revision: str | None, device: str | None, dtype: str) -> Encoder:
    """Load the packaged weights; see `load_encoder`."""
    if revision is not None:
        raise EncoderError("organism is packaged in one version; leave the revision out.")
    folder = Path(str(files("namebasis") / "data" / "organism"))
    if not (folder / "model.safetensors").is_file():
        raise EncoderError(
            f"organism: its weights are missing from {folder}. Install namebasis anew, or make "
            "them: make organism"
        )
    return HuggingFaceEncoder(
        Source(folder, "organism"), choose_device(device), getattr(torch, dtype)
    )
