"""Token facts: what an encoder's tokenizer makes of each name, and who shares pieces with whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.errors import EncoderError
from namebasis.namespace.corpus.cleaning import Dropped
from namebasis.namespace.corpus.names import Names

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

UNREADABLE = ("drop", "keep")
"""What a build may do with names of which an encoder knows no letter."""
# A unit separator cannot stand in a cleaned name, so joined pieces stay distinct.
_SEPARATOR = "\x1f"
# A word's beginning, which SentencePiece and GPT-2 write as a piece of its own before unknown ones.
_BEGINNINGS = frozenset("▁Ġ")


def check_unreadable(unreadable: str) -> None:
    """Refuse what is neither drop nor keep.

    Raises
    ------
    ValueError
    """
    if unreadable not in UNREADABLE:
        raise ValueError(f"unreadable must be drop or keep; got {unreadable!r}.")


def without_unreadable(names: Names, encoder: Encoder, unreadable: str = "drop") -> Names:
    """Leave out, counted, the names of which an encoder knows no letter.

    All of them would get the vector of the unknown piece: each other's nearest neighbours at a
    similarity of 1, and a cluster that says nothing of any.

    Parameters
    ----------
    names : Names
    encoder : Encoder
    unreadable : {"drop", "keep"}
        "keep" returns `names`.

    Raises
    ------
    ValueError
        If `unreadable` is neither.
    EncoderError
        If that leaves none.
    """
    check_unreadable(unreadable)
    # Encoders of other people need not derive from ours.
    unknown = getattr(encoder, "unknown_piece", None)
    if unreadable == "keep" or unknown is None or not len(names):
        return names
    is_read = [not is_unread(pieces, unknown) for pieces in encoder.pieces(names.strings)]
    if all(is_read):
        return names
    lost = [name for name, read in zip(names.strings, is_read, strict=True) if not read]
    shown = ", ".join(lost[:3])
    if len(lost) == len(names):
        raise EncoderError(
            f"{encoder.spec} knows no letter of the {len(names):,} names (such as {shown}): all "
            "would get one vector. Use an encoder of their script, or --unreadable keep "
            "(unreadable='keep' in Python)."
        )
    told = Dropped(f"{encoder.spec} knows none of its letters", len(lost), tuple(lost[:3]))
    kept = names.table.filter(pa.array(is_read))
    return replace(names, table=kept, dropped=(*names.dropped, told))


def is_unread(pieces: Sequence[str], unknown: str | None) -> bool:
    """Whether pieces hold no letter that the encoder knows; never where it has no unknown piece."""
    return unknown is not None and (_BEGINNINGS | {unknown}).issuperset(pieces)


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


def facts_after_adding(pieces: pa.Array, n_old: int) -> pa.Table:
    """Recount for names that were added, and for those whose counts they may change.

    Parameters
    ----------
    pieces : Arrow list<string> array
        The pieces of all names, those that were added last.
    n_old : int
        Names that were there before.

    Returns
    -------
    pyarrow.Table
        `id`, `piece_names` and `same_pieces` of the names that were added and of all older ones
        that share a piece with them; they equal those rows of `token_facts(pieces)`.
    """
    array = _as_lists(pieces)
    rows = np.asarray(pc.list_parent_indices(array))
    flat = pc.list_flatten(array)
    fresh = array.slice(n_old)
    ids = [np.arange(n_old, len(array)), rows[_is_in(flat, pc.list_flatten(fresh))]]
    if (np.asarray(pc.list_value_length(fresh)) == 0).any():
        # Names without a piece are written alike too.
        ids.append(np.flatnonzero(np.asarray(pc.list_value_length(array)) == 0))
    mine = _distinct(np.concatenate(ids))
    near = array.take(pa.array(mine))
    rarest = np.full(len(near), np.iinfo(np.int64).max)
    at, codes, counts = _name_counts(rows, flat, near)
    np.minimum.at(rarest, at, counts[codes])
    # Names written alike share all pieces, so with one of them the others are near too.
    same = _counts_of_own_value(pc.binary_join(near, _SEPARATOR)) - 1
    has_none = rarest == np.iinfo(np.int64).max
    return pa.table(
        {
            "id": pa.array(mine),
            "piece_names": pa.array(rarest, mask=has_none, type=pa.int64()),
            "same_pieces": pa.array(same, type=pa.int64()),
        }
    )


def _distinct(numbers: np.ndarray) -> np.ndarray:
    """As `np.unique`, which hashes since NumPy 2.3: 40 times slower for numbers nearly sorted."""
    ascending = np.sort(numbers)
    is_first = np.ones(len(ascending), dtype=bool)
    np.not_equal(ascending[1:], ascending[:-1], out=is_first[1:])
    return ascending[is_first]


def _is_in(values: pa.Array, wanted: pa.Array) -> np.ndarray:
    return np.asarray(pc.is_in(values, value_set=pc.unique(wanted)))


def _name_counts(
    rows: np.ndarray, flat: pa.Array, near: pa.Array
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the pieces of some names: their rows, their codes, and the names that hold each code."""
    own = pc.list_flatten(near)
    unique = pc.unique(own)
    found = pc.index_in(flat, value_set=unique)
    is_known = np.asarray(found.is_valid())
    codes = np.asarray(found.drop_null()).astype(np.int64)
    # A piece that stands twice in one name counts once for that name.
    pairs = _distinct(rows[is_known].astype(np.int64) * max(len(unique), 1) + codes)
    counts = np.bincount(pairs % max(len(unique), 1), minlength=len(unique))
    at = np.asarray(pc.list_parent_indices(near))
    return at, np.asarray(pc.index_in(own, value_set=unique)), counts


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
