"""What a column holds among the names that a filter leaves: counts of values, or a histogram."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.space import Space
from namebasis.terms import sentence

HIDDEN = frozenset(["id", "name", "name_folded", "pieces", "births", "text", "token"])
"""Columns that are no facets: a value for each name, or a structure."""
MOST_VALUES = 40
"""Values of a facet that are listed; a list of thousands is searched, not read."""
BINS = 24


def kind_of(field: pa.Field) -> str | None:
    """`number`, `value`, `list` or `flag`; None for what is no facet."""
    if field.name in HIDDEN or field.name.startswith("namebasis"):
        return None
    kind = field.type
    if pa.types.is_boolean(kind):
        return "flag"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return "number"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        return "value"
    if (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and pa.types.is_string(
        kind.value_type
    ):
        return "list"
    return None


def facets_of(space: Space, where: str | None = None) -> list[dict[str, Any]]:
    """All facets of a space, counted among the names that a filter leaves.

    Parameters
    ----------
    space : Space
    where : str, optional

    Returns
    -------
    list of dict
        `column`, `kind`, `meaning` (one sentence, where it is known), `n` (names that have a
        value); of numbers `low`, `high` and `bins` (counts), of others `values` (value and count,
        most frequent first) and `n_values`.

    Raises
    ------
    FilterError
    """
    kinds = {
        field.name: kind
        for field in space._store.schema
        if field.name in space.columns and (kind := kind_of(field)) is not None
    }
    table = space.table(list(kinds), where=where)
    found = []
    for name, kind in kinds.items():
        column = table[name].combine_chunks()
        made = _numbers(column) if kind == "number" else _values(column, kind)
        if made is not None:
            found.append({"column": name, "kind": kind, "meaning": sentence(name), **made})
    return found


def _numbers(column: pa.Array) -> dict[str, Any] | None:
    values = pc.drop_null(column).to_numpy(zero_copy_only=False).astype(np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = float(values.min()), float(values.max())
    # What spans decades, such as counts, is unreadable in equal steps.
    is_log = low > 0 and high / low > 1000
    edges = np.geomspace(low, high, BINS + 1) if is_log else np.linspace(low, high, BINS + 1)
    if low == high:
        counts = np.array([len(values)])
    else:
        edges[0], edges[-1] = low, high
        counts, _ = np.histogram(values, edges)
    return {
        "n": len(values), "low": low, "high": high, "is_log": is_log, "bins": counts.tolist(),
        "is_whole": bool(pa.types.is_integer(column.type)),
    }  # fmt: skip


def _values(column: pa.Array, kind: str) -> dict[str, Any] | None:
    n = len(column) - column.null_count
    if kind == "list":
        n = int(pc.sum(pc.greater(pc.fill_null(pc.list_value_length(column), 0), 0)).as_py() or 0)
        column = pc.list_flatten(column)
    column = pc.drop_null(column)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not len(column):
        return None
    counted = pc.value_counts(column)
    rows = sorted(counted.to_pylist(), key=lambda one: (-one["counts"], str(one["values"])))
    return {
        "n": n,
        "n_values": len(rows),
        "values": [[one["values"], one["counts"]] for one in rows[:MOST_VALUES]],
    }
