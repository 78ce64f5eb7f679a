"""Files of weights as trainings leave them: read without running code, or named."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from namebasis.errors import EncoderError

_WRAPPERS = re.compile(r"\A(?:module\.|_orig_mod\.|_fsdp_wrapped_module\.)+")
"""What data parallelism, torch.compile and FSDP put before every key."""

# What else people give where open_clip's own weights are wanted: a key that tells, and the step.
_FOREIGN = (
    (
        "text_model.embeddings.token_embedding.weight",
        "holds a CLIP model of transformers; put it into a folder with its config.json and "
        "tokenizer and write hf:FOLDER",
    ),
    (
        "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight",
        "is a single-file Stable Diffusion checkpoint; convert it to a folder with diffusers' "
        "StableDiffusionPipeline.from_single_file(…).save_pretrained(FOLDER) and write "
        "diffusers:FOLDER",
    ),
    (
        "conditioner.embedders.0.transformer.text_model.embeddings.token_embedding.weight",
        "is a single-file Stable Diffusion XL checkpoint; convert it to a folder with diffusers' "
        "StableDiffusionXLPipeline.from_single_file(…).save_pretrained(FOLDER) and write "
        "diffusers:FOLDER",
    ),
)
_ADAPTER = re.compile(r"lora_(?:A|B|up|down|te\d?_|unet_)|\.lora\.")


def read_state(path: Path, spec: str) -> dict[str, torch.Tensor]:
    """Read the tensors of a checkpoint file.

    Wrappers' prefixes (``module.``, ``_orig_mod.``) are taken off, and the model's part is taken
    out of a trainer's file. NumPy scalars and arrays beside it, such as a learning rate in the
    optimizer, are data and may stand there; nothing in the file is run.

    Parameters
    ----------
    path : Path
        A safetensors file, or one that `torch.save` wrote.
    spec : str
        What the user named, for the message.

    Returns
    -------
    dict of str to Tensor
        On the CPU.

    Raises
    ------
    EncoderError
        If it would have to run code, or holds no tensors.
    Exception
        Of many types, from the libraries, where the file is cut short or no such file; see
        `loading.refusing`.
    """
    if path.suffix.lower() == ".safetensors":
        content: Any = load_file(path)
    else:
        content = _pickled(path, spec)
    for key in ("state_dict", "model", "model_state_dict", "module"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping):
        raise EncoderError(f"{spec}: {path.name} holds {type(content).__name__}, not weights.")
    state = {
        _WRAPPERS.sub("", str(key)): value
        for key, value in content.items()
        if isinstance(value, torch.Tensor)
    }
    if not state:
        raise EncoderError(f"{spec}: {path.name} holds no weights.")
    return state


def foreign_layout(state: Mapping[str, torch.Tensor]) -> str | None:
    """Say what weights of another layout are and the step to take; None where it is not known."""
    for key, reason in _FOREIGN:
        if key in state:
            return reason
    if any(_ADAPTER.search(key) for key in state):
        return "is a LoRA adapter, not a whole model; merge it into its base model and save that"
    if set(state) <= {"emb_params", "string_to_param", "clip_l", "clip_g"}:
        return "is a textual inversion embedding, not a model"
    return None


def _pickled(path: Path, spec: str) -> Any:
    archive = _archive_names(path)
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in archive):
        raise EncoderError(
            f"{spec}: {path.name} is a TorchScript archive, as OpenAI published its models; it "
            "holds code, which is never run. Use the tag instead, such as "
            "open_clip:ViT-B-32/openai, or save its state_dict once as safetensors."
        )
    try:
        with torch.serialization.safe_globals(_numpy_globals()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        held = _refused_globals(path) if archive else ""
        reason = f"it asks for {held} and" if held else "it is no checkpoint, or one that"
        raise EncoderError(
            f"{spec} cannot be read: {reason} holds code, which is never run. Save its state_dict "
            "as safetensors."
        ) from None


def _archive_names(path: Path) -> list[str]:
    """Members of the zip that torch.save writes; none of an older format's."""
    if not zipfile.is_zipfile(path):
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except zipfile.BadZipFile:
        return []


def _refused_globals(path: Path) -> str:
    """Name the first objects that a file would need code for."""
    try:
        with torch.serialization.safe_globals(_numpy_globals()):
            names = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # the file is refused already; this only words the reason
        names = []
    return " and ".join(names[:2])


def _numpy_globals() -> list[Any]:
    """What numbers and arrays of NumPy need to be unpickled, under the names of NumPy 1 and 2."""
    core = np._core.multiarray  # type: ignore[attr-defined]
    named = [
        (getattr(core, name), f"{module}.multiarray.{name}")
        for module in ("numpy.core", "numpy._core")
        for name in ("scalar", "_reconstruct")
    ]
    kinds = {type(np.dtype(code)) for code in "?bhilqBHILQefdgFDGSU"}
    return [*named, np.dtype, np.ndarray, *sorted(kinds, key=lambda kind: kind.__name__)]
