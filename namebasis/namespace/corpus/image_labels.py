"""Whose image is it: names read from folders, file names, tables and files beside the images."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import NoReturn

from namebasis.encoders.image_archives import archive_of, is_archive, is_packed
from namebasis.encoders.image_files import SUFFIXES, ImageFailure, list_images, passed_over
from namebasis.errors import EncoderError
from namebasis.namespace.corpus.pictures.cells import holds_pictures, pictures_of, tables_in
from namebasis.namespace.corpus.pictures.sayings import (
    Said,
    Saying,
    refused_pictures,
    said_in_archive,
    said_in_folder,
)
from namebasis.namespace.corpus.pictures.tables import (
    TABLES,
    beside_of,
    columns_of,
    in_utf8,
    is_utf8,
    pairs_of,
    read_rows,
)

Find = Callable[[Sequence[str]], Sequence[int | None]]
"""Rows of stored names by their spelling, None for others; all at once."""

_NO_NAMES = frozenset(
    "train val valid validation test dev eval images image img imgs photos pictures data".split()
)
"""Folders that hold the names' folders, in the layouts of torchvision and Hugging Face."""

# A run is tried from its first sign alone, or captions of many thousand would take minutes.
_NUMBERED = re.compile(r"(?<![\s_.-])[\s_.-]*+\(?(?<!\d)\d++\)?$")
_COUNTED = re.compile(r"_\d++$|(?<!\s)\s*+\(\d++\)$")  # surely a file's number: Ann_Lee_0001
_TOLD_APART = re.compile(r"-[0-9a-f]{8}$")  # as the folders of generated images end
_SHORT = re.compile(r"(?<!\S)([^\W\d_]|Jr|Sr|Dr|St|Mr|Mrs|Ms)(?=\s|\Z)")
_STOP = re.compile(r"\.(?=\s|\Z)")
_ODD = "its name, or a folder's on the way to it, is not UTF-8; rename it"


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
    beside : dict
        `url` and `caption` of pictures by their files, where a table or a file beside has any.
    """

    files: tuple[Path, ...]
    labels: tuple[str, ...]
    n_matched: int
    notes: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    n_rows: int = 0
    failures: tuple[ImageFailure, ...] = ()
    beside: Mapping[Path, Mapping[str, str]] = field(default_factory=dict)

    def refuse_unmatched(self, source: Path, find: Find) -> None:
        """Refuse images of which none belongs to a stored name, before any is encoded.

        Raises
        ------
        EncoderError
        """
        if self.n_matched:
            return
        own = source.resolve().name
        if source.is_dir() and find_labels([own], find)[own] is not None:
            raise EncoderError(
                f"{source}: none of its {len(self.files):,} images is called by a stored name, but "
                f"the folder is ({own}). Give the folder above it, {source.resolve().parent}: an "
                "image belongs to the name of its folder there."
            )
        refuse_unmatched(source, len(self.files), self.labels)


def refuse_unmatched(source: Path, n_images: int, labels: Sequence[str]) -> NoReturn:
    """Refuse images whose labels are no stored names.

    Raises
    ------
    EncoderError
    """
    read = [label for label in dict.fromkeys(labels) if label]
    shown = ", ".join(repr(label) for label in read[:3]) + ", …" * (len(read) > 3)
    raise EncoderError(
        f"{source}: none of its {n_images:,} images belongs to a stored name; the "
        f"names read are {shown}. An image belongs to the name of its folder (NAME/1.jpg, "
        "train/NAME/1.jpg) or of its file (NAME_1.jpg), or to the one that a table with the "
        "columns file_name and name gives it. Nothing was encoded. To add these names, pass "
        "--new-names; to take the images for the mean of images alone, --unmatched keep."
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

    Of a folder or a tar archive: what a ``metadata.*`` beside an image, img2dataset's record of the
    shard, or a ``.json`` or ``.cls`` of the same name says of it (`pictures.sayings`); else the
    folder on that level of the tree whose names the space knows best (``NAME/…``,
    ``train/NAME/…``); else the file's own name without a number at its end; else a caption that is
    a name. Archives (webdataset) are read where they lie, those in a folder too. Of a table (csv,
    tsv, jsonl, parquet): a column of paths, relative to the table, and one of names. Parquet files
    that hold pictures themselves, as Hugging Face's data sets do, and folders of them are read too.

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
        If there is no such folder, archive or table, or no image in it.
    """
    source = Path(source)
    if not is_listed and holds_pictures(source):
        return _of_cells([source], find)
    if source.suffix.lower() in TABLES and source.is_file():
        return _of_table(source, find, is_listed)
    if is_listed:
        raise EncoderError(
            f"{source}: vectors go with a table ({', '.join(TABLES)}) that lists the images in "
            "their order, with the columns file_name and name."
        )
    cells = tables_in(source) if source.is_dir() else []
    if not cells:
        return _of_files(source, find)
    inside = _of_cells(cells, find)
    if not tars_in(source) and not list_images(source, may_be_none=True):
        return inside
    return _together(inside, _of_files(source, find))


def _together(first: LabelledImages, second: LabelledImages) -> LabelledImages:
    """The pictures of a folder that holds both Parquet files of pictures and image files."""
    return LabelledImages(
        first.files + second.files, first.labels + second.labels,
        first.n_matched + second.n_matched, first.notes + second.notes,
        failures=first.failures + second.failures, beside={**first.beside, **second.beside},
    )  # fmt: skip


