"""Which old encoding a text of names is in: the one in which its words are names."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping

# Of the text of Western Europe, Central Europe and so on; one for each way to read the bytes.
_CANDIDATES = (
    "cp1252", "cp1250", "iso8859-2", "cp1254", "cp1257", "cp1251", "koi8-r", "cp1253", "cp1255",
    "cp1256", "mac-roman", "cp850", "cp932", "euc-jp", "gb18030", "big5", "cp949",
)  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_IDEOGRAPHS = re.compile(r"[㐀-鿿가-힯]+")
_MAX_WORDS = 20_000
_ENOUGH = 3


def encoding_of(data: bytes) -> str | None:
    """Return the encoding of a text of names that is not UTF-8, if it is sure.

    Letter statistics, as detectors of encodings use them, say little of lists of names, which are
    short, rare and in capitals. So every candidate's words are looked up among the names that
    Faker knows in 85 locales. An encoding is taken where at least three words with a letter
    beyond ASCII (or half of them) are known names, and where of the words that another encoding
    reads otherwise, at least twice as many are known.

    Parameters
    ----------
    data : bytes

    Returns
    -------
    str or None
        A codec's name; None where no encoding, or more than one, fits.
    """
    known = _known_names()
    read = {name: words for name in _CANDIDATES if (words := _words(data, name)) is not None}
    hits = {name: [_is_known(word, known) for word in words] for name, words in read.items()}
    if not hits:
        return None
    best = max(hits, key=lambda name: sum(hits[name]))
    n_hits = sum(hits[best])
    if n_hits < _ENOUGH and (not n_hits or 2 * n_hits < len(read[best])):
        return None
    rivals = (name for name in read if name != best)
    return best if all(_is_surer(read, hits, best, rival) for rival in rivals) else None


def _is_surer(
    read: Mapping[str, list[str]], hits: Mapping[str, list[bool]], best: str, rival: str
) -> bool:
    """Whether the words that two encodings read differently speak for the first."""
    if len(read[best]) != len(read[rival]):
        return sum(hits[best]) >= 2 * sum(hits[rival])
    differing = [at for at, word in enumerate(read[best]) if word != read[rival][at]]
    ours = sum(hits[best][at] for at in differing)
    return not differing or (ours > 0 and ours >= 2 * sum(hits[rival][at] for at in differing))


def _words(data: bytes, encoding: str) -> list[str] | None:
    """Words with a letter beyond ASCII; None where the bytes are no text of the encoding."""
    try:
        # All of it: a byte that an encoding has not may stand anywhere.
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    if any(unicodedata.category(character) == "Cc" for character in {*text} - {*"\t\n\r\f\v"}):
        return None
    words = (word.casefold() for word in _WORD.findall(text) if not word.isascii())
    return [word for word, _ in zip(dict.fromkeys(words), range(_MAX_WORDS), strict=False)]


def _is_known(word: str, known: frozenset[str]) -> bool:
    if word in known:
        return True
    # Chinese, Japanese and Korean full names are written without a space.
    return bool(_IDEOGRAPHS.fullmatch(word)) and any(
        word[:at] in known and word[at:] in known for at in range(1, len(word))
    )


@functools.cache
def _known_names() -> frozenset[str]:
    from namebasis.namespace.corpus.faker_source import read_faker

    names = read_faker("").strings
    return frozenset(name.casefold() for name in names if not name.isascii())
