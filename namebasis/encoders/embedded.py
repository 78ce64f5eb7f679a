"""Vectors in the place of a name's pieces: where they go, and how a library is given them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from namebasis.checks import FloatArray, IntArray, as_embeddings
from namebasis.errors import EncoderError

if TYPE_CHECKING:
    from torch import Tensor, nn

_FILLINGS = ("qx", "ab", "AB", "12")
"""Pairs of characters of which a text of n pieces is made; of one pair a vocabulary has both."""


@dataclass(frozen=True)
class Slot:
    """A tokenised template with places for vectors.

    Attributes
    ----------
    template : str
    ids : tuple of int
        As the tower is given them, with special tokens and any padding. At the places stand ids
        of ordinary pieces, which the vectors replace.
    start, size : int
        The first place, and how many there are.
    text : str
        Whose ids these are.
    """

    template: str
    ids: tuple[int, ...]
    start: int
    size: int
    text: str


def find_slot(
    template: str,
    size: int,
    read: Callable[[str], Sequence[int]],
    count: Callable[[list[str]], IntArray],
    spec: str,
) -> Slot:
    """Tokenise a template with `size` places where the name goes.

    The template is filled with two texts of `size` pieces that share none: where the ids differ
    are the places. So padding, special tokens and masks are the tokenizer's own.

    Parameters
    ----------
    template : str
    size : int
        At least 1.
    read : callable
        Ids of a text as the tower is given them.
    count : callable
        Pieces of texts, without special tokens.
    spec : str
        For messages.

    Raises
    ------
    EncoderError
        If the words around the name run together with it.
    """
    around = int(count(template.split("{}")).sum())
    for pair in _FILLINGS:
        for between in (" ", ""):
            texts = [template.format(between.join([letter] * size)) for letter in pair]
            # Fewer pieces than the parts: a word of the template became one with the filling.
            if int(count(texts).min()) < around + size:
                continue
            first, second = map(read, texts)
            differs = [at for at, ids in enumerate(zip(first, second, strict=False))
                       if ids[0] != ids[1]]  # fmt: skip
            if len(first) == len(second) and differs == list(range(differs[0], differs[0] + size)):
                return Slot(template, tuple(map(int, first)), differs[0], size, texts[0])
    raise EncoderError(
        f"{spec}: in the template {template!r} the words around the name run together with it; "
        "put a space on both sides of {}."
    )


def check_rows(rows: Sequence[FloatArray], width: int) -> list[FloatArray]:
    """Return the vectors of each name as finite float32 matrices.

    Raises
    ------
    ValueError
        If one of them is no matrix of at least one row of that width.
    """
    return [as_embeddings(one, f"rows[{at}]", width) for at, one in enumerate(rows)]


class InputRows:
    """Gives a library's model input embeddings that are in no table, through its own forward.

    A hook on the table replaces what it found at given places, for the thread that asked alone.

    Parameters
    ----------
    table : Module
        The model's module of input embeddings.
    """

    def __init__(self, table: nn.Module) -> None:
        self._given: dict[int, tuple[int, Tensor]] = {}
        table.register_forward_hook(self._put)

    @contextmanager
    def placed(self, start: int, rows: Tensor) -> Iterator[None]:
        """Let the next call of the table in this thread give `rows` from place `start` on.

        Parameters
        ----------
        start : int
        rows : Tensor of shape (n_texts, n_places, width)
        """
        mine = threading.get_ident()
        self._given[mine] = (start, rows)
        try:
            yield
        finally:
            self._given.pop(mine, None)

    def _put(self, table: Any, _: object, found: Tensor) -> Tensor:
        given = self._given.pop(threading.get_ident(), None)
        if given is None:
            return found
        start, rows = given
        changed = found.clone()
        # Gemma's and BART's tables scale what they hold.
        scale = getattr(table, "embed_scale", 1.0)
        changed[:, start : start + rows.shape[1]] = (rows * scale).to(found)
        return changed
