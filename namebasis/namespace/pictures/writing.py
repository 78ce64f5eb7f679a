"""Write to the store of pictures: rows that are new, and what older rows lack.

Whoever writes holds the lock of the space. Rows never move, and every commit leaves a store that
can be read: a writer that is killed leaves some of what it would have written, and the same call
writes the rest.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import IntArray
from namebasis.errors import NamebasisError
from namebasis.namespace.objects.data_sets import (
    append_remote,
    create_remote,
    overwrite_remote,
)
from namebasis.namespace.objects.picture_versions import hold
from namebasis.namespace.objects.urls import remote_of
from namebasis.namespace.pictures.incoming import Incoming, Truths, as_measured, incoming_from
from namebasis.namespace.pictures.schema import (
    ABOUT,
    KEYS,
    MEASURE,
    OTHER_VECTORS,
    STAGED,
    filled,
    is_given,
)
from namebasis.namespace.store.dataset import BLOCK_ROWS
from namebasis.namespace.store.opening import holds_commit, open_newest
from namebasis.namespace.store.places import for_lance
from namebasis.namespace.store.upkeep import LEVELS, keep_up

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of glibc's mallopt
_SMALL, _LARGE = 2**20, 2**25
"""Bytes from which a block is given back at once: here, and as glibc has it in a process that has
freed large blocks for long, its DEFAULT_MMAP_THRESHOLD_MAX."""
_NEW, _OLD = f"{STAGED}new_", f"{STAGED}old_"


@dataclass
class _Rows:
    """Which rows a store has, by what tells pictures apart."""

    added: dict[tuple[str, str], int] = field(default_factory=dict)
    measured: dict[str, int] = field(default_factory=dict)
    """Rows by their digest: of those that were only measured, else of any."""
    only_measured: set[int] = field(default_factory=set)

    def note(self, at: int, label: str, digest: str, is_added: bool) -> None:
        if is_added:
            self.added.setdefault((label, digest), at)
            self.measured.setdefault(digest, at)
        else:
            self.measured[digest] = at
            self.only_measured.add(at)

    def find(self, label: str, digest: str, is_added: bool) -> int | None:
        """The row that is the same picture; one that was only measured may become any name's."""
        if not is_added:
            return self.measured.get(digest)
        at = self.added.get((label, digest))
        if at is not None:
            return at
        other = self.measured.get(digest)
        if other in self.only_measured:
            self.only_measured.discard(other)
            self.added[label, digest] = other
            return other
        return None


def absorb(uri: Path, rows: Incoming, *, is_newer: bool = False) -> int:
    """Put pictures into the store of a space that this process has locked.

    A picture that a report only measured has one row, by its digest; one that was added has a row
    a name. Rows that are there get what they lack; a row that was only measured becomes that of
    the name to which the picture is added.

    Parameters
    ----------
    uri : Path
        The store; made where it is not there.
    rows : Incoming
    is_newer : bool
        Values of `rows` stand where both have one.

    Returns
    -------
    int
        Rows that are new.
    """
    dataset = _opened(uri, rows.schema)
    known = _known(dataset)
    n_before = dataset.count_rows()
    to, n_new = _matched(rows, known, n_before)
    if n_new:
        _append(uri, dataset, rows, to, n_before)
    _fill(uri, rows, to, n_before, is_newer)
    _keep_up(uri, open_newest(uri))
    return n_new


def carry_measures(uri: Path, version: int, *, left: int | None = None) -> None:
    """Bring what reports measured over from another version of the store, which is still there.

    An undo takes back the pictures that were added, and never what was measured.

    Parameters
    ----------
    uri : Path
    version : int
        0 for none.
    left : int, optional
        A version whose pictures are not brought: those that a redo takes out again.
    """
    if not version or not holds_commit(uri):
        return
    source = open_newest(uri).checkout_version(version)
    if "is_added" not in source.schema.names:
        return
    rows = incoming_from(source, uri)
    told = [
        one.name
        for one in rows.schema
        if one.name.startswith((MEASURE, OTHER_VECTORS)) and not is_given(one)
    ]
    is_measured = ~_incoming_truths(rows)
    for name in told:
        is_measured |= _validity(rows.batches([name]))
    if left is not None:
        gone = set(_known(open_newest(uri).checkout_version(left)).measured) if left else set()
        held = set(_known(open_newest(uri)).measured)
        digests = (key for one in rows.batches(["digest"]) for key in one["digest"].to_pylist())
        is_measured &= np.array([key in held or key not in gone for key in digests], bool)
    if is_measured.any():
        brought = pa.schema([one for one in rows.schema if not is_given(one)])
        absorb(uri, as_measured(replace(rows, schema=brought), is_measured))


