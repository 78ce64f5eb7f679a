"""Token facts against counting by hand and by brute force."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import namebasis as nb
from namebasis.errors import EncoderError
from namebasis.namespace.building.tokens import (
    facts_after_adding,
    token_facts,
    without_unreadable,
)

PIECES = st.lists(st.lists(st.sampled_from(["an", "na", "ab", "c"]), max_size=4), max_size=12)


def test_the_facts_of_four_names_by_hand() -> None:
    facts = token_facts([["vi", "cki"], ["vi", "vi"], ["jose"], ["jose"]])
    assert facts["piece_names"].to_pylist() == [1, 2, 2, 2]
    assert facts["same_pieces"].to_pylist() == [0, 0, 1, 1]


def test_pieces_that_join_alike_are_not_the_same_pieces() -> None:
    assert token_facts([["ab", "c"], ["a", "bc"]])["same_pieces"].to_pylist() == [0, 0]


@given(PIECES)
def test_facts_equal_brute_force(pieces: list[list[str]]) -> None:
    facts = token_facts(pieces)
    for row, own in enumerate(pieces):
        sharing = [sum(piece in other for other in pieces) for piece in own]
        assert facts["piece_names"][row].as_py() == (min(sharing) if sharing else None)
        assert facts["same_pieces"][row].as_py() == pieces.count(own) - 1


def test_chunks_make_no_difference() -> None:
    chunked = pa.chunked_array([pa.array([["a"], ["b"]]), pa.array([["a"]])])
    assert token_facts(chunked).equals(token_facts([["a"], ["b"], ["a"]]))


def test_a_null_list_is_refused() -> None:
    with pytest.raises(ValueError, match=r"list for every name; 1 are null"):
        token_facts(pa.array([["a"], None]))


OWN = st.lists(st.sampled_from(["a", "b", "ab", "c", "é"]), max_size=4)


@given(st.lists(OWN, max_size=12), st.lists(OWN, min_size=1, max_size=4))
def test_counts_after_adding_equal_those_of_all_names(
    old: list[list[str]], new: list[list[str]]
) -> None:
    kind = pa.list_(pa.string())
    grown = facts_after_adding(pa.array(old + new, kind), len(old))
    whole = token_facts(pa.array(old + new, kind))
    before = token_facts(pa.array(old, kind)).to_pylist()
    after = whole.to_pylist()
    found = {row.pop("id"): row for row in grown.to_pylist()}
    assert set(range(len(old), len(after))) <= set(found)
    for row, fact in enumerate(after):
        # What is not counted anew is as it was.
        assert found.get(row, before[row] if row < len(old) else None) == fact


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
