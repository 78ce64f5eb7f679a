"""Text encoders of Stable Diffusion in one file: ``sd:MODEL.safetensors``.

The rows are those of the same weights in a diffusers folder: of Stable Diffusion 1 and 2 the pooled
state of their text encoder, of XL the pooled and projected one of the second, or of the part that
is named behind ``#``. Of the file only the header and that tower are read.
"""

from __future__ import annotations

import os
from pathlib import Path

from namebasis.encoders.base import Encoder
from namebasis.encoders.conditioner import ReadPart
from namebasis.encoders.diffusers import choose_text_encoder
from namebasis.encoders.huggingface.checked import WholeModel
from namebasis.encoders.huggingface.models import HuggingFaceEncoder
from namebasis.encoders.loading import Source, choose_device, refusing
from namebasis.encoders.single_file.additions import apply_additions, split_additions
from namebasis.encoders.single_file.kinds import not_a_checkpoint
from namebasis.encoders.single_file.reading import read_tower
from namebasis.encoders.single_file.towers import Tower, find_towers
from namebasis.encoders.single_file.vocabulary import clip_tokenizer, vocabulary_file
from namebasis.encoders.single_file.weights import WeightFile, open_weights
from namebasis.encoders.specs import folder_spec
from namebasis.errors import EncoderError


def load(rest: str, *, revision: str | None, device: str | None, dtype: str) -> Encoder:
    """Load ``FILE`` or ``FILE#text_encoder_2``, with what is added to it behind."""
    base, additions = split_additions("sd", rest)
    path, part = _split(base)
    if revision is not None:
        raise EncoderError(f"sd:{rest} is a file; a revision is for hub repositories.")
    spec = f"sd:{path}"
    with refusing(spec):
        file = open_weights(path, spec)
        tower, widths = _choose(file, part, spec)
        vocabulary = vocabulary_file(spec)
    spec = f"{spec}#{tower.place.part}"
    import torch

    place = choose_device(device)
    with refusing(spec):
        try:
            model = read_tower(file, tower)
        except EncoderError as error:
            raise EncoderError(f"{spec}: {path.name}: {error}.") from None
        tokenizer = clip_tokenizer(vocabulary, tower.n_positions)
        found = apply_additions(model, tokenizer, additions, tower.place.part, widths, spec)
        whole = WholeModel(model, found.fingerprint, tokenizer, found.words)
    source = Source(path.parent, found.spec)
    return HuggingFaceEncoder(source, place, getattr(torch, dtype), whole=whole)


def clip_parts(rest: str, *, revision: str | None = None) -> tuple[str, list[str]]:
    """Spec of a file and the names of its text encoders, or the one that `rest` names."""
    path, part = _split(rest)
    spec = f"sd:{path}"
    with refusing(spec):
        towers = _towers(open_weights(path, spec), spec)
    return spec, [part] if part else sorted(tower.place.part for tower in towers)


def parts_read(rest: str, *, revision: str | None = None) -> tuple[str, list[ReadPart]]:
    """Spec of a file, and the text encoders whose token states its image model reads.

    T5 of Stable Diffusion 3 is left out: its tokenizer is in no file.
    """
    path, _ = _split(rest)
    spec = f"sd:{path}"
    with refusing(spec):
        towers = _towers(open_weights(path, spec), spec)
    # Of version 2 the tower was stored, or is read, without its last layer.
    side_by_side = ("conditioner.", "text_encoders.")
    return spec, [
        ReadPart(tower.place.part, tower.place.prefix.startswith(side_by_side))
        for tower in sorted(towers, key=lambda tower: tower.place.part)
    ]


def _split(rest: str) -> tuple[Path, str]:
    """File and part; a file's own name may hold a #."""
    place, part = rest, ""
    if "#" in rest and not os.path.isfile(os.path.expanduser(rest)):
        place, _, part = rest.rpartition("#")
    local = os.path.expanduser(place)
    if os.path.isdir(local):
        raise EncoderError(f"sd:{rest} is a folder. Write {folder_spec(Path(local), place)}")
    if not os.path.isfile(local):
        raise EncoderError(f"sd:{rest[:200]}: there is no such file.")
    return Path(local).resolve(), part


def _towers(file: WeightFile, spec: str) -> list[Tower]:
    try:
        towers = find_towers(file.shapes)
    except EncoderError as error:
        raise EncoderError(f"{spec}: {file.path.name}: {error}.") from None
    if not towers:
        raise EncoderError(f"{spec}: {file.path.name} {not_a_checkpoint(file)}.")
    return towers


def _choose(file: WeightFile, part: str, spec: str) -> tuple[Tower, dict[str, int]]:
    """The tower that is asked for, or the one that the image model is given as a whole.

    With it the widths of all that an image model beside them reads; none of a text encoder alone.
    """
    towers = _towers(file, spec)
    kinds = {tower.place.part: tower.kind for tower in towers}
    chosen = choose_text_encoder(spec, kinds, part)
    widths = {tower.place.part: tower.width for tower in towers if tower.place.prefix}
    return next(tower for tower in towers if tower.place.part == chosen), widths
