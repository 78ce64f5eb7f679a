"""What a step of a training left in its folder: a model, or the reason why it is none."""

from __future__ import annotations

import os
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

from namebasis.encoders.foreign_folders import HUB_CONFIG, foreign_folder
from namebasis.encoders.loading import holds_vocabulary, vocabulary_near
from namebasis.reading import (
    LARGE,
    UnreadableError,
    is_regular,
    open_regular,
    parse_json,
    read_json,
)

_PIPELINE = "model_index.json"
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


def read_step(folder: Path) -> StepModel | str:
    """Tell how the model in a step's folder is read, or why it cannot be."""
    reason = foreign_folder(folder)
    if reason is not None:
        return reason
    if (folder / HUB_CONFIG).is_file():
        return _incomplete(folder) or StepModel(
            f"open_clip:local-dir:{folder}", model_files(folder)
        )
    if (folder / _PIPELINE).is_file():
        return _pipeline(folder)
    if not (folder / "config.json").is_file() and (folder / "text_encoder").is_dir():
        return _text_model(folder / "text_encoder")
    return _text_model(folder)


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
    if not holds_vocabulary(folder):
        borrowed = vocabulary_near(folder)
        if borrowed is not None:
            own += model_files(borrowed)
    return StepModel(f"hf:{folder}", own, borrowed)


def _incomplete(folder: Path) -> str | None:
    """Why a folder is not a whole model, or None."""
    if not any((folder / name).is_file() for name in ("config.json", HUB_CONFIG)):
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
