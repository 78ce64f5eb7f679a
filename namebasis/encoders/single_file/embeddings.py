"""Textual inversions: words that a file teaches a text encoder, as rows of its input table.

Known are AUTOMATIC1111's files (``emb_params``; of XL ``clip_l`` and ``clip_g``; a ``.pt`` with
``string_to_param``) and diffusers' (the word itself is the key). A word of several vectors stands
for as many pieces in a row, as both do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namebasis.encoders.open_clip.checkpoint_files import is_pickle, read_pickle
from namebasis.encoders.single_file.weights import open_weights, reading_pickle
from namebasis.errors import EncoderError

if TYPE_CHECKING:
    from torch import Tensor, nn

_XL = {"clip_l": "text_encoder", "clip_g": "text_encoder_2"}
_UNNAMED = ("emb_params", "*")
_IS_WORD = re.compile(r"\S+\Z")


@dataclass(frozen=True)
class Word:
    """A word that a file teaches.

    Attributes
    ----------
    path : Path
    trigger : str
        What stands for it in a text; "" takes the name in the file or, without one, the file's.
    """

    path: Path
    trigger: str = ""


def add_word(
    model: nn.Module, tokenizer: Any, part: str, word: Word, spec: str, *, alone: bool = False
) -> list[int]:
    """Teach a text encoder and its tokenizer a word.

    Parameters
    ----------
    model : nn.Module
        Of transformers; the input table of its text encoder gains rows.
    tokenizer : PreTrainedTokenizerBase
        Gains a piece for each.
    part : str
        Name of the text encoder in a diffusers folder.
    word : Word
    spec : str
        For messages.
    alone : bool
        Whether the text encoder stands alone: of a file for several, the vectors that are as wide
        as its own are taken then.

    Returns
    -------
    list of int
        The ids that the trigger stands for.

    Raises
    ------
    EncoderError
        If the file is no textual inversion, of another width, or its word is taken.
    """
    import torch
    from tokenizers import AddedToken

    text: Any = getattr(model, "text_model", model)
    table = text.get_input_embeddings()
    named, rows = _read(word.path, part, table.weight.shape[1] if alone else None, spec)
    trigger = word.trigger or named or word.path.stem
    if rows.ndim != 2 or not len(rows) or rows.shape[1] != table.weight.shape[1]:
        raise EncoderError(
            f"{spec}: {word.path.name} is of another base: its vectors are {rows.shape[-1]} wide, "
            f"the text encoder #{part} is {table.weight.shape[1]} wide."
        )
    if not torch.isfinite(rows).all():
        raise EncoderError(f"{spec}: {word.path.name} holds numbers that are not finite.")
    pieces = [trigger, *(f"{trigger}_{number}" for number in range(1, len(rows)))]
    known = tokenizer.get_vocab()
    taken = next((piece for piece in pieces if piece in known), None)
    if taken is not None or not _IS_WORD.match(trigger):
        why = "is a piece that is known already" if taken is not None else "holds a space"
        raise EncoderError(
            f"{spec}: the word {taken or trigger!r} of {word.path.name} {why}; name it: "
            "+embedding:FILE=<word>."
        )
    tokenizer.add_tokens([AddedToken(piece, single_word=True, normalized=True) for piece in pieces])
    ids = [int(number) for number in tokenizer.convert_tokens_to_ids(pieces)]
    last = len(table.weight) + len(ids)
    if len(set(ids)) < len(ids) or not max(known.values()) < min(ids) <= max(ids) < last:
        raise EncoderError(f"{spec}: the tokenizer gives {trigger!r} other ids than its rows have.")
    # A table may have more rows than its tokenizer pieces.
    grown = table.weight.data.float().new_zeros(
        (max(len(table.weight), max(ids) + 1), rows.shape[1])
    )
    grown[: len(table.weight)] = table.weight.data
    grown[ids] = rows.float()
    table.weight = torch.nn.Parameter(grown, requires_grad=False)
    table.num_embeddings = text.config.vocab_size = len(grown)
    return ids


def _read(path: Path, part: str, width: int | None, spec: str) -> tuple[str, Tensor]:
    """The word in a file ("" where it names none) and its rows, of the text encoder asked for.

    Of a file for several, a width chooses the rows instead of the part.
    """
    import torch

    if is_pickle(path):
        with reading_pickle(path, spec):
            content = read_pickle(path, spec)
        content = content if isinstance(content, dict) else {}
        held = content.get("string_to_param")
        # A1111's own name for the one word is "*", whatever a text calls it.
        unnamed = isinstance(held, dict)
        given = held if isinstance(held, dict) else content
        state = {
            "*" if unnamed and len(given) == 1 else str(key): value
            for key, value in given.items()
            if torch.is_tensor(value)
        }
    else:
        file = open_weights(path, spec)
        if len(file.shapes) > len(_XL) + 1:
            state = {}
        else:
            with file.tensors() as opened:
                state = {name: opened.get_tensor(name).clone() for name in file.shapes}
    if _XL.keys() & state.keys():
        fits = (
            value
            for key, value in state.items()
            if (_XL.get(key) == part if width is None else value.shape[-1] == width)
        )
        rows = next(fits, None)
        if rows is None:
            raise EncoderError(
                f"{spec}: {path.name} teaches {', '.join(sorted(state))} and not #{part}."
            )
        return "", torch.atleast_2d(rows.detach())
    if len(state) != 1:
        raise EncoderError(
            f"{spec}: {path.name} is no textual inversion of one word; known are files of "
            "AUTOMATIC1111 (emb_params, clip_l and clip_g, string_to_param) and of diffusers."
        )
    ((name, rows),) = state.items()
    return "" if name in _UNNAMED else name, torch.atleast_2d(rows.detach())
