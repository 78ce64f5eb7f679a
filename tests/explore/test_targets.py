"""The box: names, texts and arithmetic, with hyphens left alone."""

from __future__ import annotations

import pytest

from namebasis.explore.targets import Asked, read_query


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Vicki", Asked("Vicki")),
        ("  a senior   lady ", Asked("a senior lady")),
        ("Jean-Luc", Asked("Jean-Luc")),
        ("Jean-Luc - an old man", Asked("Jean-Luc", (), ("an old man",))),
        (
            "Vicki + an old man \u2212 a lady",
            Asked("Vicki", ("an old man",), ("a lady",)),
        ),
        ("Vicki + Anna + Bob", Asked("Vicki", ("Anna", "Bob"))),
        ("+ Vicki - Anna", Asked("Vicki", (), ("Anna",))),
        ("- Anna + Vicki", Asked("Vicki", (), ("Anna",))),
        ('"Vicki + Anna"', Asked("Vicki + Anna")),
        ('"a + b" - Anna', Asked("a + b", (), ("Anna",))),
        ("C+", Asked("C+")),
    ],
)
def test_a_question_is_taken_apart(text: str, asked: Asked) -> None:
    assert read_query(text) == asked


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- Anna", "no direction"),
        ("", "Type a name"),
        ("Vicki + + A", "right"),
        ("Vicki +", "right"),
    ],
)
def test_what_has_no_direction_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_query(text)
