"""Exports read back by other readers, and refusals that leave nothing behind."""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from namebasis.encoders.specs import without_folders
from namebasis.errors import FilterError, SpaceError
from namebasis.namespace.corpus.sources import read_names
from namebasis.namespace.export import file_formats
from namebasis.namespace.export.subset import export
from namebasis.space import Space


def names_of(space: Space, where: str | None = None) -> list[str]:
    return [str(name) for name in space.table(["name"], where=where)["name"].to_pylist()]


def csv_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


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


def test_what_a_spreadsheet_would_run_is_written_as_it_is_and_said(tmp_path: Path) -> None:
    names = ["=x", "+A", "@b", "Anna"]
    table = pa.table({"name": names, "pieces": [["="], [], None, ["anna"]], "n": [-1, 0, 1, 2]})
    told = file_formats.formula_note(table)
    assert told is not None
    assert told.startswith("3 texts begin as a formula does, such as '=x'")
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as stream:
        file_formats.write_cells(table, stream, ",")
    assert [row[0] for row in csv_of(tmp_path / "a.csv")] == ["name", *names]
    assert read_names(tmp_path / "a.csv").strings == names
    harmless = pa.table({"name": ["-", "-1.5", "+2e3", "Anna-Lena", None], "n": [-1, 0, 1, 2, 3]})
    assert file_formats.formula_note(harmless) is None


@pytest.mark.parametrize("format", ["csv", "tsv", "txt"])
def test_a_byte_order_mark_tells_excel_that_it_is_utf_8(
    format: str, space: Space, tmp_path: Path
) -> None:
    plain, marked = tmp_path / f"a.{format}", tmp_path / f"b.{format}"
    export(space, plain, where="name = 'Zoë'")
    export(space, marked, where="name = 'Zoë'", bom=True)
    assert marked.read_bytes() == codecs.BOM_UTF8 + plain.read_bytes()
    assert "Zoë" in marked.read_text("utf-8-sig")
    assert read_names(marked).strings == ["Zoë"]
    stream = io.BytesIO()
    export(space, stream, format=format, where="name = 'Zoë'", bom=True)
    assert stream.getvalue() == marked.read_bytes()
    with pytest.raises(ValueError, match=r"bom must go with csv, tsv, txt; got format 'json'\."):
        export(space, tmp_path / "c.json", bom=True)
    assert not (tmp_path / "c.json").exists()


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
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / "a.txt"
    path.write_text("old")
    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        export(space, path, overwrite=True)
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_columns_order_and_limit_are_the_tables(space: Space, tmp_path: Path) -> None:
    options = {"where": "part = 'given'", "order_by": "count desc", "limit": 7}
    done = export(space, tmp_path / "a.csv", columns=["count", "name"], **options)
    read = csv_of(tmp_path / "a.csv")
    expected = space.table(["count", "name"], **options)
    assert read[0] == ["count", "name"]
    assert read[1:] == [[str(n), name] for n, name in zip(*expected.to_pydict().values(),
                                                         strict=True)]  # fmt: skip
    assert done.n_rows == 7


def test_numbers_keep_their_short_form_and_nan_becomes_null(tmp_path: Path, space: Space) -> None:
    n = len(space)
    metric = pa.table(
        {
            "id": pa.array(range(n), pa.int64()),
            "half": pa.array([0.1, float("nan")] + [1.0] * (n - 2), pa.float32()),
            "flag": [True] + [None] * (n - 1),
        }
    )
    space.add_metrics(metric, study="test", parameters={})
    asked = ["name", "half", "flag", "locales"]
    export(space, tmp_path / "a.csv", columns=asked, limit=2)
    assert csv_of(tmp_path / "a.csv")[1:] == [
        ["Vicki", "0.1", "true", "en_US"],
        ["King", "nan", "", "en_US"],
    ]
    export(space, tmp_path / "a.jsonl", columns=asked, limit=2)
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines[0] == '{"name": "Vicki", "half": 0.1, "flag": true, "locales": ["en_US"]}'
    assert json.loads(lines[1])["half"] is None


