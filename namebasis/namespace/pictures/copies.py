"""Pictures that stand under several names: usually two people in one, or a wrong label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.namespace.corpus.image_labels import Find, find_labels
from namebasis.namespace.corpus.pictures.keys import KeyArray, keys_of
from namebasis.namespace.pictures.schema import filled
from namebasis.namespace.store.dataset import BLOCK_ROWS
from namebasis.namespace.store.engine_errors import reading
from namebasis.namespace.store.opening import holds_commit, open_newest


def n_pictures(uri: Path) -> int:
    """How many rows a store of pictures has."""
    if not holds_commit(uri):
        return 0
    with reading(uri):
        n_rows: int = open_newest(uri).count_rows()
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
    several = _several(uri, first)
    if not len(several):
        return []
    blocks = []
    for block in told_of(uri, ["digest", "label", "is_added", "path"]):
        is_several = pa.array(np.isin(_hashes(block, "digest"), several))
        blocks.append(block.filter(pc.and_(block["is_added"], is_several)))
    rows = pa.concat_tables(blocks)
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


def _several(uri: Path, first: int) -> KeyArray:
    """Hashes of the digests that rows from `first` on have, and that stand under several labels."""
    blocks = [
        (_hashes(block, "digest"), _hashes(block, "label"))
        for block in told_of(uri, ["digest", "label"])
    ]
    digests, labels = (np.concatenate(side) for side in zip(*blocks, strict=True))
    mine = np.isin(digests, digests[first:])
    digests, labels = digests[mine], labels[mine]
    order = np.lexsort((labels, digests))
    digests, labels = digests[order], labels[order]
    differs = (digests[1:] == digests[:-1]) & (labels[1:] != labels[:-1])
    return np.unique(digests[1:][differs])


def _hashes(rows: pa.Table, column: str) -> KeyArray:
    return keys_of(rows[column].to_pylist(), len(rows))


def told_of(uri: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Columns of a store's pictures, some thousand rows at a time, as `schema.filled` has them."""
    with reading(uri):
        dataset = open_newest(uri)
        held = [name for name in columns if name in dataset.schema.names]
        for batch in dataset.scanner(
            columns=held, batch_size=BLOCK_ROWS, batch_readahead=2, scan_in_order=True
        ).to_batches():
            yield filled(batch, columns)
