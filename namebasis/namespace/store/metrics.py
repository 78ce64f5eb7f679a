"""Scalar columns that studies write, and what a space says about itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.checks import FloatArray, IntArray
from namebasis.namespace.objects.urls import said
from namebasis.namespace.search.caches import saved_facts
from namebasis.namespace.store import unspelled
from namebasis.namespace.store.columns import put_columns, put_view
from namebasis.namespace.store.dataset import (
    BLOCK_ROWS,
    HIDDEN,
    VIEWS,
    Store,
    as_column,
    norm_column,
)
from namebasis.namespace.store.history import changing
from namebasis.namespace.store.locks import writing
from namebasis.namespace.store.provenance import Provenance

STUDY, PARAMETERS = "namebasis.study", "namebasis.parameters"
WHEN = "namebasis.when"
"""Day on which a metric was computed, ISO."""
SINCE = "namebasis.since"
"""What became of the names since a metric was computed."""
COMPUTED_STUDY = "computed view"
"""The study named for the columns beside computed views."""
OWN = "build"
"""The study named for the metrics that a build itself writes."""


@dataclass(frozen=True)
class MeasuredView:
    """A view that a study computed of the names in its columns.

    Attributes
    ----------
    name : str
        Of `dataset.MEASURED`; the columns hold lengths before scaling as ``NAME_norm``.
    rows : ndarray of shape (n_names, dim), float32
        Unit rows, or 0.
    metadata : mapping of str
        Of the view's field.
    """

    name: str
    rows: FloatArray
    metadata: Mapping[str, str]


def field_metadata(study: str, parameters: Mapping[str, object]) -> dict[str, str]:
    """What a metric column records of its making.

    Raises
    ------
    ValueError
        If the parameters cannot be written as JSON.
    """
    try:
        text = json.dumps(dict(parameters), ensure_ascii=False, sort_keys=True)
    except TypeError as error:
        raise ValueError(f"parameters must be JSON values: {error}.") from None
    return {STUDY: study, PARAMETERS: text}


def metric_columns(schema: pa.Schema) -> dict[str, dict[str, Any]]:
    """Metric columns with the study and parameters that wrote each."""
    found = {}
    for field in schema:
        metadata = field.metadata or {}
        if STUDY.encode() in metadata and not field.name.startswith(HIDDEN):
            found[field.name] = {
                "study": metadata[STUDY.encode()].decode(),
                "parameters": json.loads(metadata.get(PARAMETERS.encode(), b"{}")),
            }
            for key, word in ((WHEN, "when"), (SINCE, "since")):
                if key.encode() in metadata:
                    found[field.name][word] = metadata[key.encode()].decode()
    return found


def write(
    store: Store,
    columns: pa.Table,
    study: str,
    parameters: Mapping[str, object],
    view: MeasuredView | None = None,
    *,
    merge: bool = False,
) -> None:
    """Add or replace metric columns; see `Space.add_metrics`."""
    names = ", ".join(name for name in columns.column_names if name != "id")
    with writing(store) as newest, changing(newest, f"columns of {study} ({names})"):
        if merge:
            columns, view = _merged(newest, columns, study, parameters, view)
        put(newest, columns, study, parameters, view)


def _merged(
    store: Store,
    columns: pa.Table,
    study: str,
    parameters: Mapping[str, object],
    view: MeasuredView | None,
) -> tuple[pa.Table, MeasuredView | None]:
    """The columns and the view with what is stored of other names, where it was made alike.

    That is where each column, and the view, is stored of the same study, type and parameters.
    """
    names = [name for name in columns.column_names if name != "id"]
    if not set(names) <= set(store.schema.names) or "id" not in columns.column_names:
        return columns, view
    made = {**metric_columns(store.schema)}
    told = json.loads(field_metadata(study, parameters)[PARAMETERS])
    length = None if view is None else norm_column(view.name)
    for name in names:
        kind = store.schema.field(name).type
        facts = made.get(name, {})
        is_alike = (facts.get("study"), facts.get("parameters")) == (study, told)
        if kind != columns.schema.field(name).type or not (is_alike or name == length):
            return columns, view
    if view is not None and not _is_alike(store, view):
        return columns, view
    ids = np.asarray(columns["id"].to_numpy(), np.int64)
    stored = store.scan(names)
    known = np.zeros(store.n_rows, bool)
    for name in names:
        known |= stored[name].is_valid().to_numpy()
    known[ids] = False
    others = np.flatnonzero(known)
    left = stored.take(pa.array(others)).append_column("id", pa.array(others, pa.int64()))
    schema = pa.schema([pa.field(one.name, one.type) for one in columns.schema])
    both = [columns.cast(schema), left.select(columns.column_names).cast(schema)]
    if view is not None and len(others):
        rows = np.concatenate([view.rows, store.vectors(view.name, others)])
        view = MeasuredView(view.name, rows, view.metadata)
    return pa.concat_tables(both), view


def _is_alike(store: Store, view: MeasuredView) -> bool:
    """Whether a view is stored that says the same of how it was made."""
    if view.name not in store.views:
        return False
    stored = store.schema.field(view.name).metadata or {}
    return all(stored.get(key.encode()) == said.encode() for key, said in view.metadata.items())


def put(
    store: Store,
    columns: pa.Table,
    study: str,
    parameters: Mapping[str, object],
    view: MeasuredView | None = None,
) -> None:
    """Add or replace metric columns, and a view, of a space that this process has locked."""
    table = aligned(store, columns, study, parameters)
    if view is not None:
        at = table.schema.get_field_index(norm_column(view.name))
        noted = {**field_metadata(COMPUTED_STUDY, {}), WHEN: _today()}
        table = table.set_column(at, table.field(at).with_metadata(noted), table[at])
        ids = np.asarray(columns["id"].to_numpy(), np.int64)
        blocks = _spread(view.rows, ids, store.n_rows)
        put_view(store, view.name, view.rows.shape[1], view.metadata, blocks, table)
        return
    put_columns(store, table.to_reader())
    store.keep_up()


def _spread(rows: FloatArray, ids: IntArray, n: int) -> Iterator[pa.Array]:
    """Vectors at their rows and 0 elsewhere, some thousand rows at a time."""
    order = np.argsort(ids)
    ids, rows = ids[order], rows[order]
    for start in range(0, n, BLOCK_ROWS):
        stop = min(start + BLOCK_ROWS, n)
        first, last = np.searchsorted(ids, [start, stop])
        block = np.zeros((stop - start, rows.shape[1]), np.float32)
        block[ids[first:last] - start] = rows[first:last]
        yield as_column(block)


def aligned(
    store: Store, columns: pa.Table, study: str, parameters: Mapping[str, object]
) -> pa.Table:
    """The columns with one row per row of the space, null where none was given.

    Raises
    ------
    ValueError
        As `Space.add_metrics` does.
    """
    metadata = field_metadata(study, parameters)
    names = [name for name in columns.column_names if name != "id"]
    if "id" not in columns.column_names or not names:
        raise ValueError(
            "columns must hold 'id' and at least one metric; "
            f"got {', '.join(columns.column_names) or 'none'}."
        )
    metrics = metric_columns(store.schema)
    for name in names:
        _check_column(name, columns.schema.field(name).type, store.schema.names, metrics)
    ids = np.asarray(columns["id"].to_numpy(zero_copy_only=False))
    if ids.dtype.kind not in "iu" or len(np.unique(ids)) != len(ids):
        raise ValueError("columns must hold each id once, as integers without null.")
    if len(ids) and (ids.min() < 0 or ids.max() >= store.n_rows):
        raise ValueError(
            f"ids must lie between 0 and {store.n_rows - 1}; got {ids.min()} to {ids.max()}."
        )
    rank = np.full(store.n_rows, -1, dtype=np.int64)
    rank[ids] = np.arange(len(ids))
    rows = columns.select(names).take(pa.array(rank, mask=rank < 0))
    metadata[WHEN] = _today()
    fields = [rows.schema.field(name).with_metadata(metadata).with_nullable(True) for name in names]
    return pa.table(rows.columns, schema=pa.schema(fields))


def _today() -> str:
    return datetime.now().astimezone().date().isoformat()


def _check_column(
    name: str, kind: pa.DataType, present: list[str], metrics: Mapping[str, object]
) -> None:
    if name in VIEWS or name.startswith((HIDDEN, "_")) or not name.isidentifier():
        raise ValueError(f"a metric must be a plain word and no view; got {name!r}.")
    if name in present and name not in metrics:
        raise ValueError(f"column {name!r} is no metric of a study; choose another name.")
    scalar = kind.value_type if pa.types.is_list(kind) else kind
    if pa.types.is_nested(scalar) or pa.types.is_null(scalar):
        raise ValueError(f"metric {name!r} must hold scalars, text or lists of them; got {kind}.")


def describe(store: Store, provenance: Provenance) -> dict[str, Any]:
    """Facts about a space in plain values, for printing."""
    indices: dict[str, Any] = {}
    for view in store.views:
        facts = saved_facts(store, view)
        if facts is None:
            indices[view] = "none; it is built at the first query"
            continue
        indices[view] = {
            key: facts[key] for key in ("rows", "factory", "parameters", "recall_at_10")
        }
    return {
        "path": said(store.folder),
        "names": store.n_rows,
        "encoder": provenance.encoder,
        "revision": provenance.revision,
        "fingerprint": provenance.fingerprint,
        "templates": list(provenance.templates),
        "seed": provenance.seed,
        "package_version": provenance.package_version,
        "views": {view: store.dim(view) for view in store.views},
        "columns": list(store.columns),
        "metrics": metric_columns(store.schema),
        "indices": indices,
        **unspelled.describe(store),
    }
