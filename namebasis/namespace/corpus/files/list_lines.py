"""Lists of names as people have them: numbered, with bullets, in one line, pasted out of code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.files.column_roles import is_title
from namebasis.namespace.corpus.files.prompt_lines import without_attributes
from namebasis.namespace.corpus.files.tables import Source
from namebasis.wording import counted

_NUMBERED = re.compile(r"^(?:\s*[(\[#]?\d{1,7}\s?[.):\]]\s+(?=\S)|\s*#?\d{1,7}\s+[-–—]\s+(?=\S))")
_BARE_NUMBER = re.compile(r"^\s*#?(\d{1,7})\s++(?=.*[^\W\d])")
_ENTITY = re.compile(r"&#?\w+;$")
_BULLET = re.compile(r"^\s*[-*+•·‣◦▪▫●○■□–—➢➤►▶✓✔»]\s+(?:\[[ xX]?\]\s+)?(?=\S)")
_LINKED = re.compile(r"\[([^\[\]]+)\]\([^()\s]+\)")
_PAGE = re.compile(r"\[\[([^\[\]|]+)(?:\|[^\[\]]*)?\]\]")
_LIVED = re.compile(
    r"(?<!\s)\s*+[(\[](?:born|b\.|d\.|died|fl\.|\*|†|c\.|ca\.)?\s*\d{3,4}\b[^()]*[)\]]$"
)
_TOLD = re.compile(r"(?P<name>\S.*?)(?:(?<!\s)\s++[-–—]|:)\s++(?P<rest>\S.*)")
_COUNT = re.compile(r"(?<![\d.,])(?P<count>\d[\d.,]*+)\)?\s*\Z")
_STRONG = re.compile(r"(\*\*|`|\*)(?=\S)(.+?)(?<=\S)\1")
_QUOTED = re.compile(r"[urbf]?([\"'“‘«„`])(.*)([\"'”’»“`])", re.DOTALL)
_CLOSING = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "„": "“", "`": "`"}
_LITERAL = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.|'')*'")
_CODE = re.compile(r"[^\"'\n#,]{0,200}[\[({]\s*+[urbf]?[\"']")
_BETWEEN = re.compile(r"[\s,;\[\](){}urbf]*")
_SUFFIX = re.compile(r"\s*(?:jr|sr|ii|iii|iv|md|phd|esq)\.?\s*", re.IGNORECASE)
_MOST_LITERALS = 10_000_000
_NEARLY_ALL = 0.9
_LONGEST = 4_000
"""Letters of a line in which stars and dates around a name are looked for."""


def code_literals(text: str) -> list[str] | None:
    """Return the texts in quotes of a list that was pasted out of a program; None if it is none.

    ``names = ["Ana", 'Bo']``, ``c("Ana", "Bo")`` or ``("Ana"), ("Bo");``: nothing but texts,
    brackets and commas may stand behind the first bracket.
    """
    start = _CODE.match(text.strip())
    if start is None or text.strip()[-1] not in "])};":
        return None
    body = text.strip()[start.end() - 1 :]
    found: list[str] = []
    at = 0
    for match in _LITERAL.finditer(body):
        if not _BETWEEN.fullmatch(body, at, match.start()) or len(found) > _MOST_LITERALS:
            return None
        found.append(_unescaped(match.group()[1:-1], match.group()[0]))
        at = match.end()
    return found if found and _BETWEEN.fullmatch(body, at) else None


def _unescaped(text: str, quote: str) -> str:
    text = text.replace("''", "'") if quote == "'" else text
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    return re.sub(r"\\(.)", r"\1", text)


def read_lines(lines: Sequence[str], source: Source) -> list[str]:
    """Take the plain names out of the lines of a list.

    Numbers, bullets, quotes and commas that belong to the list go, a line of several names is cut,
    and prompts give their names (`prompt_lines.plain_names`). ``source.texts`` becomes what each
    row has in its name's place, whether or not it is one.

    Parameters
    ----------
    lines : sequence of str
        Without comment lines.
    source : Source
        Counts lines without a name, and notes what was cut away.

    Returns
    -------
    list of str
        Blank lines stay.

    Raises
    ------
    CorpusError
        If every line holds several texts that may be columns of a table or names.
    """
    lines = _without_title(lines, source)
    lines = _without_descriptions(_without_marks(_one_a_line(lines, source), source), source)
    capitals = sum(line.isupper() for line in lines) * 2 > len(lines)
    found: list[str] = []
    for line in lines:
        names = source.take_names(line, is_capitals=capitals) if line.strip() else []
        source.texts += names or [line] * bool(line.strip())
        found += names if line.strip() else [line]
    return found


def _without_title(lines: Sequence[str], source: Source) -> Sequence[str]:
    """Lines below a title such as "First Name"."""
    first = next((at for at, line in enumerate(lines) if line.strip("\ufeff ")), -1)
    if first < 0 or len(lines) < first + 2 or not is_title(lines[first].strip("\ufeff ")):
        return lines
    source.refusals.add("title of the list", lines[first].strip("\ufeff "))
    return [*lines[:first], *lines[first + 1 :]]


def _one_a_line(lines: Sequence[str], source: Source) -> list[str]:
    """Split a list whose lines hold several names each."""
    told = [line.strip() for line in lines if line.strip()]
    for separator in (",", ";", "|"):
        rows = [_pieces(line, separator) for line in told]
        wide = [row for row in rows if len(row) > 2]
        if not wide or len(wide) < max(1, len(rows) - 1) or not all(map(_are_names, rows)):
            continue
        is_open = len(told) > 1 and all(line.endswith(separator) for line in told[:-1])
        widths = {len(row) for row in rows}
        if len(told) > 1 and not is_open and (len(widths) == 1 or separator == ","):
            is_list = len(widths) > 1 and all(piece[:1].isupper() for row in rows for piece in row)
            if not is_list:
                raise CorpusError(
                    f"{source.where}: its lines hold several texts between {separator!r}, which "
                    "may be columns or names. Write one name a line, or save a table as .csv."
                )
        source.notes.append(f"split at {separator!r}: a line holds several names")
        return [piece for row in rows for piece in row]
    return list(lines)


def _pieces(line: str, separator: str) -> list[str]:
    inner = line[1:-1] if line[:1] + line[-1:] in ("[]", "()") and separator in line else line
    return [piece.strip() for piece in inner.split(separator) if piece.strip()]


def _are_names(row: Sequence[str]) -> bool:
    """Whether pieces may be a name each: short, no suffix, no attribute, no syntax of prompts."""
    if any(_SUFFIX.fullmatch(piece) or len(piece.split()) > 4 for piece in row):
        return False
    joined = ", ".join(row)
    return not re.search(r"[{}<>():$|]|__", joined) and without_attributes(joined) == joined


def _without_marks(lines: Sequence[str], source: Source) -> list[str]:
    """Lines without numbers, bullets, quotes and commas that belong to the list."""
    told = [line for line in lines if line.strip()]
    numbered = sum(_NUMBERED.match(line) is not None for line in told)
    bare = [_BARE_NUMBER.match(line) for line in told]
    numbers = [int(match[1]) for match in bare if match is not None]
    # 1 Ana, 2 Bo, 3 Cy: without a sign behind them only numbers in order belong to the list.
    in_order = len(numbers) > 2 and len(numbers) == len(told) and all(
        after - before == 1 for before, after in pairwise(numbers)
    )  # fmt: skip
    pattern = _BARE_NUMBER if in_order else _NUMBERED if numbered * 2 > len(told) else None
    marked, out = 0, []
    for at, line in enumerate(lines):
        if pattern is not None and _is_heading(lines, at, pattern):
            source.refusals.add("heading of a list", line.strip())
            continue
        bare_line = line if pattern is None else pattern.sub("", line, count=1)
        bare_line = _BULLET.sub("", bare_line, count=1)
        bare_line = _LINKED.sub(r"\1", bare_line)
        if len(bare_line) <= _LONGEST:
            bare_line = _STRONG.sub(r"\2", bare_line)
            bare_line = _LIVED.sub("", _PAGE.sub(r"\1", bare_line)) or bare_line
        bare_line = _without_quotes(bare_line.strip())
        marked += bare_line != line.strip()
        out.append(bare_line if bare_line or not line.strip() else line)
    if marked:
        source.notes.append(
            f"left out numbers, bullets, quotes, commas or dates around {counted(marked, 'name')}"
        )
    return out


def _is_heading(lines: Sequence[str], at: int, pattern: re.Pattern[str]) -> bool:
    """Whether a line without a number stands above a list that begins with 1."""
    if not lines[at].strip() or pattern.match(lines[at]):
        return False
    below = next((line for line in lines[at + 1 :] if line.strip()), "")
    return re.match(r"\D{0,3}0*1\b", below) is not None and pattern.match(below) is not None


def counted_lines(lines: Sequence[str]) -> list[tuple[str, str]] | None:
    """Return names and their counts where nearly all lines are "Ana: 5", "Ana (5)" or "Ana - 5"."""
    told = [line for line in lines if line.strip()]
    rows = [row for row in map(_counted, told) if row is not None]
    if len(rows) < 2 or len(rows) < _NEARLY_ALL * len(told):
        return None
    years = sum(re.fullmatch(r"1[5-9]\d\d|20\d\d", rest) is not None for _, rest in rows)
    return None if years * 2 > len(rows) else rows


def _counted(line: str) -> tuple[str, str] | None:
    """The name and the count of "Ana: 5", "Ana = 5", "Ana - 5" or "Ana (5)"."""
    count = _COUNT.search(line)
    if count is None:
        return None
    before = line[: count.start()]
    bare = before.rstrip()
    name, sign = bare[:-1], bare[-1:]
    if sign in ("-", "–", "—"):
        is_sign = name != name.rstrip() and before != bare
    elif sign == "(":
        is_sign = name != name.rstrip() and before == bare
    else:
        is_sign = sign in (":", "=")
    name = name.rstrip()
    return (name, count["count"]) if is_sign and name and name == name.lstrip() else None


def _without_descriptions(lines: Sequence[str], source: Source) -> list[str]:
    """Lines up to a dash or colon where most have one: "Ana Lee – Spanish actress" is Ana Lee."""
    told = sum(bool(line.strip()) for line in lines)
    found = [_TOLD.fullmatch(line.strip()) for line in lines]
    n_found = sum(match is not None for match in found)
    if n_found < 2 or n_found * 2 <= told:
        return list(lines)
    source.notes.append(f"left out what follows a dash or colon behind {counted(n_found, 'name')}")
    return [line if match is None else match["name"]
            for line, match in zip(lines, found, strict=True)]  # fmt: skip


def _without_quotes(text: str) -> str:
    """`"Ana",` is Ana; `"Weird Al" Yankovic` keeps its quotes."""
    if text[-1:] in (",", ";") and not _ENTITY.search(text):
        text = text.rstrip(",;").rstrip()
    quoted = _QUOTED.fullmatch(text)
    if quoted is None or _CLOSING[quoted[1]] != quoted[3]:
        return text
    inner = quoted[2]
    whole = re.sub(r"\\.", "", inner)
    if quoted[1] in whole or quoted[3] in whole:
        return text
    return re.sub(r"\\(.)", r"\1", inner)
