"""Settings of an open_clip training, from the ``params.txt`` that its trainer leaves."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from namebasis.errors import EncoderError
from namebasis.reading import UnreadableError, read_text

PARAMS = "params.txt"
# What changes the vectors, as open_clip's `create_model` calls it. The trainer's other settings
# (learning rates, patch dropout, augmentation) do not matter once a model is trained.
_MODEL_OPTIONS = (
    "force_quick_gelu",
    "force_custom_text",
    "force_image_size",
    "force_context_length",
)
_PREPROCESS = {
    "image_mean": "mean",
    "image_std": "std",
    "image_interpolation": "interpolation",
    "image_resize_mode": "resize_mode",
}


@dataclass(frozen=True)
class TrainingSettings:
    """How a model was trained, as far as its vectors depend on it.

    Attributes
    ----------
    path : Path
        The ``params.txt``.
    model : str
        open_clip's name of the model.
    options : dict
        For `open_clip.create_model`.
    pretrained : str
        The weights that training began with, such as ``openai``; empty where there were none.
    """

    path: Path
    model: str
    options: dict[str, Any] = field(default_factory=dict)
    pretrained: str = ""

    def fits(self, name: str) -> bool:
        """Whether these are settings of the model called `name`, or of its configuration file."""
        return self.model.replace("/", "-").lower() == name.replace("/", "-").lower()


def find_settings(checkpoint: Path) -> TrainingSettings | None:
    """Read the ``params.txt`` beside a checkpoint file or one folder up; None where there is none.

    Of a file in a step's folder of its own, one folder further up.

    Raises
    ------
    EncoderError
        If a setting that changes the vectors cannot be read.
    """
    places = [checkpoint.parent, checkpoint.parent.parent]
    if places[1].name == "checkpoints":
        places.append(places[1].parent)
    for place in places:
        path = place / PARAMS
        values = _read(path)
        if values.get("model"):
            return _settings(path, values)
    return None


def _read(path: Path) -> dict[str, str]:
    """Lines ``key: value`` of a file; nothing where it cannot be read."""
    try:
        lines = read_text(path).splitlines()
    except UnreadableError:
        return {}
    pairs = (line.partition(":") for line in lines)
    return {key.strip(): value.strip() for key, colon, value in pairs if colon}


def _settings(path: Path, values: Mapping[str, str]) -> TrainingSettings:
    options: dict[str, Any] = {}
    for key in _MODEL_OPTIONS:
        value = _value(path, key, values.get(key, "None"))
        if value not in (None, False):
            options[key] = tuple(value) if isinstance(value, list) else value
    if isinstance(options.get("force_image_size"), tuple) and len(options["force_image_size"]) == 1:
        options["force_image_size"] = options["force_image_size"][0]
    prepare = {}
    for key, name in _PREPROCESS.items():
        value = _value(path, key, values.get(key, "None"))
        if value is not None:
            prepare[name] = tuple(value) if isinstance(value, list) else value
    if prepare:
        options["force_preprocess_cfg"] = prepare
    if _value(path, "siglip", values.get("siglip", "False")):
        options["init_logit_bias"] = -10.0
    pretrained = values.get("pretrained", "")
    started = "" if pretrained in ("", "None") else pretrained
    return TrainingSettings(path, values["model"], options, started)


def _value(path: Path, key: str, text: str) -> Any:
    """A setting as Python wrote it: None, a truth value, a number, a list, or a plain word."""
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        found = text or None
    allowed: dict[str, tuple[type, ...]] = {
        "force_quick_gelu": (bool,), "force_custom_text": (bool,), "siglip": (bool,),
        "force_context_length": (int,), "force_image_size": (int, list, tuple),
        "image_mean": (list, tuple), "image_std": (list, tuple),
        "image_interpolation": (str,), "image_resize_mode": (str,),
    }  # fmt: skip
    if found is not None and not isinstance(found, allowed[key]):
        raise EncoderError(f"{path}: {key} is {text[:80]!r}, which is no setting of open_clip.")
    return found
