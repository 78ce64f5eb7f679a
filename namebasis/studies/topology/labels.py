"""What is known of each name: one label to compare with, all values, a line to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.checks import IntArray
from namebasis.namespace.corpus.folding import fold
from namebasis.studies.topology.languages import language

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

Labels = list[str | None]
MANY_VALUES = 50
N_RANGES = 10


def known_labels(space: StoredSpace, ids: IntArray, by: Sequence[str] = ()) -> dict[str, Labels]:
    """Per property, the single value of each name: None where unknown or several.

    Parameters
    ----------
    space : Space
    ids : ndarray of shape (n,), int64
        Which names.
    by : sequence of str
        Columns to take beside gender, locale, part, first letters and first piece, which may be
        named too. Numbers with more than 50 different values are cut into 10 ranges with equally
        many names.

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
    asked = [column for column in by if column not in ("locale", "first letters", "first piece")]
    wanted = list(dict.fromkeys(["name", "gender", "locales", "part", "pieces", *asked]))
    table = space.table(wanted, ids=ids)
    names = table["name"].to_pylist()
    found: dict[str, Labels] = {
        "gender": table["gender"].to_pylist(),
        "locale": [_single(row) for row in table["locales"].to_pylist()],
        "part": table["part"].to_pylist(),
        "first letters": [fold(name)[:2] for name in names],
        "first piece": [row[0] if row else None for row in table["pieces"].to_pylist()],
    }
    return found | {column: _as_labels(table[column]) for column in by if column not in found}


def all_values(table: pa.Table) -> dict[str, list[list[str]]]:
    """Every value of each name, for the traits of clusters."""
    return {
        "locales": [row or [] for row in table["locales"].to_pylist()],
        "language": [
            sorted({language(locale) for locale in row or []})
            for row in table["locales"].to_pylist()
        ],
        "gender": [[value] if value else [] for value in table["gender"].to_pylist()],
        "part": [[value] if value else [] for value in table["part"].to_pylist()],
        "beginning": [_letters(name, 1) for name in table["name"].to_pylist()],
        "ending": [_letters(name, -1) for name in table["name"].to_pylist()],
    }


def _letters(name: str, way: int) -> list[str]:
    """First two and three characters (`way` 1), or last three to six (-1), where they are letters
    and not all of the name; folded, so that every spelling of a name has the same."""
    letters = fold(name)
    if way == 1:
        found = [letters[:n] for n in (2, 3) if len(letters) > n]
    else:
        found = [letters[-n:] for n in (3, 4, 5, 6) if len(letters) > n]
    return [part for part in found if part.isalpha()]


def detail_lines(table: pa.Table) -> list[str]:
    """A line on each name: part, gender, locales."""
    lines = []
    for part, gender, locales in zip(
        *(table[column].to_pylist() for column in ("part", "gender", "locales")), strict=True
    ):
        shown = [part, gender, " ".join((locales or [])[:4])]
        more = f" +{len(locales) - 4}" if locales and len(locales) > 4 else ""
        lines.append(" · ".join(item for item in shown if item) + more)
    return lines


def _as_labels(column: pa.ChunkedArray) -> Labels:
    values = column.to_pylist()
    if pa.types.is_list(column.type):
        return [_single(row) for row in values]
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        known = np.array([np.nan if value is None else value for value in values], np.float64)
        if np.unique(known[np.isfinite(known)]).size > MANY_VALUES:
            return _ranges(known)
    return [None if value is None else str(value) for value in values]


def _single(row: list[Any] | None) -> str | None:
    return str(row[0]) if row and len(row) == 1 else None


def _ranges(values: np.ndarray) -> Labels:
    """Cut numbers into ranges of equally many; None for what is not finite."""
    finite = np.isfinite(values)
    edges = np.unique(np.quantile(values[finite], np.linspace(0, 1, N_RANGES + 1)))
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, edges.size - 2)
    return [
        f"{edges[i]:.4g} to {edges[i + 1]:.4g}" if known else None
        for i, known in zip(place.tolist(), finite.tolist(), strict=True)
    ]
