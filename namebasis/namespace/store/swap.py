"""Put a finished space in the place of an older one without a moment in which both are lost."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from namebasis.errors import SpaceError
from namebasis.namespace.objects.urls import folder_of, remote_of
from namebasis.namespace.store.locks import relocked
from namebasis.namespace.store.opening import PATIENCE, holds_versions
from namebasis.namespace.store.pins import clear_unread, discard


def new_path(path: Path) -> Path:
    """Where a space that will replace `path` is built.

    Raises
    ------
    SpaceError
        If nothing can lie beside it.
    """
    if not path.name:
        raise SpaceError(f"{path} is the root of a file system, and no space. Give another path.")
    url = remote_of(path)
    if url is not None:
        above, _, name = url.rpartition("/")
        return folder_of(f"{above}/.{name}.new")
    return path.with_name(f".{path.name}.new")


def old_path(path: Path) -> Path:
    """Where the replaced space waits until it is deleted; nowhere for the root."""
    if not path.name:
        return path / ".old"
    return path.with_name(f".{path.name}.old")


def swap(path: Path) -> None:
    """Replace `path` by the finished space beside it.

    What it replaces is deleted, or kept aside for as long as somebody reads it. The caller holds
    the lock of `path`, which moves along with the folder.
    """
    discard(old_path(path), path)
    os.rename(path, old_path(path))
    os.rename(new_path(path), path)
    discard(old_path(path), path)


def clear(path: Path) -> None:
    """Delete what was replaced at `path` and left: by a killed `swap`, or by its last reader."""
    discard(old_path(path), path)
    clear_unread(path)


def finish_swap(path: Path) -> None:
    """Bring the old space back where a killed `swap` left nothing at `path`.

    The finished new one waits beside it for the same build to be run again.
    """
    old, deadline = old_path(path), time.monotonic() + PATIENCE
    while not path.exists() and old.exists():
        try:
            with suppress(FileNotFoundError), relocked(old):
                # Who swaps may have ended between the look and the lock.
                if not path.exists() and holds_versions(old):
                    os.rename(old, path)
        except SpaceError:
            # The process that swaps is alive and about to put the new space here.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def is_swapping(path: Path) -> bool:
    """Whether another process is putting a space at `path` just now."""
    try:
        with relocked(old_path(path)):
            return False
    except FileNotFoundError:
        return False
    except SpaceError:
        return True
