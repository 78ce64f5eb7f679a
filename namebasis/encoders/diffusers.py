"""The text encoder of a diffusers pipeline: what the image model is told a name means.

Of Stable Diffusion 1 and 2 that is their one text encoder, of SDXL the second, larger one, whose
pooled and projected embedding the image model is given as a whole. A pipeline conditions on every
token; one row per text is the pooled end-of-text state, projected where there is a projection.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from namebasis.encoders.base import Encoder
from namebasis.encoders.huggingface import HuggingFace, read_model
from namebasis.encoders.loading import loading, local_or_hub
from namebasis.encoders.minilm import choose_device
from namebasis.errors import EncoderError

_CLASSES = ("CLIPTextModel", "CLIPTextModelWithProjection")


def load(rest: str, *, revision: str | None, device: str | None, dtype: str) -> Encoder:
    """Load ``REPO-or-folder`` or ``REPO-or-folder#text_encoder_2``."""
    spec = f"diffusers:{rest}"
    name, _, part = rest.partition("#")
    place = local_or_hub(spec, name)
    with loading(spec):
        index = _read_index(spec, place, revision)
        part = part or _default_part(spec, index)
        kind = _class_of(spec, index, part)
        tokenizer_part = part.replace("text_encoder", "tokenizer")
        folder = _fetch(place, part, tokenizer_part, revision)
        import transformers

        model = read_model(
            getattr(transformers, kind), str(folder / part), choose_device(device), dtype
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder / tokenizer_part))
    return HuggingFace(spec, model, tokenizer, None, revision)


def _read_index(spec: str, place: str, revision: str | None) -> dict[str, Any]:
    if Path(place).is_dir():
        path = Path(place) / "model_index.json"
        if not path.is_file():
            raise EncoderError(f"{spec}: {place} holds no model_index.json; it is no pipeline.")
    else:
        from huggingface_hub import hf_hub_download

        path = Path(hf_hub_download(place, "model_index.json", revision=revision))
    index: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return index


def _fetch(place: str, part: str, tokenizer_part: str, revision: str | None) -> Path:
    """Local folder with the two parts; of a hub's repository only those are downloaded."""
    if Path(place).is_dir():
        return Path(place)
    from huggingface_hub import snapshot_download

    patterns = [f"{part}/*.json", f"{part}/*.safetensors", f"{tokenizer_part}/*"]
    return Path(snapshot_download(place, revision=revision, allow_patterns=patterns))


def _text_encoders(index: dict[str, Any]) -> dict[str, str]:
    """Parts of a pipeline that are text encoders, with their classes."""
    return {
        key: value[1]
        for key, value in index.items()
        if key.startswith("text_encoder") and isinstance(value, list) and value[1]
    }


def _default_part(spec: str, index: dict[str, Any]) -> str:
    known = {part: kind for part, kind in _text_encoders(index).items() if kind in _CLASSES}
    if not known:
        there = ", ".join(_text_encoders(index).values()) or "none"
        raise EncoderError(f"{spec}: it has no CLIP text encoder; its text encoders: {there}.")
    projected = [part for part, kind in known.items() if kind.endswith("WithProjection")]
    return projected[-1] if projected else next(iter(known))


def _class_of(spec: str, index: dict[str, Any], part: str) -> str:
    kinds = _text_encoders(index)
    if part not in kinds:
        raise EncoderError(f"{spec}: no part {part!r}; its text encoders: {', '.join(kinds)}.")
    if kinds[part] not in _CLASSES:
        raise EncoderError(
            f"{spec}: {part} is a {kinds[part]}, which gives no vector per text; "
            f"CLIP text encoders do: {', '.join(p for p, k in kinds.items() if k in _CLASSES)}."
        )
    return kinds[part]
