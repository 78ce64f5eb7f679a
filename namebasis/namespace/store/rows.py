"""Which rows of a store are read: by a filter, by their numbers, of a view, in an order."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import IntArray, check_count
from namebasis.errors import NamebasisHint
from namebasis.namespace.store.dataset import IMAGE_COUNT, Store
from namebasis.namespace.store.filter_words import why_empty
from namebasis.namespace.store.filters import check_where
from namebasis.wording import did_you_mean

_COUNTS = {"image": IMAGE_COUNT, "token": "token_norm"}
"""Columns that are above 0 where a name has a vector in the view; others hold 0 there."""


def read_table(
    store: Store,
    columns: Sequence[str] | None,
    where: str | None,
    ids: IntArray | Sequence[int] | None,
    order_by: str | None,
    limit: int | None,
) -> pa.Table:
    """Read columns of the rows that a filter accepts, or of given rows; see `Space.table`.

    Raises
    ------
    FilterError, ValueError
        As `Space.table`.
    """
    wanted = list(store.columns if columns is None else columns)
    key, _, direction = (order_by or "").strip().partition(" ")
    _check_columns(store, [*wanted, *([key] if order_by is not None else [])])
    if direction.strip().lower() not in {"", "asc", "desc"}:
        raise ValueError(f"order_by must be 'column' or 'column desc'; got {order_by!r}.")
    if key:
        _check_order(store, key)
    if limit is not None:
        check_count(limit, "limit", low=0)
    rows = _read(store, list(dict.fromkeys([*wanted, *([key] if key else [])])), where, ids)
    if key:
        rank = rows.append_column("__row", pa.array(np.arange(len(rows))))
        order = "descending" if direction.strip().lower() == "desc" else "ascending"
        keys = [(key, order), ("__row", "ascending")]
        rows = rows.take(pc.sort_indices(rank, sort_keys=keys))
    rows = rows if limit is None else rows.slice(0, min(limit, len(rows)))
    return rows.select(wanted).replace_schema_metadata(None)


def _read(
    store: Store, columns: list[str], where: str | None, ids: IntArray | Sequence[int] | None
) -> pa.Table:
    if ids is None:
        rows = store.scan(columns or ["id"], where)
        _hint(store, where, len(rows), stacklevel=6)
        return rows
    if where is not None:
        raise ValueError("table takes where or ids, not both.")
    return store.take(check_ids(ids, store.n_rows), columns or ["id"])


def _check_order(store: Store, column: str) -> None:
    kind = store.dataset.schema.field(column).type
    if pa.types.is_nested(kind):
        what = "vectors" if column in store.views else "lists"
        raise ValueError(
            f"order_by takes a column of numbers or texts; {column} holds {what}. Order by "
            "name, or by a measure."
        )


def _check_columns(store: Store, names: Sequence[str]) -> None:
    held = (*store.columns, *store.views)
    for name in names:
        if name not in held:
            raise ValueError(
                f"there is no column {name!r}; there are {', '.join(held)}."
                f"{did_you_mean(name, held)}"
            )


def check_ids(ids: IntArray | Sequence[int], n_rows: int) -> IntArray:
    """Return row numbers as int64.

    Raises
    ------
    ValueError
        If they are no flat list of integers between 0 and `n_rows` - 1.
    """
    rows = np.asarray(ids)
    if rows.size == 0:
        return np.empty(0, dtype=np.int64)
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise ValueError(f"ids must be a list of integers; got {rows.dtype} {rows.shape}.")
    if rows.min() < 0 or rows.max() >= n_rows:
        raise ValueError(
            f"ids must lie between 0 and {n_rows - 1}; got {rows.min()} to {rows.max()}."
        )
    return rows.astype(np.int64)


def ids_where(store: Store, where: str | None, view: str) -> IntArray:
    """Numbers of the rows that a filter accepts and that have a vector in a view, ascending."""
    if lacks(store, view):
        if _COUNTS[view] not in store.columns:
            # A writer of an earlier version was killed before it wrote the counts.
            has_vector = np.flatnonzero(store.vectors(view).any(axis=1))
            return np.intersect1d(ids_where(store, where, "text"), has_vector)
        has_count = f"{_COUNTS[view]} > 0"
        where = (
            has_count if where is None else f"({check_where(where, store.columns)}) AND {has_count}"
        )
    if where is None:
        return np.arange(store.n_rows, dtype=np.int64)
    rows = store.scan(["id"], where)["id"]
    _hint(store, where, len(rows), stacklevel=5)
    return np.asarray(rows.to_numpy(), dtype=np.int64)


def lacks(store: Store, view: str) -> bool:
    """Whether some names have no vector in a view, which is 0 there."""
    store.dim(view)
    if view not in _COUNTS:
        return False
    if view not in store.lacking:
        column = _COUNTS[view]
        store.lacking[view] = column not in store.columns or bool(
            len(store.scan(["id"], f"{column} IS NULL OR NOT {column} > 0"))
        )
    return store.lacking[view]


def _hint(store: Store, where: str | None, n_rows: int, stacklevel: int) -> None:
    """Warn of a filter that nothing passes, saying which condition left nothing."""
    if where is None or n_rows or not store.n_rows:
        return

    def count(part: str) -> int:
        return len(store.scan(["id"], part))

    warnings.warn(why_empty(where, count, store.held()), NamebasisHint, stacklevel=stacklevel)
