"""Names with vectors of one's own, as files have them: a table and an array, or one table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.checks import FloatArray
from namebasis.encoders.given import GivenVectors
from namebasis.errors import CorpusError
from namebasis.namespace.corpus.cleaning import clean_name
from namebasis.namespace.corpus.files.reader import names_of_arrow, read_source
from namebasis.namespace.corpus.files.tables import Source
from namebasis.namespace.corpus.names import Names
from namebasis.namespace.corpus.sources import told_apart
from namebasis.reading import UnreadableError, is_regular, read_array, read_json

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

_MAX_BYTES = 2**36
"""Of an array of vectors: 20 million of 768 numbers."""
_DIGITS = re.compile(r"(\d+)")
_FOLDERS = ("metadata", ".")
"""Where a folder keeps its table: clip-retrieval's beside the arrays, others' in it."""
_ARRAYS = ("text_emb", "img_emb")
_STATE = "state.json"
"""What Hugging Face's ``save_to_disk`` writes beside the data: which files they are."""
_AS_NPY = " Save the array with numpy.save."
_CACHES = ("cache-", "indices-", "tmp")


@dataclass(frozen=True)
class NamesWithVectors:
    """A corpus whose every name has a vector.

    Attributes
    ----------
    names : Names
    vectors : GivenVectors
    notes : tuple of str
        How rows were taken.
    """

    names: Names
    vectors: GivenVectors
    notes: tuple[str, ...]


def read_given(
    source: str | Path,
    vectors: str | Path,
    *,
    part: str | None = None,
    column: str | None = None,
    keep: Sequence[str] | None = None,
    map: Mapping[str, str] | None = None,
    encoder: Encoder | None = None,
) -> NamesWithVectors:
    """Read names and the vectors of their rows.

    Parameters
    ----------
    source : str or Path
        A table or text of names as `read_names` takes it, or a folder: of Parquet files, of a data
        set that Hugging Face's ``save_to_disk`` wrote, or of clip-retrieval (``metadata/``).
    vectors : str or Path
        A .npy file or .npz file with one row for each row of the source, a folder of .npy files in
        order of their numbers (clip-retrieval's ``text_emb/``), or the title of the column of a
        Parquet or Arrow source that holds them.
    part, column, keep, map
        As `read_names` takes them.
    encoder : Encoder, optional
        The model that the vectors are of.

    Raises
    ------
    CorpusError
        If there are not as many vectors as rows, a row has no vector, or a file cannot be read.
    ValueError, EncoderError
        If the vectors are no finite directions, or not of the encoder's width.
    """
    place = Path(source)
    told = Source(str(place), place.name, part, column, keep=keep, map=map)
    table = _arrow_table(place)
    if table is not None:
        given = _column(table, str(vectors))
        flat = table.drop_columns([str(vectors)]) if given is not None else table
        names = names_of_arrow(flat, told)
    else:
        given = None
        names = read_source(place, told)
    texts = told.texts
    rows = given if given is not None else _array(Path(vectors), place)
    if len(rows) != len(texts):
        raise CorpusError(
            f"{vectors} has {len(rows):,} vectors, {source} has {len(texts):,} rows of names; "
            "there must be one for each."
        )
    return _paired(told_apart(names), texts, rows, encoder)


def _paired(
    names: Names, texts: Sequence[object], rows: FloatArray, encoder: Encoder | None
) -> NamesWithVectors:
    cleaned = [_cleaned(text) for text in texts]
    kept_names = set(names.strings)
    kept = [row for row, name in enumerate(cleaned) if name in kept_names]
    given = GivenVectors([str(cleaned[row]) for row in kept], rows[kept], encoder=encoder)
    missing = [name for name in names.strings if name not in given]
    if missing:
        raise CorpusError(
            f"{missing[0]!r} and {len(missing) - 1:,} other names were read otherwise than row by "
            "row, so their vectors are not known; give a table with one name a row."
        )
    notes = []
    if given.n_repeated:
        notes.append(f"{given.n_repeated:,} rows repeat a name; the vectors of a name are averaged")
    if len(kept) < len(texts):
        notes.append(f"{len(texts) - len(kept):,} of {len(texts):,} rows hold no name; left out")
    return NamesWithVectors(names, given, tuple(notes))


def _cleaned(text: object) -> str | None:
    try:
        return clean_name(text) if isinstance(text, str) else None
    except CorpusError:
        return None


def read_vectors(vectors: str | Path, table: str | Path) -> FloatArray:
    """Read vectors for the rows of a table that is read elsewhere: a file or one of its columns.

    Raises
    ------
    CorpusError
        If there are none, or the file cannot be read.
    """
    if Path(table).suffix.lower() == ".parquet":
        stored = _arrow_table(Path(table))
        given = None if stored is None else _column(stored, str(vectors))
        if given is not None:
            return given
    return _array(Path(vectors), Path(table))


# --------------------------------------------------------------------------------- reading


def _arrow_table(place: Path) -> pa.Table | None:
    """The table of a Parquet file or of a folder; None for any other file."""
    if place.is_dir():
        return _folder_table(place)
    return _read_arrow([place]) if place.suffix.lower() == ".parquet" else None


