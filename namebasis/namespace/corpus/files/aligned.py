"""Tables whose columns are aligned with spaces, and lists of pairs of faces."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import takewhile

from namebasis.namespace.corpus.files.content import is_gender, is_number

Row = list[str]

_GAP = re.compile(r"\t+|[ \u00a0]{2,}")
_FIGURE = re.compile(r"[-+]?\d[\d.,]*%?")
_BEFORE = re.compile(r"(?P<number>\d[\d,]*)\s+(?P<text>\S.*)")
_CODED = re.compile(r"([?1]?[FM]|\?)\s+(\S.*)")
_SAME = re.compile(r"(\S+)\s+\d+\s+\d+")
_OTHER = re.compile(r"(\S+)\s+\d+\s+(\S+)\s+\d+")
_NEARLY_ALL = 0.9


def aligned_rows(lines: Sequence[str]) -> list[Row] | None:
    """Cut lines into cells where no sign separates them, as `dist.all.last` or ``uniq -c`` have it.

    Cells are what stands between gaps of two spaces or more; or else the numbers behind a text or
    in front of it. Nearly all lines must have as many, and one column must hold numbers or genders.

    Parameters
    ----------
    lines : sequence of str

    Returns
    -------
    list of list of str
        Of one width, without the lines that have another; None where lines are no such table.
    """
    told = [line.strip() for line in lines if line.strip()]
    if len(told) < 2:
        return None
    for rows in (_by_gaps(told), _by_numbers(told), _by_first_number(told)):
        widths = Counter(map(len, rows))
        width, n_rows = widths.most_common(1)[0]
        heads = [row for row in rows[:1] if len(told[0].split()) == width]
        if width < 2 or n_rows + len(heads) * (len(rows[0]) != width) < _NEARLY_ALL * len(told):
            continue
        if heads and len(rows[0]) != width:
            rows = [told[0].split(), *rows[1:]]
        kept = [row for row in rows if len(row) == width]
        if any(_is_told(column) for column in zip(*kept[1:], strict=True)):
            return kept
    return None


def _by_gaps(lines: Sequence[str]) -> list[Row]:
    # nam_dict writes "M  Aad" and "?M Aage".
    coded = [_CODED.fullmatch(line) for line in lines]
    if len({match[1][-1] for match in coded if match}) > 1 and all(coded):
        return [[match[1], *_GAP.split(match[2])] for match in coded if match is not None]
    return [_GAP.split(line) for line in lines]


def _by_numbers(lines: Sequence[str]) -> list[Row]:
    return [_with_numbers(line) for line in lines]


def _with_numbers(line: str) -> Row:
    """A text and the numbers behind it; the line alone where there are none."""
    behind = list(takewhile(_FIGURE.fullmatch, reversed(line.split()[1:])))[::-1]
    text = line.rsplit(None, len(behind))[0] if behind else line
    return [line] if not behind or text.isdecimal() else [text, *behind]


def _by_first_number(lines: Sequence[str]) -> list[Row]:
    found = [_BEFORE.fullmatch(line) for line in lines]
    rows = [
        [line] if match is None or not any(map(str.isalpha, match["text"]))
        else [match["number"], match["text"]]
        for line, match in zip(lines, found, strict=True)
    ]  # fmt: skip
    numbers = [row[0] for row in rows if len(row) == 2]
    # Numbers in order are those of a list.
    in_order = [str(at) for at in range(1, len(numbers) + 1)] == numbers
    return [[line] for line in lines] if in_order else rows


def _is_told(column: Sequence[str]) -> bool:
    told = sum(is_number(cell) or is_gender(cell, strict=True) for cell in column)
    return told >= _NEARLY_ALL * len(column)


def face_pairs(lines: Sequence[str]) -> list[str] | None:
    """Return the names in a list of pairs of faces, as LFW's ``pairs.txt``; None where it is none.

    Lines are "Ana_Lee 1 4", two images of one person, and "Ana_Lee 1 Bo_Ray 2", one each of two.
    """
    told = [line.strip() for line in lines if any(map(str.isalpha, line))]
    same = [_SAME.fullmatch(line) for line in told]
    other = [_OTHER.fullmatch(line) for line in told]
    found = [one or two for one, two in zip(same, other, strict=True)]
    names = [name for match in found if match is not None for name in match.groups()]
    names = [name for name in names if any(map(str.isalpha, name))]
    n_kinds = any(match is not None for match in same), any(match is not None for match in other)
    is_pairs = all(n_kinds) and sum(match is not None for match in found) >= _NEARLY_ALL * len(told)
    return names if is_pairs and names and not any(map(is_gender, names)) else None
