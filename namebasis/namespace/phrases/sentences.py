"""How phrases and names stand in a sentence: "an elderly woman, Vicki, with white hair"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

NAMES = "{}"
"""Where the names stand in what `subject` makes."""

_PERSON = re.compile(
    r"(?:an?|the)\s++(?:(?P<before>.+?)(?<!\s)\s++)?person(?P<after>[\s,].+)?", re.I
)
_ARTICLE = re.compile(r"(an?)\s+(?=(\S+))", re.I)
_CONSONANT = re.compile(r"eu|uni(?![nm])|us[aeiu]|ukr|uga|uru|utop|one\b|once\b", re.I)
_VOWEL = re.compile(r"[aeiouáéíóúàèöäü]|hour|honest|honou?r|heir", re.I)
_LEADS = (
    "with in on at by under from near against without wearing holding behind before after during "
    "among of who"
).split()
_LISTED = ("with", "wearing")
"""Words with which what follows a person can be put together: "with white hair and blue eyes"."""


class _Place(NamedTuple):
    """What a phrase brings to a sentence, two of the three empty as a rule."""

    before: str
    noun: str
    after: str


def with_article(sentence: str) -> str:
    """A sentence whose first "a" is "an" where the next word asks for it, and the reverse."""
    match = _ARTICLE.match(sentence)
    if match is None:
        return sentence
    return f"{_article(match[2])} {sentence[match.end() :]}"


def guessed_sentence(phrase: str) -> str:
    """How a phrase of which nobody says it probably reads of a person."""
    first = phrase.split()[0].casefold()
    if first in ("a", "an", "the"):
        return phrase
    return f"a person {phrase}" if first in _LEADS else f"a person, {phrase}"


def subject(sentences: Sequence[str], has_names: bool = True) -> str:
    """Put phrases into one description of a person, with `{}` where the names stand.

    Parameters
    ----------
    sentences : sequence of str
        How the phrases read, in the order in which they are to be said.
    has_names : bool
        Whether names stand in it: without, there is no `{}`.

    Returns
    -------
    str
        Such as "an elderly woman, {}, with white hair and blue eyes".
    """
    places = [_place(sentence) for sentence in sentences]
    adjectives = [one.before for one in places if one.before]
    nouns = [one.noun for one in places if one.noun]
    told: list[str] = []
    if adjectives or nouns or (places and not has_names):
        noun = " ".join([*adjectives, nouns[0] if nouns else "person"])
        told.append(f"{_article(noun)} {noun}")
    told += [f"{_article(noun)} {noun}" for noun in nouns[1:]]
    after = _afters([one.after for one in places if one.after])
    if has_names:
        return ", ".join([*told, NAMES, *(part.lstrip(", ") for part in after)])
    # Without names between them, what follows the noun follows it as it does in a sentence.
    if after and not after[0].startswith(","):
        told[-1:] = [f"{told[-1]} {after[0]}"]
        after = after[1:]
    return ", ".join([*told, *(part.lstrip(", ") for part in after)])


def _place(sentence: str) -> _Place:
    match = _PERSON.fullmatch(sentence)
    if match is not None:
        return _Place(match["before"] or "", "", (match["after"] or "").strip())
    article = re.match(r"(?:an?|the)\s+", sentence, re.I)
    return _Place("", sentence[article.end() :] if article else sentence, "")


def _afters(words: list[str]) -> list[str]:
    """What follows the person, with all that begins alike put together in its first place."""
    found: list[str] = []
    for lead in dict.fromkeys(_lead(one) for one in words):
        alike = [one for one in words if _lead(one) == lead]
        if lead:
            alike = [f"{lead} {_and([one.split(maxsplit=1)[1] for one in alike])}"]
        found += alike
    return found


def _lead(words: str) -> str:
    first, _, rest = words.partition(" ")
    return first if first in _LISTED and rest else ""


def _and(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]


def _article(words: str) -> str:
    is_vowel = _VOWEL.match(words) and not _CONSONANT.match(words)
    return "an" if is_vowel else "a"
