"""What the words of tables, columns and pages mean: docs/measures.md, searchable by word.

The document is the only source. A wheel holds a copy in `namebasis/data`; a checkout, an editable
installation too, reads the document itself.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent
PLACES = (_PACKAGE / "data" / "measures.md", _PACKAGE.parent / "docs" / "measures.md")
"""Where the document is: in a wheel, in a checkout."""

_LEAD = re.compile(r"(?:\*\*[^*]+\*\*(?:, )?)+(?: \([^)]*\))?")
_NAMED = re.compile(r"\*\*([^*]+)\*\*|`([^`]+)`|\"([^\"]+)\"")
_ALSO = re.compile(r"<!-- also: (.*?) -->", re.DOTALL)
_LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
_END = re.compile(r"(?<=[^A-Z .])[.] (?=\S)")
_WIDTH = 100
_LONG = 110  # characters of a sentence


@dataclass(frozen=True)
class Term:
    """One paragraph of the document.

    Attributes
    ----------
    names : tuple of str
        What the paragraph explains: its title, then columns and heads of tables.
    section : str
        The heading that it stands under.
    text : str
        The paragraph in Markdown, on one line.
    """

    names: tuple[str, ...]
    section: str
    text: str

    @property
    def title(self) -> str:
        """The first name, without its marks."""
        return self.names[0]

    @property
    def sentence(self) -> str:
        """The first sentence after the names, in plain text; a long one up to its formula."""
        lead = _LEAD.match(self.text)
        body = self.text[lead.end() if lead else 0 :].lstrip(". ")
        first = _plain(_END.split(body, maxsplit=1)[0].rstrip("."))
        said, _, formula = first.partition(": ")
        return (said if formula and len(first) > _LONG else first) + "."


@dataclass(frozen=True)
class Explanation:
    """What words mean; `print` shows the paragraphs, a notebook draws them.

    Attributes
    ----------
    terms : tuple of Term
        All paragraphs that explain the word; all of the document where no word was asked for.
    word : str or None
    """

    terms: tuple[Term, ...]
    word: str | None = None

    def __str__(self) -> str:
        if self.word is None:
            return "\n\n".join(_listed(terms()))
        paragraphs = (f"{term.section}\n{_wrapped(_plain(term.text))}" for term in self.terms)
        return "\n\n".join(paragraphs)

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        if self.word is None:
            return "\n\n".join(
                f"**{section}**: {', '.join(term.title for term in held)}"
                for section, held in _by_section(terms()).items()
            )
        return "\n\n".join(f"{term.text} *({term.section})*" for term in self.terms)

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "word": self.word,
            "terms": [
                {"names": list(term.names), "section": term.section, "sentence": term.sentence,
                 "text": _plain(term.text)}
                for term in self.terms
            ],
        }  # fmt: skip


def explain(word: str | None = None) -> Explanation:
    """Explain a word that a table, a column or a page uses.

    Parameters
    ----------
    word : str, optional
        In any case, with spaces or underscores, such as ``"chosen again"`` or ``own_score``. A
        name made of several (``age_expectation_z``) is explained by its pieces. Without one, the
        words that can be asked for are listed.

    Raises
    ------
    ValueError
        If nothing explains it; the message has the nearest words.

    Examples
    --------
    >>> nb.explain("own score").terms[0].section
    'Full names: identity and rigidity'
    """
    if word is None:
        return Explanation(terms())
    found = find(word)
    if not found:
        near = _near(word)
        remedy = f"Did you mean {' or '.join(map(repr, near))}?" if near else (
            "`namebasis explain` lists what is."
        )  # fmt: skip
        raise ValueError(f"{word!r} is not explained. {remedy}")
    return Explanation(found, word)


def find(word: str) -> tuple[Term, ...]:
    """The paragraphs that explain a word, or the pieces that it is made of; none if unknown."""
    key = _key(word)
    index = _index()
    whole = index.get(key) or index.get(key.removesuffix("s")) or index.get(f"{key}s")
    if whole:
        return whole
    found = _of_pieces(key.split(), loose="_" in word)
    return tuple(dict.fromkeys(found))


def sentence(word: str, section: str = "") -> str | None:
    """What a word means, in one sentence, for a tooltip; None where nothing explains it.

    Parameters
    ----------
    word : str
    section : str
        Beginning of the heading to prefer where several paragraphs explain the word.
    """
    found = find(word)
    preferred = [term for term in found if section and term.section.startswith(section)]
    if len(found) > 1 and not preferred and _key(word) not in _index():
        return " ".join(f"{term.title}: {term.sentence}" for term in found)
    return next((term.sentence for term in (*preferred, *found)), None)


@cache
def terms() -> tuple[Term, ...]:
    """All paragraphs of the document that explain something, in its order."""
    place = next(place for place in PLACES if place.is_file())
    return tuple(_parsed(place.read_text(encoding="utf-8")))


def _parsed(document: str) -> Iterator[Term]:
    for part in document.split("\n## ")[1:]:
        section, _, body = part.partition("\n")
        for paragraph in body.split("\n\n"):
            also = [name.strip() for one in _ALSO.findall(paragraph) for name in one.split(",")]
            text = " ".join(_ALSO.sub("", paragraph).split())
            if lead := _LEAD.match(text):
                named = [next(filter(None, one)) for one in _NAMED.findall(lead[0])]
                names = (one.strip("`") for one in (*named, *also))
                yield Term(tuple(dict.fromkeys(names)), section.strip(), text)


@cache
def _index() -> Mapping[str, tuple[Term, ...]]:
    found: dict[str, tuple[Term, ...]] = {}
    for term in terms():
        for key in dict.fromkeys(map(_key, term.names)):
            found[key] = (*found.get(key, ()), term)
    return found


def _key(word: str) -> str:
    """A word without what writing adds: case, underscores, marks, a unit in parentheses."""
    bare = re.sub(r"\([^)]*\)|[`'\"#.\[\]:?]", " ", word) if not word.startswith("p (") else word
    return " ".join(re.sub(r"[_\-\s]+", " ", bare).casefold().split())


def _of_pieces(words: Sequence[str], *, loose: bool) -> list[Term]:
    """What explains the longest pieces of a name; none where a word of it is unknown.

    One run of words in a column may be unknown (`loose`): an axis or attribute of the user's.
    """
    index = _index()
    found: list[Term] = []
    unknown: int | None = None
    at = 0
    while at < len(words):
        for end in range(len(words), at, -1):
            key = " ".join(words[at:end])
            if (len(key) > 1 or key == "z") and (piece := index.get(key)):
                found += piece[:1]
                at = end
                break
        else:
            is_next = at > 0 and unknown == at - 1
            if not loose or (unknown is not None and not is_next):
                return []
            unknown = at
            at += 1
    return found


def _near(word: str) -> list[str]:
    import difflib  # which only a refusal needs

    by_key = {_key(name): name for term in terms() for name in reversed(term.names)}
    return [by_key[key] for key in difflib.get_close_matches(_key(word), by_key, 3, 0.7)]


def _plain(text: str) -> str:
    """Markdown as plain text; a link to another document becomes its name."""
    linked = _LINK.sub(lambda found: f"{found[1]} (docs/{found[2]})", text)
    return re.sub(r"\*(\w[^*]*)\*", r"\1", linked.replace("**", "")).replace("`", "")


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_on_hyphens=False, break_long_words=False)


def _by_section(found: Sequence[Term]) -> dict[str, list[Term]]:
    grouped: dict[str, list[Term]] = {}
    for term in found:
        grouped.setdefault(term.section, []).append(term)
    return grouped


def _listed(found: Sequence[Term]) -> Iterator[str]:
    """A paragraph of titles for each section."""
    for section, held in _by_section(found).items():
        yield f"{section}\n{_wrapped(', '.join(term.title for term in held))}"
