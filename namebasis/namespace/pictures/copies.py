"""Pictures that stand under several names: usually two people in one, or a wrong label."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from namebasis.namespace.corpus.image_labels import Find, find_labels
from namebasis.namespace.pictures.schema import filled
from namebasis.namespace.store.engine_errors import reading
from namebasis.namespace.store.opening import holds_commit
from namebasis.namespace.store.places import for_lance


def n_pictures(uri: Path) -> int:
    """How many rows a store of pictures has."""
    import lance

    if not holds_commit(uri):
        return 0
    with reading(uri):
        n_rows: int = lance.dataset(for_lance(uri)).count_rows()
    return n_rows


def under_several_names(uri: Path, find: Find, first: int) -> list[str]:
    """Say how many of the pictures from a row on are also under another name.

    Parameters
    ----------
    uri : Path
        The store.
    find : callable
        Rows of stored names by their spelling, None for others.
    first : int
        The row that the newest pictures begin with.
    """
    if n_pictures(uri) <= first:
        return []
    told = _scan(uri, ["digest", "label", "is_added"])
    told = told.filter(pc.is_in(told["digest"], told["digest"].slice(first).unique()))
    counts = told.group_by("digest").aggregate([("label", "count_distinct")])
    several = counts.filter(pc.greater(counts["label_count_distinct"], 1))["digest"]
    if not len(several):
        return []
    rows = _scan(uri, ["digest", "label", "is_added", "path"])
    rows = rows.filter(pc.and_(rows["is_added"], pc.is_in(rows["digest"], several)))
    owners = find_labels(rows["label"].to_pylist(), find)
    found: dict[str, dict[object, str]] = {}
    for row in rows.to_pylist():
        owner = owners[row["label"]]
        named = f"{row['path']} as {row['label']}"
        found.setdefault(row["digest"], {}).setdefault(
            row["label"] if owner is None else owner, named
        )
    shared = [list(named.values()) for named in found.values() if len(named) > 1]
    if not shared:
        return []
    pictures = "picture is" if len(shared) == 1 else "pictures are"
    return [
        f"{len(shared):,} {pictures} under several names (such as {' and '.join(shared[0][:2])}); "
        "each of the names counts it"
    ]


def _scan(uri: Path, columns: list[str]) -> pa.Table:
    import lance

    with reading(uri):
        dataset = lance.dataset(for_lance(uri))
        held = [name for name in columns if name in dataset.schema.names]
        return filled(dataset.scanner(columns=held, scan_in_order=True).to_table(), columns)
