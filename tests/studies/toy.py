"""A space and an encoder small enough that every prompt can be enumerated."""

from __future__ import annotations

import functools
import re
import zlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from namebasis.checks import FloatArray, IntArray
from namebasis.namespace.search.targets import Resolver, Target

DIM = 12


@functools.lru_cache(100_000)
def word_vector(word: str) -> FloatArray:
    rng = np.random.default_rng(zlib.crc32(word.lower().encode()))
    row = rng.standard_normal(DIM).astype(np.float32)
    row.flags.writeable = False
    return row


class ToyEncoder:
    """Words add up, later ones weigh more, and neighbours interact: order and company matter."""

    spec, fingerprint, revision, dim = "toy", "sha256:toy", None, DIM
    has_text, has_images, token_dim, max_tokens = True, False, DIM, None

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def tokenize(self, text: str) -> list[str]:
        return re.findall(r"\w+|[^\w\s]", text)

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        return [self.tokenize(text) for text in texts]

    def count_tokens(self, texts: Sequence[str]) -> IntArray:
        return np.array([len(self.tokenize(text)) for text in texts], dtype=np.int64)

    def token_embeddings(self, names: Sequence[str]) -> FloatArray:
        return np.stack([pieces.mean(axis=0) for pieces in self.piece_embeddings(names)])

    def piece_embeddings(self, names: Sequence[str]) -> list[FloatArray]:
        return [np.stack([word_vector(p) for p in self.tokenize(name)]) for name in names]

    def encode_names(
        self, names: Sequence[str], template: str, *, batch_size: int | None = None
    ) -> FloatArray:
        return self.encode_text([template.format(name) for name in names])

    def encode_text(self, texts: Sequence[str], *, batch_size: int | None = None) -> FloatArray:
        self.encoded += texts
        return np.stack([self._embed(text) for text in texts])

    def _embed(self, text: str) -> FloatArray:
        words = [w for w in self.tokenize(text) if w != ","]
        total = np.zeros(DIM, np.float32)
        for place, word in enumerate(words):
            total += word_vector(word) * (1 + 0.2 * place)
            if place:
                total += 0.6 * word_vector(words[place - 1] + word)
        return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


class ToySpace:
    """Names held in memory; `where` knows "part = '…'" and "false" alone."""

    views = ("text",)
    columns = ("id", "name", "part")

    def __init__(self, names: Sequence[str], parts: Sequence[str] | None = None) -> None:
        self.names, self.parts = list(names), list(parts or ["given"] * len(names))
        self._encoder = ToyEncoder()
        self._vectors = self._encoder.encode_text([f"a photo of {name}" for name in names])
        self._encoder.encoded.clear()

    def __len__(self) -> int:
        return len(self.names)

    def encoder(self) -> ToyEncoder:
        return self._encoder

    def lacks(self, view: str) -> bool:
        return False

    def ids(self, where: str | None = None, *, view: str = "text") -> IntArray:
        if where is None:
            return np.arange(len(self))
        wanted = [where == f"part = '{part}'" for part in self.parts]
        return np.flatnonzero(wanted)

    def ids_of_part(self, part: str, *, view: str = "text") -> IntArray:
        return self.ids(f"part = '{part}'", view=view)

    def table(self, columns: Sequence[str], *, ids: Sequence[int]) -> pa.Table:
        data = {"id": range(len(self)), "name": self.names, "part": self.parts}
        return pa.table({c: [data[c][i] for i in ids] for c in columns})

    def vectors(self, view: str = "text", *, ids: Sequence[int] | None = None) -> FloatArray:
        return self._vectors if ids is None else self._vectors[ids]

    def mean(self, view: str = "text") -> FloatArray:
        return self._vectors.mean(axis=0)

    def find_all(self, names: Sequence[str]) -> list[int | None]:
        return [self.find(name) for name in names]

    def find(self, name: str, part: str | None = None) -> int | None:
        return self.names.index(name) if name in self.names else None

    def search(
        self, queries: FloatArray, k: int, *, where: str | None = None
    ) -> tuple[FloatArray, IntArray]:
        ids = self.ids(where)
        scores = queries @ self._vectors[ids].T
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(scores, order, axis=1), ids[order]

    def _resolver(self, view: str) -> Resolver:
        row = self._vectors.__getitem__
        width = self._vectors.shape[1]
        return Resolver(view, width, self.find, row, self.encoder)  # type: ignore[arg-type]

    def check_targets(
        self, targets: Sequence[object], *, view: str = "text", as_: str | None = None
    ) -> None:
        for target in targets:
            self._resolver(view).check(target)

    def resolve(self, target: object, *, view: str = "text", as_: str | None = None) -> Target:
        return self._resolver(view).resolve(target)


class EncoderSpace:
    """Stands for a space where only its encoder is asked for: it holds no names."""

    columns: tuple[str, ...] = ()

    def __init__(self, encoder: object) -> None:
        self._encoder = encoder

    def encoder(self) -> object:
        return self._encoder

    def find_all(self, names: Sequence[str]) -> list[int | None]:
        return [self.find(name) for name in names]

    def find(self, name: str, part: str | None = None) -> None:
        return None

    def table(self, columns: Sequence[str], **_: object) -> pa.Table:
        return pa.table({column: pa.array([], pa.string()) for column in columns})
