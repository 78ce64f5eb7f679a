"""Where names come from: one word for each source, one corpus whatever it is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

import pyarrow as pa

from namebasis.checks import check_count, check_seed
from namebasis.errors import CorpusError
from namebasis.namespace.corpus.files.raw import read_stdin
from namebasis.namespace.corpus.files.reader import (
    names_from_lines,
    names_of_arrow,
    read_file,
)
from namebasis.namespace.corpus.files.tables import Source, names_from_table
from namebasis.namespace.corpus.frames import table_of
from namebasis.namespace.corpus.names import Names, check_part, names_from_records

logger = logging.getLogger(__name__)

MAX_MADE = 10_000_000
GRAMMAR = (
    "faker, faker:LOCALE or given or family, us, us:given or family, ssa:ZIP, census:CSV, "
    "pseudo:N, pseudo:N:SOURCE, full:N, full:N:SOURCE, a .txt, .csv, .tsv, .json, .jsonl, .yaml or "
    ".parquet file, - for stdin"
)


def as_names(names: object, *, limit: int | None = None, seed: int = 0) -> Names:
    """Return a corpus, read by `read_names` where it is none yet.

    Parameters
    ----------
    names : Names, or a source of them
    limit : int, optional
        Keep a random sample of so many.
    seed : int
        Of the sample, and of made-up names.
    """
    if isinstance(names, Names):
        return names.select(limit=limit, seed=seed) if limit is not None else names
    return read_names(names, limit=limit, seed=seed)


def read_names(
    source: str | Path | Iterable[object] | object,
    *,
    part: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    column: str | None = None,
) -> Names:
    """Read a corpus of names.

    Parameters
    ----------
    source : str, Path, iterable of str or of mappings, or a table in memory
        ``faker`` (all person providers of the Faker library), ``faker:is_IS,da_DK``,
        ``faker:given`` · ``us`` (the packaged 4,000 most frequent US given names with births and
        1,000 surnames; ``us:given``, ``us:family``) · ``ssa:ZIP`` (the US Social Security names
        archive) · ``census:CSV`` (a US Census surname table) · ``pseudo:N`` or ``pseudo:N:SOURCE``
        (N made-up names, modelled on SOURCE, by default faker) · ``full:N`` or ``full:N:SOURCE`` (N
        given × family pairs) · a .txt, .csv, .tsv, .json, .jsonl, .yaml or .parquet file (see
        `files.read_file`) · ``-`` for stdin, a name a line · names themselves, as strings or
        records (see `make_names`) · or a pandas, polars or Arrow table or a dict of columns, read
        as a table in a file.
    part : {"given", "family", "full", "pseudo"}, optional
        What names without a part of their own are (by default full with inner white space,
        otherwise given); of names that have one, only those of this part are kept.
    limit : int, optional
        Keep a random sample of so many, in the source's order.
    seed : int
        Of the sample, and of made-up and paired names.
    column : str, optional
        Of a table: the title of the column of names, or its number from 1. Without it
        the column is chosen by titles and values, see `column_roles.choose`.

    Returns
    -------
    Names
        At least one name; `dropped` counts what was left out and why, `notes` say which columns
        of a table were taken for what. Its other columns are the table's last ones.

    Raises
    ------
    CorpusError
        If the source is unknown, cannot be read, or holds no name.
    ValueError
        If `part`, `limit` or `seed` is out of its range, or there is a `column` but no file.

    See Also
    --------
    namebasis.build_space : Takes the same sources.

    Examples
    --------
    >>> import namebasis as nb
    >>> nb.read_names("names.txt").strings[:3]
    ['Vicki', 'Winona', 'Roger']
    >>> nb.read_names(["Anna", "Zoë Lee", ""])
    Names(2 names (1 given, 1 full): Anna, Zoë Lee; 1 left out, see .dropped; ...)
    """
    seed = check_seed(seed)
    table = table_of(source)
    if column is not None and table is None and not is_file(source):
        raise ValueError(
            f"column names a column of a file or table; got the source {str(source)[:80]!r}."
        )
    if part is not None:
        check_part(part)
    if limit is not None:
        check_count(limit, "limit")
    names, label = (
        _read(source, part, seed, column) if table is None else _of_table(table, part, column)
    )
    if not len(names):
        reasons = "; ".join(f"{d.count:,} left out: {d.reason}" for d in names.dropped)
        raise CorpusError(f"{label} holds no name ({reasons or 'it is empty'}).")
    chosen = names.select(part, limit, seed)
    if not len(chosen):
        held = ", ".join(sorted(set(names.table["part"].to_pylist())))
        raise CorpusError(f"{label} holds no {part} name, only {held}. Ask for another part.")
    for dropped in names.dropped:
        logger.info("%s: left out %d: %s", label, dropped.count, dropped.reason)
    for note in names.notes:
        logger.info("%s: %s", label, note)
    return chosen


def is_file(source: object) -> bool:
    """Whether a source is a file, and not a word for another one."""
    if isinstance(source, Path):
        return True
    return isinstance(source, str) and source != "-" and source.partition(":")[0] not in _READERS


def _of_table(
    table: pa.Table | dict[str, Sequence[object]], part: str | None, column: str | None
) -> tuple[Names, str]:
    source = Source("the table", "table", part, column)
    if isinstance(table, pa.Table):
        return names_of_arrow(table, source), source.where
    return names_from_table(list(table), list(table.values()), source), source.where


def _read(source: object, part: str | None, seed: int, column: str | None) -> tuple[Names, str]:
    """Return a corpus and how messages should name it."""
    if isinstance(source, Path):
        return read_file(source, part, column), str(source)
    if isinstance(source, str):
        return _read_spec(source, part, seed, column), "stdin" if source == "-" else source
    if isinstance(source, (bytes, bytearray, Mapping)) or not isinstance(source, Iterable):
        raise ValueError(
            "source must be a string, a path or an iterable of strings or records, or a table; "
            f"got {type(source).__name__}."
        )
    items = cast("Iterable[object]", source)
    records = [item if isinstance(item, Mapping) else {"name": item} for item in items]
    return names_from_records(records, where="the list", source="list", part=part), "the list"


def _read_spec(spec: str, part: str | None, seed: int, column: str | None) -> Names:
    if spec == "-":
        notes: list[str] = []
        text = read_stdin(notes)
        return names_from_lines(text, where="stdin", source="stdin", part=part, notes=notes)
    kind, _, argument = spec.partition(":")
    if kind in _READERS:
        return _READERS[kind](argument, seed)
    path = Path(spec)
    if spec and (path.suffix or _is_there(path)):
        return read_file(path, part, column)
    raise CorpusError(f"unknown source of names {spec[:200]!r}. There are: {GRAMMAR}.")


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _faker(argument: str, seed: int) -> Names:
    from namebasis.namespace.corpus.faker_source import read_faker

    return read_faker(argument)


def _us(argument: str, seed: int) -> Names:
    from namebasis.namespace.corpus.us_names import read_us

    return read_us(argument)


def _ssa(argument: str, seed: int) -> Names:
    from namebasis.namespace.corpus.records import read_ssa

    return read_ssa(_path(argument, "ssa:names.zip"))


def _census(argument: str, seed: int) -> Names:
    from namebasis.namespace.corpus.records import read_census

    return read_census(_path(argument, "census:surnames.csv"))


def _path(argument: str, example: str) -> Path:
    if not argument:
        raise CorpusError(f"{example.partition(':')[0]}: needs a file, such as {example}.")
    return Path(argument)


def _pseudo(argument: str, seed: int) -> Names:
    from namebasis.namespace.corpus.pseudo import pseudo_names

    n, base = _count_and_base(argument, "pseudo", seed)
    return pseudo_names(n, corpus=base, seed=seed)


def _full(argument: str, seed: int) -> Names:
    from namebasis.namespace.corpus.pairs import full_names

    n, base = _count_and_base(argument, "full", seed)
    return full_names(n, corpus=base, seed=seed)


_NESTED = 8
"""Sources within sources, such as pseudo:5:full:10:faker."""


def _count_and_base(argument: str, kind: str, seed: int) -> tuple[int, Names | None]:
    number, _, base = argument.partition(":")
    if not number.isdecimal() or len(number) > 8 or not 0 < int(number) <= MAX_MADE:
        raise CorpusError(
            f"{kind}: needs how many names, from 1 to {MAX_MADE:,}, such as {kind}:1000; "
            f"got {number[:40]!r}."
        )
    if base.count(":") > _NESTED:
        raise CorpusError(f"{kind}: a source within a source goes {_NESTED} deep at most.")
    return int(number), read_names(base, seed=seed) if base else None


_READERS: dict[str, Callable[[str, int], Names]] = {
    "faker": _faker,
    "us": _us,
    "ssa": _ssa,
    "census": _census,
    "pseudo": _pseudo,
    "full": _full,
}
