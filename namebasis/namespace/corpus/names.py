"""The corpus: one row per name and part, in one Arrow schema whatever the source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.cleaning import Dropped, Refusals, clean_name
from namebasis.namespace.corpus.files.own_columns import own_name, typed
from namebasis.namespace.corpus.frames import rows_of
from namebasis.namespace.corpus.merging import fold_rows
from namebasis.namespace.corpus.selection import Wanted, choose_rows
from namebasis.namespace.corpus.values import CANONICAL, coerce_column
from namebasis.wording import visible

PARTS = ("given", "family", "full", "pseudo", "phrase")
BIRTHS = pa.list_(pa.struct([("year", pa.int16()), ("female", pa.int32()), ("male", pa.int32())]))
NAME_SCHEMA = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("part", pa.string(), nullable=False),
        pa.field("gender", pa.string()),  # F, M, U (borne by both), null where nobody says
        pa.field("locales", pa.list_(pa.string()), nullable=False),
        pa.field("sources", pa.list_(pa.string()), nullable=False),
        pa.field("count", pa.int64()),  # bearers or births
        pa.field("weight", pa.float64()),  # share of the bearers in a list of its locale, 0 to 1
        pa.field("share_female", pa.float64()),  # 0 to 1
        pa.field("births", BIRTHS),
        pa.field("pct_white", pa.float64()),  # percent, 0 to 100, as are the next five
        pa.field("pct_black", pa.float64()),
        pa.field("pct_asian", pa.float64()),
        pa.field("pct_native", pa.float64()),
        pa.field("pct_multiracial", pa.float64()),
        pa.field("pct_hispanic", pa.float64()),
    ]
)

__all__ = [
    "NAME_SCHEMA", "PARTS", "Dropped", "Names", "clean_name", "make_names", "merge_names",
]  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """Which columns of one source a corpus has.

    Attributes
    ----------
    source : str
        As the column `sources` names it.
    kept : tuple of str
        Columns that say something, by their names in the corpus.
    unused : tuple of str
        Columns of the source that were not taken, by their titles.
    titles : tuple of str
        Of all its columns, where it is a table.
    """

    source: str
    kept: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Names:
    """A corpus of names.

    Attributes
    ----------
    table : pyarrow.Table
        The columns of `NAME_SCHEMA`, then the user's own; one row per (name, part), in a stable
        order.
    dropped : tuple of Dropped
        What was left out while reading, by reason.
    notes : tuple of str
        How the source was understood: which of its columns were taken for what.
    readings : tuple of Reading
        Its columns, source by source.
    """

    table: pa.Table
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()

    def __post_init__(self) -> None:
        schema = self.table.schema
        if not pa.schema(list(schema)[: len(NAME_SCHEMA)]).equals(NAME_SCHEMA):
            raise ValueError(
                f"table must have NAME_SCHEMA; got columns {schema.names}. "
                "Use make_names for records."
            )

    def __repr__(self) -> str:
        parts = Counter(self.table["part"].to_pylist())
        counts = ", ".join(f"{parts[part]:,} {part}" for part in PARTS if parts[part])
        first = ", ".join(map(visible, self.table["name"].slice(0, 3).to_pylist()))
        more = ", …" if len(self) > 3 else ""
        own = f"; own columns {', '.join(map(visible, self.own_columns))}" * bool(self.own_columns)
        lost = sum(one.count for one in self.dropped)
        left = f"; {lost:,} left out, see .dropped" * bool(lost)
        held = f"{len(self):,} names ({counts}): {first}{more}" if len(self) else "no names"
        return (
            f"Names({held}{own}{left}; choose with .select(part, limit), see .table, or build a "
            "space with build_space(names, path))"
        )

    @property
    def own_columns(self) -> tuple[str, ...]:
        """Columns of the user's own, which the corpus knows nothing of."""
        return tuple(self.table.column_names[len(NAME_SCHEMA) :])

    @property
    def strings(self) -> list[str]:
        """The names themselves, in row order."""
        names: list[str] = self.table["name"].to_pylist()
        return names

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def select(
        self,
        part: str | None = None,
        limit: int | None = None,
        seed: int | None = None,
        *,
        top: int | None = None,
        min_count: int | None = None,
    ) -> Names:
        """Return some of the names, in the same order.

        Parameters
        ----------
        part : {"given", "family", "full", "pseudo", "phrase"}, optional
            Keep only names of this part.
        limit : int, optional
            Keep at most this number: the first rows, or with `seed` a uniform random sample.
        seed : int, optional
            Of the random sample.
        top : int, optional
            Keep the most frequent names, by `count`; all where no name has one.
        min_count : int, optional
            Keep names that as many bear at least; all where no name has a count.

        Returns
        -------
        Names
            With the same `dropped` and `notes`.

        Raises
        ------
        ValueError
            If the part is unknown, a number not a positive integer or the seed negative.
        """
        if part is not None:
            check_part(part)
        wanted = Wanted(top, min_count, limit, part)
        chosen, _ = choose_rows(self.table, wanted, seed)
        return replace(self, table=chosen)


