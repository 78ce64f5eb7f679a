"""LoRA: low-rank changes to a text encoder's matrices, merged into them.

A layer's change is ``weight * alpha / rank * up @ down`` (Hu et al. 2021, arXiv:2106.09685). Known
are the keys of kohya's trainer (``lora_te_text_model_…``; of XL ``lora_te1_`` and ``lora_te2_``),
of diffusers (``text_encoder.text_model.….lora_A.weight``, ``.lora_linear_layer.down.weight``) and
of PEFT (``base_model.model.…``, with its adapter_config.json beside it).
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namebasis.encoders.single_file.weights import WeightFile, open_weights
from namebasis.errors import EncoderError, NamebasisHint
from namebasis.reading import parse_json, read_json

if TYPE_CHECKING:
    from torch import nn

_KEY = re.compile(
    r"(?P<layer>.+?)[._](?:lora|lora_linear_layer)[._](?P<role>down|up|A|B)(?:\.default)?\.weight\Z"
)
_ALPHA = ".alpha"
_ROLES = {"down": "down", "A": "down", "up": "up", "B": "up"}
_PARTS = {
    "lora_te1_": "text_encoder", "lora_te2_": "text_encoder_2", "lora_te_": "text_encoder",
    "text_encoder.": "text_encoder", "text_encoder_2.": "text_encoder_2",
}  # fmt: skip
_NOTED = "lora_adapter_metadata"
_PEFT = "base_model.model."
_OLD_NAMES = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"}
"""diffusers' names of attention's matrices before 0.20."""
_OTHER_METHODS = re.compile(r"\.(hada_w\d|lokr_w\d|oft_|dora_scale|lora_mid|lora_magnitude|diff\b)")
_CONTEXT = re.compile(r"attn2[._]to_k[._].*(?:down|lora_A)")


@dataclass
class _Layer:
    """Names of what a file holds for one matrix."""

    names: dict[str, str] = field(default_factory=dict)
    alpha: str | None = None


def merge_lora(
    model: nn.Module, part: str, widths: Mapping[str, int], path: Path, weight: float, spec: str
) -> None:
    """Add a LoRA's change to a text encoder, in float32.

    Parameters
    ----------
    model : CLIPTextModel or CLIPTextModelWithProjection
        Changed in place.
    part : str
        Its name in a diffusers folder.
    widths : mapping of str to int
        Of all text encoders of the checkpoint, by part; empty for one that stands alone, which is
        the part of the file that its matrices fit.
    path : Path
    weight : float
    spec : str
        For messages.

    Raises
    ------
    EncoderError
        If the file is no LoRA, of another method or base, or changes nothing of the encoder.
    """
    import torch

    file = open_weights(path, spec)
    _check_method(file, spec)
    layers = _layers(file)
    matrices = {_plain(name): module for name, module in model.named_modules() if name}
    if not widths:
        part = _fitting(layers, file, matrices) or part
    _check_base(file, part, widths, spec)
    own = {key: layer for (where, key), layer in layers.items() if where in (part, "")}
    counts = Counter(where or part for where, _ in layers)
    if not own:
        told = ", ".join(f"{n} layers of {where}" for where, n in sorted(counts.items()))
        raise EncoderError(
            f"{spec}: {path.name} changes nothing of #{part} ({told}); leave it out, or pick the "
            "text encoder that it changes."
        )
    others = {where: n for where, n in sorted(counts.items()) if where != part}
    if others:
        told = " and ".join(f"{n} of {where}" for where, n in others.items())
        message = f"{path.name}: {len(own)} layers of #{part} are merged; {told} are not used."
        warnings.warn(message, NamebasisHint, stacklevel=4)
    is_peft = any(where == "" for where, _ in layers)
    scale_of = _peft_scale(file, spec) if is_peft else _noted_scale(file, part, spec)
    with file.tensors() as opened, torch.no_grad():
        for key, layer in own.items():
            matrix: Any = matrices.get(key)
            if not isinstance(matrix, torch.nn.Linear):
                raise EncoderError(
                    f"{spec}: {path.name} changes {key}, which this text encoder does not have; it "
                    "is of another base."
                )
            down, up = (opened.get_tensor(layer.names[role]).float() for role in ("down", "up"))
            if (len(up), down.shape[-1]) != tuple(matrix.weight.shape) or up.shape[-1] != len(down):
                raise EncoderError(
                    f"{spec}: {path.name} is of another base: its {key} is {len(up)} × "
                    f"{down.shape[-1]}, here it is {' × '.join(map(str, matrix.weight.shape))}."
                )
            scale = scale_of
            if layer.alpha is not None:
                scale = float(opened.get_tensor(layer.alpha)) / len(down)
            matrix.weight.data = matrix.weight.float() + weight * scale * (up @ down)
            if not torch.isfinite(matrix.weight).all():
                raise EncoderError(
                    f"{spec}: {path.name} at weight {weight:g} makes {key} infinite or no number; "
                    "give a smaller weight, or another file."
                )


def _plain(name: str) -> str:
    """A matrix's name as every layout can be brought to it."""
    return name.removeprefix("text_model.").replace(".", "_")


