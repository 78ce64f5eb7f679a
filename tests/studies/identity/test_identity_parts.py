"""Full names are cut where people cut them, and the reader is told where that is in doubt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.full_names import UNSPACED_NAME, cut
from namebasis.studies.identity.parts import cut_names, notes_on, read_parts
from namebasis.studies.identity.study import identity
from tests.studies.identity.test_identity_study import PlantedSpace

FEW = {"n_swaps": 6, "n_made_up": 20, "with_contexts": False}


class Columned(PlantedSpace):
    """Says in columns of one's own where its names are cut."""

    columns = ("id", "name", "locales", "given", "family")
    told = (
        ("Mao Zedong", "Zedong", "Mao"), ("Helena Bonham Carter", "Helena", "Bonham Carter"),
        ("Ana Maria Lopes", None, None),
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__([name for name, _, _ in self.told], {})

    def table(self, columns, *, ids):
        rows = [dict(zip(("name", "given", "family"), self.told[i], strict=True)) for i in ids]
        return pa.Table.from_pylist([{**row, "locales": []} for row in rows]).select(columns)


def test_a_file_wins_over_columns_and_columns_over_rules() -> None:
    asked = ["Mao Zedong", "Helena Bonham Carter", "Ana Maria Lopes", "Sarah Michelle Gellar"]
    cuts = cut_names(Columned(), asked, {"helena bonham carter": ("Helena Bonham", "Carter")})
    assert cuts["Mao Zedong"].pair == ("Mao", "Zedong")  # in the order of the name
    assert (cuts["Mao Zedong"].given, cuts["Mao Zedong"].family) == ("Zedong", "Mao")
    assert cuts["Helena Bonham Carter"].pair == ("Helena Bonham", "Carter")
    assert cuts["Ana Maria Lopes"].pair == ("Ana Maria", "Lopes")
    assert [one.by for one in cuts.values()] == ["columns", "file", "rules", "rules"]
    assert cut_names(Columned(), asked[1:2])["Helena Bonham Carter"].family == "Bonham Carter"


@pytest.mark.parametrize(
    ("name", "unsure"),
    [("Helena Bonham Carter", True), ("Mary Ann Smith", True), ("Samuel L. Jackson", False),
     ("Dr. Ana Lee", False), ("Sir Ian McKellen", False), ("María del Carmen López", False),
     ("Vincent van Gogh", False), ("Ana Lee", False), ("Cher", False)],
)  # fmt: skip
def test_rules_say_where_a_middle_word_may_belong_to_either_part(name: str, unsure: bool) -> None:
    assert cut(name).is_unsure is unsure


def test_what_is_in_doubt_is_said_and_parts_are_shown() -> None:
    asked = ["Sarah Michelle Gellar", "Kim Jong-un", "村上春樹", "Ana Lee"]
    found = identity(PlantedSpace([], {}), asked, **FEW)
    said = " ".join(found.notes())
    assert (
        "rules cut 1 name whose middle word may belong to either part: Sarah Michelle | Gel" in said
    )
    assert "1 name of several words could not be cut: Kim Jong-un" in said
    assert found.rows[2].reason == UNSPACED_NAME
    assert found.tables()[1].columns[:2] == ("name", "parts")
    told = found.to_arrow().to_pylist()
    assert [row["cut_by"] for row in told] == ["rules", None, None, "rules"]
    assert (told[0]["given"], told[0]["family"]) == ("Sarah Michelle", "Gellar")
    given_ones = {
        "Kim Jong-un": ("Jong-un", "Kim"),
        "Sarah Michelle Gellar": ("Sarah", "Michelle Gellar"),
    }
    assert notes_on(cut_names(PlantedSpace([], {}), asked, given_ones)) == ()


def test_a_family_name_that_comes_first_is_swapped_in_its_place() -> None:
    """The same string with its parts named the other way has the same length and swapped holds."""
    names = ["Mao Zedong"]
    first = identity(PlantedSpace([], {}), names, parts={"Mao Zedong": ("Zedong", "Mao")}, **FEW)
    last = identity(PlantedSpace([], {}), names, parts={"Mao Zedong": ("Mao", "Zedong")}, **FEW)
    (turned,), (plain,) = first.rows, last.rows
    assert turned.own_length == plain.own_length
    assert turned.hold_given == plain.hold_family != plain.hold_given
    assert turned.capture_family == plain.capture_given
    np.testing.assert_array_equal(first.own_directions, last.own_directions)


@pytest.mark.parametrize(
    ("text", "match"),
    [("name,given\nA B,A\n", "needs the columns name, given and family; got"),
     ("name,given,family\nA B,A,\n", "line 2: family is empty"),
     ("name,given,family\nA B,A,B\na b,B,A\n", r"line 3: 'a b' has other parts than before \(A"),
     ("", "is empty; it needs the columns name, given and family")],
)  # fmt: skip
def test_a_bad_file_of_parts_is_refused(text: str, match: str, tmp_path: Path) -> None:
    file = tmp_path / "parts.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match=match):
        read_parts(file)


def test_a_file_of_parts_is_read_whatever_its_separator_and_empty_rows(tmp_path: Path) -> None:
    file = tmp_path / "parts.csv"
    file.write_text("Name;Given;Family;x\n Mao  Zedong ;Zedong;Mao;1\nCher;;;2\n", encoding="utf-8")
    assert read_parts(file) == {"Mao Zedong": ("Zedong", "Mao")}
