"""Columns of the user's own: named, typed, and kept beside the corpus's."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from namebasis.namespace.corpus.cleaning import Refusals
from namebasis.namespace.corpus.files.number_styles import plain_numbers
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.corpus.values import CANONICAL, is_held_back

# What a space holds besides the corpus; a column of the user's own may bear none of these names.
_TAKEN = frozenset(
    {
        *CANONICAL, "id", "name_folded", "pieces", "n_tokens", "template_spread", "token_norm",
        "piece_names", "same_pieces", "text", "token", "image", "unspelled", "n_images",
        "anchor_rank", "own_residual", "conditioning", "conditioning_norm", "conditioning_last",
        "conditioning_last_norm", "denoiser", "denoiser_norm",
    }
)  # fmt: skip
_INTEGER = re.compile(r"[-+]?(?:0|[1-9]\d*)")
_REAL = re.compile(r"[-+]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_TRUTH = {"true": True, "false": False, "yes": True, "no": False}
# One odd cell does not make a column of numbers one of texts.
_MOSTLY, _ENOUGH = 0.9, 10


def own_name(title: str, taken: Sequence[str]) -> str:
    """Return the name of a column in a space: a plain word that no other column bears.

    "Year of Birth" becomes year_of_birth; what a space has itself gets own_ in front.
    """
    word = re.sub(r"\W+", "_", fold(title)).strip("_")[:60] or "column"
    if word in _TAKEN or not word.isidentifier() or keyword.iskeyword(word):
        word = f"own_{word}"
    name, number = word, 1
    while name in taken:
        number += 1
        name = f"{word}_{number}"
    return name


def typed(
    values: Sequence[object], name: str, refusals: Refusals, decimal: str = "."
) -> pa.Array | None:
    """Return values as whole numbers, numbers, truth values or texts; None where none are there.

    Parameters
    ----------
    values : sequence
        Texts of a file, or typed values.
    name : str
        Of the column, for what is left out.
    refusals : Refusals
        Counts cells that are no number in a column of numbers.
    decimal : str
        The sign before the fraction in texts.
    """
    texts = [value.strip() if isinstance(value, str) else value for value in values]
    texts = [None if isinstance(v, str) and v in ("", "\\N") else v for v in texts]
    known = [value for value in texts if value is not None]
    # Lists, vectors and objects are no values of a column.
    if not known or any(
        hasattr(value, "__len__") and not isinstance(value, str) for value in known
    ):
        return None
    if not all(isinstance(value, str) for value in known):
        try:
            return pa.array(texts)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return pa.array([None if v is None else str(v) for v in texts], pa.string())
    return _from_texts(texts, known, name, refusals, decimal)


def _from_texts(
    texts: Sequence[object], known: Sequence[object], name: str, refusals: Refusals, decimal: str
) -> pa.Array:
    # Values that a publisher holds back say nothing of the column's type.
    words = [str(value) for value in known if not is_held_back(value)] or list(map(str, known))
    if all(word.lower() in _TRUTH for word in words):
        return pa.array(
            [None if v is None else _TRUTH.get(str(v).lower()) for v in texts], pa.bool_()
        )
    numbers = plain_numbers(words, decimal)
    if numbers is None:
        return pa.array(texts, pa.string())
    plain = dict(zip(words, numbers, strict=True))
    for pattern, convert, kind in ((_INTEGER, int, pa.int64()), (_REAL, float, pa.float64())):
        fitting = sum(pattern.fullmatch(word) is not None for word in numbers)
        if fitting < len(words) and (fitting < _MOSTLY * len(words) or len(words) < _ENOUGH):
            continue
        if convert is int and any(len(word) > 18 for word in numbers):
            continue
        if convert is int and fitting < len(words) and _are_reals(numbers):
            continue
        out: list[int | float | None] = []
        for value in texts:
            word = "" if value is None else plain.get(str(value), str(value))
            is_one = pattern.fullmatch(word) is not None
            out.append(convert(word) if is_one else None)
            if value is not None and not is_one:
                refusals.add(f"cell of {name} that is no number, read as empty", str(value))
        return pa.array(out, kind)
    return pa.array(texts, pa.string())


def _are_reals(words: Sequence[str]) -> bool:
    return sum(_REAL.fullmatch(word) is not None for word in words) > sum(
        _INTEGER.fullmatch(word) is not None for word in words
    )


@dataclass(frozen=True)
class Fitted:
    """Names that are to be added, with own columns as a space has them or is to get them.

    Attributes
    ----------
    names : Table
    added : tuple of Field
        Own columns that the space lacks.
    notes : tuple of str
        What was left out of own columns, and why.
    """

    names: pa.Table
    added: tuple[pa.Field, ...]
    notes: tuple[str, ...]


def fit_to(names: pa.Table, space: pa.Schema, n_corpus: int) -> Fitted:
    """Make own columns of names that are to be added those of a space.

    Values take the type that the space's column has where that loses nothing; others are null, and
    counted. A column that the space lacks is added to it, unless it would be in the way of what
    the space makes itself.

    Parameters
    ----------
    names : Table
        A corpus.
    space : Schema
        Of the space; its columns of studies, which have metadata, are not the user's.
    n_corpus : int
        How many of the first columns are the corpus's.
    """
    added, notes = [], []
    for column in names.column_names[n_corpus:]:
        field = names.schema.field(column)
        there = space.field(column) if column in space.names else None
        if column in _TAKEN or (there is not None and there.metadata):
            notes.append(f"left out the column {column}: the space has its own of that name")
        elif there is not None:
            fitted = _converted(names[column], there.type)
            lost = names[column].filter(pc.and_(names[column].is_valid(), fitted.is_null()))
            names = names.set_column(names.schema.get_field_index(column), there, fitted)
            if len(lost):
                notes.append(
                    f"left out {len(lost):,} of {len(lost) + len(fitted.drop_null()):,} values of "
                    f"{column}: the space's column holds {_kind(there.type)} (such as "
                    f"{lost[0].as_py()!r})"
                )
            continue
        elif names[column].null_count < len(names):
            added.append(field.with_nullable(True).remove_metadata())
            continue
        names = names.drop_columns([column])
    return Fitted(names, tuple(added), tuple(notes))


def _converted(values: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Values as another type, null where that would lose something."""
    if values.type == kind:
        return values
    if pa.types.is_string(values.type) and (pa.types.is_primitive(kind)):
        texts = values.to_pylist()
        return pa.chunked_array([pa.array([_of_text(text, kind) for text in texts], kind)])
    try:
        cast = values.cast(kind, safe=False)
        if pa.types.is_string(kind):
            return cast
        # What does not come back as it was has lost something: 1.5 as 1, 2 as true.
        same = pc.equal(cast.cast(values.type, safe=False), values)
        return pc.if_else(same, cast, pa.scalar(None, kind))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.chunked_array([pa.nulls(len(values), kind)])


def _of_text(text: str | None, kind: pa.DataType) -> object:
    """A text as a value of a type, None where it is none; as cells of a table are read."""
    word = "" if text is None else text.strip()
    if pa.types.is_boolean(kind):
        return _TRUTH.get(word.lower())
    if pa.types.is_floating(kind) and _REAL.fullmatch(word):
        return float(word)
    value: int | str = word
    if pa.types.is_integer(kind):
        if not _REAL.fullmatch(word) or not float(word).is_integer():
            return None
        value = int(word) if _INTEGER.fullmatch(word) else int(float(word))
    elif not pa.types.is_temporal(kind):
        return None
    try:
        return pa.scalar(value).cast(kind).as_py()
    except (pa.ArrowException, OverflowError):
        return None


def _kind(kind: pa.DataType) -> str:
    """A type in the words of somebody who keeps a table."""
    if pa.types.is_boolean(kind):
        return "true and false"
    if pa.types.is_integer(kind):
        return "whole numbers"
    return "numbers" if pa.types.is_floating(kind) else str(kind)


def one_value(values: Sequence[object]) -> object:
    """Return what rows of one name agree on; None where they do not, or none says."""
    known = {value for value in values if value is not None}
    return known.pop() if len(known) == 1 else None
