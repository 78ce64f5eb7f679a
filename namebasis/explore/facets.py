"""What a column holds among the names that a filter leaves: counts of values, or a histogram."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.namespace.facts import HIDDEN, counted, finite, kind_of_type
from namebasis.space import Space
from namebasis.terms import sentence

BINS = 24


def kind_of(field: pa.Field) -> str | None:
    """`number`, `value`, `list` or `flag`; None for what is no facet."""
    if field.name in HIDDEN or field.name.startswith("namebasis"):
        return None
    return kind_of_type(field.type)


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
    computed = [name for name in space.derived_columns if name not in space.columns]
    table = space.table([*kinds, *computed], where=where)
    for field in map(table.schema.field, computed):
        kinds[field.name] = kind_of(field) or "value"
    found = []
    for name, kind in kinds.items():
        column = table[name].combine_chunks()
        made = _numbers(column) if kind == "number" else counted(column, kind)
        if made is not None:
            found.append({"column": name, "kind": kind, "meaning": sentence(name), **made})
    return found


def _numbers(column: pa.Array) -> dict[str, Any] | None:
    values = finite(column)
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
