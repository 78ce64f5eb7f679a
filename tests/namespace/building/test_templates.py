"""Templates: packaged sets, files, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from namebasis.namespace.building.templates import Templates, load_templates, template_sets


def test_the_packaged_sets() -> None:
    sets = template_sets()
    sizes = {name: len(items) for name, items in sets.items()}
    assert sizes == {
        "plain": 1,
        "person": 1,
        "portrait": 4,
        "photo12": 12,
        "scenes": 12,
        "phrase": 4,
    }
    assert sets["plain"] == ("{}",)
    for name in sets:
        assert load_templates(name) == Templates(name, sets[name])


def test_strings_lists_and_files(tmp_path: Path) -> None:
    assert load_templates("hi {}") == Templates("custom", ("hi {}",))
    assert load_templates(["a {}", "{} b"]).templates == ("a {}", "{} b")
    path = tmp_path / "mine.toml"
    path.write_text('templates = ["ein Foto von {}", "{} 写真"]', encoding="utf-8")
    expected = Templates("mine", ("ein Foto von {}", "{} 写真"))
    assert load_templates(path) == load_templates(str(path)) == load_templates(expected) == expected


@pytest.mark.parametrize(
    ("templates", "message"),
    [
        ("nope", "one of plain, person, portrait.*got 'nope'"),
        ([], "at least one"),
        (["a {}", "b"], r"exactly once; got 'b'"),
        ("{} and {}", "exactly once"),
        ("{0}", "exactly once"),
        ("{name}", "exactly once"),
        ("{} {x", "exactly once"),
        ("{} }", "no other brace"),
        (["{}", "{}"], "twice"),
        ([3], "exactly once; got 3"),
    ],
)
def test_what_is_no_template_is_refused(templates, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_templates(templates)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"templates = [", "cannot be read as TOML"),
        (b"\xff\xfe", "cannot be read as TOML"),
        (b"other = 1", "needs one list"),
        (b'templates = "a {}"', "needs one list"),
        (b"templates = [1]", "exactly once; got 1"),
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path: Path, content, message: str) -> None:
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_templates(path)
