"""Rows by a hash of what their names fold to, in a file beside the indices.

A name of many millions is found by reading some kilobytes. The file is one header, with the first
hash and the checksum of every block, and blocks of hashes in ascending order with their rows. It
covers the first rows of a space; those added since are hashed when they are first asked for.
"""

from __future__ import annotations

import json
import struct
import warnings
import zlib
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from namebasis.atomic import replacing_cache
from namebasis.checks import IntArray
from namebasis.errors import NamebasisWarning
from namebasis.index.facts import DamagedIndexError
from namebasis.index.files import WRONG, OpenFile
from namebasis.namespace.corpus.folding import FOLDING
from namebasis.namespace.search.cache_files import making, say_once
from namebasis.namespace.search.caches import holds_newest
from namebasis.namespace.store.dataset import INDICES, Store
from namebasis.namespace.store.places import for_lance
from namebasis.namespace.store.view_ids import view_id
from namebasis.reading import UnreadableError, parse_json

LARGE = 200_000
"""Names from which on there is a file; fewer are read from the store, and kept in memory."""
BLOCK = 1024
"""Rows of a block: a lookup reads one or two, 16 KB each."""
NEWER = 4096
"""Rows that a file may lack at least before it is written again; else a hundredth of all."""
_MAGIC = b"nbnames1"
_MOST_HEAD = 2**30
_FIRST = struct.Struct("<8sIQ")  # what it is, checksum of the header, bytes of the header
_ODD = np.uint64(0x9E3779B97F4A7C15)

_AGAIN = "{} It is made again from the stored names."

Hashes = npt.NDArray[np.uint64]


def hashes(folded: pa.Array | pa.ChunkedArray) -> Hashes:
    """Hash texts: the sum of their bytes, each by a power of an odd number, modulo 2^64.

    Parameters
    ----------
    folded : Arrow string array without nulls, of length n

    Returns
    -------
    ndarray of shape (n,), uint64
        Equal for equal texts; other texts may share one, so that whoever asks compares the texts.
    """
    chunks = folded.chunks if isinstance(folded, pa.ChunkedArray) else [folded]
    parts = [_hashes(chunk.cast(pa.large_string())) for chunk in chunks]
    return np.concatenate([np.empty(0, np.uint64), *parts])


def _hashes(texts: pa.Array) -> Hashes:
    _, offsets, content = texts.buffers()
    if not len(texts) or content is None:
        return np.zeros(len(texts), np.uint64)
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    letters = np.frombuffer(content, np.uint8)[ends[0] : ends[-1]]
    ends = ends - ends[0]
    lengths = np.diff(ends)
    powers = np.cumprod(np.full(int(lengths.max(initial=0)) + 1, _ODD))
    places = np.arange(len(letters)) - np.repeat(ends[:-1], lengths)
    # A byte of 0 counts too, so that texts of other lengths differ.
    sums = np.cumsum((letters.astype(np.uint64) + np.uint64(1)) * powers[places])
    sums = np.concatenate([np.zeros(1, np.uint64), sums])
    mixed: Hashes = (sums[ends[1:]] - sums[ends[:-1]]) * _ODD
    return mixed ^ (mixed >> np.uint64(29))


