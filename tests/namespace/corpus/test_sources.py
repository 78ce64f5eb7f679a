"""One word for each source."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.names import NAME_SCHEMA, Dropped
from namebasis.namespace.corpus.sources import read_names

DATA = Path(__file__).parents[4] / "shared" / "data"
CENSUS = (
    "name,rank,count,prop100k,cum_prop100k,pctwhite,pctblack,pctapi,pctaian,pct2prace,pcthispanic\n"
    "SMITH,1,2442977,828.2,828.2,70.9,23.1,0.5,0.9,2.2,2.4\n"
)


def test_every_kind_of_source_gives_the_same_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "n.zip", "w") as stored:
        stored.writestr("yob1990.txt", "Mary,F,100\n")
    (tmp_path / "c.csv").write_text(CENSUS)
    (tmp_path / "n.txt").write_text("Anna\n")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"Dan Lee\n")))
    expected: dict[str | Path | Iterable[str], tuple[list[str], str]] = {
        f"ssa:{tmp_path / 'n.zip'}": (["Mary"], "given"),
        f"census:{tmp_path / 'c.csv'}": (["Smith"], "family"),
        str(tmp_path / "n.txt"): (["Anna"], "given"),
        tmp_path / "n.txt": (["Anna"], "given"),
        "-": (["Dan Lee"], "full"),
        ("Bo", "Cy", "Bo"): (["Bo", "Cy"], "given"),
    }
    for source, (strings, part) in expected.items():
        names = read_names(source)
        assert names.table.schema.equals(NAME_SCHEMA)
        assert names.strings == strings
        assert set(names.table["part"].to_pylist()) == {part}
    assert read_names(iter(["Bo"])).table["sources"].to_pylist() == [["list"]]
    for spec, part in (("faker:is_IS", "given"), ("pseudo:5", "pseudo"), ("full:5", "full")):
        names = read_names(spec)
        assert names.table.schema.equals(NAME_SCHEMA)
        assert part in names.table["part"].to_pylist()


def test_a_part_is_given_to_names_without_one_and_chosen_among_the_others(tmp_path: Path) -> None:
    assert read_names(["Anna", "Mary Ann"], part="given").table["part"].to_pylist() == ["given"] * 2
    (tmp_path / "n.csv").write_text("name,part\nAnna,given\nLee,family\nKim,\n")
    assert read_names(tmp_path / "n.csv", part="family").strings == ["Lee", "Kim"]
    assert set(read_names("faker:is_IS", part="given").table["part"].to_pylist()) == {"given"}
    with pytest.raises(CorpusError, match="faker:is_IS holds no full name, only family, given"):
        read_names("faker:is_IS", part="full")


def test_a_limit_is_a_seeded_sample_in_order() -> None:
    whole = read_names("faker:is_IS")
    sample = read_names("faker:is_IS", limit=100, seed=3)
    assert len(sample) == 100
    assert sample.table.equals(read_names("faker:is_IS", limit=100, seed=3).table)
    assert sample.table.equals(whole.select(limit=100, seed=3).table)
    places = [whole.table.slice(i, 1).to_pylist()[0] for i in range(50)]
    assert sample.table.to_pylist()[:50] != places


@pytest.mark.parametrize(
    "spec",
    ["nonsense", "Faker", "hf:names", "", "x" * 1000, "a\0b"],
)
def test_an_unknown_word_is_told_what_there_is(spec: str) -> None:
    with pytest.raises(CorpusError, match=r"unknown source of names .*faker, .*ssa:ZIP.*stdin"):
        read_names(spec)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("gone.txt", r"gone\.txt cannot be read: No such file"),
        ("ssa:", "ssa: needs a file, such as ssa:names.zip"),
        ("ssa:gone.zip", r"gone\.zip cannot be read"),
        ("census:gone.csv", r"gone\.csv cannot be read"),
        ("pseudo:", "pseudo: needs how many names"),
        ("pseudo", "pseudo: needs how many names"),
        ("pseudo:-5", "needs how many names, from 1 to 10,000,000, such as pseudo:1000; got '-5'"),
        ("full:0", "full: needs how many names"),
        ("full:99999999", "full: needs how many names"),
        ("full:" + "9" * 5000, "full: needs how many names"),
        ("pseudo:5:nonsense", "unknown source of names 'nonsense'"),
    ],
)
def test_a_spec_that_is_not_whole(spec: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read_names(spec)


def test_a_source_without_a_name_is_an_error_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="the list holds no name \\(it is empty\\)"):
        read_names([])
    (tmp_path / "n.txt").write_text("\n \n")
    with pytest.raises(CorpusError, match=r"n\.txt holds no name \(2 left out: empty\)"):
        read_names(tmp_path / "n.txt")
    (tmp_path / "n.txt").write_text("x" * 300 + "\n")
    with pytest.raises(CorpusError, match="1 left out: longer than 200 characters"):
        read_names(tmp_path / "n.txt")
    (tmp_path / "n.txt").write_text("")
    with pytest.raises(CorpusError, match=r"n\.txt holds no name \(it is empty\)"):
        read_names(tmp_path / "n.txt")


def test_arguments_out_of_range_are_value_errors() -> None:
    with pytest.raises(ValueError, match="part must be one of"):
        read_names(["Anna"], part="first")
    with pytest.raises(ValueError, match="limit must be an integer, at least 1"):
        read_names(["Anna"], limit=0)
    with pytest.raises(ValueError, match="seed must be an integer"):
        read_names(["Anna"], seed=-1)
    for wrong in (7, b"Anna", {"name": "Anna"}):
        with pytest.raises(ValueError, match="source must be a string, a path or an iterable"):
            read_names(wrong)  # type: ignore[arg-type]


def test_list_items_that_are_no_texts_are_counted() -> None:
    names = read_names(["Anna", None, 7, "Bo\x1b"])  # type: ignore[list-item]
    assert names.strings == ["Anna"]
    assert names.dropped == (
        Dropped("empty", 1, ("",)),
        Dropped("not a text", 1, ("7",)),
        Dropped("control character", 1, ("Bo<U+001B>",)),
    )


@pytest.mark.parametrize(
    ("name", "n_least"),
    [
        ("celebrities.txt", 646),
        ("celebrities-global.txt", 1_300),
        ("laion400m-name-counts.csv", 500),
        ("sd14-first-name-similarity.csv", 107),
    ],
)
def test_real_lists(name: str, n_least: int) -> None:
    if not (DATA / name).exists():
        pytest.skip(f"the real {name} is not here")
    names = read_names(DATA / name)
    assert n_least <= len(names) < n_least * 1.2
    assert not names.dropped
