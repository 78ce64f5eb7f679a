"""Names of the US Census of 1990, as `dist.all.last` and its kin have them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from namebasis.namespace.corpus.cleaning import restore_capitals

_WIDTH = 4
_ROUNDING = 0.0021
"""Percentages are rounded to three places, and so are their sums."""
# By frequency, each published table begins with its commonest name.
_FIRST = {"SMITH": ("family", None), "MARY": ("given", "F"), "JAMES": ("given", "M")}


def census_of_1990(rows: Sequence[Sequence[str]]) -> dict[str, list[object]] | None:
    """Return the columns of such a table, whatever its file is called; None for any other.

    Its columns are a name in capitals, the percentage of people who bear it, the sum of the
    percentages so far, and the rank. Which of the three tables it is, its first name tells.

    Parameters
    ----------
    rows : sequence of sequences of str

    Returns
    -------
    dict or None
        ``name``, ``weight`` (the share), ``locales``, and ``part`` and ``gender`` where known.
    """
    if len(rows) < 2 or any(len(row) != _WIDTH for row in rows):
        return None
    try:
        shares = [float(row[1]) for row in rows]
        sums = [float(row[2]) for row in rows]
        ranks = [int(row[3]) for row in rows]
    except ValueError:
        return None
    is_sum = all(
        abs(sums[at - 1] + shares[at] - sums[at]) < _ROUNDING for at in range(1, len(rows))
    )
    is_rank = all(after - before == 1 for before, after in pairwise(ranks))
    is_falling = all(after <= before for before, after in pairwise(shares))
    if not (is_sum and is_rank and is_falling and all(row[0].isupper() for row in rows)):
        return None
    part, gender = _FIRST.get(rows[0][0], (None, None)) if ranks[0] == 1 else (None, None)
    return {
        "name": [restore_capitals(row[0]) for row in rows],
        "part": [part] * len(rows),
        "gender": [gender] * len(rows),
        "locales": [["en_US"]] * len(rows),
        "weight": [share / 100 for share in shares],
    }
