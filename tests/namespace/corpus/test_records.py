"""The Social Security archive and the Census surname table."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from namebasis.errors import CorpusError
from namebasis.namespace.corpus import records
from namebasis.namespace.corpus.records import read_census, read_ssa
from namebasis.namespace.corpus.sources import read_names

DATA = Path(__file__).parents[4] / "shared" / "data"
needs_ssa = pytest.mark.skipif(
    not (DATA / "ssa-names.zip").exists(), reason="the real SSA archive is not here"
)
needs_census = pytest.mark.skipif(
    not (DATA / "census-2010-surnames.csv").exists(), reason="the real Census table is not here"
)
SSA_YEARS = {
    "yob1990.txt": "Mary,F,100\nLeslie,F,60\nJohn,M,90\nLeslie,M,40\nMary,M,2\n",
    "yob1991.txt": "Mary,F,50\nJohn,M,70\n",
}
CENSUS_HEADER = (
    "name,rank,count,prop100k,cum_prop100k,pctwhite,pctblack,pctapi,pctaian,pct2prace,pcthispanic"
)


def archive(path: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as stored:
        for name, data in members.items():
            stored.writestr(name, data)
    return path


def test_births_are_added_over_years_and_kept_by_year_and_sex(tmp_path: Path) -> None:
    names = read_ssa(archive(tmp_path / "n.zip", {"NationalReadMe.pdf": b"%PDF", **SSA_YEARS}))
    assert names.strings == ["John", "Mary", "Leslie"]  # most births first
    john, mary, leslie = names.table.to_pylist()
    assert (mary["count"], mary["gender"], mary["part"]) == (152, "F", "given")
    assert mary["share_female"] == pytest.approx(150 / 152)
    assert mary["births"] == [
        {"year": 1990, "female": 100, "male": 2},
        {"year": 1991, "female": 50, "male": 0},
    ]
    assert (john["count"], john["gender"], john["share_female"]) == (160, "M", 0)
    assert (leslie["gender"], leslie["share_female"]) == ("U", 0.6)
    assert leslie["births"] == [{"year": 1990, "female": 60, "male": 40}]
    assert (leslie["sources"], leslie["locales"]) == (["ssa"], ["en_US"])


@needs_ssa
def test_the_real_archive_agrees_with_adding_it_up_line_by_line() -> None:
    names = read_ssa(DATA / "ssa-names.zip")
    assert len(names) > 100_000
    assert not records.PLACEHOLDERS & {name.lower() for name in names.strings}
    assert [told.count for told in names.dropped] == [len(records.PLACEHOLDERS)]
    assert len(set(names.strings)) == len(names)
    table = names.table.slice(0, 2000).to_pylist()
    rows = {row["name"]: row for row in table}
    wanted = {"Vicki", "Leslie", "Anna"}
    expected: dict[str, dict[int, dict[str, int]]] = {name: {} for name in wanted}
    total = left_out = 0
    with zipfile.ZipFile(DATA / "ssa-names.zip") as stored:
        for member in stored.namelist():
            for line in stored.read(member).decode().split():
                name, sex, count = line.split(",")
                total += int(count)
                left_out += int(count) * (name.lower() in records.PLACEHOLDERS)
                if name in wanted:
                    year = expected[name].setdefault(int(member[3:7]), {"F": 0, "M": 0})
                    year[sex] += int(count)
    assert sum(names.table["count"].to_pylist()) == total - left_out
    for name in wanted:
        births = [
            {"year": year, "female": both["F"], "male": both["M"]}
            for year, both in sorted(expected[name].items())
        ]
        assert rows[name]["births"] == births
        girls, boys = (sum(b[sex] for b in births) for sex in ("female", "male"))
        assert rows[name]["count"] == girls + boys
        assert rows[name]["share_female"] == pytest.approx(girls / (girls + boys), abs=1e-15)


def test_what_a_register_holds_for_a_missing_name_is_left_out_and_counted(tmp_path: Path) -> None:
    year = "Unknown,F,9\nBaby,M,8\nInfant,F,8\nNotnamed,M,7\nBabette,F,6\nInfanta,F,5\n"
    names = read_ssa(archive(tmp_path / "n.zip", {"yob1990.txt": year}))
    assert names.strings == ["Babette", "Infanta"]
    (told,) = names.dropped
    assert str(told) == (
        "left out 4: a word that the register holds where no name was given "
        "(such as 'Unknown', 'Baby', 'Infant')"
    )
    states = archive(tmp_path / "s.zip", {"AK.TXT": "AK,F,1990,Girl,9\nAK,F,1990,Mary,9\n"})
    assert read_ssa(states).strings == ["Mary"]
    # In somebody's own list they are names.
    assert read_names(["Baby", "Boy"]).strings == ["Baby", "Boy"]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"readme.txt": "hi"}, "holds no yobYYYY.txt"),
        ({"yob1990.txt": "Mary,F\n"}, r"yob1990.txt: lines must be name,sex,count"),
        ({"yob1990.txt": "Mary,F,many\n"}, "lines must be name,sex,count"),
        ({"yob1990.txt": "Mary,X,7\n"}, "sex must be F or M; got 'X'"),
        ({"yob1990.txt": "Mary,F,-7\n"}, "counts must be at least 0"),
        ({"yob1990.txt": b"Mar\xff,F,7\n"}, "lines must be name,sex,count"),
        ({"yob1990.txt": "A,F,7\n", "sub/yob1990.txt": "A,F,7\n"}, "holds 1990 twice"),
    ],
)
def test_what_is_no_such_archive_is_refused(
    tmp_path: Path, members: dict[str, str | bytes], message: str
) -> None:
    path = archive(tmp_path / "n.zip", members)
    with pytest.raises(CorpusError, match=message) as caught:
        read_ssa(path)
    assert str(path) in str(caught.value)


def test_a_truncated_or_damaged_zip_is_refused(tmp_path: Path) -> None:
    whole = archive(tmp_path / "n.zip", {"yob1990.txt": "Mary,F,100\n" * 1000}).read_bytes()
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorpusError, match=r"cut.zip is damaged or no zip archive.*Fetch it again"):
        read_ssa(cut)
    damaged = bytearray(whole)
    damaged[45:55] = b"\xff" * 10
    cut.write_bytes(bytes(damaged))
    with pytest.raises(CorpusError, match="is damaged"):
        read_ssa(cut)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_MAX_MEMBER", 10_000)
    bomb = archive(tmp_path / "n.zip", {"yob1990.txt": b"\n" * 10_001})
    with pytest.raises(CorpusError, match=r"yob1990\.txt unpacks to over 10,000 bytes"):
        read_ssa(bomb)
    monkeypatch.setattr(records, "_MAX_ARCHIVE", 15_000)
    many = archive(tmp_path / "m.zip", {f"yob{y}.txt": b"\n" * 9_000 for y in (1990, 1991)})
    with pytest.raises(CorpusError, match=r"yob1991\.txt unpacks to over 6,000 bytes"):
        read_ssa(many)


def test_census_percentages_suppressed_values_and_notes(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(
        "\ufeff"
        + CENSUS_HEADER
        + '\nMCDONALD,1,"2,442,977",828.2,828.2,70.9,23.1,0.5,(S),(S),2.4\n'
        + "ALL OTHER NAMES,0,29312001,9936.9,9936.9,66.65,8.53,7.97,0.86,2.32,13.67\n"
        + "Note: about (S),,,,,,,,,,\n",
        encoding="utf-8",
    )
    names = read_census(path)
    assert names.strings == ["McDonald"]
    row = names.table.to_pylist()[0]
    assert (row["count"], row["part"], row["sources"]) == (2442977, "family", ["census"])
    assert {key: value for key, value in row.items() if key.startswith("pct_")} == {
        "pct_white": 70.9, "pct_black": 23.1, "pct_asian": 0.5, "pct_native": None,
        "pct_multiracial": None, "pct_hispanic": 2.4,
    }  # fmt: skip
    assert [(d.reason, d.count) for d in names.dropped] == [
        ("the sum of all other names", 1), ("a note, without a count", 1),
    ]  # fmt: skip


@needs_census
def test_the_real_census_table() -> None:
    names = read_census(DATA / "census-2010-surnames.csv")
    assert len(names) == 1000
    rows = {row["name"]: row for row in names.table.to_pylist()}
    smith, vang = rows["Smith"], rows["Vang"]
    assert (smith["count"], smith["pct_white"], smith["pct_hispanic"]) == (2442977, 70.9, 2.4)
    assert (vang["pct_asian"], vang["pct_black"]) == (96.7, None)
    assert "McDonald" in rows
    six = [[row[c] for c in row if c.startswith("pct_")] for row in rows.values()]
    whole = [sum(values) for values in six if None not in values]
    assert len(whole) > 900
    assert all(99 < total < 101 for total in whole)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,count\nAnn,3\n", "no column for pct_asian, pct_black.*Read another CSV without"),
        ("", "no column for count"),
        (CENSUS_HEADER + "\nSMITH,1,many,1,1,1,1,1,1,1,1\n", "record 1: count must be a number"),
        (CENSUS_HEADER + "\nSMITH,1,7,1,1,101,1,1,1,1,1\n", "pct_white must be between 0 and 100"),
    ],
)
def test_what_is_no_census_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(CorpusError, match=message):
        read_census(path)


STATES = {
    "AK.TXT": "AK,F,1910,Mary,14\r\nAK,M,1910,John,8\r\n",
    "AL.TXT": "AL,F,1910,Mary,30\r\nAL,F,1911,Mary,5\r\nAL,M,1910,Mary,6\r\n",
}
OF_STATES = [
    {"name": "Mary", "count": 55, "births": [
        {"year": 1910, "female": 44, "male": 6}, {"year": 1911, "female": 5, "male": 0}]},
    {"name": "John", "count": 8, "births": [{"year": 1910, "female": 0, "male": 8}]},
]  # fmt: skip


def told(path: Path) -> list[dict[str, object]]:
    return read_ssa(path).table.select(["name", "count", "births"]).to_pylist()


def test_births_of_states_are_added_up(tmp_path: Path) -> None:
    assert told(archive(tmp_path / "s.zip", {"StateReadMe.pdf": b"%PDF", **STATES})) == OF_STATES
    for name, text in STATES.items():
        (tmp_path / name).write_text(text)
    assert told(tmp_path) == OF_STATES
    assert read_ssa(tmp_path / "AK.TXT").strings == ["Mary", "John"]
    (tmp_path / "AL.TXT").write_text("AL,F,19x0,Mary,14\n")
    with pytest.raises(CorpusError, match=r"AL\.TXT: lines must be state,sex,year,name,count"):
        read_ssa(tmp_path)
    with pytest.raises(CorpusError, match="AL twice"):
        read_ssa(archive(tmp_path / "t.zip", {**STATES, "x/al.txt": "AL,F,1910,Mary,14\n"}))


def test_an_unpacked_folder_and_one_year_are_read(tmp_path: Path) -> None:
    whole = told(archive(tmp_path / "n.zip", SSA_YEARS))
    folder = tmp_path / "names"
    folder.mkdir()
    for name, text in SSA_YEARS.items():
        (folder / name).write_text(text)
    (folder / "AK.TXT").write_text(STATES["AK.TXT"])  # the nation's files hold these births too
    assert told(folder) == whole
    one = read_names(folder / "yob1991.txt").table.to_pylist()
    assert [(row["name"], row["count"], row["gender"]) for row in one] == [
        ("John", 70, "M"), ("Mary", 50, "F"),
    ]  # fmt: skip
    assert one[0]["births"] == [{"year": 1991, "female": 0, "male": 70}]
    with pytest.raises(CorpusError, match=r"holds no yobYYYY\.txt and no XX\.TXT of a state"):
        read_ssa(archive(tmp_path / "e.zip", {"readme.txt": b""}))


def test_census_tables_of_first_names_and_of_fewer_columns(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(
        "FIRST NAME,RANK,FREQUENCY (COUNT),PERCENT HISPANIC OR LATINO ORIGIN\n"
        "MARY,1,3000,5.1\nD'ANDRE,2,20,(S)\n"
    )
    names = read_census(path)
    assert names.strings == ["Mary", "D'Andre"]
    assert names.table["part"].to_pylist() == ["given", "given"]
    assert names.table["pct_hispanic"].to_pylist() == [5.1, None]
    assert "no column for pct_white, pct_black" in names.notes[0]
