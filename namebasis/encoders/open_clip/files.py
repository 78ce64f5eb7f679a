"""open_clip models out of checkpoint files and configurations of one's own."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namebasis.encoders.open_clip.checkpoint_files import (
    foreign_layout,
    is_shard,
    one_model,
    read_state,
)
from namebasis.errors import EncoderError
from namebasis.reading import UnreadableError, read_json

if TYPE_CHECKING:
    import torch

_CONFIG_KEYS = {"embed_dim", "vision_cfg", "text_cfg"}
# Position embeddings that open_clip would stretch to another length without a word: the vectors
# would be those of a model that nobody trained.
_POSITIONS = {
    "positional_embedding": ("text positions", "--force-context-length"),
    "text.positional_embedding": ("text positions", "--force-context-length"),
    "visual.positional_embedding": ("image positions", "--force-image-size"),
}


def register_config(library: Any, config: Path, spec: str) -> tuple[str, dict[str, Any]]:
    """Make a configuration file known to open_clip.

    Parameters
    ----------
    library : module
        open_clip.
    config : Path
        A model configuration as open_clip lists them, or an ``open_clip_config.json``.
    spec : str
        What the user named, for the message.

    Returns
    -------
    name : str
        Under which open_clip has it now: the file's stem and a digest of what it holds, so that
        it replaces no listed model.
    preprocess : dict
        How it wants images prepared, where the file says so.

    Raises
    ------
    EncoderError
        If it is no such configuration.
    """
    try:
        document = read_json(config)
    except UnreadableError as error:
        raise EncoderError(f"{spec}: the configuration cannot be read ({error})") from None
    document = document if isinstance(document, dict) else {}
    model = document.get("model_cfg", document)
    if not isinstance(model, dict) or not set(model) >= _CONFIG_KEYS:
        raise EncoderError(
            f"{spec}: {config} is no model configuration of open_clip; it must hold "
            f"{', '.join(sorted(_CONFIG_KEYS))}."
        )
    text = json.dumps(model, sort_keys=True)
    name = f"{config.stem}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    if name not in library.list_models():
        with tempfile.TemporaryDirectory() as folder:
            named = Path(folder) / f"{name}.json"
            named.write_text(text, encoding="utf-8")
            library.add_model_config(named)
    preprocess = document.get("preprocess_cfg", {}) if "model_cfg" in document else {}
    return name, dict(preprocess) if isinstance(preprocess, dict) else {}


def model_from_file(
    library: Any, name: str, file: Path, options: Mapping[str, Any], spec: str
) -> Any:
    """Make a listed model with the weights of a checkpoint file.

    What the file itself tells is followed: a `logit_bias` (trained with ``--siglip``) and a text
    tower of its own (``--force-custom-text``).

    Parameters
    ----------
    library : module
        open_clip.
    name : str
    file : Path
    options : mapping
        For `open_clip.create_model`.
    spec : str
        What the user named, for the message.

    Returns
    -------
    open_clip.CLIP, open_clip.CustomTextCLIP or open_clip.CoCa
        In float32 on the CPU.

    Raises
    ------
    EncoderError
        If the file holds something else, or weights of another model or length.
    """
    state = read_state(file, spec)
    reason = foreign_layout(state)
    if reason is None and is_shard(file):
        reason = "is one shard of several; save the whole state_dict in one file"
    if reason is not None:
        raise EncoderError(f"{spec}: {file.name} {reason}.")
    try:
        state = one_model(state, "logit_scale")
    except EncoderError as error:
        raise EncoderError(f"{spec}: {file.name} {error}") from None
    options = dict(options)
    if "logit_bias" in state:
        options.setdefault("init_logit_bias", -10.0)
    if any(key.startswith("text.") for key in state):
        options["force_custom_text"] = True
    model = library.create_model(name, load_weights=False, pretrained_text=False, **options)
    _fill(model, state, spec, name)
    return model


def _fill(model: Any, state: dict[str, torch.Tensor], spec: str, name: str) -> None:
    """Put weights into a model as open_clip does, but refuse those that do not fit."""
    import torch
    from open_clip.convert import convert_state_dict
    from open_clip.model import convert_to_custom_text_state_dict

    state = convert_state_dict(model, state)
    if "positional_embedding" in state and not hasattr(model, "positional_embedding"):
        state = convert_to_custom_text_state_dict(state)
    own = model.state_dict()
    for key in ("logit_scale", "logit_bias"):
        if key in state and key in own:
            state[key] = state[key].reshape(own[key].shape)
    if "logit_bias" in own:
        state.setdefault("logit_bias", torch.zeros_like(own["logit_bias"]))
    # transformers stored this before 4.31; it holds no weights.
    if "text.transformer.embeddings.position_ids" not in own:
        state.pop("text.transformer.embeddings.position_ids", None)
    _check_fit(state, own, spec, name)
    model.load_state_dict(state)


def _check_fit(
    state: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor], spec: str, name: str
) -> None:
    for key, (words, flag) in _POSITIONS.items():
        if key in state and key in own and len(state[key]) != len(own[key]):
            raise EncoderError(
                f"{spec}: the file has {len(state[key])} {words}, {name} has {len(own[key])}. It "
                f"was trained with {flag}: keep the training's params.txt beside it, or write the "
                "setting into a configuration and give CONFIG.json@FILE."
            )
    missing = [key for key in own if key not in state]
    foreign = [key for key in state if key not in own]
    parts = [f"it lacks {missing[0]} ({len(missing)} in all)"] if missing else []
    parts += [f"it holds {foreign[0]} ({len(foreign)} in all)"] if foreign else []
    parts += [
        f"{key} has the shape {tuple(tensor.shape)}, not {tuple(own[key].shape)}"
        for key, tensor in state.items()
        if key in own and tensor.shape != own[key].shape
    ]
    if parts:
        raise EncoderError(
            f"{spec} cannot be read: {' and '.join(parts[:2])}. Is it a checkpoint of {name}?"
        )