def test_parquet_says_what_it_was_made_from(space: Space, tmp_path: Path) -> None:
    export(space, tmp_path / "a.parquet", where="part = 'family'", views=["text", "token"])
    read = pq.read_table(tmp_path / "a.parquet")
    ids = space.ids("part = 'family'")
    assert read["id"].to_pylist() == ids.tolist()
    for view in ("text", "token"):
        np.testing.assert_array_equal(np.stack(read[view].to_numpy()), space.vectors(view, ids=ids))
    facts = json.loads(read.schema.metadata[b"namebasis"])
    assert facts["encoder"] == "fake"
    assert facts["where"] == "part = 'family'"


def test_a_local_encoder_is_named_without_its_place() -> None:
    assert without_folders("hf:/home/me/models/clip") == "hf:clip"
    assert without_folders("open_clip:ViT-B-32/openai") == "open_clip:ViT-B-32/openai"
    assert without_folders("open_clip:ViT-B-32@/home/me/w.pt") == "open_clip:ViT-B-32@w.pt"
    added = "sd:/home/me/a.safetensors#text_encoder+lora:/home/me/b.safetensors:0.8"
    assert without_folders(added) == "sd:a.safetensors#text_encoder+lora:b.safetensors:0.8"


def test_npy_holds_the_vectors_in_the_rows_order(space: Space, tmp_path: Path) -> None:
    done = export(space, tmp_path / "a.npy", views=["text"], order_by="name desc", limit=9)
    ids = space.table(["id"], order_by="name desc", limit=9)["id"].to_numpy()
    read = np.load(tmp_path / "a.npy", allow_pickle=False)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, space.vectors(ids=ids))
    assert done.n_rows == 9


def test_npy_holds_the_text_view_by_default(space: Space, tmp_path: Path) -> None:
    export(space, tmp_path / "a.npy")
    read = np.load(tmp_path / "a.npy", allow_pickle=False)
    np.testing.assert_array_equal(read, space.vectors("text"))


def test_wildcards_is_taken_as_help_reads_it(space: Space, tmp_path: Path) -> None:
    for suffix, format in ((".txt", "a1111"), (".yaml", "dynamicprompts")):
        export(space, tmp_path / f"a{suffix}", format="wildcards")
        export(
            space, tmp_path / f"b{suffix}", format=format, key="a" if suffix == ".yaml" else None
        )
        assert (tmp_path / f"a{suffix}").read_text() == (tmp_path / f"b{suffix}").read_text()


def test_wildcards_by_column_are_a_folder_with_a_file_for_each_value(
    space: Space, tmp_path: Path
) -> None:
    done = export(space, tmp_path / "w", format="wildcards", by=["gender", "locales"])
    files = {p.relative_to(tmp_path / "w").as_posix(): p for p in (tmp_path / "w").rglob("*.txt")}
    table = space.table(["name", "gender", "locales"]).to_pylist()
    wanted = {f"gender/{row['gender']}.txt" for row in table if row["gender"]}
    wanted |= {f"locales/{one}.txt" for row in table for one in row["locales"]}
    assert set(files) == wanted
    women = {row["name"] for row in table if row["gender"] == "F"}
    assert set(files["gender/F.txt"].read_text(encoding="utf-8").splitlines()) == women
    assert f"{len(files)} files" in done.headline()
    export(space, tmp_path / "w", by=["gender"], overwrite=True)
    assert sorted(os.listdir(tmp_path / "w")) == ["gender"]


def test_vectors_in_json_come_back_bit_for_bit(space: Space, tmp_path: Path) -> None:
    export(space, tmp_path / "a.json", columns=["name"], views=["text"], limit=3)
    rows = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    read = np.array([row["text"] for row in rows], dtype=np.float32)
    np.testing.assert_array_equal(read, space.vectors(ids=[0, 1, 2]))