class SpellingIndex:
    """Rows by the hash of what their names fold to, in a file that is read where it is asked for.

    Parameters
    ----------
    path : Path

    Raises
    ------
    DamagedIndexError
        If it is missing, damaged, or no such file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = OpenFile(path)
            head = self._read_head()
            self.made_of, self.n_rows = str(head["made_of"]), int(head["rows"])
        except FileNotFoundError:
            raise DamagedIndexError(f"{path}: missing.") from None
        except (
            OSError, ValueError, KeyError, TypeError, struct.error, UnreadableError
        ) as error:  # fmt: skip
            raise DamagedIndexError(f"{path}: not readable ({error}).") from None

    def _read_head(self) -> dict[str, Any]:
        magic, crc, size = _FIRST.unpack(self._file.read(0, _FIRST.size))
        if magic != _MAGIC or size > min(_MOST_HEAD, self._file.size):
            raise ValueError("no index of names")
        content = self._file.read(_FIRST.size, size)
        if zlib.crc32(content) != crc:
            raise ValueError(WRONG)
        text, _, tables = content.partition(b"\n")
        head: dict[str, Any] = parse_json(text, self.path)
        n_blocks = -(-int(head["rows"]) // BLOCK)
        self._start = _FIRST.size + size
        self._firsts = np.frombuffer(tables, "<u8", n_blocks)
        self._crcs = np.frombuffer(tables, "<u4", n_blocks, 8 * n_blocks)
        return head

    def rows(self, wanted: Hashes) -> IntArray:
        """Rows of some hashes, in no order.

        Raises
        ------
        DamagedIndexError
            If a block that is read is not as it was written.
        """
        found = [np.empty(0, np.int64)]
        for one in wanted:
            # The block before the first that begins with the hash may end with it.
            low = max(0, int(np.searchsorted(self._firsts, one)) - 1)
            high = int(np.searchsorted(self._firsts, one, side="right"))
            found += [_rows_of(one, *self._block(at)) for at in range(low, high)]
        return np.concatenate(found)

    def all(self) -> tuple[Hashes, IntArray]:
        """All hashes, ascending, and their rows."""
        blocks = [self._block(at) for at in range(len(self._firsts))]
        keys = np.concatenate([np.empty(0, np.uint64), *(keys for keys, _ in blocks)])
        return keys, np.concatenate([np.empty(0, np.int64), *(rows for _, rows in blocks)])

    def _block(self, at: int) -> tuple[Hashes, IntArray]:
        n_rows = min(BLOCK, self.n_rows - at * BLOCK)
        content = self._file.read(self._start + at * BLOCK * 16, n_rows * 16)
        if len(content) != n_rows * 16 or zlib.crc32(content) != self._crcs[at]:
            raise DamagedIndexError(f"{self.path}: {WRONG}.")
        return (
            np.frombuffer(content, "<u8", n_rows),
            np.frombuffer(content, "<i8", n_rows, 8 * n_rows),
        )


class _InMemory:
    """The same of hashes in memory.

    Parameters
    ----------
    keys : ndarray of shape (n,), uint64
        In any order.
    first : int
        Row of the first one; the others follow.
    """

    def __init__(self, keys: Hashes, first: int = 0) -> None:
        order = np.argsort(keys, kind="stable")
        self.keys, self.numbers = keys[order], (order + first).astype(np.int64)
        self.n_rows = first + len(keys)

    def rows(self, wanted: Hashes) -> IntArray:
        """Rows of some hashes, in no order."""
        found = [_rows_of(one, self.keys, self.numbers) for one in wanted]
        return np.concatenate([np.empty(0, np.int64), *found])

    def all(self) -> tuple[Hashes, IntArray]:
        """All hashes, ascending, and their rows."""
        return self.keys, self.numbers


def _rows_of(one: np.uint64, keys: Hashes, rows: IntArray) -> IntArray:
    return rows[np.searchsorted(keys, one) : np.searchsorted(keys, one, side="right")]


@dataclass
class _Opened:
    """What is open for one version of a space: of its first rows, and of those that follow."""

    version: int
    first: SpellingIndex | _InMemory
    newer: _InMemory


_opened: WeakKeyDictionary[Store, _Opened] = WeakKeyDictionary()


def rows_of_hashes(store: Store, folded: Collection[str]) -> IntArray:
    """Rows whose names may fold to one of some texts, ascending; no other row's does.

    Parameters
    ----------
    store : Store
        Its names folded as they are folded today.
    folded : collection of str

    Warns
    -----
    NamebasisWarning
        If the file was damaged, and had to be made again.
    """
    wanted = hashes(pa.array(sorted(folded), pa.string()))
    found = _opened.get(store)
    if found is None or found.version != store.version:
        found = _opened[store] = _open(store)
    try:
        rows = found.first.rows(wanted)
    except DamagedIndexError as error:
        warnings.warn(_AGAIN.format(error), NamebasisWarning, stacklevel=6)
        _path(store).unlink(missing_ok=True)
        found = _opened[store] = _open(store)
        rows = found.first.rows(wanted)
    rows = np.concatenate([rows, found.newer.rows(wanted)])
    # Of a file that was written since this version was opened, some rows are not there yet.
    return np.sort(rows[rows < store.n_rows])


def renew(store: Store) -> None:
    """Write the file of a locked space where there is none, or many rows are newer than it."""
    if is_large(store):
        path = _path(store)
        with making(path) as may_write:
            try:
                there: SpellingIndex | None = _read(path, store)
            except DamagedIndexError:
                there = None
            covered = 0 if there is None else there.n_rows
            if may_write and store.n_rows - covered > max(NEWER * bool(covered), covered // 100):
                _write(path, store, there)


def check_file(store: Store) -> str:
    """What `info --check` says of the file of a space.

    Raises
    ------
    DamagedIndexError
    """
    path = _path(store)
    if not path.exists():
        return "none; it is made at the first question"
    try:
        index = _read(path, store)
    except _OtherNamesError:
        return "of other names; it is made again at the next question"
    index.all()
    return f"{index.n_rows:,} names as they were written"


def is_large(store: Store) -> bool:
    """Whether a space has enough names for the file to be worth making."""
    return store.n_rows > LARGE


class _OtherNamesError(DamagedIndexError):
    """A good file, of other names."""


def _path(store: Store) -> Path:
    return Path(for_lance(store.place)) / INDICES / "spellings.bin"


def _made_of(store: Store) -> str:
    """Tells names apart as ids tell vectors: rows are only ever appended to those of one id."""
    return f"{view_id(store.schema, 'text', store.build_id)} {FOLDING}"


def _read(path: Path, store: Store) -> SpellingIndex:
    found = SpellingIndex(path)
    if found.made_of != _made_of(store):
        raise _OtherNamesError(f"{path}: of other names.")
    return found


def _open(store: Store) -> _Opened:
    path = _path(store)
    with suppress(DamagedIndexError):
        return _with_newer(store, _read(path, store))
    with making(path) as may_write:
        try:
            return _with_newer(store, _read(path, store))  # another process made it meanwhile
        except _OtherNamesError:
            pass
        except DamagedIndexError as error:
            if path.exists():
                warnings.warn(_AGAIN.format(error), NamebasisWarning, stacklevel=7)
        if may_write and holds_newest(store, "text", store.build_id):
            with suppress(DamagedIndexError):
                _write(path, store, None)
                return _with_newer(store, _read(path, store))
        return _with_newer(store, _InMemory(_hashed(store, 0)))


def _with_newer(store: Store, first: SpellingIndex | _InMemory) -> _Opened:
    return _Opened(store.version, first, _InMemory(_hashed(store, first.n_rows), first.n_rows))


def _hashed(store: Store, start: int) -> Hashes:
    """Hashes of all names from one row on."""
    batches = store.batches(["name_folded"], start)
    parts = [hashes(batch.column(0)) for batch in batches]
    return np.concatenate([np.empty(0, np.uint64), *parts])


def _write(path: Path, store: Store, there: SpellingIndex | None) -> None:
    """Write all rows, those that a file covers as it has them; a full disk costs time alone."""
    try:
        if there is None:
            _write_file(path, *_InMemory(_hashed(store, 0)).all(), _made_of(store))
            return
        newer = _InMemory(_hashed(store, there.n_rows), there.n_rows)
        keys, rows = (np.concatenate(pair) for pair in zip(there.all(), newer.all(), strict=True))
        order = np.argsort(keys, kind="stable")
        _write_file(path, keys[order], rows[order], _made_of(store))
    except OSError as error:
        say_once(path, error)


def _write_file(path: Path, keys: Hashes, rows: IntArray, made_of: str) -> None:
    """Write hashes in ascending order and their rows as an index, in one step.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    starts = range(0, len(keys), BLOCK)
    blocks = [
        keys[at : at + BLOCK].astype("<u8").tobytes()
        + rows[at : at + BLOCK].astype("<i8").tobytes()
        for at in starts
    ]
    crcs = np.array([zlib.crc32(block) for block in blocks], "<u4")
    text = json.dumps({"made_of": made_of, "rows": len(keys)}).encode()
    content = text + b"\n" + keys[::BLOCK].astype("<u8").tobytes() + crcs.tobytes()
    with replacing_cache(path) as partial, partial.open("wb") as file:
        file.write(_FIRST.pack(_MAGIC, zlib.crc32(content), len(content)))
        file.write(content)
        file.writelines(blocks)
