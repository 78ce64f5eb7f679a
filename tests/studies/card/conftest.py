"""A world whose answer is known: words add up, and one name has a direction of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from namebasis.checks import FloatArray
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.space import Space
from namebasis.studies.card.results import Card
from namebasis.studies.card.study import card
from tests.namespace.conftest import FakeEncoder, corpus

PERSON = "Ada Lovelace"
BIRTHS = [
    {"year": 1950, "female": 900, "male": 0},
    {"year": 1958, "female": 500, "male": 100},
    {"year": 1990, "female": 300, "male": 200},
]


class AdditiveEncoder(FakeEncoder):
    """Words add up, with a little noise; `PERSON` has a direction of its own if `known`."""

    dim = 48

    def __init__(self, known: float = 0.0) -> None:
        super().__init__("additive")
        self.known = known

    def encode_text(self, texts: Sequence[str], *, batch_size: int | None = None) -> FloatArray:
        rows = np.stack([self._sum(text) for text in texts])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    def encode_names(
        self, names: Sequence[str], template: str, *, batch_size: int | None = None
    ) -> FloatArray:
        return self.encode_text([template.format(name) for name in names])

    def _sum(self, text: str) -> FloatArray:
        total = 4 * self._draw("centre", self.dim) + 0.1 * self._draw(text, self.dim)
        for word in text.split():
            total = total + self._draw(word, self.dim)
        if PERSON in text:
            total = total + self.known * self._draw("own", self.dim)
        return np.asarray(total, np.float32)


def names() -> list[dict[str, object]]:
    named = corpus(80).table.drop_columns(["weight"]).to_pylist()
    for row in named:
        row["sources"] = None
    named[0] |= {"births": BIRTHS, "share_female": 0.85, "count": 2000}
    kept = [{key: value for key, value in row.items() if value is not None} for row in named]
    return [*kept, {"name": PERSON, "part": "full"}, {"name": "<b>Bold</b> Name", "part": "full"}]


@pytest.fixture(scope="session")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    path = tmp_path_factory.mktemp("card") / "a.space"
    return build_space(make_names(names()), path, encoder=AdditiveEncoder(2.0), templates="person")  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def deep(space: Space) -> Card:
    return card(space, "ada lovelace", k=4, deep=True)