def _folder_table(folder: Path) -> pa.Table:
    saved = _saved_files(folder)
    if saved:
        return _read_arrow(saved)
    for inner in _FOLDERS:
        for pattern in ("*.parquet", "*.arrow"):
            found = _in_order((folder / inner).glob(pattern))
            # What a map or a shuffle of datasets left beside the data is no data of its own.
            files = [file for file in found if not file.name.startswith(_CACHES)]
            if files:
                return _read_arrow(files)
    splits = sorted(path.parent.name for path in folder.glob(f"*/{_STATE}"))
    if splits:
        raise CorpusError(
            f"{folder} holds the splits {', '.join(splits[:5])} of a saved data set; give one of "
            f"them: {folder / splits[0]}"
        )
    raise CorpusError(
        f"{folder} holds no table of names: neither .parquet files (in it or in metadata/) nor the "
        ".arrow files of a saved Hugging Face data set."
    )


def _saved_files(folder: Path) -> list[Path]:
    """The files that a data set of Hugging Face says it is made of; none for another folder."""
    if not (folder / _STATE).is_file():
        return []
    try:
        state = read_json(folder / _STATE)
    except UnreadableError as error:
        raise CorpusError(str(error)) from None
    state = state if isinstance(state, dict) else {}
    if state.get("_indices_data_files"):
        raise CorpusError(
            f"{folder}: its rows are in another order than its files (a shuffle or a selection); "
            "write it again with flatten_indices().save_to_disk(…)."
        )
    listed = state.get("_data_files")
    names = [entry.get("filename") for entry in listed or () if isinstance(entry, dict)]
    files = [folder / Path(name).name for name in names if isinstance(name, str)]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise CorpusError(f"{folder}: {missing[0]}, which its {_STATE} lists, is missing.")
    return files


def _read_arrow(files: Sequence[Path]) -> pa.Table:
    import pyarrow.parquet as pq

    tables = []
    for file in files:
        try:
            if not is_regular(file):
                raise CorpusError(f"{file} is no file.")
            if file.suffix.lower() == ".parquet":
                tables.append(pq.read_table(file))
            else:
                with pa.memory_map(str(file)) as stream:
                    tables.append(pa.ipc.open_stream(stream).read_all())
        except (pa.ArrowException, OSError) as error:
            first = str(error).partition("\n")[0]
            raise CorpusError(f"{file} is damaged or cut short ({first}).") from None
    try:
        return pa.concat_tables(tables, promote_options="default")
    except pa.ArrowException as error:
        raise CorpusError(f"{files[0].parent}: its tables have other columns ({error}).") from None


def _in_order(files: Any) -> list[Path]:
    """By the numbers in their names: 10 after 9."""

    def key(path: Path) -> list[tuple[int, int, str]]:
        parts = _DIGITS.split(path.name)
        return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]

    # Files that begin with a dot are other programs', such as macOS' ._text_emb_0.npy.
    return sorted((file for file in files if not file.name.startswith(".")), key=key)


def _column(table: pa.Table, title: str) -> FloatArray | None:
    """A column of vectors as a matrix; None where there is no such column."""
    if title not in table.column_names:
        return None
    column = table[title].combine_chunks()
    kind = column.type
    if not (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    ) or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        raise CorpusError(f"column {title!r} holds no vectors but {kind}.")
    if column.null_count:
        raise CorpusError(
            f"column {title!r} has no vector in {column.null_count:,} of {len(column):,} rows; "
            "leave those rows out."
        )
    lengths = np.unique(pa.compute.list_value_length(column).to_numpy(zero_copy_only=False))
    if len(lengths) != 1:
        raise CorpusError(
            f"column {title!r} holds vectors of {lengths.min()} to {lengths.max()} numbers; all "
            "must have as many."
        )
    values = column.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values, np.float32).reshape(len(column), int(lengths[0]))


def _array(path: Path, source: Path) -> FloatArray:
    """The rows of a .npy or .npz file, or of the numbered .npy files of a folder."""
    if path.is_dir():
        files = _in_order(path.glob("*.npy"))
        if not files:
            raise CorpusError(f"{path} holds no .npy file.")
    elif path.suffix.lower() in (".npy", ".npz"):
        files = [path]
    else:
        inner = [name for name in _ARRAYS if (source / name).is_dir()] if source.is_dir() else []
        hint = f" {source} has {', '.join(str(source / name) for name in inner)}." if inner else ""
        raise CorpusError(
            f"{str(path)!r} is neither a .npy or .npz file, a folder of .npy files, nor a column "
            f"of vectors of {source}.{hint or _AS_NPY}"
        )
    try:
        parts = [np.asarray(read_array(file, _MAX_BYTES)) for file in files]
    except UnreadableError as error:
        raise CorpusError(str(error)) from None
    if len(parts) == 1:
        return parts[0]
    for file, part in zip(files, parts, strict=True):
        if part.shape[1:] != parts[0].shape[1:] or part.ndim == 1:
            raise CorpusError(
                f"{path}: {file.name} has the shape {part.shape}, {files[0].name} "
                f"{parts[0].shape}; all files must hold rows of equal width."
            )
    return np.concatenate(parts)
