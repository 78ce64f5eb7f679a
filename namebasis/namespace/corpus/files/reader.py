"""Names from files: txt, csv, tsv, json, jsonl, yaml and parquet, packed by gzip or not."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.files.aligned import aligned_rows, face_pairs
from namebasis.namespace.corpus.files.column_roles import is_known
from namebasis.namespace.corpus.files.content import is_gender, is_number
from namebasis.namespace.corpus.files.dialects import Cells, best_separator, read_cells
from namebasis.namespace.corpus.files.documents import read_document
from namebasis.namespace.corpus.files.list_lines import (
    code_literals,
    counted_lines,
    read_lines,
)
from namebasis.namespace.corpus.files.prompt_lines import CHANCE
from namebasis.namespace.corpus.files.raw import check_file, read_text
from namebasis.namespace.corpus.files.tables import (
    Source,
    names_from_cells,
    names_from_table,
    names_from_texts,
)
from namebasis.namespace.corpus.names import Names
from namebasis.wording import counted

_MAX_ROWS = 50_000_000
_YEAR_OF_BIRTHS = re.compile(r"yob\d{4}\.txt", re.IGNORECASE)


def read_file(path: Path, part: str | None = None, column: str | None = None) -> Names:
    """Read names from a file; its suffix says how, and ``.gz`` behind it that it is packed.

    ``.txt``: a list of names, see `list_lines.read_lines`, without ``#`` lines where there are
    several (or the first is one); where all lines have the same separator and numbers or a header,
    or columns are aligned with spaces, a table. ``.csv``, ``.tsv``, ``.tab``: a table of any
    separator, see `dialects.read_cells`, with a header or without. ``.json``, ``.jsonl``,
    ``.ndjson``, ``.yaml``: a list of names or of objects, a mapping of names to counts, or lists
    under keys. ``.parquet``: a table. Of a table, the column of names is chosen by title and values
    (`column_roles.choose`); columns with a name in `NAME_SCHEMA` and the like are taken over, all
    others are kept as columns of the user's own. `Names.notes` tells which was taken for what.

    Parameters
    ----------
    path : Path
        UTF-8, or UTF-16 with a byte order mark, where it is text; or an older encoding that its
        names tell for sure, which `Names.notes` names.
    part : str, optional
        The part of names that come without one.
    column : str, optional
        Title of the column of names, or its number from 1.

    Returns
    -------
    Names
        In the file's order; ``sources`` is the file's name unless the file has its own. A cell that
        does not fit its column is null and counted in `dropped`.

    Raises
    ------
    CorpusError
        If the file is missing, damaged, of an unknown kind, or no column surely holds names.
    """
    return read_source(path, Source(str(path), path.name, part, column))


def read_source(path: Path, source: Source) -> Names:
    """Read names from a file as `read_file` does, with all that may be asked of a source.

    Afterwards `source.texts` holds what every row of the file has in the names' place.

    Raises
    ------
    CorpusError
        As `read_file`.
    """
    readers: dict[str, Callable[[Path, Source], Names]] = {
        ".txt": _read_txt,
        ".csv": _read_table,
        ".tsv": _read_table,
        ".tab": _read_table,
        ".json": _read_document,
        ".jsonl": _read_document,
        ".ndjson": _read_document,
        ".yaml": _read_document,
        ".yml": _read_document,
        ".parquet": _read_parquet,
        ".first": _read_txt,  # dist.male.first and the like, of the US Census of 1990
        ".last": _read_txt,
    }
    bare = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    reader = readers.get(bare.suffix.lower())
    if reader is None or (bare != path and reader is _read_parquet):
        check_file(path)
        raise CorpusError(
            f"{path} has none of the suffixes {', '.join(readers)} that say how to read names "
            f"(.gz may follow). {_hint(bare.suffix.lower(), path)}."
        )
    return reader(path, source)


def _hint(suffix: str, path: Path) -> str:
    if suffix == ".zip":
        return "Unpack it and name the file in it"
    if suffix in (".xlsx", ".xls", ".ods", ".numbers"):
        return "Save the sheet as CSV"
    return "Rename it"


def names_from_lines(
    text: str,
    *,
    where: str,
    source: str,
    part: str | None = None,
    notes: Sequence[str] = (),
) -> Names:
    """Make a corpus of one name a line; blank lines are counted as left out."""
    told = Source(where, source, part, notes=list(notes))
    return _names_of(text, told)


def _names_of(text: str, source: Source) -> Names:
    """Make a corpus of a list: of a document or code that was pasted, or of a name a line."""
    pasted = text.strip()
    if pasted[:2] in ('["', "[{", '{"') or pasted.partition("\n")[0].strip() in ("[", "{"):
        kind = ".jsonl" if pasted[:1] == "{" and "\n{" in pasted else ".json"
        try:
            return read_document(pasted, kind, source)
        except CorpusError:
            source.notes.clear()  # such as ['Ana'], or the lines of a prompt
    literals = code_literals(pasted)
    if literals is not None:
        source.notes.append(f"read the {len(literals):,} texts in quotes of a list in code")
        source.texts = list(literals)
        return names_from_texts(literals, source)
    lines = _without_comments(_lines(text), source)
    weighted = sum(CHANCE.match(line) is not None for line in lines)
    if weighted:
        source.notes.append(
            f"left out the weights of {counted(weighted, 'wildcard line')}, such as 2::"
        )
        lines = [CHANCE.sub("", line, count=1) for line in lines]
    with_counts = counted_lines(lines)
    if with_counts is not None:
        source.notes.append("read as names with their counts")
        return names_from_table(["name", "count"], list(zip(*with_counts, strict=True)), source)
    return names_from_texts(read_lines(lines, source), source)


def _without_comments(lines: list[str], source: Source) -> list[str]:
    marked = [at for at, line in enumerate(lines) if line.lstrip("\ufeff ").startswith("#")]
    first = next((at for at, line in enumerate(lines) if line.strip("\ufeff ")), -1)
    if len(marked) < 2 and first not in marked:
        return lines
    for at in marked:
        source.refusals.add("comment line", lines[at])
    left = set(marked)
    return [line for at, line in enumerate(lines) if at not in left]


def _lines(text: str) -> list[str]:
    # Unlike str.splitlines, no other control character ends a line: it is refused instead.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines and not lines[-1] else lines


def _read_txt(path: Path, source: Source) -> Names:
    if _YEAR_OF_BIRTHS.fullmatch(path.name) and source.column is None:
        from namebasis.namespace.corpus.records import read_ssa

        return read_ssa(path)
    text = read_text(path, source.notes)
    lines = _lines(text)
    pairs = face_pairs(lines)
    if pairs is not None:
        source.notes.append("read the names of a list of pairs of faces")
        source.texts = list(pairs)
        return names_from_texts(pairs, source)
    if source.column is None:
        lines = _without_numbers(lines, source)
        text = "\n".join(lines)
    if source.column is not None or _is_table(lines):
        return names_from_cells(read_cells(text, source.where, source.refusals), source)
    aligned = None if counted_lines(lines) else _aligned(lines, source)
    return names_from_cells(aligned, source) if aligned is not None else _names_of(text, source)


def _without_numbers(lines: list[str], source: Source) -> list[str]:
    """Lines but for those that count the lines below them, as in LFW's people.txt."""
    if not any("\t" in line or " " in line for line in lines):
        return lines
    numbers = [line for line in lines if line.strip().isdecimal()]
    if not numbers or len(numbers) * 2 > len(lines):
        return lines
    source.refusals.add("a number, no name", *numbers[:3], count=len(numbers))
    return [line for line in lines if not line.strip().isdecimal()]


