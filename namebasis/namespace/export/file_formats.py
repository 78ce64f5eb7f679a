"""Tables of names as files: lines, cells, JSON, Parquet, arrays and data set folders."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_BATCH = 8192
_FORMULA = r"(?s)^[=+\-@\t\r]."
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_SHARD_BYTES = 500_000_000
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))


def write_cells(table: pa.Table, stream: TextIO, delimiter: str) -> None:
    """Write a header and a row of cells per row; lists are joined by ``|``, nulls are empty."""
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    writer.writerow(table.column_names)
    for batch in table.to_batches(_BATCH):
        writer.writerows(zip(*(_cells(column) for column in batch.columns), strict=True))


def formula_note(table: pa.Table) -> str | None:
    """What is to be said of texts that a spreadsheet would run as formulas; None without any.

    They are written as they are all the same: a file of data holds what the space holds, and
    `build` reads the same names from it.
    """
    texts: list[str] = []
    for column in table.columns:
        if pa.types.is_list(column.type) and pa.types.is_string(column.type.value_type):
            column = pc.binary_join(column, "|")
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            found = pc.filter(column, pc.match_substring_regex(column, _FORMULA))
            texts += [text for text in found.to_pylist() if text and not _NUMBER.fullmatch(text)]
    if not texts:
        return None
    n_texts = "1 text begins" if len(texts) == 1 else f"{len(texts):,} texts begin"
    return (
        f"{n_texts} as a formula does, such as {texts[0]!r}: a spreadsheet may run them. Import "
        "the columns as text there, or take json or parquet."
    )


def write_json(table: pa.Table, stream: TextIO) -> None:
    """Write a list of objects, one a line; NaN becomes null."""
    separator = "[\n"
    for line in _json_lines(table):
        stream.write(separator + line)
        separator = ",\n"
    stream.write("\n]\n")


def write_jsonl(table: pa.Table, stream: TextIO) -> None:
    """Write an object a line; NaN becomes null."""
    for line in _json_lines(table):
        stream.write(line + "\n")


def write_parquet(table: pa.Table, stream: BinaryIO) -> None:
    """Write a Parquet file; the schema's metadata goes with it."""
    pq.write_table(table, stream, compression="zstd")


def write_npy(table: pa.Table, stream: BinaryIO) -> None:
    """Write the table's one column of vectors as a float32 array of shape (n, dim)."""
    column = table.column(0).combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0)
    vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(table), -1)
    np.save(stream, vectors.astype(np.float32, copy=False), allow_pickle=False)


def write_dataset(table: pa.Table, folder: Path, title: str, facts: Mapping[str, object]) -> None:
    """Write Parquet shards and a card that `datasets.load_dataset(folder)` reads."""
    (folder / "data").mkdir(parents=True)
    n_shards = max(1, math.ceil(table.nbytes / _SHARD_BYTES))
    rows = math.ceil(len(table) / n_shards)
    n_shards = math.ceil(len(table) / rows)
    for shard in range(n_shards):
        name = f"train-{shard:05d}-of-{n_shards:05d}.parquet"
        with (folder / "data" / name).open("wb") as stream:
            write_parquet(table.slice(shard * rows, rows), stream)
    card = _card(table, title, facts)
    (folder / "README.md").write_text(card, encoding="utf-8", newline="\n")


def is_dataset(folder: Path) -> bool:
    """Whether a folder holds nothing but what `write_dataset` writes."""
    inside = {entry.name for entry in folder.iterdir()}
    shards = (folder / "data").glob("*") if "data" in inside else ()
    return inside == {"README.md", "data"} and all(shard.suffix == ".parquet" for shard in shards)


def _card(table: pa.Table, title: str, facts: Mapping[str, object]) -> str:
    size = next((label for limit, label in _SIZES if len(table) < limit), "n>1M")
    head = (
        "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n"
        f"    path: data/train-*.parquet\nsize_categories:\n- {size}\ntags:\n- names\n---\n\n"
    )
    told = "".join(f"- {what}: `{_inline(value)}`\n" for what, value in facts.items())
    columns = "".join(f"| `{field.name}` | {field.type} |\n" for field in table.schema)
    return (
        f"{head}# {title}\n\n{len(table):,} names, exported from a name space by namebasis.\n\n"
        f"{told}\n| column | type |\n|---|---|\n{columns}"
    )


def _inline(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text.replace("`", "'").split())


def _json_lines(table: pa.Table) -> Iterator[str]:
    names = table.column_names
    for batch in table.to_batches(_BATCH):
        for row in zip(*(_values(column) for column in batch.columns), strict=True):
            record = dict(zip(names, row, strict=True))
            yield json.dumps(record, ensure_ascii=False, allow_nan=False, default=str)


def _values(column: pa.Array) -> list[object]:
    if pa.types.is_floating(column.type):
        # Through text, a float32 keeps its short form: 0.1, not 0.10000000149011612.
        texts = pc.cast(column, pa.string()).to_pylist()
        numbers = [None if text is None else float(text) for text in texts]
        return [n if n is not None and math.isfinite(n) else None for n in numbers]
    values: list[object] = column.to_pylist()
    return values


def _cells(column: pa.Array) -> list[str]:
    kind = column.type
    if pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        return ["|".join(filter(None, items or ())) for items in column.to_pylist()]
    if pa.types.is_nested(kind):
        return [
            "" if value is None else json.dumps(value, ensure_ascii=False, default=str)
            for value in column.to_pylist()
        ]
    return [text or "" for text in pc.cast(column, pa.string()).to_pylist()]
