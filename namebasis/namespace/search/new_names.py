"""Names that a space does not hold: what looks like one, where it would stand, what is near it."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import pyarrow as pa

from namebasis.checks import FloatArray
from namebasis.namespace.building.encode import encode_rows
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.store import unspelled
from namebasis.namespace.store.dataset import Store, as_matrix
from namebasis.namespace.store.filters import quote

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

AS = ("name", "text")
"""How a target that is not stored may be read."""
MOST_WORDS = 4
_LONGEST_WORD = 30
_N_NEAR = 3
_WORD = re.compile(
    r"(?:[^\W\d_]|[\u0300-\u036f\u0591-\u05c7\u0610-\u065f\u0670\u0900-\u0dff\u0e31-\u0e4e])+"
    r"(?:[-'’‘ʼʻ`´·・.‐‑]+(?:[^\W\d_]|[\u0300-\u036f\u0900-\u0dff])+)*\.?"
)
_PARTICLES = frozenset(
    "abu af al an av bar ben bin bint da dal das de degli dei del della den der des di dos du e el "
    "ibn la las le los mac ní o of' op san st ten ter van von y zu zum zur".split()
)
"""Words inside of names that are written in lower case."""
_WORDS = frozenset(
    """
    a an the this that these those my your his her its our their some any each every no not i you
    he she it we they me him us them who what which where when how and or but nor so if as than
    because while of in on at by for from to with without into onto over under between behind
    beside near about like is are was were be been being am has have had do does did can could
    would should very more most less one two three four five six seven eight nine ten many few
    several another other same such only just also old older oldest younger youngest elderly
    senior junior adult aged middle-aged teenage big large tall fat beautiful handsome pretty ugly
    happy sad angry smiling famous poor weak male female masculine feminine person persons people
    human man men woman women lady ladies gentleman gentlemen boy boys girl girls child children
    kid kids baby babies infant toddler teenager adults guy guys somebody someone anybody anyone
    nobody everyone mother father sister brother daughter son husband wife grandmother grandfather
    grandma grandpa aunt uncle parent parents family couple friend friends stranger photo
    photograph picture image portrait painting drawing sketch selfie headshot close-up closeup
    face faces hair eyes skin body hands smile name names called named actor actress singer
    politician president doctor nurse teacher student professor scientist engineer artist musician
    athlete soldier policeman policewoman lawyer worker ceo manager model asian african european
    american hispanic latino latina indian chinese japanese
    """.split()
)
"""Of captions and questions, in English; none that is also a usual name, such as Will or Young."""


def looks_like_name(text: str) -> bool:
    """Whether a text that is not stored is read as a name.

    It is where it has one to four words of letters (joined by apostrophes, hyphens or full stops),
    all of them begin with a capital letter or are of a script without case, but for particles such
    as ``van`` or ``de la``, and none is a word of English captions such as ``a`` or ``lady``.

    Examples
    --------
    >>> [looks_like_name(text) for text in ("Vicky", "van Gogh", "a senior lady", "雅子")]
    [True, True, False, True]
    """
    words = text.split()
    if not 1 <= len(words) <= MOST_WORDS or not all(map(_is_word, words)):
        return False
    if any(word.lower().rstrip(".") in _WORDS for word in words):
        return False
    return all(map(_is_raised, words)) or (
        all(_is_raised(word) or word in _PARTICLES for word in words) and _is_raised(words[-1])
    )


def may_be_name(text: str) -> bool:
    """Whether a text could be a name that somebody wrote in lower case."""
    words = text.split()
    is_short = 1 <= len(words) <= MOST_WORDS and all(map(_is_word, words))
    return is_short and not any(word.lower().rstrip(".") in _WORDS for word in words)


def _is_word(word: str) -> bool:
    return len(word) <= _LONGEST_WORD and _WORD.fullmatch(word) is not None


def _is_raised(word: str) -> bool:
    """Whether a word begins with a capital (d'Arc and al-Rashid have it inside), or has no case."""
    parts = re.split(r"[-'’‘ʼʻ`´·・‐‑]", word)
    letters = [part[0] for part in parts if part]
    first = letters[0]
    has_case = first.lower() != first.upper()
    if not has_case or first.isupper() or first.istitle():
        return True
    return len(parts[0]) <= 2 and any(letter.isupper() for letter in letters[1:])


def near_spellings(store: Store, name: str, n: int = _N_NEAR) -> tuple[str, ...]:
    """Stored names that are spelled almost like a name, the nearest first.

    At most one letter is another, too many or missing in names of up to four letters, and two in
    longer ones, and some letter is shared; case and accents do not count. Of names equally near,
    those that begin alike come first, then frequent ones.

    Parameters
    ----------
    store : Store
    name : str
    n : int
        How many at most.
    """
    folded = fold(name)
    if not folded or len(folded) > MOST_WORDS * _LONGEST_WORD or "\0" in folded:
        return ()
    far = 1 if len(folded) <= 4 else 2
    is_near = (
        f"abs(char_length(name_folded) - {len(folded)}) <= {far}",
        *_holds_a_part(folded, far + 1),  # the engine skips the distance where few are left
        f"levenshtein(name_folded, {quote(folded)}) <= {far}",
    )
    rows = store.scan(["name", "name_folded", "count"], " AND ".join(is_near))
    found: dict[str, tuple[int, int, int, str]] = {}
    for row in rows.to_pylist():
        alike = row["name_folded"]
        if not set(alike) & set(folded):  # of one letter, every other letter is one letter away
            continue
        shared = next((i for i, (a, b) in enumerate(zip(alike, folded, strict=False)) if a != b),
                      min(len(alike), len(folded)))  # fmt: skip
        rank = (_distance(alike, folded), -shared, -(row["count"] or 0), row["name"])
        found[row["name"]] = min(rank, found.get(row["name"], rank))
    return tuple(sorted(found, key=found.__getitem__)[:n])


def _holds_a_part(text: str, n: int) -> tuple[str, ...]:
    """What is true of all that differs from a text in fewer than n letters, as a filter.

    Of n parts of the text one at least is unchanged.
    """
    if len(text) < n:
        return ()
    cuts = [len(text) * at // n for at in range(n + 1)]
    parts = {text[start:stop] for start, stop in pairwise(cuts)}
    held = (f"contains(name_folded, {quote(part)})" for part in sorted(parts))
    return (f"({' OR '.join(held)})",)


def _distance(a: str, b: str) -> int:
    """Letters to change, add or take away from one text to the other (Levenshtein)."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        before, row[0] = row[0], i
        for j, right in enumerate(b, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (left != right))
    return row[-1]


def said_near(near: tuple[str, ...]) -> str:
    """A sentence that offers near spellings; empty where there are none."""
    return f"Near spellings stored: {', '.join(near)}." if near else ""


def place_new(
    store: Store, encoder: Callable[[], Encoder], templates: tuple[str, ...], name: str, view: str
) -> FloatArray:
    """The vector of a view that a name would have if it were added to the space, of shape (dim,).

    In the `image` view, where a new name has no image, it is the one of its text.

    Raises
    ------
    EncoderError
        If there is no encoder, or it cannot embed the name.
    """
    names = pa.table({"name": [name]})
    rows = encode_rows(names, 0, encoder(), templates, store.schema, lambda _done: None)
    if view == unspelled.VIEW:
        rows = unspelled.complete(rows, store)
    row: FloatArray = as_matrix(
        rows["text" if view.partition(":")[0] == "image" else view], store.dim(view)
    )[0]
    return row