def _aligned(lines: list[str], source: Source) -> Cells | None:
    """The table that lines are whose columns are aligned with spaces."""
    lines = [line for line in lines if not line.startswith("#")]
    rows = aligned_rows(lines)
    if rows is None:
        return None
    left = sum(bool(line.strip()) for line in lines) - len(rows)
    if left:
        source.refusals.add("line unlike the rows of the table", count=left)
    source.notes.append("read as a table whose columns are aligned with spaces")
    return Cells(rows, " ")


def _is_table(lines: list[str]) -> bool:
    """Whether all lines of a text have as many cells, and it shows that they are cells."""
    lines = [line for line in lines[:1000] if line.strip() and not line.startswith("#")]
    separator, fitting = best_separator(lines)
    if not separator or fitting < 0.9 or len(lines) < 2:
        return False
    if separator == "\t":
        return True
    rows = [line.split(separator) for line in lines]
    numbers = sum(any(map(is_number, row)) for row in rows)
    titles = [cell.strip() for cell in rows[0]]
    return numbers > 0.9 * (len(rows) - 1) or all(map(is_known, titles))


def _read_table(path: Path, source: Source) -> Names:
    tabs = ".tsv" in path.suffixes or ".tab" in path.suffixes
    text = read_text(path, source.notes)
    cells = read_cells(text, source.where, source.refusals, tabs=tabs)
    if source.column is None and len(cells.rows) == 1 and _is_list(cells.rows[0]):
        source.notes.append("read its one line as a list of names")
        source.texts = list(cells.rows[0])
        return names_from_texts(list(cells.rows[0]), source)
    aligned = None if cells.separator else _aligned(_lines(text), source)
    return names_from_cells(aligned or cells, source)


