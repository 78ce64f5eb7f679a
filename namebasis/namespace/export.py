"""Write a subset of the names to a file that other tools read."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa

from namebasis.errors import SpaceError

if TYPE_CHECKING:
    from namebasis.namespace.space import Space

log = logging.getLogger(__name__)

_INTERNAL = ("name_folded",)
_NESTED = ("births",)
"""Left out of flat files unless asked for by name."""


@dataclass(frozen=True)
class ExportResult:
    """What `export` wrote.

    Attributes
    ----------
    path : str
        "-" for stdout.
    format : str
    n_rows : int
    """

    path: str
    format: str
    n_rows: int


def export(
    space: Space,
    path: str | Path,
    *,
    columns: Sequence[str] | None = None,
    where: str | None = None,
    order_by: str | None = None,
    limit: int | None = None,
    format: str | None = None,
    overwrite: bool = False,
) -> ExportResult:
    """Write the names that `where` accepts.

    Parameters
    ----------
    space : Space
    path : str or Path
        A file; "-" writes to stdout.
    columns : sequence of str, optional
        All of them by default, but for vectors. A view's name ("text") adds its vectors to json,
        jsonl and parquet.
    where : str, optional
        One boolean SQL expression over the columns.
    order_by : str, optional
        A column, or "column desc".
    limit : int, optional
    format : str, optional
        txt (names alone, one a line), csv, tsv, json, jsonl or parquet; by default as the file's
        suffix says, txt for stdout.
    overwrite : bool
        Replace a file that is there.

    Returns
    -------
    ExportResult

    Raises
    ------
    FilterError
        If `where` is refused.
    SpaceError
        If no name is left, or the file cannot be written or is there already.
    ValueError
        If the format or a column is unknown.
    """
    kind = _choose_format(str(path), format)
    wanted = _choose_columns(space, columns, flat=kind in ("txt", "csv", "tsv"))
    if str(path) != "-":
        _check_place(Path(path), overwrite)
    read = ["name"] if kind == "txt" else wanted
    rows = space.table(read, where=where, order_by=order_by, limit=limit)
    if not len(rows):
        raise SpaceError(f"{space.path}: no name is left to export; nothing was written.")
    with _replacing(str(path)) as stream:
        _WRITERS[kind](rows, stream)
    return ExportResult(str(path), kind, len(rows))


def _choose_format(path: str, given: str | None) -> str:
    kind = given or ("txt" if path == "-" else Path(path).suffix.lstrip(".").lower())
    if kind not in _WRITERS:
        said = f"format {given!r}" if given else f"the suffix of {path!r}"
        raise ValueError(f"{said} is not one of: {', '.join(_WRITERS)}. Choose one with format.")
    return kind


def _choose_columns(space: Space, columns: Sequence[str] | None, *, flat: bool) -> list[str]:
    if columns is None:
        left_out = {*_INTERNAL, *(_NESTED if flat else ())}
        return [column for column in space.columns if column not in left_out]
    there = [*space.columns, *space.views]
    unknown = [column for column in columns if column not in there]
    if unknown or not columns:
        raise ValueError(
            f"no column {', '.join(unknown) or 'given'}; there are: {', '.join(there)}."
        )
    if flat and set(columns) & set(space.views):
        raise ValueError("vectors do not fit into lines; export views to parquet, json or jsonl.")
    return list(columns)


def _check_place(path: Path, overwrite: bool) -> None:
    if not path.parent.is_dir():
        raise SpaceError(f"{path}: there is no folder {path.parent}.")
    if path.is_dir():
        raise SpaceError(f"{path}: there is a folder of that name.")
    if path.exists() and not overwrite:
        raise SpaceError(f"{path} is there already; choose another file, or overwrite it.")


@contextmanager
def _replacing(path: str) -> Iterator[IO[bytes]]:
    """A stream whose bytes appear at `path` only when all are written."""
    if path == "-":
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        # mkstemp's file is the owner's alone; a file that a user asked for follows the umask.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _write_txt(rows: pa.Table, stream: IO[bytes]) -> None:
    stream.write("".join(f"{name}\n" for name in rows["name"].to_pylist()).encode())


def _write_separated(separator: str) -> Callable[[pa.Table, IO[bytes]], None]:
    def write(rows: pa.Table, stream: IO[bytes]) -> None:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        writer = csv.writer(text, delimiter=separator, lineterminator="\n")
        writer.writerow(rows.column_names)
        for batch in rows.to_batches(max_chunksize=8192):
            columns = [column.to_pylist() for column in batch.columns]
            writer.writerows([_flat(value) for value in row] for row in zip(*columns, strict=True))
        text.detach()

    return write


def _flat(value: Any) -> Any:
    """A cell of a flat file: lists joined by "|", as the corpus reader splits them."""
    if isinstance(value, list):
        if any(isinstance(item, dict) for item in value):
            return json.dumps(value, ensure_ascii=False)
        return "|".join(str(item) for item in value)
    return value


def _write_json(rows: pa.Table, stream: IO[bytes]) -> None:
    for position, line in enumerate(_json_lines(rows)):
        stream.write((b"[\n" if position == 0 else b",\n") + line)
    stream.write(b"\n]\n")


def _write_jsonl(rows: pa.Table, stream: IO[bytes]) -> None:
    for line in _json_lines(rows):
        stream.write(line + b"\n")


def _json_lines(rows: pa.Table) -> Iterator[bytes]:
    for batch in rows.to_batches(max_chunksize=8192):
        for row in batch.to_pylist():
            known = {key: None if value != value else value for key, value in row.items()}
            yield json.dumps(known, ensure_ascii=False, allow_nan=False).encode()


def _write_parquet(rows: pa.Table, stream: IO[bytes]) -> None:
    import pyarrow.parquet as pq

    pq.write_table(rows, stream)


_WRITERS: dict[str, Callable[[pa.Table, IO[bytes]], None]] = {
    "txt": _write_txt,
    "csv": _write_separated(","),
    "tsv": _write_separated("\t"),
    "json": _write_json,
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
}
