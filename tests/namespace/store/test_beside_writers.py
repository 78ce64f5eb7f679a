"""Readers beside writers: every answer is that of brute force over the version that was opened."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from namebasis.checks import FloatArray
from namebasis.errors import SpaceError
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.corpus.names import Names, make_names
from namebasis.namespace.store import dataset as store
from namebasis.namespace.store import locks, opening, pins, swap, upkeep
from namebasis.space import Space, open_space
from tests.namespace.conftest import FakeEncoder

SALTS = ("", "other")
VIEWS = ("text", "token")
PATIENCE = 60
"""Seconds for a thread or process: many times what it needs, so that a hang ends the test alone."""


def some(first: int, n: int) -> Names:
    return make_names(
        [{"name": f"N{chr(97 + i // 26)}{chr(97 + i % 26)}", "part": "given"}
         for i in range(first, first + n)]
    )  # fmt: skip


@cache
def made(salt: str, view: str, name: str) -> FloatArray:
    """The vector that a name has by its encoder alone."""
    encoder = FakeEncoder(salt=salt)
    if view == "text":
        return encoder.encode_names([name], "{}")[0]
    row = encoder.token_embeddings([name])[0]
    return row / np.linalg.norm(row)


def wrong_in(space: Space) -> list[str]:
    """What a space answers otherwise than its own names, encoded again, say."""
    wrong = []
    names = space.table(["name"])["name"].to_pylist()
    by_print = {FakeEncoder(salt=salt).fingerprint: salt for salt in SALTS}
    salt = by_print[space.provenance.fingerprint]
    if len(names) != len(space) or space.find_all(names) != list(range(len(names))):
        wrong.append("names")
    for view in VIEWS:
        truth = np.stack([made(salt, view, name) for name in names])
        if not np.allclose(space.vectors(view), truth, atol=1e-5):
            wrong.append(f"vectors of {view}")
        if not np.allclose(space.mean(view), truth.mean(axis=0), atol=1e-5):
            wrong.append(f"mean of {view}")
        wrong += _wrong_hits(space, view, names, truth)
    if "image" in space.views:
        rows = space.vectors("image")
        has = np.linalg.norm(rows, axis=1) > 0
        counts = space.table(["n_images"])["n_images"].fill_null(0).to_numpy()
        if not np.array_equal(has, counts > 0):
            wrong.append("n_images")
        wrong += _wrong_hits(space, "image", names, rows)
    return wrong


def _wrong_hits(space: Space, view: str, names: list[str], truth: FloatArray) -> list[str]:
    wrong = []
    rows = np.flatnonzero(np.linalg.norm(truth, axis=1) > 0)
    asked = rows[:: max(1, len(rows) // 5)]
    best = -np.sort(-(truth[asked] @ truth[rows].T), axis=1)[:, :5]
    for found, wanted, row in zip(
        space.nearest(truth[asked], 5, view=view).split(), best, asked, strict=True
    ):
        own = truth[found.ids] @ truth[row]
        are_names = found.names == tuple(names[at] for at in found.ids)
        is_best = np.allclose(found.similarities, wanted[: len(found)], atol=1e-5)
        if not (is_best and are_names and np.allclose(own, found.similarities, atol=1e-5)):
            wrong.append(f"nearest in {view}")
    if len(rows) == len(truth) > 3:
        cosines = truth @ truth.T
        np.fill_diagonal(cosines, -9)
        graph = space.graph(view, 3)
        own = np.take_along_axis(cosines, graph.indices, axis=1)
        if not np.allclose(own, -np.sort(-cosines, axis=1)[:, :3], atol=1e-5):
            wrong.append(f"graph of {view}")
    return wrong


@pytest.fixture
def path(tmp_path: Path) -> Path:
    build_space(some(0, 40), tmp_path / "s", encoder=FakeEncoder(), templates="plain")
    return tmp_path / "s"


def overwrite(path: Path) -> None:
    other = FakeEncoder(salt="other")
    build_space(some(20, 40), path, encoder=other, templates="plain", overwrite=True)


def write_and_drop(path: Path) -> None:
    """Add names, and drop every version but the newest, where nobody reads it."""
    space = open_space(path)
    add_names(space, some(100 + len(space), 3), encoder=FakeEncoder())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upkeep, "MAX_VERSIONS", 0)
        patch.setattr(upkeep, "KEPT_AT_LEAST", 1)
        rows = {"id": np.arange(40), "x": np.arange(40.0)}
        open_space(path).add_metrics(pa.table(rows), study="s", parameters={})
        with locks.locked(path):
            store.Store(path).keep_up()


STEPS = {
    "before it is opened": (pins, "pin"),
    "before the folder is locked": (pins, "_lock"),
    "before the folder is compared": (pins, "_is"),
    "before the data set is opened": (opening, "_open_here"),
    "before its version is locked": (pins.Pin, "hold"),
    "before its files are looked at": (opening, "_check"),
}
"""Of a reader that opens a space."""


@pytest.mark.long
@pytest.mark.parametrize("write", [overwrite, write_and_drop])
@pytest.mark.parametrize("step", STEPS)
def test_a_writer_at_every_step_of_opening(
    path: Path, step: str, write: Callable[[Path], None], monkeypatch
) -> None:
    owner, name = STEPS[step]
    owner = opening if name == "pin" else owner  # where it was imported to
    real, times = getattr(owner, name), 0

    def interrupted(*given: object, **options: object) -> object:
        nonlocal times
        times += 1
        if times == 1:
            write(path)
        return real(*given, **options)

    monkeypatch.setattr(owner, name, interrupted)
    space = open_space(path)
    assert times
    assert wrong_in(space) == []
    monkeypatch.undo()
    write(path)
    write(path)
    assert wrong_in(space) == []


@pytest.mark.parametrize("n_renames", [0, 1, 2])
def test_a_reader_at_every_step_of_a_swap(path: Path, n_renames: int, monkeypatch) -> None:
    """Before it, between its two renames, where nothing is at the path, and after them."""
    opened: list[Space] = []
    reader = threading.Thread(target=lambda: opened.append(open_space(path)), daemon=True)
    waits, renames, slept = threading.Event(), 0, time.sleep
    real_rename, real_discard = os.rename, swap.discard

    def sleep(seconds: float) -> None:
        waits.set()
        slept(seconds)

    def read_now() -> None:
        if renames == n_renames and not reader.ident:
            reader.start()
            if n_renames == 1:
                assert waits.wait(PATIENCE)  # for the folder
            else:
                reader.join(PATIENCE)

    def rename(source: Path, target: Path) -> None:
        nonlocal renames
        read_now()
        real_rename(source, target)
        renames += path in (source, target)

    def discard(folder: Path, of: Path) -> None:
        if folder.exists():
            read_now()
        real_discard(folder, of)

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(swap, "discard", discard)
    overwrite(path)
    reader.join(PATIENCE)
    monkeypatch.undo()
    (space,) = opened
    assert (space.table(["name"])["name"][0].as_py() == "Naa") == (n_renames == 0)
    assert wrong_in(space) == []


def test_a_swap_that_was_killed_between_its_renames_is_undone(path: Path) -> None:
    os.rename(path, swap.old_path(path))
    assert wrong_in(open_space(path)) == []


@pytest.mark.parametrize("is_deleted", [True, False])
def test_the_old_space_is_not_brought_back_where_the_swap_ended(
    path: Path, monkeypatch, is_deleted: bool
) -> None:
    """Between the look and the lock, the new space came; the old one was deleted or left."""
    old = swap.old_path(path)
    os.rename(path, old)
    real = swap.relocked

    def late(folder: Path):
        monkeypatch.setattr(swap, "relocked", real)
        shutil.copytree(old, path)
        if is_deleted:
            shutil.rmtree(old)
        return real(folder)

    monkeypatch.setattr(swap, "relocked", late)
    assert wrong_in(open_space(path)) == []
    assert old.exists() != is_deleted


def test_a_refused_space_is_refused_at_once(path: Path, monkeypatch) -> None:
    """Also beside what a swap that was killed left."""
    shutil.copytree(path, swap.old_path(path))
    for file in (path / "names.lance" / "_versions").iterdir():
        file.write_bytes(b"x")
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with pytest.raises(SpaceError, match="damaged"):
        open_space(path)
    assert len(slept) <= 2


WRITER = """
import sys
from pathlib import Path
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.building.images import add_images
from namebasis.space import open_space
from tests.namespace.store.test_beside_writers import SALTS, some
from tests.namespace.building.test_images import Seeing, paint

