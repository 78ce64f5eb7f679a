"""One folding: which spellings are one name, and which are two."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namebasis.namespace.corpus.folding import fold, letters_key, script_of


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Zoë", "zoe"), ("ZOE\u0308", "zoe"), ("  Anna   Maria ", "anna maria"),
        ("STRAßE", "strasse"), ("STRAẞE", "strasse"), ("İpek", "ipek"), ("ﬁona", "fiona"),
        ("Ἀλέξανδρος", "αλεξανδροσ"), ("ΑΛΈΞΑΝΔΡΟΣ", "αλεξανδροσ"), ("김", "김"), ("", ""),
        ("Nguyễn", "nguyen"), ("Ålesund", "alesund"), ("ＡＮＮＡ", "anna"), ("ﾀﾞｲｷ", "ダイキ"),
        ("Łukasz", "lukasz"), ("Søren", "soren"), ("Işık", "isik"), ("Ægir", "aegir"),
        ("Đorđe", "dorde"), ("Þóra", "thora"), ("Œuvre", "oeuvre"),
        ("O’Brien", "o'brien"), ("OʼBrien", "o'brien"), ("O´Brien", "o'brien"),
        ("O`Brien", "o'brien"), ("ʻAlana", "'alana"), ("Anne‑Marie", "anne-marie"),
        ("Anne–Marie", "anne-marie"), ("Ива\u0301н", "иван"), ("Ѓорѓи", "ѓорѓи"),
        ("מֹשֶׁה", "משה"), ("مُحَمَّد", "محمد"), ("می\u200cنا", "مینا"), ("An\u00adna", "anna"),
    ],
)  # fmt: skip
def test_spellings_of_one_name_fold_to_the_same(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("が", "か"), ("ダイキ", "タイキ"), ("バナコ", "ハナコ"), ("パ", "ハ"),
        ("Андрей", "Андреи"), ("Фёдор", "Федор"), ("Їжак", "Іжак"), ("Ѓорѓи", "Горги"),
        ("कर्म", "करम"), ("मीना", "मना"), ("ক্ষ", "কষ"), ("கி", "க"), ("ก้อง", "กอง"),
        ("김", "금"), ("أحمد", "حمد"), ("O'Brien", "OBrien"), ("Anna", "Hanna"),
    ],
)  # fmt: skip
def test_other_names_stay_two(one: str, other: str) -> None:
    assert fold(one) != fold(other)
    assert letters_key(one) != letters_key(other) or "'" in one


@given(st.text(max_size=20))
@settings(max_examples=300, deadline=None)
def test_folding_settles_and_forgives_composition(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert fold(unicodedata.normalize("NFD", text)) == once
    assert unicodedata.is_normalized("NFC", once)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("O’Brien", "obrien"), ("De'Andre", "deandre"), ("Anne-Marie", "annemarie"),
        ("DE LA CRUZ", "delacruz"), ("François", "francois"), ("beatrice.", "beatrice"),
        ("García Márquez", "garciamarquez"), ("मीना", "मीना"), ("-", ""),
    ],
)  # fmt: skip
def test_a_key_has_letters_only(name: str, key: str) -> None:
    assert letters_key(name) == key


def test_the_script_is_that_of_the_first_letter() -> None:
    found = [script_of(text) for text in ("(Ana)", "村上", "Иван", "김", "7")]
    assert found == ["LATIN", "CJK", "CYRILLIC", "HANGUL", ""]
