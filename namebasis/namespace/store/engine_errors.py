"""What Lance and the file system raise, in one line that names the path and the remedy."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from namebasis.errors import NamebasisError, SpaceError
from namebasis.forks import enter_lance
from namebasis.namespace.objects.refusals import refusal
from namebasis.namespace.objects.urls import remote_of

_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_SOURCE = re.compile(r",?\s*\S*\.rs:\d+(:\d+)?.*$", re.DOTALL)
"""The place in Lance's source, which is a path of the machine that it was compiled on."""

_REASONS = {
    errno.ENOSPC: "the disk is full. Free some space and run the command again",
    errno.EDQUOT: "the disk quota is used up. Free some space and run the command again",
    errno.EROFS: "the file system is read-only. Write to a copy on another one",
    errno.EACCES: "permission denied. Check the rights of the folder and its files",
    errno.EPERM: "the operation is not permitted. Check the rights of the folder and its files",
    errno.EMFILE: "too many files are open. Raise the limit (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine. Close some programs",
    errno.EIO: "the disk reports an input/output error. Check the disk",
    errno.ENAMETOOLONG: "the name is too long for the file system. Give a shorter path",
}


def one_line(error: BaseException) -> str:
    """An engine's message without its source position and line breaks."""
    return " ".join(_SOURCE.sub("", str(error)).split())


def system_reason(error: BaseException) -> str | None:
    """What the operating system refused, with the remedy; None where it is no such error.

    Lance carries the number of an error of the system only in its text.
    """
    number = error.errno if isinstance(error, OSError) else None
    if number is None:
        found = _OS_ERROR.search(str(error))
        number = int(found.group(1)) if found else None
    return None if number is None else _REASONS.get(number)


def is_of_disk(error: BaseException) -> bool:
    """Whether Lance complains of files and not of what it was asked."""
    return re.search(r"Not found: |LanceError\(IO\)|\(os error \d+\)", str(error)) is not None


def is_of_engine(error: BaseException) -> bool:
    """Whether Lance or Arrow raised it, perhaps as a panic, which is no `Exception`."""
    known = isinstance(error, (ValueError, OSError, RuntimeError, pa.ArrowException))
    return known or type(error).__name__ == "PanicException"


def _comes_from_lance(error: BaseException) -> bool:
    """Whether Lance raised it, and not an encoder, say, that ran while rows were written."""
    frame, module = error.__traceback__, ""
    while frame is not None:
        module, frame = str(frame.tb_frame.f_globals.get("__name__", "")), frame.tb_next
    return module.split(".")[0] in ("lance", "pyarrow") or _SOURCE.search(str(error)) is not None


@contextmanager
def reading(uri: Path) -> Iterator[None]:
    """Turn what the engine raises over a damaged data set into one line.

    Raises
    ------
    SpaceError
        For its errors and its panics.
    ForkError
        In a child forked after its parent had used Lance.
    """
    enter_lance(uri.parent)
    try:
        yield
    except NamebasisError:
        raise
    except BaseException as error:
        if not is_of_engine(error):
            raise
        url = remote_of(uri.parent)
        if url is not None:
            raise refusal(error, url) from None
        reason = system_reason(error)
        if reason is not None:
            raise SpaceError(f"{_named(error, uri)}: {reason}.") from None
        raise SpaceError(f"{uri}: the data set is damaged ({one_line(error)}).") from None


@contextmanager
def writing_files(folder: Path) -> Iterator[None]:
    """Turn what the system refuses (a full disk, missing rights) into one line.

    Raises
    ------
    SpaceError
        For such errors; others pass.
    """
    try:
        yield
    except NamebasisError:
        raise
    except BaseException as error:
        url = remote_of(folder)
        if url is not None and is_of_engine(error) and _comes_from_lance(error):
            raise refusal(error, url) from error
        reason = system_reason(error) if is_of_engine(error) else None
        if reason is None:
            raise
        raise SpaceError(f"{_named(error, folder)}: {reason}.") from error


def _named(error: BaseException, otherwise: Path) -> str:
    name = error.filename if isinstance(error, OSError) else None
    return os.fsdecode(name) if isinstance(name, (str, bytes)) else str(otherwise)