def check_part(part: str) -> str:
    """Return `part`.

    Raises
    ------
    ValueError
        If it is none of `PARTS`.
    """
    if part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(PARTS)}; got {part!r}.")
    return part


def distinct_names(names: Sequence[str]) -> list[str]:
    """Return names that are asked about with single spaces, none empty and none twice.

    Raises
    ------
    ValueError
        If there is none, one is empty, or one comes twice.
    """
    asked = [" ".join(name.split()) for name in names]
    if not asked or not all(asked):
        raise ValueError("no name to measure: give one or more, none of them empty.")
    twice = [name for name, times in Counter(asked).items() if times > 1]
    if twice:
        raise ValueError(f"names must differ from each other; {twice[0]!r} comes twice.")
    return asked


def make_names(records: Iterable[Mapping[str, object]] | object) -> Names:
    """Make a corpus from records.

    Parameters
    ----------
    records : iterable of mappings, or a table in memory (see `frames.table_of`)
        Each with a ``name`` and any further column of `NAME_SCHEMA`; ``locale``, ``source`` and
        ``sex`` are understood as well, ``births`` as a number is a count, and other keys become
        columns of the user's own, typed as those of a file. Without a ``part`` a name with
        inner white space is full, any other given. Records of the same name and part are merged
        and their counts added. Without a ``source`` it is "records".

    Returns
    -------
    Names
        May be empty. Records whose name `clean_name` refuses are counted in `dropped`.

    Raises
    ------
    CorpusError
        If a record has no ``name`` key or a value does not fit its column.
    """
    rows = rows_of(records)
    if not isinstance(rows, Iterable):
        raise ValueError(f"records must be mappings or a table; got {type(records).__name__}.")
    return names_from_records(rows, where="records", source="records")


def names_from_records(
    records: Iterable[Mapping[str, object]],
    *,
    where: str,
    source: str | None = None,
    part: str | None = None,
    refusals: Refusals | None = None,
) -> Names:
    """Make a corpus from records; `where` names the source in messages."""
    rows = list(records)
    keys: dict[str, None] = {}
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping) or "name" not in row:
            raise CorpusError(f"{where}: record {number} has no name; give it a 'name'.")
        keys.update(dict.fromkeys(row))
    refusals = refusals or Refusals()
    columns: dict[str, list[object]] = {}
    own: dict[str, pa.Array] = {}
    for key in keys:
        values = [row.get(key) for row in rows]
        column = CANONICAL.get(key)
        if column == "births" and "count" not in keys and _are_numbers(values):
            column = "count"
        if column in columns:  # two spellings of one column, such as sex and gender
            told = zip(columns[column], values, strict=True)
            values = [second if first is None else first for first, second in told]
        if column is not None:
            columns[column] = values
            continue
        name = own_name(str(key), list(own))
        array = typed(values, name, refusals)
        if array is not None:
            own[name] = array
    return names_from_columns(
        columns, where=where, source=source, part=part, refusals=refusals, own=own
    )


