"""Where names come from: one word for each source, one corpus whatever it is."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import check_count, check_seed
from namebasis.errors import CorpusError
from namebasis.namespace.corpus.files.column_roles import place_of
from namebasis.namespace.corpus.files.raw import read_stdin
from namebasis.namespace.corpus.files.reader import (
    names_from_lines,
    names_of_arrow,
    read_source,
)
from namebasis.namespace.corpus.files.tables import Source, names_from_table
from namebasis.namespace.corpus.frames import table_of
from namebasis.namespace.corpus.names import (
    Names,
    Reading,
    check_part,
    merge_names,
    names_from_columns,
    names_from_records,
)
from namebasis.namespace.corpus.selection import (
    Wanted,
    choose_rows,
    has_counts,
    split_source,
)
from namebasis.wording import did_you_mean

logger = logging.getLogger(__name__)

MAX_MADE = 10_000_000
PHRASE_COLUMNS = ("phrase_group", "sentence")
"""Columns of phrases that other names have not."""
GRAMMAR = (
    "faker, faker:LOCALE or given or family, us, us:given or family, ssa:ZIP, census:CSV, "
    "pseudo:N, pseudo:N:SOURCE, full:N, full:N:SOURCE, phrases, phrases:FILE, "
    "a .txt, .csv, .tsv, .json, .jsonl, .yaml or .parquet file, - for stdin"
)


def as_names(
    names: object,
    *,
    top: int | None = None,
    min_count: int | None = None,
    limit: int | None = None,
    keep: Sequence[str] | None = None,
    map: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Names:
    """Return a corpus, read by `read_names` where it is none yet.

    Parameters
    ----------
    names : Names, or a source of them
    top, min_count, limit, keep, map, seed
        As `read_names` takes them.

    Raises
    ------
    ValueError
        If `keep` or `map` is given beside a corpus that was read before.
    """
    if not isinstance(names, Names):
        return read_names(
            names, top=top, min_count=min_count, limit=limit, keep=keep, map=map, seed=seed
        )
    if keep is not None or map is not None:
        raise ValueError("keep and map are for sources; give them to read_names.")
    return _chosen(names, Wanted(top, min_count, limit), seed, "the corpus")


def read_names(
    source: str | Path | Iterable[object] | object,
    *,
    part: str | None = None,
    top: int | None = None,
    min_count: int | None = None,
    limit: int | None = None,
    seed: int = 0,
    column: str | None = None,
    keep: Sequence[str] | None = None,
    map: Mapping[str, str] | None = None,
) -> Names:
    """Read a corpus of names.

    Parameters
    ----------
    source : str, Path, iterable of str or of mappings, or a table in memory
        ``faker`` (all person providers of the Faker library), ``faker:is_IS,da_DK``,
        ``faker:given`` · ``us`` (the packaged 4,000 most frequent US given names with births and
        1,000 surnames; ``us:given``, ``us:family``; ``us:all`` has all 103,538 given names) ·
        ``ssa:ZIP`` (the US Social Security names archive) · ``census:CSV`` (a US Census surname
        table) · ``pseudo:N`` or ``pseudo:N:SOURCE`` (N made-up names, modelled on SOURCE, by
        default faker) · ``full:N`` or ``full:N:SOURCE`` (N given × family pairs) · ``phrases`` or
        ``phrases:FILE`` (the packaged phrases or those of a .toml or .txt file, with their groups
        and sentences) · a .txt, .csv, .tsv, .json, .jsonl, .yaml or .parquet file (see
        `files.read_file`) · ``-`` for stdin, a name a line · names themselves, as strings or
        records (see `make_names`) · or a pandas, polars or Arrow table or a dict of columns, read
        as a table in a file.
    part : {"given", "family", "full", "pseudo", "phrase"}, optional
        What names without a part of their own are (by default full with inner white space,
        otherwise given); of names that have one, only those of this part are kept.
    top : int, optional
        Keep the most frequent names, by their counts; all of a source without counts.
    min_count : int, optional
        Keep names that as many people bear at least; all of a source without counts.
    limit : int, optional
        Keep a random sample of this size, in the source's order.
    seed : int
        Of the sample, and of made-up and paired names.
    column : str, optional
        Of a table: the title of the column of names, or its number from 1. Without it
        the column is chosen by titles and values, see `column_roles.choose`.
    keep : sequence of str, optional
        Of a table: the only columns of your own to keep, by their titles. All by default.
    map : mapping of str to str, optional
        Of a table: what its columns are, such as ``{"gender": "Geschlecht"}``, or what to call
        columns of your own, to their titles.

    What is asked of one of several sources alone may stand behind it as well:
    ``ssa:names.zip,top=4000``, with any of top, min-count, limit, part and column.

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
    wanted = Wanted(top, min_count, limit, part, column, None if keep is None else tuple(keep), map)
    return _read_one(source, wanted, check_seed(seed), is_alone=True)


