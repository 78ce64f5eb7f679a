"""Layouts of image folders as people have them, each with the names it is of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from namebasis.encoders import image_files
from namebasis.encoders.image_files import SUFFIXES
from namebasis.encoders.image_plugins import JXL
from namebasis.errors import EncoderError
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.corpus.image_labels import (
    find_labels,
    label_images,
    names_of,
    spellings,
)

STORED = ("Vicki Lawrence", "Winona", "George W Bush", "Anne-Marie", "José", "May")


def find(names: Sequence[str]) -> list[int | None]:
    rows = {fold(name): row for row, name in enumerate(STORED)}
    return [rows.get(fold(name)) for name in names]


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def found(root: Path) -> dict[str, str | None]:
    """Path below the root, and the stored name or None."""
    read = label_images(root, find)
    rows = find_labels(read.labels, find)
    return {
        file.relative_to(root).as_posix(): None if rows[label] is None else STORED[rows[label]]
        for file, label in zip(read.files, read.labels, strict=True)
    }


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("Vicki Lawrence/0.jpg", "Vicki Lawrence"),
        ("Vicki_Lawrence/Vicki_Lawrence_0001.jpg", "Vicki Lawrence"),
        ("Vicki_Lawrence_0001.jpg", "Vicki Lawrence"),
        ("Vicki Lawrence (1).jpg", "Vicki Lawrence"),
        ("vicki-lawrence-1.jpg", "Vicki Lawrence"),
        ("VICKI_LAWRENCE.JPG", "Vicki Lawrence"),
        ("train/Vicki Lawrence/0.jpg", "Vicki Lawrence"),
        ("data/images/val/vicki_lawrence/0.png", "Vicki Lawrence"),
        ("Vicki Lawrence/2020/may/0.jpg", "Vicki Lawrence"),
        ("Vicki_Lawrence-0123abcd/000.png", "Vicki Lawrence"),
        ("George_W_Bush/George_W_Bush_0001.jpg", "George W Bush"),
        ("Anne-Marie/1.webp", "Anne-Marie"),
        ("Anne-Marie_2.webp", "Anne-Marie"),
        ("jose/1.jpg", "José"),
        ("Jose\u0301/1.jpg", "José"),
        ("train/Nobody Known/1.jpg", None),
        ("00000/000000000.jpg", None),
    ],
)
def test_a_path_says_whose_image_it_is(path: str, name: str | None, tmp_path: Path) -> None:
    assert found(tree(tmp_path, path)) == {path: name}


def test_one_level_of_the_tree_holds_the_names(tmp_path: Path) -> None:
    """A folder below the names that happens to be called like one does not take its images."""
    tree(tmp_path, "Winona/May/1.jpg", "Winona/June/1.jpg", "José/May/1.jpg")
    assert set(found(tmp_path).items()) == {
        ("Winona/May/1.jpg", "Winona"), ("Winona/June/1.jpg", "Winona"), ("José/May/1.jpg", "José"),
    }  # fmt: skip


def test_flat_files_and_folders_together(tmp_path: Path) -> None:
    tree(tmp_path, "Winona_01.jpg", "José/1.jpg", "other/2.jpg")
    assert found(tmp_path) == {"Winona_01.jpg": "Winona", "José/1.jpg": "José", "other/2.jpg": None}


def test_metadata_beside_the_images_comes_first(tmp_path: Path) -> None:
    tree(tmp_path, "train/1.jpg", "train/2.jpg", "Winona/3.jpg")
    rows = [{"file_name": "1.jpg", "label": "José"}, {"file_name": "2.jpg", "label": "winona"}]
    text = "\n".join(json.dumps(row) for row in rows)
    (tmp_path / "train" / "metadata.jsonl").write_text(text, encoding="utf-8")
    assert found(tmp_path) == {"train/1.jpg": "José", "train/2.jpg": "Winona",
                               "Winona/3.jpg": "Winona"}  # fmt: skip
    notes = label_images(tmp_path, find).notes
    assert notes == ("2 images have the names that metadata files beside them give",)


def test_a_caption_beside_an_image_names_it(tmp_path: Path) -> None:
    tree(tmp_path, "00000/000000000.jpg", "00000/000000001.jpg")
    (tmp_path / "00000" / "000000000.txt").write_text("Winona\n", encoding="utf-8")
    (tmp_path / "00000" / "000000001.txt").write_text("a street at night", encoding="utf-8")
    assert found(tmp_path) == {"00000/000000000.jpg": "Winona", "00000/000000001.jpg": None}


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("George_W_Bush", "George W. Bush"),
        ("George W. Bush", "George W Bush"),
        ("J_R_R_Tolkien_0001", "J. R. R. Tolkien"),
        ("Robert_Downey_Jr", "Robert Downey Jr."),
        ("robert-downey-jr.", "robert downey jr"),
        ("St_Vincent", "St. Vincent"),
    ],
)
def test_a_full_stop_may_be_left_out(label: str, name: str) -> None:
    assert name in spellings(label)
    assert "Vicki L. awrence" not in spellings("Vicki_Lawrence")


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_a_table_names_images_anywhere(suffix: str, tmp_path: Path) -> None:
    tree(tmp_path, "a/1.jpg", "a/2.jpg")
    table = tmp_path / f"faces{suffix}"
    rows = [("a/1.jpg", "Winona"), ("a/2.jpg", "José"), ("a/3.txt", "May"), ("a/4.jpg", "")]
    if suffix == ".parquet":
        paths, names = zip(*rows, strict=True)
        pq.write_table(pa.table({"path": paths, "extra": [[1]] * 4, "name": names}), table)
    elif suffix == ".jsonl":
        table.write_text("\n".join(json.dumps({"path": p, "name": n}) for p, n in rows))
    else:
        cut = "\t" if suffix == ".tsv" else ","
        table.write_text("\n".join(cut.join(row) for row in [("path", "name"), *rows]))
    read = label_images(table, find)
    assert [file.name for file in read.files] == ["1.jpg", "2.jpg"]
    assert read.labels == ("Winona", "José")
    assert read.n_matched == 2
    assert read.notes == (
        f"faces{suffix}: column 'name' names the images of 'path'",
        "2 of 4 rows have no name or no image file; left out",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "url,name\na,b\n",
            r"has no column of paths \(file_name, path …\); its columns are url",
        ),
        ("path,size\na.jpg,3\n", r"has no column of names \(name, label …\)"),
        ("path,name\n", r"t\.csv: lists no picture; it has no rows"),
        ("path,name\na.txt,Winona\n", r"lists no image file with a name"),
    ],
)
def test_tables_that_name_no_image_are_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(EncoderError, match=message):
        label_images(tmp_path / "t.csv", find)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_table_may_be_separated_otherwise(separator: str, tmp_path: Path) -> None:
    tree(tmp_path, "a/1.jpg", "a/2.jpg")
    rows = [("name", "file"), ("Winona", "a/1.jpg"), ("José", "a/2.jpg")]
    table = tmp_path / "faces.csv"
    table.write_text("\n".join(separator.join(row) for row in rows), encoding="utf-8")
    assert label_images(table, find).labels == ("Winona", "José")


def test_a_table_may_come_from_another_system(tmp_path: Path) -> None:
    tree(tmp_path, "a/1.jpg", "a/b\\2.jpg")
    table = tmp_path / "faces.csv"
    table.write_text("photo_file_name,name\na\\1.jpg,Winona\na/b\\2.jpg,José\n", encoding="utf-8")
    read = label_images(table, find)
    assert [file.relative_to(tmp_path).as_posix() for file in read.files] == [
        "a/1.jpg",
        "a/b\\2.jpg",
    ]


@pytest.mark.parametrize("form", ["bytes", "image"])
def test_no_vectors_go_with_images_inside_a_table(form: str, tmp_path: Path) -> None:
    cell = b"x" if form == "bytes" else {"bytes": b"x", "path": "1.jpg"}
    pq.write_table(pa.table({"image": [cell], "name": ["Winona"]}), tmp_path / "t.parquet")
    with pytest.raises(EncoderError, match="'image' holds images, not paths, so no vec"):
        label_images(tmp_path / "t.parquet", find, is_listed=True)
    beside = pa.table({"image": [cell], "image_path": ["a.jpg"], "name": ["Winona"]})
    pq.write_table(beside, tmp_path / "t.parquet")
    assert label_images(tmp_path / "t.parquet", find, is_listed=True).labels == ("Winona",)


def test_what_is_no_archive_that_can_be_read_in_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "00000.tar").touch()
    with pytest.raises(EncoderError, match=r"00000\.tar: no tar archive \(empty file\)"):
        label_images(tmp_path / "00000.tar", find)
    (tmp_path / "00000.tar.gz").touch()
    with pytest.raises(EncoderError, match=r"00000\.tar\.gz is not a folder; unpack it and give"):
        label_images(tmp_path / "00000.tar.gz", find)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.tar", r"nowhere\.tar does not exist; give a folder, a tar archive or a table of"),
        ("n.txt", r"n\.txt is not a folder, a tar archive or a table of images \(\.csv, "),
    ],
)
def test_what_is_no_source_is_named(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "n.txt").touch()
    with pytest.raises(EncoderError, match=message):
        label_images(tmp_path / name, find)


def test_pictures_of_kinds_that_are_not_read_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path, "Winona/a.PSD", "Winona/b.psd", "Winona/c.svg", "Winona/d.JPG", "Winona/e.jxl")
    monkeypatch.setattr(image_files, "missing", lambda: {".jxl": JXL})
    monkeypatch.setattr(image_files, "SUFFIXES", frozenset((".jpg",)))
    assert label_images(tmp_path, find).notes == (
        "1 .jxl file is left out; pip install pillow-jxl-plugin to use them",
        "2 .psd files are left out; convert to jpg or png to use them",
        "1 .svg file is left out; convert to jpg or png to use them",
    )
    assert ".jfif" in SUFFIXES


def test_labels_become_names() -> None:
    assert names_of(["vicki_lawrence", "Ann_Lee", "Jose\u0301 B"], find) == {
        "vicki_lawrence": "vicki lawrence", "Ann_Lee": "Ann Lee", "Jose\u0301 B": "José B",
    }  # fmt: skip
    assert spellings("O_Brien-2")[:2] == ["O_Brien-2", "O Brien-2"]
