"""Who shares pieces with whom, against counting by hand and by brute force."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from namebasis.analysis.readings.shared_pieces import facts_of_some, token_facts

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


@pytest.mark.long
@given(st.lists(OWN, min_size=1, max_size=12), st.data())
def test_counts_of_some_equal_those_of_all(pieces: list[list[str]], data: st.DataObject) -> None:
    kind = pa.list_(pa.string())
    ids = data.draw(st.lists(st.sampled_from(range(len(pieces))), max_size=4))
    cut = data.draw(st.integers(0, len(pieces)))
    every = [pa.array(pieces[:cut], kind), pa.array(pieces[cut:], kind)]
    found = facts_of_some(pa.array([pieces[row] for row in ids], kind), every)
    whole = token_facts(pa.array(pieces, kind))
    assert found.equals(whole.take(pa.array(ids, pa.int64())))
