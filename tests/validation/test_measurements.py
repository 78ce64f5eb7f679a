"""What was measured is kept for the next report; whatever is wrong with it costs only itself."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import lance
import numpy as np
import pytest
from PIL import Image

from namebasis.errors import NamebasisWarning
from namebasis.namespace.store.locks import locked
from namebasis.namespace.store.opening import IMAGES
from namebasis.validation.pictures.image_files import ImageFile, read_images
from namebasis.validation.pictures.measurements import Memory

COLUMN = ("extractor 1", "age")


@pytest.fixture
def image(tmp_path: Path) -> ImageFile:
    Image.new("RGB", (8, 8)).save(tmp_path / "Vicki.png")
    return ImageFile("Vicki", tmp_path / "Vicki.png")


def keep(folder: Path, image: ImageFile, value: float = 1.5) -> None:
    memory = Memory(folder)
    memory.add_column(COLUMN, ["key"], np.array([value]), [None])
    memory.write([image], ["key"])


def known(folder: Path) -> float:
    memory = Memory(folder)
    return memory.value(COLUMN, "key")[0] if memory.has(COLUMN[0], "key") else float("nan")


def half_made(place: Path) -> None:
    (place / "data").mkdir(parents=True)


def a_file(place: Path) -> None:
    place.parent.mkdir(exist_ok=True)
    place.write_text("x")


@pytest.mark.parametrize("leftover", [half_made, a_file])
def test_what_is_no_data_set_is_none(tmp_path: Path, image: ImageFile, leftover) -> None:
    leftover(tmp_path / "a" / IMAGES)
    assert np.isnan(known(tmp_path / "a"))
    keep(tmp_path / "a", image)
    assert known(tmp_path / "a") == 1.5


def cut(place: Path) -> None:
    for file in (place / "data").iterdir():
        file.write_bytes(file.read_bytes()[:20])


def cut_manifest(place: Path) -> None:
    for file in (place / "_versions").iterdir():
        file.write_bytes(b"x" * 40)


def delete(place: Path) -> None:
    shutil.rmtree(place / "data")


@pytest.mark.parametrize("damage", [cut, cut_manifest, delete])
def test_damage_is_said_and_images_are_measured_again(
    tmp_path: Path, image: ImageFile, damage: Callable[[Path], None]
) -> None:
    keep(tmp_path / "a", image)
    damage(tmp_path / "a" / IMAGES)
    with pytest.warns(NamebasisWarning, match=rf"{IMAGES}.*Earlier measurements are ignored"):
        assert np.isnan(known(tmp_path / "a"))
    with pytest.warns(NamebasisWarning) as told:
        keep(tmp_path / "a", image, 2.5)
    # The store may hold pictures that were added, so it is not replaced.
    assert "not kept for the next report" in str(told[-1].message)
    assert f"Delete {tmp_path}/a/{IMAGES} and add the images again" in str(told[-1].message)


def test_many_reports_take_the_room_of_few(tmp_path: Path, image: ImageFile) -> None:
    for number in range(12):
        memory = Memory(tmp_path / "a")
        memory.add_column(
            COLUMN,
            ["key"],
            np.array([float(number)]),
            [np.random.default_rng(number).bytes(50_000).hex()],
        )
        memory.write([image], ["key"])
    assert known(tmp_path / "a") == 11
    files = (tmp_path / "a" / IMAGES / "data").iterdir()
    assert sum(file.stat().st_size for file in files) < 5 * 2**18


@pytest.mark.parametrize("reason", ["full", "locked", "replaced"])
def test_what_cannot_be_kept_is_said(
    tmp_path: Path, image: ImageFile, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    (tmp_path / "a").mkdir()
    memory = Memory(tmp_path / "a")
    memory.add_column(COLUMN, ["key"], np.array([1.0]), [None])

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if reason == "full":
        monkeypatch.setattr(lance, "write_dataset", refuse)
        with pytest.warns(NamebasisWarning, match="not kept for the next report.*the disk is full"):
            memory.write([image], ["key"])
    elif reason == "locked":
        with locked(tmp_path / "a"), pytest.warns(NamebasisWarning, match="is writing to it"):
            memory.write([image], ["key"])
    else:
        os.rename(tmp_path / "a", tmp_path / "old")
        (tmp_path / "a").mkdir()
        with pytest.warns(NamebasisWarning, match="the space was replaced since it was opened"):
            memory.write([image], ["key"])
        assert not any((tmp_path / "a").iterdir())


def test_a_name_that_is_not_utf8_costs_its_own_image(tmp_path: Path) -> None:
    images = tmp_path / "images"
    (images / "Vicki").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(images / "Vicki" / "1.png")
    try:
        (images / "Vicki" / os.fsdecode(b"\xff.png")).write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes names in UTF-8 alone")
    found, notes = read_images(images)
    assert [image.path.name for image in found] == ["1.png"]
    assert notes == (
        "left out 1: its name, or a folder's on the way to it, is not UTF-8; rename it (such as "
        f"{images}/Vicki/\\udcff.png)",
    )
    images = images.rename(tmp_path / os.fsdecode(b"\xfe images"))
    found, _ = read_images(images)
    keep(tmp_path / "a", found[0])
    assert known(tmp_path / "a") == 1.5
