"""Lists of names that image tools draw from: wildcard files."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from namebasis.namespace.corpus.cleaning import Dropped, Refusals
from namebasis.namespace.export.escapes import UnsayableError, escape

TARGETS = ("a1111", "dynamicprompts", "impact")
_LANGUAGE = {"a1111": "a1111-wildcards"}
# Layouts that each tool's loader looks for.
_SUFFIXES = {"a1111": (".txt",), "dynamicprompts": (".yaml", ".txt"), "impact": (".txt", ".yaml")}
_KEY = re.compile(r"[A-Za-z0-9.+/-]+(?:_[A-Za-z0-9.+/-]+)*")
# Letters and signs that no decomposition brings to ASCII.
_ASCII = str.maketrans(
    {
        "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "þ": "th", "Þ": "Th",
        "ð": "d", "Ð": "D", "ı": "i", "ŋ": "ng", "Ŋ": "Ng", "’": "'", "‘": "'", "ʼ": "'",
        "ʻ": "'", "‐": "-", "‑": "-", "–": "-", "—": "-", "“": '"', "”": '"',
    }
)  # fmt: skip
_STROKE = re.compile(r"LATIN (SMALL|CAPITAL) LETTER ([A-Z]) WITH ")


@dataclass(frozen=True)
class Wildcards:
    """A wildcard file.

    Attributes
    ----------
    text : str
        Its content; ASCII for ``impact``.
    n_values : int
        How many values it holds.
    dropped : tuple of Dropped
        What was left out, by reason.
    """

    text: str
    n_values: int
    dropped: tuple[Dropped, ...]


def wildcards(
    names: Sequence[str],
    target: str,
    *,
    weights: Sequence[float | None] | None = None,
    suffix: str = ".txt",
    key: str = "names",
) -> Wildcards:
    """Write names as values of a wildcard, so that the tool reads each as nothing but a name.

    ``a1111``: one value a line, neither comments nor blank lines. ``dynamicprompts``: YAML, with
    ``50::name`` where there are weights, or lines. ``impact``: lines or YAML for the Impact Pack,
    which takes a file for ISO-8859-1: names are brought to ASCII (``José`` to ``Jose``). A name
    that comes again is one value, with the sum of its weights.

    Parameters
    ----------
    names : sequence of str
    target : str
        One of `TARGETS`.
    weights : sequence of float, optional
        Relative frequencies, for YAML of ``dynamicprompts``.
    suffix : str
        ``.txt`` or ``.yaml``.
    key : str
        What the wildcard is called in YAML.

    Returns
    -------
    Wildcards
        With the names that the target cannot hold, by reason: those with characters it would
        interpret and cannot escape, without a weight above 0, or with no ASCII form.

    Raises
    ------
    ValueError
        If the target is unknown, does not read such a file or weights, or the key does not fit.
    """
    _check(target, weights, suffix, key)
    refusals = Refusals()
    values: dict[str, float] = {}
    originals: dict[str, str] = {}
    shares: Sequence[float | None] = [1.0] * len(names) if weights is None else weights
    for name, weight in zip(names, shares, strict=True):
        value = _value(name, target, refusals)
        if value is None:
            continue
        if weight is None or not 0 < weight < float("inf"):
            refusals.add("has no weight above 0", name)
            continue
        if value in values:
            same = originals[value] == name
            refusals.add("comes again" if same else "is written like another name", name)
        originals.setdefault(value, name)
        values[value] = values.get(value, 0.0) + weight
    lines = list(values)
    if weights is not None:
        lines = [f"{_number(weight)}::{value}" for value, weight in values.items()]
    if suffix == ".yaml":
        # A JSON string is a YAML string, whatever is in it.
        items = [f"  - {json.dumps(line, ensure_ascii=False)}" for line in lines]
        lines = [f"{json.dumps(key)}:", *items]
    text = "".join(f"{line}\n" for line in lines)
    return Wildcards(text, len(values), refusals.result())


def default_key(path: str | PurePath, target: str) -> str:
    """The key that a file's name gives: no spaces, lower case for ``impact``."""
    stem = "" if str(path) == "-" else PurePath(path).stem
    ascii_stem = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    key = re.sub(r"__+", "_", re.sub(r"[^A-Za-z0-9_.+-]+", "-", ascii_stem)).strip("-_.")
    return (key.lower() if target == "impact" else key) or "names"


def check_file(path: PurePath, target: str) -> None:
    """Refuse a file that the tool would not find under its name.

    Raises
    ------
    ValueError
        If the suffix is not one it loads, or the name cannot stand between ``__`` in a prompt.
    """
    suffix = path.suffix
    if suffix not in _SUFFIXES[target]:
        raise ValueError(
            f"{target} reads {' and '.join(_SUFFIXES[target])} files; got {path.name!r}."
        )
    if suffix == ".txt" and not _KEY.fullmatch(path.stem):
        better = default_key(path, target)
        raise ValueError(
            f"a wildcard is called by its file's name, as in __{better}__, which cannot hold "
            f"{path.stem!r}. Call the file {better}.txt."
        )


def to_ascii(name: str) -> str | None:
    """Return the name without accents and with plain quotes, or None where that is not enough."""
    if name.isascii():
        return name
    bare = unicodedata.normalize("NFKD", name.translate(_ASCII))
    letters = (_without_stroke(c) for c in bare if unicodedata.category(c) != "Mn")
    text = "".join(letters)
    return text if text.isascii() else None


def _without_stroke(character: str) -> str:
    match = _STROKE.match(unicodedata.name(character, ""))
    if match is None:
        return character
    return match[2].lower() if match[1] == "SMALL" else match[2]


def _value(name: str, target: str, refusals: Refusals) -> str | None:
    text = to_ascii(name) if target == "impact" else name
    if text is None:
        refusals.add("has letters without an ASCII form", name)
        return None
    try:
        return escape(text, _LANGUAGE.get(target, target))
    except UnsayableError as error:
        refusals.add(error.reason, name)
        return None


def _number(weight: float) -> str:
    return str(np.format_float_positional(weight, trim="-"))


def _check(target: str, weights: object, suffix: str, key: str) -> None:
    if target not in TARGETS:
        raise ValueError(f"target must be one of {', '.join(TARGETS)}; got {target!r}.")
    if suffix not in _SUFFIXES[target]:
        raise ValueError(f"{target} reads {' and '.join(_SUFFIXES[target])}; got {suffix!r}.")
    if weights is not None and (target, suffix) != ("dynamicprompts", ".yaml"):
        raise ValueError(
            f"weights are for YAML files of dynamicprompts; got {target} and {suffix}."
        )
    if not _KEY.fullmatch(key) or ".." in key or (target == "impact" and key != key.lower()):
        raise ValueError(
            "key must be letters, digits and any of . + - / _ (no two _ together, none at an "
            f"end; lower case for impact); got {key!r}."
        )
