"""Many threads, one encoder: the rows of one thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from namebasis.encoders.registry import load_encoder
from namebasis.encoders.towers.clip_text import ClipText


@pytest.mark.long
@pytest.mark.parametrize("kind", ["bert", "clip", "siglip"])
def test_the_rows_are_those_of_one_thread(tiny: Callable[[str], Path], kind: str) -> None:
    """Cutting is a setting that tokenizers keep; libraries refuse to change it while it is read."""
    encoder = load_encoder(f"hf:{tiny(kind)}", device="cpu")
    batches = [[f"{'an ' * (i % 9)}vicki {i} {j}" for j in range(60)] for i in range(24)]

    def ask(texts: list[str]) -> tuple[np.ndarray, np.ndarray, list[list[str]], np.ndarray]:
        named = encoder.encode_names(texts, "a photo of {}")
        return encoder.encode_text(texts), named, encoder.pieces(texts), encoder.count_tokens(texts)

    expected = [ask(texts) for texts in batches]
    with ThreadPoolExecutor(8) as pool:
        for found, wanted in zip(pool.map(ask, batches), expected, strict=True):
            np.testing.assert_allclose(found[0], wanted[0], atol=1e-6)
            np.testing.assert_allclose(found[1], wanted[1], atol=1e-6)
            assert found[2] == wanted[2]
            np.testing.assert_array_equal(found[3], wanted[3])


def test_names_that_another_thread_reads_meanwhile_are_not_taken() -> None:
    theirs = SimpleNamespace(names=("Bert",))

    class Switching(ClipText):
        """Another thread asks for its names as soon as this one's are kept."""

        def __setattr__(self, key: str, value: object) -> None:
            super().__setattr__(key, value)
            if key == "_read" and getattr(value, "names", None) == ("Anna",):
                super().__setattr__(key, theirs)

    tokenizer = SimpleNamespace(
        read=lambda names: SimpleNamespace(names=names),
        encode_prompts=lambda template, read: [template.format(name) for name in read.names],
    )
    tower = SimpleNamespace(dim=1, encode=lambda prompts: prompts)
    text = Switching(tokenizer, tower)  # type: ignore[arg-type]
    assert text.embed_names(["Anna"], "a {}") == ["a Anna"]
