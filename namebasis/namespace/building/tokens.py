"""Names of which an encoder knows no letter: told by the pieces that its tokenizer makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from namebasis.errors import EncoderError
from namebasis.namespace.corpus.cleaning import Dropped
from namebasis.namespace.corpus.names import Names

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

UNREADABLE = ("drop", "keep")
"""What a build may do with names of which an encoder knows no letter."""
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
