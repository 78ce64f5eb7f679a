"""What a name may hold, and how it is written."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.cleaning import (
    MAX_RECORD_LENGTH,
    Refusals,
    clean_name,
    examine,
    restore_capitals,
    shown,
)  # fmt: skip

# Text rich in what cleaning is about; st.text() alone rarely draws it.
ODD = st.text(
    st.sampled_from(
        "aÅe\u0301 \t\n\r\v\x00\x1f\x85\u00a0\u2003\u2028\u200b\u200c\u200d\u202e\ufeffनि\u094dß"
    )
    | st.characters(),
    max_size=30,
)  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  Anna ", "Anna"),
        ("Mary \t\n  Ann", "Mary Ann"),
        ("Mary\u00a0\u2003Ann", "Mary Ann"),
        ("Zoe\u0308", "Zoë"),
        ("\u212bsa", "Åsa"),  # the Ångström sign
        ("O'Brien-Smith Jr.", "O'Brien-Smith Jr."),
        ("می\u200cنا", "می\u200cنا"),
        ("\u200cमीना\u200d", "मीना"),
        (" \u200d Anna \u200c ", "Anna"),
        ("x" * 200 + "  ", "x" * 200),
        ("李小龙", "李小龙"),
        ("\u200fمحمد\u200f", "محمد"),
        ("\u2068Ana\u2069", "Ana"),
        ("\u202aAna\u202c", "Ana"),
        ("\ufeffAna", "Ana"),
        ("Ana\u200b", "Ana"),
        ("An\u00adna", "Anna"),
        ("An\u2060na \u200b Lee", "Anna Lee"),
    ],
)
def test_a_name_is_composed_trimmed_and_its_spaces_folded(raw: str, clean: str) -> None:
    assert clean_name(raw) == clean


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "empty"),
        (" \t\u2003", "empty"),
        ("\u200d\u200c", "empty"),
        ("x" * 201, "longer than 200"),
        ("x" * 1_000_000, "longer than 200"),
        ("An\0na", "control character"),
        ("An\x1bna", "control character"),
        ("An\x85na", "control character"),
        ("An\ud800na", "lone surrogate"),
        ("An\ue000na", "private-use"),
        ("An\u0378na", "unassigned"),
        ("An\uffffna", "unassigned"),
    ],
)
def test_what_is_no_name_is_refused_with_the_reason(raw: str, reason: str) -> None:
    with pytest.raises(CorpusError, match=reason) as caught:
        clean_name(raw)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 300


@given(ODD)
@settings(max_examples=400, deadline=None)
def test_cleaning_settles_at_once_and_keeps_its_promises(raw: str) -> None:
    cleaned, reason = examine(raw)
    if reason:
        with pytest.raises(CorpusError):
            clean_name(raw)
        return
    assert clean_name(cleaned) == cleaned == clean_name(raw)
    assert unicodedata.is_normalized("NFC", cleaned)
    assert cleaned == " ".join(cleaned.split())
    assert 0 < len(cleaned) <= 200
    joiners = {c for c in cleaned if not c.isprintable()}
    assert joiners <= {"\u200c", "\u200d"}
    assert not joiners & {cleaned[0], cleaned[-1]}
    cleaned.encode("utf-8")


@given(ODD, ODD)
@settings(max_examples=100, deadline=None)
def test_a_refused_character_is_refused_wherever_it_stands(before: str, after: str) -> None:
    assert examine(before + "\x00" + after)[1]


@pytest.mark.parametrize(
    ("raw", "restored"),
    [
        ("SMITH", "Smith"),
        ("MCDONALD", "McDonald"),
        ("MCC", "Mcc"),
        ("DE LA CRUZ", "De La Cruz"),
        ("CHIA-HAO", "Chia-Hao"),
        ("O'BRIEN", "O'Brien"),
        ("D’ANGELO", "D’Angelo"),
        ("O'NEAL-SMITH", "O'Neal-Smith"),
        ("JAMES'S", "James's"),
        ("SMITH III", "Smith III"),
        ("III", "Iii"),
        ("MacLeod", "MacLeod"),
        ("佐藤", "佐藤"),
    ],
)
def test_capitals_come_back_where_a_source_lost_them(raw: str, restored: str) -> None:
    assert restore_capitals(raw) == restored


def test_unprintable_text_is_shown_by_code_point_and_cut() -> None:
    assert shown("An\u202ena\0") == "An<U+202E>na<U+0000>"
    assert shown("x" * 41) == "x" * 40 + "…"


def test_refusals_are_counted_by_reason_with_three_different_examples() -> None:
    refusals = Refusals()
    for text in ("a\0", "b\0", "a\0", "c\0", "d\0", ""):
        assert refusals.clean(text, "here") is None
    controls, empty = refusals.result()
    assert (controls.reason, controls.count) == ("control character", 5)
    assert controls.examples == ("a<U+0000>", "b<U+0000>", "c<U+0000>")
    assert (empty.reason, empty.count) == ("empty", 1)


def test_a_record_of_a_megabyte_stops_the_reading() -> None:
    with pytest.raises(CorpusError, match=r"names\.txt holds a name of 1,000,000 characters"):
        Refusals().clean("x" * 1_000_000, "names.txt")
    assert Refusals().clean("x" * MAX_RECORD_LENGTH, "names.txt") is None
