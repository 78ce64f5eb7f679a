"""What the values of a column are: numbers, codes, links, constants, or something like names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from namebasis.namespace.corpus.files.genders import GENDERS
from namebasis.namespace.corpus.folding import fold

_NUMBER = re.compile(r"[-+]?\d[\d\s.,'’]*(?:[eE][-+]?\d+)?%?")
_LINK = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://|www\.)\S+|(?:[A-Za-z]:)?[\w.~-]*[\\/]\S*|[^@\s]+@[^@\s]+\.\w+"
    r"|\S+\.(?:jpe?g|png|webp|gif|bmp|tiff?|txt|json|csv|npy|parquet|tar|zip|html?)",
    re.IGNORECASE,
)
_CODE = re.compile(r"(?=\S*\d)[A-Za-z0-9]+(?:[-_:.][A-Za-z0-9]+)*")
_SHORT = re.compile(r"[A-Z]{1,3}(?:[-_][A-Z]{2,3})?")
_SAMPLE = 2000
_MOST = 0.5


def is_number(value: object) -> bool:
    """Whether a value is a number, also as text: 7065, "1,234", "1.5e3", "12 %"."""
    if isinstance(value, str):
        return _NUMBER.fullmatch(value.strip()) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_gender(value: object, *, strict: bool = False) -> bool:
    """Whether a value names a gender; a `strict` one is no word that says nothing."""
    text = fold(str(value).strip())
    return text in GENDERS and (not strict or GENDERS[text] is not None)


def flaw(values: Sequence[object], *, is_titled: bool = False) -> str:
    """Say in a word or two why values are no names; empty where they may be names.

    Parameters
    ----------
    values : sequence
        Of one column.
    is_titled : bool
        Whether the column's title says that it holds names: then short capitals are names.
    """
    known = [str(value).strip() for value in sample(values)]
    known = [value for value in known if value]
    if not known:
        return "empty"
    tests = (
        ("numbers", is_number),
        ("links or paths", lambda text: _LINK.fullmatch(text) is not None),
        ("codes", lambda text: _CODE.fullmatch(text) is not None),
    )
    for word, test in tests:
        if sum(map(test, known)) > _MOST * len(known):
            return word
    distinct = set(known)
    short = sum(_SHORT.fullmatch(text) is not None for text in known)
    if not is_titled and short > _MOST * len(known):
        return "codes"
    # A title does not make names of "female" and "male"; M and F may be initials then.
    words = [text for text in known if len(text) > 1 or not is_titled]
    if sum(is_gender(text, strict=True) for text in words) > _MOST * len(known):
        return "genders"
    if len(distinct) == 1 and len(known) > 2:
        return f"always {known[0][:40]!r}"
    return ""


def is_text_like(values: Sequence[object]) -> bool:
    """Whether values are texts with a letter, mostly."""
    known = [value for value in sample(values) if isinstance(value, str) and value.strip()]
    return bool(known) and sum(any(map(str.isalpha, text)) for text in known) > _MOST * len(known)


def share(values: Iterable[object], test: Callable[[object], bool]) -> float:
    """Return the share of known values that pass a test; 0 where none is known."""
    known = [value for value in values if value is not None and str(value).strip()]
    return sum(map(test, known)) / len(known) if known else 0.0


def sample(values: Sequence[object]) -> list[object]:
    """Return up to 2,000 values that are there, from all over the column."""
    step = max(1, len(values) // _SAMPLE)
    return [value for value in values[::step] if value is not None][:_SAMPLE]
