"""Encoders that an audit can ask nothing, refused before a folder is made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from namebasis.auditing.study import audit
from namebasis.encoders.base import Encoder, IdRows
from namebasis.encoders.given import GivenVectors
from namebasis.errors import EncoderError
from tests.auditing.tiny import make_tiny


class Runes(Encoder):
    """Knows no letter of any name."""

    spec, fingerprint, dim, unknown_piece = "runes", "sha256:0", 2, "?"

    def tokenize(self, text: str) -> list[str]:
        return ["?"]

    def _pieces_in_table(self, names: list[str]) -> tuple[np.ndarray, IdRows]:
        raise AssertionError("it is refused before it is asked")

    def _embed_texts(self, texts: list[str], batch_size: int | None) -> np.ndarray:
        raise AssertionError("it is refused before it is asked")


class Blind(Runes):
    has_text = False


@pytest.mark.parametrize(("encoder", "said"), [
    (Runes(), r"runes knows no letter of the \d+ names of the audit \(such as James.*"
              r"Give names in its script with --names"),
    (Blind(), "runes reads no text; an audit asks about names as text"),
    (GivenVectors(["Anna", "Kofi"], np.eye(2)), "given vectors without an encoder; an audit reads "
     "names and phrases that none of them stands for. Audit the encoder that made them"),
])  # fmt: skip
def test_an_encoder_that_can_be_asked_nothing_is_refused(
    encoder: Encoder, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tiny(monkeypatch, "reading")
    with pytest.raises(EncoderError, match=said):
        audit(encoder, tmp_path / "audit")
    assert not (tmp_path / "audit").exists()
