"""Which names of a source are taken, and how those that are not are counted."""

from __future__ import annotations

from pathlib import Path

import pytest

import namebasis as nb
from namebasis.errors import CorpusError
from namebasis.namespace.corpus.selection import Wanted, split_source
from namebasis.namespace.corpus.sources import read_sources

COUNTED = "name,count\nAda,5\nBo,90\nCy,40\nDi,40\nEd,\nFay,7\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "counted.csv").write_text(COUNTED)
    (tmp_path / "bare.txt").write_text("Gus\nHal\nIda\n")
    return tmp_path


def told(names: nb.Names) -> list[tuple[str, int, str]]:
    return [(one.source, one.count, one.reason) for one in names.dropped]


def test_the_most_frequent_stand_in_the_order_of_the_source(folder: Path) -> None:
    names = nb.read_names(folder / "counted.csv", top=2)
    assert names.strings == ["Bo", "Cy"]  # of two that are equally frequent, the first
    assert told(names) == [
        ("counted.csv", 1, "no count to tell how frequent it is"),
        ("counted.csv", 3, "not among the 2 most frequent"),
    ]
    assert names.dropped[1].examples == ("Ada", "Di", "Fay")
    assert nb.read_names(folder / "counted.csv", min_count=40).strings == ["Bo", "Cy", "Di"]
    assert nb.read_names(folder / "counted.csv").select(top=1, min_count=6).strings == ["Bo"]
    assert len(nb.read_names(folder / "counted.csv", top=5, limit=2)) == 2


def test_a_source_without_counts_is_kept_whole_and_that_is_said(folder: Path) -> None:
    names = nb.read_names(folder / "bare.txt", top=2)
    assert names.strings == ["Gus", "Hal", "Ida"]
    assert names.notes == ("has no counts, so all of its 3 names are kept",)
    files = [str(folder / "counted.csv"), str(folder / "bare.txt")]
    both = read_sources(files, top=1)
    assert both.strings == ["Bo", "Gus", "Hal", "Ida"]
    assert both.notes[-1] == f"{files[1]}: has no counts, so all of its 3 names are kept"
    with pytest.raises(ValueError, match=r"top must have counts to go by, and .*bare.txt has none"):
        read_sources(files[1:], top=2)
    with pytest.raises(CorpusError, match="no name that 91 people bear; the most is 90"):
        nb.read_names(folder / "counted.csv", min_count=91)


def test_what_stands_behind_a_source_is_asked_of_it_alone(folder: Path) -> None:
    counted, bare = str(folder / "counted.csv"), str(folder / "bare.txt")
    names = read_sources([f"{counted},top=2", f"{bare},limit=1,part=family", "us,top=3"], top=1)
    rows = names.table.to_pylist()
    assert [row["name"] for row in rows[:2]] == ["Bo", "Cy"]
    assert [row["part"] for row in rows[2:3]] == ["family"]
    assert [row["name"] for row in rows[3:]] == ["James", "John", "Robert"]
    assert nb.read_names("faker:is_IS,da_DK,limit=4").table.num_rows == 4
    assert len(nb.read_names("pseudo:3:us:given,top=50")) == 3
    # A file of such a name is that file.
    (folder / "odd,top=1").with_suffix(".txt").write_text("Jo\nKim\n")
    assert nb.read_names(str(folder / "odd,top=1.txt")).strings == ["Jo", "Kim"]
    with pytest.raises(CorpusError, match=r"min_count must be a whole number .*got '-3'\. Write"):
        nb.read_names(f"{counted},min-count=-3")
    with pytest.raises(CorpusError, match="top is given twice"):
        nb.read_names(f"{counted},top=2,top=3")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("ssa:names.zip", ("ssa:names.zip", Wanted())),
        ("a,b.csv,min-count=7", ("a,b.csv", Wanted(min_count=7))),
        ("x.csv,column=Full Name,top=5", ("x.csv", Wanted(top=5, column="Full Name"))),
        ("x,tops=5", ("x,tops=5", Wanted())),
    ],
)
def test_a_source_is_split_from_what_is_asked_of_it(
    source: str, expected: tuple[str, Wanted]
) -> None:
    assert split_source(source) == expected


def test_a_sample_is_random_and_the_rest_is_counted(folder: Path) -> None:
    files = [str(folder / "counted.csv"), str(folder / "bare.txt")]
    names = read_sources(files, limit=4, seed=3)
    assert len(names) == 4
    assert told(names)[-1] == ("", 5, "not in the random sample of 4")
    drawn = {name for seed in range(20) for name in read_sources(files, limit=4, seed=seed).strings}
    assert len(drawn) == 9
    with pytest.raises(ValueError, match="top must be an integer, at least 1; got 0"):
        nb.read_names("faker", top=0)


MIXED = "Name;Geschlecht;Staat;Alter;gender\nAnna;weiblich;DE;3;x\nUwe;männlich;AT;4;y\n"


def test_columns_are_mapped_and_kept_as_the_user_says(folder: Path) -> None:
    (folder / "own.csv").write_text(MIXED)
    names = nb.read_names(
        folder / "own.csv", map={"gender": "geschlecht", "nation": "Staat"}, keep=["Alter"]
    )
    assert names.table["gender"].to_pylist() == ["F", "M"]
    assert names.table["nation"].to_pylist() == ["DE", "AT"]
    assert names.own_columns == ("nation", "alter")
    (reading,) = names.readings
    assert (reading.kept, reading.unused) == (("gender", "nation", "alter"), ("gender",))
    assert nb.read_names(folder / "own.csv", column="Name", keep=[]).own_columns == ()
    rows = [{"name": "Bo", "wer": "m", "x": 1}]
    assert nb.read_names(rows, map={"gender": "wer"}).table["gender"].to_pylist() == ["M"]
    assert nb.read_names({"n": ["Bo", "Al"], "g": ["m", "f"]}, map={"name": "n", "gender": "g"}
                         ).table["gender"].to_pylist() == ["M", "F"]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"keep": ["Statt"]}, r"own.csv has no column 'Statt'\. There are: .*Did you mean 'Staat'"),
        ({"map": {"gender": "Geschlect"}}, "no column 'Geschlect'.*Did you mean 'Geschlecht'"),
        ({"map": {"Staat": "nation"}}, "no column 'nation'.*Did you mean nation=Staat"),
        ({"map": {"gender": "Alter"}}, r"values of 'Alter' cannot be read as gender \(such as 3"),
        ({"map": {"count": "Staat"}}, "values of 'Staat' cannot be read as count"),
    ],
)
def test_a_column_that_is_not_there_or_is_something_else_is_refused(
    folder: Path, asked: dict[str, object], message: str
) -> None:
    (folder / "own.csv").write_text(MIXED)
    with pytest.raises(CorpusError, match=message):
        nb.read_names(folder / "own.csv", **asked)  # type: ignore[arg-type]


def test_of_several_sources_one_must_have_the_column(folder: Path) -> None:
    (folder / "own.csv").write_text(MIXED)
    files = [str(folder / "own.csv"), str(folder / "counted.csv")]
    names = read_sources(files, keep=["Staat"], map={"gender": "Geschlecht"})
    assert names.own_columns == ("staat",)
    with pytest.raises(CorpusError, match=r"no source has a column 'Statt'.*Did you mean 'Staat'"):
        read_sources(files, keep=["Statt"])
    with pytest.raises(CorpusError, match=r"keep and map name columns of a table; .*bare.txt"):
        nb.read_names(folder / "bare.txt", keep=["Staat"])
