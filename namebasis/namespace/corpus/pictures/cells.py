"""Whose are the pictures inside Parquet files, as Hugging Face's data sets store them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from namebasis.encoders.image_files import ImageFailure
from namebasis.encoders.picture_rows import image_column
from namebasis.errors import EncoderError
from namebasis.namespace.corpus.pictures.tables import (
    BESIDE,
    NAME_COLUMNS,
    PATH_COLUMNS,
    beside_of,
    is_utf8,
)
from namebasis.reading import UnreadableError, parse_json


def holds_pictures(table: Path) -> bool:
    """Whether a file is a Parquet file of pictures, not of paths to them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if table.suffix.lower() != ".parquet" or not table.is_file():
        return False
    try:
        schema = pq.read_schema(table)
    except (pa.ArrowException, OSError):
        return False
    column = image_column(schema)
    others = {name.lower() for name in schema.names if name != column}
    return column is not None and not others & set(PATH_COLUMNS)


def tables_in(folder: Path) -> list[Path]:
    """Parquet files of pictures in a folder and below it."""
    found = [
        Path(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(".parquet") and not name.startswith(".")
    ]
    return sorted(path for path in found if holds_pictures(path))


@dataclass(frozen=True)
class CellPictures:
    """The pictures of a Parquet file.

    Attributes
    ----------
    pairs : list of (Path, str)
        Place and name of each row's picture.
    lost : list of ImageFailure
        Rows without a name.
    note : str
        How names were read.
    beside : dict
        `url` and `caption` of pictures by their places, where the file has such columns.
    """

    pairs: list[tuple[Path, str]]
    lost: list[ImageFailure]
    note: str
    beside: dict[Path, dict[str, str]]


def pictures_of(table: Path) -> CellPictures:
    """Read whose the pictures of a Parquet file are.

    Raises
    ------
    EncoderError
        If no column holds names, or one that does holds numbers without names of classes.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(table)
    lower = {name.strip().lower(): name for name in reversed(schema.names)}
    column = next((lower[name] for name in NAME_COLUMNS if name in lower), None)
    if column is None:
        raise EncoderError(
            f"{table}: has pictures in column {image_column(schema)!r} and no column of names "
            f"(name, label …); its columns are {', '.join(schema.names)}."
        )
    try:
        kept = [lower[name] for name in BESIDE if name in lower]
        rows = pq.read_table(table, columns=list(dict.fromkeys([column, *kept]))).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise EncoderError(f"{table}: cannot be read as Parquet ({error}).") from None
    classes = None
    if pa.types.is_integer(schema.field(column).type):
        classes = _classes(schema, column)
        if not classes:
            raise EncoderError(
                f"{table}: column {column!r} holds numbers, and the file does not say which names "
                "they stand for (Hugging Face's ClassLabel); give a column of names."
            )
    found: list[tuple[Path, str]] = []
    lost: list[ImageFailure] = []
    beside: dict[Path, dict[str, str]] = {}
    for at, row in enumerate(rows):
        place, name = Path(f"{table}#{at}"), _name(row[column], classes)
        if name:
            found.append((place, name))
            beside[place] = beside_of(row)
        else:
            lost.append(ImageFailure(str(place), "its row has no name"))
    how = " by the file's list of classes" if classes else ""
    note = f"{table.name}: column {column!r} names its pictures{how}"
    return CellPictures(found, lost, note, beside)


def _name(cell: object, classes: list[str] | None) -> str:
    if classes is not None:
        return classes[cell].strip() if isinstance(cell, int) and 0 <= cell < len(classes) else ""
    return cell.strip() if isinstance(cell, str) and is_utf8(cell) else ""


def _classes(schema: Any, column: str) -> list[str]:
    """Names of a column's classes that Hugging Face's data sets write beside it."""
    told = (schema.metadata or {}).get(b"huggingface")
    try:
        known = parse_json(told.decode(), "features") if told else {}
        names = known["info"]["features"][column]["names"]
    except (UnreadableError, UnicodeDecodeError, KeyError, TypeError):
        return []
    return [str(name) for name in names] if isinstance(names, list) else []
