"""Names from files of every kind, whole and hostile."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.files import raw
from namebasis.namespace.corpus.files import reader as files
from namebasis.namespace.corpus.files.reader import read_file
from namebasis.namespace.corpus.names import Dropped, make_names

FULL = make_names(
    [
        {
            "name": "Zoë", "part": "given", "gender": "F", "locales": ["fr_FR", "nl_NL"],
            "sources": ["me"], "count": 5, "weight": 0.25, "share_female": 1.0,
            "births": [{"year": 1999, "female": 5, "male": 0}], "pct_white": 1.5,
        },
        {"name": "O'Brien", "part": "family", "sources": ["me"]},
    ]
)  # fmt: skip


def written(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_a_text_file_is_a_name_a_line(tmp_path: Path) -> None:
    data = "\ufeffAnna\r\n# Bo\n\n  Mary  Ann \rAnna\nCy\u2028Lee\nX\x1cY"
    names = read_file(written(tmp_path / "n.txt", data))
    assert names.strings == ["Anna", "# Bo", "Mary Ann", "Cy Lee"]
    assert names.table["part"].to_pylist() == ["given", "full", "full", "full"]
    assert names.table["sources"].to_pylist()[0] == ["n.txt"]
    assert names.dropped == (
        Dropped("empty", 1, ("",)), Dropped("control character", 1, ("X<U+001C>Y",)),
    )  # fmt: skip
    assert read_file(tmp_path / "n.txt", "family").table["part"].to_pylist() == ["family"] * 4


def test_a_table_gives_names_and_the_columns_that_are_known(tmp_path: Path) -> None:
    data = 'Rank,NAME,Sex,Locale,Count,Hobby\n1,Anna,f,"de_DE,it_IT","1,200",chess\n2,Bo,,,7,\n'
    anna, bo = read_file(written(tmp_path / "n.csv", data)).table.to_pylist()
    assert (anna["name"], anna["gender"], anna["count"]) == ("Anna", "F", 1200)
    assert anna["locales"] == ["de_DE", "it_IT"]
    assert (bo["gender"], bo["locales"], bo["count"]) == (None, [], 7)


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        ("csv", "person,count\nAnna,3\nMary Ann,4\n"),
        ("csv", "person;count\nAnna;3\nMary Ann;4\n"),
        ("tsv", "person\tcount\nAnna\t3\n\nMary Ann\t4\n"),
        ("csv", 'count,name\n3,Anna\n4,"Mary\nAnn"\n'),
    ],
)
def test_without_a_column_name_the_first_one_counts(tmp_path: Path, suffix: str, data: str) -> None:
    names = read_file(written(tmp_path / f"n.{suffix}", data))
    assert names.strings == ["Anna", "Mary Ann"]
    assert names.table["count"].to_pylist() == [3, 4]
    assert names.dropped == ()


def test_a_first_row_that_says_nothing_is_a_name(tmp_path: Path) -> None:
    names = read_file(written(tmp_path / "n.csv", "Anna\nBo\nSmith, John\n"))
    assert names.strings == ["Anna", "Bo", "Smith, John"]
    assert names.dropped == ()


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_json_holds_names_or_objects(tmp_path: Path, suffix: str) -> None:
    items: list[object] = ["Anna", {"Name": "Bo", "sex": "M", "locales": ["de_DE"]}, "Cy\0"]
    lines = "\n".join(map(json.dumps, items)) + "\n\n"
    data = json.dumps(items) if suffix == "json" else lines
    names = read_file(written(tmp_path / f"n.{suffix}", data))
    assert names.strings == ["Anna", "Bo"]
    assert names.table["gender"].to_pylist() == [None, "M"]
    assert names.table["locales"].to_pylist() == [[], ["de_DE"]]
    assert names.dropped == (Dropped("control character", 1, ("Cy<U+0000>",)),)


def test_a_corpus_comes_back_from_parquet_and_json_as_it_was(tmp_path: Path) -> None:
    pq.write_table(FULL.table, tmp_path / "n.parquet")
    assert read_file(tmp_path / "n.parquet").table.equals(FULL.table)
    written(tmp_path / "n.json", json.dumps(FULL.table.to_pylist()))
    assert read_file(tmp_path / "n.json").table.equals(FULL.table)


def test_parquet_of_another_hand(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": [1, 2, 3],
            "person": pa.array(["Anna", "Bo", "Anna"]).dictionary_encode(),
            "title": pa.array(["a", "b", "c"], pa.large_string()),
            "Sex": ["female", "M", None],
            "count": pa.array([1.0, 2.0, None]),
        }
    )
    pq.write_table(table, tmp_path / "n.parquet")
    names = read_file(tmp_path / "n.parquet")
    assert names.strings == ["Anna", "Bo"]
    assert names.table["gender"].to_pylist() == ["F", "M"]
    assert names.table["count"].to_pylist() == [1, 2]


@pytest.mark.long
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("Zzyüx\n".encode("cp1252"), r"byte 0xfc at offset 3; it may be WINDOWS-1252.*iconv"),
        ("\ufeffAn\n".encode() + b"\x81", r"byte 0x81 at offset 6; it may be ISO-8859-1"),
        ("Anna".encode("utf-16")[:-1], "begins as UTF-16 but is damaged at byte"),
        ("Anna\n".encode("utf-16-le"), "holds a NUL byte at offset 1"),
        (b"Anna\nB\0o\n", r"n\.txt holds a NUL byte at offset 6"),
        (b"Anna\n" + b"x" * 1_000_000, "holds a name of 1,000,000 characters"),
    ],
)
def test_bytes_that_are_no_list_of_names(tmp_path: Path, data: bytes, message: str) -> None:
    path = written(tmp_path / "n.txt", data)
    with pytest.raises(CorpusError, match=message) as caught:
        read_file(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("n.csv", "", "has no row below its header"),
        ("n.csv", "name,count\n\n", "has no row below its header"),
        ("n.csv", 'name\n"Anna\n', r"line 2: not a table of cells .*Mend the quotes"),
        ("n.csv", "name\n" + "x" * 200_000, "holds a name of 200,000 characters"),
        ("n.json", "", "is not JSON"),
        ("n.json", '["Anna"', "is not JSON"),
        ("n.json", "[" * 100_000, "is nested more than 64 levels deep"),
        ("n.json", '{"names": "Anna"}', "must hold a list.*an object with the keys names"),
        ("n.yaml", "a: [b", "is not YAML"),
        ("n.yaml", "a: &x [b]\nc: *x\n", "has an alias"),
        ("n.csv.gz", "name\n", "is damaged or not gzip"),
        ("n.xlsx", "PK", "Save the sheet as CSV"),
        ("n.json", '"Anna"', "must hold a list of names.*got a text"),
        ("n.json", '["Anna", ["Bo"]]', "item 2 must be a name or an object.*got a list"),
        ("n.json", '[{"a": 1}]', "no title says which column holds names.*'a', holds numbers"),
        ("n.jsonl", '"Anna"\n{"name": \n', "line 2 is not JSON"),
        ("n.jsonl", '"Anna"\n7\n', "line 2 must be a name.*got a number"),
        ("n.parquet", "PAR1", "is damaged, cut short or not Parquet"),
        ("n.parquet", "", "is damaged, cut short or not Parquet"),
        ("n.docx", "Anna", r"has none of the suffixes .txt, .csv.*Rename it"),
        ("n.zip", "PK", "Unpack it and name the file in it"),
    ],
)
def test_files_of_the_wrong_shape(tmp_path: Path, name: str, data: str, message: str) -> None:
    path = written(tmp_path / name, data)
    with pytest.raises(CorpusError, match=message) as caught:
        read_file(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).count("\n") < 2


def test_a_parquet_cut_in_half_and_one_without_texts(tmp_path: Path) -> None:
    pq.write_table(FULL.table, tmp_path / "n.parquet")
    data = (tmp_path / "n.parquet").read_bytes()
    written(tmp_path / "cut.parquet", data[: len(data) // 2])
    with pytest.raises(CorpusError, match=r"cut\.parquet is damaged, cut short"):
        read_file(tmp_path / "cut.parquet")
    hurt = bytearray(data)
    hurt[4:60] = b"\xff" * 56
    with pytest.raises(CorpusError, match="is damaged, cut short"):
        read_file(written(tmp_path / "hurt.parquet", bytes(hurt)))
    pq.write_table(pa.table({"id": [1]}), tmp_path / "id.parquet")
    with pytest.raises(CorpusError, match=r"has no column of texts\. Give it a column 'name'"):
        read_file(tmp_path / "id.parquet")


def test_reading_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "MAX_BYTES", 10)
    with pytest.raises(CorpusError, match="holds 11 bytes; at most 10 are read"):
        read_file(written(tmp_path / "n.txt", "x" * 11))
    monkeypatch.undo()
    monkeypatch.setattr(files, "_MAX_ROWS", 1)
    pq.write_table(FULL.table, tmp_path / "n.parquet")
    with pytest.raises(CorpusError, match="declares 2 rows; at most 1 are read"):
        read_file(tmp_path / "n.parquet")


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"gone\.txt cannot be read: No such file.*Check"):
        read_file(tmp_path / "gone.txt")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(CorpusError, match="is not a file"):
        read_file(tmp_path / "folder.csv")
    with pytest.raises(CorpusError, match="cannot be read"):
        read_file(tmp_path / ("x" * 300 + ".txt"))
    with pytest.raises(CorpusError, match="cannot be read"):
        read_file(tmp_path / "a\0b.txt")
