"""Which names with pictures are the model's prior: made-up ones and weak identities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.namespace.store.metrics import metric_columns
from namebasis.validation.rigidity.results import MADE_UP, STRANGER, WEAK

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

LOWEST = 0.1
"""Share of the space's names, the lowest by a measure, that count as weak identities."""
_BY: Mapping[str, str] = {
    "identity_own_score": "the lowest tenth of own scores",
    "count": "the lowest tenth of counts",
}
_LOW_BIAS = "low-bias"


def roles_of(
    space: StoredSpace, names: Sequence[str], made_up: Sequence[str] = ()
) -> tuple[dict[str, str], str | None]:
    """Tell made-up names, weak identities and strangers among names with pictures.

    Made up is a name that the space holds as such, or whose pictures were painted as those of one.
    A name that the space does not hold otherwise is a stranger, and no prior: real people would
    become what a model shows of nobody. Weak are names with the lowest own scores, or where none
    are stored the lowest counts, or those that `select --objective low-bias` chose.

    Parameters
    ----------
    space : Space
    names : sequence of str
    made_up : sequence of str
        Names whose pictures say so.

    Returns
    -------
    roles : dict of str to str
        Of the names that have one.
    weak_by : str or None
        What weak identities were chosen by.
    """
    rows = space.find_all(names)
    kept = [row for row in rows if row is not None]
    parts = dict(zip(kept, space.table(["part"], ids=kept)["part"].to_pylist(), strict=True))
    painted = set(made_up)
    roles: dict[str, str] = {}
    known: dict[str, int] = {}
    for name, row in zip(names, rows, strict=True):
        if (row is None and name in painted) or (row is not None and parts[row] == "pseudo"):
            roles[name] = MADE_UP
        elif row is None:
            roles[name] = STRANGER
        else:
            known[name] = row
    weak, weak_by = _weak(space, known)
    return roles | dict.fromkeys(weak, WEAK), weak_by


def _weak(space: StoredSpace, known: Mapping[str, int]) -> tuple[list[str], str | None]:
    for column, words in _BY.items():
        if column not in space.columns or not known:
            continue
        every = space.table([column, "part"])
        values = _numbers(every[column])
        values[np.asarray(every["part"].to_pylist()) == "pseudo"] = np.nan
        if not np.isfinite(values).any():
            continue
        edge = float(np.nanquantile(values, LOWEST, method="inverted_cdf"))
        weak = [name for name, row in known.items() if values[row] <= edge]
        if weak and len(weak) < len(known):
            return weak, words
    chosen = metric_columns(space._store.schema).get("selected_rank")
    if chosen is None or chosen["parameters"].get("objective") != _LOW_BIAS or not known:
        return [], None
    ranks = space.table(["selected_rank"], ids=list(known.values()))["selected_rank"]
    weak = [name for name, rank in zip(known, ranks.to_pylist(), strict=True) if rank is not None]
    return weak, "select --objective low-bias"


def _numbers(column: Any) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.array(values, dtype=np.float64)
