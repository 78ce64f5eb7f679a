"""Columns that are computed when they are asked for: births as a number, and the winner of an axis.

What names read as is stored by value: ``region_east_asia_projection_z`` and so on. The value with
the largest z is the winner, which the column `region` gives, and ``region_margin`` by how much it
exceeds the second.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.namespace.search.name_lookup import folded_names
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.store.metrics import metric_columns

BIRTHS = "births"
_READS_AS, _Z, _MARGIN = "_reads_as", "_projection_z", "_margin"


def derived_names(store: Store) -> tuple[str, ...]:
    """The columns that are computed; what is stored under their names comes before, but births."""
    found = [BIRTHS] if BIRTHS in store.columns else []
    for axis in _axes(store):
        found += [name for name in (axis, axis + _MARGIN) if name not in store.columns]
    return tuple(found)


def derived_column(store: Store, name: str) -> pa.Array:
    """A computed column of all rows."""
    if name == BIRTHS:
        return births_in(store)
    axes = _axes(store)
    columns = axes[name if name in axes else name.removesuffix(_MARGIN)]
    z = np.stack(
        [column.to_numpy() for column in store.scan(columns).cast(_floats(columns)).columns], axis=1
    )
    known = ~np.isnan(z).any(axis=1)
    two = np.sort(np.where(known[:, None], z, 0), axis=1)[:, -2:]
    if name not in axes:
        return pa.array(two[:, 1] - two[:, 0], mask=~known)
    labels = pa.array([_label(store, column, name) for column in columns])
    winners = np.where(known[:, None], z, 0).argmax(axis=1)
    return labels.take(pa.array(winners, mask=~known))


def _axes(store: Store) -> dict[str, list[str]]:
    """Axes without an order that were read and stored, with the columns of their values."""
    names = [name.removesuffix(_READS_AS) for name in store.columns if name.endswith(_READS_AS)]
    found = {}
    for axis in names:
        longer = tuple(f"{other}_" for other in names if other.startswith(f"{axis}_"))
        of_value = re.compile(rf"{re.escape(axis)}_.+{_Z}")
        columns = [
            name for name in store.columns
            if of_value.fullmatch(name) and not (longer and name.startswith(longer))
        ]  # fmt: skip
        if len(columns) > 1:
            found[axis] = columns
    return found


def _label(store: Store, column: str, axis: str) -> str:
    """A value as its axis file writes it, where the column says so."""
    stem = column.removesuffix(_Z)
    told = metric_columns(store.schema)[column]["parameters"].get("labels", {})
    return str(told.get(stem, stem.removeprefix(f"{axis}_").replace("_", " ")))


def _floats(columns: list[str]) -> pa.Schema:
    return pa.schema([pa.field(name, pa.float64()) for name in columns])


def births_in(store: Store, first: int = 0, last: int = 9999, sex: str = "") -> pa.Array:
    """Births of some years, of one sex (F or M) or of both; null where none are known.

    Those that the space records; of given names without any, the packaged US births, which are
    known for periods of five years (1950 to 1954 and so on).
    """
    own = _own_births(store, first, last, sex)
    if not own.null_count:
        return own
    is_given = pc.equal(store.scan(["part"])["part"].combine_chunks(), "given")
    if not pc.any(pc.and_(is_given, pc.is_null(own))).as_py():
        return own
    from namebasis.namespace.corpus.us_names import recorded_births

    packaged = recorded_births().between(folded_names(store).combine_chunks(), first, last, sex)
    nothing = pa.scalar(None, pa.int64())
    return pc.coalesce(own, pc.if_else(is_given, packaged, nothing))


def _own_births(store: Store, first: int, last: int, sex: str) -> pa.Array:
    lists = store.scan([BIRTHS])[BIRTHS].combine_chunks()
    entries = lists.flatten()
    year = entries.field("year").to_numpy(zero_copy_only=False)
    born = np.zeros(len(entries), dtype=np.int64)
    for letter, field in (("F", "female"), ("M", "male")):
        if sex in ("", letter):
            born += entries.field(field).fill_null(0).to_numpy(zero_copy_only=False)
    born[(year < first) | (year > last)] = 0
    sums = np.concatenate([[0], np.cumsum(born)])
    ends = np.cumsum(lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False))
    starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
    known = lists.is_valid().to_numpy(zero_copy_only=False)
    return pa.array(sums[ends] - sums[starts], mask=~known)
