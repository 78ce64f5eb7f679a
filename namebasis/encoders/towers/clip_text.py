"""The fast way to CLIP's text embeddings: the Rust tokenizer and the tower that skips padding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from namebasis.checks import FloatArray
from namebasis.encoders.embedded import Slot
from namebasis.encoders.token_places import TokenStates, places_of, pooled
from namebasis.encoders.towers.ragged import Ragged, TokenArray
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

    def token_states(
        self, names: Sequence[str], template: str, *, is_penultimate: bool
    ) -> TokenStates:
        """States of the names' own tokens in a template; see `Encoder.token_states`."""
        read = self._tokenizer
        prompts = read.encode_prompts(template, names)
        left, right = (row.tolist() for row in read.read(template.split("{}")).pieces.rows())
        places = places_of(
            [row.tolist() for row in prompts.rows()],
            [read.start, *left],
            right,
            n_after=1,
            longest=read.context_length,
        )
        sizes = places[:, 1] - places[:, 0]
        # The state of a token is that at the end of the prompt's beginning up to it.
        owners = np.repeat(np.arange(len(prompts)), sizes)
        behind = np.arange(len(owners)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + 1
        beginnings = prompts.take(owners).cut(places[owners, 0] + behind)
        return pooled(self._tower.states(beginnings, is_penultimate=is_penultimate), sizes)

    def prompt_ids(self, text: str) -> list[int]:
        """Ids of a text with its special tokens."""
        return [int(token) for token in self._tokenizer.encode_batch([text]).ids]

    def embed_slot(self, slot: Slot, rows: FloatArray) -> FloatArray:
        """Unit rows of texts with `rows` (n_texts, slot.size, width) at the slot's places."""
        prompts = Ragged.from_rows([slot.ids] * len(rows))
        places = prompts.offsets[:-1, None] + slot.start + np.arange(slot.size)
        return self._tower.encode_embedded(prompts, places.ravel(), rows.reshape(places.size, -1))

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """Strings of the vocabulary that each text is made of."""
        return self._tokenizer.all_pieces(texts)

    def ids(self, texts: Sequence[str]) -> list[TokenArray]:
        """Ids of each text's pieces, without special tokens."""
        return self._tokenizer.read(texts).pieces.rows()
