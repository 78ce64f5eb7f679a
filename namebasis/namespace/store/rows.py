"""Numbers of rows, and whether names lack a view."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from namebasis.checks import IntArray
from namebasis.errors import SpaceError
from namebasis.namespace.store.dataset import COMPUTED, IMAGE_COUNT, Store, norm_column
from namebasis.wording import counted

COUNTS = {
    "image": IMAGE_COUNT, "token": "token_norm", **{view: norm_column(view) for view in COMPUTED}
}  # fmt: skip
"""Columns that are above 0 where a name has a vector in the view; others hold 0 there."""


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


def check_computed(store: Store, view: str) -> None:
    """Refuse a computed view that names lack which were added since.

    Raises
    ------
    SpaceError
    """
    n_lacking = store.not_computed(view)
    if n_lacking:
        were = "was" if n_lacking == 1 else "were"
        raise SpaceError(
            f"{store.folder}: {counted(n_lacking, 'name')} {were} added since the view {view} was "
            f"computed. `namebasis {COMPUTED[view]} {store.folder}` computes what is missing."
        )


def lacks(store: Store, view: str) -> bool:
    """Whether some names have no vector in a view, which is 0 there.

    Raises
    ------
    SpaceError
        If names were added since the view was computed.
    """
    store.dim(view)
    check_computed(store, view)
    if store.made(view) is not None:
        return True
    if view not in COUNTS:
        return False
    if view not in store.lacking:
        column = COUNTS[view]
        store.lacking[view] = column not in store.columns or bool(
            len(store.scan(["id"], f"{column} IS NULL OR NOT {column} > 0"))
        )
    return store.lacking[view]
