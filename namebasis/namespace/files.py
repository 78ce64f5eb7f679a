"""Names from files: txt, csv, tsv, json, jsonl and parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from namebasis.errors import CorpusError
from namebasis.namespace.cleaning import Refusals
from namebasis.namespace.names import Names, names_from_columns, names_from_records
from namebasis.namespace.raw import check_file, read_text
from namebasis.namespace.values import CANONICAL
from namebasis.reading import UnreadableError, parse_json, parse_rows

_MAX_ROWS = 50_000_000


def read_file(path: Path, part: str | None = None) -> Names:
    """Read names from a file; its suffix says how.

    ``.txt``: one name a line, every line that is not blank (also one that begins with ``#``).
    ``.csv`` and ``.tsv``: a table with a header; names are in the column ``name``, else in the
    first one; ``.csv`` may use semicolons. ``.json``: a list of names or of objects with a
    ``name``. ``.jsonl``: such a name or object a line. ``.parquet``: names are in the column
    ``name``, else in the first column of strings. Further columns or keys with a name in
    `NAME_SCHEMA` (or ``locale``, ``source``, ``sex``; any case) are taken over.

    Parameters
    ----------
    path : Path
        UTF-8 with or without a byte order mark, where it is text.
    part : str, optional
        The part of names that come without one.

    Returns
    -------
    Names
        In the file's order; ``sources`` is the file's name unless the file has its own.

    Raises
    ------
    CorpusError
        If the file is missing, damaged, of an unknown kind, or a value does not fit.
    """
    readers: dict[str, Callable[[Path, str | None], Names]] = {
        ".txt": _read_txt,
        ".csv": _read_table,
        ".tsv": _read_table,
        ".json": _read_json,
        ".jsonl": _read_jsonl,
        ".parquet": _read_parquet,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        check_file(path)
        hint = f"Write ssa:{path}" if path.suffix.lower() == ".zip" else "Rename it"
        raise CorpusError(
            f"{path} has none of the suffixes {', '.join(readers)} that say how to read names. "
            f"{hint}."
        )
    return reader(path, part)


def names_from_lines(text: str, *, where: str, source: str, part: str | None = None) -> Names:
    """Make a corpus of one name a line; blank lines are counted as left out."""
    return names_from_columns({"name": list(_lines(text))}, where=where, source=source, part=part)


def _lines(text: str) -> list[str]:
    # Unlike str.splitlines, no other control character ends a line: it is refused instead.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines and not lines[-1] else lines


def _read_txt(path: Path, part: str | None) -> Names:
    return names_from_lines(read_text(path), where=str(path), source=path.name, part=part)


def _read_table(path: Path, part: str | None) -> Names:
    text = read_text(path)
    head = text.partition("\n")[0]
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    if delimiter == "," and ";" in head and "," not in head:
        delimiter = ";"
    rows = [(line, row) for line, row in _table_rows(text, delimiter, path) if any(row)]
    if len(rows) < 2:
        raise CorpusError(f"{path} has no row below its header. Give it one name a row.")
    header = [cell.strip().lower() for cell in rows[0][1]]
    refusals = Refusals()
    # Without a column that says so, names are in the first one, whatever it is called.
    at_name = header.index("name") if "name" in header else 0
    if not set(header) & set(CANONICAL):
        refusals.add("taken for the table's header", *rows[0][1][:1])
    places = {at: title for at, title in enumerate(header) if title in CANONICAL}
    places[at_name] = "name"
    records = []
    for _, row in rows[1:]:
        if len(row) > len(header):
            refusals.add("row with more cells than the header", delimiter.join(row))
            continue
        records.append({title: row[at] for at, title in places.items() if at < len(row)})
    for record in records:
        record.setdefault("name", "")
    return names_from_records(
        records, where=str(path), source=path.name, part=part, refusals=refusals
    )


def _table_rows(text: str, delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from parse_rows(text, path, delimiter, strict=True)
    except UnreadableError as error:
        raise CorpusError(f"{path}, {error.reason}. Mend the quotes.") from None


def _read_json(path: Path, part: str | None) -> Names:
    value = _parse(read_text(path), str(path))
    if not isinstance(value, list):
        raise CorpusError(
            f"{path} must hold a list of names or of objects with a 'name'; "
            f"got {_kind(value)}. Write [...] around it."
        )
    records = [_record(item, f"{path}, item {at}") for at, item in enumerate(value, start=1)]
    return names_from_records(records, where=str(path), source=path.name, part=part)


def _read_jsonl(path: Path, part: str | None) -> Names:
    records = []
    for number, line in enumerate(_lines(read_text(path)), start=1):
        if line.strip():
            where = f"{path}, line {number}"
            records.append(_record(_parse(line, where), where))
    return names_from_records(records, where=str(path), source=path.name, part=part)


def _parse(text: str, where: str) -> object:
    try:
        value: object = parse_json(text, where)
    except UnreadableError as error:
        why = error.reason.removeprefix("it ")
        raise CorpusError(f"{where} {why}. Mend it or fetch it again.") from None
    return value


def _record(item: object, where: str) -> Mapping[str, object]:
    if isinstance(item, str):
        return {"name": item}
    if isinstance(item, Mapping):
        record = {str(key).lower(): value for key, value in item.items()}
        if "name" in record:
            return record
    raise CorpusError(f"{where} must be a name or an object with a 'name'; got {_kind(item)}.")


def _kind(value: object) -> str:
    if isinstance(value, Mapping):
        keys = ", ".join(str(key)[:40] for key in list(value)[:5])
        return f"an object with the keys {keys}" if keys else "an empty object"
    kinds = {list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")


def _read_parquet(path: Path, part: str | None) -> Names:
    import pyarrow.parquet as pq

    check_file(path)
    try:
        with pq.ParquetFile(path) as stored:
            if stored.metadata.num_rows > _MAX_ROWS:
                raise CorpusError(
                    f"{path} declares {stored.metadata.num_rows:,} rows; "
                    f"at most {_MAX_ROWS:,} are read. Split it up."
                )
            titles = _parquet_columns(stored.schema_arrow, path)
            table = stored.read(columns=list(titles))
    except (pa.ArrowException, OSError) as error:
        first = str(error).partition("\n")[0]
        raise CorpusError(
            f"{path} is damaged, cut short or not Parquet ({first}). Fetch it again."
        ) from error
    # An Arrow column is taken as it is; only births are too many to look at one by one.
    columns = {
        column: table[title].combine_chunks() if column == "births" else table[title].to_pylist()
        for title, column in titles.items()
    }
    return names_from_columns(columns, where=str(path), source=path.name, part=part)


def _parquet_columns(schema: pa.Schema, path: Path) -> dict[str, str]:
    """Return which stored column is which of ours."""
    titles = {title: CANONICAL[title.lower()] for title in schema.names
              if title.lower() in CANONICAL}  # fmt: skip
    if "name" not in titles.values():
        texts = [column.name for column in schema if _is_text(column.type)]
        if not texts:
            raise CorpusError(f"{path} has no column of texts. Give it a column 'name'.")
        titles[texts[0]] = "name"
    # Two spellings of one column, such as sex and gender: the schema's own word counts.
    ours: dict[str, str] = {}
    for title, column in sorted(titles.items(), key=lambda item: item[0] != item[1]):
        if column not in ours.values():
            ours[title] = column
    return ours


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
