"""One way to walk rows: an array, a list of blocks, a lazy source, or a generator."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from namebasis.checks import FloatArray, IntArray, as_embeddings

BLOCK_ROWS = 16_384


@dataclass(frozen=True)
class Rows:
    """Rows that can be walked more than once, block by block.

    Attributes
    ----------
    n_rows, dim : int
        Their number and width.
    open_blocks : callable
        Gives a fresh iterator over blocks of shape (m, dim).
    take : callable, optional
        Gives rows by their numbers, in their order; without it they are looked for in the blocks.
    """

    n_rows: int
    dim: int
    open_blocks: Callable[[], Iterable[FloatArray]]
    take: Callable[[IntArray], FloatArray] | None = None

    def of(self, ids: IntArray) -> FloatArray:
        """Rows by their numbers, which ascend, of shape (n_ids, dim)."""
        if self.take is not None:
            return self.take(ids)
        found, start = np.empty((len(ids), self.dim), dtype=np.float32), 0
        for block in self.blocks():
            low, high = np.searchsorted(ids, [start, start + len(block)])
            found[low:high] = block[ids[low:high] - start]
            start += len(block)
        return found

    def blocks(self) -> Iterator[FloatArray]:
        """Walk the blocks, each checked to be finite and of the right width.

        Raises
        ------
        ValueError
            If a block does not fit, or the number of rows is another than was said.
        """
        seen = 0
        for block in self.open_blocks():
            yield as_embeddings(block, "vectors", self.dim)
            seen += len(block)
        if seen != self.n_rows:
            raise ValueError(f"vectors must hold {self.n_rows} rows; got {seen}.")


def as_rows(vectors: Rows | FloatArray | Iterable[FloatArray]) -> Rows:
    """Make `Rows` of an array, of blocks, or of a generator (spooled to a temporary file).

    Raises
    ------
    ValueError
        If there is no row, or the blocks do not fit each other.
    """
    if isinstance(vectors, Rows):
        return vectors
    if isinstance(vectors, np.ndarray):
        matrix = as_embeddings(vectors, "vectors")
        starts = range(0, len(matrix), BLOCK_ROWS)
        n_rows, dim = matrix.shape
        return Rows(
            n_rows, dim, lambda: (matrix[s : s + BLOCK_ROWS] for s in starts), matrix.__getitem__
        )
    if iter(vectors) is vectors:
        return _spool(vectors)
    n_rows, dim = 0, 0
    for block in vectors:
        n_rows, dim = n_rows + len(block), block.shape[1]
    if not n_rows:
        raise ValueError("vectors needs at least 1 row; got none.")
    return Rows(n_rows, dim, lambda: vectors)


def _spool(blocks: Iterable[FloatArray]) -> Rows:
    # Lives as long as the rows that read it; closing it deletes it.
    spool = tempfile.TemporaryFile()  # noqa: SIM115
    n_rows, dim = 0, 0
    for block in blocks:
        matrix = as_embeddings(block, "vectors", dim or None)
        n_rows, dim = n_rows + len(matrix), matrix.shape[1]
        spool.write(matrix.tobytes())
    if not n_rows:
        raise ValueError("vectors needs at least 1 row; got none.")
    spool.flush()

    def walk() -> Iterator[FloatArray]:
        spool.seek(0)
        left = n_rows
        while left:
            size = min(left, BLOCK_ROWS)
            block = np.frombuffer(spool.read(size * dim * 4), dtype=np.float32)
            yield block.reshape(size, dim)
            left -= size

    return Rows(n_rows, dim, walk)
