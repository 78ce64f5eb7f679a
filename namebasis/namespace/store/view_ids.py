"""Which writing of a view's vectors one reads: a random id, committed with the column."""

from __future__ import annotations

import uuid

import pyarrow as pa

VIEW_ID_KEY = "namebasis.view_id"
"""In a view's field metadata: random, another one with every writing of the column."""
FIT_KEY = "namebasis.fit"
"""In a view's field metadata: the file of the fit that made it."""


def new_view_id() -> dict[str, str]:
    """Field metadata for a vector column that is about to be written."""
    return {VIEW_ID_KEY: uuid.uuid4().hex}


def view_id(schema: pa.Schema, view: str, build_id: str) -> str:
    """Tell apart every writing of a view; together with the number of rows, its vectors.

    Rows are only ever appended to a view, so the first n rows of one id never change. Spaces of
    earlier versions have no ids; there the build tells, and the fit where the view comes of one.
    """
    metadata = schema.field(view).metadata or {}
    if VIEW_ID_KEY.encode() in metadata:
        return str(metadata[VIEW_ID_KEY.encode()].decode())
    fit = metadata.get(FIT_KEY.encode(), b"").decode()
    return f"{build_id} {fit}" if fit else build_id
