"""Searches over single pictures: a FAISS index per encoder, and the pictures newer than it."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from namebasis.checks import FloatArray, IntArray, as_embeddings, check_count
from namebasis.errors import NamebasisWarning, SpaceError
from namebasis.forks import Turn
from namebasis.index.facts import DamagedIndexError, facts_path
from namebasis.index.row_set import RowSet
from namebasis.index.rows import Rows
from namebasis.index.vector_index import VectorIndex
from namebasis.namespace.search.cache_files import making, say_once
from namebasis.namespace.search.searcher import ask_both, impossible
from namebasis.namespace.store.dataset import INDICES
from namebasis.namespace.store.places import for_lance

log = logging.getLogger(__name__)

_BLOCK = 16_384
"""Digests that are Python texts at a time."""

Hits = tuple[FloatArray, IntArray]


@dataclass(frozen=True)
class PictureVectors:
    """The vectors of pictures by one encoder, in the order in which they were added.

    Attributes
    ----------
    place : Path
        The space's folder, where indices are kept.
    fingerprint : str
        Of the encoder's weights.
    dim : int
    digests : ChunkedArray of str
        What each picture is, its file's or its vector's SHA-256: with the encoder it decides the
        vector.
    blocks : callable
        Gives the vectors from a position on, block by block, as unit rows.
    """

    place: Path
    fingerprint: str
    dim: int
    digests: pa.ChunkedArray
    blocks: Callable[[int], Iterator[FloatArray]]

    def __len__(self) -> int:
        return len(self.digests)

    @property
    def path(self) -> Path:
        """Where their index lies."""
        key = hashlib.sha256(self.fingerprint.encode()).hexdigest()[:12]
        return Path(for_lance(self.place)) / INDICES / f"pictures-{key}.faiss"

    def made_of(self, n_rows: int) -> str:
        """Which vectors the first `n_rows` are: an index that carries it is of these alone."""
        digest = hashlib.sha256(self.fingerprint.encode())
        for start in range(0, n_rows, _BLOCK):
            some = self.digests.slice(start, min(_BLOCK, n_rows - start)).to_pylist()
            digest.update("".join(f"\n{one}" for one in some).encode())
        return digest.hexdigest()


class PictureSearcher:
    """Nearest and farthest pictures, by their positions among `PictureVectors`."""

    def __init__(self, vectors: PictureVectors, seed: int = 0) -> None:
        self.vectors = vectors
        self._seed = seed
        self._opened: tuple[VectorIndex, VectorIndex | None] | None = None
        self._turn = Turn()

    def index(self) -> VectorIndex:
        """The saved index, opened on first use; rebuilt with a warning where it is damaged."""
        return self._open()[0]

    def _open(self) -> tuple[VectorIndex, VectorIndex | None]:
        with self._turn:  # opened or built once, however many threads ask
            if self._opened is None:
                index = self._load()
                self._opened = index, self._tail(index.n_rows)
            return self._opened

    def _tail(self, start: int) -> VectorIndex | None:
        """The pictures newer than the index."""
        newer = list(self.vectors.blocks(start)) if start < len(self.vectors) else []
        return VectorIndex.build(np.concatenate(newer), factory="Flat") if newer else None

    def _load(self) -> VectorIndex:
        path = self.vectors.path
        try:
            return self._saved()
        except DamagedIndexError:
            pass
        with making(path) as may_write:
            try:
                return self._saved()  # another process made it meanwhile
            except _OtherPicturesError:
                pass
            except DamagedIndexError as error:
                if facts_path(path).exists():
                    message = f"{error} The index is rebuilt from the stored vectors."
                    warnings.warn(message, NamebasisWarning, stacklevel=6)
            return self._make(may_write)

    def _saved(self) -> VectorIndex:
        """The saved index, where it is of the first pictures that there are."""
        path = self.vectors.path
        index = VectorIndex.load(path)
        if (
            index.dim != self.vectors.dim
            or index.n_rows > len(self.vectors)
            or index.extra.get("pictures") != self.vectors.made_of(index.n_rows)
        ):
            raise _OtherPicturesError(f"{path}: made for other pictures.")
        return index

    def _make(self, may_write: bool) -> VectorIndex:
        """Index all pictures; in memory, and exact, where the index cannot be written."""
        mine = self.vectors
        rows = Rows(len(mine), mine.dim, lambda: mine.blocks(0))
        if not may_write:
            return VectorIndex.build(rows, factory="Flat")
        try:
            index = VectorIndex.build(rows, seed=self._seed, path=mine.path)
            index.save(mine.path, {"pictures": mine.made_of(len(mine))})
        except OSError as error:
            say_once(mine.path, error)
            return VectorIndex.build(rows, factory="Flat")
        log.info("indexed %d pictures as %s", index.n_rows, index.factory)
        return index

    def search(
        self,
        queries: FloatArray,
        k: int,
        *,
        allowed: IntArray | None = None,
        exclude: Collection[int] = (),
        farthest: bool = False,
    ) -> Hits:
        """Find the k best allowed pictures that are not excluded, for every query.

        Parameters
        ----------
        queries : ndarray of shape (n_queries, dim)
            Unit rows, for the similarities to be cosines.
        k : int
        allowed : ndarray of int, optional
            The only positions that may be found.
        exclude : collection of int
            Positions that no query may find.
        farthest : bool
            The least similar instead, exactly, smallest first.

        Returns
        -------
        similarities, positions : ndarrays of shape (n_queries, min(k, pictures left))
        """
        queries = as_embeddings(queries, "queries", self.vectors.dim, min_rows=0)
        check_count(k, "k")
        if len(exclude):
            every = np.arange(len(self.vectors)) if allowed is None else allowed
            allowed = np.setdiff1d(every, np.fromiter(exclude, np.int64))
        sign = np.float32(-1 if farthest else 1)
        rows = None if allowed is None else RowSet.of_ids(allowed, len(self.vectors))
        similarities, ids = self._both(queries * sign, k, rows, farthest)
        return sign * similarities, ids

    def _both(self, queries: FloatArray, k: int, allowed: RowSet | None, exact: bool) -> Hits:
        """Search both parts; an answer that cannot be is damage, and the index is rebuilt."""
        try:
            hits = ask_both(*self._open(), queries, k, allowed, exact)
            problem = impossible(hits, queries, len(self.vectors))
        except DamagedIndexError as error:
            problem = str(error)
        if not problem:
            return hits
        message = f"{self.vectors.path}: damaged ({problem}). The index is rebuilt."
        warnings.warn(message, NamebasisWarning, stacklevel=6)
        with self._turn, making(self.vectors.path) as may_write:
            self._opened = self._make(may_write), None
        hits = ask_both(*self._open(), queries, k, allowed, exact)
        problem = impossible(hits, queries, len(self.vectors))
        if problem:
            raise SpaceError(f"{self.vectors.place}: its pictures are damaged ({problem}).")
        return hits


class _OtherPicturesError(DamagedIndexError):
    """A good index, of other pictures or of more than there are."""
