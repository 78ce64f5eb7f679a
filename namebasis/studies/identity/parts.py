"""Which names are measured, and where they are cut in two: by a file, by columns, or by rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.count_files import by_fold, titled_table
from namebasis.namespace.corpus.folding import fold, script_of
from namebasis.namespace.corpus.full_names import UNSPACED_NAME, UNSPACED_SCRIPTS, Cut, Pair, cut
from namebasis.namespace.corpus.names import distinct_names
from namebasis.wording import counted

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

COLUMNS = ("given", "family")
"""Columns of one's own that say where a full name is cut, if a space has both."""
_NEEDED = ("name", *COLUMNS)
_N_SHOWN = 3


def asked_names(space: StoredSpace, names: Sequence[str] | None, where: str | None) -> list[str]:
    """Names that were given, or those of the space that pass a filter; each once.

    Raises
    ------
    ValueError
        If there is none, one is empty, or names and a filter are both given.
    """
    if names is not None and where is not None:
        raise ValueError("give names or a filter, not both.")
    if names is not None:
        return distinct_names(names)
    stored = space.table(["name"], where=where)["name"].to_pylist()
    if not stored:
        raise ValueError("no name to measure: give names, or a filter that some names pass.")
    return list(dict.fromkeys(stored))  # one name can be stored as given and as family


def read_parts(path: str | Path) -> dict[str, Pair]:
    """Read a table with the columns `name`, `given` and `family`; others are left aside.

    Rows whose given and family name are both empty leave their name to the rules.

    Returns
    -------
    dict of name to (given, family)

    Raises
    ------
    CorpusError
        If it cannot be read, lacks a column, has one part of a name alone, or has a name twice
        with different parts.
    """
    titles, table = titled_table(path, _NEEDED)
    parts: dict[str, Pair] = {}
    first: dict[str, str] = {}
    for line, row in table.rows:
        name, given, family = (" ".join((row[titles[one]] or "").split()) for one in _NEEDED)
        if not given and not family:
            continue
        if not (name and given and family):
            lacking = next(one for one in _NEEDED if not (row[titles[one]] or "").strip())
            raise CorpusError(
                f"{path}: line {line}: {lacking} is empty; a row needs a name with both its "
                "parts, or neither part."
            )
        spelling = first.setdefault(fold(name), name)
        if parts.setdefault(spelling, (given, family)) != (given, family):
            raise CorpusError(
                f"{path}: line {line}: {name!r} has other parts than before "
                f"({' | '.join(parts[spelling])}); give each name once."
            )
    return parts


def cut_names(
    space: StoredSpace, asked: Sequence[str], parts: Mapping[str, Pair] | None = None
) -> dict[str, Cut]:
    """Names in two: by `parts`, else by the space's own columns, else by `full_names.cut`.

    Columns are `given` and `family`, where the space has both as texts. For the rules the locales
    of stored names say where the family name comes first.
    """
    given_ones = by_fold(parts or {})
    told: Mapping[str, Sequence[object]] = _stored(space, asked)
    return {name: _cut(name, given_ones(name), told.get(name, ())) for name in asked}


def _cut(name: str, from_file: Pair | None, stored: Sequence[object]) -> Cut:
    locales, *columns = stored or ((),)
    if from_file is not None:
        return _as_written(name, from_file, "file")
    if len(columns) == 2 and all(isinstance(one, str) and one.strip() for one in columns):
        given, family = (" ".join(str(one).split()) for one in columns)
        return _as_written(name, (given, family), "columns")
    return cut(name, tuple(locales or ()))  # type: ignore[arg-type]


def _as_written(name: str, parts: Pair, by: str) -> Cut:
    """Parts that somebody gave, in the order in which the name has them."""
    given, family = parts
    if fold(name) == fold(family + given) or (
        " " not in name and script_of(name) in UNSPACED_SCRIPTS
    ):
        return Cut(None, UNSPACED_NAME, by)
    if fold(name) == fold(f"{family} {given}") != fold(f"{given} {family}"):
        return Cut((family, given), by=by, is_family_first=True)
    return Cut((given, family), by=by)


def _stored(space: StoredSpace, asked: Sequence[str]) -> dict[str, tuple[object, ...]]:
    """Locales of stored names, then given and family name where the space has such columns."""
    columns = [one for one in ("locales",) if one in space.columns]
    if columns and set(COLUMNS) <= set(space.columns):
        columns += COLUMNS
    if not columns:
        return {}
    places = zip(asked, space.find_all(asked), strict=True)
    ids = {name: row for name, row in places if row is not None}
    if not ids:
        return {}
    table = space.table(columns, ids=list(ids.values()))
    lists = [table[one].to_pylist() for one in columns]
    return dict(zip(ids, zip(*lists, strict=True), strict=True))


def notes_on(cuts: Mapping[str, Cut]) -> tuple[str, ...]:
    """What a reader must know of how names were cut; empty where nothing is in doubt."""
    said = []
    unsure = [one.pair for one in cuts.values() if one.pair and one.is_unsure]
    if unsure:
        some = ", ".join(" | ".join(pair) for pair in unsure[:_N_SHOWN])
        more = ", …" if len(unsure) > _N_SHOWN else ""
        said.append(
            f"rules cut {counted(len(unsure), 'name')} whose middle word may belong to either "
            f"part: {some}{more}. --parts FILE (name, given, family) cuts them otherwise."
        )
    left = [name for name, one in cuts.items() if one.pair is None and one.may_have_parts]
    if left:
        some = ", ".join(left[:_N_SHOWN]) + (", …" if len(left) > _N_SHOWN else "")
        said.append(
            f"{counted(len(left), 'name')} of several words could not be cut: {some}. --parts "
            "FILE (name, given, family) says where."
        )
    return tuple(said)
