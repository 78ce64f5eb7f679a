"""Somebody's table of names as a corpus: columns chosen, typed, and told about."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.census_1990 import census_of_1990
from namebasis.namespace.corpus.cleaning import Refusals
from namebasis.namespace.corpus.files import column_roles, content
from namebasis.namespace.corpus.files.dialects import Cells, has_header
from namebasis.namespace.corpus.files.non_names import reasons, spelled
from namebasis.namespace.corpus.files.own_columns import own_name, typed
from namebasis.namespace.corpus.files.prompt_lines import plain_names
from namebasis.namespace.corpus.files.reshaping import (
    by_sex,
    one_header,
    total_row,
    without_footers,
    without_rules,
)
from namebasis.namespace.corpus.files.wide_counts import wide_counts
from namebasis.namespace.corpus.full_names import join_parts
from namebasis.namespace.corpus.names import Names, Reading, names_from_columns
from namebasis.namespace.corpus.values import CANONICAL, is_count, share_of_genders
from namebasis.wording import counted, did_you_mean

_LAST_FIRST = re.compile(r"[^,]+,\s*[^,]+")
_SUFFIXES = re.compile(r",\s*(?:jr|sr|ii|iii|iv|md|phd|esq)\.?$", re.IGNORECASE)
_SUMS = frozenset(
    {"ALL OTHER NAMES", "AUTRES NOMS", "AUTRES PRENOMS", "AUTRES PRÉNOMS", "BRAK DANYCH"}
)  # fmt: skip


@dataclass
class Source:
    """How a source is called, what was asked of it, and what is left out so far.

    Attributes
    ----------
    where : str
        As messages name it.
    name : str
        As the corpus's column `sources` names it.
    part, column : str or None
        As `read_names` takes them.
    refusals : Refusals
    notes : list of str
    keep, map : as in `selection.Wanted`
    is_alone : bool
        Whether columns of `keep` and `map` that this source lacks are an error; else other sources
        may have them.
    decimal : str
        The sign before a fraction.
    titles : tuple of str
        Of its columns, once it is read.
    unread : list of str
        Titles of columns that are no cells: vectors, nested ones.
    texts : list
        What each row has in the names' place, once the source is read.
    n_taken : int
        Lines of prompts so far from which no more than the name was taken.
    """

    where: str
    name: str
    part: str | None = None
    column: str | None = None
    refusals: Refusals = field(default_factory=Refusals)
    notes: list[str] = field(default_factory=list)
    keep: Sequence[str] | None = None
    map: Mapping[str, str] | None = None
    is_alone: bool = True
    titles: tuple[str, ...] = ()
    unread: list[str] = field(default_factory=list)
    decimal: str = "."
    texts: list[object] = field(default_factory=list)
    n_taken: int = 0

    def take_names(self, text: str, *, is_capitals: bool = False) -> list[str]:
        """Return the names in a line of a prompt, see `plain_names`; a line without is counted."""
        names, reason = plain_names(text, is_capitals=is_capitals)
        if reason:
            self.refusals.add(reason, text)
        self.n_taken += bool(names) and names != [text.strip()]
        return names

    def note_taken(self) -> None:
        """Note how many lines held more than their names."""
        if self.n_taken:
            self.notes.append(
                f"took the name alone out of {counted(self.n_taken, 'line')} with weights, "
                "brackets or attributes of prompts"
            )
            self.n_taken = 0

    def note_last_first(self, values: Sequence[object]) -> None:
        """Note where most names are written with the family name and a comma in front."""
        texts = [value for value in content.sample(values) if isinstance(value, str)]
        turned = sum(
            _LAST_FIRST.fullmatch(text.strip()) is not None and not _SUFFIXES.search(text)
            for text in texts
        )
        if turned > 1 and turned > len(texts) / 2:
            self.notes.append(
                'most names are written "Last, First" and are stored so; write "First Last" to '
                "have them encoded as texts have them"
            )


def names_from_texts(texts: list[str], source: Source) -> Names:
    """Make a corpus of names alone; blank ones, and what is no name, are counted as left out."""
    source.note_taken()
    written = _spelled(texts, source)
    source.texts = [spelled(text) for text in source.texts]
    none = _without_names(written, source)
    texts = [str(text) for at, text in enumerate(written) if at not in none]
    source.note_last_first(texts)
    return names_from_columns(
        {"name": texts},
        where=source.where,
        source=source.name,
        part=source.part,
        refusals=source.refusals,
        notes=tuple(source.notes),
    )


def names_from_cells(cells: Cells, source: Source) -> Names:
    """Make a corpus of a table of texts, with a header or without.

    Raises
    ------
    CorpusError
        If it holds no row of names, or no column surely holds names.
    """
    rows = cells.rows
    if rows:
        rows = without_rules(one_header(without_footers(rows, source.refusals)))
    if not rows:
        raise CorpusError(f"{source.where} has no row below its header. Give it one name a row.")
    census = census_of_1990(rows) if source.column is None else None
    if census is not None:
        source.notes.append("read as a table of names of the US Census of 1990")
        source.texts = list(census["name"])
        return names_from_columns(
            census, where=source.where, source=source.name, part=source.part,
            refusals=source.refusals, notes=tuple(source.notes),
        )  # fmt: skip
    titles = [cell.strip().lstrip("\ufeff") for cell in rows[0]]
    known = [column_roles.is_known(title) for title in titles]
    asked = source.column is not None and source.column in titles
    if asked or has_header(rows, known):
        if len(rows) < 2:
            raise CorpusError(
                f"{source.where} has no row below its header. Give it one name a row."
            )
        again = [row for row in rows[1:] if row == rows[0]]
        if again:
            source.refusals.add("the header again", again[0][0], count=len(again))
        rows = [row for row in rows[1:] if row != rows[0]]
    else:
        titles = _titles_of(rows)
    columns: list[Sequence[object]] = list(zip(*rows, strict=True))
    # Where semicolons separate, commas may stand before a fraction.
    source.decimal = "," if cells.separator == ";" else "."
    return names_from_table(titles, columns, source)


def _titles_of(rows: Sequence[Sequence[str]]) -> list[str]:
    """Make up titles for columns without: the first one that may hold names, a gender, a count."""
    columns = list(zip(*rows, strict=True))
    titles = [f"column {at}" for at in range(1, len(columns) + 1)]

    def numbers(at: int) -> float:
        return content.share(columns[at], content.is_number)

    def is_sexes(at: int) -> bool:
        return share_of_genders(columns[at]) > 0.5 and numbers(at) < 0.5

    def is_names(at: int) -> bool:
        return not content.flaw(columns[at])

    def is_counts(at: int) -> bool:
        if numbers(at) <= 0.5 or content.share(columns[at], is_count) <= 0.5:
            return False
        if any(re.fullmatch(r"0\d+", cell.strip()) for cell in columns[at]):
            return False  # an id
        return not (_are_years(columns[at]) or _are_ranks(columns[at]))

    for title, test in (("gender", is_sexes), ("name", is_names), ("count", is_counts)):
        free = [at for at, one in enumerate(titles) if one.startswith("column")]
        fitting = [at for at in free if test(at)]
        place = fitting[0] if fitting else None
        if title == "count" and len(fitting) > 1:
            # A column of digits is a code (Danbooru's kinds of tags) beside one of numbers.
            place = next((at for at in fitting if _has_numbers(columns[at])), place)
        if place is not None:
            titles[place] = title
    return titles


def _has_numbers(values: Sequence[object]) -> bool:
    return any(len(str(value).strip()) > 1 for value in values)


def _are_years(values: Sequence[object]) -> bool:
    numbers = [int(str(v)) for v in content.sample(values) if str(v).strip().isdecimal()]
    return bool(numbers) and all(1500 < number < 2200 for number in numbers)


def _are_ranks(values: Sequence[object]) -> bool:
    """Whether values number the rows: 1, 2, 2, 4 … or 0, 1, 2 …"""
    texts = [str(value).strip().rstrip(".=") for value in values]
    if len(texts) < 3 or not all(text.isdecimal() for text in texts):
        return False
    return all(0 <= int(text) - at <= 1 or int(texts[at - 1]) == int(text)
               for at, text in enumerate(texts))  # fmt: skip


def names_from_table(
    titles: Sequence[str], columns: Sequence[Sequence[object]], source: Source
) -> Names:
    """Make a corpus of columns with titles; see `column_roles.choose` for what is taken.

    Raises
    ------
    CorpusError
        If no column surely holds names.
    """
    source.note_taken()
    stacked = by_sex(titles, columns) if source.column is None else None
    if stacked is not None:
        titles, columns, note = stacked
        source.notes.append(note)
    source.titles = tuple(titles)
    if source.column is None and not source.map:
        census = _census(titles, columns, source)
        if census is not None:
            return census
    meant = _meant(titles, source)
    roles = column_roles.choose(
        [meant.get(at, title) for at, title in enumerate(titles)], columns, source.where,
        part=source.part, column=source.column,
    )  # fmt: skip
    _check_fit(titles, columns, meant, roles, source)
    wanted = _wanted(titles, source)
    if len(roles.name) == 1:
        columns = list(columns)
        columns[roles.name[0]] = _spelled(columns[roles.name[0]], source)
    source.texts = list(_joined([columns[at] for at in roles.name]))
    columns = _without_sums(columns, roles, source)
    values: dict[str, Sequence[object] | pa.Array] = {
        column: columns[at] for column, at in roles.fields.items()
    }
    counted = wide_counts(titles, columns, roles.others, roles.fields, source.refusals)
    if counted is not None:
        values |= counted.fields
        source.notes.append(counted.note)
    texts = _joined([columns[at] for at in roles.name])
    values["name"] = texts
    own: dict[str, pa.Array] = {}
    names: dict[int, str] = {}
    unused = list(roles.index)
    for at in roles.others:
        name = own_name(meant.get(at, titles[at]), list(own))
        is_wanted = wanted is None or at in wanted or meant.get(at) in (source.map or ())
        array = typed(columns[at], name, source.refusals, source.decimal) if is_wanted else None
        if array is None:
            unused.append(at)
        else:
            own[name], names[at] = array, name
    source.notes.append(column_roles.told(titles, roles, names, sorted(unused)))
    source.note_last_first(texts)
    made = names_from_columns(
        values,
        where=source.where,
        source=source.name,
        part=source.part or roles.part,
        refusals=source.refusals,
        own=own,
        is_strict=False,
    )
    made = _without_lost(made, own, source)
    lost = [titles[at] for at, name in names.items() if name not in made.own_columns]
    told = [titles[at] or f"(column {at + 1})" for at in sorted(unused)]
    reading = Reading(source.name, (), (*source.unread, *told, *lost), source.titles)
    return replace(made, readings=(reading,))


def _census(
    titles: Sequence[str], columns: Sequence[Sequence[object]], source: Source
) -> Names | None:
    """A table whose header is that of the US Census, as that; None for any other."""
    from namebasis.namespace.corpus.records import (
        census_names,
        census_places,
        is_census_share,
    )

    places = census_places(titles)
    if places is None:
        return None
    wanted = _wanted(titles, source)
    own: dict[str, pa.Array] = {}
    unused = []
    for at, title in enumerate(titles):
        if at in places.values():
            continue
        asked = not is_census_share(title) if wanted is None else at in wanted
        name = own_name(title, list(own))
        array = typed(columns[at], name, source.refusals, source.decimal) if asked else None
        if array is None:
            unused.append(title)
        else:
            own[name] = array
    rows = [
        ["" if cell is None else str(cell) for cell in row] for row in zip(*columns, strict=True)
    ]
    source.texts = [row[places["name"]] for row in rows]
    made = census_names(titles, rows, source.where, source.refusals, own)
    part = "surnames" if made.table["part"][:1].to_pylist() == ["family"] else "first names"
    told = f"read as a US Census table of {part}, which its header says it is"
    reading = Reading("census", (), tuple(unused), source.titles)
    return replace(made, notes=(*source.notes, told, *made.notes), readings=(reading,))


def _without_lost(made: Names, own: Mapping[str, pa.Array], source: Source) -> Names:
    """Say where rows of one name disagreed, and leave out columns that are empty then."""
    table = made.table
    lost = []
    for column, values in own.items():
        told = len(values) - values.null_count
        kept = len(table) - table[column].null_count
        if told and not kept and len(table):
            table = table.drop_columns([column])
            lost.append(column)
    if lost:
        source.notes.append(f"not kept, since rows of one name differ in it: {', '.join(lost)}")
    return Names(table, made.dropped, tuple(source.notes))


def _meant(titles: Sequence[str], source: Source) -> dict[int, str]:
    """Titles that columns get as the user maps them, by their places.

    Another column that bears such a title already becomes one of the user's own.
    """
    meant: dict[int, str] = {}
    for name, title in (source.map or {}).items():
        at = column_roles.place_of(titles, title)
        if at is not None:
            meant[at] = name
        elif source.is_alone:
            hint = did_you_mean(title, titles)
            if not hint and column_roles.place_of(titles, name) is not None:
                hint = f" Did you mean {title}={name}?"
            raise CorpusError(column_roles.lacking(source.where, title, titles) + hint)
    for at, title in enumerate(titles):
        if at not in meant and column_roles.normal(title) in meant.values():
            meant[at] = f"own {title}"
    return meant


def _check_fit(
    titles: Sequence[str],
    columns: Sequence[Sequence[object]],
    meant: Mapping[int, str],
    roles: column_roles.Roles,
    source: Source,
) -> None:
    """Refuse a column that the user maps to one of the corpus, and whose values are none of it.

    Raises
    ------
    CorpusError
    """
    for at, name in meant.items():
        column = CANONICAL.get(name)
        places = roles.name if column == "name" else (roles.fields.get(str(column)),)
        if column is not None and at not in places:
            examples = ", ".join(dict.fromkeys(map(str, content.sample(columns[at])[:20])))
            raise CorpusError(
                f"{source.where}: the values of {titles[at]!r} cannot be read as {name} (such as "
                f"{examples[:60]}). Map another column, or keep it under its own name."
            )


def _wanted(titles: Sequence[str], source: Source) -> set[int] | None:
    """Places of the own columns that are to be kept; None for all."""
    if source.keep is None:
        return None
    found = {title: column_roles.place_of(titles, title) for title in source.keep}
    missing = [title for title, at in found.items() if at is None]
    if missing and source.is_alone:
        lacks = column_roles.lacking(source.where, missing[0], titles)
        raise CorpusError(lacks + did_you_mean(missing[0], titles))
    return {at for at in found.values() if at is not None}


def _without_sums(
    columns: Sequence[Sequence[object]], roles: column_roles.Roles, source: Source
) -> Sequence[Sequence[object]]:
    """Leave out, counted, the rows in which a table adds up its rare names, or all of them."""
    texts = columns[roles.name[0]]
    at_count = roles.fields.get("count")
    sums = {
        at: text
        for at, text in enumerate(texts)
        if isinstance(text, str) and (text[:1] == "_" or text.strip().upper() in _SUMS)
    }
    for text in sums.values():
        source.refusals.add("the sum of all other names", text)
    total = total_row(texts, None if at_count is None else columns[at_count])
    if total is not None:
        source.refusals.add("the sum of all names", str(texts[total]))
        sums[total] = str(texts[total])
    left = [None if at in sums else text for at, text in enumerate(texts)]
    sums |= _without_names(left, source)
    if not sums:
        return columns
    return [[value for at, value in enumerate(values) if at not in sums] for values in columns]


def _spelled(texts: Sequence[object], source: Source) -> Sequence[object]:
    """Names with spaces and letters for underscores and entities; said, with an example."""
    written = [spelled(text) for text in texts]
    changed = [at for at, text in enumerate(texts) if text != written[at]]
    if changed:
        first = changed[0]
        more = f", and {counted(len(changed) - 1, 'other name')} so" if len(changed) > 1 else ""
        source.notes.append(f"wrote {texts[first]!r} as {written[first]!r}{more}")
    return written


def _without_names(texts: Sequence[object], source: Source) -> dict[int, str]:
    """Count and return what is no name; nothing of a column of such that the user asks for."""
    found = reasons(texts)
    known = sum(isinstance(text, str) and bool(text.strip()) for text in texts)
    if source.column is not None and 2 * len(found) > known:
        return {}
    for at, reason in found.items():
        source.refusals.add(reason, str(texts[at]))
    return found


def _joined(columns: Sequence[Sequence[object]]) -> Sequence[object]:
    if len(columns) == 1:
        return columns[0]
    return [
        join_parts([str(one).strip() for one in parts if one is not None and str(one).strip()])
        for parts in zip(*columns, strict=True)
    ]
