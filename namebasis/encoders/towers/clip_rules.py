"""What the libraries do to a text before they look up its pieces, and where that may be skipped.

open_clip repairs encodings with ftfy, resolves HTML entities and lower-cases; then a pattern cuts
the text into words. Texts of well-known characters pass through the repairs unchanged and take
Rust; everything else takes open_clip's own rules.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from namebasis.encoders.towers.ragged import Ragged

Flags = npt.NDArray[np.bool_]

PLAIN_ASCII = re.compile(r"[ -%'-;=-~]*\Z")  # printable, without & and <
# What is a letter or a mark and yet not left alone: ligatures that ftfy takes apart, an apostrophe
# that it straightens, and two characters that the library's pattern matches by their other case.
_TOUCHED = frozenset("ĲĳŉǄǅǆǇǈǉǊǋǌǱǲǳ\u02bc\u017f\u0345")


@cache
def known_characters() -> tuple[frozenset[str], frozenset[str]]:
    """Letters and digits, and marks, that stand for themselves: no repair touches them.

    Only what Unicode 3.2 already had and has kept its class since is taken, so that every table
    in use agrees on the class of a character. Tests hold each of them against the library.
    """
    category, today = unicodedata.ucd_3_2_0.category, unicodedata.category
    letters, marks = set(), set()
    for character in map(chr, range(0x20, 0xD7A4)):
        kind = category(character)
        if today(character)[0] != kind[0]:
            continue  # two Mongolian letters became marks
        if (kind[0] == "L" or kind == "Nd") and character not in _TOUCHED:
            letters.add(character)
        elif kind[0] == "M" and character not in _TOUCHED:
            marks.add(character)
    return frozenset(letters), frozenset(marks)


def replaced(rows: Ragged, at: npt.NDArray[np.integer], others: Ragged) -> Ragged:
    """`rows` with `others` in place of the rows `at`."""
    order = np.arange(len(rows))
    order[at] = len(rows) + np.arange(len(at))
    return Ragged.concatenate([rows, others]).take(order)


def batch(tokenizer: Any, texts: Sequence[str]) -> Ragged:
    """Bare ids from a `tokenizers.Tokenizer`."""
    found = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return Ragged.from_rows([encoding.ids for encoding in found])


class OpenClipRules:
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
        """Bare ids, and which texts keep theirs between the words of a prompt."""
        fits = np.fromiter(map(self._fits, texts), dtype=np.bool_, count=len(texts))
        if fits.all():
            return batch(self._fast, [text.lower() for text in texts]), fits
        chosen = zip(texts, fits, strict=True)
        fast = batch(self._fast, [text.lower() if known else "" for text, known in chosen])
        others = np.flatnonzero(~fits)
        slow = Ragged.from_rows([self._slow(texts[index]) for index in others.tolist()])
        return replaced(fast, others, slow), fits

    def _fits(self, text: str) -> bool:
        """Whether cleaning leaves the text alone but for its case, between any ASCII words.

        ftfy repairs a text only where its heuristic finds a pattern; no pattern reaches further
        out of the text than one space and the letter behind it.
        """
        if text.isascii():
            return PLAIN_ASCII.match(text) is not None
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


def splits_like_clip(state: dict[str, Any]) -> bool:
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
