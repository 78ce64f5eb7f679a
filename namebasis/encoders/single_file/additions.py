"""What a spec adds to a text encoder: ``+lora:FILE:WEIGHT`` and ``+embedding:FILE=WORD``.

Any number of them stand behind the spec of a file of Stable Diffusion, of a pipeline's folder or of
a folder of transformers, and are applied in their order.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namebasis.encoders.loading import fingerprint_of
from namebasis.encoders.single_file.embeddings import Word, add_word
from namebasis.encoders.single_file.lora import merge_lora
from namebasis.encoders.specs import ADDED
from namebasis.errors import EncoderError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Lora:
    """A LoRA and how much of it is added."""

    path: Path
    weight: float


Addition = Lora | Word
_IN_FOLDERS = {
    "LoRA": ("adapter_model.safetensors", "pytorch_lora_weights.safetensors"),
    "embedding": ("learned_embeds.safetensors", "learned_embeds.bin"),
}
"""Files that trainers write into a folder of their own, which may be given in their place."""


@dataclass(frozen=True)
class Changed:
    """A text encoder after its additions.

    Attributes
    ----------
    spec : str
        With every addition, in order.
    fingerprint : str
    words : dict of int to list of int
        Ids of added pieces that stand for several in a row.
    """

    spec: str
    fingerprint: str
    words: dict[int, list[int]]


def split_additions(kind: str, rest: str) -> tuple[str, list[Addition]]:
    """What stands in a spec before the first addition, and the additions in order.

    Parameters
    ----------
    kind : str
        The spec's first word, for messages.
    rest : str
        What follows its colon.

    Raises
    ------
    EncoderError
        If a file is not there, or a weight is no number.
    """
    if os.path.exists(os.path.expanduser(rest)):
        return rest, []
    base, *given = ADDED.split(rest)
    spec = f"{kind}:{rest}"[:200]
    found: list[Addition] = []
    for part in given:
        what, _, said = part[1:].partition(":")
        found.append(_lora(said, spec) if what == "lora" else _word(said, spec))
    return base, found


def _lora(said: str, spec: str) -> Lora:
    place, colon, number = said.rpartition(":")
    if not colon or os.path.isfile(os.path.expanduser(said)):
        place, number = said, "1"
    try:
        weight = float(number)
    except ValueError:
        weight = math.nan
    if not math.isfinite(weight):
        raise EncoderError(
            f"{spec}: {number!r} is no weight; write +lora:FILE:WEIGHT, such as 0.8."
        )
    return Lora(_file(place, "LoRA", spec), weight)


def _word(said: str, spec: str) -> Word:
    place, sign, trigger = said.rpartition("=")
    if not sign or os.path.isfile(os.path.expanduser(said)):
        place, trigger = said, ""
    return Word(_file(place, "embedding", spec), trigger)


def _file(place: str, what: str, spec: str) -> Path:
    local = os.path.expanduser(place)
    inside = (os.path.join(local, name) for name in _IN_FOLDERS[what])
    local = next(filter(os.path.isfile, inside), local)
    if not local:
        raise EncoderError(f"{spec}: no {what} file is named; write +lora:FILE or +embedding:FILE.")
    if not os.path.isfile(local):
        raise EncoderError(f"{spec}: there is no {what} file {local}.")
    return Path(local).resolve()


def apply_additions(
    model: nn.Module,
    tokenizer: Any,
    additions: Sequence[Addition],
    part: str,
    widths: Mapping[str, int],
    spec: str,
) -> Changed:
    """Change a text encoder and its tokenizer.

    Parameters
    ----------
    model : nn.Module
        Of transformers, on the CPU; changed in place.
    tokenizer : PreTrainedTokenizerBase
        Gains the pieces of added words.
    additions : sequence of Lora and Word
    part : str
        Name of the text encoder in a diffusers folder.
    widths : mapping of str to int
        Of all text encoders of the model, by part; empty for one that stands alone, whose part
        follows from the shapes of what is added.
    spec : str
        Without the additions.

    Raises
    ------
    EncoderError
        If one of them does not fit.
    """
    words: list[list[int]] = []
    for change in additions:
        if isinstance(change, Word):
            words.append(add_word(model, tokenizer, part, change, spec, alone=not widths))
            spec += f"+embedding:{change.path}={tokenizer.convert_ids_to_tokens(words[-1][0])}"
        else:
            merge_lora(model, part, widths, change.path, change.weight, spec)
            spec += f"+lora:{change.path}:{change.weight}"
    taught = "".join(map(str, words))  # which rows make a word is written in no tensor
    fingerprint = fingerprint_of(model.state_dict(), taught)
    return Changed(spec, fingerprint, {ids[0]: ids for ids in words if len(ids) > 1})
