"""Put a finished space in the place of an older one without a moment in which both are lost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def new_path(path: Path) -> Path:
    """Where a space that will replace `path` is built."""
    return path.with_name(f".{path.name}.new")


def old_path(path: Path) -> Path:
    """Where the replaced space waits until it is deleted."""
    return path.with_name(f".{path.name}.old")


def swap(path: Path) -> None:
    """Replace `path` by the finished space beside it and delete what it replaces."""
    finish_swap(path)
    if path.exists():
        os.rename(path, old_path(path))
    os.rename(new_path(path), path)
    shutil.rmtree(old_path(path), ignore_errors=True)


def finish_swap(path: Path) -> None:
    """Clear up after a `swap` that was killed: the old space comes back or is deleted.

    Killed between its two renames, a swap leaves nothing at `path`; the old space then returns
    there, and the finished new one waits beside it for the same build to be run again.
    """
    if not old_path(path).exists():
        return
    if path.exists():
        shutil.rmtree(old_path(path), ignore_errors=True)
    else:
        os.rename(old_path(path), path)
