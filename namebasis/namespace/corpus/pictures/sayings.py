"""What files beside pictures say of them: metadata, captions, classes and download records."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from namebasis.encoders.image_archives import archive_of, read_inside
from namebasis.errors import EncoderError
from namebasis.namespace.corpus.pictures.tables import (
    BESIDE,
    CAPTION_COLUMNS,
    SURE_COLUMNS,
    beside_of,
    columns_of,
    is_utf8,
    pairs_of,
    read_rows,
)
from namebasis.reading import SMALL, UnreadableError, parse_json, read_bytes, read_text
from namebasis.wording import counted

METADATA = ("metadata.jsonl", "metadata.csv", "metadata.parquet")
"""What Hugging Face's image folders have beside the images; the last of them wins."""
CLASSES = ("classnames.txt", "classes.txt", "labels.txt")
"""Names of classes, one a line, that the numbers of .cls files count from 0."""
_FIELDS = (".json", ".cls", ".txt")
_LONGEST = 200
_SAMPLE_NAME = re.compile(r"((?:.*/)?[^./]+)\.([^/]*)")


@dataclass(frozen=True)
class Saying:
    """What is said of a picture.

    Attributes
    ----------
    name : str or None
        Whose it is, where something says so in as many words.
    caption : str or None
        A short text about it, which may be a name.
    kept : tuple of (str, str)
        `url` and `caption` in full, which are kept with the picture.
    """

    name: str | None = None
    caption: str | None = None
    kept: tuple[tuple[str, str], ...] = ()


@dataclass
class Said:
    """What is said of the pictures of a source.

    Attributes
    ----------
    of : dict
        Sayings by picture.
    notes : list of str
        How they were read, and what was not.
    """

    of: dict[Path, Saying] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def saying_of(row: Mapping[str, Any]) -> Saying:
    """What an object or a row of a table says, by its keys."""
    lower = {key.strip().lower(): value for key, value in reversed(list(row.items()))}
    name = next((text for key in SURE_COLUMNS if (text := _text(lower.get(key)))), None)
    caption = next((text for key in CAPTION_COLUMNS if (text := _text(lower.get(key)))), None)
    is_short = caption is not None and len(caption) <= _LONGEST
    return Saying(name, caption if is_short else None, tuple(beside_of(row).items()))


def _text(value: object) -> str:
    is_one = isinstance(value, str) and is_utf8(value) and "\n" not in value.strip()
    return str(value).strip() if is_one else ""


# ----------------------------------------------------------------------------------- folders


def said_in_folder(root: Path, files: Sequence[Path]) -> Said:
    """What is said of the images of a folder.

    By ``metadata.*`` in it, as Hugging Face's image folders have it; else by the Parquet file of a
    shard, as img2dataset writes one; else by a ``.json``, ``.cls`` or ``.txt`` of the same name.
    """
    said = Said()
    of_rows = _of_metadata(root)
    if of_rows:
        said.notes.append(
            f"{counted(len(of_rows), 'image has', 'images have')} the names that metadata files "
            "beside them give"
        )
    shards = {file.parent for file in files}
    for shard in sorted(shards):
        of_rows = _of_shard(shard, said.notes) | of_rows
    classes = _classes(root)
    there = _names_beside(shards)
    for file in files:
        if file in of_rows:
            said.of[file] = of_rows[file]
            continue
        fields = {
            suffix: partial(read_text, file.with_suffix(suffix))
            for suffix in _FIELDS
            if file.stem + suffix in there[file.parent]
        }
        if fields and (found := _of_fields(fields, classes)) != Saying():
            said.of[file] = found
    return said


def _names_beside(folders: Iterable[Path]) -> dict[Path, frozenset[str]]:
    return {folder: frozenset(os.listdir(folder)) for folder in folders}


def _of_metadata(root: Path) -> dict[Path, Saying]:
    """Sayings that metadata files in a tree give the images beside them."""
    found: dict[Path, Saying] = {}
    for name in METADATA:
        for table in sorted(root.rglob(name)):
            rows = read_rows(table)
            columns = columns_of(rows, table, required=False)
            if columns is None:
                continue
            is_sure = columns[1].strip().lower() in SURE_COLUMNS
            for row, pair in zip(rows, pairs_of(rows, columns, table.parent), strict=True):
                if pair is not None and pair[1]:
                    kept = tuple(beside_of(row).items())
                    say = Saying(pair[1], None, kept) if is_sure else Saying(None, pair[1], kept)
                    found[pair[0]] = say
    return {file: said for file, said in found.items() if file.is_file()}


