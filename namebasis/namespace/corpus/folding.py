"""One folding of names: for look-ups, labels, counts, records and made-up names alike."""

from __future__ import annotations

import functools
import unicodedata

FOLDING_KEY = "namebasis.folding"
"""Where a space's metadata says which folding its column `name_folded` was made with."""
FOLDING = "2"
"""Changes whenever `fold` gives another text for any name."""

# Before compatibility forms are taken, which would turn ´ into a space and an accent.
_VARIANTS = str.maketrans(
    dict.fromkeys("’‘‛`´′ʹʻʼʽʾʿˈ׳＇\u1fef\u1ffd", "'") | dict.fromkeys("‐‑‒–—―−﹘﹣－", "-")
)
# Letters that no decomposition takes apart, as people without them on the keyboard write them.
_LETTERS = str.maketrans(
    {
        "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe",
        "þ": "th", "ß": "ss", "ŋ": "n",
    }
)  # fmt: skip
# Accents say how a word is stressed or voiced only in these scripts; elsewhere a mark is a letter's
# part: が is not か, й is not и, and a virama or a vowel sign makes another name.
_ACCENTED = ("LATIN", "GREEK")
_STRESSES = "\u0300\u0301\u0341\u0340"
# In these a stress mark makes another consonant: Macedonian ѓ and ќ.
_CYRILLIC_LETTERS = "гкГК"


def fold(text: str) -> str:
    """Return `text` as two spellings of one name share it; not meant to be shown.

    Case goes, and so do accents of Latin and Greek letters, stress marks of Cyrillic ones and the
    points of Hebrew and Arabic, but no mark that makes another letter (が, й, ё, कि). Full and half
    width, composed and decomposed forms are one. ø, ł, đ, ı, æ, œ, ß and þ become o, l, d, i, ae,
    oe, ss and th; every apostrophe is ' and every hyphen or dash -. Invisible format characters
    go; white space at the ends goes and inside becomes one space.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        In NFC. Folding it again changes nothing.
    """
    if text.isascii():
        return " ".join(text.replace("`", "'").lower().split())
    text = unicodedata.normalize("NFKC", text.translate(_VARIANTS)).casefold()
    text = text.translate(_BARE)
    if not text.isascii():
        # Case folding and translating may each make what the other, or NFKC, still changes.
        while (once := _once(text)) != text:
            text = once
    return " ".join(text.split())


def _once(text: str) -> str:
    if any(map(_is_mark, text)):
        text = _without_marks(text)
    bare = text.translate(_VARIANTS).translate(_BARE).casefold()
    return unicodedata.normalize("NFKC", bare)


def _without_marks(text: str) -> str:
    kept: list[str] = []
    base = ""
    for character in unicodedata.normalize("NFD", text):
        if not _is_mark(character):
            base = character
        elif _is_accent(character, base):
            continue
        kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept))


class _Bare(dict[int, str]):
    """What `str.translate` makes of each character by itself, found when it first comes up."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        is_format = unicodedata.category(character) == "Cf"
        bare = "" if is_format else _without_marks(character).translate(_LETTERS)
        self[code] = bare
        return bare


@functools.lru_cache(maxsize=65_536)
def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def _is_accent(mark: str, base: str) -> bool:
    script = _script(base)
    if script in _ACCENTED:
        return True
    if script == "CYRILLIC":
        return mark in _STRESSES and base not in _CYRILLIC_LETTERS
    # Points that vocalised writing adds; a hamza or a madda is a letter's part.
    return _script(mark) in ("HEBREW", "ARABIC") and mark not in "\u0653\u0654\u0655"


_BARE = _Bare()


@functools.lru_cache(maxsize=4096)
def _script(character: str) -> str:
    """Return the first word of a character's Unicode name: LATIN, CJK, CYRILLIC …"""
    return unicodedata.name(character, "").partition(" ")[0] if character else ""


def script_of(text: str) -> str:
    """Return the script of the first letter as its Unicode name begins; empty without a letter."""
    return _script(next((c for c in text if c.isalpha()), ""))


def letters_key(text: str) -> str:
    """Return the folded letters and digits of a name, without what joins them.

    Records write O'Brien, Anne-Marie and De La Cruz as OBRIEN, Annemarie and DELACRUZ.

    Returns
    -------
    str
        Empty where the text has no letter and no digit.
    """
    folded = fold(text)
    if folded.isalnum():
        return folded
    return "".join(c for c in folded if c.isalnum() or _is_mark(c))
