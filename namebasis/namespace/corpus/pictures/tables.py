"""Tables that list pictures: which column holds their paths and which their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from namebasis.encoders.picture_rows import holds_images
from namebasis.errors import EncoderError
from namebasis.namespace.corpus.files.dialects import best_separator
from namebasis.reading import LARGE, UnreadableError, parse_json, read_table, read_text

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
"""Endings of tables that list images."""
PATH_COLUMNS = ("file_name", "path", "file", "filename", "image_path", "image", "img", "filepath")
SURE_COLUMNS = ("name", "label", "person", "identity", "celebrity", "full_name", "class")
"""Columns that say whose a picture is."""
CAPTION_COLUMNS = ("text", "caption", "txt")
"""Columns that say something about a picture, which may be a name."""
NAME_COLUMNS = (*SURE_COLUMNS, *CAPTION_COLUMNS)
BESIDE = ("url", "caption")
"""Columns that are kept with a picture as they are."""
_SAMPLE = 50


def is_utf8(text: str) -> bool:
    """Whether a text has no half characters, as Python makes of a name that is not UTF-8."""
    return in_utf8(text) == text


def in_utf8(text: str) -> str:
    """A text with half characters written out, as \\udcff."""
    return text.encode("utf-8", "backslashreplace").decode()


def read_rows(table: Path) -> list[Mapping[str, Any]]:
    try:
        suffix = table.suffix.lower()
        if suffix == ".parquet":
            return _parquet_rows(table)
        if suffix in (".jsonl", ".ndjson"):
            lines = read_text(table, LARGE).splitlines()
            rows = [parse_json(line, table) for line in lines if line.strip()]
        else:
            read = read_table(table, "\t" if suffix == ".tsv" else _separator(table))
            rows = [cells for _, cells in read.rows]
    except UnreadableError as error:
        raise EncoderError(f"{error}") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise EncoderError(f"{table}: must hold one object per image, with file_name and name.")
    return rows


def _separator(table: Path) -> str:
    """What separates a table's cells: most write commas, spreadsheets semicolons as well."""
    head = [line for line in read_text(table, LARGE).splitlines()[:_SAMPLE] if line.strip()]
    return best_separator(head)[0] or ","


def _parquet_rows(table: Path) -> list[Mapping[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = pq.read_table(table)
    except (pa.ArrowException, OSError) as error:
        raise EncoderError(f"{table}: cannot be read as Parquet ({error}).") from None
    held = [field.name for field in found.schema if holds_images(field.type)]
    others = {name.lower() for name in found.column_names if name not in held}
    if held and not others & set(PATH_COLUMNS):
        raise EncoderError(
            f"{table}: column {held[0]!r} holds images, not paths, so no vectors "
            "go with it; write them to NAME/1.jpg first."
        )
    plain = [field.name for field in found.schema if not pa.types.is_nested(field.type)]
    rows: list[Mapping[str, Any]] = found.select(plain).to_pylist()
    return rows


def beside_of(row: Mapping[str, Any]) -> dict[str, str]:
    """What a row says of its picture that is kept with it: `url` and `caption`."""
    lower = {key.strip().lower(): value for key, value in row.items() if isinstance(key, str)}
    found = {key: lower.get(key) for key in BESIDE}
    return {
        key: in_utf8(value.strip())
        for key, value in found.items()
        if isinstance(value, str) and value.strip()
    }


def columns_of(
    rows: Sequence[Mapping[str, Any]], table: Path, *, required: bool
) -> tuple[str, str] | None:
    """The columns of paths and of names."""
    there = list(rows[0]) if rows else []
    lower = {column.strip().lower(): column for column in reversed(there)}
    path = next((lower[name] for name in PATH_COLUMNS if name in lower), None)
    path = path or next((lower[name] for name in lower if name.endswith("_file_name")), None)
    name = next((lower[name] for name in NAME_COLUMNS if name in lower), None)
    if path is not None and name is not None:
        return path, name
    if not required:
        return None
    if not rows:
        raise EncoderError(f"{table}: lists no picture; it has no rows.")
    lacks = "paths (file_name, path …)" if path is None else "names (name, label …)"
    listed = ", ".join(map(str, there)) or "none"
    raise EncoderError(f"{table}: has no column of {lacks}; its columns are {listed}.")


def pairs_of(
    rows: Sequence[Mapping[str, Any]], columns: tuple[str, str], folder: Path
) -> Iterator[tuple[Path, str] | None]:
    """Path and name of every row; None where it has no path."""
    for row in rows:
        path, name = row.get(columns[0]), row.get(columns[1])
        is_path = isinstance(path, str) and bool(path) and "\0" not in path and is_utf8(path)
        label = name.strip() if isinstance(name, str) and is_utf8(name) else ""
        yield (_place(folder, str(path)), label) if is_path else None


def _place(folder: Path, path: str) -> Path:
    """A path of a table, which another system may have written."""
    place = folder / path
    is_foreign = "\\" in path and not place.exists()
    return folder / path.replace("\\", "/") if is_foreign else place
