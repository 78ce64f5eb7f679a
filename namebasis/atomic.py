"""Files and folders that appear as a whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from namebasis.errors import SpaceError

_BESIDE = re.compile(r"\..+\.[0-9a-f]{12}\.tmp")
_TAKEN = "{} already exists; choose another path, or overwrite it (--overwrite)."
_JUST_MADE = 60.0  # seconds in which an empty file may be one that its writer has yet to lock


@contextmanager
def replacing_file(path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    """Open a file beside `path` that takes its place when the block ends well.

    Raises
    ------
    SpaceError
        If something is at `path` and may not be overwritten, or no folder that can be written to.
    """
    with replacing_path(path, overwrite) as beside, beside.open("wb") as stream:
        yield stream


@contextmanager
def replacing_path(path: Path, overwrite: bool) -> Iterator[Path]:
    """As `replacing_file`, but give the path of the file beside, for a library that opens it.

    Raises
    ------
    SpaceError
        As `replacing_file`.
    """
    check_place(path, overwrite)
    path = _target(path)
    beside = _beside(path)
    try:
        with beside.open("xb") as held:
            _lock(held)  # until it has its name: `remove_leftovers` leaves it alone
            yield beside
            with beside.open("rb+") as written:
                os.fsync(written.fileno())
            check_place(path, overwrite)
            os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def work_path(path: Path) -> Path:
    """A name beside a cache that no other process or thread writes to; it ends in ``.partial``."""
    return path.with_name(f"{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.partial")


@contextmanager
def replacing_cache(path: Path) -> Iterator[Path]:
    """As `replacing_path`, for what can be made again at any time, and so is not synced to disk.

    Whoever has locked the cache may remove the files beside it that killed writers left.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    partial = work_path(path)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replace a file by this text, in UTF-8, as a whole.

    Raises
    ------
    SpaceError
        If a folder is at `path`, or no folder that can be written to.
    """
    with replacing_file(path, overwrite=True) as stream:
        stream.write(text.encode())


def remove_leftovers(folder: Path) -> int:
    """Remove what writers that were killed left beside the files of a folder.

    A file that another process is writing is locked by it, and stays.

    Returns
    -------
    int
        How many files were removed.
    """
    n_removed = 0
    for path in folder.glob(".*.tmp"):
        if not _BESIDE.fullmatch(path.name) or path.is_symlink() or not path.is_file():
            continue
        try:
            with path.open("rb") as stream:
                facts = os.fstat(stream.fileno())
                is_fresh = facts.st_size == 0 and time.time() - facts.st_mtime < _JUST_MADE
                if is_fresh or not _lock(stream):
                    continue
                path.unlink()
                n_removed += 1
        except OSError:  # gone meanwhile, or another's: it costs some bytes and no answer
            continue
    return n_removed


def _lock(stream: BinaryIO) -> bool:
    """Take a lock that ends with the process; False where another has it, or there are none."""
    try:
        import fcntl
    except ImportError:  # Windows
        return False
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def replacing_folder(
    path: Path, overwrite: bool, is_ours: Callable[[Path], bool]
) -> Iterator[Path]:
    """Give a folder beside `path`, to be made and filled, that takes its place.

    Raises
    ------
    SpaceError
        If something is at `path` and may not be overwritten, or holds anything that is not ours.
    """
    path = _target(path)
    _check_folder(path, overwrite, is_ours)
    beside, old = _beside(path), _beside(path)
    try:
        yield beside
        _check_folder(path, overwrite, is_ours)
        if path.exists():
            os.rename(path, old)
        try:
            os.rename(beside, path)
        except OSError:
            if old.exists():
                os.rename(old, path)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _target(path: Path) -> Path:
    # A link stays a link: what it points to is replaced.
    try:
        return path.resolve() if path.is_symlink() else path
    except (OSError, RuntimeError):  # until Python 3.13 a circle of links is no OSError
        raise SpaceError(f"{path} is a link that leads to itself. Give another path.") from None


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex[:12]}.tmp")


def _check_parent(path: Path) -> None:
    if not path.parent.is_dir():
        raise SpaceError(f"{path}: there is no folder {path.parent}. Make it.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise SpaceError(f"{path}: the folder {path.parent} may not be written to. Take another.")


def check_place(path: Path, overwrite: bool) -> None:
    """Say before a long computation, not after it, that its result has no place.

    Raises
    ------
    SpaceError
        If something is at `path` and may not be overwritten, or no folder that can be written to.
    """
    path = _target(path)
    _check_parent(path)
    if path.is_dir():
        raise SpaceError(f"{path}: there is a folder of that name. Give another path.")
    if path.exists() and not path.is_file():
        raise SpaceError(f"{path} is not a plain file. Give another path, or - for stdout.")
    if path.exists() and not overwrite:
        raise SpaceError(_TAKEN.format(path))


def check_folder_place(path: Path) -> None:
    """As `check_place`, of a folder that is there or will be made with those above it.

    Raises
    ------
    SpaceError
        If something else is in the way, or the nearest folder above may not be written to.
    """
    above = _target(path)
    while not above.exists() and above != above.parent:
        above = above.parent
    if not above.is_dir():
        raise SpaceError(f"{above} is a file where a folder is to be. Give another path.")
    if not os.access(above, os.W_OK | os.X_OK):
        raise SpaceError(f"{path}: the folder {above} may not be written to. Take another.")


def _check_folder(path: Path, overwrite: bool, is_ours: Callable[[Path], bool]) -> None:
    _check_parent(path)
    if not path.exists():
        return
    if not path.is_dir():
        raise SpaceError(f"{path} is a file where a folder is to be. Give another path.")
    if not overwrite:
        raise SpaceError(_TAKEN.format(path))
    if not is_ours(path):
        raise SpaceError(
            f"{path} holds other files than an export writes; it is not overwritten. "
            "Give another path."
        )
