"""Rows of pictures that a store is to hold, wherever they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from namebasis.checks import IntArray
from namebasis.namespace.pictures.schema import STAGED
from namebasis.namespace.store.dataset import BLOCK_ROWS
from namebasis.namespace.store.engine_errors import reading

Truths = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Incoming:
    """Rows of pictures that a store is to hold.

    Attributes
    ----------
    schema : Schema
        `label`, `digest`, and any other columns of a store.
    batches : callable
        Given columns, walks them, some thousand rows at a time and always in the same order.
    take : callable
        Given numbers of rows, ascending, and columns.
    """

    schema: pa.Schema
    batches: Callable[[Sequence[str]], Iterator[pa.RecordBatch]]
    take: Callable[[IntArray, Sequence[str]], pa.Table]


def incoming_of(table: pa.Table) -> Incoming:
    """Rows that are in memory."""

    def batches(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        return iter(table.select(list(columns)).to_batches(max_chunksize=BLOCK_ROWS))

    return Incoming(
        table.schema, batches, lambda rows, names: table.select(list(names)).take(pa.array(rows))
    )


def incoming_from(dataset: Any, uri: Path) -> Incoming:
    """Rows of another store of pictures, or of another version of one."""
    kept = [one for one in dataset.schema if not one.name.startswith(STAGED)]

    def batches(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with reading(uri):
            yield from dataset.scanner(
                columns=list(columns), batch_size=BLOCK_ROWS, batch_readahead=2, scan_in_order=True
            ).to_batches()

    def take(rows: IntArray, columns: Sequence[str]) -> pa.Table:
        with reading(uri):
            return dataset.take(pa.array(rows), columns=list(columns))

    return Incoming(pa.schema(kept), batches, take)


def as_measured(rows: Incoming, mask: Truths) -> Incoming:
    """Some of the rows, as pictures that were only measured."""

    def batches(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        start = 0
        for batch in rows.batches(columns):
            yield unmarked(batch.filter(pa.array(mask[start : start + len(batch)])))
            start += len(batch)

    def unmarked(rows: Any) -> Any:
        at = rows.schema.get_field_index("is_added")
        nothing = pa.array(np.zeros(len(rows), bool))
        return rows if at < 0 else rows.set_column(at, rows.schema.field(at), nothing)

    numbers = np.flatnonzero(mask)
    return Incoming(
        rows.schema, batches, lambda asked, names: unmarked(rows.take(numbers[asked], names))
    )
