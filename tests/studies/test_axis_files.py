"""The packaged axes keep their schema, and files that break it are refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from namebasis.errors import NamebasisError
from namebasis.studies.axis_files import axis_names, load_axis

GOOD = """
name = "mood"
kind = "ordinal"
templates = ["a {} face"]

[[values]]
label = "low"
phrases = ["sad", "gloomy"]

[[values]]
label = "high"
phrases = ["glad"]
"""


def test_the_packaged_axes() -> None:
    assert axis_names() == (
        "age",
        "body_type",
        "era",
        "expression",
        "eye_colour",
        "gender",
        "hair_colour",
        "hair_length",
        "occupation",
        "region",
        "skin_tone",
    )


@pytest.mark.parametrize("name", axis_names())
def test_every_packaged_axis_keeps_the_schema(name: str) -> None:
    axis = load_axis(name)
    assert axis.name == name
    assert len(set(axis.phrases)) == len(axis.phrases)  # no two values share a phrase
    if axis.kind == "ordinal":  # words, not digits
        assert not re.search(r"\d", " ".join(axis.phrases))


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mood.toml"
    path.write_text(GOOD, encoding="utf-8")
    axis = load_axis(path)
    assert (axis.name, axis.kind, axis.templates) == ("mood", "ordinal", ("a {} face",))
    assert [value.label for value in axis.values] == ["low", "high"]
    assert axis.phrases == ("sad", "gloomy", "glad")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "ordinal"', 'kind = "sorted"', "kind must be one of ordinal, nominal; got 'so"),
        ('kind = "ordinal"', 'sort = "ordinal"', r"unknown keys \['sort'\], missing keys \['kind"),
        ('["a {} face"]', '["a face"]', "a template needs one {} and no other brace"),
        ('["a {} face"]', '["a {} {mood}"]', "a template needs one {} and no other brace"),
        ('["a {} face"]', "[]", "templates must be a list of non-empty strings"),
        ('label = "high"', 'label = "low"', r"labels must be distinct; low come\(s\) twice"),
        ('["glad"]', '[""]', "phrases of 'high' must be a list of non-empty strings"),
        ('label = "high"', 'rank = "high"', "each of values needs label and phrases alone"),
        ('name = "mood"', 'name = "my mood"', "name must be one word"),
        ('name = "mood"', "name = mood", "axis .*mood.toml: Invalid value"),
        (GOOD[GOOD.rindex("[[values]]") :], "", "values must be two or more"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "mood.toml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(NamebasisError, match=message):
        load_axis(path)


def test_unknown_axes_are_named_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(NamebasisError, match="no axis 'shoe_size'; there are age, body_type"):
        load_axis("shoe_size")
    with pytest.raises(NamebasisError, match="cannot be read as an axis file"):
        load_axis(tmp_path / "none.toml")
