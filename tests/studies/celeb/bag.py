"""An encoder in which texts are the sum of their words: what a word does is known exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from namebasis.checks import FloatArray
from namebasis.encoders.base import Encoder, IdRows
from namebasis.encoders.embedded import Slot

WIDTH = 12


def table(words: dict[str, Sequence[float]]) -> dict[str, FloatArray]:
    """Vectors of words, filled up with zeros."""
    return {
        word: np.array([*row, *[0] * (WIDTH - len(row))], np.float32) for word, row in words.items()
    }


class Bag(Encoder):
    """Adds the vectors of known words, and a constant in one more dimension.

    The larger the constant, the more nearly linear the unit rows are. Images that keep their size
    have the first of `images` as their row, others the second.
    """

    spec, fingerprint = "bag", "sha256:" + "0" * 64
    dim, token_dim, has_images = WIDTH + 1, WIDTH, True

    def __init__(self, words: dict[str, FloatArray], constant: float) -> None:
        self._numbers = {word: at for at, word in enumerate(words)}
        self._rows, self._constant = np.stack(list(words.values())), constant
        self.images: tuple[Any, Any] = (None, None)
        self.size = (20, 20)

    def tokenize(self, text: str) -> list[str]:
        return text.lower().replace(",", " ").split()

    def _ids(self, text: str) -> list[int]:
        return [self._numbers.setdefault(word, len(self._numbers)) for word in self.tokenize(text)]

    def _table(self) -> FloatArray:
        missing = len(self._numbers) - len(self._rows)
        return np.concatenate([self._rows, np.zeros((missing, WIDTH), np.float32)])

    def _pieces_in_table(self, names: list[str]) -> tuple[FloatArray, IdRows]:
        ids = [self._ids(name) for name in names]
        return self._table(), ids

    def _finish(self, sums: FloatArray) -> FloatArray:
        return np.concatenate([sums, np.full((len(sums), 1), self._constant, np.float32)], axis=1)

    def _embed_texts(self, texts: list[str], batch_size: int | None) -> FloatArray:
        ids = [self._ids(text) for text in texts]
        held = self._table()
        return self._finish(np.stack([held[one].sum(axis=0) for one in ids]))

    def _prompt_ids(self, text: str) -> Sequence[int]:
        return self._ids(text)

    def _around(self, slot: Slot) -> FloatArray:
        held = self._table()
        inside = range(slot.start, slot.start + slot.size)
        return held[[one for at, one in enumerate(slot.ids) if at not in inside]].sum(axis=0)

    def _embed_slot(self, slot: Slot, rows: FloatArray) -> FloatArray:
        return self._finish(rows.sum(axis=1) + self._around(slot))

    def _slot_rows(self, slot: Slot, rows: torch.Tensor) -> torch.Tensor:
        sums = rows.sum(dim=1) + torch.from_numpy(self._around(slot))
        return torch.cat([sums, torch.full((len(sums), 1), self._constant)], dim=1)

    def _embed_images(self, images: list[Image.Image]) -> FloatArray:
        return np.stack([self.images[image.size != self.size] for image in images])
