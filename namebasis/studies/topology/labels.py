"""What is known of each name: one label to compare with, all values, a line to read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.checks import IntArray
from namebasis.namespace.corpus.folding import fold
from namebasis.studies.topology.languages import called, locale_name

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

Labels = list[str | None]
Order = tuple[str, ...]
GROUPS = {
    "pct_white": "white",
    "pct_black": "Black",
    "pct_asian": "Asian",
    "pct_native": "Native American",
    "pct_multiracial": "multiracial",
    "pct_hispanic": "Hispanic",
}
"""Columns of the US Census with the share of a name's bearers in percent, and its word for them."""
PARTS = {
    "given": "given names",
    "family": "family names",
    "full": "full names",
    "pseudo": "made-up names",
    "phrase": "phrases",
}
GENDERS = {"F": "women's", "M": "men's", "U": "unisex"}
_MADE = ("locale", "first letters", "first piece", "Census group")
MANY_VALUES = 50
N_RANGES = 10


def known_labels(
    space: StoredSpace, ids: IntArray, by: Sequence[str] = ()
) -> tuple[dict[str, Labels], dict[str, Order]]:
    """Per property, the single value of each name: None where unknown or several.

    Also, of properties that are numbers, their values from the lowest to the highest.

    Parameters
    ----------
    space : Space
    ids : ndarray of shape (n,), int64
        Which names.
    by : sequence of str
        Columns to take beside gender, locale, part, first letters and first piece, which may be
        named too. Numbers with more than 50 different values are cut into 10 ranges of equally
        many names, fewer where many have one value.

    Raises
    ------
    ValueError
        If a column is not there, or is one of vectors.
    """
    for column in by:
        if column in space.views:
            raise ValueError(
                f"{column!r} holds vectors, no labels; give one of {', '.join(space.columns)}."
            )
    asked = [column for column in by if column not in _MADE]
    own = ["name", "gender", "locales", "part", "pieces", *GROUPS]
    wanted = list(dict.fromkeys([*own, *asked]))
    table = space.table(wanted, ids=ids)
    names = table["name"].to_pylist()
    found: dict[str, Labels] = {
        "gender": [GENDERS.get(value, value) for value in table["gender"].to_pylist()],
        "locale": [
            None if (one := _single(row)) is None else locale_name(one)
            for row in table["locales"].to_pylist()
        ],
        "part": table["part"].to_pylist(),
        "first letters": [fold(name)[:2] for name in names],
        "first piece": [row[0] if row else None for row in table["pieces"].to_pylist()],
    }
    groups = [row[0] if row else None for row in _groups(table)]
    if any(groups):
        found["Census group"] = groups
    orders: dict[str, Order] = {}
    for column in by:
        if column not in found:
            found[column], order = _as_labels(table[column], column)
            orders |= {column: order} if order else {}
    return found, orders


def all_values(table: pa.Table) -> dict[str, list[list[str]]]:
    """Every value of each name, for the traits of clusters."""
    folded = [fold(name) for name in table["name"].to_pylist()]
    return {
        "locales": [row or [] for row in table["locales"].to_pylist()],
        "language": [called(row or []) for row in table["locales"].to_pylist()],
        "group": _groups(table),
        "gender": [[value] if value else [] for value in table["gender"].to_pylist()],
        "part": [[value] if value else [] for value in table["part"].to_pylist()],
        "beginning": [_letters(letters, 1) for letters in folded],
        "ending": [_letters(letters, -1) for letters in folded],
    }


def _groups(table: pa.Table) -> list[list[str]]:
    """The Census group of most bearers of each name, where the table knows one."""
    shares = np.array(
        [table[column].to_pylist() for column in GROUPS], np.float64
    )  # None becomes NaN
    rows, most = np.nonzero((shares > 50).T)
    found: list[list[str]] = [[] for _ in range(table.num_rows)]
    words = list(GROUPS.values())
    for row, group in zip(rows.tolist(), most.tolist(), strict=True):
        found[row] = [words[group]]
    return found


def _letters(letters: str, way: int) -> list[str]:
    """First two and three characters (`way` 1), or last three to six (-1), where they are letters
    and not all of the name, which is folded, so that every spelling has the same."""
    if way == 1:
        found = [letters[:n] for n in (2, 3) if len(letters) > n]
    else:
        found = [letters[-n:] for n in (3, 4, 5, 6) if len(letters) > n]
    return [part for part in found if part.isalpha()]


def detail_lines(table: pa.Table) -> list[str]:
    """A line on each name: part, gender, locales in words."""
    lines = []
    for part, gender, locales in zip(
        *(table[column].to_pylist() for column in ("part", "gender", "locales")), strict=True
    ):
        sex = GENDERS.get(gender, gender)
        kind = PARTS.get(part, part).removesuffix("s")
        names = [locale_name(locale) for locale in locales or []]
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        shown = [" ".join(word for word in (sex, kind) if word), ", ".join(names[:4]) + more]
        lines.append(" · ".join(item for item in shown if item))
    return lines


def _as_labels(column: pa.ChunkedArray, title: str = "") -> tuple[Labels, Order]:
    """A column's values as text, and of numbers these texts in the order of the numbers."""
    values = column.to_pylist()
    if pa.types.is_list(column.type):
        return [_single(row) for row in values], ()
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return [None if value is None else str(value) for value in values], ()
    known = np.array([np.nan if value is None else value for value in values], np.float64)
    different = np.unique(known[np.isfinite(known)])
    if different.size > MANY_VALUES:
        return _ranges(known, title, whole=bool(pa.types.is_integer(column.type)))
    finite = [
        value if isinstance(value, (int, float)) and np.isfinite(value) else None
        for value in values
    ]
    order = dict.fromkeys(str(value) for value in sorted({v for v in finite if v is not None}))
    return [None if value is None else str(value) for value in finite], tuple(order)


def _single(row: list[Any] | None) -> str | None:
    return str(row[0]) if row and len(row) == 1 else None


def _ranges(values: np.ndarray, title: str, whole: bool) -> tuple[Labels, Order]:
    """Cut numbers into ranges of about equally many; None for what is not finite.

    What `pct_…` and `share_…` hold is shown in percent, thousands have separators except in years.
    """
    finite = np.isfinite(values)
    per_cent = title.startswith(("pct_", "share_"))
    edges = np.quantile(values[finite], np.linspace(0, 1, N_RANGES + 1))
    edges = np.unique(np.rint(edges) if whole else edges)
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, edges.size - 2)
    shown = edges * 100 if title.startswith("share_") else edges
    ends = _ends(shown, group="year" not in title.lower(), most=1 if per_cent else 6, whole=whole)
    ranges = [f"{low} to {high}{' %' if per_cent else ''}" for low, high in pairwise(ends)]
    labels = [
        ranges[i] if known else None
        for i, known in zip(place.tolist(), finite.tolist(), strict=True)
    ]
    return labels, tuple(ranges)


def _ends(edges: np.ndarray, *, group: bool, most: int, whole: bool) -> list[str]:
    """Ends of ranges: with two figures of the narrowest one, and all of them different."""
    places = 0 if whole else 1 - int(np.floor(np.log10(float(np.diff(edges).min()))))
    digits = min(max(places, 0), most)
    while True:
        shown = [f"{edge:{',' if group else ''}.{digits}f}" for edge in edges.tolist()]
        if len(set(shown)) == len(shown) or digits > 15:
            return shown
        digits += 1
