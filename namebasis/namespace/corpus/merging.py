"""Rows of the same name and part become one row; nothing a row says is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import IntArray
from namebasis.namespace.corpus.files.own_columns import one_value

# From this share of one sex on a name counts as that sex's; slips of the pen are below it.
ONE_SEX = 0.95
# Cannot stand in a cleaned name, so (name, part) pairs stay distinct once joined.
_SEPARATOR = "\x1f"
SHARES = (
    "share_female",
    "pct_white",
    "pct_black",
    "pct_asian",
    "pct_native",
    "pct_multiracial",
    "pct_hispanic",
)
_OWN_RULES = frozenset(
    {"name", "part", "gender", "locales", "sources", "count", "weight", "births", *SHARES}
)
"""Columns with a rule of their own; of all others a value stands where the rows agree on it."""
EXTRACT, _WHOLE = "us-names", frozenset({"ssa", "census"})
"""The packaged US names are some of the people of the files that they were made of."""
Row = dict[str, Any]


def fold_rows(table: pa.Table, *, one_source: bool) -> pa.Table:
    """Merge the rows of `table` that share name and part.

    Groups stand where their first row stood. Locales and sources are united and sorted; the larger
    weight wins. A gender said as both F and M becomes U, but where the rows of one source count
    bearers of each sex, it is that of 95 % and more of them, and `share_female` follows. A value of
    a column that is none of the corpus's stands where all rows that have one agree.

    Counts and births are added where the rows count different people: always within one source
    (`one_source`, such as a file with a row per state), and across sources where the rows name
    no source in common. Rows that do have a common source hold the same people twice, so the
    larger number stands: folding a table onto itself changes nothing. Shares are means weighted
    by counts where counts are added, otherwise the first one known.

    Parameters
    ----------
    table : pyarrow.Table
        With the columns of `NAME_SCHEMA`.
    one_source : bool
        Whether the rows come from one source, read once.

    Returns
    -------
    pyarrow.Table
        One row per (name, part).
    """
    n_rows = table.num_rows
    if n_rows < 2:
        return table
    joined = pc.binary_join_element_wise(table["name"], table["part"], _SEPARATOR)
    codes = _first_seen_codes(joined)
    first = np.unique(codes, return_index=True)[1]
    n_groups = len(first)
    if n_groups == n_rows:
        return table
    sizes = np.bincount(codes, minlength=n_groups)
    crowded = np.flatnonzero(sizes > 1)
    by_group = np.argsort(codes, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)])
    groups = [by_group[starts[group] : starts[group + 1]] for group in crowded]
    flat = np.concatenate(groups)
    plain = table.drop_columns(["name", "part", "births"]).take(flat).to_pylist()
    own = [column for column in table.column_names if column not in _OWN_RULES]
    merged, at = [], 0
    for group in groups:
        rows = plain[at : at + len(group)]
        at += len(group)
        merged.append(_fold(rows, one_source, own))
    kept = table.take(first)
    pick = np.arange(n_groups)
    pick[crowded] = n_groups + np.arange(len(crowded))
    columns = {}
    for field in table.schema:
        column = kept[field.name].combine_chunks()
        if field.name == "births":
            column = _fold_births(table, column, crowded, groups, one_source)
        elif field.name not in ("name", "part"):
            values = pa.array([row[field.name] for row in merged], type=field.type)
            column = pa.concat_arrays([column, values]).take(pick)
        columns[field.name] = column
    return pa.table(columns, schema=table.schema)


def _people(sources: Sequence[str]) -> set[str]:
    """The sources whose people these are."""
    return {*sources, *(_WHOLE if EXTRACT in sources else ())}


def _first_seen_codes(values: pa.ChunkedArray) -> IntArray:
    """Return a group number per row; groups are numbered as they first appear."""
    # Chunks share one dictionary once they are one array.
    encoded = pa.chunked_array(values).combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices.to_numpy(), dtype=np.int64)


def _fold(rows: Sequence[Row], one_source: bool, own: Sequence[str]) -> Row:
    total = dict(rows[0])
    for row in rows[1:]:
        is_more = one_source or not _people(total["sources"]) & _people(row["sources"])
        for share in SHARES:
            total[share] = _mean_share(total, row, share, is_more)
        total["count"] = _total(total["count"], row["count"], is_more)
        total["weight"] = _total(total["weight"], row["weight"], False)
        total["gender"] = join_gender(total["gender"], row["gender"])
        for column in ("locales", "sources"):
            total[column] = sorted({*total[column], *row[column]})
    if one_source:
        _settle_sex(total, rows)
    for column in own:
        total[column] = one_value([row[column] for row in rows])
    return total


def _settle_sex(total: Row, rows: Sequence[Row]) -> None:
    """Set gender and share of a name whose rows count each sex apart, or tell the share."""
    if all(row["share_female"] is not None and row["count"] is not None for row in rows):
        total["gender"] = sex_of(total["share_female"])
        return
    counts = {"F": 0, "M": 0}
    for row in rows:
        if row["gender"] not in counts or row["count"] is None or row["share_female"] is not None:
            return
        counts[row["gender"]] += row["count"]
    if not all(counts.values()):
        return
    total["share_female"] = counts["F"] / sum(counts.values())
    total["gender"] = sex_of(total["share_female"])


def sex_of(share_female: float) -> str:
    """Return F or M from a share of `ONE_SEX` on, else U."""
    if share_female >= ONE_SEX:
        return "F"
    return "M" if share_female <= 1 - ONE_SEX else "U"


def join_gender(one: str | None, other: str | None) -> str | None:
    """Return the gender of a name that two records give: U where they differ."""
    if one is None or other is None or one == other:
        return one or other
    return "U"


def _total(one: Any, other: Any, is_more: bool) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return one + other if is_more else max(one, other)


def _mean_share(one: Row, other: Row, share: str, is_more: bool) -> float | None:
    first, second = one[share], other[share]
    if first is None or second is None:
        return second if first is None else first  # type: ignore[no-any-return]
    if first == second or not is_more:
        return first  # type: ignore[no-any-return]
    counts = (one["count"], other["count"])
    weights = counts if None not in counts and sum(counts) else (1, 1)
    return float((first * weights[0] + second * weights[1]) / sum(weights))


def _fold_births(
    table: pa.Table,
    kept: pa.Array,
    crowded: IntArray,
    groups: Sequence[IntArray],
    one_source: bool,
) -> pa.Array:
    births = table["births"].combine_chunks()
    known = births.is_valid().to_numpy(zero_copy_only=False)
    folded: list[list[Mapping[str, int]]] = []
    pick = np.arange(len(kept))
    for group_number, group in zip(crowded, groups, strict=True):
        told = _without_extract(table, births, group[known[group]])
        if len(told) == 1:
            # Most names have births from one source only: no need to unpack them.
            pick[group_number] = len(kept) + told[0]
        elif len(told) > 1:
            pick[group_number] = len(kept) + len(births) + len(folded)
            folded.append(_add_births(table, births, told, one_source))
    extra = pa.array(folded, type=births.type)
    return pa.concat_arrays([kept, births, extra]).take(pick)


def _without_extract(table: pa.Table, births: pa.Array, rows: IntArray) -> IntArray:
    """Rows of births by year or of several years at once, whichever hold more births."""
    is_extract = np.array([table["sources"][int(row)].as_py() == [EXTRACT] for row in rows], bool)
    by_year: IntArray = rows[~is_extract]
    at_once: IntArray = rows[is_extract]
    if not len(by_year) or not len(at_once):
        return rows
    totals = [
        max(
            sum((one["female"] or 0) + (one["male"] or 0) for one in births[int(row)].as_py())
            for row in some
        )
        for some in (by_year, at_once)
    ]
    return by_year if totals[0] >= totals[1] else at_once


def _add_births(
    table: pa.Table, births: pa.Array, rows: IntArray, one_source: bool
) -> list[Mapping[str, int]]:
    sources: set[str] = set()
    years: dict[int, tuple[int, int]] = {}
    for row in rows:
        own = _people(table["sources"][int(row)].as_py())
        is_more = one_source or not sources & own
        sources |= own
        for entry in births[int(row)].as_py():
            female, male = years.get(entry["year"], (0, 0))
            years[entry["year"]] = (
                _total(female, entry["female"], is_more),
                _total(male, entry["male"], is_more),
            )
    return [
        {"year": year, "female": female, "male": male}
        for year, (female, male) in sorted(years.items())
    ]