def _layers(file: WeightFile) -> dict[tuple[str, str], _Layer]:
    """A file's layers by part ("" where it is a text encoder's alone) and matrix."""
    found: dict[tuple[str, str], _Layer] = {}
    for name in file.shapes:
        match = _KEY.match(name)
        if match is not None:
            layer = found.setdefault(_place(match["layer"]), _Layer())
            layer.names[_ROLES[match["role"]]] = name
        elif name.endswith(_ALPHA):
            found.setdefault(_place(name.removesuffix(_ALPHA)), _Layer()).alpha = name
    return {place: layer for place, layer in found.items() if len(layer.names) == 2}


def _fitting(
    layers: Mapping[tuple[str, str], _Layer], file: WeightFile, matrices: Mapping[str, nn.Module]
) -> str | None:
    """The one part of a file whose layers have the shapes of a text encoder; None for several."""
    fits: dict[str, bool] = {}
    for (part, key), layer in layers.items():
        matrix: Any = matrices.get(key)
        if hasattr(matrix, "weight"):
            shape = file.shapes[layer.names["up"]][0], file.shapes[layer.names["down"]][-1]
            fits[part] = fits.get(part, True) and shape == tuple(matrix.weight.shape)
    found = [part for part, fit in fits.items() if fit]
    return found[0] if len(found) == 1 else None


def _place(layer: str) -> tuple[str, str]:
    if layer.startswith(_PEFT):
        return "", _plain(layer.removeprefix(_PEFT))
    for start, part in _PARTS.items():
        if layer.startswith(start):
            inside = layer.removeprefix(start).removeprefix("text_model_")
            ending = inside.rpartition(".")[2]
            if ending in _OLD_NAMES:
                inside = inside.removesuffix(ending) + _OLD_NAMES[ending]
            return part, _plain(inside)
    return "the image model", layer


def _check_method(file: WeightFile, spec: str) -> None:
    other = next((m for name in file.shapes if (m := _OTHER_METHODS.search(name))), None)
    if other is not None:
        raise EncoderError(
            f"{spec}: {file.path.name} changes weights by another method than LoRA ({other[1]}: "
            "LoHa, LoKr, OFT or DoRA), which is not known here; merge it into its checkpoint with "
            "the trainer's tools."
        )
    if not any(_KEY.match(name) for name in file.shapes):
        raise EncoderError(
            f"{spec}: {file.path.name} holds no LoRA; its tensors are named like "
            f"{min(file.shapes, default='(none)')}."
        )


def _check_base(file: WeightFile, part: str, widths: Mapping[str, int], spec: str) -> None:
    """Refuse a LoRA of another family whose text matrices happen to have the same shapes."""
    seconds: Sequence[str] = [name for name in file.shapes if name.startswith(("lora_te2_",))]
    if seconds and widths and "text_encoder_2" not in widths and part == "text_encoder":
        raise EncoderError(
            f"{spec}: {file.path.name} is of another base: it is for XL's two text encoders, this "
            "checkpoint has one."
        )
    reads = {shape[1] for name, shape in file.shapes.items() if _CONTEXT.search(name)}
    given = sum(widths.values())
    if reads and widths and reads != {given}:
        raise EncoderError(
            f"{spec}: {file.path.name} is of another base: its image model reads text states "
            f"{max(reads)} wide, those of this checkpoint are {given} wide."
        )


def _peft_scale(file: WeightFile, spec: str) -> float:
    """What PEFT's configuration beside a file says its changes are multiplied by."""
    path = file.path.parent / "adapter_config.json"
    config = read_json(path) if path.is_file() else None
    if not isinstance(config, dict) or not config.get("r") or not config.get("lora_alpha"):
        raise EncoderError(
            f"{spec}: {file.path.name} is PEFT's, whose alpha stands in adapter_config.json; put "
            "that beside it."
        )
    return _scale(config, "", f"{spec}: {path}")


def _noted_scale(file: WeightFile, part: str, spec: str) -> float:
    """What diffusers notes of a text encoder's LoRA in the header; without it alpha is the rank."""
    noted = file.notes.get(_NOTED)
    config = parse_json(noted, file.path) if noted else None
    if not isinstance(config, dict) or not config.get(f"{part}.lora_alpha"):
        return 1.0
    return _scale(config, f"{part}.", f"{spec}: {file.path.name}")


def _scale(config: Mapping[str, Any], start: str, where: str) -> float:
    odd = [key for key in ("use_rslora", "use_dora", "alpha_pattern", "rank_pattern")
           if config.get(start + key)]  # fmt: skip
    alpha, rank = config.get(f"{start}lora_alpha"), config.get(f"{start}r")
    if odd or not all(isinstance(value, (int, float)) and value for value in (alpha, rank)):
        raise EncoderError(
            f"{where} asks for {odd[0] if odd else 'another rank or alpha'}, which is not known "
            "here; merge it with merge_and_unload."
        )
    return float(alpha) / float(rank)  # type: ignore[arg-type]  # checked above
