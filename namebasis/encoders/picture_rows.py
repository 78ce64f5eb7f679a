"""Pictures inside Parquet files, a row each, as Hugging Face's data sets store them.

The path of such a picture is that of the file with the row's number: ``train.parquet#12``.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from namebasis.reading import LARGE, UnreadableError

_PLACE = re.compile(r"(.+\.parquet)#(\d{1,12})", re.IGNORECASE | re.DOTALL)
_OPEN_GROUPS = 4


def split_row(path: Path) -> tuple[Path, int] | None:
    """A Parquet file and the number of a row in it; None for any other path."""
    found = _PLACE.fullmatch(str(path))
    return None if found is None else (Path(found[1]), int(found[2]))


def image_column(schema: Any) -> str | None:
    """The first column that holds images: bytes, or Hugging Face's image (bytes and a path)."""
    return next((field.name for field in schema if holds_images(field.type)), None)


def holds_images(kind: Any) -> bool:
    """Whether a column's type is bytes, or Hugging Face's image: bytes beside a path."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return any(kind.field(at).name == "bytes" for at in range(kind.num_fields))
    layouts = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    return any(is_layout(kind) for is_layout in layouts)


def is_row(table: Path, row: int) -> bool:
    """Whether a Parquet file of images is there and has a row."""
    try:
        return table.is_file() and 0 <= row < _facts(table, *_stamp(table))[0][-1]
    except UnreadableError:
        return False


def read_row(table: Path, row: int) -> bytes:
    """Read the picture of a row.

    Raises
    ------
    UnreadableError
        If the file cannot be read, has no such row, or the row holds no picture.
    """
    import pyarrow as pa

    place = Path(f"{table}#{row}")
    ends, column = _facts(table, *_stamp(table))
    group = next((at for at, end in enumerate(ends) if row < end), None)
    if group is None:
        raise UnreadableError(place, f"the file has {ends[-1]:,} rows", is_missing=True)
    try:
        cells = _group(table, *_stamp(table), group, column)
        cell = cells[row - (ends[group - 1] if group else 0)].as_py()
    except (pa.ArrowException, OSError) as error:
        raise UnreadableError(place, f"it cannot be read as Parquet ({error})") from None
    data = cell.get("bytes") if isinstance(cell, dict) else cell
    if not data:
        raise UnreadableError(place, "its row holds no bytes of a picture")
    if len(data) > LARGE:
        raise UnreadableError(place, f"it holds {len(data):,} bytes; at most {LARGE:,} are read")
    return bytes(data)


def _stamp(table: Path) -> tuple[int, int]:
    try:
        facts = os.stat(table)
    except OSError as error:
        raise UnreadableError(table, str(error.strerror), is_missing=True) from None
    return facts.st_mtime_ns, facts.st_size


@lru_cache(64)
def _facts(table: Path, _: int, __: int) -> tuple[list[int], str]:
    """Where the row groups of a file end, and its column of images."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(table) as file:
            facts = file.metadata
            column = image_column(file.schema_arrow)
            sizes = [facts.row_group(at).num_rows for at in range(facts.num_row_groups)]
    except (pa.ArrowException, OSError) as error:
        raise UnreadableError(table, f"it cannot be read as Parquet ({error})") from None
    if column is None:
        raise UnreadableError(table, "it has no column of images")
    ends = [sum(sizes[: at + 1]) for at in range(len(sizes))]
    return ends or [0], column


@lru_cache(_OPEN_GROUPS)
def _group(table: Path, _: int, __: int, group: int, column: str) -> Any:
    import pyarrow.parquet as pq

    with pq.ParquetFile(table) as file:
        return file.read_row_group(group, columns=[column])[column]
