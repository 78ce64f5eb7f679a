"""A space whose encoder reads texts as a computed view does."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import FloatArray, IntArray
from namebasis.encoders.base import Encoder, IdRows
from namebasis.encoders.specs import without_folders
from namebasis.namespace.computed.makers import ViewMaker
from namebasis.namespace.store.dataset import COMPUTED
from namebasis.wording import did_you_mean

if TYPE_CHECKING:
    from namebasis.namespace.space import Kind


class ViewEncoder(Encoder):
    """Reads whole prompts as the model of a computed view does; pieces are the encoder's own.

    Parameters
    ----------
    own : Encoder
        Of the space: what cuts names into pieces.
    maker : ViewMaker
    view : str
    """

    def __init__(self, own: Encoder, maker: ViewMaker, view: str) -> None:
        self._own, self._maker, self._view = own, maker, view
        self.spec = f"{maker.model} ({view})"
        made_of = f"{maker.fingerprint} {view} {sorted(maker.settings.items())!r}"
        self.fingerprint = f"sha256:{hashlib.sha256(made_of.encode()).hexdigest()}"
        self.dim = maker.dims[view]
        self.token_dim, self.max_tokens = own.token_dim, own.max_tokens
        self.has_tokenizer = getattr(own, "has_tokenizer", True)
        self.unknown_piece = getattr(own, "unknown_piece", None)

    def tokenize(self, text: str) -> list[str]:
        """The pieces of a text by the space's encoder."""
        return self._own.tokenize(text)

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """The pieces of texts by the space's encoder."""
        return self._own.pieces(texts)

    def count_tokens(self, texts: Sequence[str]) -> IntArray:
        """The number of pieces of each text by the space's encoder."""
        return self._own.count_tokens(texts)

    def _pieces_in_table(self, names: list[str]) -> tuple[FloatArray, IdRows]:
        return self._own._pieces_in_table(names)

    def _embed_texts(self, texts: list[str], batch_size: int | None) -> FloatArray:
        rows: FloatArray = np.asarray(self._maker.of_texts(texts)[self._view], np.float32)
        return rows


def read_by(space: Kind, view: str) -> Kind:
    """The same space, with an encoder that reads texts as a computed view does.

    For studies that embed prompts of their own instead of reading stored vectors. Each prompt is
    read whole: in `conditioning` it is the mean over all its tokens, so that contexts behind a
    name count, which the name's own tokens do not see.

    Parameters
    ----------
    space : Space
    view : str
        `text` gives the space as it is.

    Raises
    ------
    ValueError
        If the view is neither `text` nor one that was computed and stored.
    EncoderError
        If its model cannot be loaded, or is another now.
    """
    if view == "text":
        return space
    if view not in COMPUTED or view not in space.views:
        known = ["text", *(one for one in space.views if one in COMPUTED)]
        remedy = (
            f" Make it with `namebasis {COMPUTED[view]} {space.path}`." if view in COMPUTED else ""
        )
        raise ValueError(
            f"prompts are read by the encoder (text) or by the model of a view that was computed "
            f"({', '.join(known)}); got {view!r}.{remedy or did_you_mean(view, known)}"
        )
    again = space.reopened(space._encoder)
    again._encoder = ViewEncoder(space.encoder(), space.maker(view), view)
    again.read_by = view
    return again


def said_reader(space: object) -> tuple[str, ...]:
    """A remark on who read the prompts, where that is not the space's encoder."""
    view = getattr(space, "read_by", "text")
    if view == "text":
        return ()
    spec = without_folders(space.encoder().spec)  # type: ignore[attr-defined]
    return (
        f"prompts are read whole by {spec}; what was calibrated, such as thresholds of kinds, was "
        "so on pooled vectors.",
    )