def _of_shard(folder: Path, notes: list[str]) -> dict[Path, Saying]:
    """Sayings of img2dataset's record of a shard: a row a download, by its key."""
    record = shard_record(folder.with_name(f"{folder.name}.parquet"), notes)
    return {folder / f"{key}.jpg": said for key, said in record.items()}


def shard_record(table: Path, notes: list[str]) -> dict[str, Saying]:
    """What img2dataset's record of a shard says, by key; what was not downloaded is noted."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not table.is_file():
        return {}
    try:
        schema = pq.read_schema(table)
        if not {"key", "status"} <= set(schema.names):
            return {}
        wanted = ("key", "status", "error_message", *SURE_COLUMNS, *CAPTION_COLUMNS, *BESIDE)
        columns = [name for name in schema.names if name.strip().lower() in wanted]
        rows = pq.read_table(table, columns=columns).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise EncoderError(f"{table}: cannot be read as Parquet ({error}).") from None
    lost = Counter(str(row["status"]) for row in rows if row["status"] != "success")
    notes.extend(
        f"{table.name}: {count:,} of {len(rows):,} pictures were not downloaded ({status})"
        for status, count in sorted(lost.items())
    )
    return {str(row["key"]): saying_of(row) for row in rows if row["status"] == "success"}


# ---------------------------------------------------------------------------------- archives


def said_in_archive(archive: Path, files: Sequence[Path]) -> Said:
    """What the files of a webdataset's sample say of its images.

    A sample is what begins alike up to the first full stop: ``0012.jpg``, ``0012.json``,
    ``0012.txt``, ``0012.cls``.
    """
    samples: dict[str, dict[str, Callable[[], str]]] = defaultdict(dict)
    for name in archive_of(archive).members:
        suffix = "." + name.rpartition(".")[2].lower()
        if suffix in _FIELDS and (key := sample_key(name)) is not None:
            samples[key][suffix] = partial(_inside, archive, name)
    classes = _classes(archive.parent)
    said = Said()
    shard_record(archive.with_suffix(".parquet"), said.notes)
    for file in files:
        key = sample_key(file.relative_to(archive).as_posix())
        if key in samples and (found := _of_fields(samples[key], classes)) != Saying():
            said.of[file] = found
    return said


def sample_key(name: str) -> str | None:
    """What a file of a webdataset shares with those of the same sample; None for none."""
    found = _SAMPLE_NAME.fullmatch(name)
    return None if found is None else found[1]


def _inside(archive: Path, name: str) -> str:
    content = read_inside(archive, name, SMALL)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError(archive / name, "it is not UTF-8") from None


# ------------------------------------------------------------------------------------ fields


def _of_fields(fields: Mapping[str, Callable[[], str]], classes: Sequence[str]) -> Saying:
    """What the .json, .cls and .txt of an image say; what cannot be read says nothing."""
    told = [_of_field(suffix, fields[suffix], classes) for suffix in _FIELDS if suffix in fields]
    name = next((one.name for one in told if one.name), None)
    caption = next((one.caption for one in told if one.caption), None)
    kept = {key: value for one in reversed(told) for key, value in one.kept}
    return Saying(name, caption, tuple(kept.items()))


def _of_field(suffix: str, read: Callable[[], str], classes: Sequence[str]) -> Saying:
    try:
        text = read()
        if suffix == ".json":
            row = parse_json(text, "a picture's .json")
            return saying_of(row) if isinstance(row, dict) else Saying()
    except UnreadableError:
        return Saying()
    if suffix == ".txt":
        return saying_of({"caption": text})
    label = text.strip()
    if not label.isdecimal():
        return Saying(_text(label) or None)
    at = int(label) if len(label) < 10 else len(classes)
    return Saying(classes[at] if at < len(classes) else None)


def _classes(folder: Path) -> list[str]:
    """Names of classes from a list in a folder or in the one above it."""
    for name in CLASSES:
        for place in (folder / name, folder.parent / name):
            if place.is_file():
                try:
                    lines = read_bytes(place, SMALL).decode("utf-8-sig").splitlines()
                except (UnreadableError, UnicodeDecodeError):
                    continue
                return [line.strip() for line in lines]
    return []


def refused_pictures(archive: Path, suffixes: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Paths and reasons of an archive's pictures that are not read, and of its own damage."""
    wanted = tuple(suffixes)
    for name, reason in archive_of(archive).refused.items():
        if not name or name.lower().endswith(wanted) or PurePosixPath(name).suffix == "":
            yield str(archive / name) if name else str(archive), reason
