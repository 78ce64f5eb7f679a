"""Names of which an encoder knows no letter."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import namebasis as nb
from namebasis.errors import EncoderError
from namebasis.namespace.building.tokens import without_unreadable


def test_names_of_which_an_encoder_knows_no_letter_are_left_out_and_counted(tmp_path: Path) -> None:
    encoder = nb.load_encoder("minilm")
    # One that is read in part stays: its known letters tell it from others.
    names = nb.read_names(["Vicki", "ঋষিতা", "山田", "অঞ্জনা Khan", "ણ", "Zoë"])
    vectors = encoder.encode_text(["ঋষিতা", "ણ", "ქეთევან"])
    # The reason to leave them out: they have one vector, to rounding in a batch.
    np.testing.assert_allclose(vectors, np.tile(vectors[0], (3, 1)), atol=1e-6)
    space = nb.build_space(names, tmp_path / "s.space", encoder=encoder, templates="plain")
    assert space.table(["name"])["name"].to_pylist() == ["Vicki", "山田", "অঞ্জনা Khan", "Zoë"]
    added = space.add(["ქეთევან", "Anna"])
    assert added.find("ქეთევან") is None
    assert added.find("Anna") is not None
    kept = space.add(["ქეთევან"], unreadable="keep")
    assert kept.find("ქეთევან") is not None
    (told,) = without_unreadable(names, encoder).dropped
    assert str(told) == ("left out 2: minilm knows none of its letters (such as 'ঋষিতা', 'ણ')")
    assert without_unreadable(names, encoder, "keep") is names
    with pytest.raises(EncoderError, match=r"knows no letter of the 1 names .*unreadable='keep'"):
        without_unreadable(nb.read_names(["ঋষিতা"]), encoder)
    with pytest.raises(ValueError, match="unreadable must be drop or keep; got 'no'"):
        without_unreadable(names, encoder, "no")


@pytest.mark.parametrize("unknown", ["<unk>", None])
def test_a_beginning_of_a_word_alone_is_no_letter(unknown: str | None) -> None:
    """SentencePiece writes an unknown script as the word's beginning and the unknown piece."""
    pieces = {"Vicki": ["▁Vi", "cki"], "ঋষি": ["▁", "<unk>"], "ઋષિ": []}
    encoder = SimpleNamespace(
        spec="t5", unknown_piece=unknown, pieces=lambda names: [pieces[name] for name in names]
    )
    kept = without_unreadable(nb.read_names(list(pieces)), encoder)  # type: ignore[arg-type]
    # One of bytes knows every letter.
    assert kept.strings == (["Vicki"] if unknown else list(pieces))
