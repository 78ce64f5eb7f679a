"""What every encoder is: text or images in, unit float32 rows out."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.checks import FloatArray, IntArray, as_embeddings, check_count, unit_rows
from namebasis.errors import EncoderError

if TYPE_CHECKING:
    from PIL.Image import Image

    ImageLike = Image | str | Path | np.ndarray


class Encoder(ABC):
    """Turns texts and images into unit rows of one space.

    Made by `load_encoder`. Subclasses give the attributes and the protected methods below; what
    every encoder owes its caller (checked input, equal texts encoded once, the order kept, unit
    rows) is done here.

    Attributes
    ----------
    spec : str
        What `load_encoder` was given; loads the same weights again.
    fingerprint : str
        "sha256:…" over the weights.
    revision : str or None
        Of the hub's repository, where one was asked for.
    dim : int
        Width of the embeddings.
    token_dim : int
        Width of the input token embeddings; 0 where the encoder has none to show.
    has_text, has_images : bool
        What it reads.
    """

    spec: str
    fingerprint: str
    revision: str | None = None
    dim: int
    token_dim: int = 0
    has_text: bool = True
    has_images: bool = False

    def encode_text(self, texts: Sequence[str], *, batch_size: int | None = None) -> FloatArray:
        """Embed texts as they stand.

        Parameters
        ----------
        texts : sequence of str
            Equal ones are computed once; longer than the context, they are cut as the model's
            own tokenizer cuts them.
        batch_size : int, optional
            Texts at a time; changes memory and speed, not the rows.

        Returns
        -------
        ndarray of shape (n_texts, dim), float32
            Unit rows in the order of `texts`.

        Raises
        ------
        EncoderError
            If the encoder reads no text, or gives a row without a direction.
        ValueError
            If `texts` is a single string or holds something else.
        """
        self._need(self.has_text, "text")
        kept = self._check_texts(texts, "texts")
        check_batch(batch_size)
        if not kept:
            return np.empty((0, self.dim), dtype=np.float32)
        place = {text: row for row, text in enumerate(dict.fromkeys(kept))}
        rows = self._unit(self._embed_texts(list(place), batch_size), "text")
        if len(place) == len(kept):
            return rows
        return rows[[place[text] for text in kept]]

    def encode_names(
        self, names: Sequence[str], template: str, *, batch_size: int | None = None
    ) -> FloatArray:
        """Embed ``template.format(name)`` for every name.

        The same rows as `encode_text` gives; towers that can share what a template's prompts
        have in common do so.

        Raises
        ------
        ValueError
            If the template does not hold exactly one ``{}``.
        """
        kept = self._check_texts(names, "names")
        check_template(template)
        return self.encode_text([template.format(name) for name in kept], batch_size=batch_size)

    def encode_images(
        self, images: Sequence[ImageLike], *, batch_size: int | None = None
    ) -> FloatArray:
        """Embed images: PIL images, paths, or uint8 arrays of shape (height, width[, 3 or 4]).

        Returns
        -------
        ndarray of shape (n_images, dim), float32
            Unit rows in the order of `images`.

        Raises
        ------
        EncoderError
            If the encoder reads no images, or one cannot be read (its path and why).
        """
        self._need(self.has_images, "images")
        if isinstance(images, (str, bytes, Path)):
            raise ValueError("images must be a list; put a single one into [ ].")
        size = check_batch(batch_size) or 32
        from namebasis.encoders.images import open_image

        parts = [
            self._embed_images([open_image(image) for image in images[start : start + size]])
            for start in range(0, len(images), size)
        ]
        if not parts:
            return np.empty((0, self.dim), dtype=np.float32)
        return self._unit(np.concatenate(parts), "image")

    @abstractmethod
    def tokenize(self, text: str) -> list[str]:
        """Return the pieces of a text, without special tokens."""

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the pieces of many texts at once."""
        return [self.tokenize(text) for text in texts]

    def count_tokens(self, texts: Sequence[str]) -> IntArray:
        """Return the number of pieces of each text, shape (n_texts,), int64."""
        kept = self._check_texts(texts, "texts")
        return np.fromiter(map(len, self.pieces(kept)), dtype=np.int64, count=len(kept))

    @abstractmethod
    def token_embeddings(self, names: Sequence[str]) -> FloatArray:
        """Return the mean input token embedding of each name, (n, token_dim), not normalised."""

    @abstractmethod
    def _embed_texts(self, texts: list[str], batch_size: int | None) -> FloatArray:
        """Embed distinct texts in any float scale; at least one is given."""

    def _embed_images(self, images: list[Image]) -> FloatArray:
        raise EncoderError(f"{self.spec} reads no images.")

    def _need(self, has: bool, what: str) -> None:
        if not has:
            raise EncoderError(f"{self.spec} reads no {what}; use an encoder that does.")

    def _check_texts(self, texts: Sequence[str], what: str) -> list[str]:
        if isinstance(texts, (str, bytes)):
            raise ValueError(f"{what} must be a list of strings; put a single one into [ ].")
        kept = list(texts)
        for row, text in enumerate(kept):
            if not isinstance(text, str):
                raise ValueError(f"{what}[{row}] must be a string; got {type(text).__name__}.")
        return kept

    def _unit(self, rows: FloatArray, what: str) -> FloatArray:
        try:
            return unit_rows(as_embeddings(rows, f"{what} embeddings", self.dim))
        except ValueError as error:
            raise EncoderError(f"{self.spec}: {error}") from None


def check_template(template: str) -> str:
    """Return a template that holds exactly one ``{}`` and no other brace.

    Raises
    ------
    ValueError
        If it does not.
    """
    if template.count("{}") != 1 or set(template.replace("{}", "")) & set("{}"):
        raise ValueError(f"a template must hold {{}} once, where the name goes; got {template!r}.")
    return template


def check_batch(batch_size: int | None) -> int | None:
    """Return a batch size that is None or at least 1."""
    return None if batch_size is None else check_count(batch_size, "batch_size")


def mean_token_embeddings(
    table: FloatArray, ids: Sequence[Sequence[int]] | Sequence[np.ndarray]
) -> FloatArray:
    """Average the rows of an embedding table over each text's ids; no ids give a zero row.

    Parameters
    ----------
    table : ndarray of shape (vocabulary, token_dim)
    ids : sequence of n sequences of int

    Returns
    -------
    ndarray of shape (n, token_dim), float32
    """
    lengths = np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))
    out = np.zeros((len(ids), table.shape[1]), dtype=np.float32)
    filled = np.flatnonzero(lengths)
    if len(filled):
        flat = np.concatenate([np.asarray(ids[row], dtype=np.int64) for row in filled.tolist()])
        starts = np.concatenate([[0], np.cumsum(lengths[filled])[:-1]])
        sums = np.add.reduceat(table[flat], starts, axis=0)
        out[filled] = sums / lengths[filled][:, None]
    return out


def fingerprint_of(state: Mapping[str, Any]) -> str:
    """SHA-256 over named torch tensors: names, types, shapes and bytes, in sorted order.

    Parameters
    ----------
    state : mapping of str to torch.Tensor
        A module's state dict.

    Returns
    -------
    str
        "sha256:" and 64 hexadecimal digits.
    """
    import torch

    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        digest.update(memoryview(tensor.reshape(-1).view(torch.uint8).numpy()))
    return f"sha256:{digest.hexdigest()}"
