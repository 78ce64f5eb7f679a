"""Which version of the pictures is the one of a space in object storage.

Names and pictures are two data sets, and no lock keeps other machines out. So the metadata of the
names says which version of the pictures counts, and one commit moves both. What a writer put into
the pictures and did not get to note there is seen by nobody, and the next writer begins without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from namebasis.namespace.objects.urls import remote_of

PICTURES_KEY = "namebasis.pictures"
"""In the metadata of the names: the version of the pictures that counts, 0 for none."""

_held: dict[str, int] = {}
"""Versions that writers of this process have made, by the folders that they have locked."""


def noted_version(metadata: Mapping[bytes, bytes] | None) -> int | None:
    """The version of the pictures that the metadata of names says; None where it says none.

    It says none in a space that was copied to storage: there the newest counts.
    """
    text = (metadata or {}).get(PICTURES_KEY.encode(), b"")
    return int(text) if text.isdigit() else None


def hold(folder: Path, version: int) -> None:
    """Go on from a version of the pictures, in a folder that this process has locked.

    A commit that another writer made meanwhile is not gone on from: the next one is refused then.
    """
    if remote_of(folder) is not None:
        _held[str(folder)] = version


def held_version(folder: Path) -> int | None:
    """The version that this process goes on from; None where it does not write pictures."""
    return _held.get(str(folder))


def let_go(folder: Path) -> None:
    """Forget what was held, as the lock is given back."""
    _held.pop(str(folder), None)


def picture_note(folder: Path) -> dict[str, str]:
    """Metadata by which names say that the held version counts; nothing where none is held."""
    version = held_version(folder)
    return {} if version is None else {PICTURES_KEY: str(version)}
