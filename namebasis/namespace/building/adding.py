"""Rows that are appended to a finished space: with all that they change, in one commit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.namespace.building.tokens import facts_after_adding, token_facts
from namebasis.namespace.objects.data_sets import append_remote
from namebasis.namespace.objects.urls import remote_of
from namebasis.namespace.store import metrics
from namebasis.namespace.store.columns import drop_leftovers
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.store.sums import grown_sums, noted_sums, sums_entry

FACTS = ("piece_names", "same_pieces")
"""Columns that say who shares pieces with whom; a name that is added changes them for others."""


def append_rows(store: Store, rows: pa.Table) -> None:
    """Append rows, and put right the token facts of older ones, in one commit.

    Parameters
    ----------
    store : Store
        Locked by the caller, its token facts right; refreshed here.
    rows : Table
        Of the store's schema.
    """
    import lance
    from lance.fragment import write_fragments

    own, changed = _facts(store, rows)
    for name in FACTS:
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, rows.schema.field(at), own[name])
    updated, fields = _updated(store, changed)
    if remote_of(store.folder) is not None:
        append_remote(store.dataset, rows, updated)
        store.refresh()
        return
    operation = lance.LanceOperation.Update(
        updated_fragments=updated,
        new_fragments=write_fragments(rows, store.dataset, mode="append"),
        fields_modified=fields,
    )
    lance.LanceDataset.commit(store.dataset, operation, read_version=store.version)
    store.refresh()


def _facts(store: Store, rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Token facts of new rows, and those of older rows that are others now, with their ids."""
    pieces = store.scan(["pieces"])["pieces"].combine_chunks()
    whole = pa.concat_arrays([pieces, *rows["pieces"].cast(pieces.type).chunks])
    facts = facts_after_adding(whole, len(pieces))
    is_new = np.asarray(facts["id"]) >= len(pieces)
    older = facts.filter(pa.array(~is_new))
    ids = np.asarray(older["id"])
    if len(ids) < store.n_rows // 8:
        before = store.take(ids, list(FACTS))
    else:  # a walk over all rows is quicker
        before = store.scan(list(FACTS)).take(pa.array(ids))
    differs = np.zeros(len(older), bool)
    for name in FACTS:
        # A null (a name without a piece) stays one.
        one, other = (np.asarray(table[name].fill_null(-1)) for table in (before, older))
        differs |= one != other
    return facts.filter(pa.array(is_new)), older.filter(pa.array(differs))


def _updated(store: Store, changed: pa.Table) -> tuple[list[Any], list[int]]:
    """Rewrite the facts of the fragments that hold changed rows; not yet committed."""
    updated, fields, start = [], set(), 0
    ids = np.asarray(changed["id"])
    for fragment in store.dataset.get_fragments():
        stop = start + fragment.count_rows()
        here = changed.filter(pa.array((ids >= start) & (ids < stop)))
        if len(here):
            metadata, modified = fragment.update_columns(here, left_on="id", right_on="id")
            updated.append(metadata)
            fields.update(modified)
        start = stop
    return updated, sorted(fields)


def count_pieces(store: Store) -> None:
    """Write who shares pieces with whom, counted over all rows."""
    rows = store.scan(["id", "pieces"])
    facts = token_facts(rows["pieces"]).append_column("id", rows["id"])
    metrics.put(store, facts, "tokens", {})


def mend(store: Store) -> None:
    """Put right what a writer of this or an earlier version left when it was killed.

    Parameters
    ----------
    store : Store
        Locked by the caller; refreshed here.
    """
    count_uncounted(store)
    note_sums(store)


def count_uncounted(store: Store) -> None:
    """Write who shares pieces with whom, unless every row was counted before."""
    drop_leftovers(store)
    columns = [name for name in FACTS if name in store.schema.names]
    # Every row has a number of others with the same pieces, so a null was never counted.
    if len(columns) < len(FACTS) or store.dataset.count_rows(filter="same_pieces IS NULL"):
        count_pieces(store)


def note_sums(store: Store) -> None:
    """Note the sums of all rows, where there are rows that they lack."""
    noted = noted_sums(store)
    lacks = [
        view
        for view in store.views
        if view not in noted or not noted[view].can_grow or noted[view].n_rows != store.n_rows
    ]
    if lacks:
        store.dataset.update_schema_metadata(sums_entry(store, grown_sums(store)))
        store.refresh()
