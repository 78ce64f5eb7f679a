"""A name inside a prompt language: escaped, or refused where the language has no escape for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class UnsayableError(ValueError):
    """A text that a prompt language would read as something else, whatever is done to it.

    Attributes
    ----------
    reason : str
        What in it the language takes for its own, such as ``holds a '#'``.
    """

    def __init__(self, text: str, language: str, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"{text!r} cannot be written for {language}: it {reason}, which that syntax reads as "
            "its own and cannot escape. Leave the name out, or take another syntax."
        )


@dataclass(frozen=True)
class _Language:
    """What is written for a character, and which patterns have no way to be written."""

    written: Mapping[int, str]
    refused: tuple[tuple[re.Pattern[str], str], ...]


def _language(escaped: str, refused: Sequence[tuple[str, str]], sign: str = "\\") -> _Language:
    patterns = tuple((re.compile(pattern), reason) for pattern, reason in refused)
    return _Language({ord(character): sign + character for character in escaped}, patterns)


_LINES = (r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", "holds a line break")
_COMMENT = ("#", "holds a '#', the start of a comment")
_LAST_BACKSLASH = (r"\\$", "ends with a backslash")
_SLASHES = (r"//|/\*", "holds '//' or '/*', the start of a comment")
_WILDCARD = ("__", "holds '__', the mark of a wildcard")
_EMBEDDING = (r"(?:^|\s)embedding:", "holds a word that begins with 'embedding:'")
# What the web UI splits or takes away before its grammar with escapes sees the prompt.
_WEB_UI = (
    _LINES,
    _COMMENT,
    (r"\bAND\b", "holds the word AND, which parts prompts"),
    (r"\bBREAK\b", "holds the word BREAK, which parts prompts"),
    (r":\s*[-+]?(?:\d+\.?|\d*\.\d+)\s*$", "ends with ':' and a number, the weight of a prompt"),
    (r"<\w+$", "ends like '<lora', the start of an extra network"),
)
_LANGUAGES = {
    "plain": _language("", [_LINES]),
    "a1111": _language("\\()[]:|", _WEB_UI),
    "a1111-wildcards": _language("\\()[]:|", [*_WEB_UI, _WILDCARD]),
    "dynamicprompts": _language(
        "\\()[]:",
        [*_WEB_UI, (r"[{}|$%]", "holds one of { } | $ %"), _WILDCARD, _SLASHES],
    ),
    "impact": _language(
        "()",
        [
            _LINES,
            (r"^\s*#", "begins with '#', the mark of a comment"),
            (r"[{}|]", "holds one of { } |"),
            (r"\$\$", "holds '$$'"),
            _WILDCARD,
            (r"^\s*[0-9.]+::", "begins with a number and '::', a weight"),
            (r"<lora:", "holds '<lora:', the start of an extra network"),
            ("BREAK", "holds BREAK, which parts prompts"),
            _EMBEDDING,
            _LAST_BACKSLASH,
        ],
    ),
    # Its text boxes resolve {a|b} and comments before the prompt is sent to the server.
    "comfyui": _language(
        "(){}|",
        [
            _LINES,
            _SLASHES,
            _EMBEDDING,
            _LAST_BACKSLASH,
            (r"(?<!\\)\\(?:\\\\)*[{}|]", "holds a backslash before { } or |"),
        ],
    ),
    "comfyui-api": _language("()", [_LINES, _EMBEDDING]),
    "compel": _language(
        '()"',
        [
            _LINES,
            (r"[-+](?=\W|$)", "holds a word that ends with + or -, an attention weight"),
            (r"\\", "holds a backslash"),
        ],
    ),
    # A quote inside quotes is doubled.
    "embedding-merge": _language("'", [_LINES, _COMMENT], sign="'"),
}
LANGUAGES = tuple(_LANGUAGES)


def escape(text: str, language: str) -> str:
    """Write a text so that a prompt language reads it as nothing but this text.

    Parameters
    ----------
    text : str
        A name, or the words around it.
    language : str
        One of `LANGUAGES`.

    Returns
    -------
    str

    Raises
    ------
    UnsayableError
        If the language has no escape for something in the text; nothing is replaced by a
        look-alike, since another character is another token to the encoder.
    """
    rules = _LANGUAGES[language]
    for pattern, reason in rules.refused:
        if pattern.search(text):
            raise UnsayableError(text, language, reason)
    return text.translate(rules.written)
