"""US Census tables of names: surnames, and since 2020 first names, by group."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.cleaning import Refusals, restore_capitals
from namebasis.namespace.corpus.files.raw import read_text
from namebasis.namespace.corpus.names import Names, names_from_columns
from namebasis.reading import UnreadableError, parse_rows

_US = ["en_US"]
_NAMES = {
    "name": "family", "surname": "family", "last name": "family", "first name": "given",
    "firstname": "given", "given name": "given",
}  # fmt: skip
_PERCENTAGES = {
    "pct_white": ("white", "pctwhite"),
    "pct_black": ("black", "pctblack"),
    "pct_asian": ("asian", "pctapi"),
    "pct_native": ("american indian", "pctaian"),
    "pct_multiracial": ("two or more", "pct2prace"),
}
_SUPPRESSED = "(S)"
_COLUMNS = (*_PERCENTAGES, "pct_hispanic")


def read_census(path: Path) -> Names:
    """Read a US Census table of surnames or first names as published, of any year.

    Names are written in capitals there; they become "Smith", "McDonald" and "O'Brien". Values held
    back for confidentiality, "(S)", are null; the note below the table and the row of all other
    names are counted as left out.

    Parameters
    ----------
    path : Path
        A UTF-8 CSV with a column NAME, SURNAME or FIRST NAME, a count, and up to six columns of
        percentages.

    Returns
    -------
    Names
        Family or given names in the table's order, with `count` and the ``pct_`` columns; `notes`
        name the columns that the table lacks, which are null.

    Raises
    ------
    CorpusError
        If the file is not such a table.
    """
    try:
        rows = [row for _, row in parse_rows(read_text(path), path)]
    except UnreadableError as error:
        raise CorpusError(f"{path}: {error.reason}. Fetch it again.") from None
    header = [" ".join(cell.lower().split()) for cell in rows[0]] if rows else []
    places, part = _census_places(header, path)
    lacking = [column for column in _COLUMNS if column not in places]
    refusals = Refusals()
    columns: dict[str, list[object]] = {column: [] for column in places}
    for row in rows[1:]:
        if not any(row):
            continue
        cells = dict(zip(places, (row[at] if at < len(row) else "" for at in places.values()),
                         strict=True))  # fmt: skip
        if not cells["count"]:
            refusals.add("a note, without a count", cells["name"])
        elif cells["name"].strip().upper() == "ALL OTHER NAMES":
            refusals.add("the sum of all other names", cells["name"])
        else:
            cells["name"] = restore_capitals(cells["name"])
            for column, cell in cells.items():
                columns[column].append(None if cell.strip() == _SUPPRESSED else cell)
    n_rows = len(columns["name"])
    return names_from_columns(
        columns | {"part": [part] * n_rows, "locales": [_US] * n_rows},
        where=str(path),
        source="census",
        refusals=refusals,
        notes=(f"the table has no column for {', '.join(lacking)}",) if lacking else (),
    )


def _census_places(header: Sequence[str], path: Path) -> tuple[dict[str, int], str]:
    """Return where the header has each column of ours, and the part of its names."""
    part = "family"
    places: dict[str, int] = {}
    for at, title in enumerate(header):
        if title in _NAMES:
            places.setdefault("name", at)
            part = _NAMES[title] if places["name"] == at else part
        elif title in ("count", "frequency") or title.endswith("(count)"):
            places.setdefault("count", at)
        elif title == "pcthispanic" or title.endswith("percent hispanic or latino origin"):
            places.setdefault("pct_hispanic", at)
        else:
            for column, (phrase, short) in _PERCENTAGES.items():
                if title == short or (title.startswith("percent") and phrase in title):
                    places.setdefault(column, at)
    missing = {"name", "count"} - set(places)
    if not set(_COLUMNS) & set(places):
        missing |= set(_COLUMNS)
    if missing:
        raise CorpusError(
            f"{path} is no US Census table of names: no column for {', '.join(sorted(missing))}. "
            "Read another CSV without the census: in front."
        )
    return places, part
