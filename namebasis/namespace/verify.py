"""Whether the vectors of a space are those that were written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from namebasis.errors import SpaceError
from namebasis.namespace.sums import ViewSum, noted_sums, sum_view, whole_digest

if TYPE_CHECKING:
    from namebasis.namespace.store import Store

# float64 sums of some million float32 values in another order agree to much better than that;
# one flipped exponent bit moves them by more.
_SAME_SUM = 1e-4


def check_vectors(store: Store) -> dict[str, str]:
    """Read every vector and compare with what was noted when it was written.

    Damage that leaves a vector at about length 1 is found by nothing else.

    Returns
    -------
    dict of str to str
        What was found of each view.

    Raises
    ------
    SpaceError
        If vectors of a view are not those that were written.
    """
    noted = noted_sums(store)
    return {view: _check(store, view, noted.get(view)) for view in store.views}


def _check(store: Store, view: str, noted: ViewSum | None) -> str:
    if noted is None:
        return "nothing was noted to compare with"
    found = sum_view(store, view, noted.n_rows)
    if noted.digest:
        digest = found.digest if noted.can_grow else whole_digest(store, view, noted.n_rows)
        is_same = found.n_rows == noted.n_rows and digest == noted.digest
    else:
        is_same = bool(np.abs(found.total - noted.total).max(initial=0) < _SAME_SUM)
    if not is_same:
        raise SpaceError(
            f"{store.uri}: the vectors of the view {view} are not those that were written; the "
            "data set is damaged. Build the space again."
        )
    how = "as they were written" if noted.digest else "of the sum that was noted (no checksum then)"
    newer = store.n_rows - noted.n_rows
    return f"{noted.n_rows:,} vectors {how}" + (f"; {newer:,} newer ones unchecked" * (newer > 0))
