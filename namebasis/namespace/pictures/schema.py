"""Columns of the store of pictures, and what stands in those that an older store lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

VECTOR = "vector"
"""Vectors by the encoder of the space; null where a picture has none."""
OTHER_VECTORS = "vector:"
"""Begins the columns of vectors by other encoders; their fingerprints follow."""
MEASURE = "measure_"
"""Begins the columns of what was measured."""
MAKER, WHAT = b"made_of", b"measure"
"""In a measure's field metadata: an extractor's identity, and which of its values it is."""
SPEC = "namebasis.encoder"
"""In a vector column's field metadata: the spec of its encoder."""
GIVEN = "namebasis.given"
"""In a vector column's field metadata: they were added, so that an undo takes them back."""
STAGED = "__"
"""Begins the columns of a writer that was killed; nobody sees them."""

PHOTO = "photo"
"""The source of a picture that no pipeline of ours painted."""
PHOTOS = "photos"
"""By which the view of photos is asked for."""

KEYS = pa.schema(
    [pa.field("path", pa.string()), pa.field("label", pa.string()), pa.field("digest", pa.string())]
)
"""Columns that every store has."""
ABOUT = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("pipeline", pa.string()),
        pa.field("prompt", pa.string()),
        pa.field("seed", pa.int64()),
        pa.field("context", pa.string()),
        pa.field("is_blank", pa.bool_()),
        pa.field("is_added", pa.bool_()),
        pa.field("face_box", pa.list_(pa.float32(), 4)),
        pa.field("url", pa.string()),
        pa.field("caption", pa.string()),
    ]
)
"""Columns that stores of earlier versions lack: their pictures are photos that were added."""
COLUMNS = (*KEYS.names, *ABOUT.names)

_DEFAULTS: dict[str, Any] = {"source": PHOTO, "is_blank": False, "is_added": True}


def vector_column(fingerprint: str | None, own: str) -> str:
    """The column of an encoder's vectors, given the fingerprint of the space's own encoder."""
    return VECTOR if fingerprint in (None, own) else f"{OTHER_VECTORS}{fingerprint}"


def is_given(column: pa.Field) -> bool:
    """Whether a column holds vectors that were added, not those that a report made."""
    return GIVEN.encode() in (column.metadata or {})


def filled(rows: pa.Table | pa.RecordBatch, columns: Sequence[str]) -> pa.Table:
    """Columns of rows of a store, with defaults for those that it lacks."""
    made: list[pa.ChunkedArray | pa.Array] = []
    for name in columns:
        kind = (KEYS if name in KEYS.names else ABOUT).field(name).type
        held = rows[name] if name in rows.schema.names else pa.nulls(len(rows), kind)
        made.append(held.fill_null(_DEFAULTS[name]) if name in _DEFAULTS else held)
    return pa.table(dict(zip(columns, made, strict=True)))
