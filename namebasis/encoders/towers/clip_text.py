"""The fast way to CLIP's text embeddings: the Rust tokenizer and the tower that skips padding."""

from __future__ import annotations

from collections.abc import Sequence

from namebasis.checks import FloatArray
from namebasis.encoders.towers.ragged import TokenArray
from namebasis.encoders.towers.text_tower import TextTower
from namebasis.encoders.towers.tokenizer import ClipTokenizer, NamePieces


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
        read = self._read  # once: another thread may put its names there meanwhile
        if read is None or read.names != kept:
            self._read = read = self._tokenizer.read(kept)
        return self._tower.encode(self._tokenizer.encode_prompts(template, read))

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """Strings of the vocabulary that each text is made of."""
        return self._tokenizer.all_pieces(texts)

    def ids(self, texts: Sequence[str]) -> list[TokenArray]:
        """Ids of each text's pieces, without special tokens."""
        return self._tokenizer.read(texts).pieces.rows()
