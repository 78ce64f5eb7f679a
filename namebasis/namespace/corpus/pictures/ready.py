"""Vectors of pictures that another tool made: clip-retrieval's arrays and their metadata.

``clip-retrieval inference`` writes ``img_emb/img_emb_0.npy`` and ``metadata/metadata_0.parquet``,
a row a picture in both, with the columns `image_path`, `caption` and whatever img2dataset knew of
it (`url`, `key`, …). Neither says which model the vectors are of.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from namebasis.checks import FloatArray
from namebasis.encoders.image_files import ImageFailure
from namebasis.errors import EncoderError
from namebasis.namespace.corpus.image_labels import Find, find_labels
from namebasis.namespace.corpus.pictures.keys import Seen, keys_of
from namebasis.namespace.corpus.pictures.tables import (
    CAPTION_COLUMNS,
    PATH_COLUMNS,
    SURE_COLUMNS,
    in_utf8,
)
from namebasis.reading import UnreadableError, array_blocks, array_facts

if TYPE_CHECKING:
    import numpy as np

BLOCK = 8192
"""Pictures whose vectors are in memory at a time."""
_PLACES = (("img_emb", "metadata"), ("embeddings/img_emb", "embeddings/metadata"), (".", "."))
"""Folders of the arrays and of the tables; the second as ``clip-retrieval end2end`` has them."""
_ARRAY = re.compile(r"img_emb(?:eddings?)?_?(\d*)\.npy")
_TABLE = re.compile(r"metadata_?(\d*)\.parquet")
_NO_DIRECTION = "its vector is 0 or not finite"
_WORDS = 8
"""Words of a caption that may be a name."""
_LINKS = ("url", "key")


@dataclass(frozen=True)
class ReadyPart:
    """An array of vectors and the table of its rows."""

    vectors: Path
    table: Path
    n_rows: int


@dataclass(frozen=True)
class ReadyBlock:
    """Some pictures with their vectors.

    Attributes
    ----------
    paths, labels : list of str
        A label is empty where nothing says whose a picture is.
    vectors : ndarray of shape (n, dim)
        As they were stored: in any scale, and maybe not finite.
    """

    paths: list[str]
    labels: list[str]
    vectors: np.ndarray


@dataclass(frozen=True)
class ReadyVectors:
    """The pictures of a folder of vectors.

    Attributes
    ----------
    folder : Path
    parts : tuple of ReadyPart
        In the order of their numbers.
    dim : int
    path, name : str or None
        The columns that say where a picture is and whose it is; without a column of names, a
        folder of its path or its file says it.
    known : frozenset of str
        Folders and files of the paths that are called by a stored name.
    """

    folder: Path
    parts: tuple[ReadyPart, ...]
    dim: int
    path: str | None
    name: str | None
    known: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return sum(part.n_rows for part in self.parts)

    @property
    def notes(self) -> tuple[str, ...]:
        """How names were read."""
        if self.name is None:
            return (f"the folders and files of column {self.path!r} name the pictures",)
        return (f"column {self.name!r} names the pictures",)

    def labels(self) -> list[str]:
        """Every label once."""
        found: dict[str, None] = {}
        for rows in self._rows():
            found.update(dict.fromkeys(_labels(rows, self)))
        return list(found)

    def blocks(self) -> Iterator[ReadyBlock]:
        """The pictures, some thousand at a time.

        Raises
        ------
        EncoderError
            If a file is damaged.
        """
        for part in self.parts:
            rows = self._rows([part])
            try:
                for vectors in array_blocks(part.vectors, BLOCK):
                    table = next(rows)
                    if len(table) != len(vectors):
                        raise EncoderError(f"{part.table}: is damaged (rows are missing).")
                    yield ReadyBlock(_paths(table, self, part), _labels(table, self), vectors)
            except UnreadableError as error:
                raise EncoderError(str(error)) from None

    def _rows(self, parts: Iterable[ReadyPart] | None = None) -> Iterator[pa.Table]:
        """Columns of the tables, in blocks as the vectors are."""
        wanted = {name for name in (self.path, self.name) if name is not None}
        for part in self.parts if parts is None else parts:
            names = [name for name in _schema(part.table).names if name in wanted | set(_LINKS)]
            if not wanted <= set(names):
                lacks = ", ".join(sorted(wanted - set(names)))
                raise EncoderError(f"{part.table}: has no column {lacks}, as the others have.")
            yield from _blocks(part.table, names)


def ready_vectors(folder: Path, find: Find) -> ReadyVectors | None:
    """Find the vectors in a folder of clip-retrieval's; None in a folder of anything else.

    Parameters
    ----------
    folder : Path
    find : callable
        Rows of stored names by their spelling, None for others.

    Raises
    ------
    EncoderError
        If an array has no table or other rows than its table, if they differ in width, or nothing
        says whose the pictures are.
    """
    for arrays, tables in _PLACES if folder.is_dir() else ():
        vectors = _numbered(folder / arrays, _ARRAY)
        if vectors:
            made = _made(folder, vectors, _numbered(folder / tables, _TABLE), folder / tables)
            return made if made.name is not None else replace(made, known=_known(made, find))
    return None


def _known(ready: ReadyVectors, find: Find) -> frozenset[str]:
    """Parts of the paths that are called by a stored name."""
    parts = dict.fromkeys(
        part for rows in ready._rows() for path in _texts(rows, ready.path) for part in _parts(path)
    )
    return frozenset(
        part for part, row in find_labels(list(parts), find).items() if row is not None
    )


def _numbered(folder: Path, pattern: re.Pattern[str]) -> dict[int, Path]:
    """Files of a folder by the numbers at their ends, in their order."""
    if not folder.is_dir():
        return {}
    found = {path: match for path in folder.iterdir() if (match := pattern.fullmatch(path.name))}
    return dict(sorted((int(match[1] or 0), path) for path, match in found.items()))


def _made(
    folder: Path, vectors: dict[int, Path], tables: dict[int, Path], place: Path
) -> ReadyVectors:
    alone = [vectors[at].name for at in vectors if at not in tables]
    if alone:
        raise EncoderError(
            f"{folder}: {alone[0]} has no metadata of the same number in {place}; there must be a "
            "metadata_N.parquet for each img_emb_N.npy."
        )
    parts = [_part(vectors[at], tables[at]) for at in vectors]
    widths = {width: part.vectors.name for part, width in parts}
    if len(widths) > 1:
        told = ", ".join(f"{name} {width}" for width, name in sorted(widths.items()))
        raise EncoderError(f"{folder}: its vectors have different widths ({told}).")
    schema = _schema(parts[0][0].table)
    texts = {field.name.strip().lower(): field.name for field in schema if _is_text(field.type)}
    path = next((texts[name] for name in (*PATH_COLUMNS, *_LINKS) if name in texts), None)
    name = next((texts[name] for name in (*SURE_COLUMNS, *CAPTION_COLUMNS) if name in texts), None)
    if path is None and name is None:
        raise EncoderError(
            f"{parts[0][0].table}: has no column of names (name, label, caption …) and none of "
            f"paths (image_path …); its columns are {', '.join(schema.names) or 'none'}."
        )
    return ReadyVectors(folder, tuple(part for part, _ in parts), next(iter(widths)), path, name)


def _part(vectors: Path, table: Path) -> tuple[ReadyPart, int]:
    """An array and its table, held against each other; and its width."""
    import pyarrow.parquet as pq

    try:
        facts = array_facts(vectors)
        n_rows = pq.read_metadata(table).num_rows
    except UnreadableError as error:
        raise EncoderError(str(error)) from None
    except (pa.ArrowException, OSError) as error:
        raise EncoderError(f"{table}: cannot be read as Parquet ({error}).") from None
    if len(facts.shape) != 2 or facts.dtype.kind != "f":
        raise EncoderError(
            f"{vectors}: vectors must be floats of shape (n, width); got {facts.dtype} of shape "
            f"{facts.shape}."
        )
    if facts.shape[0] != n_rows:
        raise EncoderError(
            f"{vectors.name} has {facts.shape[0]:,} vectors, {table.name} {n_rows:,} rows; there "
            f"must be one for each ({vectors.parent})."
        )
    return ReadyPart(vectors, table, n_rows), facts.shape[1]


def _schema(table: Path) -> pa.Schema:
    import pyarrow.parquet as pq

    try:
        return pq.read_schema(table)
    except (pa.ArrowException, OSError) as error:
        raise EncoderError(f"{table}: cannot be read as Parquet ({error}).") from None


def _is_text(kind: Any) -> bool:
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(is_kind(value) for is_kind in kinds)


def _blocks(table: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Columns of a Parquet file in blocks of `BLOCK` rows, but for the last."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(table) as file:
            for batch in file.iter_batches(BLOCK, columns=list(columns)):
                yield pa.Table.from_batches([batch])
    except (pa.ArrowException, OSError) as error:
        raise EncoderError(f"{table}: is damaged ({error}).") from None


def _texts(rows: pa.Table, column: str | None) -> list[str]:
    if column is None or column not in rows.column_names:
        return [""] * len(rows)
    return [
        in_utf8(str(one)).strip() if one is not None else "" for one in rows[column].to_pylist()
    ]


def _paths(rows: pa.Table, ready: ReadyVectors, part: ReadyPart) -> list[str]:
    """Where each picture is: its link where its path is a webdataset's key; else the table."""
    found = _texts(rows, ready.path)
    links = _texts(rows, "url")
    found = [
        path if _is_file(path) else link or path for path, link in zip(found, links, strict=True)
    ]
    return [path or str(part.table) for path in found]


