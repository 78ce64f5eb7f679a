"""Columns of a space as the fields of a collection, and which cannot be one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import IntArray
from namebasis.namespace.engines.fields import MOST_BYTES, MOST_FIELDS, MOST_ITEMS, Field
from namebasis.wording import did_you_mean

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

_PLAIN = re.compile(r"[A-Za-z0-9_]{1,200}")
_TYPES = {
    "text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "truth": pa.bool_(),
    "texts": pa.list_(pa.string()), "integers": pa.list_(pa.int64()),
    "numbers": pa.list_(pa.float64()),
}  # fmt: skip


def fields_of(
    space: StoredSpace, columns: Sequence[str] | None
) -> tuple[tuple[Field, ...], list[str]]:
    """Choose the fields of a collection.

    Parameters
    ----------
    space : StoredSpace
    columns : sequence of str, optional
        By default all that can be fields, up to `MOST_FIELDS`.

    Returns
    -------
    tuple of Field, list of str
        What was left out, a sentence each.

    Raises
    ------
    ValueError
        If a column that was asked for is not there or cannot be a field.
    """
    derived = space.derived_columns
    stored = space._store.schema
    known = list(dict.fromkeys([*(c for c in space.columns if c != "id"), *derived]))
    found: list[Field] = []
    left_out: list[str] = []
    for at, column in enumerate(known if columns is None else columns):
        if column == "id":
            continue
        if column not in known:
            raise ValueError(
                f"there is no column {column!r}; there are {', '.join(known)}."
                f"{did_you_mean(column, known)}"
            )
        is_derived = column in derived
        if is_derived:
            type_ = space.table([_computed(column)], limit=0).schema.field(0).type
        else:
            type_ = stored.field(column).type
        kind = _kind(type_)
        if kind is None:
            reason = f"{column} holds {type_}, which no field of a collection can hold"
            if columns is not None:
                raise ValueError(f"{reason}.")
            left_out.append(f"{reason}; filters on it are refused.")
            continue
        name = f"c_{column}" if _PLAIN.fullmatch(column) else f"c{at}"
        found.append(Field(column, name, kind, type_ == pa.float32(), is_derived))
    if len(found) > MOST_FIELDS:
        if columns is not None:
            raise ValueError(
                f"a collection holds up to {MOST_FIELDS} columns; got {len(found)}. Leave some out."
            )
        gone = ", ".join(one.column for one in found[MOST_FIELDS:])
        left_out.append(f"a collection holds up to {MOST_FIELDS} columns; left out: {gone}.")
    return tuple(found[:MOST_FIELDS]), left_out


def _kind(type_: pa.DataType) -> str | None:
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        item = _kind(type_.value_type)
        return f"{item}s" if item in ("text", "integer", "number") else None
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return "text"
    if pa.types.is_integer(type_) and type_ != pa.uint64():
        return "integer"
    if pa.types.is_floating(type_):
        return "number"
    return "truth" if pa.types.is_boolean(type_) else None


def _computed(column: str) -> str:
    """What is computed under a column's name, where a stored column may have the same name."""
    return f"(`{column}`) AS `{column}`"


class ColumnError(ValueError):
    """A column that Milvus cannot hold, known from its values.

    Parameters
    ----------
    field : Field
    problem : str
    """

    def __init__(self, field: Field, problem: str) -> None:
        super().__init__(f"{problem}; name the columns that filters need, without it (--columns).")
        self.field, self.problem = field, problem


class Columns:
    """Reads the columns of the fields, some rows at a time, in the types of the collection.

    Parameters
    ----------
    space : StoredSpace
    fields : sequence of Field
    """

    def __init__(self, space: StoredSpace, fields: Sequence[Field]) -> None:
        self._space, self._fields = space, fields
        derived = [one.column for one in fields if one.is_derived]
        # Each is computed over all rows at once, whatever rows are asked for.
        self._derived = space.table([_computed(one) for one in derived]) if derived else None
        self._stored = [one.column for one in fields if not one.is_derived]

    def rows(self, ids: IntArray) -> pa.Table:
        """Rows that follow each other, a column for each field.

        Raises
        ------
        ColumnError
            If a value is none that the collection can hold.
        """
        stored = self._space.table(self._stored, ids=ids) if self._stored else None
        columns = []
        for one in self._fields:
            if one.is_derived and self._derived is not None:
                values = self._derived[one.column].slice(int(ids[0]), len(ids))
            elif stored is not None:
                values = stored[one.column]
            values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
            columns.append(_checked(one, values.cast(_TYPES[one.kind])))
        return pa.table(columns, names=[one.field for one in self._fields])


def _checked(one: Field, values: pa.Array) -> pa.Array:
    """Refuse texts, lists and numbers beyond what Milvus holds."""
    flat = values.flatten() if one.is_list else values
    problem = None
    if one.is_list and (pc.max(pc.list_value_length(values)).as_py() or 0) > MOST_ITEMS:
        problem = f"a list of over {MOST_ITEMS:,} items"
    elif one.is_list and flat.null_count:
        problem = "a list with an empty item"
    elif (
        pa.types.is_string(flat.type) and (pc.max(pc.binary_length(flat)).as_py() or 0) > MOST_BYTES
    ):
        problem = f"a text of over {MOST_BYTES:,} bytes"
    elif pa.types.is_floating(flat.type):
        numbers = flat.drop_null().to_numpy(zero_copy_only=False)
        problem = None if np.isfinite(numbers).all() else "a number that is not finite"
    if problem:
        raise ColumnError(one, f"column {one.column} holds {problem}, which Milvus does not")
    return values
