"""Open the data set of a space: its files looked at first, its version held, refusals clear."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from namebasis.errors import NamebasisError, SpaceError
from namebasis.forks import enter_lance
from namebasis.namespace.objects.data_sets import find_remote, open_remote
from namebasis.namespace.objects.picture_versions import held_version, noted_version
from namebasis.namespace.objects.urls import make_folder, remote_of
from namebasis.namespace.store.engine_errors import reading
from namebasis.namespace.store.pins import Pin, pin
from namebasis.namespace.store.places import for_lance

NAMES = "names.lance"
IMAGES = "images.lance"

PATIENCE = 30.0
"""Seconds to try again while writers beside this process change what is opened."""

MANIFEST_TAIL = 16
"""Bytes of a manifest's footer: position, two version numbers, and the letters LANC."""

_Files = list[tuple[str, int | None]]
"""Paths, and the sizes that are written down."""


def holds_commit(uri: Path) -> bool:
    """Whether a first commit of a data set was made; a writer that was killed may leave less."""
    url = remote_of(uri.parent)
    if url is None:
        return any((uri / "_versions").glob("*.manifest"))
    if uri.name == IMAGES:
        return images_version(uri.parent) > 0
    return find_remote(for_lance(uri), url) is not None


def holds_versions(folder: Path) -> bool:
    """Whether a first commit of the data set was made in `folder`."""
    return newest_version(folder) is not None


def open_dataset(uri: Path) -> Any:
    """Open a data set and look that its files are there with the sizes written down.

    Raises
    ------
    SpaceError
        Naming the file that is missing, cut short or damaged.
    """
    url = remote_of(uri.parent)
    if url is not None and uri.name == IMAGES:
        return open_newest(uri)
    if url is not None:
        dataset = open_remote(for_lance(uri), url)
        make_folder(uri.parent)
        return dataset
    return _open_here(uri)[0]


def _open_here(uri: Path) -> tuple[Any, _Files]:
    """Open a data set on this machine, again where a writer changes what is opened."""
    deadline = time.monotonic() + PATIENCE
    while True:
        before = newest_version(uri.parent, uri.name)
        try:
            return _open(uri)
        except SpaceError:
            # A writer beside this process may just have put another version in its place.
            if newest_version(uri.parent, uri.name) == before or time.monotonic() > deadline:
                raise


def open_pinned(uri: Path) -> tuple[Pin | None, Any]:
    """Open a data set, and hold its folder and its version where the system can."""
    if remote_of(uri.parent) is not None:
        return None, open_dataset(uri)  # old versions stay for a day
    deadline = time.monotonic() + PATIENCE
    while True:
        with reading(uri):
            held = pin(uri.parent)
        if held is None:
            return None, open_dataset(uri)
        at = held.path / uri.name
        with named(held), reading(at):
            dataset, files = _open_here(at)
            # The version may have been dropped before it was held.
            if held.hold(at, dataset.version):
                _check(files)
                return held, dataset
        if time.monotonic() > deadline:
            raise SpaceError(f"{uri}: its versions are dropped all the time. Try again.")


@contextmanager
def named(held: Pin | None) -> Iterator[None]:
    """Name a folder in refusals as it was asked for, and not by its descriptor."""
    try:
        yield
    except NamebasisError as error:
        if held is not None:
            # Lance leaves the first slash out.
            short, folder = (str(path).lstrip("/") for path in (held.path, held.folder))
            error.args = (str(error).replace(short, folder),)
        raise


def newest_version(folder: Path, name: str = NAMES) -> tuple[int, str] | None:
    """Which data set lies in a folder, and its newest version; None where there is none."""
    uri = folder / name
    url = remote_of(folder)
    if url is not None:
        dataset = find_remote(for_lance(uri), url)
        return None if dataset is None else (0, str(dataset.version))
    try:
        # Named by the largest number minus the version, so that the newest comes first.
        name = min(entry for entry in os.listdir(uri / "_versions") if entry.endswith(".manifest"))
        return uri.stat().st_ino, name
    except (OSError, ValueError):
        return None