def _of_files(source: Path, find: Find) -> LabelledImages:
    """The image files of a folder and of its archives, or of one archive."""
    there, said, refused = _listed(source)
    files = [file for file in there if is_utf8(str(file.relative_to(source)))]
    odd = [file for file in there if not is_utf8(str(file.relative_to(source)))]
    refused += [ImageFailure(in_utf8(str(one)), _ODD) for one in odd]
    if not files:
        raise EncoderError(
            f"{source}: none of its {len(refused):,} image files can be used; the first, "
            f"{refused[0].path}: {refused[0].reason.rstrip('.')}."
        )
    labels = _of_tree(files, source, said.of, find)
    notes = [*said.notes, *(passed_over(source) if source.is_dir() else ())]
    made = _made(files, [labels[file] for file in files], find, notes)
    beside = {file: dict(said.of[file].kept) for file in files if file in said.of}
    return replace(made, failures=tuple(refused), beside=beside)


def _of_cells(tables: Sequence[Path], find: Find) -> LabelledImages:
    """The pictures inside Parquet files."""
    read = [pictures_of(table) for table in tables]
    pairs = [pair for one in read for pair in one.pairs]
    if not pairs:
        raise EncoderError(f"{tables[0]}: none of its rows has a name.")
    notes = [one.note for one in read[:3]]
    made = _made([file for file, _ in pairs], [label for _, label in pairs], find, notes)
    beside = {file: said for one in read for file, said in one.beside.items()}
    return replace(made, failures=tuple(lost for one in read for lost in one.lost), beside=beside)


def _listed(source: Path) -> tuple[list[Path], Said, list[ImageFailure]]:
    """Images of a folder and of the tar archives in it, or of one; what is said of them."""
    if not source.is_dir() and not is_archive(source) and not is_packed(source):
        what = "is not" if source.exists() else "does not exist; give"
        raise EncoderError(
            f"{source} {what} a folder, a tar archive or a table of images ({', '.join(TABLES)})."
        )
    archives = [source] if is_archive(source) else tars_in(source)
    files = [] if is_archive(source) else list_images(source, may_be_none=bool(archives))
    said = said_in_folder(source, files) if files else Said()
    refused: list[ImageFailure] = []
    for archive in archives:
        inside = [
            archive / name
            for name in archive_of(archive).members
            if PurePosixPath(name).suffix.lower() in SUFFIXES
        ]
        told = said_in_archive(archive, inside)
        said.of |= told.of
        said.notes += told.notes
        files += inside
        refused += [
            ImageFailure(in_utf8(path), reason)
            for path, reason in refused_pictures(archive, SUFFIXES)
        ]
    if not files and not refused:
        raise EncoderError(f"{source} holds no image file ({', '.join(sorted(SUFFIXES))}).")
    return files, said, refused


def tars_in(folder: Path) -> list[Path]:
    """Tar archives in a folder and below it, as webdataset and img2dataset write them."""
    found = [
        Path(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(".tar") and not name.startswith(".")
    ]
    return sorted(path for path in found if is_archive(path))


def _made(
    files: Sequence[Path], labels: Sequence[str], find: Find, notes: Sequence[str]
) -> LabelledImages:
    rows = find_labels(labels, find)
    n_matched = sum(rows[label] is not None for label in labels)
    return LabelledImages(tuple(files), tuple(labels), n_matched, tuple(notes))


def _of_tree(
    files: Sequence[Path], root: Path, said: Mapping[Path, Saying], find: Find
) -> dict[Path, str]:
    open_ones = [file for file in files if file not in said or said[file].name is None]
    inside = {file: _folders(file, root) for file in open_ones}
    folders = {part for parts in inside.values() for part in parts}
    stems = {file: _stem(file) for file in open_ones}
    captions = {file: said[file].caption for file in open_ones if file in said}
    rows = find_labels([*folders, *stems.values(), *filter(None, captions.values())], find)
    hits = Counter(
        level
        for parts in inside.values()
        for level, part in enumerate(parts)
        if rows[part] is not None
    )
    # The level that names most images; the outermost among equals.
    level = max(hits, key=lambda at: (hits[at], -at)) if hits else None
    labels = {file: str(told.name) for file, told in said.items() if told.name is not None}
    for file in open_ones:
        parts = inside[file]
        own = parts[level] if level is not None and level < len(parts) else None
        tried = [own, stems[file], captions.get(file), *reversed(parts)]
        known = next((text for text in tried if text and rows[text] is not None), None)
        folder = _innermost(parts) or captions.get(file) or _innermost(parts, numbers=True)
        labels[file] = known or own or folder or stems[file]
    return labels


def _folders(file: Path, root: Path) -> tuple[str, ...]:
    """Folders from a root to a file; an archive on the way is none."""
    parts = file.relative_to(root).parts[:-1]
    return tuple(part for part in parts if not part.lower().endswith(".tar"))


def _innermost(parts: Sequence[str], *, numbers: bool = False) -> str | None:
    """The folder next to the files that may be a name's; a split or a shard's number is none."""
    may_be = (part for part in reversed(parts) if part.lower() not in _NO_NAMES)
    return next((part for part in may_be if numbers or not part.isdecimal()), None)


def _stem(file: Path) -> str:
    return unicodedata.normalize("NFC", file.stem)


def _of_table(source: Path, find: Find, is_listed: bool) -> LabelledImages:
    rows = read_rows(source)
    columns = columns_of(rows, source, required=True)
    pairs = list(pairs_of(rows, columns, source.parent)) if columns is not None else []
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
    beside = {file: beside_of(rows[row]) for row, file, _ in kept}
    return replace(made, rows=tuple(row for row, *_ in kept), n_rows=len(pairs), beside=beside)
