"""Files that appear as a whole or not at all, and what a killed writer leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from namebasis.atomic import (
    remove_leftovers,
    replacing_cache,
    replacing_file,
    replacing_path,
    write_text,
)
from namebasis.errors import SpaceError
from namebasis.organism.world import World

WRITER = """
import sys, time
from pathlib import Path
from namebasis.atomic import replacing_file
with replacing_file(Path(sys.argv[1]), overwrite=True) as stream:
    stream.write(b"half")
    stream.flush()
    print("written", flush=True)
    time.sleep(60)
"""


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_text(path, "old é")

    def write_half() -> None:
        with replacing_file(path, overwrite=True) as stream:
            stream.write(b"new")
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        write_half()
    assert path.read_bytes() == "old é".encode()
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_library_may_replace_the_file_beside_by_another(tmp_path: Path) -> None:
    with replacing_path(tmp_path / "a", overwrite=False) as beside:
        (tmp_path / "other").write_bytes(b"whole")
        os.replace(tmp_path / "other", beside)
    assert (tmp_path / "a").read_bytes() == b"whole"
    with pytest.raises(SpaceError, match="already exists"):
        replacing_path(tmp_path / "a", overwrite=False).__enter__()


def test_leftovers_of_a_killed_writer_go_and_those_of_a_live_one_stay(tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="there are no locks of this kind on Windows")
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "a.npz")], stdout=subprocess.PIPE
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    (tmp_path / ".mine.tmp").write_bytes(b"somebody else's")
    (tmp_path / ".a.npz.0123456789ab.tmp").symlink_to(tmp_path / ".mine.tmp")
    assert remove_leftovers(tmp_path) == 0
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert remove_leftovers(tmp_path) == 1
    assert sorted(os.listdir(tmp_path)) == [".a.npz.0123456789ab.tmp", ".mine.tmp"]


def test_a_world_is_written_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.make(1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("namebasis.atomic.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        world.save(tmp_path / "world.json")
    assert os.listdir(tmp_path) == []


def test_a_cache_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with replacing_cache(path) as beside:
        beside.write_bytes(b"old")
        assert not path.exists()
        assert beside.name.startswith("a.npz.")
        assert beside.suffix == ".partial"
    with pytest.raises(KeyError), replacing_cache(path) as beside:  # noqa: PT012
        beside.write_bytes(b"half")
        raise KeyError
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.npz"]
    with pytest.raises(FileNotFoundError), replacing_cache(tmp_path / "gone" / "a.npz") as beside:
        beside.write_bytes(b"")
