"""The pictures that questions are asked about: added to the space, with a vector, copies once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import FloatArray, IntArray
from namebasis.errors import SpaceError
from namebasis.namespace.corpus.pictures.ready import digest_of_vector
from namebasis.namespace.pictures.pictures import Pictures
from namebasis.namespace.search.picture_index import PictureSearcher, PictureVectors
from namebasis.namespace.store.provenance import Provenance

_KEPT = ("picture", "path", "label", "source", "pipeline")
"""What stays in memory of every picture."""


class PictureRows:
    """Pictures that count, by their positions from 0 on; see `StoredSpace.picture_rows`.

    A picture counts where it was added to the space, has a vector by its encoder, was not blacked
    out by a safety checker, and is no copy of one of the same name.

    Parameters
    ----------
    pictures : Pictures
    provenance : Provenance
    place : Path
        The folder of the space, in which indices are kept.
    encoder : str, optional
        Fingerprint of another encoder, whose vectors they are to have.

    Attributes
    ----------
    numbers : ndarray of shape (n,), int64
        Their numbers in ``space.pictures()``, ascending.
    owners : ndarray of shape (n,), int64
        Row of the stored name of each; -1 where the space does not hold it.

    Raises
    ------
    SpaceError
        If there is none.
    """

    def __init__(
        self,
        pictures: Pictures,
        provenance: Provenance,
        place: Path,
        encoder: str | None = None,
    ) -> None:
        self._pictures = held = pictures
        self._encoder = encoder
        self._provenance, self._place = provenance, place
        about = held.table([*_KEPT, "digest", "is_added", "is_blank"])
        wanted = pc.and_(about["is_added"], pc.invert(about["is_blank"]))
        first = _first_copies(held.owners, about["label"], about["digest"], wanted.to_numpy())
        numbers = [ids for _, ids in held.blocks(encoder)] if len(first) else []
        with_vector = np.concatenate(numbers) if numbers else np.empty(0, np.int64)
        self.numbers: IntArray = np.intersect1d(first, with_vector)
        if not len(self.numbers):
            if encoder is None and held.beside:
                others = ", ".join(f"{n:,} by {spec}" for spec, n in held.beside.items())
                raise SpaceError(
                    f"no picture of {place} has a vector by its encoder, {provenance.encoder}; by "
                    f"others they have ({others}). Ask for one of those: --encoder SPEC."
                )
            raise SpaceError(
                f"{place} holds no pictures of names; add some: namebasis add {place} "
                "--images FOLDER."
            )
        self.owners: IntArray = held.owners[self.numbers]
        kept = about.take(pa.array(self.numbers))
        self.digests: pa.ChunkedArray = kept["digest"]
        self._facts = kept.select(list(_KEPT))

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def dim(self) -> int:
        """Width of their vectors."""
        return self._pictures.dim(self._encoder)

    def facts(self, positions: IntArray) -> pa.Table:
        """Number, path, label, source and pipeline of some, in their order."""
        return self._facts.take(pa.array(positions))

    def of_source(self, source: str) -> IntArray:
        """Positions of the pictures of one source, as ``space.pictures().source`` reads it."""
        wanted = self._pictures.source(source)
        return np.flatnonzero(pc.equal(self._facts["source"], wanted).to_numpy())

    def blocks(self, start: int = 0) -> Iterator[FloatArray]:
        """Vectors from a position on, block by block, as unit rows of shape (m, dim)."""
        wanted = self.numbers[start:]
        for block, numbers in self._pictures.blocks(self._encoder):
            mine = np.isin(numbers, wanted, assume_unique=True)
            if mine.any():
                yield block[mine]

    def vectors(self, positions: IntArray) -> FloatArray:
        """Vectors of some pictures, (n, dim) float32, in their order."""
        numbers = self.numbers[positions]
        found = np.empty((len(numbers), self.dim), np.float32)
        order = np.argsort(numbers, kind="stable")
        ranked = numbers[order]
        for block, seen in self._pictures.blocks(self._encoder):
            first, last = np.searchsorted(ranked, [seen[0], seen[-1] + 1])
            found[order[first:last]] = block[np.searchsorted(seen, ranked[first:last])]
        return found

    @cached_property
    def searcher(self) -> PictureSearcher:
        """Searches of them by the encoder whose vectors they have."""
        source = self._provenance
        if self._encoder is not None:
            # Of other encoders vectors may come without files, and others after an undo.
            rows = (digest_of_vector(row) for block in self.blocks() for row in block)
            digests = pa.chunked_array([pa.array(rows, pa.string())])
            other = PictureVectors(self._place, self._encoder, self.dim, digests, self.blocks)
            return PictureSearcher(other, source.seed)
        mine = PictureVectors(
            self._place, source.fingerprint, source.dim, self.digests, self.blocks
        )
        return PictureSearcher(mine, source.seed)


def _first_copies(
    owners: IntArray, labels: pa.ChunkedArray, digests: pa.ChunkedArray, wanted: np.ndarray
) -> IntArray:
    """Numbers of the wanted pictures, each picture of a name once, ascending."""
    numbers = np.flatnonzero(wanted)
    of_label = np.asarray(labels.combine_chunks().dictionary_encode().indices)
    of_file = np.asarray(digests.combine_chunks().dictionary_encode().indices)
    # A name that is not stored is told by its label.
    owner = np.where(owners < 0, -1 - of_label, owners)
    keys = np.stack([owner, of_file], axis=1)[numbers]
    _, first = np.unique(keys, axis=0, return_index=True)
    return np.sort(numbers[first])
