"""Which names of a source are taken: of a part, the most frequent, or a random sample."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import BoolArray, check_count
from namebasis.errors import CorpusError
from namebasis.namespace.corpus.cleaning import Dropped

_N_EXAMPLES = 3
_PAIR = r"(?:top|min[-_]count|limit|part|column)=[^,=]+"
_BEHIND = re.compile(rf"(?s)(?P<source>.+?)(?P<pairs>(?:,{_PAIR})+)\Z")


@dataclass(frozen=True)
class Wanted:
    """What is asked of one source.

    Attributes
    ----------
    top : int or None
        The most frequent names, by `count`.
    min_count : int or None
        Names that as many people bear at least.
    limit : int or None
        A random sample of what is left.
    part, column : str or None
        As `read_names` takes them.
    keep : tuple of str or None
        The only columns of the user's own that are kept; None keeps all.
    map : mapping of str to str
        Columns of the corpus, or new names of own ones, to titles of the source.
    """

    top: int | None = None
    min_count: int | None = None
    limit: int | None = None
    part: str | None = None
    column: str | None = None
    keep: tuple[str, ...] | None = None
    map: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        for name in ("top", "min_count", "limit"):
            value = getattr(self, name)
            if value is not None:
                check_count(value, name)

    def over(self, general: Wanted) -> Wanted:
        """These, and what is asked of all sources where these say nothing."""
        own = {one.name: getattr(self, one.name) for one in fields(self)}
        return Wanted(
            **{
                name: getattr(general, name) if value is None else value
                for name, value in own.items()
            }
        )


def split_source(source: str) -> tuple[str, Wanted]:
    """Split ``ssa:names.zip,top=4000`` into the source and what is asked of it alone.

    Raises
    ------
    CorpusError
        If a number is none.
    """
    found = _BEHIND.match(source)
    if found is None:
        return source, Wanted()
    values: dict[str, str | int] = {}
    for pair in found["pairs"][1:].split(","):
        key, _, value = pair.partition("=")
        key = key.replace("-", "_")
        if key in values:
            raise CorpusError(f"{source}: {key} is given twice. Give it once.")
        if key in ("part", "column"):
            values[key] = value
        elif value.strip().isdecimal() and 0 < int(value) < 2**53:
            values[key] = int(value)
        else:
            raise CorpusError(
                f"{source}: {key} must be a whole number of at least 1; got {value!r}. "
                f"Write {found['source']},{key}=1000."
            )
    return found["source"], Wanted(**values)  # type: ignore[arg-type]


def has_counts(table: pa.Table) -> bool:
    """Whether any name of a corpus comes with a count."""
    return int(table["count"].null_count) < len(table)


def choose_rows(
    table: pa.Table, wanted: Wanted, seed: int | None
) -> tuple[pa.Table, tuple[Dropped, ...]]:
    """Keep the names that are wanted of a corpus, and say which are not, and why.

    Parameters
    ----------
    table : Table
        Of the name schema.
    wanted : Wanted
    seed : int or None
        Of the random sample; without one the first rows are taken.
    """
    if seed is not None:
        check_count(seed, "seed", low=0)
    lost: list[Dropped] = []
    if wanted.part is not None:
        table, others = _of_part(table, wanted.part)
        lost += others
    table, rare = _most_frequent(table, wanted.top, wanted.min_count)
    lost += rare
    if wanted.limit is not None:
        table, rest = _sampled(table, wanted.limit, seed)
        lost += rest
    return table, tuple(lost)


def _most_frequent(
    table: pa.Table, top: int | None, min_count: int | None
) -> tuple[pa.Table, list[Dropped]]:
    """Keep the most frequent names, in their order; all of a corpus without counts.

    Parameters
    ----------
    table : Table
        Of the name schema.
    top : int, optional
        How many; of names that are equally frequent, the first.
    min_count : int, optional

    Returns
    -------
    table : Table
    dropped : list of Dropped
    """
    if (top is None and min_count is None) or not has_counts(table):
        return table, []
    counts = np.asarray(table["count"].fill_null(-1), np.int64)
    kept = counts >= 0
    dropped = _lost(table, ~kept, "no count to tell how frequent it is")
    if min_count is not None:
        rare = kept & (counts < min_count)
        dropped += _lost(table, rare, f"fewer than {min_count:,} bearers")
        kept &= ~rare
    if top is not None and kept.sum() > top:
        first = np.flatnonzero(kept)[np.argsort(-counts[kept], kind="stable")[:top]]
        chosen = np.zeros(len(table), bool)
        chosen[first] = True
        dropped += _lost(table, kept & ~chosen, f"not among the {top:,} most frequent")
        kept = chosen
    return table.filter(pa.array(kept)), dropped


def _of_part(table: pa.Table, part: str) -> tuple[pa.Table, list[Dropped]]:
    """Keep the names of one part."""
    fits = pc.equal(table["part"], part)
    lost = _lost(table, ~np.asarray(fits, bool), f"no {part} name")
    return table.filter(fits), lost


def _sampled(table: pa.Table, limit: int, seed: int | None) -> tuple[pa.Table, list[Dropped]]:
    """Keep the first names, or with a seed a random sample, in their order."""
    if limit >= len(table):
        return table, []
    n_lost = len(table) - limit
    if seed is None:
        return table.slice(0, limit), [Dropped(f"behind the first {limit:,}", n_lost, ())]
    rows = np.random.default_rng(seed).choice(len(table), limit, replace=False)
    lost = Dropped(f"not in the random sample of {limit:,}", n_lost, ())
    return table.take(pa.array(np.sort(rows))), [lost]


def _lost(table: pa.Table, rows: BoolArray, reason: str) -> list[Dropped]:
    at: Sequence[int] = np.flatnonzero(rows).tolist()
    if not at:
        return []
    return [Dropped(reason, len(at), tuple(table["name"].take(at[:_N_EXAMPLES]).to_pylist()))]
