"""The pictures nearest to a target as one page, with the pictures in it."""

from __future__ import annotations

from typing import Any

from namebasis.encoders.thumbnails import thumbnails
from namebasis.namespace.search.picture_hits import NearestPictures
from namebasis.report.page import render

MOST = 240
"""Pictures that a page holds, at most 11 KB each."""


def html_of(found: NearestPictures) -> str:
    """One HTML document that asks no host."""
    left = MOST
    parts: list[dict[str, Any]] = []
    for query, rows in found.split():
        shown = rows.slice(0, left).to_pylist()
        left -= len(shown)
        uris = thumbnails([row["path"] for row in shown])
        pictures = [row | {"uri": uri} for row, uri in zip(shown, uris, strict=True)]
        parts.append({"query": query, "pictures": pictures, "n_left": len(rows) - len(shown)})
    way = "farthest from" if found.farthest else "nearest to"
    asked = f"{len(found.queries)} targets" if found.is_many else found.queries[0]
    return render(
        "nearest_pictures", title=f"Pictures {way} {asked}", headline=found.headline(),
        parts=parts, is_many=found.is_many, more=found.columns.column_names[4:],
        remarks=found.notes(),
    )  # fmt: skip