def _is_list(row: Sequence[str]) -> bool:
    """Whether the only row of a table is a list of names written in one line."""
    return len(row) > 2 and not any(
        is_known(cell) or is_number(cell) or is_gender(cell, strict=True) for cell in row
    )


def _read_document(path: Path, source: Source) -> Names:
    kind = path.with_suffix("").suffix if path.suffix.lower() == ".gz" else path.suffix
    return read_document(read_text(path, source.notes), kind.lower(), source)


def _read_parquet(path: Path, source: Source) -> Names:
    import pyarrow.parquet as pq

    check_file(path)
    try:
        with pq.ParquetFile(path) as stored:
            if stored.metadata.num_rows > _MAX_ROWS:
                raise CorpusError(
                    f"{path} declares {stored.metadata.num_rows:,} rows; "
                    f"at most {_MAX_ROWS:,} are read. Split it up."
                )
            wide = [field.name for field in stored.schema_arrow if _is_wide(field)]
            told = [title for title in stored.schema_arrow.names if title not in wide]
            table = stored.read(columns=told)
    except (pa.ArrowException, OSError) as error:
        first = str(error).partition("\n")[0]
        raise CorpusError(
            f"{path} is damaged, cut short or not Parquet ({first}). Fetch it again."
        ) from error
    _note_wide(wide, source)
    return names_of_arrow(table, source)


def _note_wide(titles: list[str], source: Source) -> None:
    if titles:
        source.unread += titles
        source.notes.append(f"not read, since they are vectors or nested: {', '.join(titles)}")


def names_of_arrow(table: pa.Table, source: Source) -> Names:
    """Make a corpus of an Arrow table; columns of vectors are left out, and noted.

    Raises
    ------
    CorpusError
        If no column surely holds names.
    """
    wide = [field.name for field in table.schema if _is_wide(field)]
    _note_wide(wide, source)
    table = table.drop_columns(wide)
    titles = table.column_names
    if not any(_is_text(column.type) for column in table.schema):
        raise CorpusError(f"{source.where} has no column of texts. Give it a column 'name'.")
    # An Arrow column is taken as it is; only births are too many to look at one by one.
    columns = [
        table[title].combine_chunks()
        if title == "births" and pa.types.is_list(table.schema.field(title).type)
        else table[title].to_pylist()
        for title in titles
    ]
    return names_from_table(titles, columns, source)


def _is_wide(field: pa.Field) -> bool:
    kind = field.type
    if field.name == "births" or not pa.types.is_nested(kind):
        return _is_bytes(kind)
    layouts = (
        pa.types.is_list, pa.types.is_large_list, pa.types.is_list_view, pa.types.is_large_list_view
    )  # fmt: skip
    is_list = any(is_layout(kind) for is_layout in layouts)
    return not (is_list and _is_text(kind.value_type))


def _is_text(kind: pa.DataType) -> bool:
    """Whether an Arrow column of this type holds texts, in any of Arrow's layouts."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    layouts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_layout(kind) for is_layout in layouts)


def _is_bytes(kind: pa.DataType) -> bool:
    """Whether an Arrow column of this type holds bytes, in any of Arrow's layouts."""
    layouts = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    return any(is_layout(kind) for is_layout in layouts)
