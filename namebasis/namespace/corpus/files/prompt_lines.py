"""The plain name in a line of a prompt: what A1111, ComfyUI and dynamicprompts add to it goes."""

from __future__ import annotations

import re

_NETWORK = re.compile(r"<[^<>\n]*>")
_EMBEDDING = re.compile(r"(?:^|[\s,(])embedding:\S+", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{|\$\$")
_OPENING = re.compile(r"__(?=[^\s_])")
_CLOSING = re.compile(r"(?<=[^\s_])__")
_COMMENT = re.compile(r"(?<!\s)\s++(?:#(?!\d)|//).*$")
CHANCE = re.compile(r"^\s*(?:\d+(?:\.\d*)?|\.\d+)::")
_AMOUNT = r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)"
_STRESSED = re.compile(rf"(?<!\\)\(([^()\[\]{{}}|:]+):\s*{_AMOUNT}\s*(?<!\\)\)")
_WEIGHT = re.compile(rf"(?<=[^\s:]):\s*{_AMOUNT}$")
_VARIANTS = re.compile(r"[{\[]([^{}\[\]|]*+\|[^{}\[\]]*+)[}\]]")
_ESCAPED = re.compile(r"\\([()\[\]{}:|<>])")
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_PICTURE = re.compile(
    r"^(?:(?:an? |the )?(?:[a-z-]+ ){0,2}(?:photo|photograph|picture|portrait|image|painting"
    r"|drawing|selfie|close-?up|headshot|film still) of (?:an? |the )?(?=[^\Wa-z])"
    r"|(?:(?:art|artwork|painting|illustration|drawing|photo) )?by (?=[^\Wa-z])"
    r"|(?:in (?:the )?)?style of (?=[^\Wa-z]))"
)
_PARTS_PROMPTS = re.compile(r"\b(?:BREAK|AND|ADDCOMM|ADDROW|ADDCOL)\b")
# A family name in front of its particle, as Dutch registers have it, is no attribute.
_PARTICLES = frozenset(
    "van von der den de la le da dos du del di el al bin ibn af av zu und".split()
)

_DEEPEST = 64
"""Brackets around each other that are taken off; nobody writes as many."""

REFERENCE = "refers to another wildcard or a variable"
NETWORK = "a network or an embedding, no name"
VARIANT = "prompt syntax from which no one name follows"
SEVERAL = "several prompts in one line"


def plain_names(line: str, *, is_capitals: bool = False) -> tuple[list[str], str]:
    """Return the names that a line of a wildcard file stands for, or the reason why it has none.

    Left out of a line are comments behind it, chances (``2::``), weights (``(Ana:1.2)``), brackets
    around all of it, "photo of" and "by" in front of it, networks (``<lora:ana:1>``), and
    attributes behind a comma ("Ana Lee, blue eyes"). ``{Ana|Bo}`` and ``[Ana|Bo]`` are two names.
    A line that refers to another file or that the tool would draw in another way has none.

    Parameters
    ----------
    line : str
    is_capitals : bool
        Whether the list writes its names in capitals: then BREAK and AND may belong to one.

    Returns
    -------
    names : list of str
        The line itself where it holds no syntax.
    reason : str
        Empty where there are names.
    """
    text = CHANCE.sub("", _COMMENT.sub("", line), count=1).strip()
    if _is_reference(text):
        return [], REFERENCE
    bare = _EMBEDDING.sub(" ", _NETWORK.sub(" ", text))
    if bare != text and not any(map(str.isalnum, bare)):
        return [], NETWORK
    text = _PICTURE.sub("", without_attributes(_unwrapped(bare).strip(" ,")), count=1)
    if not is_capitals and _PARTS_PROMPTS.search(text):
        return [], SEVERAL
    variants = _VARIANTS.fullmatch(text)
    if variants is not None:
        names = [CHANCE.sub("", one, count=1).strip() for one in variants[1].split("|")]
        return [_ESCAPED.sub(r"\1", name) for name in names if name], ""
    unescaped = _ESCAPED.sub("", text)
    if re.search(r"[{}|]", unescaped) or _is_scheduled(unescaped):
        return [], VARIANT
    return ([_ESCAPED.sub(r"\1", text)], "") if text else ([], "")


def _is_reference(text: str) -> bool:
    """Whether a text names another wildcard, as ``__name__``, or a variable."""
    if _VARIABLE.search(text):
        return True
    opening = _OPENING.search(text)
    ends = [match.start() for match in _CLOSING.finditer(text)]
    return opening is not None and bool(ends) and ends[-1] > opening.end()


def _is_scheduled(text: str) -> bool:
    """Whether a text holds a schedule in brackets, such as ``[Ana:Bo:0.5]``."""
    return any(":" in piece.partition("[")[2] for piece in text.split("]")[:-1])


def _unwrapped(text: str) -> str:
    """A text without weights, and without brackets that go all around it."""
    for _ in range(_DEEPEST):
        before = text
        text = _WEIGHT.sub("", _STRESSED.sub(r"\1", text).strip())
        inner = text[1:-1]
        closing = _BRACKETS.get(text[:1])
        around = len(text) > 2 and closing == text[-1] and text[-2] != "\\"
        if around and not re.search(r"[(\[{}\])|:]", inner.strip("()[]{}")):
            text = inner
        if text == before:
            break
    return text


def without_attributes(text: str) -> str:
    """A text up to the first comma where small words follow: "Ana Lee, blue eyes" is Ana Lee."""
    name, comma, rest = text.partition(",")
    words = set(rest.replace(",", " ").split())
    # Capitals or none (Chinese) behind the comma may be those of a given name or a suffix.
    is_attribute = comma and rest.islower() and not name.islower() and not words <= _PARTICLES
    is_suffix = re.fullmatch(r"\s*(?:jr|sr|ii|iii|iv|md|phd|esq)\.?", rest) is not None
    return name.strip() if is_attribute and name.strip() and not is_suffix else text
