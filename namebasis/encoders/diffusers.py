"""The text encoder of a diffusers pipeline: what the image model is told a name means.

Of Stable Diffusion 1 and 2 that is their one text encoder; of SDXL and its kin the last CLIP
encoder with a projection, whose pooled and projected row the image model is given as a whole. A
pipeline conditions on every token; one row per text is the pooled end-of-text state, projected
where there is a projection. Another part is named behind ``#``; where it is no CLIP (T5, say), its
row is the mean over the tokens. Of the pipeline nothing else is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from namebasis.encoders.base import Encoder
from namebasis.encoders.conditioner import ReadPart
from namebasis.encoders.foreign_folders import foreign_folder, model_below
from namebasis.encoders.huggingface.changed import read_changed
from namebasis.encoders.huggingface.models import HuggingFaceEncoder
from namebasis.encoders.loading import VARIANTS, Source, choose_device, find_source, refusing
from namebasis.encoders.single_file.additions import split_additions
from namebasis.errors import EncoderError
from namebasis.reading import read_json

_INDEX = "model_index.json"
_PADDED_3, _PADDED_FLUX = 256, 512
"""Tokens to which the pipelines pad T5's prompts by default."""


def load(rest: str, *, revision: str | None, device: str | None, dtype: str) -> Encoder:
    """Load ``REPO-or-folder`` or ``REPO-or-folder#text_encoder_2``; see `load_encoder`."""
    named, additions = split_additions("diffusers", rest)
    place, part = _split(named)
    source = find_source("diffusers", place, [(_INDEX,)], revision)
    with refusing(source.spec):
        parts = _text_encoders(source)
    part = choose_text_encoder(source.spec, parts, part)
    spec = f"{source.spec}#{part}"
    tokenizer = part.replace("text_encoder", "tokenizer")
    if source.revision is not None:
        source = find_source("diffusers", place, _patterns(part, tokenizer), source.revision)
    for name in (part, tokenizer):
        if not (source.folder / name).is_dir():
            raise EncoderError(f"{spec}: {source.folder} holds no folder {name}; get it whole.")
    source, whole = Source(source.folder / part, spec, source.revision), None
    vocabulary = source.folder.parent / tokenizer
    if additions:
        source, whole = read_changed(
            source, additions, part, _widths(source.folder.parent, parts),
            architecture=parts[part], tokenizer_folder=vocabulary,
        )  # fmt: skip
    import torch

    return HuggingFaceEncoder(
        source,
        choose_device(device),
        getattr(torch, dtype),
        architecture=parts[part],
        tokenizer_folder=vocabulary,
        whole=whole,
    )


def _widths(folder: Path, parts: Mapping[str, str]) -> dict[str, int]:
    """Widths of a pipeline's text encoders, as far as their configurations are there."""
    found = {}
    for part in parts:
        path = folder / part / "config.json"
        config = read_json(path) if path.is_file() else {}
        width = config.get("hidden_size", config.get("d_model"))
        if isinstance(width, int):
            found[part] = width
    return found


def clip_parts(rest: str, *, revision: str | None = None) -> tuple[str, list[str]]:
    """Spec of a pipeline and the names of its CLIP text encoders, or the one that `rest` names."""
    place, part = _split(rest)
    source = find_source("diffusers", place, [(_INDEX,)], revision)
    with refusing(source.spec):
        parts = _text_encoders(source)
    clip = sorted(name for name, kind in parts.items() if kind.startswith("CLIPText"))
    return source.spec, clip if clip and not part else [
        choose_text_encoder(source.spec, parts, part)
    ]


