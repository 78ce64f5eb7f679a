"""Files of weights as trainings leave them: read without running code, or named."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.errors import EncoderError, NamebasisWarning

if TYPE_CHECKING:
    import torch

WRAPPERS = {
    r"(?:\A|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.": "",
    r"\A(?:module\.)+": "",
}
"""What torch.compile, FSDP, activation checkpoints and data parallelism put into keys, in order.

The first three may wrap a part of a model alone; `module` inside a key may be the model's own.
"""
_STATES = ("state_dict", "model", "model_state_dict", "module")
_AVERAGES = re.compile(r"ema|averag|shadow|swa", re.IGNORECASE)
_BOOKKEEPING = "n_averaged"
"""What torch's own average of models (AveragedModel) holds beside it."""
_SHARD = re.compile(r"-\d{5}-of-\d{5}\.\w+\Z")

# What else people give where open_clip's own weights are wanted, by a key that tells.
_TOKENS = "text_model.embeddings.token_embedding.weight"
_SINGLE_FILE = "is a single-file Stable Diffusion{} checkpoint; write sd:FILE"
_FOREIGN = (
    (_TOKENS, "holds a CLIP model of transformers; write sd:FILE for its text encoder, or put it "
     "into a folder with its config.json and tokenizer and write hf:FOLDER"),
    (f"cond_stage_model.transformer.{_TOKENS}", _SINGLE_FILE.format("")),
    ("cond_stage_model.model.token_embedding.weight", _SINGLE_FILE.format(" 2")),
    (f"conditioner.embedders.0.transformer.{_TOKENS}", _SINGLE_FILE.format(" XL")),
    ("conditioner.embedders.0.model.token_embedding.weight", _SINGLE_FILE.format(" XL refiner")),
    (f"text_encoders.clip_l.transformer.{_TOKENS}", _SINGLE_FILE.format(" 3")),
)  # fmt: skip
_ADAPTER = re.compile(r"lora_(?:A|B|up|down|te\d?_|unet_)|\.lora\.")


def read_state(path: Path, spec: str, content: object = None) -> dict[str, torch.Tensor]:
    """Read the tensors of a checkpoint file.

    What wrappers put into keys (``module.``, ``_orig_mod.``) is taken out, and the model's part
    out of a trainer's file. NumPy scalars and arrays beside it, such as a learning rate in the
    optimizer, are data and may stand there; nothing in the file is run.

    Parameters
    ----------
    path : Path
        A safetensors file, or one that `torch.save` wrote.
    spec : str
        What the user named, for the message.
    content : object, optional
        What `read_pickle` gave of it.

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
    if content is None and path.suffix.lower() == ".safetensors" and not is_pickle(path):
        from safetensors.torch import load_file

        content = load_file(path)
    elif content is None:
        content = _pickled(path, spec)
    if not isinstance(content, Mapping):
        raise EncoderError(f"{spec}: {path.name} holds {type(content).__name__}, not weights.")
    state = {
        plain_key(str(key)): value
        for key, value in _as_tensors(_model_in(content, path)).items()
        if str(key) != _BOOKKEEPING
    }
    if not state:
        raise EncoderError(f"{spec}: {path.name} holds no weights.")
    return state


def is_pickle(path: Path) -> bool:
    """Whether a file begins as one of `torch.save` does, an archive or an old bare pickle."""
    with path.open("rb") as stream:
        start = stream.read(9)
    # The length that safetensors begin with may have the byte of a pickle; its header follows.
    return start.startswith(b"PK\x03\x04") or (start[:1] == b"\x80" and start[8:9] != b"{")


def read_pickle(path: Path, spec: str) -> Any:
    """What `torch.save` wrote, of tensors, numbers and texts; see `read_state`."""
    return _pickled(path, spec)


def plain_key(key: str) -> str:
    """The name of a tensor without what wrappers put into it."""
    for pattern, instead in WRAPPERS.items():
        key = re.sub(pattern, instead, key)
    return key


def _as_tensors(content: object) -> dict[object, torch.Tensor]:
    """The entries of a mapping that are weights, numbers of NumPy made tensors."""
    import torch

    if not isinstance(content, Mapping):
        return {}
    arrays = {
        key: torch.from_numpy(value) if _is_numbers(value) else value
        for key, value in content.items()
    }
    return {key: value for key, value in arrays.items() if isinstance(value, torch.Tensor)}


def _is_numbers(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "fiub"


def _model_in(content: Mapping[Any, Any], path: Path) -> Mapping[Any, Any]:
    """The model's part of what a trainer saved; an average only where there is nothing else."""
    averages = [
        str(key)
        for key, held in content.items()
        if _AVERAGES.search(str(key)) and _as_tensors(held)
    ]
    for key in _STATES:
        held = content.get(key)
        if isinstance(held, Mapping):
            if averages:
                message = (
                    f"{path.name}: {key!r} is read; it also holds averaged weights "
                    f"({averages[0]!r}). Save those alone to use them."
                )
                warnings.warn(message, NamebasisWarning, stacklevel=6)
            return _model_in(held, path)
    inner = [held for held in content.values() if _as_tensors(held)]
    return inner[0] if len(inner) == 1 and not _as_tensors(content) else content


