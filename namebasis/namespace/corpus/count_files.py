"""Counts of names in a file: whatever its separator, its capitals and its thousands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.cleaning import examine
from namebasis.namespace.corpus.files.dialects import best_separator
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.corpus.values import plain_number
from namebasis.reading import LARGE, Table, UnreadableError, read_table, read_text

T = TypeVar("T")


def count_rows(path: str | Path, *more: str) -> tuple[tuple[str, ...], Iterator[CountRow]]:
    """Read the columns `name`, `count` and `more` of a table, in any capitals.

    Parameters
    ----------
    path : str or Path
    *more : str
        Columns that may be missing.

    Returns
    -------
    columns : tuple of str
        Those of `more` that the file has.
    rows : iterator of (line, name, numbers)
        The number of the row's last line, the clean name, and the texts of `count` and of
        `columns`, written as `float` reads them: "1,234" is 1234.

    Raises
    ------
    CorpusError
        If it cannot be read or lacks a column.
    """
    also = f" ({', '.join(more)} may follow)" if more else ""
    titles, table = titled_table(path, ("name", "count"), also)
    there = tuple(column for column in more if column in titles)

    def rows() -> Iterator[CountRow]:
        for line, row in table.rows:
            name, _ = examine(row[titles["name"]] or "")
            told = [row[titles[column]] or "" for column in ("count", *there)]
            yield line, name, [plain_number(text.strip(), is_whole=True) for text in told]

    return there, rows()


def titled_table(
    path: str | Path, needed: Sequence[str], also: str = ""
) -> tuple[dict[str, str], Table]:
    """Open a table that must have some columns: each title by itself in small letters.

    Parameters
    ----------
    path : str or Path
    needed : sequence of str
    also : str
        What else it may have, for the message.

    Raises
    ------
    CorpusError
        If it cannot be read or lacks a column.
    """
    *most, last = needed
    wanted = f"{', '.join(most)} and {last}"
    try:
        lines = [line for line in read_text(path, LARGE).splitlines()[:200] if line.strip()]
        table = read_table(path, best_separator(lines)[0] or ",")
    except UnreadableError as error:
        raise CorpusError(f"{path}: cannot be read as CSV ({error.reason}).") from None
    if not table.columns:
        raise CorpusError(f"{path}: is empty; it needs the columns {wanted}.")
    titles = {title.strip().lower(): title for title in reversed(table.columns)}
    if not set(needed) <= set(titles):
        raise CorpusError(f"{path}: needs the columns {wanted}{also}; got {list(table.columns)}.")
    return titles, table


CountRow = tuple[int, str, list[str]]


def by_fold(values: Mapping[str, T]) -> Callable[[str], T | None]:
    """Return a look-up of names: as written, else by what both spellings fold to."""
    folded: dict[str, T] = {}
    for name, value in values.items():
        folded.setdefault(fold(name), value)

    def find(name: str) -> T | None:
        return values[name] if name in values else folded.get(fold(name))

    return find