path = Path(sys.argv[1])
print("imported", flush=True)
for turn in range(int(sys.argv[2])):
    # As many names each time: nothing but the build tells them apart.
    encoder = Seeing(SALTS[turn % 2])
    space = build_space(
        some(10 * turn, 40), path, encoder=encoder, templates="plain", overwrite=True
    )
    for one in range(3):
        space = add_names(space, some(10 * turn + 40 + 2 * one, 2), encoder=encoder)
        name = space.table(["name"])["name"][5 * one].as_py()
        pictures = path.with_name(f"pictures{turn}-{one}")
        paint(pictures / f"{name}.png", (80 * one, 90, 255 - 20 * turn))
        space, _ = add_images(space, pictures, encoder=encoder)
"""


@pytest.mark.long
def test_every_answer_is_right_while_another_process_writes(path: Path) -> None:
    """Fresh spaces, ones that stay open for a while, and one that stays open throughout."""
    writer = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", WRITER, str(path), "3"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert writer.stdout is not None
    writer.stdout.readline()  # until it writes there is nothing to read beside
    first, problems, reads = open_space(path), list[str](), [0, 0]

    def read(reader: int) -> None:
        space = first
        while writer.poll() is None and not problems:
            try:
                if reads[reader] % (1, 4)[reader] == 0:
                    space = open_space(path)
                problems.extend(wrong_in(space))
                if reads[reader] % 3 == 0:
                    problems.extend(f"first: {wrong}" for wrong in wrong_in(first))
            except Exception as error:
                problems.append(repr(error))
            reads[reader] += 1

    threads = [threading.Thread(target=read, args=[reader]) for reader in range(2)]
    for thread in threads:
        thread.start()
    _, told = writer.communicate(timeout=PATIENCE)
    for thread in threads:
        thread.join(PATIENCE)
    assert writer.returncode == 0, told
    assert problems == []
    assert min(reads) > 0
    assert wrong_in(first) == wrong_in(open_space(path)) == []
