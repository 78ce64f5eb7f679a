"""What is typed into the box: a name, a text, or arithmetic such as `Vicki + an old man`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = re.compile(r'"[^"]*"|\u201c[^\u201d]*\u201d|\S+')
_SIGNS = {"+": 1, "-": -1, "\u2212": -1}
"""Only where they stand alone: a hyphen in a name does not."""


@dataclass(frozen=True)
class Asked:
    """A question in parts: the target, and what is added to it and subtracted from it."""

    target: str
    plus: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()


def read_query(text: str) -> Asked:
    """Take a typed question apart; what is in double quotes is one text.

    Raises
    ------
    ValueError
        If nothing is added, or a sign has nothing to its right.
    """
    terms: list[tuple[int, list[str]]] = [(1, [])]
    for word in _WORD.findall(text):
        if word in _SIGNS:
            terms.append((_SIGNS[word], []))
        else:
            terms[-1][1].append(word)
    if any(not words for _, words in terms[1:]):
        raise ValueError(f"{text.strip()!r}: a sign needs a name or a text to its right.")
    signed = [(sign, _joined(words)) for sign, words in terms if words]
    plus = [term for sign, term in signed if sign > 0]
    if not plus:
        raise ValueError("Type a name or a text; what is only subtracted has no direction.")
    minus = tuple(term for sign, term in signed if sign < 0)
    return Asked(plus[0], tuple(plus[1:]), minus)


def _joined(words: list[str]) -> str:
    if len(words) == 1 and len(words[0]) > 2 and words[0][0] in '"\u201c':
        return words[0][1:-1]
    return " ".join(words)
