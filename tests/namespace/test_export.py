"""Exports read back by other readers, and refusals that leave nothing behind."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from namebasis.errors import SpaceError
from namebasis.namespace.export import export
from namebasis.namespace.sources import read_names
from namebasis.namespace.space import Space


def names_of(space: Space, where: str | None = None) -> list[str]:
    return [str(name) for name in space.table(["name"], where=where)["name"].to_pylist()]


def test_txt_holds_the_filtered_names_in_order(space: Space, tmp_path: Path) -> None:
    done = export(space, tmp_path / "a.txt", where="part = 'given'")
    lines = (tmp_path / "a.txt").read_text(encoding="utf-8").splitlines()
    assert lines == names_of(space, "part = 'given'")
    assert (done.n_rows, done.format) == (len(lines), "txt")


@pytest.mark.parametrize(("suffix", "separator"), [("csv", ","), ("tsv", "\t")])
def test_flat_files_join_lists_and_leave_births_out(
    suffix: str, separator: str, space: Space, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{suffix}"
    export(space, path)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=separator))
    assert [row["name"] for row in rows] == names_of(space)
    assert "births" not in rows[0]
    assert "text" not in rows[0]
    zoe = next(row for row in rows if row["name"] == "Zoë")
    assert zoe["locales"] == "fr_FR|nl_NL"


@pytest.mark.parametrize("suffix", ["csv", "tsv", "json", "jsonl", "parquet"])
def test_an_export_is_a_source_of_the_same_names(suffix: str, space: Space, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    export(space, path)
    again = read_names(path).table
    before = space.table(["name", "part", "gender", "locales", "count"])
    for column in ("name", "part", "gender", "locales", "count"):
        assert again[column].to_pylist() == before[column].to_pylist()


def test_json_and_jsonl_say_the_same(space: Space, tmp_path: Path) -> None:
    export(space, tmp_path / "a.json", columns=["name", "count"], limit=5)
    export(space, tmp_path / "a.jsonl", columns=["name", "count"], limit=5)
    rows = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    assert rows == [json.loads(line) for line in lines]
    assert len(rows) == 5


def test_vectors_go_along_on_request(space: Space, tmp_path: Path) -> None:
    export(space, tmp_path / "a.parquet", columns=["name", "text"])
    stored = np.stack(pq.read_table(tmp_path / "a.parquet")["text"].to_pylist())
    np.testing.assert_array_equal(stored.astype(np.float32), space.vectors("text"))


def test_stdout_gets_the_names(space: Space, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    export(space, "-", limit=2)
    assert capfdbinary.readouterr().out.decode().splitlines() == names_of(space)[:2]


def test_a_failed_write_leaves_the_old_file_and_no_other(
    space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from namebasis.namespace import export as module

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / "a.txt"
    path.write_text("old")
    monkeypatch.setitem(module.__dict__["_WRITERS"], "txt", full_disk)
    with pytest.raises(OSError, match="No space left"):
        export(space, path, overwrite=True)
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"path": "a.docx"}, ValueError, r"'a.docx' is not one of: txt, csv"),
        ({"path": "a", "format": "xls"}, ValueError, r"format 'xls' is not one of"),
        ({"path": "a.csv", "columns": ["colour"]}, ValueError, r"no column colour; there are: id"),
        ({"path": "a.csv", "columns": []}, ValueError, r"no column given"),
        ({"path": "a.csv", "columns": ["text"]}, ValueError, r"vectors do not fit into lines"),
        ({"path": "a.csv", "where": "name = 'nobody'"}, SpaceError, r"no name is left"),
        ({"path": "no/a.csv"}, SpaceError, r"there is no folder no"),
        ({"path": "old.csv"}, SpaceError, r"old.csv is there already"),
    ],
)
def test_refusals_write_nothing(
    arguments: dict[str, object], kind: type[Exception], message: str,
    space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    place = tmp_path / "out"
    place.mkdir()
    monkeypatch.chdir(place)
    (place / "old.csv").write_text("old")
    with pytest.raises(kind, match=message):
        export(space, **arguments)  # type: ignore[arg-type]
    assert [p.read_text() for p in place.iterdir()] == ["old"]
