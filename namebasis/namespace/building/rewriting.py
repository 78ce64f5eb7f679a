"""Write all rows of a space again, in one commit: for changes after which rows are others."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from namebasis.analysis.readings.shared_pieces import token_facts
from namebasis.namespace.objects.data_sets import bring_back, overwrite_remote
from namebasis.namespace.objects.picture_versions import PICTURES_KEY, picture_note
from namebasis.namespace.objects.urls import remote_of
from namebasis.namespace.pictures.views import ImageView
from namebasis.namespace.search import caches, spelling_index
from namebasis.namespace.store.dataset import HIDDEN, IMAGE_COUNT, VIEWS, Store, as_matrix
from namebasis.namespace.store.history import HISTORY_KEY
from namebasis.namespace.store.metrics import (
    COMPUTED_STUDY,
    OWN,
    SINCE,
    STUDY,
    field_metadata,
)
from namebasis.namespace.store.provenance import KEY, Provenance
from namebasis.namespace.store.sums import (
    IMAGE_MEAN_KEY,
    ImageMean,
    image_mean,
    image_mean_entry,
    no_rows,
    noted_sums,
    sum_key,
    sums_entry,
)
from namebasis.namespace.store.view_ids import new_view_id
from namebasis.namespace.where.counts import SHARED

_MADE_HERE = frozenset({OWN, "tokens", "images", COMPUTED_STUDY})
"""Studies of the metrics that a build makes, which hold for each name by itself or are renewed."""

Mask = npt.NDArray[np.bool_]
Source = tuple[Store, Mask]
"""A store, and which of its rows are taken; read through a handle that nobody writes with."""
Draw = Callable[[int, int], pa.Array]
"""The values of a column from one row up to another."""


@dataclass(frozen=True)
class Rows:
    """Rows that are to be written.

    Attributes
    ----------
    sources : sequence of (Store, mask)
        From which they are drawn, one after the other.
    schema : Schema
        Of what is written. A column that a source lacks is null for its rows.
    made : mapping of str to callable
        Columns that are made here, whatever the sources hold.
    """

    sources: Sequence[Source]
    schema: pa.Schema
    made: Mapping[str, Draw] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(sum(mask.sum() for _, mask in self.sources))

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows, some thousand at a time; of some columns, or of all."""
        schema = pa.schema(
            [one for one in self.schema if columns is None or one.name in columns],
            metadata=self.schema.metadata,
        )
        at = 0
        for store, mask in self.sources:
            held = [n for n in schema.names if n in store.schema.names and n not in self.made]
            start = 0
            for batch in store.batches(held or ["id"]):
                rows = batch.filter(pa.array(mask[start : start + len(batch)]))
                start += len(batch)
                if not len(rows):
                    continue
                yield pa.record_batch(
                    [self._column(one, rows, held, at) for one in schema], schema=schema
                )
                at += len(rows)

    def _column(
        self, wanted: pa.Field, rows: pa.RecordBatch, held: Sequence[str], at: int
    ) -> pa.Array:
        if wanted.name in self.made:
            return self.made[wanted.name](at, at + len(rows))
        if wanted.name in held:
            return rows[wanted.name]
        return pa.nulls(len(rows), wanted.type)


