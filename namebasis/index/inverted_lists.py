"""Inverted lists written straight to a FAISS index file, so that memory stays flat."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray, IntArray
from namebasis.index.files import faiss_module
from namebasis.index.rows import Rows

_EMPTY_TAIL = 32
"""Bytes that end the file of an index without rows: ilar, two sizes, sprs, one size."""


def assign_lists(index: Any, rows: Rows) -> IntArray:
    """Number of the list of every row: the centroid with the largest inner product."""
    lists = np.empty(rows.n_rows, dtype=np.int64)
    start = 0
    for block in rows.blocks():
        found = index.quantizer.search(block, 1)[1]
        lists[start : start + len(block)] = found[:, 0]
        start += len(block)
    return lists


def write_lists(index: Any, rows: Rows, lists: IntArray, path: Path) -> None:
    """Write a trained, empty `IVF<n>` index together with rows, or their codes, to one file.

    The layout is FAISS's own (`ilar`: the sizes of all lists, then each list's vectors and row
    numbers), which it can map. Adding the rows in memory first would take their size twice over.

    Parameters
    ----------
    index : faiss.IndexIVF
        Trained, without rows.
    rows : Rows
    lists : ndarray of shape (n_rows,)
        From `assign_lists`.
    path : Path
        Of a new file; what is there is written over.
    """
    sizes = np.bincount(lists, minlength=index.nlist).astype(np.int64)
    code_size = int(index.code_size)
    head = _head(index, rows.n_rows) + b"ilar" + struct.pack("<QQ", index.nlist, code_size)
    head += b"full" + struct.pack("<Q", index.nlist) + sizes.tobytes()
    list_starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    list_starts = len(head) + list_starts * (code_size + 8)
    with path.open("wb") as file:
        file.write(head)
        file.flush()
        filled = np.zeros(index.nlist, dtype=np.int64)
        start = 0
        for block in rows.blocks():
            part = lists[start : start + len(block)]
            codes = _codes(index, block, part)
            _write_block(file.fileno(), codes, start, part, list_starts, filled, sizes)
            start += len(block)


def _head(index: Any, n_rows: int) -> bytes:
    """The file of an empty index up to its lists, with the number of rows it will have."""
    faiss = faiss_module()
    index.ntotal = n_rows
    whole: bytes = faiss.serialize_index(index).tobytes()
    index.ntotal = 0
    if not whole[-_EMPTY_TAIL:].startswith(b"ilar"):
        raise RuntimeError(f"FAISS {faiss.__version__} writes inverted lists in another layout.")
    return whole[:-_EMPTY_TAIL]


def _codes(index: Any, block: FloatArray, lists: IntArray) -> npt.NDArray[np.uint8]:
    """What the lists hold of rows: their own bytes, or those that a compressed index makes."""
    faiss = faiss_module()
    block = np.ascontiguousarray(block, dtype=np.float32)
    if isinstance(index, faiss.IndexIVFFlat):
        return block.view(np.uint8)
    codes = np.empty((len(block), index.code_size), np.uint8)
    numbers = np.ascontiguousarray(lists, dtype=np.int64)
    pointers = map(faiss.swig_ptr, (block, numbers, codes))
    index.encode_vectors(len(block), *pointers)
    return codes


def _write_block(
    file: int,
    block: npt.NDArray[np.uint8],
    first_row: int,
    lists: IntArray,
    list_starts: IntArray,
    filled: IntArray,
    sizes: IntArray,
) -> None:
    """Write the codes of a block behind those that are in their lists already."""
    width = block.shape[1]
    order = np.argsort(lists, kind="stable")
    numbers, begins = np.unique(lists[order], return_index=True)
    for number, run in zip(numbers, np.split(order, begins[1:]), strict=True):
        before = int(filled[number])
        base = int(list_starts[number])
        os.pwrite(file, block[run].tobytes(), base + before * width)
        ids_base = base + int(sizes[number]) * width
        os.pwrite(file, (first_row + run).astype(np.int64).tobytes(), ids_base + before * 8)
        filled[number] += len(run)
