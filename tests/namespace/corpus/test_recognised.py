"""Public files that are given without the word for them are taken for what they are."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

import namebasis as nb
from namebasis.errors import CorpusError

HEADER = (
    "SURNAME,RANK,FREQUENCY (COUNT),PROPORTION PER 100K,PERCENT NON-HISPANIC WHITE ALONE,"
    "PERCENT NON-HISPANIC BLACK ALONE,PERCENT NON-HISPANIC ASIAN ALONE,"
    "PERCENT AMERICAN INDIAN ALONE,PERCENT TWO OR MORE RACES,PERCENT HISPANIC OR LATINO ORIGIN"
)
ROWS = 'SMITH,1,"2,442,977",828.2,70.9,23.1,0.5,0.9,2.2,2.4\nXIONG,2,"9,001",8.2,1,(S),97,(S),1,1\n'


def test_a_census_table_is_one_by_its_header(tmp_path: Path) -> None:
    for name, text in (
        ("c.csv", f"\ufeff{HEADER}\n{ROWS}"),
        ("s.csv", f"{HEADER.replace(',', ';')}\nSMITH;1;2442977;8;70.9;23.1;0.5;0.9;2.2;2.4\n"
                  "XIONG;2;9001;8.2;1;(S);97;(S);1;1\n"),
        ("t.tsv", f"{HEADER}\n{ROWS}".replace('"2,442,977"', "2442977")
         .replace('"9,001"', "9001").replace(",", "\t")),
    ):  # fmt: skip
        (tmp_path / name).write_text(text, encoding="utf-8")
        names = nb.read_names(tmp_path / name)
        smith, xiong = names.table.to_pylist()
        assert (smith["name"], smith["part"], smith["count"]) == ("Smith", "family", 2_442_977)
        assert (smith["pct_white"], smith["pct_hispanic"], smith["sources"]) == (
            70.9, 2.4, ["census"],
        )  # fmt: skip
        assert (xiong["pct_black"], xiong["pct_asian"]) == (None, 97)
        assert "read as a US Census table of surnames, which its header says it is" in names.notes
    named = nb.read_names(f"census:{tmp_path / 'c.csv'}")
    assert named.table.equals(nb.read_names(tmp_path / "c.csv").table)
    (tmp_path / "f.csv").write_text(f"{HEADER.replace('SURNAME', 'FIRST NAME')}\n{ROWS}")
    assert set(nb.read_names(tmp_path / "f.csv").table["part"].to_pylist()) == {"given"}


def test_own_columns_of_a_census_table_are_kept_and_a_column_can_still_be_asked_for(
    tmp_path: Path,
) -> None:
    lines = f"{HEADER}\n{ROWS}".splitlines()
    own = [lines[0] + ",Origin", lines[1] + ",England", lines[2] + ",Laos"]
    (tmp_path / "own.csv").write_text("\n".join(own))
    names = nb.read_names(tmp_path / "own.csv")
    assert names.own_columns == ("origin",)
    assert names.table["origin"].to_pylist() == ["England", "Laos"]
    (reading,) = names.readings
    assert reading.unused == ("RANK", "PROPORTION PER 100K")
    asked = nb.read_names(tmp_path / "own.csv", column="SURNAME")
    assert asked.table["sources"].to_pylist() == [["own.csv"]] * 2
    with pytest.raises(CorpusError, match="holds no given name, only family"):
        nb.read_names(tmp_path / "own.csv", part="given")
    table = pa.table({"name": ["SMITH"], "count": [5], "pctwhite": [70.5], "pctblack": [20.0],
                      "pctapi": [1.5], "pctaian": ["(S)"]})  # fmt: skip
    row = nb.read_names(table).table.to_pylist()[0]
    assert (row["name"], row["part"], row["pct_asian"], row["pct_native"]) == (
        "Smith", "family", 1.5, None,
    )  # fmt: skip


def test_a_table_with_one_share_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("name,count,pctwhite\nAda,5,70\nBo,4,20\n")
    names = nb.read_names(tmp_path / "o.csv")
    assert names.table["part"].to_pylist() == ["given", "given"]
    assert names.own_columns == ("pctwhite",)


def test_births_are_read_without_their_word_from_a_zip_and_a_folder(tmp_path: Path) -> None:
    births = {"yob1990.txt": "Mary,F,100\n", "yob1991.txt": "Mary,F,50\nBaby,F,7\n"}
    folder = tmp_path / "names"
    folder.mkdir()
    with zipfile.ZipFile(tmp_path / "names.zip", "w") as archive:
        for name, text in births.items():
            archive.writestr(name, text)
            (folder / name).write_text(text)
    for path in (tmp_path / "names.zip", folder, str(folder)):
        names = nb.read_names(path)
        assert names.table.select(["name", "count", "sources"]).to_pylist() == [
            {"name": "Mary", "count": 150, "sources": ["ssa"]}
        ]
        assert names.notes == (f"read as births of the US Social Security, as ssa:{path}",)
        assert [one.count for one in names.dropped] == [1]
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        archive.writestr("yob1990.txt", "Mary,F,100\n")
        archive.writestr("mine.csv", "name\nBo\n")
    with pytest.raises(CorpusError, match=r"\(yob1990.txt\) and other tables \(mine.csv\)\. Write"):
        nb.read_names(tmp_path / "both.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("mine.csv", "name\nBo\n")
    with pytest.raises(CorpusError, match="Unpack it and name the file in it"):
        nb.read_names(tmp_path / "other.zip")
