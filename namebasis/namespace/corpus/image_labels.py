"""Whose image is it: names read from folders, file names, tables and files beside the images."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from namebasis.encoders.image_files import SUFFIXES, ImageFailure, list_images
from namebasis.errors import EncoderError
from namebasis.namespace.corpus.files.dialects import best_separator
from namebasis.reading import LARGE, UnreadableError, parse_json, read_table, read_text

Find = Callable[[Sequence[str]], Sequence[int | None]]
"""Rows of stored names by their spelling, None for others; all at once."""

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
"""Endings of tables that list images."""
PATH_COLUMNS = ("file_name", "path", "file", "filename", "image_path", "image", "img", "filepath")
NAME_COLUMNS = (
    "name", "label", "person", "identity", "celebrity", "full_name", "class", "text", "caption",
)  # fmt: skip
_BESIDE = ("metadata.jsonl", "metadata.csv", "metadata.parquet")
_NO_NAMES = frozenset(
    "train val valid validation test dev eval images image img imgs photos pictures data".split()
)
"""Folders that hold the names' folders, in the layouts of torchvision and Hugging Face."""

_NUMBERED = re.compile(r"[\s_.-]*\(?\d+\)?$")
_COUNTED = re.compile(r"_\d+$|\s*\(\d+\)$")  # surely a file's number, as in Ann_Lee_0001
_TOLD_APART = re.compile(r"-[0-9a-f]{8}$")  # as the folders of generated images end
_SHORT = re.compile(r"(?<!\S)([^\W\d_]|Jr|Sr|Dr|St|Mr|Mrs|Ms)(?=\s|\Z)")
_SAMPLE = 50
_STOP = re.compile(r"\.(?=\s|\Z)")
_LONGEST_CAPTION = 200
_ODD = "its name, or a folder's on the way to it, is not UTF-8; rename it"
_SKIPPED = frozenset((".heic", ".heif", ".jxl", ".svg", ".psd", ".raw", ".dng", ".nef"))


@dataclass(frozen=True)
class LabelledImages:
    """Image files and the names they belong to.

    Attributes
    ----------
    files, labels : tuple
        A label each; one that no stored name has stays as it was read.
    n_matched : int
        Files whose label is a stored name.
    notes : tuple of str
        How the labels were read, and what was passed over.
    rows : tuple of int
        Rows of the table that they were listed in; empty for a folder.
    n_rows : int
        How many the table has.
    failures : tuple of ImageFailure
        Files whose names, or their folders', are not UTF-8, as those of the store are.
    """

    files: tuple[Path, ...]
    labels: tuple[str, ...]
    n_matched: int
    notes: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    n_rows: int = 0
    failures: tuple[ImageFailure, ...] = ()

    def refuse_unmatched(self, source: Path) -> None:
        """Refuse images of which none belongs to a stored name, before any is encoded.

        Raises
        ------
        EncoderError
        """
        if self.n_matched:
            return
        read = list(dict.fromkeys(self.labels))
        shown = ", ".join(repr(label) for label in read[:3]) + ", …" * (len(read) > 3)
        raise EncoderError(
            f"{source}: none of its {len(self.files):,} images belongs to a stored name; the "
            f"names read are {shown}. An image belongs to the name of its folder (NAME/1.jpg, "
            "train/NAME/1.jpg) or of its file (NAME_1.jpg), or to the one that a table with the "
            "columns file_name and name gives it. Nothing was encoded. To take them for the mean "
            "of images alone, pass --unmatched keep."
        )


def spellings(label: str) -> list[str]:
    """Names that a label of a file or folder may stand for, the likeliest first.

    Underscores and hyphens stand for spaces, a full stop behind an initial or Jr may be left out,
    and a number or the mark of a generated folder at the end is none of the name.
    """
    shorter = (_NUMBERED.sub("", label), _TOLD_APART.sub("", label))
    found = [label]
    for part in (label, *shorter):
        spaced = part.replace("_", " ")
        found += [spaced, spaced.replace("-", " ")]
    found += [changed for text in found for changed in _stopped(text)]
    return list(dict.fromkeys(text.strip() for text in found if text.strip()))


def _stopped(text: str) -> tuple[str, str]:
    """A text with full stops behind all its initials and titles, and without any."""
    return _SHORT.sub(r"\1.", text), _STOP.sub("", text)


def find_labels(labels: Sequence[str], find: Find) -> dict[str, int | None]:
    """Rows of the stored names that labels stand for, None where there is none."""
    return {label: row for label, (_, row) in _matches(labels, find).items()}


