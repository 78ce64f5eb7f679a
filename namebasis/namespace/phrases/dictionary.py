"""A dictionary of phrases in groups: the packaged one, or a TOML or text file of one's own."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from namebasis.errors import NamebasisError, NamebasisHint
from namebasis.namespace.corpus.cleaning import examine, shown
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.phrases.sentences import guessed_sentence, with_article
from namebasis.reading import (
    UnreadableError,
    packaged_text,
    parse_toml,
    read_text,
    read_toml,
)

PACKAGED = "phrases"
"""The word for the packaged dictionary, as a source of names and in results."""
MOST = 20_000
_KEYS = {"name", "reads", "phrases"}
_EXAMPLE = (
    '[[groups]] name = "hair", reads = "a person with {}", phrases = ["red hair", "white hair"] '
    "(docs/phrases.md)"
)
"""A group as a TOML file holds it, in one line."""
_HEADING = re.compile(r"\[(?P<name>[^\]]*)\]\s*(?P<reads>.*)")


@dataclass(frozen=True)
class Phrase:
    """One phrase.

    Attributes
    ----------
    text : str
        As it is listed and reported, such as "red hair".
    sentence : str
        How it reads of a person, such as "a person with red hair": what encoders are given.
    group : str or None
        Of its group a description takes at most one; None for a phrase that stands for itself.
    """

    text: str
    sentence: str
    group: str | None = None


@dataclass(frozen=True)
class Phrases:
    """A dictionary, in the order in which a prompt says its groups.

    Attributes
    ----------
    source : str
        ``phrases`` for the packaged one, else the file's path.
    entries : tuple of Phrase
    """

    source: str
    entries: tuple[Phrase, ...]

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Phrase]:
        return iter(self.entries)

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups, in order."""
        return tuple(dict.fromkeys(one.group for one in self.entries if one.group is not None))

    @property
    def sentences(self) -> list[str]:
        """How they read, in order."""
        return [one.sentence for one in self.entries]

    def without(self, texts: Sequence[str]) -> Phrases:
        """The dictionary without phrases of these texts or sentences, forgiving case."""
        gone = {fold(text) for text in texts}
        kept = [
            one for one in self.entries if not {fold(one.text), fold(one.sentence)} & gone
        ]  # fmt: skip
        return replace(self, entries=tuple(kept))


def load_phrases(source: bool | str | Path | Phrases = True) -> Phrases:
    """Read a dictionary of phrases.

    Parameters
    ----------
    source : bool, str, Path or Phrases
        True or "phrases" for the packaged dictionary, else a file: a .toml laid out as that one,
        or a .txt with a phrase a line, ``[group]`` lines before the phrases of a group, and
        ``phrase = sentence`` where a phrase does not read as its group does (``[hair] a person
        with {}`` says how that is). Phrases before the first ``[group]`` stand for themselves.

    Raises
    ------
    NamebasisError
        If the file cannot be read, a group is empty, holds one phrase alone or comes twice, a
        phrase comes twice, or a sentence does not say the phrase's place.
    ValueError
        If `source` is none of these.
    """
    if isinstance(source, Phrases):
        return source
    if source is True or source == PACKAGED:
        return _packaged()
    if not isinstance(source, (str, Path)):
        raise ValueError(
            f"phrases must be True, for the packaged ones, or a .toml or .txt file; got {source!r}."
        )
    where = str(source)
    try:
        if where.lower().endswith(".toml"):
            return _checked(where, _of_toml(read_toml(source)))
        if where.lower().endswith(".txt"):
            return _checked(where, _of_lines(read_text(source).removeprefix("\ufeff")))
    except UnreadableError as error:
        raise NamebasisError(f"phrases {where}: cannot be read ({error.reason}).") from None
    except ValueError as error:
        raise NamebasisError(f"phrases {where}: {error}") from None
    raise NamebasisError(
        f"phrases must be a .toml or a .txt file, or {PACKAGED!r} for the packaged ones; got "
        f"{where[:200]!r}."
    )


@cache
def _packaged() -> Phrases:
    return _checked(PACKAGED, _of_toml(parse_toml(packaged_text("phrases.toml"), PACKAGED)))


_Group = tuple[str | None, list[tuple[str, str]]]


def _of_toml(data: dict[str, Any]) -> list[_Group]:
    groups = data.get("groups")
    if set(data) != {"groups"} or not isinstance(groups, list) or not groups:
        raise ValueError(f"it must hold [[groups]] tables and nothing else, such as {_EXAMPLE}.")
    return [_toml_group(entry) for entry in groups]


