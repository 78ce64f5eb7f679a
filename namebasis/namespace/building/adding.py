"""Rows that are appended to a finished space, and what writers that were killed left of one."""

from __future__ import annotations

import pyarrow as pa

from namebasis.analysis.readings.shared_pieces import token_facts
from namebasis.namespace.objects.data_sets import append_remote
from namebasis.namespace.objects.urls import remote_of
from namebasis.namespace.store import metrics
from namebasis.namespace.store.columns import drop_leftovers
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.store.sums import grown_sums, noted_sums, sums_entry
from namebasis.namespace.where.counts import SHARED


def append_rows(store: Store, rows: pa.Table) -> None:
    """Append rows in one commit, at the cost of these rows alone.

    Who shares pieces with whom is left to be counted when it is asked for: a name that is added
    changes it for others.

    Parameters
    ----------
    store : Store
        Locked by the caller; refreshed here.
    rows : Table
        Of the store's schema.
    """
    import lance

    if remote_of(store.folder) is not None:
        append_remote(store.dataset, rows)
    else:
        lance.write_dataset(rows, store.dataset, mode="append")
    store.refresh()


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
    drop_leftovers(store)
    if not set(SHARED) <= set(store.schema.names):
        count_pieces(store)
    note_sums(store)


def count_uncounted(store: Store) -> None:
    """Store who shares pieces with whom, unless all rows have it."""
    drop_leftovers(store)
    if not set(SHARED) <= set(store.schema.names) or not store.shared.are_stored:
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
