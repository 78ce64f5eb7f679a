"""Trainings that keep a file a step: open_clip's epochs, PyTorch Lightning's, and kohya's."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from namebasis.encoders.open_clip.checkpoint_files import holds_adapter
from namebasis.encoders.open_clip.params import find_settings
from namebasis.encoders.single_file.weights import open_weights
from namebasis.encoders.specs import CHANGEABLE, holds_text_encoder
from namebasis.errors import NamebasisError
from namebasis.formation.layouts.step_folders import (
    broken_archive,
    broken_safetensors,
    named_model,
)

EPOCHS = re.compile(r"(?:[\w-]+[_-])?epoch[_-]?(\d+)\.(?:pt|pth|safetensors)\Z", re.I)
_LIGHTNING = (
    re.compile(r"(?:.*[^a-z])?step[=_-]?(\d+)(?:[^\d].*)?\.ckpt\Z", re.I),
    re.compile(r"(?:.*[^a-z])?epoch[=_-]?(\d+)(?:[^\d].*)?\.ckpt\Z", re.I),
)
_KOHYA = (
    re.compile(r".+-step(\d{6,9})\.safetensors\Z", re.I),
    re.compile(r".+-(\d{6})\.safetensors\Z"),
)
PATTERNS = (EPOCHS, *_LIGHTNING, *_KOHYA)
"""Names of files that are steps, in the order in which they are looked for."""
_ADAPTER = (
    "a LoRA, which changes a model it does not hold: name that one with --model, such as "
    "--model sd:BASE.safetensors or --model diffusers:FOLDER"
)


@dataclass(frozen=True)
class StepFile:
    """A file of a training.

    Attributes
    ----------
    step : int
    label : str
    spec : str
        What `load_encoder` takes; empty where `reason` says why it is none.
    files : tuple of Path
        What decides the vectors; empty where not all of that is known.
    reason : str
    """

    step: int
    label: str
    spec: str = ""
    files: tuple[Path, ...] = ()
    reason: str = ""


class UnnamedModelError(NamebasisError):
    """Files of weights whose model is not said."""


def find_step_files(place: Path, model: str | None) -> list[StepFile]:
    """Steps that a folder holds as files, by number; none where it holds no such.

    Parameters
    ----------
    place : Path
    model : str, optional
        open_clip's name of their model or its configuration file, or the spec that LoRAs change.

    Raises
    ------
    UnnamedModelError
        If a model is needed and not said.
    """
    if not place.is_dir():
        return []
    entries = [path for path in sorted(place.iterdir()) if path.is_file()]
    for pattern in PATTERNS:
        numbered: dict[int, Path] = {}
        twice = []
        for path in entries:
            match = pattern.match(path.name)
            if match is None:
                continue
            number = int(match[1])
            if number in numbered:
                reason = f"has the number of {numbered[number].name}, which is taken"
                twice.append(StepFile(number, path.name, reason=reason))
            else:
                numbered[number] = path
        if numbered:
            read = _of_kohya(model) if pattern in _KOHYA else _of_open_clip(place, numbered, model)
            return [*(read(step, path) for step, path in sorted(numbered.items())), *twice]
    return []


def _of_open_clip(
    place: Path, numbered: dict[int, Path], model: str | None
) -> Callable[[int, Path], StepFile]:
    settings = find_settings(next(iter(numbered.values())))
    if model is None and settings is None:
        raise UnnamedModelError(
            f"{place}: which model these files are of, such as "
            f"{next(iter(numbered.values())).name}, is not said (no params.txt beside "
            "them); give open_clip's name of it, such as --model ViT-B-32, or its configuration: "
            "--model CONFIG.json."
        )
    name, used = named_model(model, settings)

    def read(step: int, path: Path) -> StepFile:
        is_safe = path.suffix.lower() == ".safetensors"
        reason = broken_safetensors(path) if is_safe else broken_archive(path)
        if reason is not None:
            return StepFile(step, path.name, reason=reason)
        return StepFile(step, path.name, f"open_clip:{name}@{path}", (path, *used))

    return read


def _of_kohya(model: str | None) -> Callable[[int, Path], StepFile]:
    base = model if model is not None and model.partition(":")[0] in CHANGEABLE else None

    def read(step: int, path: Path) -> StepFile:
        reason = broken_safetensors(path)
        if reason is not None:
            return StepFile(step, path.name, reason=reason)
        if holds_text_encoder(path):
            return StepFile(step, path.name, f"sd:{path}", (path,))
        if holds_adapter(open_weights(path, str(path)).shapes):
            if base is None:
                return StepFile(step, path.name, reason=_ADAPTER)
            return StepFile(step, path.name, f"{base}+lora:{path}")
        return StepFile(step, path.name, reason="neither a Stable Diffusion in one file nor a LoRA")

    return read