def _is_file(path: str) -> bool:
    return bool(PurePosixPath(path).suffix)


def _labels(rows: pa.Table, ready: ReadyVectors) -> list[str]:
    if ready.name is not None:
        told = _texts(rows, ready.name)
        return [text if len(text.split()) <= _WORDS else "" for text in told]
    return [_owner(_parts(path), ready.known) for path in _texts(rows, ready.path)]


def _parts(path: str) -> tuple[str, ...]:
    """The file of a path without its ending, then its folders from the inside."""
    found = PurePosixPath(path.replace("\\", "/"))
    return (found.stem, *(part for part in reversed(found.parts[:-1]) if part != "/"))


def _owner(parts: Sequence[str], known: frozenset[str]) -> str:
    """The folder, else the file that is called by a stored name; else the innermost folder."""
    file, *folders = parts
    own = next((part for part in (*folders, file) if part in known), None)
    return own or next((part for part in folders if not part.isdecimal()), file)


def unit_vectors(rows: np.ndarray, dim: int) -> tuple[FloatArray, np.ndarray]:
    """Vectors of length 1 in float32, and which of them have a direction."""
    import numpy as np

    vectors = rows.astype(np.float32).reshape(len(rows), dim)
    with np.errstate(over="ignore", invalid="ignore"):
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
    has = np.isfinite(length[:, 0]) & (length[:, 0] > 1e-9)
    vectors /= np.where(has[:, None], length, np.float32(1))
    return vectors, has