class TestDatasets:
    def test_the_shards_hold_the_subset(
        self, space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(file_formats, "_SHARD_BYTES", 4_000)
        done = export(space, tmp_path / "set", format="datasets", columns=["id", "name"],
                      views=["text"])  # fmt: skip
        shards = sorted((tmp_path / "set" / "data").iterdir())
        assert len(shards) > 1
        assert [s.name for s in shards][-1] == (
            f"train-{len(shards) - 1:05d}-of-{len(shards):05d}.parquet"
        )
        read = pa.concat_tables(pq.read_table(shard) for shard in shards)
        assert read["id"].to_pylist() == list(range(len(space)))
        np.testing.assert_array_equal(np.stack(read["text"].to_numpy()), space.vectors())
        assert done.n_rows == len(space)

    def test_the_card_is_yaml_and_text(self, space: Space, tmp_path: Path) -> None:
        yaml = pytest.importorskip("yaml")
        export(space, tmp_path / "set", format="datasets", where="part = 'given'")
        text = (tmp_path / "set" / "README.md").read_text(encoding="utf-8")
        _, head, body = text.split("---\n", 2)
        card = yaml.safe_load(head)
        assert card["configs"][0]["data_files"][0]["path"] == "data/train-*.parquet"
        assert card["size_categories"] == ["n<1K"]
        assert "| `name` | string |" in body
        assert str(tmp_path) not in text

    def test_the_library_loads_the_folder(self, space: Space, tmp_path: Path) -> None:
        datasets = pytest.importorskip("datasets")
        export(space, tmp_path / "set", format="datasets", views=["text"])
        read = datasets.load_dataset(
            str(tmp_path / "set"), split="train", cache_dir=str(tmp_path / "cache")
        )
        assert read["name"][:] == names_of(space)
        np.testing.assert_allclose(np.array(read[0]["text"]), space.vectors(ids=[0])[0])

    def test_only_an_export_is_overwritten(self, space: Space, tmp_path: Path) -> None:
        target = tmp_path / "set"
        export(space, target, format="datasets")
        with pytest.raises(SpaceError, match="already exists"):
            export(space, target, format="datasets")
        export(space, target, format="datasets", limit=3, overwrite=True)
        assert pq.read_table(target / "data").num_rows == 3
        (target / "thesis.docx").write_text("years of work")
        with pytest.raises(SpaceError, match="holds other files"):
            export(space, target, format="datasets", overwrite=True)
        assert (target / "thesis.docx").exists()
        assert sorted(p.name for p in tmp_path.iterdir()) == ["a.space", "set"]


class TestStreams:
    def test_text_goes_to_any_stream_and_leaves_it_open(self, space: Space) -> None:
        for stream in (io.StringIO(), io.BytesIO()):
            done = export(space, stream, columns=["name"], limit=5)
            said = stream.getvalue()
            text = said if isinstance(said, str) else said.decode()
            assert text.splitlines() == ["name", *names_of(space)[:5]]
            assert (done.path, done.format) == ("-", "csv")

    def test_stdout_is_utf_8_whatever_the_locale(
        self, space: Space, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        raw = io.BytesIO()
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
        export(space, "-", where="name = 'Zoë'")
        assert raw.getvalue() == "Zoë\n".encode()

    def test_binary_formats_need_a_binary_stream(self, space: Space) -> None:
        stream = io.BytesIO()
        export(space, stream, format="parquet")
        stream.seek(0)
        assert pq.read_table(stream)["name"].to_pylist() == names_of(space)
        with pytest.raises(ValueError, match="parquet is binary"):
            export(space, io.StringIO(), format="parquet")
        with pytest.raises(ValueError, match="datasets is a folder"):
            export(space, stream, format="datasets")


class TestPlaces:
    def test_a_link_stays_a_link(self, space: Space, tmp_path: Path) -> None:
        real, link = tmp_path / "real.txt", tmp_path / "link.txt"
        real.write_text("old")
        link.symlink_to(real)
        export(space, link, limit=1, overwrite=True)
        assert link.is_symlink()
        assert real.read_text(encoding="utf-8") == "Vicki\n"

    def test_what_is_no_plain_file_is_never_replaced(self, space: Space, tmp_path: Path) -> None:
        (tmp_path / "a.txt").mkdir()
        with pytest.raises(SpaceError, match="a folder of that name"):
            export(space, tmp_path / "a.txt", overwrite=True)
        os.mkfifo(tmp_path / "b.txt")
        with pytest.raises(SpaceError, match="not a plain file"):
            export(space, tmp_path / "b.txt", overwrite=True)

    def test_a_new_file_has_the_usual_rights(self, space: Space, tmp_path: Path) -> None:
        (tmp_path / "other").touch()
        export(space, tmp_path / "a.txt")
        assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "other").stat().st_mode


class TestWildcardExports:
    def test_weights_come_from_a_column(self, space: Space, tmp_path: Path) -> None:
        yaml = pytest.importorskip("yaml")
        done = export(space, tmp_path / "my names.yaml", weight="count", where="id < 5")
        read = yaml.safe_load((tmp_path / "my names.yaml").read_text(encoding="utf-8"))
        # King is a given and a family name: one value with both counts. Zoë has no count.
        assert read == {"my-names": ["10::Vicki", "50::King", "5::O'Brien"]}
        assert (done.format, done.n_rows) == ("dynamicprompts", 3)
        assert [(d.reason, d.count, d.examples) for d in done.dropped] == [
            ("comes again", 1, ("King",)),
            ("has no weight above 0", 1, ("Zoë",)),
        ]

    def test_what_is_left_out_is_logged(
        self, space: Space, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        export(space, tmp_path / "a.txt", format="impact", where="name = 'King'")
        assert "1 names left out" in caplog.text
        assert "comes again (King)" in caplog.text

    def test_the_key_is_the_callers(self, space: Space, tmp_path: Path) -> None:
        export(space, tmp_path / "a.yaml", format="impact", key="people/all", limit=1)
        text = (tmp_path / "a.yaml").read_text(encoding="utf-8")
        assert text == '"people/all":\n  - "Vicki"\n'


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"path": "a.docx"}, ValueError, r"'a.docx' is not one of: txt, csv.* or wildcards\. "),
        ({"path": "a", "format": "xls"}, ValueError, r"format 'xls' is not one of"),
        ({"path": "a.csv", "columns": ["colour"]}, ValueError, r"no column colour; there are: id"),
        ({"path": "a.csv", "columns": []}, ValueError, r"no column given"),
        ({"path": "a.csv", "columns": ["text"]}, ValueError, r"vectors do not fit into lines"),
        ({"path": "a.csv", "where": "name = 'nobody'"}, SpaceError, r"no name is left"),
        ({"path": "a.csv", "columns": "name"}, ValueError, r"columns must be a list"),
        ({"path": "a.csv", "columns": ["name", "name"]}, ValueError, r"differ from each other"),
        ({"path": "a.txt", "columns": ["part"]}, ValueError, r"txt takes no columns"),
        ({"path": "a.txt", "views": ["text"]}, ValueError, r"vectors go to json"),
        ({"path": "a.json", "views": ["image"]}, ValueError, r"no view image; there are: text"),
        ({"path": "a.json", "views": "text"}, ValueError, r"views must be a list"),
        ({"path": "a.npy", "views": ["text", "token"]}, ValueError, r"one view; got text, token"),
        ({"path": "w", "by": ["gendre"]}, ValueError, r"Did you mean 'gender'\?"),
        ({"path": "w", "by": ["gender"], "format": "csv"}, ValueError, r"by is for wildcards"),
        ({"path": "-", "by": ["gender"]}, ValueError, r"by makes a folder"),
        ({"path": "a.csv", "limit": 0}, ValueError, r"limit must be an integer, at least 1"),
        ({"path": "a.csv", "where": "colour = 1"}, FilterError, r"colour"),
        ({"path": "a.csv", "weight": "count"}, ValueError, r"weight is for dynamicprompts"),
        ({"path": "a.yaml", "weight": "size"}, ValueError, r"no column size; there are: id"),
        ({"path": "a.yaml", "weight": "gender"}, ValueError, r"must be a number column; 'gender'"),
        ({"path": "a.yaml", "weight": "weight"}, ValueError, r"none of 60 names can be written"),
        ({"path": "a.csv", "key": "x"}, ValueError, r"key is for wildcards"),
        ({"path": "a.csv", "format": "a1111"}, ValueError, r"a1111 reads .txt files"),
        ({"path": "my names.txt", "format": "a1111"}, ValueError, r"Call the file my-names.txt"),
        ({"path": "a.yaml", "key": "a b"}, ValueError, r"key must be letters"),
        ({"path": "no/a.csv"}, SpaceError, r"there is no folder no"),
        ({"path": "old.csv"}, SpaceError, r"old.csv already exists"),
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
