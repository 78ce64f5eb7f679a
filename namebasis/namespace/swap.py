"""Put a finished space in the place of an older one without a moment in which both are lost."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from namebasis.errors import SpaceError
from namebasis.namespace.locks import locked
from namebasis.namespace.store import PATIENCE


def new_path(path: Path) -> Path:
    """Where a space that will replace `path` is built.

    Raises
    ------
    SpaceError
        If nothing can lie beside it.
    """
    if not path.name:
        raise SpaceError(f"{path} is the root of a file system, and no space. Give another path.")
    return path.with_name(f".{path.name}.new")


def old_path(path: Path) -> Path:
    """Where the replaced space waits until it is deleted; nowhere for the root."""
    if not path.name:
        return path / ".old"
    return path.with_name(f".{path.name}.old")


def swap(path: Path) -> None:
    """Replace `path` by the finished space beside it and delete what it replaces.

    The caller holds the lock of `path`, which moves along with the folder.
    """
    shutil.rmtree(old_path(path), ignore_errors=True)
    os.rename(path, old_path(path))
    os.rename(new_path(path), path)
    shutil.rmtree(old_path(path), ignore_errors=True)


def clear(path: Path) -> None:
    """Delete the replaced space that a killed `swap` left beside the new one."""
    shutil.rmtree(old_path(path), ignore_errors=True)


def finish_swap(path: Path) -> None:
    """Bring the old space back where a killed `swap` left nothing at `path`.

    The finished new one waits beside it for the same build to be run again.
    """
    old, deadline = old_path(path), time.monotonic() + PATIENCE
    while not path.exists() and old.exists():
        try:
            with locked(old):
                os.rename(old, path)
        except SpaceError:
            # The process that swaps is alive and about to put the new space here.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