def names_of(labels: Sequence[str], find: Find) -> dict[str, str]:
    """Names that labels stand for: the spelling that is stored, else with spaces; in NFC."""
    found = _matches(labels, find)
    return {label: unicodedata.normalize("NFC", name) for label, (name, _) in found.items()}


def _matches(labels: Sequence[str], find: Find) -> dict[str, tuple[str, int | None]]:
    """A name and its row for every label; without a row where no spelling is stored."""
    tried = {label: spellings(label) for label in dict.fromkeys(labels)}
    asked = list(dict.fromkeys(text for texts in tried.values() for text in texts))
    rows = dict(zip(asked, find(asked), strict=True))
    found: dict[str, tuple[str, int | None]] = {}
    for label, texts in tried.items():
        name = next((text for text in texts if rows[text] is not None), None)
        plain = (_COUNTED.sub("", label) or label).replace("_", " ").strip()
        found[label] = (plain, None) if name is None else (name, rows[name])
    return found


def label_images(source: str | Path, find: Find, *, is_listed: bool = False) -> LabelledImages:
    """Find the images of a folder or a table, and whose each is.

    Of a folder: what a ``metadata.jsonl`` or ``metadata.csv`` beside an image says of it; else the
    folder on that level of the tree whose names the space knows best (``NAME/…``,
    ``train/NAME/…``); else the file's own name without a number at its end; else what a text file
    beside it says, as img2dataset writes one. Of a table (csv, tsv, jsonl, parquet): a column of
    paths, relative to the table, and one of names.

    Parameters
    ----------
    source : str or Path
    find : callable
    is_listed : bool
        Take whatever a table lists, image file or not; a folder is refused. For images whose
        vectors are given.

    Raises
    ------
    EncoderError
        If there is no such folder or table, or no image in it.
    """
    source = Path(source)
    if source.suffix.lower() in TABLES and source.is_file():
        return _of_table(source, find, is_listed)
    if is_listed:
        raise EncoderError(
            f"{source}: vectors go with a table ({', '.join(TABLES)}) that lists the images in "
            "their order, with the columns file_name and name."
        )
    there = list_images(source)
    files = [file for file in there if is_utf8(str(file.relative_to(source)))]
    odd = [file for file in there if not is_utf8(str(file.relative_to(source)))]
    if not files:
        raise EncoderError(
            f"{source}: none of its {len(there):,} image files can be used; the first, "
            f"{in_utf8(str(odd[0]))}: {_ODD}."
        )
    said = _said_beside(source)
    notes = []
    if said:
        notes.append(f"{len(said):,} images have the names that metadata files beside them give")
    open_ones = [file for file in files if file not in said]
    labels = said | _of_tree(open_ones, source, find)
    notes += _passed_over(source)
    made = _made(files, [labels[file] for file in files], find, notes)
    return replace(made, failures=tuple(ImageFailure(in_utf8(str(one)), _ODD) for one in odd))


def is_utf8(text: str) -> bool:
    """Whether a text has no half characters, as Python makes of a name that is not UTF-8."""
    return in_utf8(text) == text


def in_utf8(text: str) -> str:
    """A text with half characters written out, as \\udcff."""
    return text.encode("utf-8", "backslashreplace").decode()


def _made(
    files: Sequence[Path], labels: Sequence[str], find: Find, notes: Sequence[str]
) -> LabelledImages:
    rows = find_labels(labels, find)
    n_matched = sum(rows[label] is not None for label in labels)
    return LabelledImages(tuple(files), tuple(labels), n_matched, tuple(notes))


def _of_tree(files: Sequence[Path], root: Path, find: Find) -> dict[Path, str]:
    inside = {file: file.relative_to(root).parts[:-1] for file in files}
    folders = {part for parts in inside.values() for part in parts}
    stems = {file: _stem(file) for file in files}
    captions = {file: text for file in files if (text := _caption(file))}
    rows = find_labels([*folders, *stems.values(), *captions.values()], find)
    hits = Counter(
        level
        for parts in inside.values()
        for level, part in enumerate(parts)
        if rows[part] is not None
    )
    # The level that names most images; the outermost among equals.
    level = max(hits, key=lambda at: (hits[at], -at)) if hits else None
    labels = {}
    for file in files:
        parts = inside[file]
        own = parts[level] if level is not None and level < len(parts) else None
        tried = [own, stems[file], captions.get(file), *reversed(parts)]
        known = next((text for text in tried if text and rows[text] is not None), None)
        labels[file] = known or own or _innermost(parts) or stems[file]
    return labels


def _innermost(parts: Sequence[str]) -> str | None:
    """The folder next to the files that may be a name's; a training's split is none."""
    return next((part for part in reversed(parts) if part.lower() not in _NO_NAMES), None)


