"""Caches beside the rows: made by one process for all that ask, and never in a question's way."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from namebasis.atomic import replacing_cache

PATIENCE = 600.0
"""Seconds to wait for another process that makes the same cache; then one does without."""

log = logging.getLogger(__name__)
_said: set[Path] = set()


def say_once(path: Path, error: OSError) -> None:
    """Log that a cache cannot be written, which costs time and never an answer."""
    if path not in _said:
        _said.add(path)
        reason = error.strerror or error
        log.info("%s cannot be written (%s); what it would hold is kept in memory", path, reason)


def write_arrays(path: Path, **arrays: Any) -> bool:
    """Write arrays as a .npz in one step; False where they cannot be written."""
    try:
        with replacing_cache(path) as partial, partial.open("wb") as file:
            np.savez(file, **arrays)
    except OSError as error:
        say_once(path, error)
        return False
    return True


@contextmanager
def making(path: Path) -> Iterator[bool]:
    """Let one process at a time, and one thread, make a cache; others wait until it is done.

    A process that dies frees the lock. What killed ones left of this cache is deleted.

    Parameters
    ----------
    path : Path
        Of the cache's file.

    Yields
    ------
    bool
        Whether the cache may be written. It may not where its folder cannot be written to, or
        where another process holds the lock for longer than `PATIENCE`.
    """
    try:
        path.parent.mkdir(exist_ok=True)  # no parents: a space that is gone stays gone
        lock = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        say_once(path, error)
        yield False
        return
    try:
        is_alone, may_write = _wait_for(lock, path)
        if is_alone:
            for leftover in path.parent.glob(f"{path.stem}.*.partial"):
                if leftover.name.startswith((f"{path.name}.", f"{path.stem}.json.")):
                    leftover.unlink(missing_ok=True)
        yield may_write
    finally:
        _free(lock)


def _wait_for(lock: int, path: Path) -> tuple[bool, bool]:
    """Take a lock; gives whether it is held, and whether the cache may be written.

    Where there are no locks, each process makes its own cache under a name of its own.
    """
    try:
        import fcntl
    except ImportError:
        return False, True  # Windows
    deadline = time.monotonic() + PATIENCE
    is_said = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True, True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False, False
            if not is_said:
                log.info("%s: another process makes it; waiting", path)
                is_said = True
            time.sleep(0.02)
        except OSError:
            return False, True  # a file system without locks


def _free(lock: int) -> None:
    """Give a lock back at once, also where a process forked meanwhile holds its file open."""
    try:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_UN)
    except (ImportError, OSError):
        pass
    finally:
        os.close(lock)