def _toml_group(entry: object) -> _Group:
    if not isinstance(entry, dict) or not {"name", "phrases"} <= set(entry) <= _KEYS:
        raise ValueError(
            f"each of groups needs name and phrases, and may have reads, nothing else, such as "
            f"{_EXAMPLE}; got {str(entry)[:200]}."
        )
    name, reads, listed = entry["name"], entry.get("reads", ""), entry["phrases"]
    if not isinstance(name, str) or not isinstance(reads, str) or not isinstance(listed, list):
        raise ValueError(f"name and reads must be texts and phrases a list; got group {name!r}.")
    found = []
    for one in listed:
        pair = [one] if isinstance(one, str) else one
        if not isinstance(pair, list) or not 1 <= len(pair) <= 2 or not all(
            isinstance(part, str) for part in pair
        ):  # fmt: skip
            raise ValueError(
                f"group {name!r}: a phrase is a text, or that and its sentence; got {one!r}."
            )
        found.append((pair[0], pair[1] if len(pair) > 1 else reads))
    return name, found


def _of_lines(text: str) -> list[_Group]:
    groups: list[_Group] = [(None, [])]
    reads = ""
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        heading = _HEADING.fullmatch(line)
        if heading:
            reads = heading["reads"]
            groups.append((heading["name"], []))
            continue
        phrase, is_pair, sentence = line.partition(" = ")
        groups[-1][1].append((phrase, sentence.strip() if is_pair else reads))
    return groups if groups[0][1] else groups[1:]


def _checked(source: str, groups: list[_Group]) -> Phrases:
    """The dictionary of groups as they were read.

    Raises
    ------
    ValueError
    """
    entries: list[Phrase] = []
    of_group: dict[str, str] = {}
    seen: dict[str, str] = {}
    again: list[str] = []
    for name, listed in groups:
        group = None if name is None else _clean(name, "the name of a group")
        if group is not None:
            _check_group(group, len(listed), of_group)
        place = "no group" if group is None else f"group {group!r}"
        for text, reads in listed:
            entry = _entry(_clean(text, f"a phrase of {place}"), reads, group)
            key = fold(entry.text)
            if seen.get(key) == place == "no group":
                again.append(entry.text)
                continue
            if key in seen:
                raise ValueError(
                    f"{entry.text!r} comes twice, in {seen[key]} and in {place}; keep one of them."
                )
            seen[key] = place
            entries.append(entry)
    if again:
        texts = ", ".join(map(repr, dict.fromkeys(again[:5])))
        told = f"phrases {source}: of phrases that came more than once ({texts}) one is kept."
        warnings.warn(told, NamebasisHint, stacklevel=4)
    if not entries:
        raise ValueError("it holds no phrase; give one a line.")
    if len(entries) > MOST:
        raise ValueError(f"it holds {len(entries):,} phrases; {MOST:,} is the most.")
    return Phrases(source, tuple(entries))


def _check_group(group: str, n_phrases: int, of_group: dict[str, str]) -> None:
    if fold(group) in of_group:
        raise ValueError(f"group {group!r} comes twice; put its phrases together.")
    of_group[fold(group)] = group
    if n_phrases < 2:
        held = "one phrase alone" if n_phrases else "no phrase"
        raise ValueError(
            f"group {group!r} holds {held}, and a group is what at most one is taken of: give it "
            "two or more, or put the phrase before the first group, where it stands for itself."
        )


def _entry(text: str, reads: str, group: str | None) -> Phrase:
    if not reads:
        return Phrase(text, guessed_sentence(text), group)
    if "{" in reads or "}" in reads:
        if reads.count("{}") != 1 or reads.count("{") + reads.count("}") != 2:
            raise ValueError(
                f"how a group reads holds {{}} once and no other brace; got {reads!r}."
            )
        sentence = reads.replace("{}", text)
    else:
        sentence = reads
    return Phrase(text, with_article(_clean(sentence, f"the sentence of {text!r}")), group)


def _clean(text: str, what: str) -> str:
    cleaned, reason = examine(text)
    if reason:
        raise ValueError(f"{what} is refused, {shown(text)!r}: {reason}.")
    if "{" in cleaned or "}" in cleaned:
        raise ValueError(f"{what} must hold no brace; got {shown(text)!r}.")
    return cleaned
