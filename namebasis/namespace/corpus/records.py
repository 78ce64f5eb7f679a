"""Names of US records: births of the Social Security, and the tables of the Census."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import IntArray
from namebasis.errors import CorpusError
from namebasis.namespace.corpus.cleaning import Dropped, Refusals, restore_capitals
from namebasis.namespace.corpus.files.raw import check_file, read_text
from namebasis.namespace.corpus.merging import ONE_SEX
from namebasis.namespace.corpus.names import BIRTHS, Names, names_from_columns
from namebasis.reading import UnreadableError, parse_rows, read_bytes

_MEMBER = re.compile(r"(?:.*/)?yob(\d{4})\.txt", re.IGNORECASE)
# A year of the real archive holds 0.5 MB, all of it 25 MB: anything near these is a bomb.
_MAX_MEMBER, _MAX_ARCHIVE = 2**26, 2**29
_STATE = re.compile(r"(?:.*/)?([A-Z]{2})\.txt", re.IGNORECASE)
_YEARLY = {"name": pa.string(), "sex": pa.string(), "count": pa.int64()}
_STATEWISE = {
    "state": pa.string(), "sex": pa.string(), "year": pa.int64(), "name": pa.string(),
    "count": pa.int64(),
}  # fmt: skip
_TABLES = frozenset({".csv", ".tsv", ".json", ".jsonl", ".parquet", ".xlsx"})
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
PLACEHOLDERS = frozenset(
    "baby babyboy babygirl boy child childnotnamed female girl infant infantboy infantfemale "
    "infantgirl infantmale infantof male name newborn nogivenname noname not notnamed unborn unk "
    "unknown unkown unnamed".split()
)
"""What the Social Security's files hold where a child had no name yet, or none was told."""
_NO_NAME = "a word that the register holds where no name was given"
_COLUMNS = (*_PERCENTAGES, "pct_hispanic")
_SURELY = 4
"""Percentages of groups from which on a header is taken for that of a Census table."""
_BESIDE = re.compile(r"rank$|prop100k$|cum_prop100k$|proportion |cumulative ")
_Opener = Callable[[int], bytes]
"""Reads at most one byte more than it is allowed."""


def read_ssa(path: Path) -> Names:
    """Read births of the US Social Security by given name: the national files or the state ones.

    Parameters
    ----------
    path : Path
        names.zip or namesbystate.zip from ssa.gov/oact/babynames, the folder that one unpacks to,
        or one file of it: ``yobYYYY.txt`` (name,sex,count) or ``XX.TXT`` (state,sex,year,name,
        count). Where there are files of the nation, those of states are left aside; births of
        states are added up.

    Returns
    -------
    Names
        Given names, those with most births first. `count` is all births, `share_female` the
        share of girls, `births` both sexes by year. Gender is F or M from a share of 95 % on,
        otherwise U. Births of fewer than 5 children are in none of the files. `PLACEHOLDERS`,
        such as "Unknown" and "Infant", are counted as left out.

    Raises
    ------
    CorpusError
        If the file is no zip, is damaged or too large when unpacked, holds no such member or
        two of one year or state, or a line is not as it should be.
    """
    tables = list(_tables(path))
    if not tables:
        raise CorpusError(
            f"{path} holds no yobYYYY.txt and no XX.TXT of a state. Give the names.zip or the "
            "namesbystate.zip of the US SSA, or the folder that it unpacks to."
        )
    whole = pa.concat_tables(tables).combine_chunks()
    encoded = whole["name"].combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    is_female = pc.equal(whole["sex"], "F").combine_chunks().to_numpy(zero_copy_only=False)
    return assemble_births(
        encoded.dictionary,
        encoded.indices.to_numpy().astype(np.int64),
        whole["year"].to_numpy().astype(np.int64),
        whole["count"].to_numpy(),
        is_female,
        str(path),
        "ssa",
    )


def assemble_births(
    names: pa.Array,
    codes: IntArray,
    years: IntArray,
    counts: IntArray,
    is_female: np.ndarray[tuple[int], np.dtype[np.bool_]],
    where: str,
    source: str,
) -> Names:
    """Make a corpus of US births: one row per name, most births first, without placeholders.

    Parameters
    ----------
    names : Array of shape (n_names,)
        Distinct given names.
    codes, years, counts : ndarrays of shape (n_rows,), int64
        Of each row of births: the number of its name, the year and how many were born.
    is_female : ndarray of shape (n_rows,), bool
    where, source : str
        As messages and as the column `sources` name the source.
    """
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
    made = names_from_columns(
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
        source=source,
    )
    return without_placeholders(made)