def _are_numbers(values: Sequence[object]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(
        isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
        for value in known
    )


def names_from_columns(
    columns: Mapping[str, Sequence[object] | pa.Array],
    *,
    where: str,
    source: str | None = None,
    part: str | None = None,
    refusals: Refusals | None = None,
    own: Mapping[str, pa.Array] | None = None,
    is_strict: bool = True,
    notes: tuple[str, ...] = (),
) -> Names:
    """Make a corpus from columns of equal length.

    Parameters
    ----------
    columns : mapping of column name to values
        ``name`` and any of `NAME_SCHEMA`; an Arrow array of the right type is taken as it is,
        unchecked.
    where : str
        The source, as messages should name it.
    source : str, optional
        Entered into ``sources`` of rows that have none.
    part : str, optional
        Part of rows that have none; by default full with inner white space, otherwise given.
    refusals : Refusals, optional
        Counts from an earlier step of reading, to go on with.
    own : mapping of column name to Array, optional
        Further columns, as long as the others; names of none of `NAME_SCHEMA`.
    is_strict : bool
        Whether a value that does not fit its column is an error; else it is null and counted.
    notes : tuple of str
        Go into the corpus.

    Raises
    ------
    CorpusError
        If a value does not fit its column, and `is_strict`.
    """
    refusals = refusals or Refusals()
    cleaned = [refusals.clean(text, where) for text in columns.get("name", ())]
    kept = [row for row, name in enumerate(cleaned) if name is not None]
    names = [name for name in cleaned if name is not None]
    arrays: dict[str, pa.Array] = {"name": pa.array(names, type=pa.string())}
    for field in NAME_SCHEMA:
        if field.name in columns and field.name != "name":
            arrays[field.name] = coerce_column(
                columns[field.name], field, kept, where, None if is_strict else refusals
            )
    parts = arrays["part"].to_pylist() if "part" in arrays else [None] * len(names)
    guesses = (part or ("full" if " " in name else "given") for name in names)
    arrays["part"] = pa.array(
        [own or guess for own, guess in zip(parts, guesses, strict=True)], type=pa.string()
    )
    sources = arrays["sources"].to_pylist() if "sources" in arrays else [[]] * len(names)
    default = [source] if source else []
    arrays["sources"] = pa.array(
        [own or default for own in sources], type=NAME_SCHEMA.field("sources").type
    )
    if "locales" not in arrays:
        arrays["locales"] = pa.array([[]] * len(names), type=NAME_SCHEMA.field("locales").type)
    for field in NAME_SCHEMA:
        arrays.setdefault(field.name, pa.nulls(len(names), type=field.type))
    table = pa.table([arrays[field.name] for field in NAME_SCHEMA], schema=NAME_SCHEMA)
    for name, values in (own or {}).items():
        table = table.append_column(name, values.take(pa.array(kept, pa.int64())))
    return Names(fold_rows(table, one_source=True), refusals.result(), notes)


def merge_names(*corpora: Names) -> Names:
    """Merge corpora: one row per (name, part), in the order in which they first appear.

    Locales and sources are united and sorted; a gender given as both F and M becomes U. Counts
    and births of rows from different sources are added (they count different people); rows that
    have a source in common keep the larger number, so merging a corpus with itself changes
    nothing. Shares follow the counts; the larger weight stands.

    Parameters
    ----------
    *corpora : Names
        At least one.

    Returns
    -------
    Names
        With what was dropped from any of them.

    Raises
    ------
    ValueError
        If no corpus is given.
    """
    if not corpora:
        raise ValueError("merge_names needs at least one corpus; got none.")
    dropped: dict[tuple[str, str], Dropped] = {}
    for lost in (lost for corpus in corpora for lost in corpus.dropped):
        key = (lost.source, lost.reason)
        known = dropped.get(key, replace(lost, count=0, examples=()))
        examples = tuple(dict.fromkeys([*known.examples, *lost.examples]))[:3]
        dropped[key] = replace(lost, count=known.count + lost.count, examples=examples)
    table = pa.concat_tables(_with_own_columns(corpora), promote_options="default")
    notes = tuple(note for corpus in corpora for note in corpus.notes)
    readings = tuple(reading for corpus in corpora for reading in corpus.readings)
    folded = fold_rows(table, one_source=False)
    return Names(folded, tuple(dropped.values()), notes, readings)


def _with_own_columns(corpora: Sequence[Names]) -> list[pa.Table]:
    """Tables whose own columns of one name are of one type: numbers widen, else all are texts."""
    kinds: dict[str, set[pa.DataType]] = {}
    for corpus in corpora:
        for column in corpus.own_columns:
            kinds.setdefault(column, set()).add(corpus.table.schema.field(column).type)
    tables = []
    for corpus in corpora:
        table = corpus.table
        for column in corpus.own_columns:
            if len(kinds[column]) > 1:
                numbers = all(pa.types.is_integer(k) or pa.types.is_floating(k)
                              for k in kinds[column])  # fmt: skip
                kind = pa.float64() if numbers else pa.string()
                at = table.schema.get_field_index(column)
                table = table.set_column(at, column, table[column].cast(kind))
        tables.append(table)
    return tables
