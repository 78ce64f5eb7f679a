"""Rows of pictures that are added: which are stored already, and what is written of new ones."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import FloatArray
from namebasis.encoders.base import Encoder
from namebasis.namespace.building.beside import column_of, has_in
from namebasis.namespace.corpus.pictures.keys import Seen, keys_of
from namebasis.namespace.corpus.pictures.tables import BESIDE, in_utf8
from namebasis.namespace.pictures.copies import told_of
from namebasis.namespace.pictures.painted import provenance_of, read_about
from namebasis.namespace.pictures.schema import ABOUT, KEYS, VECTOR, filled
from namebasis.namespace.pictures.views import has_vector
from namebasis.namespace.store.dataset import as_column
from namebasis.namespace.store.opening import holds_commit, open_newest

Beside = Mapping[Path, Mapping[str, str]]
"""What a table says of its files besides their label."""
Key = tuple[str, str]
"""The label of an image and the digest of its file: copies of it have the same."""


def known_in(uri: Path, column: str) -> set[Key]:
    """Labels and digests of the pictures that were added and have a vector in a column."""
    if not holds_commit(uri):
        return set()
    rows = _told(uri, ["label", "digest", "is_added"])
    has = has_in(uri, column)
    added = rows.filter(
        rows["is_added"] if has is None else pc.and_(rows["is_added"], pa.array(has))
    )
    return set(zip(added["label"].to_pylist(), added["digest"].to_pylist(), strict=True))


def seen_in(uri: Path, other: Encoder | None) -> Seen:
    """As `known_in`, where there may be millions."""
    seen = Seen()
    if not holds_commit(uri):
        return seen
    has = has_in(uri, column_of(other).name)
    start = 0
    asked = ["label", "digest", "is_added"]
    for rows in told_of(uri, asked):
        counts = rows["is_added"]
        if has is not None:
            counts = pc.and_(counts, pa.array(has[start : start + len(rows)]))
        start += len(rows)
        added = rows.filter(counts)
        keys = zip(added["label"].to_pylist(), added["digest"].to_pylist(), strict=True)
        seen.note(keys_of(keys, len(added)))
    return seen


def measured_in(uri: Path, column: str) -> dict[str, bool]:
    """Digests of stored pictures that may still be added; whether each has a vector in a column.

    Those that a report measured and nobody added, and those that have vectors by others alone.
    """
    if not holds_commit(uri):
        return {}
    rows = _told(uri, ["digest", "is_added"])
    only = ~np.asarray(rows["is_added"])
    has = has_in(uri, column)
    if has is None:
        if not only.any():
            return {}
        has = np.concatenate([np.asarray(block) for block in has_vector(open_newest(uri))])
    else:
        only |= ~has
    digests = np.array(rows["digest"].to_pylist(), dtype=object)
    return dict(zip(digests[only].tolist(), has[only].tolist(), strict=True))


def _told(uri: Path, columns: Sequence[str]) -> pa.Table:
    """Columns of all pictures, with defaults for those that an older store lacks."""
    dataset = open_newest(uri)
    held = [name for name in columns if name in dataset.schema.names]
    return filled(dataset.to_table(columns=held), columns)


def rows_of(
    paths: Sequence[str],
    keys: Sequence[Key],
    vectors: FloatArray | None = None,
    *,
    may_be_painted: bool = True,
    column: pa.Field | None = None,
    beside: Beside | None = None,
) -> pa.Table:
    """Rows of pictures that are added; a painted file says of itself what it was made of."""
    about = [
        provenance_of(
            read_about(Path(path), whole=False)
            if may_be_painted and path.endswith(".png")
            else None
        )
        for path in paths
    ]
    columns = {
        "path": [lasting(in_utf8(path)) for path in paths],
        "label": [label for label, _ in keys],
        "digest": [digest for _, digest in keys],
        "is_added": [True] * len(keys),
        **_beside(paths, beside or {}),
        **{name: [row[name] for row in about] for name in (about[0] if about else ())},
    }
    kinds = {one.name: one.type for one in (*KEYS, *ABOUT)}
    made = {name: pa.array(values, kinds[name]) for name, values in columns.items()}
    table = pa.table(made)
    if vectors is None:
        return table
    values = as_column(vectors)
    is_own = column is None or column.name == VECTOR
    return table.append_column(pa.field(VECTOR, values.type) if is_own else column, values)


def _beside(paths: Sequence[str], beside: Beside) -> dict[str, list[str | None]]:
    """Columns `url` and `caption` of pictures, where their table has them."""
    told = [beside.get(Path(path), {}) for path in paths]
    return {
        key: [one.get(key) for one in told] for key in BESIDE if any(key in one for one in told)
    }


def lasting(path: str) -> str:
    """A path that leads to the file from any folder; an address stays as it is."""
    return path if ":/" in path else os.path.abspath(path)
