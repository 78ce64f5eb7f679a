"""A tiny deterministic encoder and spaces built with it."""

from __future__ import annotations

import functools
import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from namebasis.checks import FloatArray, IntArray
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import Names, make_names
from namebasis.space import Space, open_space


@functools.lru_cache(100_000)
def drawn(text: str, dim: int) -> FloatArray:
    """A row that only its text decides; studies ask for the same texts many times."""
    digest = hashlib.sha256(text.encode()).digest()
    row = np.random.default_rng(list(digest)).standard_normal(dim).astype(np.float32)
    row.flags.writeable = False
    return row


class FakeEncoder:
    """Vectors drawn from a hash of the text: equal text, equal vector; nothing else is alike."""

    revision: str | None = None
    has_text = True
    has_images = False
    dim = 16
    token_dim = 8

    def __init__(self, spec: str = "fake", salt: str = "") -> None:
        self.spec = spec
        self.salt = salt
        self.fingerprint = f"sha256:{hashlib.sha256(salt.encode()).hexdigest()}"
        self.calls = 0

    def _draw(self, text: str, dim: int) -> FloatArray:
        return drawn(self.salt + text, dim)

    def encode_text(self, texts: Sequence[str], *, batch_size: int | None = None) -> FloatArray:
        self.calls += 1
        rows = np.stack([self._draw(text, self.dim) for text in texts])
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def encode_names(
        self, names: Sequence[str], template: str, *, batch_size: int | None = None
    ) -> FloatArray:
        # A share of the name's own direction, so that templates agree to some degree.
        own = np.stack([self._draw(name, self.dim) for name in names])
        rows = own + 0.5 * self.encode_text([template.format(name) for name in names])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def encode_images(
        self, images: Sequence[object], *, batch_size: int | None = None
    ) -> FloatArray:
        raise AssertionError("has_images is False")

    def tokenize(self, text: str) -> list[str]:
        return [text[i : i + 3] for i in range(0, len(text), 3)]

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        return [self.tokenize(text) for text in texts]

    def count_tokens(self, texts: Sequence[str]) -> IntArray:
        return np.array([len(self.tokenize(text)) for text in texts], dtype=np.int64)

    def token_embeddings(self, names: Sequence[str]) -> FloatArray:
        return np.stack(
            [
                np.mean(
                    [self._draw("token " + t, self.token_dim) for t in self.tokenize(name)], axis=0
                )
                for name in names
            ]
        ).astype(np.float32)


def corpus(n: int = 60) -> Names:
    """Some readable names, then numbered ones."""
    records = [
        {"name": "Vicki", "part": "given", "gender": "F", "locales": ["en_US"], "count": 10},
        {"name": "King", "part": "given", "gender": "M", "locales": ["en_US"], "count": 20},
        {"name": "King", "part": "family", "locales": ["en_GB"], "count": 30},
        {"name": "Zoë", "part": "given", "gender": "F", "locales": ["fr_FR", "nl_NL"]},
        {"name": "O'Brien", "part": "family", "locales": ["en_IE"], "count": 5},
    ]
    extra = [
        {"name": f"Nam{chr(97 + i // 26 % 26)}{chr(97 + i % 26)}{'x' * (i // 676)}",
         "part": "given", "gender": "FM"[i % 2], "locales": ["de_DE"], "count": i}
        for i in range(n - len(records))
    ]  # fmt: skip
    return make_names([*records, *extra])


@pytest.fixture
def encoder() -> FakeEncoder:
    return FakeEncoder()


@pytest.fixture
def names() -> Names:
    return corpus()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The space of `corpus`, built once for the tests that ask for `space`; the encoder's calls."""
    path, encoder = tmp_path_factory.mktemp("built") / "a.space", FakeEncoder()
    build_space(corpus(), path, encoder=encoder)  # type: ignore[arg-type]
    return path, encoder.calls


@pytest.fixture
def space(tmp_path: Path, names: Names, encoder: FakeEncoder, built: tuple[Path, int]) -> Space:
    path, n_calls = built
    is_usual = vars(encoder) == vars(FakeEncoder()) and names.table.equals(corpus().table)
    if type(encoder) is not FakeEncoder or not is_usual:
        return build_space(names, tmp_path / "a.space", encoder=encoder)  # type: ignore[arg-type]
    shutil.copytree(path, tmp_path / "a.space")
    encoder.calls = n_calls
    return open_space(tmp_path / "a.space", encoder=encoder)  # type: ignore[arg-type]
