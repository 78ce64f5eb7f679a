"""Who shares token pieces with whom: counted over all names, or for some of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# A unit separator cannot stand in a cleaned name, so joined pieces stay distinct.
_SEPARATOR = "\x1f"


def token_facts(pieces: Sequence[Sequence[str]] | pa.Array | pa.ChunkedArray) -> pa.Table:
    """Count, for every name, what its pieces share with the other names.

    Parameters
    ----------
    pieces : sequence of sequences of str, or Arrow list<string> array
        The pieces of each name in order, without special tokens.

    Returns
    -------
    pyarrow.Table
        One row per name, in the given order:

        ``piece_names``
            Number of names that hold the name's rarest piece, itself counted: 1 means that the
            name has a piece to itself. Null where a name has no piece.
        ``same_pieces``
            Number of *other* names that the tokenizer writes with exactly the same pieces, which
            the encoder therefore cannot tell apart.

    Raises
    ------
    ValueError
        If a list of pieces is null.
    """
    array = _as_lists(pieces)
    joined = pc.binary_join(array, _SEPARATOR)
    same = _counts_of_own_value(joined) - 1
    rarest = _rarest_piece(array)
    return pa.table(
        {
            "piece_names": pa.array(rarest, mask=rarest == 0, type=pa.int64()),
            "same_pieces": pa.array(same, type=pa.int64()),
        }
    )


def facts_of_some(
    some: Sequence[Sequence[str]] | pa.Array | pa.ChunkedArray, every: Iterable[pa.Array]
) -> pa.Table:
    """Count as `token_facts` does, for some of the names only.

    Parameters
    ----------
    some : sequence of sequences of str, or Arrow list<string> array
        The pieces of the names that are asked for.
    every : iterable of Arrow list<string> arrays
        The pieces of all names, those among them, some at a time.

    Returns
    -------
    pyarrow.Table
        The rows of `token_facts` of the names that are asked for.

    Raises
    ------
    ValueError
        If a list of pieces is null.
    """
    near = _as_lists(some)
    own, joined = pc.list_flatten(near), pc.binary_join(near, _SEPARATOR)
    pieces, spelled = pc.unique(own), pc.unique(joined)
    holders, alike = np.zeros(len(pieces), np.int64), np.zeros(len(spelled), np.int64)
    for block in every:
        array = _as_lists(block)
        holders += _holders(array, pieces)
        found = pc.index_in(pc.binary_join(array, _SEPARATOR), value_set=spelled).drop_null()
        alike += np.bincount(np.asarray(found), minlength=len(spelled))
    rarest = np.full(len(near), np.iinfo(np.int64).max)
    codes = np.asarray(pc.index_in(own, value_set=pieces))
    np.minimum.at(rarest, np.asarray(pc.list_parent_indices(near)), holders[codes])
    same = alike[np.asarray(pc.index_in(joined, value_set=spelled))] - 1
    return pa.table(
        {
            "piece_names": pa.array(rarest, mask=rarest == np.iinfo(np.int64).max, type=pa.int64()),
            "same_pieces": pa.array(same, type=pa.int64()),
        }
    )


def _holders(array: pa.Array, pieces: pa.Array) -> np.ndarray:
    """How many lists hold each of some pieces; one that holds a piece twice counts once."""
    found = pc.index_in(pc.list_flatten(array), value_set=pieces)
    is_one = np.asarray(found.is_valid())
    codes = np.asarray(found.drop_null()).astype(np.int64)
    rows = np.asarray(pc.list_parent_indices(array))[is_one].astype(np.int64)
    pairs = _distinct(rows * max(len(pieces), 1) + codes)
    return np.bincount(pairs % max(len(pieces), 1), minlength=len(pieces))


def _distinct(numbers: np.ndarray) -> np.ndarray:
    """As `np.unique`, which hashes since NumPy 2.3: 40 times slower for numbers nearly sorted."""
    ascending = np.sort(numbers)
    is_first = np.ones(len(ascending), dtype=bool)
    np.not_equal(ascending[1:], ascending[:-1], out=is_first[1:])
    return ascending[is_first]


def _as_lists(pieces: Sequence[Sequence[str]] | pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(pieces, pa.ChunkedArray):
        pieces = pieces.combine_chunks()
    array = pieces if isinstance(pieces, pa.Array) else pa.array(pieces, type=pa.list_(pa.string()))
    if array.null_count:
        raise ValueError(f"pieces must be a list for every name; {array.null_count} are null.")
    return array.cast(pa.list_(pa.string()))


def _counts_of_own_value(values: pa.Array) -> np.ndarray:
    codes = np.asarray(values.dictionary_encode().indices)
    return np.bincount(codes, minlength=1)[codes] if len(codes) else np.zeros(0, dtype=np.int64)


def _rarest_piece(array: pa.Array) -> np.ndarray:
    """Return for each row the smallest number of rows that share one of its pieces (0: none)."""
    n_names = len(array)
    rarest = np.full(n_names, np.iinfo(np.int64).max)
    rows = np.asarray(pc.list_parent_indices(array))
    codes = np.asarray(pc.list_flatten(array).dictionary_encode().indices)
    if len(codes):
        # A piece that stands twice in one name counts once for that name.
        pairs = _distinct(rows.astype(np.int64) * (int(codes.max()) + 1) + codes)
        rows, codes = np.divmod(pairs, int(codes.max()) + 1)
        np.minimum.at(rarest, rows, np.bincount(codes)[codes])
    rarest[rarest == np.iinfo(np.int64).max] = 0
    return rarest
