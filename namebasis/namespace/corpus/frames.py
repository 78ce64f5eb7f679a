"""Tables that a notebook holds: of pandas, polars, Arrow and other libraries, or dicts of lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from namebasis.errors import CorpusError


def table_of(source: object) -> pa.Table | dict[str, Sequence[object]] | None:
    """Return a table in memory as one of Arrow, or as columns of Python values.

    Parameters
    ----------
    source : object
        An Arrow table or batch, whatever gives one (``__arrow_c_stream__``: polars, duckdb), a
        pandas DataFrame, whose index is a column where it says something, or a dict of columns.

    Returns
    -------
    table : Table, dict or None
        None for anything else.

    Raises
    ------
    CorpusError
        If columns are not equally long, or the library gives no table.
    """
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, pa.RecordBatch):
        return pa.Table.from_batches([source])
    if isinstance(source, Mapping):
        return _of_mapping(source)
    if hasattr(source, "iloc") and hasattr(source, "columns"):
        return _of_pandas(source)
    if hasattr(source, "__arrow_c_stream__") and hasattr(source, "columns"):
        try:
            return pa.table(source)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise CorpusError(f"the table cannot be read as one of Arrow ({error}).") from None
    return None


def rows_of(source: object) -> object:
    """Return the rows of a table in memory as records; anything else as it is."""
    table = table_of(source)
    if isinstance(table, pa.Table):
        return table.to_pylist()
    if table is None:
        return source
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def _of_mapping(source: Mapping[Any, Any]) -> dict[str, Sequence[object]] | None:
    columns = {str(title): _listed(values) for title, values in source.items()}
    if not columns or any(values is None for values in columns.values()):
        return None
    found: dict[str, Sequence[object]] = {
        title: values for title, values in columns.items() if values is not None
    }
    lengths = {title: len(values) for title, values in found.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{title} {n:,}" for title, n in lengths.items())
        raise CorpusError(f"the columns of a table must be equally long; got {told}.")
    return found


def _listed(values: Any) -> list[object] | None:
    """A column as a list; None where it is a single value."""
    if isinstance(values, (list, tuple)):
        return list(values)
    for name in ("to_pylist", "to_list", "tolist"):
        if hasattr(values, name) and hasattr(values, "__len__"):
            found = getattr(values, name)()
            return found if isinstance(found, list) else None
    return None


def _of_pandas(frame: Any) -> dict[str, Sequence[object]]:
    # An index without a name that counts from 0 says nothing.
    if frame.index.name is not None or frame.index.nlevels > 1 or frame.index.dtype == object:
        frame = frame.reset_index()
    columns: dict[str, Sequence[object]] = {}
    for at, title in enumerate(frame.columns):
        column = frame.iloc[:, at]
        plain = column.astype(object)
        columns[str(title)] = plain.where(column.notna(), None).tolist()
    return columns
