"""Which names are one name in other letters: Catherine, Katherine, Kathryn."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SOUNDS = (
    (re.compile(r"[^\w]+"), ""),
    (re.compile(r"ph"), "f"),
    (re.compile(r"sch|sh|ch"), "x"),
    (re.compile(r"ck|[qk]|c(?![eiy])"), "k"),
    (re.compile(r"c"), "s"),
    (re.compile(r"z"), "s"),
    (re.compile(r"[vw]"), "f"),
    (re.compile(r"gh|(?<![aeiou])(?<!^)h|(?<!^)h(?![aeiou])"), ""),
    (re.compile(r"ie|ee|ea|ey|[yj]"), "i"),
    (re.compile(r"(.)\1+"), r"\1"),
    (re.compile(r"(?<=..)e$"), ""),
)
"""Letters that names are spelled with either way, and what stands for them here."""
_VOWELS = "aeiou"
_NEAR = frozenset({frozenset("ae"), frozenset("ei"), frozenset("ou")})
"""Vowels that spellings of a name put for each other."""
_SHORT = 4
"""Letters up to which none may: Ina and Ana are two names."""


class Spellings:
    """Groups names that are one name in other letters.

    Two names are spellings of one if they have the same letters but for case and accents; or the
    same consonants by their sound, the same first and last sound, and vowels that differ only as
    a and e, e and i, or o and u do, or by an e. That finds Catherine and Kathryn, Eric and Erik,
    Mohammed and Muhammad; it does not know that Bill is William.

    Parameters
    ----------
    folded : sequence of str
        Names as `folding.fold` gives them.
    exact : bool
        Only the same letters count.
    """

    def __init__(self, folded: Sequence[str], *, exact: bool = False) -> None:
        self._keys = [name if exact else sound(name) for name in folded]
        self._exact = exact
        self._alike: dict[str, list[int]] = {}
        for row, key in enumerate(self._keys):
            self._alike.setdefault(self._bucket(key), []).append(row)

    def alike(self, row: int) -> list[int]:
        """The rows that are spellings of a row's name, itself among them."""
        own = self._keys[row]
        rows = self._alike[self._bucket(own)]
        return rows if self._exact else [one for one in rows if same(own, self._keys[one])]

    def _bucket(self, key: str) -> str:
        return key if self._exact else "".join(c for c in key if c not in _VOWELS)


def sound(folded: str) -> str:
    """A folded name with one letter for each of its sounds, roughly as in English."""
    for letters, one in _SOUNDS:
        folded = letters.sub(one, folded)
    return folded


def same(left: str, right: str) -> bool:
    """Whether two names by their sound are spellings of one."""
    if left == right:
        return True
    if not left or not right or left[0] != right[0] or left[-1] != right[-1]:
        return False
    if max(len(left), len(right)) <= _SHORT:
        return False
    between = [re.split(f"([^{_VOWELS}])", one) for one in (left, right)]
    if between[0][1::2] != between[1][1::2]:
        return False
    pairs = zip(between[0][::2], between[1][::2], strict=True)
    return all(a == b or {a, b} == {"", "e"} or frozenset((a, b)) in _NEAR for a, b in pairs)
