"""Columns that are computed when they are asked for: records, and the winner of an axis.

Births as a number, the share of women and the shares of groups are what the space stores and,
where it stores none, what the packaged US tables record of a given or a family name.

What names read as is stored by value: ``region_east_asia_projection_z`` and so on. The value with
the largest z is the winner, which the column `region` gives, and ``region_margin`` by how much it
exceeds the second.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.namespace.corpus.merging import SHARES
from namebasis.namespace.search.name_lookup import folded_names
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.store.metrics import metric_columns

if TYPE_CHECKING:
    from namebasis.namespace.corpus.us_names import RecordedBirths

BIRTHS = "births"
SHARE, *_OTHERS = SHARES
GROUPS = tuple(_OTHERS)
_READS_AS, _Z, _MARGIN = "_reads_as", "_projection_z", "_margin"


def derived_names(store: Store) -> tuple[str, ...]:
    """The columns that are computed; what is stored under their names comes before, but records."""
    found = [name for name in (BIRTHS, SHARE, *GROUPS) if name in store.columns]
    for axis in _axes(store):
        found += [name for name in (axis, axis + _MARGIN) if name not in store.columns]
    return tuple(found)


def derived_column(store: Store, name: str) -> pa.Array:
    """A computed column of all rows."""
    if name == BIRTHS:
        return births_in(store)
    if name == SHARE:
        return _recorded(store, SHARE, "given", lambda folded: _births().share_female(folded))
    if name in GROUPS:
        return _recorded(store, name, "family", lambda folded: _groups(folded, name))
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
    return _filled(store, own, "given", lambda folded: _births().between(folded, first, last, sex))


def _recorded(
    store: Store, name: str, part: str, packaged: Callable[[pa.Array], pa.Array]
) -> pa.Array:
    """A stored column, filled where it says nothing."""
    return _filled(store, store.scan([name])[name].combine_chunks(), part, packaged)


def _filled(
    store: Store, own: pa.Array, part: str, packaged: Callable[[pa.Array], pa.Array]
) -> pa.Array:
    """Values, and for names of a part that have none those of a packaged table."""
    if not own.null_count:
        return own
    is_part = pc.equal(store.scan(["part"])["part"].combine_chunks(), part)
    wants = pc.and_(pc.fill_null(is_part, False), pc.is_null(own))
    if not pc.any(wants).as_py():
        return own
    found = packaged(folded_names(store).combine_chunks())
    return pc.coalesce(own, pc.if_else(wants, found, pa.scalar(None, own.type)))


def _births() -> RecordedBirths:
    from namebasis.namespace.corpus.us_names import recorded_births

    return recorded_births()


def _groups(folded: pa.Array, name: str) -> pa.Array:
    from namebasis.namespace.corpus.us_names import recorded_groups

    table = recorded_groups()
    values = pa.array([entry.get(name) for entry in table.values()], pa.float64())
    return values.take(pc.index_in(folded, pa.array(table, pa.string())))


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
