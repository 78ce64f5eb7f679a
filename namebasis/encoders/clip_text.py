"""The fast way to CLIP's text embeddings: the Rust tokenizer and the tower that skips padding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from namebasis.checks import FloatArray, IntArray
from namebasis.encoders.base import mean_token_embeddings
from namebasis.encoders.text_tower import TextTower
from namebasis.encoders.tokenizer import ClipTokenizer, NamePieces


class ClipText:
    """A tokenizer and a tower that belong together.

    Parameters
    ----------
    tokenizer : ClipTokenizer
    tower : TextTower
    """

    def __init__(self, tokenizer: ClipTokenizer, tower: TextTower) -> None:
        self._tokenizer, self._tower = tokenizer, tower
        self.dim = tower.dim
        self._read: NamePieces | None = None

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """Unit rows of texts, (n_texts, dim)."""
        return self._tower.encode(self._tokenizer.encode_batch(texts))

    def embed_names(self, names: Sequence[str], template: str) -> FloatArray:
        """Unit rows of ``template.format(name)``; what the prompts share is computed once."""
        kept = tuple(names)
        # A build asks for the same names under one template after another.
        if self._read is None or self._read.names != kept:
            self._read = self._tokenizer.read(kept)
        return self._tower.encode(self._tokenizer.encode_prompts(template, self._read))

    def pieces(self, text: str) -> list[str]:
        """Strings of the vocabulary that a text is made of."""
        return self._tokenizer.pieces(text)

    def count(self, texts: Sequence[str]) -> IntArray:
        """Pieces per text."""
        return self._tokenizer.count(texts)

    def token_means(self, table: FloatArray, names: Sequence[str]) -> FloatArray:
        """Mean row of an embedding table over each name's pieces."""
        return mean_token_embeddings(table, self._tokenizer.read(names).pieces.rows())


def padded_batches(n_texts: int, batch_size: int | None, default: int) -> list[slice]:
    """Slices of a library's own padded path."""
    size = batch_size or default
    return [slice(start, start + size) for start in range(0, n_texts, size)]


def stack(parts: Sequence[FloatArray]) -> FloatArray:
    """Join batches."""
    return np.concatenate(list(parts))