@dataclass
class ReadyCount:
    """What became of ready vectors so far.

    Attributes
    ----------
    n_read, n_added, n_known, n_skipped : int
        `n_skipped` are those of labels that were not wanted.
    failures : list of ImageFailure
        Pictures whose vectors cannot be used.
    """

    n_read: int = 0
    n_added: int = 0
    n_known: int = 0
    n_skipped: int = 0
    failures: list[ImageFailure] = field(default_factory=list)


def fresh_vectors(
    ready: ReadyVectors,
    taken: Container[str],
    known: Seen,
    count: ReadyCount,
    digest: Callable[[str, str, FloatArray], str] | None = None,
) -> Iterator[tuple[list[str], list[tuple[str, str]], FloatArray]]:
    """Walk the pictures that are wanted and new: their paths, keys and unit vectors.

    Parameters
    ----------
    ready : ReadyVectors
    taken : container of str
        Labels that are wanted.
    known : Seen
        Labels and digests of pictures that a space has; what is walked is noted in it.
    count : ReadyCount
        Counts as they are walked.
    digest : callable, optional
        What a picture is told by, given its label, path and vector; by default the vector.
    """
    import numpy as np

    for block in ready.blocks():
        vectors, has = unit_vectors(block.vectors, ready.dim)
        wanted: list[int] = []
        keys: list[tuple[str, str]] = []
        for row, label in enumerate(block.labels):
            if label not in taken:
                count.n_skipped += 1
            elif not has[row]:
                count.failures.append(ImageFailure(block.paths[row], _NO_DIRECTION))
            else:
                wanted.append(row)
                told = vectors[row]
                keys.append(
                    (
                        label,
                        digest_of_vector(told)
                        if digest is None
                        else digest(label, block.paths[row], told),
                    )
                )
        fresh = np.flatnonzero(known.note(keys_of(keys, len(keys)))).tolist()
        kept = [wanted[at] for at in fresh]
        count.n_read += len(block.labels)
        count.n_added += len(kept)
        count.n_known += len(wanted) - len(kept)
        yield [block.paths[row] for row in kept], [keys[at] for at in fresh], vectors[kept]


def digest_of_vector(row: FloatArray) -> str:
    """SHA-256 of a vector, by which pictures that came as vectors alone are told apart."""
    import numpy as np

    return hashlib.sha256(np.ascontiguousarray(row, "<f4").data).hexdigest()
