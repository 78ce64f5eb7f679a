"""Pictures inside tar archives: found, told from what cannot be used, and read where they lie.

The path of a picture in an archive is the archive's path with the member's behind it:
``shards/00000.tar/000000012.jpg``. Nothing is unpacked to disk.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from namebasis.encoders.picture_rows import is_row, read_row, split_row
from namebasis.errors import EncoderError
from namebasis.reading import LARGE, UnreadableError, digest_of, is_regular, open_regular

PACKED = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".zip", ".7z")
"""Archives in which a member cannot be read without all that comes before it."""
_BLOCK = 512
_OPEN_ARCHIVES = 8
_CUT = "the archive is cut off"


@dataclass(frozen=True)
class Archive:
    """What a tar archive holds.

    Attributes
    ----------
    members : dict
        Offset and size of each plain file by its path inside, in their order.
    refused : dict
        Why the others are not read, by their paths inside; the archive itself is "".
    """

    members: dict[str, tuple[int, int]]
    refused: dict[str, str]


def is_archive(path: Path) -> bool:
    """Whether a path is that of a tar archive which is there."""
    return path.suffix.lower() == ".tar" and path.is_file()


def is_packed(path: Path) -> bool:
    """Whether a file is an archive that must be unpacked first, by its name."""
    return path.name.lower().endswith(PACKED) and path.is_file()


def split_place(path: Path) -> tuple[Path, str] | None:
    """An archive and the path inside, where a path leads into one; None for any other."""
    if ".tar" not in str(path).lower():
        return None
    for parent in path.parents:
        if is_archive(parent):
            return parent, path.relative_to(parent).as_posix()
    return None


def _row_of(path: Path) -> tuple[Path, int] | None:
    """A Parquet file that is there and a row; None for any other path, such as a file called so."""
    found = split_row(path)
    return None if found is None or not found[0].is_file() or path.exists() else found


def is_there(path: Path) -> bool:
    """Whether there is a file at a path, or inside an archive."""
    if "\0" in str(path):
        return False
    place = split_place(path)
    if place is None:
        row = _row_of(path)
        return is_regular(path) if row is None else is_row(*row)
    try:
        return place[1] in archive_of(place[0]).members
    except EncoderError:
        return False


def archive_of(path: Path) -> Archive:
    """List a tar archive.

    A link, a device and a member whose path leads out of the archive are refused; of one that is
    cut off, all that is whole is there.

    Raises
    ------
    EncoderError
        If the file is no tar archive.
    """
    try:
        facts = os.stat(path)
    except OSError as error:
        raise EncoderError(f"{path}: {error.strerror}.") from None
    return _listed(path, facts.st_mtime_ns, facts.st_size)


@lru_cache(_OPEN_ARCHIVES)
def _listed(path: Path, _: int, n_bytes: int) -> Archive:
    members: dict[str, tuple[int, int]] = {}
    refused: dict[str, str] = {}
    try:
        with open_regular(path) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            for info in _members(tar):
                name = _inside(info.name)
                if name is None:
                    refused[info.name] = "its path leads out of the archive"
                elif not info.isreg() or info.issparse():
                    refused[name] = "it is a link or a device, not a file"
                elif info.offset_data + info.size > n_bytes:
                    refused[name] = _CUT
                elif name in members:
                    refused[name] = "two files of the archive have its path; the first is taken"
                else:
                    members[name] = info.offset_data, info.size
            told = _end(stream, tar.offset, n_bytes)
            if told is not None and _CUT not in refused.values():
                refused[""] = told
    except (tarfile.TarError, UnreadableError, ValueError, OverflowError) as error:
        why = error.reason if isinstance(error, UnreadableError) else f"no tar archive ({error})"
        raise EncoderError(f"{path}: {why}.") from None
    return Archive(members, refused)


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while True:
        try:
            info = tar.next()
        except tarfile.ReadError:  # the end comes too early, which `_end` says
            return
        if info is None:
            return
        # Else the list grows by 1 KB a file.
        tar.members.clear()  # type: ignore[attr-defined]
        if not info.isdir():
            yield info


def _end(stream: BinaryIO, offset: int, n_bytes: int) -> str | None:
    """What is wrong where the files of an archive end; None where its mark of the end is."""
    stream.seek(min(offset, n_bytes))
    block = stream.read(_BLOCK)
    if len(block) < _BLOCK:
        return _CUT
    is_mark = not block.strip(b"\0")
    return None if is_mark else f"it is damaged behind byte {offset:,}; what follows is not read"


def _inside(name: str) -> str | None:
    """A member's path without a dot at its front; None where it leads out of the archive."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or not path.parts:
        return None
    return path.as_posix()


@contextmanager
def open_picture(path: Path) -> Iterator[BinaryIO]:
    """Open a picture's file for reading, wherever it lies.

    Raises
    ------
    UnreadableError
        As `open_regular`, and if an archive holds no such file.
    """
    place, row = split_place(path), _row_of(path)
    if row is not None:
        yield BytesIO(read_row(*row))
    elif place is None:
        with open_regular(path) as stream:
            yield stream
    else:
        yield BytesIO(read_inside(*place))


def read_inside(archive: Path, name: str, limit: int = LARGE) -> bytes:
    """Read a file of an archive.

    Raises
    ------
    UnreadableError
        If the archive holds no such file, or a larger one.
    """
    try:
        offset, size = archive_of(archive).members[name]
    except KeyError:
        raise UnreadableError(
            archive / name, "the archive holds no such file", is_missing=True
        ) from None
    except EncoderError as error:
        raise UnreadableError(archive, str(error)) from None
    if size > limit:
        raise UnreadableError(
            archive / name, f"it holds {size:,} bytes; at most {limit:,} are read"
        )
    with open_regular(archive) as stream:
        stream.seek(offset)
        data = stream.read(size)
    if len(data) < size:
        raise UnreadableError(archive / name, _CUT)
    return data


def digest_of_picture(path: Path) -> str:
    """SHA-256 of a picture's file, in hex; see `open_picture`.

    Raises
    ------
    UnreadableError
    """
    place, row = split_place(path), _row_of(path)
    if row is not None:
        return hashlib.sha256(read_row(*row)).hexdigest()
    if place is None:
        return digest_of(path)
    return hashlib.sha256(read_inside(*place)).hexdigest()
