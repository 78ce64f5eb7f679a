"""CLIP's tokenizer in Rust, and prompts put together from pieces that are read once.

CLIP's pieces never cross white space, nor the border between a letter and punctuation. Between a
template's words and a name the ids therefore just follow each other, if nothing that the library
does to a text before splitting it (repairing encodings, resolving HTML entities, composing
accents) can reach across the seam. Where it might, the whole prompt goes to the library's rules.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from namebasis.encoders.towers.clip_rules import (
    PLAIN_ASCII,
    Flags,
    OpenClipRules,
    batch,
    known_characters,
    replaced,
    splits_like_clip,
)
from namebasis.encoders.towers.ragged import Ragged

# Behind a name: nothing, a space, or punctuation that a letter before it does not attach to. The
# full stop must end the word, because Greek sigma looks through it for the next letter.
_RIGHT_SPACE = re.compile(r"(?: |\Z)")
_RIGHT_PUNCTUATION = re.compile(r"[,;!?)]|\.(?: |\Z)")


@dataclass(frozen=True)
class NamePieces:
    """Names, each tokenised once, for any number of templates.

    Attributes
    ----------
    names : tuple of str
    pieces : Ragged
        Ids of each name alone, without special tokens.
    fits : ndarray of shape (n_names,), bool
        Whether a name's ids stand unchanged between spaces in a prompt.
    """

    names: tuple[str, ...]
    pieces: Ragged
    fits: Flags

    @cached_property
    def ends_in_word(self) -> Flags:
        """Whether a name ends in a letter or a digit, so that punctuation may follow."""
        letters, _ = known_characters()
        ends = (_last_read(name) in letters for name in self.names)
        return np.fromiter(ends, dtype=np.bool_, count=len(self.names))


def _last_read(name: str) -> str:
    """The last character of a name as the pieces are read: composed, then in lower case.

    Composing takes some letters apart for good (U+095C becomes a letter and its dot), and in lower
    case the dotted capital I becomes an i and a mark; marks join the punctuation behind them.
    """
    return unicodedata.normalize("NFC", name.rstrip(" ")[-1:])[-1:].lower()[-1:]


class ClipTokenizer:
    """Token ids as the library's own tokenizer gives them.

    Built by `from_open_clip` or `from_transformers`.

    Attributes
    ----------
    start, end : int
        The special tokens around every text.
    context_length : int
        Longer texts are cut there and keep the end token, as both libraries do.
    """

    def __init__(
        self,
        read: Callable[[Sequence[str]], tuple[Ragged, Flags]],
        piece: Callable[[int], str],
        special: tuple[int, int],
        context_length: int,
    ) -> None:
        self._read, self._piece = read, piece
        self.start, self.end = special
        self.context_length = context_length

    @classmethod
    def from_open_clip(
        cls, tokenizer: Any, *, context_length: int | None = None
    ) -> ClipTokenizer | None:
        """The same ids as an open_clip `SimpleTokenizer`; None where it is another kind.

        Parameters
        ----------
        tokenizer : object
            What ``open_clip.get_tokenizer`` gives.
        context_length : int, optional
            By default the tokenizer's own.
        """
        from open_clip.tokenizer import SimpleTokenizer, _clean_lower

        if type(tokenizer) is not SimpleTokenizer or tokenizer.clean_fn is not _clean_lower:
            return None
        if tokenizer.reduction_fn is not None or len(tokenizer.all_special_ids) != 2:
            return None
        return cls(
            OpenClipRules(tokenizer).read,
            tokenizer.decoder.__getitem__,
            (tokenizer.sot_token_id, tokenizer.eot_token_id),
            context_length or tokenizer.context_length,
        )

    @classmethod
    def from_transformers(
        cls, tokenizer: Any, *, context_length: int | None = None
    ) -> ClipTokenizer | None:
        """The same ids as a transformers `CLIPTokenizer`; None where it is another kind.

        Parameters
        ----------
        tokenizer : PreTrainedTokenizerBase
        context_length : int, optional
            By default the tokenizer's ``model_max_length``.
        """
        from tokenizers import Tokenizer

        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None or not splits_like_clip(json.loads(backend.to_str())):
            return None
        special = (tokenizer.bos_token_id, tokenizer.eos_token_id)
        if tokenizer("")["input_ids"] != list(special):
            return None
        own = Tokenizer.from_str(backend.to_str())
        own.no_padding()
        own.no_truncation()

        def read(texts: Sequence[str]) -> tuple[Ragged, Flags]:
            # Composing accents and folding spaces stop at a space by themselves.
            return batch(own, texts), np.ones(len(texts), dtype=np.bool_)

        return cls(
            read,
            lambda token: str(own.id_to_token(token)),
            special,
            context_length or int(tokenizer.model_max_length),
        )

    def expanding(self, words: Mapping[int, Sequence[int]]) -> ClipTokenizer:
        """The same tokenizer, with several ids in the place of some.

        Parameters
        ----------
        words : mapping of int to sequence of int
        """

        def read(texts: Sequence[str]) -> tuple[Ragged, Flags]:
            pieces, fits = self._read(texts)
            if not np.isin(pieces.ids, list(words)).any():
                return pieces, fits
            rows = [
                [new for old in row.tolist() for new in words.get(old, (old,))]
                for row in pieces.rows()
            ]
            return Ragged.from_rows(rows), fits

        special = (self.start, self.end)
        return ClipTokenizer(read, self._piece, special, self.context_length)

    def encode_batch(self, texts: Sequence[str]) -> Ragged:
        """Ids of whole texts, special tokens included."""
        return self._finish(self._read(texts)[0], [], [])

    def read(self, names: Sequence[str]) -> NamePieces:
        """Tokenise names once, for `encode_prompts` with many templates."""
        kept = tuple(names)
        return NamePieces(kept, *self._read(kept))

    def encode_prompts(self, template: str, names: Sequence[str] | NamePieces) -> Ragged:
        """Ids of ``template.format(name)`` for every name, special tokens included.

        Parameters
        ----------
        template : str
            A format string for one positional value; only with a plain ``{}`` between ASCII text
            are prompts put together from pieces.
        names : sequence of str or NamePieces

        Returns
        -------
        Ragged
            Row i is ``encode_batch([template.format(names[i])])``.
        """
        read = names if isinstance(names, NamePieces) else self.read(names)
        parts = _split(template)
        if parts is None:
            return self.encode_batch([template.format(name) for name in read.names])
        (left, right), needs_word = parts
        before, after = (row.tolist() for row in self._read([left, right])[0].rows())
        prompts = self._finish(read.pieces, before, after)
        fits = read.fits & read.ends_in_word if needs_word else read.fits
        whole = np.flatnonzero(~fits)
        texts = [template.format(read.names[index]) for index in whole]
        return replaced(prompts, whole, self.encode_batch(texts)) if texts else prompts

    def pieces(self, text: str) -> list[str]:
        """The vocabulary's strings that a text is made of, without special tokens."""
        return self.all_pieces([text])[0]

    def all_pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """`pieces` of many texts."""
        rows = self._read(texts)[0].rows()
        return [[self._piece(token) for token in row.tolist()] for row in rows]

    def count(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """Pieces per text, special tokens not counted, nothing cut."""
        return self._read(texts)[0].lengths

    def _finish(self, bare: Ragged, before: list[int], after: list[int]) -> Ragged:
        rows = bare.wrapped([self.start, *before], [*after, self.end])
        lengths = rows.lengths
        if lengths.max(initial=0) > self.context_length:
            rows = rows.cut(np.minimum(lengths, self.context_length))
            rows.ids[rows.offsets[1:] - 1] = self.end
        return rows


def _split(template: str) -> tuple[tuple[str, str], bool] | None:
    """What stands before and behind the name, and whether the name must end in a word."""
    left, field, right = template.partition("{}")
    plain = PLAIN_ASCII.match(left + right) and not set(left + right) & set("{}")
    if not field or not plain or (left and not left.endswith(" ")):
        return None
    if _RIGHT_SPACE.match(right):
        return (left, right), False
    return ((left, right), True) if _RIGHT_PUNCTUATION.match(right) else None
