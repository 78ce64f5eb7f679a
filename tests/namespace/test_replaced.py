"""A space that is replaced while it is open: what was computed of it goes nowhere else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from namebasis.errors import ReplacedError, SpaceError
from namebasis.namespace import build, locks
from namebasis.namespace.build import add_names, build_space
from namebasis.namespace.images import add_images
from namebasis.namespace.locks import locked
from namebasis.namespace.names import make_names
from namebasis.namespace.space import Space, open_space
from namebasis.namespace.unspelled import unspell
from namebasis.studies import anchors
from tests.namespace.conftest import FakeEncoder, corpus
from tests.namespace.test_build import digest
from tests.namespace.test_images import Seeing, paint

LATE = make_names([{"name": "Late", "part": "given"}])

METRIC = pa.table({"id": [1], "x": [1.0]})

WRITERS: dict[str, Callable[[Space, Path], Callable[[], object]]] = {
    "metrics": lambda s, _: lambda: s.add_metrics(METRIC, study="s", parameters={}),
    "add": lambda s, _: lambda: add_names(s, LATE),
    "images": lambda s, folder: lambda: add_images(s, folder),
    "unspell": lambda s, _: lambda: unspell(s),
    "anchors": lambda s, _: partial(anchors.report(s, 3).write, s),
}
"""What is computed of a space first, and written into it afterwards."""


@pytest.fixture(params=sorted(WRITERS))
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], object]:
    paint(tmp_path / "pictures" / "Vicki.png", (255, 0, 0))
    space = build_space(corpus(), tmp_path / "a", encoder=Seeing())  # type: ignore[arg-type]
    return WRITERS[request.param](space, tmp_path / "pictures")


def test_no_writer_writes_into_another_space_than_it_read(tmp_path: Path, write) -> None:
    # As many rows of the same encoder: nothing but the build tells them apart.
    reverse = make_names(corpus().table.to_pylist()[::-1])
    build_space(reverse, tmp_path / "a", encoder=Seeing(), overwrite=True)  # type: ignore[arg-type]
    before = digest(tmp_path / "a")
    with pytest.raises(ReplacedError, match="the space was replaced since it was opened, so noth"):
        write()
    assert digest(tmp_path / "a") == before


def test_no_writer_makes_a_space_anew_that_is_gone(tmp_path: Path, write) -> None:
    shutil.rmtree(tmp_path / "a")
    with pytest.raises(ReplacedError, match="the space is gone since it was opened"):
        write()
    assert not (tmp_path / "a").exists()


def test_names_that_were_added_meanwhile_are_no_obstacle(space: Space, encoder) -> None:
    old = open_space(space.path)
    add_names(space, LATE, encoder=encoder)
    old.add_metrics(pa.table({"id": np.arange(60), "x": np.arange(60.0)}), study="s", parameters={})
    assert old.table(["x"])["x"].to_pylist() == [*map(float, range(60)), None]


def test_a_reader_of_what_was_replaced_is_told_so(space: Space, names, encoder) -> None:
    old = open_space(space.path)
    build_space(corpus(30), space.path, encoder=encoder, overwrite=True)
    for read in (old.table, old.vectors, lambda: old.ids("gender = 'F'"), lambda: old.find("zoë")):
        with pytest.raises(
            ReplacedError, match=r"replaced or written to since it was opened.*Open"
        ):
            read()
    shutil.rmtree(space.path)
    with pytest.raises(ReplacedError):
        old.table()


def test_damage_is_still_damage(space: Space) -> None:
    old = open_space(space.path)
    for file in (space.path / "names.lance" / "data").iterdir():
        file.unlink()
    with pytest.raises(SpaceError, match="damaged") as caught:
        old.table()
    assert not isinstance(caught.value, ReplacedError)


def test_a_space_is_opened_while_another_takes_its_place(
    space: Space, encoder, monkeypatch
) -> None:
    real, times = Space._open, 0

    def open_late(self, path):
        nonlocal times
        times += 1
        if times == 1:
            monkeypatch.setattr(Space, "_open", real)
            build_space(corpus(30), path, encoder=encoder, overwrite=True)
            raise SpaceError("a file is missing")
        real(self, path)

    monkeypatch.setattr(Space, "_open", open_late)
    assert len(open_space(space.path)) == 30


def test_the_lock_of_a_replaced_folder_is_no_lock(tmp_path: Path, monkeypatch) -> None:
    """Between the opening of the lock file and the lock, the folder is replaced."""
    place, other = tmp_path / "a", tmp_path / "b"
    place.mkdir()
    other.mkdir()
    real, times = os.open, 0

    def open_then_swap(path, *rest, **keywords):
        nonlocal times
        descriptor = real(path, *rest, **keywords)
        times += os.path.basename(path) == ".lock"
        if times == 1 and other.exists():
            os.rename(place, tmp_path / "gone")
            os.rename(other, place)
        return descriptor

    monkeypatch.setattr(locks.os, "open", open_then_swap)
    with (
        locked(place),
        pytest.raises(SpaceError, match="another process is writing"),
        locked(place),
    ):
        pass
    assert times == 3


def test_a_build_that_ended_before_the_lock_is_not_thrown_away(
    tmp_path, encoder, monkeypatch
) -> None:
    real = build.swap.finish_swap

    def another_build_first(path):
        real(path)
        monkeypatch.setattr(build.swap, "finish_swap", real)
        chosen = build._choose_place

        def late(path, job, overwrite):
            place = chosen(path, job, overwrite)
            monkeypatch.setattr(build, "_choose_place", chosen)
            build_space(corpus(40), path, encoder=encoder)
            return place

        monkeypatch.setattr(build, "_choose_place", late)

    monkeypatch.setattr(build.swap, "finish_swap", another_build_first)
    with pytest.raises(SpaceError, match="another space is there"):
        build_space(corpus(30), tmp_path / "a", encoder=FakeEncoder(salt="x"))
    assert len(open_space(tmp_path / "a")) == 40
