"""Spaces below a folder: what each holds, how large and how old it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from namebasis.checks import check_count
from namebasis.errors import NamebasisError, SpaceError
from namebasis.namespace.objects.data_sets import find_remote, folders_below, open_remote
from namebasis.namespace.objects.urls import remote_of, said
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.store.opening import IMAGES, NAMES
from namebasis.namespace.store.places import for_lance, place_of
from namebasis.namespace.store.provenance import Provenance
from namebasis.results import Result, Table, plain_dict

_COLUMNS = ("space", "names", "encoder", "views", "MB", "changed", "state")


@dataclass(frozen=True)
class ListedSpace:
    """A space as it is listed.

    Attributes
    ----------
    space : str
        Its folder or address, from the folder that was searched.
    names : int or None
        None where it cannot be read.
    encoder : str or None
    views : tuple of str
    n_bytes : int
        Of all its files; in object storage, of its newest version.
    changed : str
        Day of the last change, ISO.
    state : str
        `done`, `building` where a build was stopped, or why it cannot be read.
    """

    space: str
    names: int | None
    encoder: str | None
    views: tuple[str, ...]
    n_bytes: int
    changed: str
    state: str


@dataclass(frozen=True, repr=False)
class SpaceList(Result):
    """The spaces below a folder.

    Attributes
    ----------
    folder : Path
    spaces : tuple of ListedSpace
        By their folders.
    """

    folder: Path
    spaces: tuple[ListedSpace, ...]

    def headline(self) -> str:
        if not self.spaces:
            return (
                f"there is no name space in or below {self.folder}; "
                f"`namebasis build {self._new()} NAMES` makes one"
            )
        number = len(self.spaces)
        return f"{number:,} name space{'s' * (number != 1)} in or below {self.folder}"

    def _new(self) -> str:
        url = remote_of(self.folder)
        return "my.space" if url is None else f"{url}/my.space"

    def tables(self) -> tuple[Table, ...]:
        if not self.spaces:
            return ()
        has_others = any(one.state != "done" for one in self.spaces)
        columns = _COLUMNS if has_others else _COLUMNS[:-1]
        rows = [
            (one.space, one.names, one.encoder, one.views, round(one.n_bytes / 1e6, 3),
             one.changed, one.state)[: len(columns)]
            for one in self.spaces
        ]  # fmt: skip
        return (Table(columns, rows),)

    def to_arrow(self) -> pa.Table:
        """One row per space."""
        fields = [
            ("space", pa.string()), ("names", pa.int64()), ("encoder", pa.string()),
            ("views", pa.list_(pa.string())), ("n_bytes", pa.int64()), ("changed", pa.string()),
            ("state", pa.string()),
        ]  # fmt: skip
        return pa.Table.from_pylist([asdict(one) for one in self.spaces], pa.schema(fields))

    def to_dict(self) -> dict[str, Any]:
        """The folder and its spaces."""
        return plain_dict(
            {"folder": said(self.folder), "spaces": [asdict(one) for one in self.spaces]}
        )


def list_spaces(folder: str | Path = ".", *, depth: int = 3) -> SpaceList:
    """List the spaces in a folder and below it; links to folders are not followed.

    Parameters
    ----------
    folder : str or Path
        On this machine, or in object storage, such as ``s3://bucket``.
    depth : int
        How many folders deep to look; 0 for this one alone.

    Raises
    ------
    SpaceError
        If there is no such folder or bucket, or it cannot be read.
    """
    check_count(depth, "depth", low=0)
    top = place_of(folder, is_folder=True)
    url = remote_of(top)
    if url is not None:
        return SpaceList(top, tuple(_spaces_there(url, url, depth)))
    if not top.is_dir():
        what = "is a file" if top.exists() else "does not exist"
        raise SpaceError(f"{top} {what}; give a folder.")
    try:
        os.listdir(top)
    except OSError as error:
        raise SpaceError(f"{top}: cannot be read ({error.strerror}).") from None
    return SpaceList(top, tuple(_listed(path, top) for path in _folders(top, depth)))


def _folders(folder: Path, depth: int) -> Iterator[Path]:
    if (folder / NAMES).is_dir():
        yield folder
        return
    if depth == 0:
        return
    try:
        with os.scandir(folder) as entries:
            below = sorted(
                entry.name
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
            )
    except OSError:
        return
    for name in below:
        yield from _folders(folder / name, depth - 1)


def _spaces_there(url: str, top: str, depth: int) -> Iterator[ListedSpace]:
    """The spaces at an address in object storage and below it."""
    below = folders_below(url)
    if NAMES in below:
        yield _listed_there(url, top, IMAGES in below)
    elif depth:
        for name in below:
            if not name.startswith("."):
                yield from _spaces_there(f"{url}/{name}", top, depth - 1)


def _listed_there(url: str, top: str, has_pictures: bool) -> ListedSpace:
    named = url.removeprefix(top).lstrip("/") or "."
    try:
        path = place_of(url)
        store = Store(path, open_remote(for_lance(path / NAMES), url))
        pictures = find_remote(for_lance(path / IMAGES), url) if has_pictures else None
        versions = [one.get_version() for one in (store.dataset, pictures) if one is not None]
        source = Provenance.from_metadata(store.metadata, url)
    except NamebasisError as error:
        reason = str(error).removeprefix(f"{url}: ")
        return ListedSpace(named, None, None, (), 0, "", reason)
    n_bytes = sum(int(one["metadata"]["total_files_size"]) for one in versions)
    changed = max(one["timestamp"] for one in versions).astimezone(UTC).date().isoformat()
    return ListedSpace(
        named, store.n_rows, source.encoder, store.views, n_bytes, changed, source.state
    )


def _listed(path: Path, top: Path) -> ListedSpace:
    n_bytes, newest = _size(path)
    changed = datetime.fromtimestamp(newest, UTC).date().isoformat()
    named = "." if path == top else str(path.relative_to(top))
    try:
        store = Store(path)
        source = Provenance.from_metadata(store.metadata, str(path))
    except NamebasisError as error:
        reason = str(error).removeprefix(f"{path}: ")
        return ListedSpace(named, None, None, (), n_bytes, changed, reason)
    return ListedSpace(
        named, store.n_rows, source.encoder, store.views, n_bytes, changed, source.state
    )


def _size(path: Path) -> tuple[int, float]:
    """Bytes of all files, and when a version was last written."""
    n_bytes, newest = 0, path.stat().st_mtime
    for folder, _, files in os.walk(path):
        for name in files:
            try:
                state = os.stat(os.path.join(folder, name), follow_symlinks=False)
            except OSError:
                continue
            n_bytes += state.st_size
            if name.endswith(".manifest"):
                newest = max(newest, state.st_mtime)
    return n_bytes, newest
