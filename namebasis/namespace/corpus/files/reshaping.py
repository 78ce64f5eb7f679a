"""Tables whose rows are not one name each: a column for each sex, headers of two lines, sums."""

from __future__ import annotations

import re
from collections.abc import Sequence

from namebasis.namespace.corpus.cleaning import Refusals
from namebasis.namespace.corpus.files import column_roles, content
from namebasis.namespace.corpus.files.column_roles import SEXES
from namebasis.namespace.corpus.values import is_count, plain_number

Columns = list[Sequence[object]]

_TOTALS = frozenset(
    "total totals totaal totale sum summe gesamt insgesamt ogolem all overall".split()
) | {"grand total"}
_FOOTNOTE = re.compile(
    r"(?:source|note|notes|quelle|fuente|fonte|zrodlo|kilde|kalla|bron|footnote|copyright|©|\*)"
    r"\s*[:.(©]?.*",
    re.IGNORECASE,
)
_RULE = re.compile(r"[\s|:=+-]*")


def one_header(rows: Sequence[list[str]]) -> list[list[str]]:
    """Return rows with one header: "Males" over "Name" and "Number" goes in front of both."""
    if len(rows) < 3:
        return list(rows)
    above, below = rows[0], rows[1]
    filled = [cell.strip() for cell in above if cell.strip()]
    sexes = {_sex(cell) for cell in filled} - {""}
    known = sum(column_roles.is_known(cell.strip()) for cell in below)
    if len(sexes) < 2 or len(filled) == len(above) or known < 2:
        return list(rows)
    merged, last = [], ""
    for over, title in zip(above, below, strict=True):
        last = over.strip() or last
        merged.append(f"{last} {title.strip()}".strip())
    return [merged, *rows[2:]]


def without_rules(rows: Sequence[list[str]]) -> list[list[str]]:
    """Return rows without the line of dashes under a header."""
    under = rows[1] if len(rows) > 1 else ()
    if any("-" in cell for cell in under) and all(_RULE.fullmatch(cell) for cell in under):
        return [rows[0], *rows[2:]]
    return list(rows)


def by_sex(
    titles: Sequence[str], columns: Sequence[Sequence[object]]
) -> tuple[list[str], Columns, str] | None:
    """Return a table with a column of names for each sex as one with a column of genders.

    Titles that tell the sex belong to it ("Boys count"); of a title that stands there twice the
    first does to the sex that stands first; all others belong to both.

    Parameters
    ----------
    titles : sequence of str
    columns : sequence of sequences

    Returns
    -------
    titles : list of str
    columns : list of sequences
        Each sex's rows one after the other.
    note : str
        Or None where the table is none of that kind.
    """
    plain = [column_roles.normal(title) for title in titles]
    sexes = [_sex(title) for title in plain]
    names = [
        at for at, sex in enumerate(sexes)
        if sex and not content.flaw(columns[at]) and content.is_text_like(columns[at])
        and not _other_words(plain[at]) - {"name", "names", "first", "baby", "given", "forename"}
    ]  # fmt: skip
    if len(names) != 2 or sexes[names[0]] == sexes[names[1]]:
        return None
    order = [sexes[at] for at in names]
    places: dict[str, dict[str, int]] = {"name": dict(zip(order, names, strict=True))}
    for at, title in enumerate(plain):
        if at in names:
            continue
        bare = " ".join(word for word in title.split() if word not in SEXES) or f"column {at + 1}"
        taken = places.setdefault(bare, {})
        if sexes[at]:
            taken.setdefault(sexes[at], at)
        else:
            taken.setdefault(order[min(len(taken), 1)], at)
    new: Columns = []
    for group in places.values():
        of_both = next(iter(group.values()))
        pair = (group.get(sex, of_both) for sex in order)
        new.append([value for at in pair for value in columns[at]])
    n_rows = len(columns[0])
    new.append([order[0]] * n_rows + [order[1]] * n_rows)
    both = " and ".join(repr(titles[at]) for at in names)
    return [*places, "gender"], new, f"read names of one sex each from {both}"


def without_footers(rows: Sequence[list[str]], refusals: Refusals) -> list[list[str]]:
    """Return rows without the notes below a table: a line with one cell, such as Source: …"""
    end = len(rows)
    while end > 2 and len(rows[end - 1]) > 1:
        filled = [cell for cell in rows[end - 1] if cell.strip()]
        if len(filled) != 1 or not rows[end - 1][0].strip() or not _is_footnote(filled[0]):
            break
        refusals.add("line below the table", filled[0].strip())
        end -= 1
    return list(rows[:end])


def _is_footnote(text: str) -> bool:
    return _FOOTNOTE.fullmatch(text.strip()) is not None or len(text.split()) > 5


def total_row(names: Sequence[object], counts: Sequence[object] | None) -> int | None:
    """Return the place of the row that adds up the others: its name says so, and its count."""
    if counts is None or len(names) < 3:
        return None
    for at in (len(names) - 1, 0):
        if column_roles.normal(str(names[at] or "")) in _TOTALS:
            whole = _number(counts[at])
            rest = [_number(one) for place, one in enumerate(counts) if place != at]
            if whole is not None and whole >= sum(one for one in rest if one is not None):
                return at
    return None


def _number(value: object) -> float | None:
    if value is None or not is_count(value):
        return None
    try:
        return float(plain_number(str(value).strip(), True))
    except ValueError:
        return None


def _sex(title: str) -> str:
    found = {SEXES[word] for word in column_roles.normal(title).split() if word in SEXES}
    return found.pop() if len(found) == 1 else ""


def _other_words(title: str) -> set[str]:
    return {word for word in title.split() if word not in SEXES}
