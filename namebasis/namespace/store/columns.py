"""Put columns into a space, or others in their place: all of them in one commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from namebasis.namespace.objects.data_sets import rename_remote
from namebasis.namespace.objects.urls import remote_of
from namebasis.namespace.search import caches
from namebasis.namespace.store.dataset import HIDDEN, Store, as_matrix
from namebasis.namespace.store.provenance import Provenance
from namebasis.namespace.store.sums import grown_sums, no_rows, sum_key, sums_entry
from namebasis.namespace.store.view_ids import new_view_id

NEW, OLD = f"{HIDDEN}new_", f"{HIDDEN}old_"


def put_columns(
    store: Store,
    columns: pa.RecordBatchReader,
    notes: Callable[[], Mapping[str, str]] | None = None,
) -> None:
    """Write columns of all rows of a space that this process has locked.

    They are staged under hidden names and put in place by one commit of new names. A reader sees
    all old columns or all new ones, and so does the next writer where this one is killed.

    Parameters
    ----------
    store : Store
        Refreshed here. Must not be read by `columns`: the handle that writes is taken.
    columns : RecordBatchReader
        Drawn as they are written.
    notes : callable, optional
        Metadata of the data set, asked for once all columns are drawn, and committed before they
        are put in place; it must be right beside the old columns and beside the new ones.
    """
    drop_leftovers(store)
    names = columns.schema.names
    old = [name for name in names if name in store.schema.names]
    if not old and notes is None:
        store.dataset.add_columns(columns)
        store.refresh()
        return
    fields = [field.with_name(NEW + field.name) for field in columns.schema]
    schema = pa.schema(fields)
    batches = (pa.record_batch(batch.columns, schema=schema) for batch in columns)
    store.dataset.add_columns(pa.RecordBatchReader.from_batches(schema, batches))
    if notes is not None:
        store.dataset.update_schema_metadata(dict(notes()))
    put_away = {name: OLD + name for name in old}
    rename_columns(store, {**put_away, **{NEW + name: name for name in names}})
    drop_columns(store, list(put_away.values()))


def add_empty(store: Store, fields: Sequence[pa.Field]) -> None:
    """Add columns in which every row so far is null, in one commit that rewrites no file."""
    if fields:
        store.dataset.add_columns(pa.schema(fields))
        store.refresh()


def drop_leftovers(store: Store) -> None:
    """Drop the columns that a killed writer staged or replaced."""
    drop_columns(store, [name for name in store.schema.names if name.startswith(HIDDEN)])


def drop_columns(store: Store, names: Sequence[str]) -> None:
    """Drop columns in one commit that rewrites no file; no names, no commit."""
    if not names:
        return
    if remote_of(store.folder) is None:
        store.dataset.drop_columns(list(names))
    else:
        rename_remote(store.dataset, dict.fromkeys(names))
    store.refresh()


def rename_columns(store: Store, names: Mapping[str, str]) -> None:
    """Give columns other names, all of them in one commit that rewrites no file."""
    if remote_of(store.folder) is None:
        store.dataset.alter_columns(
            *({"path": name, "name": other} for name, other in names.items())
        )
    else:
        rename_remote(store.dataset, names)
    store.refresh()


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

    def arrays() -> Iterator[list[pa.Array]]:
        start = 0
        for column in columns:
            rest = [] if beside is None else beside.slice(start, len(column)).columns
            start += len(column)
            yield [column, *(one.combine_chunks() for one in rest)]

    others = [] if beside is None else list(beside.schema)
    put_views(store, {view: dim}, {view: metadata}, arrays(), others, notes)


def put_views(
    store: Store,
    dims: Mapping[str, int],
    metadata: Mapping[str, Mapping[str, str]],
    columns: Iterable[Sequence[pa.Array]],
    beside: Sequence[pa.Field] = (),
    notes: Notes = lambda key: {},
) -> None:
    """Write several views of a space as `put_view` writes one, all of them in one commit.

    Parameters
    ----------
    store : Store
    dims : mapping of str to int
        The views and their widths.
    metadata : mapping of str to mapping
        Of each view's field.
    columns : iterable of sequences of arrays
        Of some rows at a time: the views in the order of `dims`, then the columns beside them.
    beside : sequence of Field
        Other columns of all rows.
    notes : callable, optional
        Further metadata, given the key of the writing of the first view.
    """
    fields = [
        pa.field(view, pa.list_(pa.float32(), dim), metadata={**metadata[view], **new_view_id()})
        for view, dim in dims.items()
    ]
    schema = pa.schema([*fields, *beside])
    keys = {view: sum_key(schema, view) for view in dims}
    totals = {view: no_rows(dim) for view, dim in dims.items()}
    sums = grown_sums(store)

    def batches() -> Iterator[pa.RecordBatch]:
        for arrays in columns:
            for (view, dim), column in zip(dims.items(), arrays, strict=False):
                totals[view] = totals[view].plus([as_matrix(column, dim)])
            yield pa.record_batch(list(arrays), schema=schema)

    def all_notes() -> Mapping[str, str]:
        staged = {keys[view]: total for view, total in totals.items()}
        return {**sums_entry(store, sums, **staged), **notes(keys[next(iter(dims))])}

    put_columns(store, pa.RecordBatchReader.from_batches(schema, batches()), all_notes)
    source = Provenance.from_metadata(store.metadata, str(store.folder))
    for view in dims:
        caches.build_index(store, view, source.build_id, source.seed)
    store.keep_up()