def drawn_from(column: pa.Array | pa.ChunkedArray) -> Draw:
    """Draw a column that is in memory."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return lambda start, stop: whole.slice(start, stop - start)


def numbered(rows: Rows, image: ImageView | None) -> Rows:
    """Rows with their own numbers, token facts and images, and new ids of the views.

    Parameters
    ----------
    rows : Rows
        With the schema of their source.
    image : ImageView or None
        The view of images; None for a space without one.
    """
    n_rows = len(rows)
    pieces = [batch["pieces"] for batch in rows.batches(["pieces"])]
    facts = token_facts(pa.chunked_array(pieces))
    made: dict[str, Draw] = {
        **rows.made, "id": lambda start, stop: pa.array(np.arange(start, stop)),
        **{name: drawn_from(facts[name]) for name in SHARED},
    }  # fmt: skip
    fields = [one for one in rows.schema if not one.name.startswith(HIDDEN)]
    fields = [one for one in fields if one.name not in ("image", IMAGE_COUNT)]
    if image is not None and len(image.names):
        counts = np.zeros(n_rows, np.int32)
        counts[image.names] = image.counts
        shown = pa.array(counts, mask=counts == 0)
        made |= {"image": image.column, IMAGE_COUNT: drawn_from(shown)}
        fields.append(pa.field(IMAGE_COUNT, pa.int32(), metadata=field_metadata("images", {})))
        fields.append(pa.field("image", pa.list_(pa.float32(), image.sums.shape[1])))
    marked = [_with_new_id(one) if one.name in VIEWS else one for one in fields]
    return Rows(rows.sources, pa.schema(marked, metadata=rows.schema.metadata), made)


def _with_new_id(one: pa.Field) -> pa.Field:
    return one.with_metadata({**_texts(one.metadata), **new_view_id()})


def since(schema: pa.Schema, what: str) -> tuple[pa.Schema, list[str]]:
    """Mark what studies computed with what became of the names since; those columns too."""
    fields, stale = [], []
    for one in schema:
        metadata = _texts(one.metadata)
        if STUDY in metadata and metadata[STUDY] not in _MADE_HERE:
            before = metadata.get(SINCE, "")
            one = one.with_metadata({**metadata, SINCE: "; ".join(filter(None, [before, what]))})
            stale.append(one.name)
        fields.append(one)
    return pa.schema(fields, metadata=schema.metadata), stale


def write_rows(
    store: Store, rows: Rows, mean: ImageMean | None, changes: Mapping[str, Any]
) -> None:
    """Put rows in the place of those of a space that this process has locked; index them.

    Parameters
    ----------
    store : Store
        Whose folder is written to, its data set overwritten in one commit; refreshed here.
    rows : Rows
        With fields as they are to be.
    mean : ImageMean or None
        Of all images of the space; None where it has none.
    changes : mapping of str
        Fields of the provenance that change; the id of the build does in any case.
    """
    import lance

    source = Provenance.from_metadata(rows.schema.metadata, str(store.folder))
    source = replace(source, build_id=uuid.uuid4().hex, **changes)
    schema = rows.schema.with_metadata({**_texts(rows.schema.metadata), KEY: source.to_json()})
    sums = {}
    for one in schema:
        if one.name in VIEWS:
            blocks = (as_matrix(b[one.name], one.type.list_size) for b in rows.batches([one.name]))
            sums[sum_key(schema, one.name)] = no_rows(one.type.list_size).plus(blocks)
    notes = {**_texts(schema.metadata), **sums_entry(store, {}, **sums)}
    notes.pop(IMAGE_MEAN_KEY, None)
    notes |= picture_note(store.folder)
    if remote_of(store.folder) is None:  # the rows may be of a copy from object storage
        notes.pop(HISTORY_KEY, None)
        notes.pop(PICTURES_KEY, None)
    if mean is not None:
        key = sum_key(schema, "image") if "image" in schema.names else ""
        notes |= image_mean_entry(store, mean, key)
    rows = Rows(rows.sources, schema.with_metadata(notes), rows.made)
    reader = pa.RecordBatchReader.from_batches(rows.schema, rows.batches())
    if remote_of(store.folder) is None:
        lance.write_dataset(reader, store.dataset, mode="overwrite")
    else:
        overwrite_remote(store.dataset, reader)
    store.refresh()
    index_all(store)


def index_all(store: Store) -> None:
    """Index every view whose index is not there, and keep the data set small."""
    source = Provenance.from_metadata(store.metadata, str(store.folder))
    for view in store.views:
        caches.build_index(store, view, source.build_id, source.seed)
    spelling_index.renew(store)
    store.keep_up()


def put_back(store: Store, older: Store, notes: Mapping[str, str], *, renewed: bool) -> None:
    """Make an older version of a space its newest, in one commit that copies no row.

    Parameters
    ----------
    store : Store
        Locked by the caller, at the newest version; refreshed here.
    older : Store
        At the version to go back to.
    notes : mapping of str
        Metadata that is to differ from that version's.
    renewed : bool
        Whether the build and the views are given new ids: others than these rows had them since.
    """
    fields = [one for one in older.schema if not one.name.startswith(HIDDEN)]
    metadata = {**_texts(older.schema.metadata), **notes}
    if renewed:
        fields = [_with_new_id(one) if one.name in VIEWS else one for one in fields]
        schema = pa.schema(fields)
        source = Provenance.from_metadata(older.metadata, str(older.folder))
        sums = {sum_key(schema, view): total for view, total in noted_sums(older).items()}
        metadata[KEY] = replace(source, build_id=uuid.uuid4().hex).to_json()
        metadata |= sums_entry(older, {}, **sums)
        mean = image_mean(older)
        if mean is not None:
            key = sum_key(schema, "image") if "image" in schema.names else ""
            metadata |= image_mean_entry(older, mean, key)
    bring_back(store.dataset, older.dataset, pa.schema(fields, metadata=metadata))
    store.refresh()


def _texts(metadata: Mapping[bytes, bytes] | None) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in (metadata or {}).items()}
