"""Names in captions: where they stand as words of their script, and whether with a capital."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import regex

from namebasis.checks import IntArray
from namebasis.namespace.corpus.folding import fold

_WORDS = regex.compile(r"[\p{L}\p{M}\p{N}\p{Cf}]+|\n")
_BORDERLESS = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_HANGUL = regex.compile(r"\p{Hangul}")
# Written together with the name before them; 씨 and 님 are titles.
_KOREAN_PARTICLES = tuple(
    (
        "은 는 이 가 을 를 의 에 와 과 도 만 로 으로 에게 에서 한테 께 께서 랑 이랑 "
        "씨 님 씨는 씨가 씨의 씨와"
    ).split()
)
_REMEMBERED = 500_000
"""Words whose folding is kept; more are computed again."""


@dataclass(frozen=True)
class Found:
    """Captions of a batch that mention names.

    Attributes
    ----------
    names : ndarray of shape (n,), int64
        Positions of names. With `captions`, each pair comes once, however often the caption says
        the name.
    captions : ndarray of shape (n,), int64
        Positions of captions in the batch.
    capitals : ndarray of shape (n,), bool
        Whether the name stands there at least once with a capital: a word of it does not begin
        with a small letter. True in scripts that have none.
    """

    names: IntArray
    captions: IntArray
    capitals: np.ndarray


class Matcher:
    """Finds many names in captions at once, by an Aho-Corasick automaton.

    Names and captions are folded word by word (`folding.fold`: case, accents of Latin and Greek
    letters and invisible characters go), and what is neither letter, mark nor digit parts words:
    "O'Brien" and "Jean-Luc" are two words each. A name stands where its words do, one behind
    the other. In scripts that write no space (Han, Kana, Thai, Lao, Khmer, Burmese) it stands
    wherever its letters do; a Korean name may have a particle behind it. Inflected forms are other
    words.

    Parameters
    ----------
    names : sequence of str

    Attributes
    ----------
    names : tuple of str
        Without those that fold to an earlier one or that hold no letter or digit.
    left_out : tuple of str
        The latter.
    """

    def __init__(self, names: Sequence[str]) -> None:
        from ahocorasick_rs import AhoCorasick, MatchKind

        self._folded: dict[str, str] = {}
        kept: dict[str, str] = {}
        left_out = []
        for name in names:
            key = " ".join(self._words(name.replace("\n", " "))[1])
            if key:
                kept.setdefault(key, name)
            else:
                left_out.append(name)
        self.names, self.left_out = tuple(kept.values()), tuple(left_out)
        patterns: dict[str, int] = {}
        for at, key in enumerate(kept):
            for text in _patterns(key):
                patterns.setdefault(text, at)
        self._of_pattern = np.fromiter(patterns.values(), dtype=np.int64, count=len(patterns))
        self._automaton = AhoCorasick(list(patterns), matchkind=MatchKind.Standard)

    def find(self, captions: Sequence[str]) -> Found:
        """Which captions mention which names."""
        words, folded = self._words("\n".join(text.replace("\n", " ") for text in captions))
        text = f" {' '.join(folded)} "
        matches = self._automaton.find_matches_as_indexes(text, overlapping=True)
        if not matches:
            nothing = np.empty(0, dtype=np.int64)
            return Found(nothing, nothing, np.empty(0, dtype=bool))
        pattern, start, stop = np.asarray(matches, dtype=np.int64).T
        lengths = np.fromiter(map(len, folded), dtype=np.int64, count=len(folded))
        begins = 1 + np.concatenate(([0], np.cumsum(lengths + 1)))  # behind the space before each
        # A border that a pattern begins with belongs to no word: look one letter further.
        bordered = np.fromiter((text[at] == " " for at in start), dtype=bool, count=len(start))
        first = np.searchsorted(begins, start + bordered, side="right") - 1
        last = np.searchsorted(begins, stop - 2, side="right")  # the word behind the match's last
        is_large = np.fromiter(
            (not word[0].islower() for word in words), dtype=np.int64, count=len(words)
        )
        n_large = np.concatenate(([0], np.cumsum(is_large)))
        capital = n_large[np.maximum(last, first + 1)] > n_large[first]
        breaks = np.concatenate(
            ([0], np.cumsum(np.fromiter((w == "\n" for w in words), np.int64, count=len(words))))
        )
        pairs = self._of_pattern[pattern] * len(captions) + breaks[first]
        distinct, inverse = np.unique(pairs, return_inverse=True)
        capitals = np.zeros(len(distinct), dtype=bool)
        np.logical_or.at(capitals, inverse, capital)
        return Found(distinct // len(captions), distinct % len(captions), capitals)

    def _words(self, text: str) -> tuple[list[str], list[str]]:
        """The words of a text and what each folds to, without those that fold to nothing."""
        memory = self._folded
        if len(memory) > _REMEMBERED:
            memory.clear()
        words, folded = [], []
        for word in _WORDS.findall(text):
            known = memory.get(word)
            if known is None:
                known = "\n" if word == "\n" else "".join(_WORDS.findall(fold(word)))
                memory[word] = known
            if known:
                words.append(word)
                folded.append(known)
        return words, folded


def _patterns(key: str) -> list[str]:
    """What stands in folded captions where a name does; a space is the border of a word."""
    left = "" if _BORDERLESS.match(key[0]) else " "
    if _BORDERLESS.match(key[-1]):
        return [left + key]
    after = ("", *_KOREAN_PARTICLES) if _HANGUL.match(key[-1]) else ("",)
    return [f"{left}{key}{more} " for more in after]
