"""Where a command's results go: looked at before the work, so that none is lost after it."""

from __future__ import annotations

import os
from pathlib import Path

from namebasis.atomic import check_folder_place, check_place
from namebasis.errors import SpaceError


def refuse_existing(*paths: Path | None, overwrite: bool) -> None:
    """Refuse files that cannot be written, or may not be.

    Raises
    ------
    SpaceError
        If one exists and may not be overwritten, there is no folder for it that can be written to,
        or two are the same file.
    """
    taken: dict[Path, Path] = {}
    for path in paths:
        if path is None:
            continue
        check_place(path, overwrite)
        where = path.resolve()
        if where in taken:
            raise SpaceError(f"{path} is given for two results. Give each its own file.")
        taken[where] = path


def refuse_folder(*folders: Path | None) -> None:
    """Refuse folders that cannot be made or written to.

    Raises
    ------
    SpaceError
        If a file is in the way, or the folder above may not be written to.
    """
    for folder in folders:
        if folder is not None:
            check_folder_place(folder)


def as_given(space: Path) -> str:
    """A space as it was given: an address without the slash that `pathlib` took from it."""
    from namebasis.namespace.objects.urls import url_of

    return url_of(str(space)) or str(space)


def refuse_readonly(space: Path, is_written: bool = True) -> None:
    """Refuse to write into a space that is there and may not be written to.

    Raises
    ------
    SpaceError
    """
    if is_written and space.is_dir() and not os.access(space, os.W_OK | os.X_OK):
        raise SpaceError(f"{space} may not be written to. Write to a copy of it.")