def _stem(file: Path) -> str:
    return unicodedata.normalize("NFC", file.stem)


def _caption(file: Path) -> str | None:
    """What a text file of the same name beside an image says, where it is short."""
    beside = file.with_suffix(".txt")
    if not beside.is_file():
        return None
    try:
        text = read_text(beside).strip()
    except UnreadableError:
        return None
    return text if text and len(text) <= _LONGEST_CAPTION and "\n" not in text else None


def _passed_over(root: Path) -> Iterator[str]:
    """Files that are pictures of a kind that is not read."""
    found = Counter(
        path.suffix.lower() for path in root.rglob("*") if path.suffix.lower() in _SKIPPED
    )
    for suffix, count in sorted(found.items()):
        files = "file is" if count == 1 else "files are"
        yield f"{count:,} {suffix} {files} left out; convert to jpg or png to use them"


# ------------------------------------------------------------------------------------ tables


def _said_beside(root: Path) -> dict[Path, str]:
    """Labels that metadata files in a tree give the images beside them."""
    said: dict[Path, str] = {}
    for name in _BESIDE:
        for table in sorted(root.rglob(name)):
            rows = _read_rows(table)
            columns = _columns(rows, table, required=False)
            if columns is not None:
                pairs = _pairs(rows, columns, table.parent)
                said |= {pair[0]: pair[1] for pair in pairs if pair is not None and pair[1]}
    return {file: label for file, label in said.items() if file.is_file()}


def _of_table(source: Path, find: Find, is_listed: bool) -> LabelledImages:
    rows = _read_rows(source)
    columns = _columns(rows, source, required=True)
    pairs = list(_pairs(rows, columns, source.parent)) if columns is not None else []
    kept: list[tuple[int, Path, str]] = [
        (row, pair[0], pair[1])
        for row, pair in enumerate(pairs)
        if pair is not None and pair[1] and (is_listed or pair[0].suffix.lower() in SUFFIXES)
    ]
    if not kept:
        raise EncoderError(f"{source} lists no image file with a name.")
    notes = []
    if columns is not None:
        notes.append(f"{source.name}: column {columns[1]!r} names the images of {columns[0]!r}")
    if len(kept) < len(pairs):
        lost = len(pairs) - len(kept)
        notes.append(f"{lost:,} of {len(pairs):,} rows have no name or no image file; left out")
    made = _made([file for _, file, _ in kept], [label for *_, label in kept], find, notes)
    return replace(made, rows=tuple(row for row, *_ in kept), n_rows=len(pairs))


def _read_rows(table: Path) -> list[Mapping[str, Any]]:
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
    held = [field.name for field in found.schema if _holds_images(field.type)]
    others = {name.lower() for name in found.column_names if name not in held}
    if held and not others & set(PATH_COLUMNS):
        raise EncoderError(
            f"{table}: column {held[0]!r} holds images, not paths; write them to NAME/1.jpg first."
        )
    plain = [field.name for field in found.schema if not pa.types.is_nested(field.type)]
    rows: list[Mapping[str, Any]] = found.select(plain).to_pylist()
    return rows


def _holds_images(kind: Any) -> bool:
    """Whether a column's type is bytes, or Hugging Face's image: bytes beside a path."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return any(kind.field(at).name == "bytes" for at in range(kind.num_fields))
    layouts = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    return any(is_layout(kind) for is_layout in layouts)


def _columns(
    rows: Sequence[Mapping[str, Any]], table: Path, *, required: bool
) -> tuple[str, str] | None:
    """The columns of paths and of names."""
    there = list(rows[0]) if rows else []
    lower = {column.strip().lower(): column for column in reversed(there)}
    path = next((lower[name] for name in PATH_COLUMNS if name in lower), None)
    name = next((lower[name] for name in NAME_COLUMNS if name in lower), None)
    if path is not None and name is not None:
        return path, name
    if not required:
        return None
    lacks = "paths (file_name, path …)" if path is None else "names (name, label …)"
    listed = ", ".join(map(str, there)) or "none"
    raise EncoderError(f"{table}: has no column of {lacks}; its columns are {listed}.")


def _pairs(
    rows: Sequence[Mapping[str, Any]], columns: tuple[str, str], folder: Path
) -> Iterator[tuple[Path, str] | None]:
    """Path and name of every row; None where it has no path."""
    for row in rows:
        path, name = row.get(columns[0]), row.get(columns[1])
        is_path = isinstance(path, str) and bool(path) and "\0" not in path and is_utf8(path)
        label = name.strip() if isinstance(name, str) and is_utf8(name) else ""
        yield (folder / str(path), label) if is_path else None
