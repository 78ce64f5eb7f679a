"""Tables of cells in text: which separator, which row is the header, which lines are neither."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.cleaning import Refusals
from namebasis.namespace.corpus.files.content import flaw, is_gender, is_number
from namebasis.reading import UnreadableError, parse_rows

# Where two separators fit as well, a comma may stand in numbers and in prose, a bar hardly ever.
_SEPARATORS = ("\t", ";", "|", ",")
_SAMPLE = 1000
_FIRST_LINE = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_NONE = "\x1f"  # no text holds it: each line is one cell, which may stand in quotes
_PREAMBLE = 30
"""Lines of title above a header, at most."""
_FITTING = 0.6
"""Share of rows that must be as wide as the widest agreement for a separator to be believed."""

_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")
_SPACED_QUOTE = re.compile(r'(?<=[,;|]) +(?=")')

Row = list[str]


@dataclass(frozen=True)
class Cells:
    """A table of texts.

    Attributes
    ----------
    rows : list of list of str
        All of one width, without comments, titles and blank lines.
    separator : str
        Empty where each line is one cell.
    """

    rows: list[Row]
    separator: str


def read_cells(text: str, where: str, refusals: Refusals, *, tabs: bool = False) -> Cells:
    """Cut a text into rows of equal width.

    The separator is the one by which most lines have as many cells; ``sep=;`` in the first line
    says it. In tab-separated text a quote is a letter unless it stands at both ends of a cell.
    Empty cells at a row's end are no cells. Lines that begin with ``#``, title lines above the
    header and rows of more cells than the others are left out and counted.

    Parameters
    ----------
    text : str
    where : str
        The source, as messages should name it.
    refusals : Refusals
        Counts what is left out.
    tabs : bool
        Whether the file's name says that tabs separate.

    Raises
    ------
    CorpusError
        If the quotes of every row are broken.
    """
    first, _, rest = text.partition("\n")
    said = _FIRST_LINE.fullmatch(first)
    if said:
        text = rest
    lines = _without_comments(text.replace("\r\n", "\n").replace("\r", "\n"), refusals)
    sample = [line for line in lines[:_SAMPLE] if line.strip()]
    separator = said.group(1) if said else _separator(sample, tabs)
    rows = _rows(lines, separator, where, refusals)
    return Cells(_of_one_width(rows, separator, refusals), separator)


def _without_comments(text: str, refusals: Refusals) -> list[str]:
    lines = text.split("\n")
    marked = [at for at, line in enumerate(lines) if line.lstrip("\ufeff ").startswith("#")]
    # One such line below others may be a header (#,Name) or a name.
    if marked and (len(marked) > 1 or not any(line.strip() for line in lines[: marked[0]])):
        comments = [at for at in marked if not _is_header(lines[at])]
        for at in comments:
            refusals.add("comment line", lines[at])
        left = set(comments)
        lines = [line for at, line in enumerate(lines) if at not in left]
    return lines


def _is_header(line: str) -> bool:
    return line.lstrip("\ufeff ")[:2] in {f"#{mark}" for mark in _SEPARATORS}


def best_separator(lines: Sequence[str]) -> tuple[str, float]:
    """Return the separator by which lines agree best, and the share of lines that do.

    Returns
    -------
    separator : str
        Empty where none cuts most lines into the same number of cells, two or more.
    share : float
    """
    best = ("", 0.0)
    for separator in _SEPARATORS:
        rows = _quick_rows(lines, separator)
        widths = [_width(row) for row in rows if any(map(str.strip, row))]
        counts = Counter(width for width in widths if width > 1)
        if not counts:
            continue
        width = max(counts, key=lambda one: (counts[one], one))
        widths = _without_ends(widths)
        # A short row lacks its last cells; a long one speaks against the separator.
        fitting = sum(1 for one in widths if one == width or 1 < one < width) / len(widths)
        is_heading = width in widths[:_PREAMBLE] and max(widths[:3], default=0) > 1
        if is_heading and fitting >= _FITTING and fitting > best[1] + 1e-9:
            best = (separator, fitting)
    return best


def _without_ends(widths: list[int]) -> list[int]:
    """Leave out lines of one cell above and below a table that is surely one: titles and notes."""
    wide = [at for at, width in enumerate(widths) if width > 1]
    inside = widths[wide[0] : wide[-1] + 1]
    is_table = len(inside) > 2 and 1 not in inside and max(inside) > 2
    return inside if is_table and len(inside) * 2 > len(widths) else widths


def _separator(lines: Sequence[str], tabs: bool) -> str:
    if tabs and any("\t" in line for line in lines):
        return "\t"
    return best_separator(lines)[0]


def _quick_rows(lines: Sequence[str], separator: str) -> Iterator[Row]:
    if separator == "\t":
        yield from (line.split("\t") for line in lines)
        return
    try:
        yield from (row for _, row in parse_rows("\n".join(lines), "", separator) if row)
    except UnreadableError:
        return


def _width(row: Row) -> int:
    width = len(row)
    while width > 1 and not row[width - 1].strip():
        width -= 1
    return width


def _rows(lines: list[str], separator: str, where: str, refusals: Refusals) -> list[Row]:
    if separator == "\t":
        return [[_unquoted(cell) for cell in line.split("\t")] for line in lines]
    separator = separator or _NONE
    # `a, "b, c"` is written by hand and by VGGFace2; a quote that does not open a cell is a letter.
    if any(_SPACED_QUOTE.search(line) for line in lines[:_SAMPLE]):
        lines = [_SPACED_QUOTE.sub("", line) for line in lines]
    try:
        return [row for _, row in parse_rows("\n".join(lines), where, separator, strict=True)]
    except UnreadableError:
        return list(_line_rows(lines, separator, where, refusals))


def _line_rows(
    lines: Sequence[str], separator: str, where: str, refusals: Refusals
) -> Iterator[Row]:
    """Cut line by line, so that a broken quote costs its own line only."""
    broken, good, width = "", -1, 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            _, row = next(parse_rows(line, where, separator, strict=True))
        except UnreadableError as error:
            reason = error.reason.partition(": ")[2]
            broken = broken or f"{where}, line {number}: {reason}"
            # As in "Weird Al" Yankovic: quotes that belong to the name.
            row = [_unquoted(cell) for cell in line.split(separator)]
            if len(row) != width or any(cell.count('"') % 2 for cell in row):
                refusals.add("row with a quote that does not close", line)
                continue
        width = width or len(row)
        good += 1
        yield row
    if broken and good <= 0:
        raise CorpusError(f"{broken}. Mend the quotes.")


def _unquoted(cell: str) -> str:
    bare = cell.strip()
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        return bare[1:-1].replace('""', '"')
    return cell


def _of_one_width(rows: list[Row], separator: str, refusals: Refusals) -> list[Row]:
    rows = [row for row in rows if any(map(str.strip, row))]
    widths = [_width(row) for row in rows]
    if not rows:
        return []
    start = _first_row(widths)
    for row in rows[:start]:
        refusals.add("line above the table", (separator or " ").join(row).strip(separator or " "))
    common = Counter(widths[start:]).most_common(1)[0][0]
    width = max(widths[start], common)
    kept = []
    for row, own in zip(rows[start:], widths[start:], strict=True):
        if own > width:
            refusals.add("row with more cells than the header", separator.join(row))
        else:
            kept.append([*row[:width], *[""] * (width - len(row))])
    return kept


def _first_row(widths: Sequence[int]) -> int:
    """Where the table begins below lines of title, which are narrower than its rows."""
    common = Counter(widths).most_common(1)[0][0]
    if common < 2:
        return 0
    enough = max(2, common - 1) if common > 2 else 2
    start = next((at for at, width in enumerate(widths) if width >= enough), 0)
    return start if start <= _PREAMBLE else 0


def has_header(rows: Sequence[Row], is_known: Sequence[bool]) -> bool:
    """Whether the first row names the columns.

    Parameters
    ----------
    rows : sequence of rows
    is_known : sequence of bool
        Which cells of the first row are titles that columns are known to bear.
    """
    first, below = rows[0], rows[1:200]
    cells = [cell.strip() for cell in first]
    if not cells[0] and len(cells) > 1 and all(is_number(row[0]) for row in below):
        return True  # row numbers that a library wrote along
    if any(is_number(cell) or is_gender(cell, strict=True) for cell in cells if cell):
        # A year or a number may head a column; a row with a number below numbers is data.
        return any(is_known) and not _is_like_below(cells, below)
    if any(is_known) or not below:
        return any(is_known)
    for at, cell in enumerate(cells):
        values = [row[at] for row in below if row[at].strip()]
        numbers = sum(map(is_number, values))
        if cell and values and numbers > len(values) / 2:
            return True
        # A title stands above links or codes without being one; image_path is no name.
        told = flaw(values)
        if cell and told in ("links or paths", "codes") and flaw([cell]) != told:
            return True
        if cell.isascii() and "_" in cell.strip("_"):
            return True
        lower = sum(value == value.lower() for value in values)
        if cell.isascii() and cell == cell.lower() and lower * 2 < len(values):
            return True
    return any(not cell for cell in cells[:1])


def _is_like_below(cells: Sequence[str], below: Sequence[Row]) -> bool:
    years = {cell for cell in cells if _YEAR.fullmatch(cell)}
    are_titles = len(years) > 1 and all(cell in years for cell in cells if is_number(cell))
    for at, cell in enumerate(cells):
        if are_titles and cell in years:
            continue
        values = [row[at].strip() for row in below if row[at].strip()]
        for test in (is_number, lambda one: is_gender(one, strict=True)):
            if cell and test(cell) and values and sum(map(test, values)) > len(values) / 2:
                return True
    return False
