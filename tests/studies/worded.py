"""A space whose names mean phrases: what a name is in words is known beforehand."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.phrases.dictionary import load_phrases
from namebasis.space import Space, build_space

DIM = 48
DICTIONARY = """
[age] a {} person
elderly
young
middle-aged
[person] a {}
woman
man
child
[hair] a person with {}
red hair
white hair
black hair
[place] a person {}
on a beach
in a library
on a train
"""
PHRASES = {
    "age": ("elderly", "young", "middle-aged"),
    "person": ("woman", "man", "child"),
    "hair": ("red hair", "white hair", "black hair"),
    "place": ("on a beach", "in a library", "on a train"),
}
_EMPTY = {"a", "an", "person", "with", "on", "in", "photo", "portrait", "of", "this", "is"}


class WordEncoder:
    """A text is the sum of its words and a part that all share; a name is what it means, a picture
    what its file is called."""

    spec, fingerprint, revision = "worded", "sha256:worded", None
    has_text, has_images, dim, token_dim, max_tokens = True, True, DIM, 0, 40

    def __init__(self, meanings: Mapping[str, Sequence[str]]) -> None:
        self.meanings = meanings
        self.encoded: list[str] = []

    def encode_text(self, texts: Sequence[str], *, batch_size: int | None = None) -> np.ndarray:
        self.encoded += texts
        rows = np.stack([2 * _word("shared") + self._sum(text) for text in texts])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def encode_names(
        self, names: Sequence[str], template: str, *, batch_size: int | None = None
    ) -> np.ndarray:
        return self.encode_text([template.replace("{}", name) for name in names])

    def encode_images(self, images: Sequence[Path], *, batch_size: int | None = None) -> np.ndarray:
        return self.encode_text([path.stem for path in images])

    def _sum(self, text: str) -> np.ndarray:
        total = 0.3 * _word(text.split()[-1])  # something that no phrase says
        for name, phrases in self.meanings.items():
            if name in text:
                total = total + 0.4 * _word(name)
                text = text.replace(name, " ".join(phrases))
        words = [word for word in text.replace(",", "").split() if word not in _EMPTY]
        return total + np.sum([_word(word) for word in words] or [np.zeros(DIM)], axis=0)

    def tokenize(self, text: str) -> list[str]:
        return text.split()

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        return [self.tokenize(text) for text in texts]

    def count_tokens(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([len(text.split()) for text in texts], dtype=np.int64)


def _word(word: str) -> np.ndarray:
    row = np.random.default_rng(zlib.crc32(word.encode())).standard_normal(DIM)
    return row / np.linalg.norm(row)


def meanings(n: int, seed: int = 0) -> dict[str, tuple[str, ...]]:
    """Names, and a phrase of three of the four groups for each."""
    rng = np.random.default_rng(seed)
    found = {}
    for at in range(n):
        groups = rng.permutation(list(PHRASES))[:3]
        found[f"Name{at:03d}"] = tuple(str(rng.choice(PHRASES[group])) for group in groups)
    return found


def worded_space(folder: Path, n: int = 60, *, with_phrases: bool = False) -> tuple[Space, Path]:
    """The space, and the file of its phrases."""
    file = folder / "own.txt"
    file.write_text(DICTIONARY, encoding="utf-8")
    records: list[dict[str, object]] = [{"name": name} for name in meanings(n)]
    if with_phrases:
        records += [
            {"name": one.text, "part": "phrase", "phrase_group": one.group,
             "sentence": one.sentence}
            for one in load_phrases(file)
        ]  # fmt: skip
    path = folder / f"worded{'-phrases' * with_phrases}.space"
    return build_space(make_names(records), path, encoder=WordEncoder(meanings(n))), file
