"""Keep a data set small that is written often: few pieces, and no versions that nobody reads."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from namebasis.namespace.objects.data_sets import leaving_to_others, tidy_remote
from namebasis.namespace.objects.urls import remote_of
from namebasis.namespace.store.opening import IMAGES, open_dataset
from namebasis.namespace.store.pins import alone_with, version_of
from namebasis.namespace.store.places import for_tags

LEVELS = tuple(4**level for level in range(2, 9))
"""Rows below which a piece counts as one of a level; those above the last are left as they are."""
RUN = 8
"""Small pieces in a row that are made one."""
KEPT = timedelta(hours=1)
"""Younger versions stay, for readers that opened the space before the last write."""
KEPT_AT_LEAST = 4
"""Versions that stay however much room they take."""
MAX_VERSIONS = 256
_TAG = "namebasis-read-"
_SLACK = 2**18
"""Bytes that old versions may take in any case."""


def keep_up(dataset: Any, uri: Path) -> Any:
    """Merge small pieces, and drop old versions where they are old, many or large.

    Rows stay in their order. Only the process that holds the lock of the space may call it.

    Parameters
    ----------
    dataset : LanceDataset
        Its newest version.
    uri : Path
        Its folder.

    Returns
    -------
    LanceDataset
        Its newest version.
    """
    fragments = dataset.get_fragments()
    small = small_pieces([fragment.count_rows() for fragment in fragments])
    if small:
        others = [fragment.fragment_id for fragment in fragments[: len(fragments) - small]]
        with leaving_to_others(uri.parent):
            dataset.optimize.compact_files(excluded_fragment_ids=others)
    drop_versions(dataset, uri)
    return dataset


def small_pieces(sizes: list[int]) -> int:
    """How many of the last pieces are to be made one; 0 for none.

    Of every level at most `RUN` pieces stay, so that n rows are in some dozen pieces and each was
    rewritten a few times at most, however few were added at a time.
    """
    found = 0
    for level in LEVELS:
        run = 0
        while run < len(sizes) and sizes[len(sizes) - 1 - run] < level:
            run += 1
        # One that is larger than all that follow it would be rewritten for little.
        while run and sizes[len(sizes) - run] > sum(sizes[len(sizes) - run + 1 :]):
            run -= 1
        if run >= RUN:
            found = run
    return found


def drop_versions(dataset: Any, uri: Path, n_kept: int | None = None) -> None:
    """Drop old versions, with the files that only they hold and those that no version holds.

    Those that open spaces read stay; in object storage, all of the last day, and of pictures all:
    whether the names say that the newest counts, is seen later.
    """
    if remote_of(uri.parent) is not None:
        if uri.name != IMAGES:
            tidy_remote(dataset)
        return
    # Named by the largest number minus the version, so the newest comes first.
    names = sorted(name for name in os.listdir(uri / "_versions") if name.endswith(".manifest"))
    paths = [uri / "_versions" / name for name in names]
    n_kept = _n_kept(dataset, uri, paths) if n_kept is None else n_kept
    if n_kept is None:
        return
    with alone_with(paths[n_kept:]) as read:
        _drop_tags(dataset)  # of a writer that was killed
        try:
            # Lance leaves alone what has a tag.
            for version in map(version_of, read):
                tag_version(dataset, f"{_TAG}{version}", version)
            dataset.cleanup_old_versions(
                retain_versions=n_kept,
                delete_unverified=True,
                error_if_tagged_old_versions=False,
            )
        finally:
            _drop_tags(dataset)


def tag_version(dataset: Any, name: str, version: int) -> None:
    """Give a version of a data set a name, under which it is kept."""
    where = for_tags(dataset.uri)
    (dataset if where == dataset.uri else open_dataset(Path(where))).tags.create(name, version)


def _drop_tags(dataset: Any) -> None:
    for tag in dataset.tags.list():
        if tag.startswith(_TAG):
            dataset.tags.delete(tag)


def _n_kept(dataset: Any, uri: Path, paths: list[Path]) -> int | None:
    """How many of the newest versions are to stay; None where all may."""
    live = sum(
        file.file_size_bytes or 0
        for fragment in dataset.get_fragments()
        for file in fragment.data_files()
    )
    room = live // 4 + _SLACK
    if len(paths) > MAX_VERSIONS or _bytes(uri) - live > room:
        return min(KEPT_AT_LEAST, len(paths))
    oldest = time.time() - KEPT.total_seconds()
    if paths[-1].stat().st_mtime > oldest:
        return None
    return max(1, sum(path.stat().st_mtime > oldest for path in paths))


def _bytes(folder: Path) -> int:
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                total += _bytes(Path(entry.path))
            else:
                total += entry.stat(follow_symlinks=False).st_size
    return total
