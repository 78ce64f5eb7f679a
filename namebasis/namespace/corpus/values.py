"""Values of records, as text or numbers, into the types of the name schema."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.cleaning import Refusals
from namebasis.namespace.corpus.files.genders import letters_of, read_gender

_COLUMNS = (
    "name", "part", "gender", "locales", "sources", "count", "weight", "share_female", "births",
    "pct_white", "pct_black", "pct_asian", "pct_native", "pct_multiracial", "pct_hispanic",
)  # fmt: skip
# What a record's key means; other keys are none of a corpus's business.
CANONICAL = {column: column for column in _COLUMNS} | {
    "locale": "locales",
    "source": "sources",
    "sex": "gender",
}
_PARTS = {
    **{part: part for part in ("given", "family", "full", "pseudo", "phrase")},
    **dict.fromkeys(["first", "forename", "first name", "given name", "g"], "given"),
    **dict.fromkeys(["last", "surname", "last name", "family name"], "family"),
    **dict.fromkeys(["full name", "whole"], "full"),
}
# Official tables hold small counts back.
_SUPPRESSED = re.compile(
    r"\(?s\)?|\[[a-z:]+\]|<\s*\d+|-1|[.:*x-]+|n/?a|nan|null|none", re.IGNORECASE
)
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[_-][A-Za-z]{4})?(?:[_-](?:[A-Za-z]{2}|\d{3}))?")
# 1,234 and 1 234 and 12,34,567 are grouped; 1.234 is so only where a whole number is wanted.
_GROUPED = re.compile(r"\d{1,3}(?:[ \u00a0\u202f,'’]\d{2,3})*[ \u00a0\u202f,'’]\d{3}(?:\.\d+)?")
_POINTED = re.compile(r"\d{1,3}(?:\.\d{3})+")
_DECIMAL_COMMA = re.compile(r"\d+,\d+")
_MAX_COUNT = 2**53  # whole numbers up to here survive a trip through JSON and pandas


def coerce_column(
    values: Sequence[object] | pa.Array,
    field: pa.Field,
    kept: Sequence[int],
    where: str,
    refusals: Refusals | None = None,
) -> pa.Array:
    """Return the rows `kept` of a column in the field's type.

    Parameters
    ----------
    values : sequence or Array
    field : Field
        Of the corpus's schema.
    kept : sequence of int
    where : str
        The source, as messages should name it.
    refusals : Refusals, optional
        Counts values that do not fit, which are then null; without it the first is an error.

    Raises
    ------
    CorpusError
        If a value does not fit and there are no `refusals`, naming the record.
    """
    if isinstance(values, pa.Array):
        if values.type == field.type:
            return values if len(kept) == len(values) else values.take(np.asarray(kept, np.int64))
        values = values.to_pylist()
    if field.name == "births":
        return _births(values, field, kept, where)
    convert = _converter(field.name, values)
    nothing: object = [] if pa.types.is_list(field.type) else None
    converted = []
    for row in kept:
        try:
            converted.append(convert(values[row]))
        except ValueError as error:
            if refusals is None:
                raise CorpusError(f"{where}, record {row + 1}: {field.name} {error}") from error
            what, _, _ = str(error).partition("; got")
            refusals.add(
                f"value of {field.name} read as empty ({field.name} {what})",
                f"{str(values[row])[:30]} in record {row + 1}",
            )
            converted.append(nothing)
    return pa.array(converted, type=field.type)


def _births(values: Sequence[object], field: pa.Field, kept: Sequence[int], where: str) -> pa.Array:
    try:
        return pa.array([values[row] for row in kept], type=field.type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise CorpusError(
            f"{where}: births must be lists of year, female and male; got {error}."
        ) from error


def _converter(column: str, values: Sequence[object]) -> Callable[[object], object]:
    if column == "part":
        return _part
    if column == "gender":
        letters = letters_of(values)
        return lambda value: read_gender(value, letters)
    if column == "locales":
        return _locales
    if column == "sources":
        return _list
    if column == "count":
        return _count
    return lambda value: _number(
        value, 1.0 if column == "share_female" else 100.0 if column[:4] == "pct_" else math.inf
    )


def _part(value: object) -> str | None:
    text = "" if value is None else str(value).strip().lower()
    if text and text not in _PARTS:
        raise ValueError(f"must be one of given, family, full, pseudo; got {value!r}.")
    return _PARTS[text] if text else None


def is_gender_code(value: object) -> bool:
    """Whether a value can be read as a gender, ISO 5218's numbers among them."""
    return _passes(read_gender, value)


def share_of_genders(values: Sequence[object]) -> float:
    """Return the share of a column's values that can be read as genders; 0 where none is there."""
    known = [value for value in values if value is not None and str(value).strip()]
    letters = letters_of(known)
    fitting = sum(_passes(lambda one: read_gender(one, letters), value) for value in known)
    return fitting / len(known) if known else 0.0


def is_part(value: object) -> bool:
    """Whether a value can be read as a part of names."""
    return _passes(_part, value)


def is_count(value: object) -> bool:
    """Whether a value is a count, or one that its publisher holds back."""
    return _passes(_count, value) or is_held_back(value)


def is_held_back(value: object) -> bool:
    """Whether a publisher writes so what it does not tell: (S), [c], <5, n/a."""
    return _SUPPRESSED.fullmatch(str(value).strip()) is not None


def is_within(value: object, high: float) -> bool:
    """Whether a value is a number from 0 to `high`."""
    return _passes(lambda one: _number(one, high), value)


def _passes(convert: Callable[[object], object], value: object) -> bool:
    try:
        convert(value)
    except ValueError:
        return False
    return True


def _list(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return sorted({piece for piece in re.split(r"[;,|\s]+", value) if piece})
    if isinstance(value, Sequence) and all(isinstance(piece, str) for piece in value):
        return sorted(set(value))
    raise ValueError(f"must be a text or a list of texts; got {value!r}.")


def _locales(value: object) -> list[str]:
    pieces = _list(value)
    if isinstance(value, str) and not all(map(_LOCALE.fullmatch, pieces)):
        # "United States" is one place, not the locales United and States.
        return sorted({piece.strip() for piece in re.split(r"[;|]", value) if piece.strip()})
    return pieces


def _count(value: object) -> int | None:
    number = _number(value, float(_MAX_COUNT), is_whole=True)
    if number is None:
        return None
    if number != int(number):
        raise ValueError(f"must be a whole number; got {value!r}.")
    return int(number)


def _number(value: object, high: float, *, is_whole: bool = False) -> float | None:
    if value is None or value != value:
        return None
    if isinstance(value, str):
        if not value.strip():
            return None
        value = plain_number(value.strip(), is_whole)
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"must be a number; got {value!r}.") from error
    if not 0 <= number <= high or math.isinf(number):
        limit = "at least 0" if math.isinf(high) else f"between 0 and {high:g}"
        raise ValueError(f"must be {limit}; got {value!r}.")
    return number


def plain_number(text: str, is_whole: bool) -> str:
    """Return a number's text as `float` reads it."""
    if text.isdecimal():
        return text
    if _GROUPED.fullmatch(text):
        return re.sub(r"[^\d.]", "", text)
    if is_whole and _POINTED.fullmatch(text):
        return text.replace(".", "")
    return text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text
