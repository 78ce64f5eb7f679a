"""Values of records, as text or numbers, into the types of the name schema."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from namebasis.errors import CorpusError

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
_GENDERS = {
    "f": "F", "female": "F", "woman": "F", "girl": "F",
    "m": "M", "male": "M", "man": "M", "boy": "M",
    "u": "U", "unisex": "U", "both": "U", "neutral": "U", "nonbinary": "U",
    "": None, "?": None, "unknown": None, "na": None, "n/a": None, "none": None, "null": None,
}  # fmt: skip
_PARTS = ("given", "family", "full", "pseudo")
_MAX_COUNT = 2**53  # whole numbers up to here survive a trip through JSON and pandas


def coerce_column(
    values: Sequence[object] | pa.Array, field: pa.Field, kept: Sequence[int], where: str
) -> pa.Array:
    """Return the rows `kept` of a column in the field's type.

    Raises
    ------
    CorpusError
        If a value does not fit, naming the record.
    """
    if isinstance(values, pa.Array):
        if values.type == field.type:
            return values if len(kept) == len(values) else values.take(np.asarray(kept, np.int64))
        values = values.to_pylist()
    if field.name == "births":
        return _births(values, field, kept, where)
    convert = _converter(field.name)
    converted = []
    for row in kept:
        try:
            converted.append(convert(values[row]))
        except ValueError as error:
            raise CorpusError(f"{where}, record {row + 1}: {field.name} {error}") from error
    return pa.array(converted, type=field.type)


def _births(values: Sequence[object], field: pa.Field, kept: Sequence[int], where: str) -> pa.Array:
    try:
        return pa.array([values[row] for row in kept], type=field.type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise CorpusError(
            f"{where}: births must be lists of year, female and male; got {error}."
        ) from error


def _converter(column: str) -> Callable[[object], object]:
    if column == "part":
        return _part
    if column == "gender":
        return _gender
    if column in ("locales", "sources"):
        return _list
    if column == "count":
        return _count
    return lambda value: _number(
        value, 1.0 if column == "share_female" else 100.0 if column[:4] == "pct_" else math.inf
    )


def _part(value: object) -> str | None:
    text = "" if value is None else str(value).strip().lower()
    if text and text not in _PARTS:
        raise ValueError(f"must be one of {', '.join(_PARTS)}; got {value!r}.")
    return text or None


def _gender(value: object) -> str | None:
    text = "" if value is None or value != value else str(value).strip().lower()
    if text not in _GENDERS:
        raise ValueError(f"must be F, M, U or empty; got {value!r}.")
    return _GENDERS[text]


def _list(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return sorted({piece for piece in re.split(r"[;,|\s]+", value) if piece})
    if isinstance(value, Sequence) and all(isinstance(piece, str) for piece in value):
        return sorted(set(value))
    raise ValueError(f"must be a text or a list of texts; got {value!r}.")


def _count(value: object) -> int | None:
    number = _number(value, float(_MAX_COUNT))
    if number is None:
        return None
    if number != int(number):
        raise ValueError(f"must be a whole number; got {value!r}.")
    return int(number)


def _number(value: object, high: float) -> float | None:
    if value is None or value != value:
        return None
    if isinstance(value, str):
        if not value.strip():
            return None
        value = value.replace(",", "")  # a separator of thousands
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"must be a number; got {value!r}.") from error
    if not 0 <= number <= high or math.isinf(number):
        limit = "at least 0" if math.isinf(high) else f"between 0 and {high:g}"
        raise ValueError(f"must be {limit}; got {value!r}.")
    return number