def append(uri: Path, rows: pa.Table) -> None:
    """Append pictures that the store does not hold yet, in one commit.

    Parameters
    ----------
    uri : Path
        The store; made where it is not there.
    rows : Table
        `label`, `digest` and any other columns; those that are missing become null.
    """
    append_drawn(uri, rows.to_batches(), rows.schema)


def append_drawn(uri: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
    """As `append`, of rows that are drawn as they are written."""
    dataset = _opened(uri, schema)
    stopped: list[NamebasisError] = []

    def drawn() -> Iterator[pa.RecordBatch]:
        try:
            for batch in batches:
                yield from _fitted(batch, dataset.schema, len(batch)).to_batches()
        except NamebasisError as error:  # the engine would make an error of its own of it
            stopped.append(error)
            raise

    reader = pa.RecordBatchReader.from_batches(dataset.schema, drawn())
    try:
        made = _append_rows(uri, dataset, reader, max_rows_per_file=LEVELS[-1])
    except Exception:  # whatever the engine made of our refusal; all else goes on as it is
        if stopped:
            raise stopped[0] from None
        raise
    _keep_up(uri, made)


def rewrite(uri: Path, keep: Callable[[pa.RecordBatch], pa.Array], columns: Sequence[str]) -> int:
    """Write the store again without the rows that `keep` refuses, in one commit; how many went.

    Parameters
    ----------
    uri : Path
    keep : callable
        Given `columns` of some rows, truths.
    columns : sequence of str
    """
    dataset = open_newest(uri)
    masks = [keep(batch) for batch in _scan(dataset, columns)]
    gone = sum(len(mask) - (pc.sum(mask).as_py() or 0) for mask in masks)
    if not gone:
        return 0
    mask = pa.chunked_array(masks).combine_chunks()
    fields = [one for one in dataset.schema if not one.name.startswith(STAGED)]
    schema = pa.schema(fields, metadata=dataset.schema.metadata)

    def batches() -> Iterator[pa.RecordBatch]:
        start = 0
        for batch in _scan(dataset, schema.names):
            yield batch.filter(mask.slice(start, len(batch))).cast(schema)
            start += len(batch)

    reader = pa.RecordBatchReader.from_batches(schema, batches())
    if remote_of(uri.parent) is not None:
        _committed(uri, overwrite_remote(dataset, reader))
        return int(gone)
    import lance

    lance.write_dataset(reader, for_lance(uri), mode="overwrite")
    return int(gone)


def _append_rows(uri: Path, dataset: Any, rows: pa.RecordBatchReader, **how: int) -> Any:
    """Append rows in one commit; the version with them."""
    import lance

    if remote_of(uri.parent) is not None:
        return _committed(uri, append_remote(dataset, rows, **how))
    return lance.write_dataset(rows, for_lance(uri), mode="append", **how)


def _committed(uri: Path, dataset: Any) -> Any:
    """Go on from the version of a data set that was just written."""
    hold(uri.parent, dataset.version)
    return dataset


def _keep_up(uri: Path, dataset: Any) -> None:
    _committed(uri, keep_up(dataset, uri))


def _opened(uri: Path, wanted: pa.Schema) -> Any:
    """The newest version of the store, with every column that is wanted; null where it is new."""
    import lance

    fields = [one.with_nullable(True) for one in wanted]
    if not holds_commit(uri):
        _clear(uri)
        known = {one.name for one in (*KEYS, *ABOUT)}
        schema = pa.schema([*KEYS, *ABOUT, *(one for one in fields if one.name not in known)])
        if remote_of(uri.parent) is not None:
            rows = schema.empty_table().to_reader()
            return _committed(uri, create_remote(for_lance(uri), rows))
        return lance.write_dataset(schema.empty_table(), for_lance(uri), mode="create")
    dataset = open_newest(uri)
    left = [name for name in dataset.schema.names if name.startswith(STAGED)]
    if left:  # by a writer that was killed
        dataset.drop_columns(left)
    missing = [one for one in (*ABOUT, *fields) if one.name not in dataset.schema.names]
    if missing:
        unique = {one.name: one for one in missing}
        dataset.add_columns(pa.schema(list(unique.values())))
    return _committed(uri, dataset)


def _clear(uri: Path) -> None:
    """Take away what a first commit left that was killed."""
    if uri.is_dir() and not uri.is_symlink():
        shutil.rmtree(uri)
    else:
        uri.unlink(missing_ok=True)


def _known(dataset: Any) -> _Rows:
    found, start = _Rows(), 0
    asked = ["label", "digest", "is_added"]
    for batch in _scan(dataset, asked):
        columns = filled(batch, asked).to_pydict()
        for at, row in enumerate(zip(*columns.values(), strict=True), start):
            found.note(at, *row)
        start += len(batch)
    return found


def _matched(rows: Incoming, known: _Rows, n_rows: int) -> tuple[IntArray, int]:
    """The row of the store for every incoming one, those that are new behind the others."""
    asked = [name for name in ("label", "digest", "is_added") if name in rows.schema.names]
    to: list[int] = []
    at = n_rows
    for batch in rows.batches(asked):
        columns = filled(batch, ["label", "digest", "is_added"]).to_pydict()
        for label, digest, is_added in zip(*columns.values(), strict=True):
            row = known.find(label, digest, is_added)
            if row is None:
                known.note(at, label, digest, is_added)
                row = at
                at += 1
            to.append(row)
    return np.array(to, dtype=np.int64), at - n_rows


def _append(uri: Path, dataset: Any, rows: Incoming, to: IntArray, n_before: int) -> None:
    """Append the rows that are new, as they are drawn, in one commit."""
    schema = dataset.schema
    first = np.zeros(len(to), bool)
    first[np.unique(to, return_index=True)[1]] = True
    fresh = first & (to >= n_before)

    def batches() -> Iterator[pa.RecordBatch]:
        start = 0
        for batch in rows.batches(rows.schema.names):
            mine = batch.filter(pa.array(fresh[start : start + len(batch)]))
            start += len(batch)
            if len(mine):
                yield from _fitted(mine, schema, len(mine)).to_batches()

    _append_rows(uri, dataset, pa.RecordBatchReader.from_batches(schema, batches()))


def _fitted(rows: pa.Table | pa.RecordBatch, schema: pa.Schema, n: int) -> pa.Table:
    held = rows.schema.names
    columns = [
        rows[one.name].cast(one.type) if one.name in held else pa.nulls(n, one.type)
        for one in schema
    ]
    return pa.table(columns, schema=schema)


def _fill(uri: Path, rows: Incoming, to: IntArray, n_before: int, is_newer: bool) -> None:
    """Write the columns in which rows of the store get values of incoming ones, in one step."""
    first = np.zeros(len(to), bool)
    first[np.unique(to, return_index=True)[1]] = True
    others = np.flatnonzero(~(first & (to >= n_before)))
    if not len(others):
        return
    dataset = open_newest(uri)
    names = [name for name in rows.schema.names if name != "digest"]
    chosen = {}
    is_added = _truths(dataset), _incoming_truths(rows)
    for name in names:
        found = _chosen(dataset, rows, name, (to, others), is_added, is_newer)
        if (found >= 0).any():
            chosen[name] = found
    if chosen:
        _put(uri, dataset, rows, chosen)


def _chosen(
    dataset: Any,
    rows: Incoming,
    name: str,
    places: tuple[IntArray, IntArray],
    is_added: tuple[Truths, Truths],
    is_newer: bool,
) -> IntArray:
    """The incoming row whose value of a column each row of the store gets, -1 for none."""
    to, others = places
    was, becomes = is_added
    own = to[others]
    if name == "is_added" or name in ("label", "path"):
        wants = becomes[others] & ~was[own]
    else:
        valid = _validity(rows.batches([name]))[others]
        there = _validity(_scan(dataset, [name]))
        is_older = not is_newer or name in ABOUT.names
        wants = valid & ~there[own] if is_older else valid
    found = np.full(len(was), -1, dtype=np.int64)
    places_wanted, rows_wanted = own[wants], others[wants]
    if not is_newer:  # the first of several, which is assigned last
        places_wanted, rows_wanted = places_wanted[::-1], rows_wanted[::-1]
    found[places_wanted] = rows_wanted
    return found


def _validity(batches: Iterator[pa.RecordBatch]) -> Truths:
    found = [np.asarray(batch.column(0).is_valid()) for batch in batches]
    return np.concatenate(found) if found else np.zeros(0, bool)


def _truths(dataset: Any) -> Truths:
    asked = ["label", "is_added"]
    found = [np.asarray(filled(one, ["is_added"])["is_added"]) for one in _scan(dataset, asked)]
    return np.concatenate(found) if found else np.zeros(0, bool)


def _incoming_truths(rows: Incoming) -> Truths:
    asked = [name for name in ("label", "is_added") if name in rows.schema.names]
    found = [np.asarray(filled(one, ["is_added"])["is_added"]) for one in rows.batches(asked)]
    return np.concatenate(found) if found else np.zeros(0, bool)


def _put(uri: Path, dataset: Any, rows: Incoming, chosen: Mapping[str, IntArray]) -> None:
    """Put columns in the place of the old ones: staged, then renamed in one commit."""
    names = list(chosen)
    fields = [dataset.schema.field(name) for name in names]
    source = open_newest(uri)  # the handle that writes may not be read meanwhile

    def batches() -> Iterator[pa.RecordBatch]:
        start = 0
        for batch in _scan(source, names):
            stop = start + len(batch)
            own = {name: chosen[name][start:stop] for name in names}
            asked = np.unique(np.concatenate([one[one >= 0] for one in own.values()]))
            given = rows.take(asked, names) if len(asked) else None
            yield pa.record_batch(
                [_replaced(batch[one.name], one, own[one.name], asked, given) for one in fields],
                schema=schema,
            )
            start = stop

    schema = pa.schema([one.with_name(_NEW + one.name) for one in fields])
    dataset.add_columns(pa.RecordBatchReader.from_batches(schema, batches()))
    dataset.alter_columns(
        *({"path": name, "name": _OLD + name} for name in names),
        *({"path": _NEW + name, "name": name} for name in names),
    )
    dataset.drop_columns([_OLD + name for name in names])
    _committed(uri, dataset)


def _replaced(
    old: pa.Array, kind: pa.Field, chosen: IntArray, asked: IntArray, given: pa.Table | None
) -> pa.Array:
    has = chosen >= 0
    if given is None or not has.any():
        return old
    both = pa.concat_arrays([old, given[kind.name].combine_chunks().cast(kind.type)])
    index = np.where(has, len(old) + np.searchsorted(asked, chosen), np.arange(len(old)))
    return both.take(pa.array(index))


def _scan(dataset: Any, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    held = [name for name in columns if name in dataset.schema.names]
    yield from dataset.scanner(
        columns=held, batch_size=BLOCK_ROWS, batch_readahead=2, scan_in_order=True
    ).to_batches()


@contextmanager
def large_blocks_given_back() -> Iterator[None]:
    """Have glibc give large blocks back to the system as soon as they are freed.

    It raises the size from which it does so to that of the largest block that was ever freed, up
    to 32 MB. From then on the megabytes that the engine's threads take in turns stay with each of
    them, so that the process grows with what is written. With another C library nothing is done.
    """
    if not _set_given_back(_SMALL):
        yield
        return
    try:
        yield
    finally:
        _set_given_back(_LARGE)


def _set_given_back(size: int) -> bool:
    """Whether there is a glibc that could be told."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(_MMAP_THRESHOLD, size)) and bool(mallopt(_TRIM_THRESHOLD, 2 * size))
