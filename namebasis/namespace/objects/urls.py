"""Addresses of spaces in object storage, and the local folder that goes with each.

The rows lie at the address and nowhere else. Locks, indices and other caches lie in a folder of
this machine's cache, which is named after the address, so that the one is found by the other.
Caches carry the id of the vectors that they were made of, so one of an older version is never used.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from namebasis.errors import SpaceError

if TYPE_CHECKING:
    _AnyPath = Path
else:
    _AnyPath = type(Path())  # of this system

SCHEMES = ("s3", "gs", "az")
_URL = re.compile(rf"({'|'.join(SCHEMES)}):/{{1,2}}(.*)", re.DOTALL)
_BUCKET = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
CREDENTIALS = "Credentials come from the environment of Ray on each machine; none are sent there."
_ABOVE = ("namebasis", "spaces")
"""The folders, in the cache, that hold one folder for each space."""
_BEGINNINGS = tuple(f"{scheme}%3A%2F%2F" for scheme in SCHEMES)
_DATA_SET = ".lance"
"""What names of data sets end with: those lie at the address, all else in the folder here."""
_LONGEST = 240
"""Bytes of a folder's name; file systems take 255, and caches write beside it."""


def url_of(text: str, *, is_folder: bool = False) -> str | None:
    """The address of a space in object storage that a text is; None where it is none.

    Parameters
    ----------
    text : str
        Such as ``s3://bucket/my.space``; with one slash too, which is what `pathlib` makes of it.
    is_folder : bool
        Whether it is that of a folder of spaces, which may be a bucket.

    Returns
    -------
    str or None
        Without a slash at its end.

    Raises
    ------
    SpaceError
        If it lacks a bucket or a name, or holds what no address may: a password, a query, an
        empty or dotted part, a control character.
    """
    found = _URL.fullmatch(text)
    if found is None:
        return None
    scheme, rest = found.group(1), found.group(2).rstrip("/")
    bucket, _, key = rest.partition("/")
    if "@" in bucket or "?" in rest or "#" in rest:
        raise SpaceError(
            f"an address of a space in {scheme}:// takes no user, password, ? or #. Credentials "
            "come from the environment."  # the text itself may hold a password: it is not repeated
        )
    url = f"{scheme}://{rest}"
    if is_folder and not _BUCKET.fullmatch(bucket):
        raise SpaceError(f"{url}: give a bucket, such as {scheme}://bucket.")
    if not _BUCKET.fullmatch(bucket) or not (key or is_folder):
        raise SpaceError(f"{url}: give a bucket and a name, such as {scheme}://bucket/my.space.")
    parts = key.split("/") if key else []
    if any(part in ("", ".", "..") for part in parts) or not key.isprintable():
        raise SpaceError(f"{url!r}: empty or dotted parts, or control characters. Rename it.")
    if len(quote(url, safe="").encode()) > _LONGEST:
        raise SpaceError(f"{url}: longer than {_LONGEST} bytes. Choose a shorter name.")
    return url


class SpaceFolder(_AnyPath):
    """The local folder of a space in object storage; a message names it by its address."""

    def __format__(self, spec: str) -> str:
        return format(said(self), spec)


def folder_of(url: str) -> Path:
    """The local folder of a space in object storage; it need not be there."""
    given = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    base = given if given and os.path.isabs(given) else Path.home() / ".cache"
    return SpaceFolder(base, *_ABOVE, quote(url, safe=""))


def remote_of(folder: Path) -> str | None:
    """The address of the space that a local folder goes with; None where it is a space itself."""
    # Most are none, and are told by their names.
    if not folder.name.startswith(_BEGINNINGS) or folder.parent.parts[-2:] != _ABOVE:
        return None
    return unquote(folder.name)


def said(folder: Path) -> str:
    """The address of a space, or of a data set of one, or its folder, as a message names it."""
    around = remote_of(folder.parent) if folder.suffix == _DATA_SET else None
    return f"{around}/{folder.name}" if around else remote_of(folder) or str(folder)


def short_name(folder: Path) -> str:
    """The last part of a space's address or folder."""
    return said(folder).rpartition("/")[2] if remote_of(folder) else folder.name


def make_folder(folder: Path) -> None:
    """Make the local folder of a space in object storage; without one nothing is cached."""
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
