"""One spelling per name: what `clean_name` keeps, folds and refuses."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from namebasis.errors import CorpusError

MAX_NAME_LENGTH = 200
# A record this long is a file that was split wrongly, not a long name.
MAX_RECORD_LENGTH = 65_536
_N_EXAMPLES = 3
# Persian and Indic spellings need both joiners between letters; at an end they join nothing.
_JOINERS = "\u200c\u200d"
_SPACES = "\t\n\v\f\r"
_REASONS = {
    "Cc": "control character",
    "Cs": "lone surrogate",
    "Co": "private-use character",
    "Cn": "unassigned character",
}
_JOINT = re.compile("[^-‐‑–]+")
_NUMERAL = re.compile("II|III|IV|VI|VII|VIII|IX")
TOO_LONG = f"longer than {MAX_NAME_LENGTH} characters"
EMPTY = "empty"


@dataclass(frozen=True)
class Dropped:
    """What a source held and is not taken: the reason, how many, up to three examples, the source.

    Two of the same are equal whatever their source.
    """

    reason: str
    count: int
    examples: tuple[str, ...]
    source: str = field(default="", compare=False)

    def __str__(self) -> str:
        examples = ", ".join(repr(example) for example in self.examples)
        such = f" (such as {examples})" if examples else ""
        return f"left out {self.count:,}: {self.reason}{such}"


def clean_name(text: str) -> str:
    """Return `text` as it is stored: NFC, trimmed, inner white space folded to one space.

    Zero-width joiners and non-joiners stay inside a name and are trimmed at its ends; all other
    invisible format characters go: soft hyphens, marks of direction, byte order marks. Cleaning a
    clean name changes nothing.

    Parameters
    ----------
    text : str
        A name in any Unicode form.

    Returns
    -------
    str
        Between 1 and 200 characters.

    Raises
    ------
    CorpusError
        If nothing is left, more than 200 characters are left, or the text holds a control
        (other than white space), a lone surrogate, a private-use or an unassigned character.
    """
    cleaned, reason = examine(text)
    if reason:
        raise CorpusError(f"the name {shown(text)!r} is refused: {reason}.")
    return cleaned


def examine(text: str) -> tuple[str, str]:
    """Return (clean name, "") or ("", the reason why it is refused)."""
    if not text.isprintable():
        reason = _unprintable_reason(text)
        if reason:
            return "", reason
        text = "".join(c for c in text if c in _JOINERS or unicodedata.category(c) != "Cf")
    cleaned = " ".join(text.split())
    if not cleaned.isascii():
        cleaned = unicodedata.normalize("NFC", cleaned).strip(_JOINERS + " ")
    if not cleaned:
        return "", EMPTY
    if len(cleaned) > MAX_NAME_LENGTH:
        return "", TOO_LONG
    return cleaned, ""


def _unprintable_reason(text: str) -> str:
    for character in text:
        if character.isprintable() or character in _SPACES or character in _JOINERS:
            continue
        reason = _REASONS.get(unicodedata.category(character))
        if reason:
            return reason
    return ""


def shown(text: str, limit: int = 40) -> str:
    """Return `text` cut to `limit` characters, its unprintable ones written as <U+202E>."""
    cut = text[:limit] + ("…" if len(text) > limit else "")
    return "".join(c if c.isprintable() else f"<U+{ord(c):04X}>" for c in cut)


def restore_capitals(text: str) -> str:
    """Return a name that its source writes in capitals as names are written: "Van Der Berg".

    The source has lost where capitals stood. Put back are those after "Mc" and an apostrophe
    (O'Brien, D'Angelo), since almost every surname of that kind has them, and numerals (III). Not
    those of MacDonald: as many write Macdonald. A text with a lower-case letter is returned
    unchanged.
    """
    if not text.isupper():
        return text
    words = text.split(" ")
    return " ".join(
        word if at and _NUMERAL.fullmatch(word) else _JOINT.sub(_capitalised, word)
        for at, word in enumerate(words)
    )


def _capitalised(match: re.Match[str]) -> str:
    """Write a piece between hyphens; after an apostrophe only one of two letters or more is one."""
    pieces = re.split("(['’ʻʼ`])", match.group())
    written = [
        piece[:1] + piece[1:].lower()
        if at == 0 or (len(piece) > 2 and len(pieces[at - 2]) < 3)
        else piece.lower()
        for at, piece in enumerate(pieces)
    ]
    word = "".join(written)
    if word.startswith("Mc") and len(word) > 4:
        return f"Mc{word[2].upper()}{word[3:]}"
    return word


class Refusals:
    """Counts what is left out, by reason, in the order in which reasons first come up."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, tuple[str, ...]]] = {}

    def add(self, reason: str, *examples: str, count: int = 1) -> None:
        """Count `count` refusals; examples beyond the third are not kept."""
        so_far, kept = self._found.get(reason, (0, ()))
        new = (shown(example) for example in examples)
        kept = tuple(dict.fromkeys([*kept, *new]))[:_N_EXAMPLES]
        self._found[reason] = (so_far + count, kept)

    def clean(self, text: object, where: str) -> str | None:
        """Return the clean name, or count why there is none and return None."""
        if not isinstance(text, str):
            reason = "empty" if text is None else "not a text"
            self.add(reason, "" if text is None else str(text)[:MAX_RECORD_LENGTH])
            return None
        if len(text) > MAX_RECORD_LENGTH:
            raise CorpusError(
                f"{where} holds a name of {len(text):,} characters, which no name has. "
                "Put one name on each line."
            )
        cleaned, reason = examine(text)
        if reason:
            self.add(reason, text)
            return None
        return cleaned

    def result(self) -> tuple[Dropped, ...]:
        """Return the counts so far."""
        return tuple(Dropped(reason, n, texts) for reason, (n, texts) in self._found.items())
