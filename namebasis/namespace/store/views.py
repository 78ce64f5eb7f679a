"""Put a vector column into a space, or another one in its place, in one step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import pyarrow as pa

from namebasis.namespace.search import caches
from namebasis.namespace.store.columns import put_columns
from namebasis.namespace.store.dataset import Store, as_matrix
from namebasis.namespace.store.provenance import Provenance
from namebasis.namespace.store.sums import grown_sums, no_rows, sum_key, sums_entry
from namebasis.namespace.store.view_ids import new_view_id

Notes = Callable[[str], Mapping[str, str]]


def put_view(
    store: Store,
    view: str,
    dim: int,
    metadata: Mapping[str, str],
    columns: Iterable[pa.Array],
    beside: pa.Table | None = None,
    notes: Notes = lambda key: {},
) -> None:
    """Write a view of a space that this process has locked, with its sums, and index it.

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
    beside : Table, optional
        Other columns of all rows, put in place by the same commit.
    notes : callable, optional
        Further metadata to commit before, given the key of this writing (`sums.sum_key`).
    """
    field = pa.field(view, pa.list_(pa.float32(), dim), metadata={**metadata, **new_view_id()})
    others = [] if beside is None else list(beside.schema)
    schema = pa.schema([field, *others])
    key = sum_key(schema, view)
    total = no_rows(dim)
    sums = grown_sums(store)

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal total
        for column in columns:
            start = total.n_rows
            total = total.plus([as_matrix(column, dim)])
            rest = [] if beside is None else beside.slice(start, len(column)).columns
            arrays = [column, *(one.combine_chunks() for one in rest)]
            yield pa.record_batch(arrays, schema=schema)

    def all_notes() -> Mapping[str, str]:
        return {**sums_entry(store, sums, **{key: total}), **notes(key)}

    put_columns(store, pa.RecordBatchReader.from_batches(schema, batches()), all_notes)
    source = Provenance.from_metadata(store.metadata, str(store.folder))
    caches.build_index(store, view, source.build_id, source.seed)
    store.keep_up()
