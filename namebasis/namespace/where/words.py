"""Words that go beyond the engine's SQL, and lists of expressions, found without a parser."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from namebasis.namespace.store.filters import PIECES

ELEMENTS = frozenset(["array_element", "array_extract", "list_element", "list_extract"])
"""Functions that take the number of an element, from 1 on."""

ON_VALUES = frozenset(
    """
    abs ceil coalesce exp floor greatest ifnull least ln log10 log2 nvl pow power round sqrt
    """.split()
)
"""Functions of the engine that also take what it does not compute."""


@dataclass(frozen=True)
class Function:
    """A function that the engine does not have.

    Attributes
    ----------
    usage : str
        How it is written.
    counts : tuple of int
        How many arguments it takes.
    is_served : bool
        Whether those may call it who ask a service: only what reads no file of its machine.
    """

    usage: str
    counts: tuple[int, ...]
    is_served: bool = False


FUNCTIONS = {
    "similar": Function("similar('an old lady')", (1, 2), is_served=True),
    "quantile": Function("quantile(n_tokens)", (1,), is_served=True),
    "births_between": Function("births_between(1950, 1959)", (2, 3), is_served=True),
    "in_file": Function("in_file('celebrities.txt')", (1, 2)),
    "random": Function("random(7)", (1,), is_served=True),
    "one_per": Function("one_per(name_folded)", (1, 2), is_served=True),
}


def is_extended(text: str, derived: Collection[str]) -> bool:
    """Whether an expression holds what only `language` understands.

    Parameters
    ----------
    text : str
    derived : collection of str
        Columns that are computed when they are asked for.
    """
    pieces = [one for one in PIECES.finditer(text) if one.lastgroup != "space"]
    for at, one in enumerate(pieces):
        word = one.group().strip('`"').lower()
        if one.lastgroup not in ("word", "column", "double"):
            continue
        calls = at + 1 < len(pieces) and pieces[at + 1].group() == "("
        if calls and (word in FUNCTIONS or word in ELEMENTS):
            return True
        if not calls and (word in derived or (word == "case" and one.lastgroup == "word")):
            return True
    return False


def is_column(text: str) -> bool:
    """Whether a text is a plain word, as columns are called."""
    return re.fullmatch(r"[^\W\d]\w*", text) is not None


def split_list(text: str) -> list[str]:
    """The items of a list: commas inside of parentheses, brackets and quotes part nothing."""
    depth, start, items = 0, 0, []
    for one in PIECES.finditer(text):
        sign = one.group()
        depth += (sign in "([") - (sign in ")]") if len(sign) == 1 else 0
        if sign == "," and depth <= 0:
            items.append(text[start : one.start()])
            start = one.end()
    items.append(text[start:])
    return [item for one in items if (item := one.strip())]
