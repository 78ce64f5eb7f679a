"""Lists whose lines hold more than a name: marks of lists and of code, prompts, and non-names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.files.prompt_lines import (
    NETWORK,
    REFERENCE,
    SEVERAL,
    VARIANT,
    plain_names,
)
from namebasis.namespace.corpus.given_files import read_given
from namebasis.namespace.corpus.names import Names
from namebasis.namespace.corpus.sources import read_names


def _read(tmp_path: Path, text: str, name: str = "names.txt", column: str | None = None) -> Names:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return read_names(path, column=column)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("George_W_Bush\nColin_Powell\n", ["George W Bush", "Colin Powell"]),  # LFW
        ("1. Ana Lee\n2. Bo\n10. Cy\n", ["Ana Lee", "Bo", "Cy"]),
        ("1) Ana\n2) Bo\n", ["Ana", "Bo"]),
        ("(1) Ana\n(2) Bo\n", ["Ana", "Bo"]),
        ("1 - Ana\n2 - Bo\n", ["Ana", "Bo"]),
        ("1 Ana Lee\n2 Bo\n3 50 Cent\n", ["Ana Lee", "Bo", "50 Cent"]),
        ("- Ana\n- Bo\n", ["Ana", "Bo"]),
        ("• Ana\n• Bo Ray\n", ["Ana", "Bo Ray"]),
        ("* **Ana**\n* [Bo](https://x.org/Bo)\n", ["Ana", "Bo"]),
        ("- [ ] Ana\n- [x] Bo\n", ["Ana", "Bo"]),
        ('"Ana",\n"Bo O\'Hara",\n"Cy"\n', ["Ana", "Bo O'Hara", "Cy"]),
        ("'Ana',\n'Bo O\\'Hara',\n", ["Ana", "Bo O'Hara"]),
        ('“Ana”\n„Bo“\n«Cy»\n', ["Ana", "Bo", "Cy"]),
        ('"Weird Al" Yankovic\n"Ana"\n', ['"Weird Al" Yankovic', "Ana"]),
        ("Ana,\nBo,\nCy,\n", ["Ana", "Bo", "Cy"]),
        ("Ana, Bo, Cy Lee, Di\n", ["Ana", "Bo", "Cy Lee", "Di"]),
        ("Ana; Bo; Cy\n", ["Ana", "Bo", "Cy"]),
        ("[Ana, Bo, Cy]\n", ["Ana", "Bo", "Cy"]),
        ("Ana, Bo, Cy,\nDi, Ed,\n", ["Ana", "Bo", "Cy", "Di", "Ed"]),
        ("['Ana', 'Bo']\n", ["Ana", "Bo"]),
        ('["Ana", "Bo"]', ["Ana", "Bo"]),
        ('[{"name": "Ana", "count": 3}]', ["Ana"]),
        ('{"name": "Ana"}\n{"name": "Bo"}\n', ["Ana", "Bo"]),
        ('names = [\n    "Ana",\n    \'Bo O\\\'Hara\',\n]\n', ["Ana", "Bo O'Hara"]),
        ('names <- c("Ana", "Bo")\n', ["Ana", "Bo"]),
        ("INSERT INTO n VALUES ('Ana'), ('O''Hara');\n", ["Ana", "O'Hara"]),
        ("O&#39;Hara\nBeyonc&eacute;\nAT&T\n", ["O'Hara", "Beyoncé", "AT&T"]),
        ("JosÃ©\nZoÃ«\nJos%C3%A9 Ruiz\n50% Ana\n", ["José", "Zoë", "José Ruiz", "50% Ana"]),
        ("First Name\nAna\nBo\n", ["Ana", "Bo"]),
        ("* [[Ana Lee]]\n* [[Bo Ray (actor)|Bo]]\n", ["Ana Lee", "Bo Ray (actor)"]),
        ("Ana Lee (born 1956)\nBo (1901–1999)\n", ["Ana Lee", "Bo"]),
        ("Ana Lee – Spanish actress\nBo: singer\n", ["Ana Lee", "Bo"]),
        ("Actors\n\n1. Ana\n2. Bo\n\nSingers\n1. Cy\n", ["Ana", "Bo", "Cy"]),
        # What looks like a mark and is none.
        ("Jean - Luc\nAna\nBo\n", ["Jean - Luc", "Ana", "Bo"]),
        ("50 Cent\n2Pac\nAna\n", ["50 Cent", "2Pac", "Ana"]),
        ("Stone, Ana\nRay, Bo\n", ["Stone, Ana", "Ray, Bo"]),
        ("Martin Luther King, Jr., PhD\n", ["Martin Luther King, Jr., PhD"]),
        ("Prince (musician)\n[x]\n", ["Prince (musician)", "x"]),
    ],
)  # fmt: skip
def test_a_list_gives_its_bare_names(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert _read(tmp_path, text).strings == expected


def test_what_was_cut_away_is_said(tmp_path: Path) -> None:
    assert _read(tmp_path, "1. Ana\n2. Bo\n").notes == (
        "left out numbers, bullets, quotes, commas or dates around 2 names",
    )
    notes = _read(tmp_path, "A_Lee\nBo\nC_Ray\n").notes
    assert notes == ("wrote 'A_Lee' as 'A Lee', and 1 other name so",)
    table = _read(tmp_path, "name,count\nA_Lee,3\n", "n.csv")
    assert table.strings == ["A Lee"]
    assert table.notes[0].startswith("wrote 'A_Lee'")


def test_columns_or_names_is_asked(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"may be columns or names\. Write one name a line, or"):
        _read(tmp_path, "Ana, Bo, Cy\nDi, Ed, Flo\n")


@pytest.mark.parametrize(
    ("line", "names", "reason"),
    [
        ("Ana Lee", ["Ana Lee"], ""),
        ("(Ana Lee:1.2)", ["Ana Lee"], ""),
        ("((Ana))", ["Ana"], ""),
        ("[Ana]", ["Ana"], ""),
        ("{Ana}", ["Ana"], ""),
        ("(Ana:1.2) Lee", ["Ana Lee"], ""),
        ("Ana Lee:1.1", ["Ana Lee"], ""),
        ("0.5::Ana", ["Ana"], ""),
        ("Ana <lora:ana_v1:0.8>", ["Ana"], ""),
        ("<lora:ana:1>", [], NETWORK),
        ("<lyco:ana:1>, embedding:ana", [], NETWORK),
        ("{Ana|Bo}", ["Ana", "Bo"], ""),
        ("{3::Ana|1::Bo Ray}", ["Ana", "Bo Ray"], ""),
        ("[Ana|Bo]", ["Ana", "Bo"], ""),
        ("{Ana|Bo} Lee", [], VARIANT),
        ("{a|{b|c}}", [], VARIANT),
        ("{2$$Ana|Bo}", [], REFERENCE),
        ("[Ana:Bo:0.5]", [], VARIANT),
        ("__female__", [], REFERENCE),
        ("Ana __family/last__", [], REFERENCE),
        ("${name}", [], REFERENCE),
        ("Ana BREAK Bo", [], SEVERAL),
        ("Ana AND Bo", [], SEVERAL),
        ("Ana Lee, blue eyes, (smiling:1.2)", ["Ana Lee"], ""),
        ("Ana # actress", ["Ana"], ""),
        ("Ana \\(actress\\)", ["Ana (actress)"], ""),
        ("Ana (Annie) Lee", ["Ana (Annie) Lee"], ""),
        ("photo of Ana Lee", ["Ana Lee"], ""),
        ("a close-up portrait of Ana, sharp", ["Ana"], ""),
        ("art by Ana Lee", ["Ana Lee"], ""),
        ("Portrait of a Lady", ["Portrait of a Lady"], ""),
        ("Stone, Ana", ["Stone, Ana"], ""),
        ("Robert Downey, jr.", ["Robert Downey, jr."], ""),
        ("Bourgondië, van", ["Bourgondië, van"], ""),
        ("A$AP Rocky", ["A$AP Rocky"], ""),
    ],
)
def test_a_prompt_gives_the_plain_name_or_a_reason(
    line: str, names: list[str], reason: str
) -> None:
    assert plain_names(line) == (names, reason)


def test_names_in_capitals_may_hold_the_words_of_prompts(tmp_path: Path) -> None:
    assert _read(tmp_path, "ANNA BREAK\nBEN LEE\n").strings == ["ANNA BREAK", "BEN LEE"]


def test_yaml_wildcards_are_read_as_lines_are(tmp_path: Path) -> None:
    text = "people:\n  - (Ana:1.1)\n  - __other__\n  - '{Cy|Di}'\n  - Bo\n"
    names = _read(tmp_path, text, "w.yaml")
    assert names.strings == ["Ana", "Cy", "Di", "Bo"]
    assert [(one.reason, one.examples) for one in names.dropped] == [(REFERENCE, ("__other__",))]
    assert "took the name alone out of 2 lines" in names.notes[-1]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("n.txt", "Ana: 5\nBo: 1,234\n"),
        ("n.txt", "Ana (5)\nBo (1234)\n"),
        ("n.txt", "Ana - 5\nBo - 1234\n"),
        ("n.txt", "Ana = 5\nBo = 1234\n"),
        ("n.yaml", "- Ana: 5\n- Bo: 1234\n"),
        ("n.csv", "name,count\nAna,5\nname,count\nBo,1234\n"),
    ],
)
def test_counts_behind_names_are_counts(tmp_path: Path, name: str, text: str) -> None:
    names = _read(tmp_path, text, name)
    assert names.strings == ["Ana", "Bo"]
    assert names.table["count"].to_pylist() == [5, 1234]


def test_a_table_of_one_line_is_a_list(tmp_path: Path) -> None:
    assert _read(tmp_path, "Ana,Bo,Cy Lee\n", "n.csv").strings == ["Ana", "Bo", "Cy Lee"]
    assert _read(tmp_path, "Ana,F,5\n", "n.csv").strings == ["Ana"]


_JUNK = {
    "12345": "a number", "1,234": "a number", "Q12345": "an id", "nm0000001": "an id",
    "n000001": "an id", "https://x.org/Ana": "a link", "www.x.org": "a link", "ana@x.org": "a link",
    "/m/01abc": "a link", "000001.jpg": "a file", "n01/0001_01.jpg": "a file",
    "N/A": "a word", "null": "a word", "NaN": "a word", "Unknown": "a word", "#N/A": "a word",
    "-": "no letter", "???": "no letter", "1990-95": "no letter",
}  # fmt: skip


def test_what_is_no_name_is_left_out_with_its_reason(tmp_path: Path) -> None:
    kept = [
        "Ana",
        "Bo",
        "X Æ A-12",
        "R2D2",
        "AC/DC",
        "will.i.am",
        "P!nk",
        "Nan",
        "J.",
        "👩‍🎤",
        "李",
    ]
    words = {"a file": "the name of a file"}
    table = "name|n\n" + "".join(f"{text}|1\n" for text in [*kept, *_JUNK])
    for name, data in (("n.txt", "\n".join([*kept, *_JUNK])), ("n.csv", table)):
        names = _read(tmp_path, data, name)
        assert names.strings == kept
        for text, reason in _JUNK.items():
            wanted = words.get(reason, reason)
            told = [one for one in names.dropped if one.reason.startswith(wanted)]
            assert told, (text, names.dropped)
        assert sum(one.count for one in names.dropped) == len(_JUNK)


def test_null_is_a_surname_where_names_are_written_so(tmp_path: Path) -> None:
    assert _read(tmp_path, "NULL\nSMITH\nLEE\n").strings == ["NULL", "SMITH", "LEE"]
    assert _read(tmp_path, "Smith\nLee\nNULL\n").strings == ["Smith", "Lee"]
    assert _read(tmp_path, "Null\nNone\nAna\n").strings == ["Null", "None", "Ana"]


def test_a_list_of_nothing_but_such_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"holds no name \(2 left out: a number, no name\)"):
        _read(tmp_path, "123\n456\n")
    # Who asks for a column of ids by its title gets it.
    assert _read(tmp_path, "a,b\nAna,Q12\nBo,Q13\n", "n.csv", "b").strings == ["Q12", "Q13"]


def test_vectors_stay_with_the_rows_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "n.txt").write_text("1. A_Lee\n2. Q12345\n3. (Bo:1.2)\n4. __x__\n5. Cy\n")
    np.save(tmp_path / "v.npy", np.eye(5, dtype=np.float32))
    given = read_given(tmp_path / "n.txt", tmp_path / "v.npy")
    assert given.names.strings == ["A Lee", "Bo", "Cy"]
    rows = given.vectors.encode_names(["A Lee", "Bo", "Cy"], "{}")
    np.testing.assert_allclose(rows, np.eye(5, dtype=np.float32)[[0, 2, 4]], atol=1e-6)
