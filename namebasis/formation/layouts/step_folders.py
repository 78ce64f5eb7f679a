"""What a step of a training left in its folder: a model, or the reason why it is none."""

from __future__ import annotations

import os
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

from namebasis.encoders.foreign_folders import HUB_CONFIG, config_near, foreign_folder
from namebasis.encoders.loading import holds_vocabulary, vocabulary_near
from namebasis.encoders.open_clip.params import TrainingSettings, find_settings
from namebasis.encoders.specs import CHANGEABLE
from namebasis.reading import (
    LARGE,
    UnreadableError,
    is_regular,
    open_regular,
    parse_json,
    read_json,
)

_PIPELINE = "model_index.json"
_ADAPTERS = ("adapter_model.safetensors", "pytorch_lora_weights.safetensors")
_MODEL_FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.bin")


@dataclass(frozen=True)
class StepModel:
    """A model in a step's folder.

    Attributes
    ----------
    spec : str
        What `load_encoder` takes.
    files : tuple of Path
        What it is read from.
    tokenizer : Path or None
        The folder that the tokenizer is taken from, where it is not the model's own.
    """

    spec: str
    files: tuple[Path, ...]
    tokenizer: Path | None = None


def read_step(folder: Path, model: str | None = None) -> StepModel | str:
    """Tell how the model in a step's folder is read, or why it cannot be.

    Parameters
    ----------
    folder : Path
    model : str, optional
        open_clip's name of the model of bare weights or its configuration file, or the spec that a
        LoRA changes.
    """
    reason = foreign_folder(folder)
    if reason is not None:
        return _adapter(folder, model) or _bare_weights(folder, model) or reason
    if (folder / HUB_CONFIG).is_file():
        return _incomplete(folder) or StepModel(
            f"open_clip:local-dir:{folder}", model_files(folder)
        )
    if (folder / _PIPELINE).is_file():
        return _pipeline(folder)
    if not (folder / "config.json").is_file() and (folder / "text_encoder").is_dir():
        return _text_model(folder / "text_encoder")
    bare = None if (folder / "config.json").is_file() else _bare_weights(folder, model)
    return bare or _text_model(folder)


def _adapter(folder: Path, model: str | None) -> StepModel | None:
    """A LoRA on the model that is named, or that its adapter_config.json names; None without."""
    file = next((folder / name for name in _ADAPTERS if is_regular(folder / name)), None)
    if file is None or any(folder.glob("model*.safetensors")):
        return None
    base = model if model is not None and model.partition(":")[0] in CHANGEABLE else None
    if base is None and model is None and (folder / "adapter_config.json").is_file():
        try:
            named = read_json(folder / "adapter_config.json")["base_model_name_or_path"]
        except (UnreadableError, KeyError, TypeError):
            return None
        base = f"hf:{named}" if isinstance(named, str) and named else None
    return None if base is None else StepModel(f"{base}+lora:{file}", ())


def _bare_weights(folder: Path, model: str | None) -> StepModel | str | None:
    """Weights of an open_clip model that accelerate or DeepSpeed saved; None where they are not."""
    names = ("model.safetensors", "mp_rank_00_model_states.pt")
    file = next((folder / name for name in names if is_regular(folder / name)), None)
    settings = None if file is None else find_settings(file)
    if file is None or (model is None and settings is None) or ":" in (model or ""):
        return None
    if any(folder.glob("zero_pp_rank_*_model_states.pt")) or any(folder.glob("mp_rank_01_*")):
        return None  # each of these holds a part of the weights
    is_safe = file.suffix == ".safetensors"
    reason = broken_safetensors(file) if is_safe else broken_archive(file)
    if reason is not None:
        return reason
    name, used = named_model(model, settings)
    return StepModel(f"open_clip:{name}@{file}", (file, *used))


def named_model(
    model: str | None, settings: TrainingSettings | None
) -> tuple[str, tuple[Path, ...]]:
    """The model as a spec names it, and the settings' file where it decides the vectors."""
    if model is None:
        name = settings.model if settings is not None else ""
    else:
        path = Path(model).expanduser()
        is_config = model.lower().endswith(".json") and path.is_file()
        name = str(path.resolve()) if is_config else model
    fits = settings is not None and settings.fits(Path(name).stem)
    return name, (settings.path,) if settings is not None and fits else ()


def model_files(folder: Path) -> tuple[Path, ...]:
    """Files that a model is read from, in order of name."""
    return tuple(sorted({path for pattern in _MODEL_FILES for path in folder.glob(pattern)}))


def _pipeline(folder: Path) -> StepModel | str:
    parts = sorted(path for path in folder.glob("text_encoder*") if path.is_dir())
    if not parts:
        return f"a pipeline without a text encoder: it holds {_PIPELINE} alone"
    reason = next((why for part in parts if (why := _incomplete(part))), None)
    if reason is not None:
        return reason
    files = [folder / _PIPELINE, *(file for part in parts for file in model_files(part))]
    files += [file for path in sorted(folder.glob("tokenizer*")) for file in model_files(path)]
    return StepModel(f"diffusers:{folder}", tuple(files))


def _text_model(folder: Path) -> StepModel | str:
    reason = _incomplete(folder)
    if reason is not None:
        return reason
    own, borrowed = model_files(folder), None
    if (config := config_near(folder)) is not None:
        own += (config,)
    if not holds_vocabulary(folder):
        borrowed = vocabulary_near(folder)
        if borrowed is not None:
            own += model_files(borrowed)
    return StepModel(f"hf:{folder}", own, borrowed)


def _incomplete(folder: Path) -> str | None:
    """Why a folder is not a whole model, or None."""
    own = any((folder / name).is_file() for name in ("config.json", HUB_CONFIG))
    if not own and config_near(folder) is None:
        return "half-written: it holds no config.json"
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        return "half-written: it holds no model.safetensors"
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            names = set(map(str, read_json(index)["weight_map"].values()))
        except (UnreadableError, KeyError, TypeError, AttributeError):
            return f"half-written: {index.name} cannot be read"
        missing = sorted(names - {path.name for path in weights})
        if missing:
            return f"half-written: {missing[0]} is missing"
    return next((reason for path in weights if (reason := broken_safetensors(path))), None)


def broken_safetensors(path: Path) -> str | None:
    """Whether a safetensors file is as long as its own header says."""
    try:
        with open_regular(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            (length,) = struct.unpack("<Q", stream.read(8))
            header = parse_json(stream.read(min(length, size, LARGE)), path)
        ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
        whole = 8 + length + max(ends, default=0)
    except (struct.error, UnreadableError, KeyError, IndexError, TypeError, AttributeError):
        return f"half-written: {path.name} has no readable header"
    if size != whole:
        return f"half-written: {path.name} has {size:,} of {whole:,} bytes"
    return None


def broken_archive(path: Path) -> str | None:
    """Whether a file of `torch.save` has its end; the zip's directory comes last."""
    is_whole = is_regular(path) and zipfile.is_zipfile(path)
    return None if is_whole else f"half-written: {path.name} is no whole archive"
