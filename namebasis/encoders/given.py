"""Vectors of one's own in an encoder's place: names are looked up, not embedded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import FloatArray, as_embeddings, unit_rows
from namebasis.encoders.base import Encoder, IdRows
from namebasis.errors import EncoderError

if TYPE_CHECKING:
    from torch import Tensor

    from namebasis.encoders.images import ImageLike

KIND = "vectors"
"""The kind of spec of spaces that were made of given vectors alone."""
NO_ENCODER = (
    "this space was made of given vectors and has no encoder. It answers stored names, --vector "
    "and all that needs no encoder; build it with --encoder SPEC as well to embed other texts."
)


class GivenVectors(Encoder):
    """Vectors that are given for names; other texts go to an encoder where there is one.

    Parameters
    ----------
    names : sequence of str
        One for each row. The rows of a name that comes more than once are averaged.
    vectors : array of shape (n_names, dim)
        In any scale; of length above 0.
    encoder : Encoder, optional
        The model that the vectors are of. Its spec and weights are then those of the space, and it
        embeds what is asked later.

    Attributes
    ----------
    n_repeated : int
        Rows beyond the first of their name.

    Raises
    ------
    ValueError
        If there is not one finite vector with a direction for each name.
    EncoderError
        If the encoder's vectors have another width.
    """

    def __init__(
        self, names: Sequence[str], vectors: object, *, encoder: Encoder | None = None
    ) -> None:
        kept = self._check_texts(names, "names")
        rows = unit_rows(as_embeddings(vectors, "vectors"), "vectors")
        if len(rows) != len(kept):
            raise ValueError(
                f"there must be one vector for each name; got {len(rows):,} vectors for "
                f"{len(kept):,} names."
            )
        self.model = encoder
        self.dim = rows.shape[1]
        if encoder is not None and encoder.dim != self.dim:
            raise EncoderError(
                f"the given vectors have {self.dim} columns, those of {encoder.spec} have "
                f"{encoder.dim}; they are not of that encoder."
            )
        self._place = {name: row for row, name in enumerate(dict.fromkeys(kept))}
        self.n_repeated = len(kept) - len(self._place)
        self._rows = self._averaged(kept, rows) if self.n_repeated else rows
        self.fingerprint = self._digest() if encoder is None else encoder.fingerprint
        digest = self.fingerprint.partition(":")[2][:12]
        self.spec = f"{KIND}:{digest}" if encoder is None else encoder.spec
        self.revision = None if encoder is None else encoder.revision
        self.has_images = encoder is not None and encoder.has_images
        self.token_dim = 0 if encoder is None else encoder.token_dim
        self.max_tokens = getattr(encoder, "max_tokens", None)
        self.has_tokenizer = encoder is not None

    def _averaged(self, names: Sequence[str], rows: FloatArray) -> FloatArray:
        total = np.zeros((len(self._place), self.dim))
        np.add.at(total, [self._place[name] for name in names], rows)
        return unit_rows(total.astype(np.float32), "vectors")

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for name in sorted(self._place):
            digest.update(f"{name}\n".encode())
            digest.update(np.ascontiguousarray(self._rows[self._place[name]], "<f4").data)
        return f"sha256:{digest.hexdigest()}"

    def join(self, spec: str, fingerprint: str) -> None:
        """Take these for vectors of a space that was made of others before."""
        self.spec, self.fingerprint = spec, fingerprint

    def __contains__(self, name: str) -> bool:
        return name in self._place

    def agreement(self, template: str, n_names: int = 64) -> float | None:
        """Share of names whose vector by the encoder finds their own given one; None without one.

        Both are centred first, so what all vectors of a model share does not count. Chance finds 1
        in `n_names`; vectors of another model or of other names do hardly better.

        Parameters
        ----------
        template : str
        n_names : int
            The first names are compared with each other.
        """
        if self.model is None:
            return None
        some = list(self._place)[:n_names]
        own, given = self.model.encode_names(some, template), self._rows[: len(some)]
        if len(some) < 2:
            return 1.0
        cosines = _centred(own) @ _centred(given).T
        return float((cosines.argmax(axis=1) == np.arange(len(some))).mean())

    def tokenize(self, text: str) -> list[str]:
        """Return the encoder's pieces of a text; without one, the text itself."""
        return [text] if self.model is None else self.model.tokenize(text)

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the encoder's pieces of many texts; without one, the texts themselves."""
        return [[text] for text in texts] if self.model is None else self.model.pieces(texts)

    def encode_images(
        self, images: Sequence[ImageLike] | np.ndarray, *, batch_size: int | None = None
    ) -> FloatArray:
        """Embed images with the encoder that the vectors are of."""
        return self._needed().encode_images(images, batch_size=batch_size)

    def encode_embedded(
        self, rows: Sequence[FloatArray], template: str = "{}", *, batch_size: int | None = None
    ) -> FloatArray:
        """Embed input embeddings of one's own with the encoder that the vectors are of."""
        return self._needed().encode_embedded(rows, template, batch_size=batch_size)

    def embedded_forward(
        self, templates: Sequence[str], n_pieces: int
    ) -> Callable[[Tensor], Tensor]:
        """Return the function of the encoder that the vectors are of."""
        return self._needed().embedded_forward(templates, n_pieces)

    def token_embeddings(self, names: Sequence[str]) -> FloatArray:
        """Return the encoder's mean input token embedding of each name, (n, token_dim)."""
        return self._needed().token_embeddings(names)

    def piece_embeddings(self, names: Sequence[str]) -> list[FloatArray]:
        """Return the encoder's input embeddings of each name's pieces, each (n_pieces, dim)."""
        return self._needed().piece_embeddings(names)

    def _needed(self) -> Encoder:
        if self.model is None:
            raise EncoderError(NO_ENCODER)
        return self.model

    def _pieces_in_table(self, names: list[str]) -> tuple[FloatArray, IdRows]:
        return self._needed()._pieces_in_table(names)

    def _embed_texts(self, texts: list[str], batch_size: int | None) -> FloatArray:
        return self._needed().encode_text(texts, batch_size=batch_size)

    def _embed_names(self, names: list[str], template: str, batch_size: int | None) -> FloatArray:
        missing = [name for name in names if name not in self._place]
        if not missing:
            return self._rows[[self._place[name] for name in names]]
        if self.model is None:
            raise EncoderError(f"there is no given vector for {missing[0]!r}. {NO_ENCODER}")
        return self.model.encode_names(names, template, batch_size=batch_size)


def _centred(rows: FloatArray) -> FloatArray:
    rows = rows - rows.mean(axis=0)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1), np.float32)


def load(rest: str, *, revision: str | None, device: str | None, dtype: str) -> Encoder:
    """Refuse: what `vectors:…` names is in the space alone."""
    raise EncoderError(NO_ENCODER)
