"""Bring what earlier versions kept apart, in `measurements.lance`, into the store of pictures."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.checks import IntArray
from namebasis.errors import NamebasisError
from namebasis.namespace.objects.urls import remote_of
from namebasis.namespace.pictures.incoming import Incoming
from namebasis.namespace.pictures.painted import context_of, provenance_of, read_about
from namebasis.namespace.pictures.schema import (
    ABOUT,
    KEYS,
    MEASURE,
    OTHER_VECTORS,
    PHOTO,
    VECTOR,
)
from namebasis.namespace.pictures.there import take_up
from namebasis.namespace.pictures.writing import absorb
from namebasis.namespace.store.dataset import BLOCK_ROWS, Store, as_matrix
from namebasis.namespace.store.engine_errors import one_line, reading
from namebasis.namespace.store.opening import IMAGES, holds_commit, open_newest
from namebasis.namespace.store.provenance import Provenance

log = logging.getLogger(__name__)

MEASUREMENTS = "measurements.lance"
_GONE = f".{MEASUREMENTS}.gone"
_FOLDER = "folder"
"""The source of a picture that was not painted here, as earlier versions wrote it."""
_OLD_NAMES = {"label": "name", "digest": "sha256"}


def migrate(folder: Path, fingerprint: str | None) -> bool:
    """Put the rows of `measurements.lance` into the store of pictures, and delete it.

    The folder is locked. `measurements.lance` goes last: a process that is killed before leaves
    it, and the next one begins again with what is not there yet.

    Parameters
    ----------
    folder : Path
        Of a space.
    fingerprint : str or None
        Of the encoder of the space.

    Returns
    -------
    bool
        Whether there was anything to do.
    """
    if remote_of(folder) is not None:  # earlier versions wrote none there
        return False
    shutil.rmtree(folder / _GONE, ignore_errors=True)  # of one that was killed
    uri = folder / MEASUREMENTS
    if not holds_commit(uri):
        return False
    try:
        rows = old_measurements(uri, fingerprint)
        for name in rows.schema.names:  # all of it, before anything is written
            for _ in rows.batches([name]):
                pass
    except (NamebasisError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, NamebasisError) and "damaged" not in str(error):
            raise  # a lack of rights, say
        # What can be measured again stops no writer.
        log.warning("%s is damaged and is left out: %s", uri, one_line(error))
    else:
        absorb(folder / IMAGES, rows)
    os.rename(uri, folder / _GONE)
    shutil.rmtree(folder / _GONE, ignore_errors=True)
    return True


def brought_over(store: Store) -> Store:
    """A locked space whose pictures are all in one store, before a change of it begins.

    They are taken up, as `there.take_up` says.
    """
    take_up(store)
    source = Provenance.from_metadata(store.metadata, str(store.folder))
    migrate(store.folder, source.fingerprint)
    return store


def old_measurements(uri: Path, fingerprint: str | None) -> Incoming:
    """Rows of `measurements.lance` as those of the store of pictures.

    Raises
    ------
    SpaceError
        If it cannot be read.
    """
    dataset = open_newest(uri)
    kept = [
        one
        for one in dataset.schema
        if one.name.startswith((OTHER_VECTORS, MEASURE)) or one.name in (*KEYS.names, *ABOUT.names)
    ]
    own = f"{OTHER_VECTORS}{fingerprint}"
    measured = [one.with_name(VECTOR if one.name == own else one.name) for one in kept]
    schema = pa.schema(
        [*KEYS, *ABOUT, *(one for one in measured if one.name not in (*KEYS.names, *ABOUT.names))]
    )

    def asked_of(columns: Sequence[str]) -> list[str]:
        names = [own if name == VECTOR else _OLD_NAMES.get(name, name) for name in columns]
        told = ["name", "path", "source", "prompt", "seed", "is_blank"]
        about = told if set(columns) & set(ABOUT.names) else []
        return [n for n in dict.fromkeys([*names, *about]) if n in dataset.schema.names]

    def renewed(batch: pa.RecordBatch | pa.Table, columns: Sequence[str]) -> pa.RecordBatch:
        about = _about(batch) if set(columns) & set(ABOUT.names) else {}
        made = [_column(batch, schema.field(name), own, about) for name in columns]
        return pa.record_batch(made, schema=pa.schema([schema.field(name) for name in columns]))

    def batches(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with reading(uri):
            for batch in dataset.scanner(
                columns=asked_of(columns), batch_size=BLOCK_ROWS, scan_in_order=True
            ).to_batches():
                yield renewed(batch, columns)

    def take(rows: IntArray, columns: Sequence[str]) -> pa.Table:
        with reading(uri):
            found = dataset.take(pa.array(rows), columns=asked_of(columns)).combine_chunks()
        return pa.Table.from_batches([renewed(found, columns)])

    return Incoming(schema, batches, take)


def _column(
    rows: pa.RecordBatch | pa.Table, wanted: pa.Field, own: str, about: dict[str, list[Any]]
) -> pa.Array:
    if wanted.name in about:
        return pa.array(about[wanted.name], wanted.type)
    name = own if wanted.name == VECTOR else _OLD_NAMES.get(wanted.name, wanted.name)
    if name not in rows.schema.names:
        return pa.nulls(len(rows), wanted.type)
    found = rows[name]
    column = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    if isinstance(column, pa.ChunkedArray):  # of no rows
        return pa.nulls(0, wanted.type)
    return _with_nulls(column) if wanted.name.startswith(("vector",)) else column.cast(wanted.type)


def _with_nulls(column: pa.FixedSizeListArray) -> pa.Array:
    """Vectors in which NaN stood for none, with null for none."""
    has = np.isfinite(as_matrix(column, column.type.list_size)).all(axis=1)
    return column if has.all() else column.take(pa.array(np.arange(len(column)), mask=~has))


def _about(rows: pa.RecordBatch | pa.Table) -> dict[str, list[Any]]:
    """Where pictures come from, in the columns of today."""
    told = {name: rows[name].to_pylist() for name in _ABOUT_THEN}
    made: dict[str, list[Any]] = {name: [] for name in ABOUT.names}
    for at in range(len(rows)):
        row = {name: values[at] for name, values in told.items()}
        found: dict[str, Any] = {**dict.fromkeys(ABOUT.names), "is_added": False}
        if row["source"] in (_FOLDER, PHOTO, None):
            found |= provenance_of(None)
        else:
            found |= provenance_of(
                {
                    **row,
                    "context": context_of(row["prompt"], row["name"]),
                    "fingerprint": _fingerprint(row),
                }
            )
        found["is_blank"] = bool(row["is_blank"])
        for name, values in made.items():
            values.append(found[name])
    return made


_ABOUT_THEN = ("name", "path", "source", "prompt", "seed", "is_blank")


def _fingerprint(row: dict[str, Any]) -> str | None:
    """The weights of a pipeline, which earlier versions noted in the file alone."""
    about = read_about(Path(row["path"]), whole=False)
    is_same = about is not None and all(about[key] == row[key] for key in ("prompt", "seed"))
    return about.get("fingerprint") if about is not None and is_same else None
