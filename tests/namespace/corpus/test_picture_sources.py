"""Pictures as tools publish them: webdataset, img2dataset, Hugging Face's image folders."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from namebasis.encoders.image_archives import archive_of, digest_of_picture, is_there
from namebasis.encoders.images import open_image
from namebasis.errors import EncoderError
from namebasis.namespace.corpus.image_labels import LabelledImages, label_images
from namebasis.namespace.corpus.pictures.sayings import sample_key
from namebasis.reading import digest_of
from tests.namespace.corpus.test_image_labels import find


def picture(colour: tuple[int, int, int] = (200, 10, 10), kind: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(stream, kind)
    return stream.getvalue()


def packed(path: Path, files: Mapping[str, bytes | str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def labels(source: Path) -> dict[str, str]:
    read = label_images(source, find)
    root = source
    pairs = zip(read.files, read.labels, strict=True)
    return {file.relative_to(root).as_posix(): label for file, label in pairs}


def reasons(read: LabelledImages) -> dict[str, str]:
    return {Path(one.path).name: one.reason for one in read.failures}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("0001.jpg", "0001"),
        ("0001.input.jpg", "0001"),
        ("a/b.c/d.e.jpg", "a/b.c/d"),
        ("noending", None),
        ("a/.hidden", None),
    ],
)
def test_a_sample_is_what_begins_alike_up_to_the_first_full_stop(
    name: str, key: str | None
) -> None:
    assert sample_key(name) == key


def test_a_webdataset_says_whose_its_pictures_are(tmp_path: Path) -> None:
    tar = packed(
        tmp_path / "shards" / "00000.tar",
        {
            "0.jpg": picture(), "0.json": json.dumps({"caption": "a street", "name": "Winona"}),
            "1.jpg": picture(), "1.txt": "José\n",
            "2.png": picture(kind="PNG"), "2.cls": "1",
            "3.jpg": picture(), "3.cls": "Anne-Marie",
            "4.input.jpg": picture(), "4.json": json.dumps({"label": 3, "caption": "May"}),
            "5.jpg": picture(), "5.json": "{broken", "5.txt": "a street at night",
            "./Winona/6.jpg": picture(), "readme.md": "no picture",
        },
    )  # fmt: skip
    (tmp_path / "classnames.txt").write_text("cat\nVicki Lawrence\n", encoding="utf-8")
    assert labels(tar) == {
        "0.jpg": "Winona", "1.jpg": "José", "2.png": "Vicki Lawrence", "3.jpg": "Anne-Marie",
        "4.input.jpg": "May", "5.jpg": "a street at night", "Winona/6.jpg": "Winona",
    }  # fmt: skip
    (tmp_path / "classnames.txt").unlink()
    assert labels(tar)["2.png"] == "2"


def test_a_picture_in_an_archive_is_read_where_it_lies(tmp_path: Path) -> None:
    content = picture((10, 200, 10))
    packed(tmp_path / "a" / "00000.tar", {"Winona/1.jpg": content})
    packed(tmp_path / "a" / "sub" / "00001.tar", {"2.jpg": content, "2.txt": "José"})
    (tmp_path / "a" / "May_1.jpg").write_bytes(content)
    assert labels(tmp_path / "a") == {
        "May_1.jpg": "May_1", "00000.tar/Winona/1.jpg": "Winona", "sub/00001.tar/2.jpg": "José",
    }  # fmt: skip
    inside = tmp_path / "a" / "00000.tar" / "Winona" / "1.jpg"
    assert open_image(inside).getpixel((0, 0))[1] > 190  # type: ignore[index]
    assert is_there(inside)
    assert not is_there(inside.with_name("2.jpg"))
    assert digest_of_picture(inside) == digest_of(tmp_path / "a" / "May_1.jpg")
    with pytest.raises(
        EncoderError, match=r"2\.jpg: no image can be read, the file does not exist"
    ):
        open_image(tmp_path / "a" / "00000.tar" / "2.jpg")


def test_nothing_leaves_an_archive_and_what_is_cut_off_is_said(tmp_path: Path) -> None:
    tar = packed(
        tmp_path / "t.tar",
        {
            "Winona/1.jpg": picture(),
            "../../etc/Winona.jpg": picture(),
            "/abs/Winona.jpg": picture(),
        },
    )
    with tarfile.open(tar, "a") as more:
        link = tarfile.TarInfo("Winona/link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        more.addfile(link)
        again = tarfile.TarInfo("Winona/1.jpg")
        more.addfile(again)
        last = tarfile.TarInfo("Winona/last.jpg")
        last.size = 9000
        more.addfile(last, io.BytesIO(b"x" * 9000))
    whole = label_images(tar, find)
    assert [file.name for file in whole.files] == ["1.jpg", "last.jpg"]
    told = {one.path.removeprefix(str(tar)): one.reason for one in whole.failures}
    assert told == {
        "/../../etc/Winona.jpg": "its path leads out of the archive",
        "/abs/Winona.jpg": "its path leads out of the archive",
        "/Winona/link.jpg": "it is a link or a device, not a file",
        "/Winona/1.jpg": "two files of the archive have its path; the first is taken",
    }
    content = tar.read_bytes()
    offset = archive_of(tar).members["Winona/last.jpg"][0]
    for at in (offset + 100, offset - 512, offset - 100):  # in the file, before and in its header
        tar.write_bytes(content[:at])
        cut = label_images(tar, find)
        assert [file.name for file in cut.files] == ["1.jpg"]
        name = "last.jpg" if at > offset else "t.tar"
        assert reasons(cut)[name] == "the archive is cut off"
    tar.write_bytes(content[: offset - 512] + b"garbage!" * 64 + content[offset:])
    assert "it is damaged behind byte" in reasons(label_images(tar, find))["t.tar"]


def rows(path: Path, table: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(table), path)


def test_img2dataset_records_what_it_downloaded(tmp_path: Path) -> None:
    shard = tmp_path / "00000"
    shard.mkdir()
    for key in ("000000000", "000000002", "000000003"):
        (shard / f"{key}.jpg").write_bytes(picture())
        (shard / f"{key}.txt").write_text("a street at night", encoding="utf-8")
        (shard / f"{key}.json").write_text(json.dumps({"name": "May"}), encoding="utf-8")
    record = [
        {"key": "000000000", "status": "success", "caption": "Winona", "url": "https://a/1.jpg"},
        {"key": "000000001", "status": "failed_to_download", "caption": "José", "url": "b"},
        {"key": "000000002", "status": "success", "caption": "a street", "url": "c"},
    ]
    rows(tmp_path / "00000.parquet", record)
    (tmp_path / "00000_stats.json").write_text("{}", encoding="utf-8")
    assert labels(tmp_path) == {
        "00000/000000000.jpg": "Winona",
        "00000/000000002.jpg": "a street",
        "00000/000000003.jpg": "May",  # not in the record, so by its own file
    }
    found = label_images(tmp_path, find)
    note = "00000.parquet: 1 of 3 pictures were not downloaded (failed_to_download)"
    assert note in found.notes
    assert {file.stem: told for file, told in found.beside.items() if told} == {
        "000000000": {"url": "https://a/1.jpg", "caption": "Winona"},
        "000000002": {"url": "c", "caption": "a street"},
        "000000003": {"caption": "a street at night"},  # of its own .txt
    }


def test_a_folder_of_parquet_pictures_and_of_files_gives_both(tmp_path: Path) -> None:
    inside = [
        {"image": {"bytes": picture(), "path": None}, "name": "José", "url": "https://b/2.jpg"},
        {"image": {"bytes": picture(), "path": None}, "name": "May", "url": None},
    ]
    rows(tmp_path / "train-00000.parquet", inside)
    (tmp_path / "Winona").mkdir()
    (tmp_path / "Winona" / "1.jpg").write_bytes(picture())
    found = label_images(tmp_path, find)
    assert {file.name: label for file, label in zip(found.files, found.labels, strict=True)} == {
        "train-00000.parquet#0": "José", "train-00000.parquet#1": "May", "1.jpg": "Winona",
    }  # fmt: skip
    assert found.n_matched == 3
    told = {file.name: dict(beside) for file, beside in found.beside.items() if beside}
    assert told == {"train-00000.parquet#0": {"url": "https://b/2.jpg"}}


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_an_image_folder_of_hugging_face(kind: str, tmp_path: Path) -> None:
    for split, name in (("train", "Winona"), ("test", "José")):
        folder = tmp_path / split / name
        folder.mkdir(parents=True)
        for at in (1, 2):
            (folder / f"{at}.jpg").write_bytes(picture())
    assert set(labels(tmp_path).values()) == {"Winona", "José"}
    table = [
        {"file_name": "Winona/1.jpg", "text": "May"},
        {"file_name": "Winona/2.jpg", "text": "a woman on a bench"},
    ]
    at = tmp_path / "train" / f"metadata.{kind}"
    if kind == "parquet":
        rows(at, table)
    elif kind == "jsonl":
        at.write_text("\n".join(map(json.dumps, table)), encoding="utf-8")
    else:
        at.write_text("\n".join(["file_name,text", *(",".join(row.values()) for row in table)]))
    # A caption is no class: it names a picture only where its folder and file name nobody.
    assert labels(tmp_path)["train/Winona/2.jpg"] == "Winona"
    (tmp_path / "train" / "Winona").rename(tmp_path / "train" / "x")
    moved = at.read_bytes() if kind == "parquet" else at.read_text().replace("Winona/", "x/")
    if isinstance(moved, str):
        at.write_text(moved)
        assert labels(tmp_path)["train/x/1.jpg"] == "May"