def _open(uri: Path) -> tuple[Any, _Files]:
    if not uri.parent.exists():
        raise SpaceError(f"{uri.parent}: there is no name space. Make one with `namebasis build`.")
    newest = newest_version(uri.parent, uri.name)
    if newest is None:
        _check_rights(uri)
        lacks = f"its {uri.name} holds no version" if uri.exists() else f"it holds no {uri.name}"
        raise SpaceError(
            f"{uri.parent}: not a name space, {lacks}. Make one with `namebasis build`."
        )
    enter_lance(uri.parent)
    import lance

    with reading(uri):
        _check_manifest(uri / "_versions" / newest[1])
        dataset = _with_schema(lance.dataset(for_lance(uri)))
        files = _files_of(uri, dataset)
        _check(files)
    return dataset, files


def open_newest(uri: Path) -> Any:
    """The newest version of a data set beside the names, such as that of pictures.

    Of pictures in object storage it is the version that counts, see `images_version`.

    Raises
    ------
    SpaceError
        If it is damaged.
    """
    import lance

    is_there = uri.name == IMAGES and remote_of(uri.parent) is not None
    version = images_version(uri.parent) if is_there else None
    with reading(uri):
        return _with_schema(lance.dataset(for_lance(uri), version=version))


def images_version(folder: Path) -> int:
    """Version of the pictures of a space; 0 where there are none.

    In object storage the one that counts: that which this process has made, else that which the
    names say.
    """
    uri, url = folder / IMAGES, remote_of(folder)
    if url is None:
        return int(open_newest(uri).version) if holds_commit(uri) else 0
    version = held_version(folder)
    if version is None:
        names = find_remote(for_lance(folder / NAMES), url)
        version = None if names is None else noted_version(names.schema.metadata)
    if version is None:
        newest = find_remote(for_lance(uri), url)
        version = 0 if newest is None else int(newest.version)
    return version


def open_pictures(folder: Path, metadata: Mapping[bytes, bytes]) -> tuple[Pin | None, Any]:
    """Open the pictures of a space, given the metadata of its names; None where it has none.

    They are held as `open_pinned` holds a data set.
    """
    uri, url = folder / IMAGES, remote_of(folder)
    if url is None:
        return open_pinned(uri) if holds_commit(uri) else (None, None)
    version = noted_version(metadata)
    found = None if version == 0 else find_remote(for_lance(uri), url)
    if found is not None and version not in (None, found.version):
        with reading(uri):
            found = _with_schema(found.checkout_version(version))
    return None, found


def _with_schema(dataset: Any) -> Any:
    """A data set whose schema was read: Lance reads it late, and panics where it is damaged."""
    _ = dataset.schema
    return dataset


def _check_rights(uri: Path) -> None:
    for folder in (uri.parent, uri, uri / "_versions"):
        if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
            raise SpaceError(f"{folder}: permission denied. Check the rights of the folder.")


def check_files(uri: Path, dataset: Any) -> None:
    """Look that the files of a version are there with the sizes written down.

    In object storage nothing is cut short, and each look would be a request.
    """
    if remote_of(uri.parent) is not None:
        return
    _check(_files_of(uri, dataset))


def _files_of(uri: Path, dataset: Any) -> _Files:
    """The files of a version, and the sizes that are written down."""
    return [
        (f"{uri}/data/{file.path}", file.file_size_bytes)
        for fragment in dataset.get_fragments()
        for file in fragment.data_files()
    ]


def _check(files: _Files) -> None:
    for path, size in files:
        _check_file(path, size)


def _check_manifest(path: Path) -> None:
    """Look at a manifest's last bytes, over which the engine would panic."""
    content = path.read_bytes()
    if len(content) < MANIFEST_TAIL or not content.endswith(b"LANC"):
        raise SpaceError(f"{path}: cut short or overwritten; the data set is damaged.")


def _check_file(path: str, expected: int | None) -> None:
    try:
        size = os.stat(path).st_size
    except PermissionError:
        raise SpaceError(f"{path}: permission denied. Check the rights of the folder.") from None
    except OSError:
        raise SpaceError(f"{path}: missing; the data set is damaged.") from None
    if expected and size != expected:
        raise SpaceError(f"{path}: holds {size:,} bytes, not {expected:,}; it is damaged.")
