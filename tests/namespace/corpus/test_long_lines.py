"""Lines of many thousand letters: read or refused in time that grows with their length alone."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from namebasis.namespace.corpus.cleaning import MAX_NAME_LENGTH, TOO_LONG
from namebasis.namespace.corpus.files.content import flaw
from namebasis.namespace.corpus.files.reader import read_file
from namebasis.namespace.corpus.image_labels import names_of
from namebasis.namespace.phrases.sentences import subject

LENGTH = 60_000
PUMPS = (
    *("1", " ", "\t", "- ", "1 ", "a 1 ", "a-", "(", "{a|", "{|", "[", "[:", "__", "__a ", "*a "),
    *("**", "(1990 ", "[1990 ", ": ", "a: ", "é", "#", '"', "a,", "<", "\\(", "::", ".5", "&a"),
)
_LISTS = ("a,", "{a|", "{|")


@contextmanager
def ends() -> Iterator[None]:
    """Fail instead of waiting for ever; what is linear takes a hundredth of it."""

    def late(*_: object) -> None:
        raise TimeoutError("does not end")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, 20)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@pytest.mark.long
@pytest.mark.parametrize("pump", PUMPS)
def test_a_long_line_beside_names(pump: str, tmp_path: Path) -> None:
    line = pump * (LENGTH // len(pump))
    names = ["Emma Stone", "Anna Lee", "Bo Derek", "Cy Young"]
    for tail in ("", "!", "x"):
        path = tmp_path / "names.txt"
        path.write_text("\n".join([*names, line + tail, ""]), encoding="utf-8")
        with ends():
            read = read_file(path)
        found = read.table["name"].to_pylist()
        assert found[:4] == names
        assert all(len(name) <= MAX_NAME_LENGTH for name in found)
        assert len(found) <= 5 or pump in _LISTS


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_a_cell_of_digits_and_one_other_sign(suffix: str, tmp_path: Path) -> None:
    # Cut into runs in every way, it took a time that doubled with each letter.
    path = tmp_path / f"names.{suffix}"
    cell = "B" + "9" * 80 + "!" + "9" * 300
    separator = "\t" if suffix == "tsv" else ","
    rows = (f"{name}{separator}3\n" for name in ("name", cell, "Emma"))
    path.write_text("".join(rows).replace("3", "count", 1), encoding="utf-8")
    with ends():
        read = read_file(path)
    assert read.table["name"].to_pylist() == ["Emma"]
    assert [one.reason for one in read.dropped] == [TOO_LONG]


def test_codes_are_told_from_names() -> None:
    with ends():
        assert flaw(["a1-b2", "x-9:z", "77.a"]) == "codes"
        assert flaw(["a1" * 50_000 + "!"] * 2 + ["Bo"]) == ""
        assert flaw(["a1-" * 50_000 + "a1"] * 2 + ["Bo"]) == "codes"
        assert flaw(["a1--b2", "-a1", "a1-"]) == ""


def test_a_phrase_of_many_spaces() -> None:
    with ends():
        for text in ("a" + " " * LENGTH, "the" + " x" * LENGTH, "a" + " " * LENGTH + "person"):
            assert subject([text])


@pytest.mark.long
@pytest.mark.parametrize("pump", [*PUMPS, "_1", "(1"])
def test_a_long_label_of_a_picture(pump: str) -> None:
    label = pump * (2 * LENGTH // len(pump))
    with ends():
        found = names_of([label + "x", label + "7"], lambda texts: [None] * len(texts))
    # Spelled as labels are: spaces for underscores, and no number behind the last of them.
    assert found[label + "x"] == (label + "x").replace("_", " ").strip()
    assert len(found[label + "7"]) <= len(label) + 1


def test_the_number_of_a_file_alone_leaves_its_label() -> None:
    labels = ("Ann_Lee_0001", "Ann Lee (12)", "Ann_Lee_", "12", "Ann_7_x", "Ann (7")
    names = ["Ann Lee", "Ann Lee", "Ann Lee", "12", "Ann 7 x", "Ann (7"]
    assert list(names_of(labels, lambda texts: [None] * len(texts)).values()) == names
