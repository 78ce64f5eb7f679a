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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from namebasis.encoders.ragged import Ragged

Flags = npt.NDArray[np.bool_]
Reader = Callable[[Sequence[str]], tuple[Ragged, Flags]]  # bare ids, and which texts `fit`

_ASCII = re.compile(r"[ -%'-;=-~]*\Z")  # printable, without & and <
# What is a letter or a mark and yet not left alone: ligatures that ftfy takes apart, an apostrophe
# that it straightens, and two characters that the library's pattern matches by their other case.
_TOUCHED = frozenset("ĲĳŉǄǅǆǇǈǉǊǋǌǱǲǳ\u02bc\u017f\u0345")
# Behind a name: nothing, a space, or punctuation that a letter before it does not attach to. The
# full stop must end the word, because Greek sigma looks through it for the next letter.
_RIGHT_SPACE = re.compile(r"(?: |\Z)")
_RIGHT_PUNCTUATION = re.compile(r"[,;!?)]|\.(?: |\Z)")


@cache
def known_characters() -> tuple[frozenset[str], frozenset[str]]:
    """Letters and digits, and marks, that stand for themselves: no repair touches them.

    Only what Unicode 3.2 already had is taken, so that every table in use agrees on the class of
    a character. Tests hold each of them against the library.
    """
    category = unicodedata.ucd_3_2_0.category
    letters, marks = set(), set()
    for character in map(chr, range(0x20, 0xD7A4)):
        kind = category(character)
        if (kind[0] == "L" or kind == "Nd") and character not in _TOUCHED:
            letters.add(character)
        elif kind[0] == "M" and character not in _TOUCHED:
            marks.add(character)
    return frozenset(letters), frozenset(marks)


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
        # In lower case, as the pieces are: the dotted capital I becomes an i and a mark.
        ends = (name.rstrip(" ")[-1:].lower() in letters for name in self.names)
        return np.fromiter(ends, dtype=np.bool_, count=len(self.names))


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
        read: Reader,
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
            _OpenClipRules(tokenizer).read,
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
        if backend is None or not _splits_like_clip(json.loads(backend.to_str())):
            return None
        special = (tokenizer.bos_token_id, tokenizer.eos_token_id)
        if tokenizer("")["input_ids"] != list(special):
            return None
        own = Tokenizer.from_str(backend.to_str())
        own.no_padding()
        own.no_truncation()

        def read(texts: Sequence[str]) -> tuple[Ragged, Flags]:
            # Composing accents and folding spaces stop at a space by themselves.
            return _batch(own, texts), np.ones(len(texts), dtype=np.bool_)

        return cls(
            read,
            lambda token: str(own.id_to_token(token)),
            special,
            context_length or int(tokenizer.model_max_length),
        )

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
        return _replaced(prompts, whole, self.encode_batch(texts)) if texts else prompts

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
    plain = _ASCII.match(left + right) and not set(left + right) & set("{}")
    if not field or not plain or (left and not left.endswith(" ")):
        return None
    if _RIGHT_SPACE.match(right):
        return (left, right), False
    return ((left, right), True) if _RIGHT_PUNCTUATION.match(right) else None


def _replaced(rows: Ragged, at: npt.NDArray[np.integer], others: Ragged) -> Ragged:
    order = np.arange(len(rows))
    order[at] = len(rows) + np.arange(len(at))
    return Ragged.concatenate([rows, others]).take(order)


def _batch(tokenizer: Any, texts: Sequence[str]) -> Ragged:
    found = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return Ragged.from_rows([encoding.ids for encoding in found])


class _OpenClipRules:
    """Known characters go to Rust; everything else to open_clip's own, slower rules."""

    def __init__(self, tokenizer: Any) -> None:
        from ftfy.badness import is_bad

        self._is_bad: Callable[[str], bool] = is_bad
        self._slow: Callable[[str], list[int]] = tokenizer.encode
        self._fast = _rust_bpe(tokenizer)
        letters, marks = known_characters()
        self._known = (
            letters | marks | {chr(code) for code in range(32, 127) if chr(code) not in "&<"}
        )

    def read(self, texts: Sequence[str]) -> tuple[Ragged, Flags]:
        fits = np.fromiter(map(self._fits, texts), dtype=np.bool_, count=len(texts))
        if fits.all():
            return _batch(self._fast, [text.lower() for text in texts]), fits
        chosen = zip(texts, fits, strict=True)
        fast = _batch(self._fast, [text.lower() if known else "" for text, known in chosen])
        others = np.flatnonzero(~fits)
        slow = Ragged.from_rows([self._slow(texts[index]) for index in others.tolist()])
        return _replaced(fast, others, slow), fits

    def _fits(self, text: str) -> bool:
        """Whether cleaning leaves the text alone but for its case, between any ASCII words.

        ftfy repairs a text only where its heuristic finds a pattern; no pattern reaches further
        out of the text than one space and the letter behind it.
        """
        if text.isascii():
            return _ASCII.match(text) is not None
        return (
            self._known.issuperset(text)
            and unicodedata.is_normalized("NFC", text)
            and not self._is_bad(f"a {text} a")
        )


def _rust_bpe(tokenizer: Any) -> Any:
    """open_clip's vocabulary and merges as a tokenizer of already lower-cased text."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    merges = sorted(tokenizer.bpe_ranks, key=tokenizer.bpe_ranks.__getitem__)
    bpe = models.BPE(vocab=dict(tokenizer.encoder), merges=merges, end_of_word_suffix="</w>")
    pattern = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    rust = Tokenizer(bpe)
    rust.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(pattern, behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return rust


def _splits_like_clip(state: dict[str, Any]) -> bool:
    """Whether a tokenizer has CLIP's normaliser and splitter and no special token with a space."""
    if state["model"].get("end_of_word_suffix") != "</w>" or not state["pre_tokenizer"]:
        return False
    normalizers = [step["type"] for step in (state["normalizer"] or {}).get("normalizers", [])]
    splitters = state["pre_tokenizer"].get("pretokenizers", [])
    if normalizers != ["NFC", "Replace", "Lowercase"]:
        return False
    if [step["type"] for step in splitters] != ["Split", "ByteLevel"]:
        return False
    pattern = splitters[0]["pattern"].get("Regex", "")
    if not pattern.endswith(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"):
        return False
    return not any(re.search(r"\s", token["content"]) for token in state["added_tokens"])