def read_sources(
    sources: Sequence[str | Path],
    *,
    part: str | None = None,
    top: int | None = None,
    min_count: int | None = None,
    limit: int | None = None,
    seed: int = 0,
    column: str | None = None,
    keep: Sequence[str] | None = None,
    map: Mapping[str, str] | None = None,
) -> Names:
    """Read several sources into one corpus, as `read_names` reads one.

    `top` and `min_count` go by the counts of one source each, since births, bearers and mentions
    cannot be compared; `limit` is of all. What stands behind a source is asked of that alone.

    Parameters
    ----------
    sources : sequence of str or Path
    part, top, min_count, limit, seed, column, keep, map
        As `read_names` takes them; `column`, `keep` and `map` must be of one of the sources.

    Returns
    -------
    Names
        Each of its `notes` begins with the source that it is about.

    Raises
    ------
    CorpusError
        If a source cannot be read or holds no name, or none has such a column.
    ValueError
        If a number is out of its range, or no source can have counts or columns.
    """
    titles = None if keep is None else tuple(keep)
    general = Wanted(top, min_count, None, part, None, titles, map)
    if column is not None and not any(is_file(split_source(str(one))[0]) for one in sources):
        raise ValueError("column must be one of a file; no source is a file.")
    if limit is not None:
        check_count(limit, "limit")
    corpora = []
    for source in sources:
        own = Wanted(column=column if is_file(split_source(str(source))[0]) else None).over(general)
        corpora.append(_read_one(source, own, seed, is_alone=len(sources) == 1))
    _check_titles(general, corpora)
    _check_counts(general, corpora, sources)
    corpora = [
        replace(names, notes=tuple(f"{source}: {told}" for told in names.notes))
        for source, names in zip(sources, corpora, strict=True)
    ]
    names = corpora[0] if len(corpora) == 1 else merge_names(*corpora)
    return _chosen(names, Wanted(limit=limit), seed, "the corpus")


def _read_one(source: object, general: Wanted, seed: int, *, is_alone: bool) -> Names:
    wanted = general
    if isinstance(source, str) and not _is_there(Path(source)):
        source, own = split_source(source)
        wanted = own.over(general)
    table = table_of(source)
    if wanted.column is not None and table is None and not is_file(source):
        raise ValueError(
            f"column names a column of a file or table; got the source {str(source)[:80]!r}."
        )
    if wanted.part is not None:
        check_part(wanted.part)
    names, label = (
        _read(source, wanted, seed, is_alone)
        if table is None
        else _of_table(table, wanted, is_alone)
    )
    if not len(names):
        reasons = "; ".join(f"{d.count:,} left out: {d.reason}" for d in names.dropped)
        raise CorpusError(f"{label} holds no name ({reasons or 'it is empty'}).")
    titles = names.readings[0].titles if names.readings else ()
    if is_alone and not titles and (wanted.keep or wanted.map):
        raise CorpusError(f"keep and map name columns of a table; {label} is none.")
    chosen = _chosen(told_apart(names), wanted, seed, label)
    for dropped in names.dropped:
        logger.info("%s: left out %d: %s", label, dropped.count, dropped.reason)
    for note in names.notes:
        logger.info("%s: %s", label, note)
    return chosen


def _chosen(names: Names, wanted: Wanted, seed: int, label: str) -> Names:
    """The names that are wanted of a corpus; those that are not are counted.

    Raises
    ------
    CorpusError
        If that leaves none.
    """
    is_ranked = wanted.top is not None or wanted.min_count is not None
    notes = names.notes
    if is_ranked and not has_counts(names.table):
        notes += (f"has no counts, so all of its {len(names):,} names are kept",)
    table, dropped = choose_rows(names.table, wanted, seed)
    if not len(table) and len(names.table):
        if wanted.part and wanted.part not in names.table["part"].to_pylist():
            held = ", ".join(sorted(set(names.table["part"].to_pylist())))
            raise CorpusError(
                f"{label} holds no {wanted.part} name, only {held}. Ask for another part."
            )
        raise CorpusError(
            f"{label} holds no name that {wanted.min_count:,} people bear; the most is "
            f"{pc.max(names.table['count']).as_py():,}. Ask for a smaller min_count."
        )
    source = names.readings[0].source if len(names.readings) == 1 else ""
    told = tuple(replace(one, source=source) for one in dropped)
    return replace(names, table=table, dropped=(*names.dropped, *told), notes=notes)


def told_apart(names: Names) -> Names:
    """A corpus of one source that says so of all that it left out, and which columns it has."""
    reading = names.readings[0] if names.readings else Reading(_source_of(names))
    kept = tuple(
        column
        for column in names.table.column_names
        if column not in ("name", "part", "sources") and _says_something(names.table[column])
    )
    dropped = tuple(replace(one, source=one.source or reading.source) for one in names.dropped)
    return replace(names, dropped=dropped, readings=(replace(reading, kept=kept),))


def _source_of(names: Names) -> str:
    """What most names of one source have in their column `sources`."""
    listed = names.table["sources"].to_pylist()
    return Counter(one for row in listed for one in row).most_common(1)[0][0] if any(listed) else ""