def without_placeholders(names: Names) -> Names:
    """Leave out, counted, what a register holds instead of a name that was not given.

    For registers alone: in somebody's own list "Baby" is a name.
    """
    found = {text: text.lower() in PLACEHOLDERS for text in names.strings}
    if not any(found.values()):
        return names
    kept = names.table.filter(pa.array([not found[text] for text in names.strings]))
    texts = tuple(text for text, is_placeholder in found.items() if is_placeholder)
    told = Dropped(_NO_NAME, len(texts), texts[:3])
    return replace(names, table=kept, dropped=(*names.dropped, told))


def _tables(path: Path) -> Iterator[pa.Table]:
    """Yield the tables of births of a path: name, sex, count and year."""
    if path.is_dir():
        yield from _parsed(_of_folder(path), path)
    elif _MEMBER.fullmatch(path.name) or _STATE.fullmatch(path.name):
        yield from _parsed({path.name: _opener(check_file(path))}, path)
    else:
        check_file(path)
        try:
            with zipfile.ZipFile(path) as archive:
                yield from _parsed(_of_archive(archive), path)
        except (
            zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError,
        ) as error:  # fmt: skip
            raise CorpusError(
                f"{path} is damaged or no zip archive ({error}). Fetch it again."
            ) from error
        except OSError as error:
            raise CorpusError(f"{path} cannot be read: {error}.") from error


def holds_births(path: Path) -> bool:
    """Whether a folder or a zip archive is one of births of the US Social Security.

    Raises
    ------
    CorpusError
        If tables of another kind lie beside the births.
    """
    try:
        if path.is_dir():
            members = [file.name for file in path.iterdir()]
        elif path.suffix.lower() == ".zip" and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                members = archive.namelist()
        else:
            return False
    except (OSError, zipfile.BadZipFile):
        return False
    births = [name for name in members if _MEMBER.fullmatch(name) or _STATE.fullmatch(name)]
    others = [name for name in members if Path(name).suffix.lower() in _TABLES]
    if births and others:
        raise CorpusError(
            f"{path} holds births of the US SSA ({births[0]}) and other tables ({others[0]}). "
            f"Write ssa:{path} for the births, or name one file."
        )
    return bool(births)


def _of_archive(archive: zipfile.ZipFile) -> dict[str, _Opener]:
    def opener(member: str) -> _Opener:
        def read(allowed: int) -> bytes:
            # The sizes that a zip declares may lie; reading one byte too many does not.
            with archive.open(member) as stream:
                return stream.read(allowed + 1)

        return read

    return {member: opener(member) for member in sorted(archive.namelist())}


def _of_folder(folder: Path) -> dict[str, _Opener]:
    return {file.name: _opener(file) for file in sorted(folder.iterdir()) if file.is_file()}


def _opener(file: Path) -> _Opener:
    def read(allowed: int) -> bytes:
        try:
            return read_bytes(file, allowed)
        except UnreadableError as error:
            raise CorpusError(f"{file}: {error.reason}.") from None

    return read


def _parsed(members: Mapping[str, _Opener], path: Path) -> Iterator[pa.Table]:
    years = {member: m.group(1) for member in members if (m := _MEMBER.fullmatch(member))}
    states = {member: m.group(1) for member in members if (m := _STATE.fullmatch(member))}
    seen: dict[str, str] = {}
    left = _MAX_ARCHIVE
    for member, what in (years or states).items():
        if what.upper() in seen:
            raise CorpusError(
                f"{path} holds {what.upper()} twice: {seen[what.upper()]} and {member}."
            )
        seen[what.upper()] = member
        allowed = min(_MAX_MEMBER, left)
        data = members[member](allowed)
        if len(data) > allowed:
            raise CorpusError(
                f"{path}: {member} unpacks to over {allowed:,} bytes, which no year of "
                "births does. Fetch the archive again."
            )
        left -= len(data)
        where = str(path) if path.name == member else f"{path}, {member}"
        if years:
            table = _parse(data, _YEARLY, where)
            year = pa.array(np.full(len(table), int(what), dtype=np.int64))
            yield table.append_column("year", year)
        else:
            table = _parse(data, _STATEWISE, where)
            limits = pc.min_max(table["year"]).as_py()
            if len(table) and not 1800 <= limits["min"] <= limits["max"] < 2200:
                raise CorpusError(f"{where}: years must be from 1800 to 2199; got {limits}.")
            yield table.select(["name", "sex", "count", "year"])


