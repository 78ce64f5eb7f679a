"""What stands in lists and columns of names and is none: numbers, links, ids, words for nothing."""

from __future__ import annotations

import html
import re
import unicodedata
import urllib.parse
from collections.abc import Sequence

from namebasis.namespace.corpus.files.content import is_number
from namebasis.namespace.corpus.folding import fold

# nam_dict, from which many public lists of forenames come, writes the space of Abdal Salam so.
_PLUS = re.compile(r"(?<=\w)\+(?=\w)")
# LFW, VGGFace and DBpedia write George_W_Bush, boorus saber_(fate).
_UNDERSCORE = re.compile(r"(?<=[\w.,'’)])_+(?=[\w(\"'])")
_ENTITY = re.compile(r"&(?:#\d{1,6}|#[xX][0-9a-fA-F]{1,5}|[A-Za-z]{2,8});")
_PERCENT = re.compile(r"%[89A-Fa-f][0-9A-Fa-f]")
# The first byte of a letter in UTF-8 and one behind it, as they look in Windows-1252.
_MISREAD = re.compile(r"[\u00c2-\u00df][\u0080-\u00bf\u0152-\u0192\u02c6-\u2122]")
_ADDRESS = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://|www\.)\S+|[^@\s]+@[^@\s]+\.\w+|(?:[A-Za-z]:)?[\\/]\S+"
    r"|\S*[\\/]\S*[\\/]\S*",
    re.IGNORECASE,
)
_FILE = re.compile(
    r"\S+\.(?:jpe?g|png|webp|gif|bmp|tiff?|heic|npy|npz|pt|safetensors|parquet|tar|zip|html?|txt"
    r"|json|csv)(?:\s.*)?",
    re.IGNORECASE,
)
_ID = re.compile(
    r"Q\d{2,}|[a-z]{1,3}\d{4,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32,64}"
)
_SURELY_NOTHING = frozenset(
    {"n/a", "#n/a", "#n/a n/a", "<na>", "-nan", "(null)", "(blank)", "(unknown)", "unknown", "n.a.",
     "#ref!", "#value!", "#name?", "anonymous", "unnamed", "not named", "no name", "noname",
     "not available", "unbekannt", "desconocido", "inconnu", "\\n"}
)  # fmt: skip
# Null, Nan and None are names; written otherwise than the list they are words of programs.
_PROGRAMS = frozenset({"null", "nan", "none", "nil", "undefined"})

NUMBER = "a number, no name"
ADDRESS = "a link, an address or a path, no name"
FILE = "the name of a file, no name"
ID = "an id, no name"
NOTHING = "a word for a name that is not known"
NO_LETTER = "no letter"


def spelled(value: object) -> object:
    """Return a name with the spaces and letters that stand behind what a file has in their place.

    Underscores (George_W_Bush), entities (O&#39;Hara), percent signs (Jos%C3%A9), and UTF-8 that
    was read as Windows-1252 (JosÃ©).
    """
    if not isinstance(value, str) or _ADDRESS.fullmatch(value) or _FILE.fullmatch(value):
        return value
    text = html.unescape(value) if "&" in value and _ENTITY.search(value) else value
    if "%" in text and _PERCENT.search(text):
        text = _as_utf8(urllib.parse.unquote_to_bytes(text)) or text
    if _MISREAD.search(text):
        text = _reread(text)
    if "_" in text:
        text = _UNDERSCORE.sub(" ", text)
    return _PLUS.sub(" ", text) if "+" in text else text


def _as_utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return ""


def _reread(text: str) -> str:
    for encoding in ("cp1252", "latin-1"):
        try:
            return text.encode(encoding).decode() or text
        except UnicodeError:
            continue
    return text


def reasons(values: Sequence[object]) -> dict[int, str]:
    """Return the places of values that are no names, each with the reason.

    "12345", "Q42", a link, "000001.jpg", "N/A", "unknown", "-". Words of programs (null, NaN) are
    none where the list does not write its names so: Null and Nan are surnames. Blank values are
    not among them.
    """
    texts = {at: value.strip() for at, value in enumerate(values) if isinstance(value, str)}
    texts = {at: text for at, text in texts.items() if text}
    styles = {"upper": 0, "lower": 0}
    for text in texts.values():
        styles["upper"] += text.isupper() and len(text) > 1
        styles["lower"] += text.islower()
    usual = {style for style, n in styles.items() if 2 * n > len(texts)}
    found = {at: _reason(text, usual) for at, text in texts.items()}
    return {at: reason for at, reason in found.items() if reason}


def _reason(text: str, usual: set[str]) -> str:
    if text.isalpha():
        return NOTHING if _is_nothing(text, usual) else ""
    if is_number(text):
        return NUMBER
    if _is_nothing(text, usual):
        return NOTHING
    # Pictures (So) may be somebody's name, as letters, marks and Roman numerals (Nl) are.
    kinds = {unicodedata.category(sign) for sign in text}
    if not any(kind[0] in "LM" or kind in ("So", "Nl") for kind in kinds):
        return NO_LETTER
    if _ADDRESS.fullmatch(text):
        return ADDRESS
    if _FILE.fullmatch(text):
        return FILE
    return ID if _ID.fullmatch(text) else ""


def _is_nothing(text: str, usual: set[str]) -> bool:
    word = text.lower()
    if word in _SURELY_NOTHING:
        return True
    if fold(word) not in _PROGRAMS or text.istitle():
        return False
    return text == "NaN" or ("upper" if text.isupper() else "lower") not in usual
