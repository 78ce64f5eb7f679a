"""Official records: the US Social Security names archive and US Census surname tables."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import IntArray
from namebasis.errors import CorpusError
from namebasis.namespace.cleaning import Refusals, restore_capitals
from namebasis.namespace.merging import ONE_SEX
from namebasis.namespace.names import BIRTHS, Names, names_from_columns
from namebasis.namespace.raw import check_file, read_text
from namebasis.reading import UnreadableError, parse_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

_MEMBER = re.compile(r"(?:.*/)?yob(\d{4})\.txt", re.IGNORECASE)
# A year of the real archive holds 0.5 MB, all of it 25 MB: anything near these is a bomb.
_MAX_MEMBER, _MAX_ARCHIVE = 2**26, 2**29
_US = ["en_US"]

_PERCENTAGES = {
    "pct_white": ("white", "pctwhite"),
    "pct_black": ("black", "pctblack"),
    "pct_asian": ("asian", "pctapi"),
    "pct_native": ("american indian", "pctaian"),
    "pct_multiracial": ("two or more", "pct2prace"),
}
_SUPPRESSED = "(S)"


def read_ssa(path: Path) -> Names:
    """Read the US Social Security names archive: a zip of ``yobYYYY.txt`` (name,sex,count).

    Parameters
    ----------
    path : Path
        Such as names.zip from ssa.gov/oact/babynames.

    Returns
    -------
    Names
        Given names, those with most births first. `count` is all births, `share_female` the
        share of girls, `births` both sexes by year. Gender is F or M from a share of 95 % on,
        otherwise U.

    Raises
    ------
    CorpusError
        If the file is no zip, is damaged or too large when unpacked, holds no such member or
        two of one year, or a line is not name,sex,count.
    """
    years = list(_yearly(check_file(path)))
    if not years:
        raise CorpusError(f"{path} holds no yobYYYY.txt. Give the names.zip of the US SSA.")
    names = pa.chunked_array([table["name"].combine_chunks() for _, table in years])
    encoded = names.combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy().astype(np.int64)
    rows_per_year = [table.num_rows for _, table in years]
    when = np.repeat([year for year, _ in years], rows_per_year)
    sexes = pa.chunked_array([table["sex"].combine_chunks() for _, table in years])
    counts = np.concatenate([table["count"].to_numpy() for _, table in years])
    is_female = pc.equal(sexes, "F").combine_chunks().to_numpy(zero_copy_only=False)
    return _assemble_births(encoded.dictionary, codes, when, counts, is_female, str(path))


def _assemble_births(
    names: pa.Array,
    codes: IntArray,
    years: IntArray,
    counts: IntArray,
    is_female: np.ndarray[tuple[int], np.dtype[np.bool_]],
    where: str,
) -> Names:
    """Group rows (name code, year, sex, count) into one row per name, most births first."""
    totals = np.bincount(codes, weights=counts, minlength=len(names)).astype(np.int64)
    order = np.argsort(-totals, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    # Both sexes of a name and year share a key; the keys sort by name, then year.
    keys, group = np.unique(rank[codes] * 10_000 + years, return_inverse=True)
    female = np.bincount(group, weights=counts * is_female, minlength=len(keys))
    male = np.bincount(group, weights=counts * ~is_female, minlength=len(keys))
    offsets = np.searchsorted(keys, np.arange(len(names) + 1) * 10_000)
    entries = pa.StructArray.from_arrays(
        [
            pa.array(keys % 10_000, type=pa.int16()),
            pa.array(female.astype(np.int64), type=pa.int32()),
            pa.array(male.astype(np.int64), type=pa.int32()),
        ],
        fields=list(BIRTHS.value_type),
    )
    births = pa.ListArray.from_arrays(pa.array(offsets, type=pa.int32()), entries, type=BIRTHS)
    totals = totals[order]
    girls = np.bincount(codes, weights=counts * is_female, minlength=len(names))[order]
    # A name that is listed with no birth at all has no share.
    share = np.divide(girls, totals, out=np.full(len(girls), np.nan), where=totals > 0)
    gender = np.where(share >= ONE_SEX, "F", np.where(share <= 1 - ONE_SEX, "M", "U"))
    return names_from_columns(
        {
            "name": names.take(order).to_pylist(),
            "part": ["given"] * len(names),
            "gender": pa.array(gender.astype(object), type=pa.string(), mask=totals == 0),
            "locales": pa.array([_US] * len(names), type=pa.list_(pa.string())),
            "count": pa.array(totals),
            "share_female": pa.array(share, from_pandas=True),
            "births": births,
        },
        where=where,
        source="ssa",
    )


def _yearly(path: Path) -> Iterator[tuple[int, pa.Table]]:
    seen: dict[int, str] = {}
    left = _MAX_ARCHIVE
    try:
        with zipfile.ZipFile(path) as archive:
            for member in sorted(archive.namelist()):
                match = _MEMBER.fullmatch(member)
                if match is None:
                    continue
                year = int(match.group(1))
                if year in seen:
                    raise CorpusError(f"{path} holds {year} twice: {seen[year]} and {member}.")
                seen[year] = member
                # The sizes that a zip declares may lie; reading one byte too many does not.
                allowed = min(_MAX_MEMBER, left)
                with archive.open(member) as stream:
                    data = stream.read(allowed + 1)
                if len(data) > allowed:
                    raise CorpusError(
                        f"{path}: {member} unpacks to over {allowed:,} bytes, which no year of "
                        "births does. Fetch the archive again."
                    )
                left -= len(data)
                yield year, _parse_year(data, f"{path}, {member}")
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise CorpusError(
            f"{path} is damaged or no zip archive ({error}). Fetch it again."
        ) from error
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error}.") from error


def _parse_year(data: bytes, where: str) -> pa.Table:
    import pyarrow.csv

    types = {"name": pa.string(), "sex": pa.string(), "count": pa.int64()}
    if not data.strip():
        return pa.table({name: pa.array([], type=kind) for name, kind in types.items()})
    try:
        table = pyarrow.csv.read_csv(
            io.BytesIO(data),
            read_options=pyarrow.csv.ReadOptions(column_names=list(types), use_threads=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=types, strings_can_be_null=False, null_values=[]
            ),
        )
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise CorpusError(f"{where}: lines must be name,sex,count: {error}.") from error
    sexes = set(pc.unique(table["sex"]).to_pylist())
    if not sexes <= {"F", "M"}:
        raise CorpusError(f"{where}: sex must be F or M; got {sorted(sexes - {'F', 'M'})[0]!r}.")
    limits = pc.min_max(table["count"]).as_py()
    if limits["min"] < 0 or limits["max"] >= 2**31:
        raise CorpusError(f"{where}: counts must be at least 0 and below 2**31; got {limits}.")
    return table


def read_census(path: Path) -> Names:
    """Read a US Census surname table as published: the 1,000 names or the full one, any year.

    Surnames are written in capitals there; they become "Smith" and "McDonald". Values held back
    for confidentiality, "(S)", are null; the note below the table and the row of all other names
    are counted as left out.

    Parameters
    ----------
    path : Path
        A UTF-8 CSV with a column NAME or SURNAME, a count, and six columns of percentages.

    Returns
    -------
    Names
        Family names in the table's order, with `count` and the six ``pct_`` columns.

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
    places = _census_places(header, path)
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
        columns | {"part": ["family"] * n_rows, "locales": [_US] * n_rows},
        where=str(path),
        source="census",
        refusals=refusals,
    )


def _census_places(header: Sequence[str], path: Path) -> dict[str, int]:
    """Return where the header has each column of ours."""
    places: dict[str, int] = {}
    for at, title in enumerate(header):
        if title in ("name", "surname"):
            places.setdefault("name", at)
        elif title == "count" or title.endswith("(count)"):
            places.setdefault("count", at)
        elif title == "pcthispanic" or title.endswith("percent hispanic or latino origin"):
            places.setdefault("pct_hispanic", at)
        else:
            for column, (phrase, short) in _PERCENTAGES.items():
                if title == short or (title.startswith("percent") and phrase in title):
                    places.setdefault(column, at)
    missing = {"name", "count", "pct_hispanic", *_PERCENTAGES} - set(places)
    if missing:
        raise CorpusError(
            f"{path} is no US Census surname table: no column for {', '.join(sorted(missing))}. "
            "Read another CSV without the census: in front."
        )
    return places
