"""Put a finished space in object storage in the place of another one, in one commit.

Nothing can be renamed there. So the new space is built at an address beside, where a build that was
stopped goes on, and its rows are copied over in one commit: who reads the old space keeps its
version, and who wrote to it meanwhile is not written over.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from namebasis.namespace.objects.data_sets import create_remote, find_remote, overwrite_remote
from namebasis.namespace.objects.picture_versions import PICTURES_KEY
from namebasis.namespace.objects.refusals import is_conflict
from namebasis.namespace.objects.urls import said
from namebasis.namespace.pictures.there import copy_pictures, note_first
from namebasis.namespace.store.dataset import INDICES, Store
from namebasis.namespace.store.history import History, notes_of, read_history, untag_all
from namebasis.namespace.store.opening import IMAGES, NAMES
from namebasis.namespace.store.places import for_lance
from namebasis.namespace.store.provenance import KEY, Provenance


def put_in_place(beside: Store, there: Any, folder: Path) -> None:
    """Put the rows of a finished space in the place of those of another, and delete the first.

    Parameters
    ----------
    beside : Store
        Locked by the caller.
    there : LanceDataset or None
        The version that is replaced; None where there is none. If anything was committed since,
        the commit is refused.
    folder : Path
        Of the space that is replaced, locked by the caller.
    """
    metadata = dict(beside.metadata)
    if there is not None:
        old = Store(folder, there)
        note_first(old)  # which pictures count, before others come
        before = read_history(old)
        # Numbers are never given twice: tags are named by them.
        noted = notes_of(old, History(n_changes=before.n_changes, extents=before.extents))
        metadata |= {key.encode(): text.encode() for key, text in noted.items()}
    metadata[PICTURES_KEY.encode()] = str(copy_pictures(beside.folder, folder)).encode()
    schema = beside.schema.with_metadata(metadata)
    batches = (
        pa.record_batch(batch.columns, schema=schema) for batch in beside.batches(schema.names)
    )
    rows = pa.RecordBatchReader.from_batches(schema, batches)
    if there is None:
        create_remote(for_lance(folder / NAMES), rows)
    else:
        overwrite_remote(there, rows)
        untag_all(Store(folder))
    _move_indices(beside.folder, folder)
    _delete(beside)


def _move_indices(source: Path, folder: Path) -> None:
    """Take the indices along, which are of these vectors; without them they are made again."""
    shutil.rmtree(folder / INDICES, ignore_errors=True)
    with suppress(OSError):
        os.rename(source / INDICES, folder / INDICES)


def _delete(beside: Store) -> None:
    """Delete a space in object storage.

    What is left where this is killed is of another job, so that no build goes on with it: while
    files are deleted, older versions could be taken for whole ones.
    """
    import lance

    job = Provenance.from_metadata(beside.metadata, str(beside.folder))
    other = replace(job, state="building", corpus="").to_json().encode()
    empty = beside.schema.with_metadata({**beside.metadata, KEY.encode(): other}).empty_table()
    try:
        dataset = overwrite_remote(beside.dataset, empty.to_reader())
    except OSError as error:
        if is_conflict(error):  # another machine builds there
            return
        raise
    if find_remote(for_lance(beside.folder / IMAGES), said(beside.folder)) is not None:
        lance.LanceDataset.drop(for_lance(beside.folder / IMAGES))
    dataset.cleanup_old_versions(older_than=timedelta(0), delete_unverified=True)
    lance.LanceDataset.drop(dataset.uri)
    shutil.rmtree(beside.folder, ignore_errors=True)
