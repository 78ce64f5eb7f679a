"""Put a vector column into a space, or another one in its place, in one step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from namebasis.namespace import caches
from namebasis.namespace.provenance import MEANS_KEY, Provenance, sums_to_json, view_sums
from namebasis.namespace.store import HIDDEN, Store
from namebasis.namespace.view_ids import new_view_id


def put_view(
    store: Store,
    view: str,
    dim: int,
    metadata: Mapping[str, str],
    columns: Iterable[pa.Array],
) -> None:
    """Write a view of a space that this process has locked, with its sums and its index.

    Parameters
    ----------
    store : Store
        Refreshed here. Must not be read by `columns`: the handle that writes is taken.
    view : str
    dim : int
    metadata : mapping of str to str
        Of the field; the id of this writing is added.
    columns : iterable of fixed-size list arrays
        The vectors of all rows, some at a time, drawn as they are written.
    """
    staged = f"{HIDDEN}new_{view}"
    leftover = [column for column in store.schema.names if column.startswith(HIDDEN)]
    if leftover:
        store.dataset.drop_columns(leftover)
    kind = pa.list_(pa.float32(), dim)
    schema = pa.schema([pa.field(staged, kind, metadata={**metadata, **new_view_id()})])
    batches = (pa.record_batch([column], schema=schema) for column in columns)
    store.dataset.add_columns(pa.RecordBatchReader.from_batches(schema, batches))
    # Sums of the old view must not stand beside the new one, whenever this process dies.
    _write_sums(store, without=view)
    renames = [{"path": staged, "name": view}]
    if view in store.views:
        renames.insert(0, {"path": view, "name": f"{HIDDEN}old_{view}"})
    store.dataset.alter_columns(*renames)
    if len(renames) > 1:
        store.dataset.drop_columns([f"{HIDDEN}old_{view}"])
    store.refresh()
    _write_sums(store)
    store.refresh()
    source = Provenance.from_metadata(store.metadata, str(store.folder))
    caches.build_index(store, view, source.build_id, source.seed)
    store.tidy()


def _write_sums(store: Store, without: str | None = None) -> None:
    sums = {view: total for view, total in view_sums(store).items() if view != without}
    store.dataset.update_schema_metadata({MEANS_KEY: sums_to_json(sums)})