def _parse(data: bytes, types: Mapping[str, pa.DataType], where: str) -> pa.Table:
    import pyarrow.csv

    if not data.strip():
        return pa.table({name: pa.array([], type=kind) for name, kind in types.items()})
    try:
        table = pyarrow.csv.read_csv(
            io.BytesIO(data),
            read_options=pyarrow.csv.ReadOptions(column_names=list(types), use_threads=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict(types), strings_can_be_null=False, null_values=[]
            ),
        )
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise CorpusError(f"{where}: lines must be {','.join(types)}: {error}.") from error
    sexes = set(pc.unique(table["sex"]).to_pylist())
    if not sexes <= {"F", "M"}:
        raise CorpusError(f"{where}: sex must be F or M; got {sorted(sexes - {'F', 'M'})[0]!r}.")
    limits = pc.min_max(table["count"]).as_py()
    if limits["min"] < 0 or limits["max"] >= 2**31:
        raise CorpusError(f"{where}: counts must be at least 0 and below 2**31; got {limits}.")
    return table


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
    return census_names(rows[0] if rows else [], rows[1:], str(path), Refusals())


def census_names(
    titles: Sequence[str],
    rows: Iterable[Sequence[str]],
    where: str,
    refusals: Refusals,
    own: Mapping[str, pa.Array] | None = None,
) -> Names:
    """Make a corpus of the rows of a US Census table; see `read_census`.

    Parameters
    ----------
    titles : sequence of str
    rows : iterable of sequences of str
    where : str
        The source, as messages should name it.
    refusals : Refusals
    own : mapping of str to Array, optional
        Further columns, as long as the table.

    Raises
    ------
    CorpusError
        If the titles are none of such a table.
    """
    places, part = _census_places(_plain(titles), where)
    lacking = [column for column in _COLUMNS if column not in places]
    columns: dict[str, list[object]] = {column: [] for column in places}
    kept: list[int] = []
    for number, row in enumerate(rows):
        if not any(row):
            continue
        cells = dict(zip(places, (row[at] if at < len(row) else "" for at in places.values()),
                         strict=True))  # fmt: skip
        if not cells["count"]:
            refusals.add("a note, without a count", cells["name"])
        elif cells["name"].strip().upper() == "ALL OTHER NAMES":
            refusals.add("the sum of all other names", cells["name"])
        else:
            kept.append(number)
            cells["name"] = restore_capitals(cells["name"])
            for column, cell in cells.items():
                columns[column].append(None if cell.strip() == _SUPPRESSED else cell)
    n_rows = len(columns["name"])
    return names_from_columns(
        columns | {"part": [part] * n_rows, "locales": [_US] * n_rows},
        where=where,
        source="census",
        refusals=refusals,
        own={name: values.take(pa.array(kept, pa.int64())) for name, values in (own or {}).items()},
        notes=(f"the table has no column for {', '.join(lacking)}",) if lacking else (),
    )


def census_places(titles: Sequence[str]) -> dict[str, int] | None:
    """Where a header that is surely one of a US Census table has each column; None for others."""
    try:
        places, _ = _census_places(_plain(titles), "")
    except CorpusError:
        return None
    return places if len(set(_COLUMNS) & set(places)) >= _SURELY else None


def is_census_share(title: str) -> bool:
    """Whether a title is one of the ranks and proportions that such a table has beside."""
    return _BESIDE.match(" ".join(title.lower().split())) is not None


def _plain(titles: Sequence[str]) -> list[str]:
    return [" ".join(title.lstrip("\ufeff").lower().split()) for title in titles]


def _census_places(header: Sequence[str], where: str) -> tuple[dict[str, int], str]:
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
            f"{where} is no US Census table of names: no column for {', '.join(sorted(missing))}. "
            "Read another CSV without the census: in front."
        )
    return places, part
