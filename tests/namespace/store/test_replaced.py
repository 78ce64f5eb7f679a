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
from namebasis.namespace.building import build
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.building.images import add_images
from namebasis.namespace.building.unspelled import unspell
from namebasis.namespace.corpus.names import Names, make_names
from namebasis.namespace.search.template_rows import template_rows
from namebasis.namespace.store import history, locks, pins, upkeep
from namebasis.namespace.store.locks import locked
from namebasis.space import Space, open_space
from namebasis.studies.basis import anchors
from tests.namespace.building.test_build import digest
from tests.namespace.building.test_images import Seeing, paint
from tests.namespace.conftest import FakeEncoder, corpus

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


@pytest.mark.long
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


QUESTIONS: dict[str, Callable[[Space], object]] = {
    "nearest": lambda s: s.nearest(["Vicki", "Zoë"]).to_arrow().to_pydict(),
    "farthest": lambda s: s.nearest("Vicki", farthest=True).names,
    "where": lambda s: s.nearest("Vicki", 50, where="gender = 'F'").names,
    "token": lambda s: s.nearest("Vicki", view="token").names,
    "search": lambda s: s.search(s.vectors(ids=[7]), 5)[1].tolist(),
    "graph": lambda s: s.graph(k=4).indices.tolist(),
    "table": lambda s: s.table().to_pylist(),
    "ids": lambda s: s.ids("gender = 'F'").tolist(),
    "vectors": lambda s: s.vectors().tolist(),
    "mean": lambda s: s.mean().tolist(),
    "find": lambda s: s.find_all(["zoë", "Namaf", "nobody"]),
    "templates": lambda s: template_rows(s, np.array([0, 3])).tolist(),
    "info": lambda s: s.info(),
    "check": lambda s: s.check() and None,
    "length": lambda s: (len(s), s.views, s.columns, s.provenance),
}


def answers(space: Space) -> dict[str, object]:
    return {what: ask(space) for what, ask in QUESTIONS.items()}


def reversed_corpus(n: int) -> Names:
    return make_names(corpus(n).table.to_pylist()[::-1])


@pytest.mark.long
@pytest.mark.parametrize("is_asked_before", [True, False])
def test_an_open_space_answers_from_its_own_build_once_it_is_replaced(
    space: Space, encoder, is_asked_before: bool
) -> None:
    """Every question, of caches that are there and of ones that are not, twice over."""
    expected = answers(space)
    old = open_space(space.path, encoder=encoder)
    if is_asked_before:
        answers(old)
    for other in (FakeEncoder(salt="other"), encoder):
        # As many names, so that a mixture would not be noticed by its length.
        build_space(reversed_corpus(60), space.path, encoder=other, overwrite=True)
        assert answers(old) == expected
        now = open_space(space.path, encoder=other)
        assert now.table(["name"]) != old.table(["name"])
        assert now.nearest(now.vectors(ids=[3])[0], 1).ids.tolist() == [3]
    assert old.nearest("not a stored name").names  # its encoder is the one that built it


@pytest.mark.long
def test_an_open_space_answers_from_its_own_version_once_it_is_written_to(
    space: Space, encoder
) -> None:
    """Until its versions are far more than are kept otherwise."""
    expected = answers(space)
    old = open_space(space.path, encoder=encoder)
    for n in range(12):
        space.add_metrics(
            pa.table({"id": np.arange(60), "x": np.arange(60.0) + n}), study="s", parameters={}
        )
        one = make_names([{"name": f"Late{chr(97 + n)}", "part": "given"}])
        space = add_names(space, one, encoder=encoder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(upkeep, "MAX_VERSIONS", 1)
            with locks.writing(space._store) as store:
                store.keep_up()
    # What an undo goes back to is kept for as long as it can be undone, and nothing else.
    tags = space._store.dataset.tags.list()
    assert [tag for tag in tags if not tag.startswith("namebasis-undo-")] == []
    kept_to_undo = len(tags)
    assert kept_to_undo == history.MOST
    n_versions = len(list((space.path / "names.lance" / "_versions").glob("*.manifest")))
    assert n_versions - kept_to_undo <= 6
    assert answers(old) | {"info": None} == expected | {"info": None}
    assert len(space) == len(open_space(space.path)) == 72


def folders_beside(path: Path) -> set[str]:
    return {entry.name for entry in path.parent.iterdir()} - {path.name}


def test_a_replaced_space_is_deleted_once_nobody_reads_it(tmp_path: Path, encoder) -> None:
    path = tmp_path / "a.space"
    old = build_space(corpus(60), path, encoder=encoder)
    build_space(reversed_corpus(40), path, encoder=encoder, overwrite=True)
    assert folders_beside(path) == {".a.space.replaced"}
    middle = open_space(path)
    build_space(reversed_corpus(30), path, encoder=encoder, overwrite=True)
    assert len(list((path.parent / ".a.space.replaced").iterdir())) == 2
    assert (len(old.table()), len(middle.table())) == (60, 40)
    del old
    # Whoever writes next clears what is left.
    add_names(open_space(path), LATE, encoder=encoder)
    assert len(list((path.parent / ".a.space.replaced").iterdir())) == 1
    assert len(middle.table()) == 40
    del middle
    build_space(reversed_corpus(50), path, encoder=encoder, overwrite=True)
    assert folders_beside(path) == set()


def test_open_spaces_leave_no_descriptor_behind(space: Space, encoder) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        open_space(space.path, encoder=encoder).nearest("Vicki")
    with pytest.raises(SpaceError):
        open_space(space.path / "nowhere")
    assert len(os.listdir("/proc/self/fd")) <= before + 2  # Lance's own pool may have grown


def test_a_refusal_names_the_folder_and_not_a_descriptor(space: Space) -> None:
    (space.path / "names.lance" / "_versions" / "latest").write_text("")
    for file in (space.path / "names.lance" / "data").iterdir():
        file.write_bytes(b"x" * file.stat().st_size)
    with pytest.raises(SpaceError, match="damaged") as caught:
        open_space(space.path).table()
    assert str(space.path) in str(caught.value)
    assert "proc/self" not in str(caught.value)


def test_where_nothing_can_be_pinned_a_replaced_space_is_told_so(
    space: Space, encoder, monkeypatch
) -> None:
    monkeypatch.setattr(pins, "DESCRIPTORS", Path("/nowhere"))
    old = open_space(space.path)
    build_space(corpus(30), space.path, encoder=encoder, overwrite=True)
    for read in (old.table, old.vectors, lambda: old.ids("gender = 'F'"), lambda: old.find("zoë")):
        with pytest.raises(
            ReplacedError, match=r"replaced or written to since it was opened.*Open"
        ):
            read()


def test_a_space_that_is_deleted_is_told_to_be_gone(space: Space) -> None:
    old = open_space(space.path)
    shutil.rmtree(space.path)
    with pytest.raises(ReplacedError, match="the space is gone since it was opened"):
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
    with pytest.raises(SpaceError, match="another space exists there"):
        build_space(corpus(30), tmp_path / "a", encoder=FakeEncoder(salt="x"))
    assert len(open_space(tmp_path / "a")) == 40