def one_model(state: Mapping[str, torch.Tensor], end: str) -> dict[str, torch.Tensor]:
    """Take one model out of a module that holds it, as those of PyTorch Lightning do.

    Parameters
    ----------
    state : mapping of str to Tensor
    end : str
        The name of a tensor that every model of this kind has once.

    Raises
    ------
    EncoderError
        If there are several; without the file's name.
    """
    if end in state:
        return dict(state)
    places = sorted(key.removesuffix(end) for key in state if key.endswith(f".{end}"))
    if len(places) > 1:
        raise EncoderError(
            f"holds {len(places)} models, under {' and '.join(places[:3])}; save the state_dict "
            "of the one that is meant alone."
        )
    if not places:
        return dict(state)
    inside = (key for key in state if key.startswith(places[0]))
    return {key.removeprefix(places[0]): state[key] for key in inside}


def is_shard(path: Path) -> bool:
    """Whether a file holds a part of a model's weights by its name."""
    return _SHARD.search(path.name) is not None


def holds_adapter(names: Iterable[str]) -> bool:
    """Whether tensors are those of a LoRA adapter, by their names."""
    return any(_ADAPTER.search(name) for name in names)


def foreign_layout(state: Collection[str]) -> str | None:
    """Say what weights are by their names, and the step to take; None where it is not known."""
    for key, reason in _FOREIGN:
        if key in state:
            return reason
    if holds_adapter(state):
        return (
            "is a LoRA adapter, not a whole model; write its base model with it behind, such as "
            "sd:BASE+lora:FILE"
        )
    if state and set(state) <= {"emb_params", "string_to_param", "clip_l", "clip_g"}:
        return (
            "is a textual inversion embedding, not a model; write its base model with it behind, "
            "such as sd:BASE+embedding:FILE"
        )
    return None


def _pickled(path: Path, spec: str) -> Any:
    import torch

    archive = _archive_names(path)
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in archive):
        raise EncoderError(
            f"{spec}: {path.name} is a TorchScript archive, as OpenAI published its models; it "
            "holds code, which is never run. Use the tag instead, such as "
            "open_clip:ViT-B-32/openai, or save its state_dict once as safetensors."
        )
    try:
        with torch.serialization.safe_globals(_numpy_globals()):
            if path.suffix.lower() == ".safetensors":  # torch.load goes by that name
                with path.open("rb") as stream:
                    return torch.load(stream, map_location="cpu", weights_only=True)
            # An archive is mapped: of a whole pipeline only what is asked for is read.
            return torch.load(path, map_location="cpu", weights_only=True, mmap=bool(archive))
    except pickle.UnpicklingError:
        held = _refused_globals(path) if archive else ""
        reason = f"it asks for {held} and" if held else "it is no checkpoint, or one that"
        raise EncoderError(
            f"{spec}: {path.name} cannot be read: {reason} holds code, which is never run. "
            "Save its state_dict as safetensors."
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
    import torch

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
