"""Writing to the pictures of a space in object storage: from which version on, and as what counts.

See `objects.picture_versions`. On this machine the lock and the history do what this does there.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from namebasis.namespace.objects.data_sets import (
    bring_pictures_back,
    create_remote,
    find_remote,
    overwrite_remote,
    tidy_remote,
)
from namebasis.namespace.objects.picture_versions import (
    PICTURES_KEY,
    held_version,
    hold,
    noted_version,
    picture_note,
)
from namebasis.namespace.objects.urls import remote_of, said
from namebasis.namespace.store.dataset import BLOCK_ROWS, Store
from namebasis.namespace.store.history import notes_of, read_history
from namebasis.namespace.store.opening import IMAGES, images_version, open_newest
from namebasis.namespace.store.places import for_lance


def take_up(store: Store) -> None:
    """Begin to write to pictures from the version that counts.

    What others left that was never noted is passed over by a commit that copies no row. A copy on
    this machine of a space in object storage no longer says which version counts.

    Parameters
    ----------
    store : Store
        Locked by the caller, at the newest version; refreshed here.

    Raises
    ------
    OSError
        Lance's, if another writer was first.
    """
    url, noted = remote_of(store.folder), noted_version(store.metadata)
    if url is None:
        if noted is not None:
            store.dataset.update_schema_metadata({PICTURES_KEY: None})
            store.refresh()
        return
    newest = find_remote(for_lance(store.folder / IMAGES), url)
    if newest is not None and noted not in (None, newest.version):
        newest = bring_pictures_back(newest, noted or 0)
    hold(store.folder, 0 if newest is None else newest.version)
    if noted is None:
        note_first(store)


def note_first(store: Store) -> None:
    """Have the names of a space that was copied to storage say that the newest pictures count.

    Nothing else is noted by it: what follows in the history begins after it.

    Parameters
    ----------
    store : Store
        Refreshed here.
    """
    if noted_version(store.metadata) is None:
        version = {PICTURES_KEY: str(images_version(store.folder))}
        store.dataset.update_schema_metadata({**version, **notes_of(store, read_history(store))})
        store.refresh()


def note_pictures(store: Store) -> None:
    """Have the names say, in one commit, that what was written to the pictures counts.

    Parameters
    ----------
    store : Store
        Whose pictures were taken up; refreshed here.

    Raises
    ------
    OSError
        Lance's, if another writer was first.
    """
    note = picture_note(store.folder)
    if note and noted_version(store.metadata) != held_version(store.folder):
        store.dataset.update_schema_metadata(note)
        store.refresh()


def tidy_pictures(store: Store) -> None:
    """Drop versions of the pictures that were taken up which are kept for nobody.

    In object storage those of the last day stay.
    """
    if held_version(store.folder):
        note_pictures(store)  # the version that counts is the newest, which stays
        tidy_remote(open_newest(store.folder / IMAGES))


def copy_pictures(source: Path, target: Path) -> int:
    """Put the pictures of a space in the place of those of another one in object storage.

    Parameters
    ----------
    source, target : Path
        Folders of spaces. The names of the second say which of its pictures count, and not yet
        these.

    Returns
    -------
    int
        The version of these, 0 for none.
    """
    there = find_remote(for_lance(target / IMAGES), said(target))
    if not images_version(source):
        return 0 if there is None else int(bring_pictures_back(there, 0).version)
    pictures = open_newest(source / IMAGES)
    schema = pictures.schema
    scanner = pictures.scanner(batch_size=BLOCK_ROWS, batch_readahead=2, scan_in_order=True)
    batches = (pa.record_batch(one.columns, schema=schema) for one in scanner.to_batches())
    rows = pa.RecordBatchReader.from_batches(schema, batches)
    if there is None:
        return int(create_remote(for_lance(target / IMAGES), rows).version)
    return int(overwrite_remote(there, rows).version)
