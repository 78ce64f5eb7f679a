"""One writer at a time, and only into the space that it knows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from namebasis.errors import ReplacedError, SpaceError
from namebasis.namespace.objects.picture_versions import let_go
from namebasis.namespace.store import checksums
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.store.engine_errors import writing_files
from namebasis.namespace.store.history import settle
from namebasis.namespace.store.opening import holds_versions
from namebasis.namespace.store.pins import clear_unread

LOCK = ".lock"


@contextmanager
def writing(known: Store) -> Iterator[Store]:
    """Lock the space that `known` was opened from and open its newest version.

    Parameters
    ----------
    known : Store
        What the data to be written was computed from. Names may have been added since: rows
        never move.

    Raises
    ------
    ReplacedError
        If another space lies there now.
    SpaceError
        If another process writes to the space, or the disk is full or may not be written to.
    """
    if not holds_versions(known.folder):
        raise ReplacedError(f"{known.folder}: the space is gone since it was opened.")
    with locked(known.folder):
        newest = Store(known.folder)
        if newest.build_id != known.build_id:
            raise ReplacedError(
                f"{known.folder}: the space was replaced since it was opened, so nothing is "
                "written to it. Open the new one and do it again."
            )
        settle(newest)
        yield newest


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other writers out of a space; the lock ends with the process that holds it.

    What was written is given its checksums before the lock is given back.

    Parameters
    ----------
    folder : Path
        Of the space.

    Raises
    ------
    SpaceError
        If another process writes to the space, or the disk is full or may not be written to.
    """
    with writing_files(folder):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = _lock(folder)
        try:
            yield
        finally:
            let_go(folder)
            try:
                checksums.note(folder)
                clear_unread(folder)
            finally:
                if descriptor is not None:
                    os.close(descriptor)


@contextmanager
def relocked(folder: Path) -> Iterator[None]:
    """Lock a folder that is there, to move it back; nothing is made or noted.

    Raises
    ------
    FileNotFoundError
        If it is gone.
    SpaceError
        As `locked` does.
    """
    try:
        descriptor = _lock(folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        with writing_files(folder):
            raise error
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _lock(folder: Path) -> int | None:
    try:
        import fcntl
    except ImportError:
        # Windows: two writers at once are then the user's to avoid.
        return None
    while True:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SpaceError(
                    f"{folder}: another process is writing to it; wait for it."
                ) from None
            if _is_at(descriptor, folder / LOCK):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        # The folder was replaced between the two calls: this is the lock of what is gone.
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