def parts_read(rest: str, *, revision: str | None = None) -> tuple[str, list[ReadPart]]:
    """Spec of a pipeline, and the text encoders whose token states its image model reads.

    Raises
    ------
    EncoderError
        If it is a pipeline of which that is not known.
    """
    place, _ = _split(rest)
    source = find_source("diffusers", place, [(_INDEX,)], revision)
    with refusing(source.spec):
        parts = dict(sorted(_text_encoders(source).items()))
        kind = str(read_json(source.folder / _INDEX).get("_class_name", ""))
    clip = [part for part, architecture in parts.items() if architecture.startswith("CLIPText")]
    t5 = [part for part, architecture in parts.items() if "T5" in architecture]
    read: list[ReadPart] = []
    if kind.startswith("StableDiffusion3"):
        read = [ReadPart(part, is_penultimate=True) for part in clip]
        read += [ReadPart(part, padded_to=_PADDED_3) for part in t5]
    elif kind.startswith("StableDiffusionXL") or (kind.startswith("StableD") and len(clip) > 1):
        read = [ReadPart(part, is_penultimate=True) for part in clip]
    elif kind.startswith(("StableDiffusion", "LatentConsistency")):
        read = [ReadPart(part) for part in clip]
    elif kind.startswith("Flux") and not kind.startswith("Flux2"):
        read = [ReadPart(part, padded_to=_PADDED_FLUX) for part in t5]
    elif kind.startswith("PixArt"):
        read = [ReadPart(part) for part in t5]
    if not read:
        raise EncoderError(
            f"{source.spec}: which token states the image model of a {kind or 'nameless pipeline'} "
            "reads is not known; known are Stable Diffusion 1, 2, XL and 3, Flux 1 and PixArt."
        )
    return source.spec, read


def _split(rest: str) -> tuple[str, str]:
    """Place and part; a folder's own name may hold a #."""
    if "#" not in rest or os.path.isdir(os.path.expanduser(rest)):
        return rest, ""
    place, _, part = rest.rpartition("#")
    return place, part


def _patterns(part: str, tokenizer: str) -> list[tuple[str, ...]]:
    small = (_INDEX, f"{part}/*.json", f"{tokenizer}/*")
    return [
        (*small, *(f"{part}/{name}.safetensors" for name in ("model", "model-0*-of-0*"))),
        *((*small, f"{part}/{name}") for name in VARIANTS),
    ]


def _text_encoders(source: Source) -> dict[str, str]:
    """Names of the pipeline's text encoders and their classes."""
    path = source.folder / _INDEX
    if not path.is_file():
        is_plain = (source.folder / "config.json").is_file()
        reason = None if is_plain else foreign_folder(source.folder)
        if reason is not None:
            raise EncoderError(f"{source.spec}: {reason}.")
        place = source.spec.partition(":")[2]
        hint = f" Use hf:{place}" if is_plain else model_below(source.folder)
        raise EncoderError(
            f"{source.spec} holds no {_INDEX}, as a pipeline's save_pretrained writes it.{hint}"
        )
    index = read_json(path)
    return {
        key: str(value[1])
        for key, value in index.items()
        if key.startswith("text_encoder") and isinstance(value, list) and value[-1]
    }


def choose_text_encoder(spec: str, parts: Mapping[str, str], wanted: str) -> str:
    """The text encoder that is asked for, or the one that the image model is given as a whole.

    Parameters
    ----------
    spec : str
        Of the pipeline, for messages.
    parts : mapping of str to str
        Its text encoders and their classes.
    wanted : str
        A name among them, or "" for the last CLIP encoder with a projection, or the first CLIP.

    Raises
    ------
    EncoderError
        If there is no such part.
    """
    there = ", ".join(f"#{part} ({kind})" for part, kind in sorted(parts.items())) or "none"
    if wanted:
        if wanted not in parts:
            raise EncoderError(f"{spec} has no part #{wanted}; its text encoders: {there}.")
        return wanted
    clip = sorted(part for part, kind in parts.items() if kind.startswith("CLIPText"))
    if not clip:
        raise EncoderError(
            f"{spec} has no CLIP text encoder; name one of its text encoders: {there}."
        )
    projected = [part for part in clip if parts[part].endswith("WithProjection")]
    return projected[-1] if projected else clip[0]
