"""Where a space lies: one absolute folder, however it was written, and a spelling for Lance.

A space in object storage has a folder too, of this machine's cache, in which all but its rows lies.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from pathlib import Path

from namebasis.errors import SpaceError
from namebasis.namespace.objects.urls import SpaceFolder, folder_of, remote_of, url_of

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_UNSPEAKABLE = re.compile("[\0-\x1f\x7f\ud800-\udfff]")
"""Lance's paths are UTF-8 without control characters; a file system's need not be."""
_PLAIN = re.compile(r"[A-Za-z0-9 !$&'()+,./:;=@_-]*")
"""What a URL holds as it is, and the space, which Lance leaves alone too."""


def place_of(path: str | Path, *, is_folder: bool = False) -> Path:
    """Make a space's path absolute, once, so that no later `chdir` sends it elsewhere.

    `~` and `~user` at its beginning are home folders, as in a shell.

    Parameters
    ----------
    path : str or Path
    is_folder : bool
        Whether it is that of a folder of spaces, which may be a bucket.

    Returns
    -------
    Path
        Absolute; links in it are kept, `..` is resolved. Of a space in object storage
        (``s3://bucket/my.space``, also ``gs://`` and ``az://``), its folder in the cache.

    Raises
    ------
    SpaceError
        If it is empty, holds a NUL byte, or is a URI of another kind.
    """
    text = os.fspath(path)
    if not text:
        raise SpaceError("the path of a name space is empty. Give a folder.")
    if "\0" in text:
        raise SpaceError(f"{text!r} holds a NUL byte, so it names no folder. Give another path.")
    if text.rstrip("/") in ("s3:", "gs:", "az:") and not os.path.isdir(text):
        scheme = text.rstrip("/")  # pathlib leaves no slash at the end
        raise SpaceError(f"{scheme}// names no bucket. Give one, such as {scheme}//BUCKET.")
    found = _URI.match(text)
    # pathlib makes one slash of two; a folder that is called so may still be meant.
    if found and ("://" in text[: found.end() + 1] or not os.path.isdir(found.group())):
        url = url_of(text, is_folder=is_folder)
        if url is not None:
            return folder_of(url)
        raise SpaceError(
            f"{_as_given(text)}: a name space is a folder on a disk of this machine, or lies in "
            "object storage at s3://, gs:// or az://. Give one of these."
        )
    folder = Path(os.path.expanduser(text)).absolute()
    if remote_of(folder) is not None:
        return SpaceFolder(folder)
    return Path(os.path.realpath(folder)) if ".." in folder.parts else folder


def _as_given(text: str) -> str:
    return text if "://" in text else text.replace(":/", "://", 1)


def for_lance(folder: Path) -> str:
    """Spell a data set's folder so that Lance takes it for a local one and can read it.

    Of a space in object storage it is the address there. Lance parses what it is given as a URI,
    and refuses control characters and bytes that are not UTF-8. Such a folder is reached through
    a link that lasts as long as this process.

    Parameters
    ----------
    folder : Path
        Of a data set, in the folder of a space.

    Raises
    ------
    SpaceError
        If such a folder cannot be linked to.
    """
    absolute = folder.absolute()
    url = remote_of(absolute.parent)
    if url is not None:
        return f"{url}/{absolute.name}"
    if not _UNSPEAKABLE.search(str(absolute)):
        return str(absolute)
    return str(_link(absolute.parent) / absolute.name)


def for_tags(uri: str) -> str:
    """Spell a data set's folder so that Lance makes a tag in it and nothing beside it.

    Where a path holds what a URL would encode (ü, ~, %), Lance makes an empty folder of the
    encoded name too. In object storage it makes none.
    """
    if "://" in uri:
        return uri
    folder = Path(uri)
    return uri if _PLAIN.fullmatch(uri) else str(_link(folder.parent) / folder.name)


_links: dict[tuple[int, Path], Path] = {}


def _link(target: Path) -> Path:
    # A forked child has its own links: those of its parent go with the parent.
    key = os.getpid(), target
    if key not in _links:
        try:
            where = Path(tempfile.mkdtemp(prefix="namebasis-"))
            link = where / "space"
            link.symlink_to(target, target_is_directory=True)
        except OSError as error:
            raise SpaceError(
                f"{str(target)!r} holds characters that the store cannot spell, and no link to it "
                f"can be made ({error.strerror}). Rename the folder."
            ) from None
        atexit.register(shutil.rmtree, where, ignore_errors=True)
        _links[key] = link
    return _links[key]
