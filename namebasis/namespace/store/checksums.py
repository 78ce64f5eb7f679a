"""Checksums of every file of a space's data sets, noted by the process that wrote them.

Lance never writes to a file twice, so one checksum holds for as long as its file: a small write
notes the few files that are new. They are noted as the lock of the space is given back; a writer
that dies before leaves files without one, which the next writer notes.
"""

from __future__ import annotations

import json
import logging
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from namebasis.atomic import replacing_file
from namebasis.errors import NamebasisError, SpaceError
from namebasis.reading import UnreadableError, open_regular, parse_json, read_text

CHECKSUMS = "checksums.json"
DATA_SETS = ("names.lance", "images.lance", "measurements.lance")
_FOLDERS = ("data", "_deletions")
_BLOCK = 1 << 22

log = logging.getLogger(__name__)


@dataclass
class Noted:
    """What is noted of one data set.

    Attributes
    ----------
    newest : str
        File name of its newest manifest, in `_versions`; empty where there was none.
    files : dict of str to tuple of int
        Size, CRC-32 and time in ns of files, by their path in the data set's folder.
    """

    newest: str = ""
    files: dict[str, tuple[int, int, int]] = field(default_factory=dict)


def note(folder: Path) -> None:
    """Note the checksums of files of a space that are new; its lock must be held.

    A full disk, or a file that vanishes meanwhile, costs the checksums and not what was written.
    """
    try:
        before = _read_or_nothing(folder)
        now = {name: _noted_now(folder / name, before.get(name, Noted())) for name in DATA_SETS}
        now = {name: noted for name, noted in now.items() if noted.newest}
        if now and now != before:
            with replacing_file(folder / CHECKSUMS, overwrite=True) as stream:
                stream.write(_to_json(now).encode())
    except (OSError, NamebasisError) as error:
        log.info("%s: the checksums of what was written are not kept (%s)", folder, error)


def read_noted(folder: Path) -> dict[str, Noted]:
    """What is noted of the data sets of a space; empty where nothing was.

    Raises
    ------
    SpaceError
        If it is damaged.
    """
    path = folder / CHECKSUMS
    try:
        text = read_text(path)
        values = parse_json(text, path)
        noted = {
            str(name): Noted(
                str(entry["newest"]),
                {str(file): (int(a), int(b), int(c)) for file, (a, b, c) in entry["files"].items()},
            )
            for name, entry in values["sets"].items()
        }
    except UnreadableError as error:
        if error.is_missing:
            return {}
        raise SpaceError(f"{path}: damaged ({error.reason}).") from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise SpaceError(f"{path}: damaged ({error!r}).") from None
    if text != _to_json(noted):
        raise SpaceError(f"{path}: damaged (its own checksum is not the one written with it).")
    return noted


def newest_manifest(uri: Path) -> str:
    """File name of the newest manifest of a data set; empty where there is none."""
    try:
        # Named by the largest number minus the version, so that the newest comes first.
        return min(
            (name for name in os.listdir(uri / "_versions") if name.endswith(".manifest")),
            default="",
        )
    except OSError:
        return ""


def manifest(name: str) -> str:
    """Path of a manifest in its data set's folder."""
    return f"_versions/{name}"


def crc_of(path: Path, seen: Callable[[int], None] = lambda n_bytes: None) -> tuple[int, int]:
    """Size and CRC-32 of a file.

    Parameters
    ----------
    path : Path
    seen : callable, optional
        Called with the number of bytes of each block that was read.

    Raises
    ------
    UnreadableError
        If it cannot be read.
    """
    size, crc = 0, 0
    with open_regular(path) as file:
        while block := file.read(_BLOCK):
            crc = zlib.crc32(block, crc)
            size += len(block)
            seen(len(block))
    return size, crc


def _noted_now(uri: Path, before: Noted) -> Noted:
    newest = newest_manifest(uri)
    if not newest:
        return Noted()
    files = {}
    for path in (uri / manifest(newest), *_data_files(uri)):
        name, time = path.relative_to(uri).as_posix(), path.stat().st_mtime_ns
        known = before.files.get(name)
        # The number of a version may come a second time, after damage or a new beginning.
        if known is None or (name == manifest(newest) and known[2] != time):
            known = (*crc_of(path), time)
        files[name] = known
    return Noted(newest, files)


def _data_files(uri: Path) -> Iterator[Path]:
    for folder in _FOLDERS:
        if (uri / folder).is_dir():
            yield from sorted(path for path in (uri / folder).iterdir() if path.is_file())


def _read_or_nothing(folder: Path) -> dict[str, Noted]:
    try:
        return read_noted(folder)
    except SpaceError as error:
        log.info("%s; all are recorded again", error)
        return {}


def _to_json(noted: dict[str, Noted]) -> str:
    sets: dict[str, Any] = {
        name: {"newest": entry.newest, "files": {k: list(v) for k, v in entry.files.items()}}
        for name, entry in noted.items()
    }
    check = zlib.crc32(json.dumps(sets, sort_keys=True).encode())
    return json.dumps({"sets": sets, "check": check}, indent=0)
