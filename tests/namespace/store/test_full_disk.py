"""A full disk, missing rights and other refusals of the system, in every writer: one line."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import lance
import pyarrow as pa
import pytest
from lance.dataset import LanceDataset

from namebasis.encoders.image_files import list_images
from namebasis.errors import NamebasisWarning, SpaceError
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.building.images import add_images
from namebasis.namespace.building.unspelled import unspell
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.store.engine_errors import one_line
from namebasis.space import Space, open_space
from tests.namespace.building.test_images import Seeing, paint
from tests.namespace.conftest import corpus

LANCE = (
    "LanceError(IO): External error: Generic LocalFileSystem error: No space left on device "
    "(os error 28), /root/.cargo/registry/src/lance-io-14.0.2/src/object_writer.rs:412:27"
)
FULL = {
    "lance": OSError(LANCE),
    "lance at run time": RuntimeError(LANCE),
    "python": OSError(errno.ENOSPC, "No space left on device"),
}

WRITERS: dict[str, Callable[[Space, Path], object]] = {
    "add": lambda s, _: add_names(s, LATE),
    "images": add_images,
    "metrics": lambda s, _: s.add_metrics(METRIC, study="s", parameters={}),
    "unspell": lambda s, _: unspell(s),
}
LATE = make_names([{"name": "Late", "part": "given"}])
METRIC = pa.table({"id": [1], "x": [1.0]})


@pytest.fixture
def space(tmp_path: Path) -> Space:
    paint(tmp_path / "p" / "Vicki.png", (9, 9, 9))
    return build_space(corpus(), tmp_path / "a", encoder=Seeing())  # type: ignore[arg-type]


@pytest.mark.long
@pytest.mark.parametrize("error", FULL)
@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_is_one_line_and_loses_nothing(
    space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: str, error: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise FULL[error]

    before = space.table()
    with monkeypatch.context() as patch:
        for name in ("add_columns", "commit"):
            patch.setattr(LanceDataset, name, refuse)
        patch.setattr(lance, "write_dataset", refuse)
        with pytest.raises(SpaceError) as caught:
            WRITERS[writer](space, tmp_path / "p")
    message = f"{space.path}: the disk is full. Free some space and run the command again."
    assert str(caught.value) == message
    assert open_space(space.path).table().equals(before)
    WRITERS[writer](open_space(space.path, encoder=space.encoder()), tmp_path / "p")


@pytest.mark.parametrize("error", FULL)
def test_a_build_on_a_full_disk(tmp_path: Path, monkeypatch, error: str) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise FULL[error]

    with monkeypatch.context() as patch:
        patch.setattr(lance, "write_dataset", refuse)
        with pytest.raises(SpaceError, match=r"b: the disk is full\. Free some space"):
            build_space(corpus(), tmp_path / "b", encoder=Seeing())  # type: ignore[arg-type]
    assert len(build_space(corpus(), tmp_path / "b", encoder=Seeing())) == 60  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EACCES, "permission denied"),
        (errno.EMFILE, r"too many files are open. Raise the limit \(ulimit -n\)"),
        (errno.EIO, "input/output error"),
    ],
)
def test_other_refusals_of_the_system(space: Space, monkeypatch, number: int, message: str) -> None:
    for error in (OSError(number, os.strerror(number)), OSError(f"Lance: x (os error {number})")):

        def refuse(*_: object, error: OSError = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(LanceDataset, "add_columns", refuse)
        with pytest.raises(SpaceError, match=message):
            space.add_metrics(METRIC, study="s", parameters={})


def test_no_place_in_the_engines_source_is_shown() -> None:
    assert one_line(OSError(LANCE)).endswith("No space left on device (os error 28)")
    assert one_line(ValueError("bad\n thing, rust/lance/src/dataset.rs:12:3")) == "bad thing"
    assert one_line(ValueError("/home/me/names.lance was not found")).startswith("/home/me/")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_missing_rights_are_no_damage(space: Space) -> None:
    data = space.path / "names.lance" / "data"
    data.chmod(0)
    try:
        with pytest.raises(SpaceError, match="permission denied"):
            open_space(space.path)
    finally:
        data.chmod(stat.S_IRWXU)


def test_missing_rights_in_lances_words_are_no_damage_and_no_filter(space: Space, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise ValueError("LanceError(IO): Permission denied (os error 13), src/local.rs:1:2")

    monkeypatch.setattr(LanceDataset, "scanner", refuse)
    for read in (space.table, lambda: space.ids("gender = 'F'")):
        with pytest.raises(SpaceError, match=r"names\.lance: permission denied\. Check the rights"):
            read()


def test_a_folder_of_images_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch) -> None:
    paint(tmp_path / "Vicki" / "a.png", (1, 2, 3))
    (tmp_path / "Locked").mkdir()
    real = os.scandir

    def scandir(path):
        if str(path).endswith("Locked"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.warns(NamebasisWarning, match="Locked: Permission denied; no image in this folder"):
        assert [path.name for path in list_images(tmp_path)] == ["a.png"]
