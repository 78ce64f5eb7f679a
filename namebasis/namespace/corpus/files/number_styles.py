"""How a column writes its numbers: which sign parts thousands, and which the fraction."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SPACED = re.compile(r"[-+]?\d{1,3}(?:[ \u00a0\u2009\u202f'’]\d{3})+(?:[.,]\d+)?")
_SPACES = re.compile(r"[ \u00a0\u2009\u202f'’]")
_MARKED = re.compile(r"[-+]?\d[\d.,]*")
_GROUPED = {sign: re.compile(rf"[-+]?[1-9]\d{{0,2}}(?:\{sign}\d{{3}})+") for sign in ".,"}
_OTHER = {".": ",", ",": "."}


def plain_numbers(words: Sequence[str], decimal: str) -> list[str] | None:
    """Return a column's numbers as `int` and `float` read them; None where none can say how.

    Spaces of any width and apostrophes part thousands. A point or comma does so where a number has
    two of them, or the other sign behind it; and where all numbers have three digits behind it
    while whole numbers below 1,000 stand beside them (1.234, 12.345, 999). Nobody knows where
    points could be either: in a file whose fractions have commas, or beside small whole numbers.
    Words that are no numbers stay.

    Parameters
    ----------
    words : sequence of str
    decimal : str
        The sign before the fraction that the file leads one to expect.
    """
    words = [_SPACES.sub("", word) if _SPACED.fullmatch(word) else word for word in words]
    told = [word for word in words if _MARKED.fullmatch(word)]
    if not any("." in word or "," in word for word in told):
        return words
    thousands = _thousands(told, decimal)
    if thousands is None:
        return None
    fraction = _OTHER.get(thousands, decimal)
    return [
        word.replace(thousands, "").replace(fraction, ".") if thousands and _MARKED.fullmatch(word)
        else word.replace(",", ".") if fraction == "," and _MARKED.fullmatch(word) else word
        for word in words
    ]  # fmt: skip


def _thousands(words: Sequence[str], decimal: str) -> str | None:
    """The sign that parts thousands; empty where none does, None where that is not known."""
    for word in words:
        if "." in word and "," in word:
            return "." if word.rindex(".") < word.rindex(",") else ","
    for sign in ".,":
        marked = [word for word in words if sign in word]
        if not marked:
            continue
        if not all(_GROUPED[sign].fullmatch(word) for word in marked):
            # 1.65 has a fraction; if the other sign is there too, it parts thousands.
            other = _OTHER[sign]
            return other if any(other in word for word in words) else "" if sign == "." else "."
        if any(word.count(sign) > 1 for word in marked):
            return sign
    pointed = [word for word in words if "." in word]
    if not pointed:
        return "." if decimal == "," else ","
    whole = [abs(int(word)) for word in words if word.lstrip("+-").isdecimal()]
    if whole and max(whole) < 1000:
        return "." if max(whole) >= 100 else None
    if whole:
        return ""
    return "" if decimal == "." else None