def _says_something(values: pa.ChunkedArray) -> bool:
    if pa.types.is_list(values.type):
        return bool(pc.any(pc.greater(pc.list_value_length(values), 0)).as_py())
    return int(values.null_count) < len(values)


def _check_titles(wanted: Wanted, corpora: Sequence[Names]) -> None:
    """Refuse a column that none of several sources has.

    Raises
    ------
    CorpusError
    """
    titles = [title for names in corpora for one in names.readings for title in one.titles]
    for title in (*(wanted.keep or ()), *(wanted.map or {}).values()):
        if place_of(titles, title) is None:
            there = ", ".join(dict.fromkeys(titles)) or "none, since no source is a table"
            raise CorpusError(
                f"no source has a column {title!r}. There are: {there[:500]}."
                f"{did_you_mean(title, titles)}"
            )


def _check_counts(wanted: Wanted, corpora: Sequence[Names], sources: Sequence[object]) -> None:
    """Refuse a choice by counts where no source has any.

    Raises
    ------
    ValueError
    """
    for name in ("top", "min_count"):
        if getattr(wanted, name) is not None and not any(has_counts(one.table) for one in corpora):
            raise ValueError(
                f"{name} must have counts to go by, and {', '.join(map(str, sources))[:200]} has "
                "none. Leave it out, or take a random sample with limit."
            )


def is_file(source: object) -> bool:
    """Whether a source is a file, and not a word for another one."""
    if isinstance(source, Path):
        return True
    return isinstance(source, str) and source != "-" and source.partition(":")[0] not in _READERS


def _asked(where: str, name: str, wanted: Wanted, is_alone: bool) -> Source:
    return Source(
        where, name, wanted.part, wanted.column, keep=wanted.keep, map=wanted.map,
        is_alone=is_alone,
    )  # fmt: skip


def _of_table(
    table: pa.Table | dict[str, Sequence[object]], wanted: Wanted, is_alone: bool
) -> tuple[Names, str]:
    source = _asked("the table", "table", wanted, is_alone)
    if isinstance(table, pa.Table):
        return names_of_arrow(table, source), source.where
    return names_from_table(list(table), list(table.values()), source), source.where


def _read(source: object, wanted: Wanted, seed: int, is_alone: bool) -> tuple[Names, str]:
    """Return a corpus and how messages should name it."""
    if isinstance(source, Path):
        return _of_path(source, wanted, is_alone), str(source)
    if isinstance(source, str):
        label = "stdin" if source == "-" else source
        return _read_spec(source, wanted, seed, is_alone), label
    if isinstance(source, (bytes, bytearray, Mapping)) or not isinstance(source, Iterable):
        raise ValueError(
            "source must be a string, a path or an iterable of strings or records, or a table; "
            f"got {type(source).__name__}."
        )
    items = cast("Iterable[object]", source)
    records = [item if isinstance(item, Mapping) else {"name": item} for item in items]
    if wanted.keep is not None or wanted.map:
        titles = list(dict.fromkeys(str(key) for record in records for key in record))
        columns = [[record.get(title) for record in records] for title in titles]
        asked = _asked("the list", "list", wanted, is_alone)
        return names_from_table(titles, columns, asked), "the list"
    names = names_from_records(records, where="the list", source="list", part=wanted.part)
    return names, "the list"


def _of_path(path: Path, wanted: Wanted, is_alone: bool) -> Names:
    """Read a file, or the births of the US Social Security, which come as a zip or its folder."""
    from namebasis.namespace.corpus.records import holds_births, read_ssa

    if wanted.column is None and holds_births(path):
        births = read_ssa(path)
        told = f"read as births of the US Social Security, as ssa:{path}"
        return replace(births, notes=(told, *births.notes))
    return read_source(path, _asked(str(path), path.name, wanted, is_alone))


def _read_spec(spec: str, wanted: Wanted, seed: int, is_alone: bool) -> Names:
    if spec == "-":
        notes: list[str] = []
        text = read_stdin(notes)
        return names_from_lines(text, where="stdin", source="stdin", part=wanted.part, notes=notes)
    kind, _, argument = spec.partition(":")
    if kind in _READERS:
        return _READERS[kind](argument, seed)
    path = Path(spec)
    if spec and (path.suffix or _is_there(path)):
        return _of_path(path, wanted, is_alone)
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


def _phrases(argument: str, seed: int) -> Names:
    from namebasis.namespace.phrases.dictionary import load_phrases

    phrases = load_phrases(argument or True)
    columns = {
        "name": [one.text for one in phrases],
        "part": ["phrase"] * len(phrases),
        "phrase_group": [one.group for one in phrases],
        "sentence": [one.sentence for one in phrases],
    }
    own = {key: pa.array(columns.pop(key), pa.string()) for key in PHRASE_COLUMNS}
    return names_from_columns(columns, where="phrases", source="phrases", own=own)


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
    "phrases": _phrases,
    "full": _full,
}
