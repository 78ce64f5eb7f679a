"""The packaged axes keep their schema, and files that break it are refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from namebasis.errors import NamebasisError
from namebasis.studies.attributes.axis_files import axis_names, load_axis

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
    assert (axis.unit, axis.ends, axis.reads) == ("steps", ("low", "high"), ("low", "high"))
    words = 'kind = "ordinal"\nunit = "smiles"\nends = ["sad", "glad"]'
    path.write_text(GOOD.replace('kind = "ordinal"', words), encoding="utf-8")
    axis = load_axis(path)
    assert (axis.unit, axis.ends, axis.reads) == ("smiles", ("sad", "glad"), ("sad", "glad"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "ordinal"', 'kind = "sorted"', "kind must be one of ordinal, nominal; got 'so"),
        ('kind = "ordinal"', 'sort = "ordinal"', r"unknown keys \['sort'\], missing keys \['kind"),
        ('kind = "ordinal"', 'kind = "ordinal"\nends = ["a"]', "ends must be two strings"),
        (
            'kind = "ordinal"',
            'kind = "nominal"\nunit = "s"',
            "a nominal axis has no ends and no un",
        ),
        ('["a {} face"]', '["a face"]', "a template needs one {} and no other brace"),
        ('["a {} face"]', '["a {} {mood}"]', "a template needs one {} and no other brace"),
        ('["a {} face"]', "[]", "templates must be a list of non-empty strings"),
        ('label = "high"', 'label = "low"', r"labels must be distinct; given twice: low"),
        ('["glad"]', '[""]', "phrases of 'high' must be a list of non-empty strings"),
        ('label = "high"', 'rang = "high"', "each of values needs label and phrases, and may"),
        ('label = "high"', 'label = "high"\nrank = "b"', "rank of 'high' must be a finite number"),
        ('label = "high"', 'label = "high"\nrank = true', "rank of 'high' must be a finite number"),
        ('label = "high"', 'label = "high"\nrank = inf', "rank of 'high' must be a finite number"),
        ('label = "high"', 'label = "high"\nrank = 1', "need a rank or none; 'low' has none"),
        ('name = "mood"', 'name = "my mood"', "name must be one word"),
        (
            'name = "mood"',
            "name = mood",
            "mood.toml: cannot be read as an axis file .*Invalid value",
        ),
        (GOOD[GOOD.rindex("[[values]]") :], "", "values must be two or more"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "mood.toml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(NamebasisError, match=message):
        load_axis(path)


RANKED = GOOD.replace('label = "low"', 'label = "low"\nrank = 2').replace(
    'label = "high"', 'label = "high"\nrank = 7.5'
)


def test_ranks_are_kept_or_counted(tmp_path: Path) -> None:
    path = tmp_path / "mood.toml"
    path.write_text(RANKED, encoding="utf-8")
    assert load_axis(path).ranks == (2.0, 7.5)
    path.write_text(GOOD, encoding="utf-8")
    assert load_axis(path).ranks == (0.0, 1.0)


@pytest.mark.parametrize("rank", ["2", "-1"])
def test_ranks_out_of_order_are_refused(tmp_path: Path, rank: str) -> None:
    path = tmp_path / "mood.toml"
    path.write_text(RANKED.replace("7.5", rank), encoding="utf-8")
    with pytest.raises(NamebasisError, match=rf"ranks must rise .*'high' \({rank}\) follows 'low'"):
        load_axis(path)
    path.write_text(RANKED.replace("ordinal", "nominal"), encoding="utf-8")
    with pytest.raises(NamebasisError, match="a nominal axis has no ranks; 'low' has one"):
        load_axis(path)


def test_unknown_axes_are_named_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(NamebasisError, match="no axis 'shoe_size'; there are age, body_type"):
        load_axis("shoe_size")
    with pytest.raises(NamebasisError, match="cannot be read as an axis file"):
        load_axis(tmp_path / "none.toml")
