"""Views made of pictures: the mean of the vectors of each name's pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import FloatArray, IntArray
from namebasis.namespace.corpus.image_labels import Find, find_labels
from namebasis.namespace.corpus.pictures.keys import Seen, keys_of
from namebasis.namespace.pictures.schema import VECTOR, filled
from namebasis.namespace.store.dataset import BLOCK_ROWS, as_column, as_matrix, check_units
from namebasis.namespace.store.engine_errors import reading
from namebasis.namespace.store.opening import holds_commit, open_newest
from namebasis.namespace.store.sums import ImageMean

if TYPE_CHECKING:
    from namebasis.namespace.store.dataset import Store

IMAGE_VIEW = "image"
_BLOCK = 2048
_AHEAD = 2**25
"""Bytes that the engine reads ahead, 2 GB by default: as much as there may be of vectors."""


@dataclass(frozen=True)
class ImageView:
    """A view of some names, made of pictures.

    Attributes
    ----------
    names : ndarray of int
        Rows that have a picture, ascending.
    sums : ndarray of shape (n_names, dim), float64
        Sums of the unit vectors of each one's pictures.
    counts : ndarray of int
        How many pictures each has.
    mean : ImageMean
        Of all pictures, those of no stored name among them.
    """

    names: IntArray
    sums: npt.NDArray[np.float64]
    counts: IntArray
    mean: ImageMean

    @property
    def dim(self) -> int:
        """Width of its vectors."""
        return int(self.sums.shape[1])

    @property
    def centre(self) -> FloatArray:
        """Mean of all its pictures, those of no stored name among them, (dim,)."""
        return np.asarray(self.mean.mean, dtype=np.float32)

    @cached_property
    def made_of(self) -> str:
        """SHA-256 of its vectors: tells it from any other."""
        digest = hashlib.sha256(str(self.mean.n_images).encode())
        for part in (self.names, self.counts, self.sums):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    def rows(self, start: int, stop: int) -> FloatArray:
        """The view from one row up to another, (stop - start, dim); 0 for those without one."""
        block = np.zeros((stop - start, self.dim), np.float32)
        first, last = np.searchsorted(self.names, [start, stop])
        block[self.names[first:last] - start] = self._units(slice(first, last))
        return block

    def of(self, ids: IntArray) -> FloatArray:
        """The view of rows in the order asked for, (n, dim); 0 for those without a picture."""
        block = np.zeros((len(ids), self.dim), np.float32)
        at = np.searchsorted(self.names, ids)
        has = at < len(self.names)
        has[has] = self.names[at[has]] == ids[has]
        block[has] = self._units(at[has])
        return block

    def column(self, start: int, stop: int) -> pa.Array:
        """The view from one row up to another, as a column."""
        return as_column(self.rows(start, stop))

    def _units(self, which: slice | IntArray) -> npt.NDArray[np.float64]:
        sums = self.sums[which]
        length = np.linalg.norm(sums, axis=1, keepdims=True)
        units: npt.NDArray[np.float64] = sums / np.where(length > 1e-9, length, np.inf)
        return units


def view_of_images(uri: Path, find: Find, dim: int) -> ImageView | None:
    """Make the view of all pictures that were added to a space; None where there are none.

    Parameters
    ----------
    uri : Path
        The data set of pictures.
    find : callable
        Rows of names, None for those that are not stored.
    dim : int
    """
    if not holds_commit(uri):
        return None
    with reading(uri):
        return view_of(open_newest(uri), uri, find, dim)


def view_of(
    dataset: Any, uri: Path, find: Find, dim: int, source: str | None = None
) -> ImageView | None:
    """As `view_of_images`, of an open data set, and of one source where it is given.

    Pictures are read some thousand at a time: there may be more than fit into memory.
    """
    labels: dict[str, None] = {}
    for batch in dataset.to_batches(columns=["label"], batch_size=BLOCK_ROWS):
        labels |= dict.fromkeys(batch.column(0).unique().to_pylist())
    found = find_labels(list(labels), find)
    names = np.unique(np.array([row for row in found.values() if row is not None], np.int64))
    sums, counts = np.zeros((len(names), dim)), np.zeros(len(names), np.int64)
    total, n_pictures = np.zeros(dim), 0
    # Copies count once, whether they came in one run or in several, or under names of two files.
    seen = Seen()
    for rows, vectors in _counted(dataset, uri, dim, source):
        read = rows["label"].to_pylist()
        own = [found[label] for label in read]
        owners = (label if row is None else row for label, row in zip(read, own, strict=True))
        keys = zip(owners, rows["digest"].to_pylist(), strict=True)
        fresh = seen.note(keys_of(keys, len(own)))
        kept = vectors[fresh].astype(np.float64)
        total += kept.sum(axis=0)
        n_pictures += len(kept)
        owner = np.array([-1 if row is None else row for row in own], np.int64)[fresh]
        mine = np.flatnonzero(owner >= 0)
        mine = mine[np.argsort(owner[mine], kind="stable")]
        present, first, n_each = np.unique(owner[mine], return_index=True, return_counts=True)
        if len(present):
            at = np.searchsorted(names, present)
            sums[at] += np.add.reduceat(kept[mine], first, axis=0)
            counts[at] += n_each
    if not n_pictures:
        return None
    mean = ImageMean(n_pictures, total / n_pictures)
    has = counts > 0
    if has.all():  # sums may be large
        return ImageView(names, sums, counts, mean)
    return ImageView(names[has], sums[has], counts[has], mean)


def _counted(
    dataset: Any, uri: Path, dim: int, source: str | None
) -> Iterator[tuple[pa.Table, FloatArray]]:
    """Labels, digests and vectors of the pictures that count in a view."""
    asked = ["label", "digest", "source", "is_added", "is_blank"]
    held = [name for name in (*asked, VECTOR) if name in dataset.schema.names]
    if VECTOR not in held:
        return
    for batch in dataset.scanner(
        columns=held,
        batch_size=_BLOCK,
        batch_readahead=2,
        io_buffer_size=_AHEAD,
        scan_in_order=True,
    ).to_batches():
        rows = filled(batch, asked)
        shown = pc.invert(rows["is_blank"].combine_chunks())  # not blacked out
        counts = pc.and_(batch[VECTOR].is_valid(), rows["is_added"].combine_chunks())
        counts = pc.and_(counts, shown)
        if source is not None:
            counts = pc.and_(counts, pc.equal(rows["source"].combine_chunks(), source))
        yield rows.filter(counts), check_units(as_matrix(batch[VECTOR].filter(counts), dim), uri)


def has_vector(dataset: Any, column: str = VECTOR) -> Iterator[pa.Array]:
    """Whether pictures have a vector in a column of vectors, some thousand at a time."""
    if column not in dataset.schema.names:
        yield pa.array(np.zeros(dataset.count_rows(), bool))
        return
    for batch in dataset.scanner(
        columns=[column], batch_size=BLOCK_ROWS, batch_readahead=2, scan_in_order=True
    ).to_batches():
        yield batch.column(0).is_valid()


def complete(rows: pa.Table, store: Store) -> pa.Table:
    """Fill the view of rows that are about to be added, where the space has it: no images yet."""
    if IMAGE_VIEW not in store.views:
        return rows
    at = rows.schema.get_field_index(IMAGE_VIEW)
    nothing = as_column(np.zeros((len(rows), store.dim(IMAGE_VIEW)), np.float32))
    return rows.set_column(at, rows.schema.field(at), nothing)
