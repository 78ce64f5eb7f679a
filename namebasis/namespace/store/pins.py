"""Keep what an open space reads: its folder, wherever it is moved, and its version's files.

A pin is a shared lock on the folder and one on the manifest of the version that is read. Who
replaces a space or drops old versions takes each of these locks alone first, and leaves what it
cannot have. A lock ends with the process that holds it, so nothing is kept for the dead.

The folder is read through its descriptor (`/proc/self/fd`), which follows it when it is renamed.
Where a system has no such paths or no locks, nothing is pinned, and a space that was replaced says
so when it is read.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
import uuid
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

DESCRIPTORS = Path("/proc/self/fd")
_PATIENCE = 30.0
_NEWEST = 2**64 - 1


class Pin:
    """The folder of a space, held open; see `pin`.

    Parameters
    ----------
    folder : Path
        As the space was asked for.
    descriptor : int
        Of the folder, with its lock.
    """

    def __init__(self, folder: Path, descriptor: int) -> None:
        self.folder = folder
        self._descriptor = descriptor
        self._held: list[int] = []
        weakref.finalize(self, _close, descriptor, self._held)

    @property
    def path(self) -> Path:
        """By which the folder is read, whatever it is called now."""
        return DESCRIPTORS / str(self._descriptor)

    @property
    def place(self) -> Path:
        """What the folder is called now."""
        own = os.fstat(self._descriptor)
        if _is(self.folder, own):
            return self.folder
        now = Path(os.readlink(self.path))
        return now if _is(now, own) else self.path

    def hold(self, uri: Path, version: int) -> bool:
        """Keep the files of a version of a data set; False where it is being dropped.

        Parameters
        ----------
        uri : Path
            The data set's folder.
        version : int
        """
        path = uri / "_versions" / manifest_name(version)
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        except PermissionError:
            return True  # a file of older rights; it is read all the same, unheld
        if not _lock(descriptor, alone=False) or not _is(path, os.fstat(descriptor)):
            os.close(descriptor)
            return False
        self._held.append(descriptor)
        return True


def manifest_name(version: int) -> str:
    """File name of a version's manifest: the largest number minus the version."""
    return f"{_NEWEST - version:020d}.manifest"


def version_of(manifest: Path) -> int:
    """The version of a manifest, by its file name."""
    return _NEWEST - int(manifest.stem)


def pin(folder: Path) -> Pin | None:
    """Hold the folder of a space; None where there is none, or where it cannot be held.

    Raises
    ------
    OSError
        If too many files are open.
    """
    if fcntl is None or not DESCRIPTORS.is_dir():
        return None
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise
            return None  # what is wrong with it, who opens it says
        # It may have been replaced, and be deleted, between the two calls.
        if _lock(descriptor, alone=False) and _is(folder, os.fstat(descriptor)):
            return Pin(folder, descriptor)
        os.close(descriptor)
        if time.monotonic() > deadline:
            return None
        time.sleep(0.001)


@contextmanager
def alone_with(paths: Iterable[Path]) -> Iterator[frozenset[Path]]:
    """Hold files or folders that nobody reads; who wants to read one meanwhile is refused.

    Yields
    ------
    frozenset of Path
        Those of `paths` that somebody reads.
    """
    descriptors: list[int] = []
    read: set[Path] = set()
    try:
        for path in paths if fcntl is not None else ():
            with suppress(OSError):
                descriptors.append(os.open(path, os.O_RDONLY))
                if not _lock(descriptors[-1], alone=True):
                    read.add(path)
        yield frozenset(read)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def replaced_path(path: Path) -> Path:
    """Where spaces that were replaced at `path` wait for their last reader."""
    return path.with_name(f".{path.name}.replaced")


def discard(folder: Path, path: Path) -> None:
    """Delete a space that was replaced at `path`, or set it aside while somebody reads it."""
    if not folder.exists():
        return
    with alone_with([folder]) as read:
        if not read:
            shutil.rmtree(folder, ignore_errors=True)
            return
    aside = replaced_path(path)
    aside.mkdir(exist_ok=True)
    os.rename(folder, aside / uuid.uuid4().hex)


def clear_unread(path: Path) -> None:
    """Delete the spaces that were replaced at `path` and that nobody reads any more."""
    if not path.name:
        return
    aside = replaced_path(path)
    try:
        folders = [aside / name for name in os.listdir(aside)]
    except OSError:
        return
    for folder in folders:
        with alone_with([folder]) as read:
            if not read:
                shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        aside.rmdir()  # only where it is empty


def _lock(descriptor: int, *, alone: bool) -> bool:
    """Take a lock without waiting; where a file system has none, all have it."""
    kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def _is(path: Path, state: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(), state)
    except OSError:
        return False


def _close(descriptor: int, held: list[int]) -> None:
    for one in (*held, descriptor):
        os.close(one)
