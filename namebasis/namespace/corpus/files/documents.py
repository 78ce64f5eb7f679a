"""Names in JSON, JSON lines and YAML, however they lie there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.files.column_roles import is_known
from namebasis.namespace.corpus.files.content import is_gender, is_number
from namebasis.namespace.corpus.files.tables import (
    Source,
    names_from_table,
    names_from_texts,
)
from namebasis.namespace.corpus.names import Names
from namebasis.reading import UnreadableError, parse_json, parse_yaml

_DEEP = 20


def read_document(text: str, suffix: str, source: Source) -> Names:
    """Make a corpus of a document.

    A list (or lines) of names or of objects; a mapping of names to counts, genders or objects; or
    lists under keys, as wildcard files of dynamicprompts have them. Objects without a name are
    columns as any table's.

    Parameters
    ----------
    text : str
    suffix : str
        ``.json``, ``.jsonl``, ``.ndjson``, ``.yaml`` or ``.yml``.
    source : Source

    Raises
    ------
    CorpusError
        If it is no such document, or holds something that is no name.
    """
    where = source.where
    if suffix in (".jsonl", ".ndjson"):
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        items = [
            (_parse(line, f"{where}, line {number}"), f"{where}, line {number}")
            for number, line in enumerate(lines, start=1)
            if line.strip()
        ]
        return _of_items(items, source)
    value = _parse(text, where, parse_json if suffix == ".json" else parse_yaml)
    return _of_items(_items(value, source), source)


def _parse(text: str, where: str, parse: Callable[[str, str], object] = parse_json) -> object:
    try:
        return parse(text, where)
    except UnreadableError as error:
        why = error.reason.removeprefix("it ")
        raise CorpusError(f"{where} {why}. Mend it or fetch it again.") from None


def _items(value: object, source: Source, depth: int = 0) -> list[tuple[object, str]]:
    """Return the names or objects of a document, each with the place it stands at."""
    where = source.where
    value = _unwrapped(value)
    if isinstance(value, list):
        return [(item, f"{where}, item {at}") for at, item in enumerate(value, start=1)]
    if not isinstance(value, Mapping) or not value or depth > _DEEP:
        raise CorpusError(
            f"{where} must hold a list of names or of objects with a 'name', a mapping of names to "
            f"counts, or such lists under keys; got {_kind(value)}."
        )
    values = list(value.values())
    if all(is_number(one) or one is None for one in values):
        source.notes.append("read as names with their counts")
        return [({"name": str(k), "count": v}, f"{where}, key {k!r}") for k, v in value.items()]
    if all(isinstance(one, str) and is_gender(one) for one in values):
        source.notes.append("read as names with their genders")
        return [({"name": str(k), "gender": v}, f"{where}, key {k!r}") for k, v in value.items()]
    lists = {str(key): one for key, one in value.items() if isinstance(one, list) and one}
    if not lists and all(isinstance(one, Mapping) for one in values):
        inner = [set(map(str, one)) for one in values]
        if len(values) > 1 and set.intersection(*inner) and not any(_has_lists(v) for v in values):
            source.notes.append("read as names with an object each")
            return [
                ({"name": str(k), **v}, f"{where}, key {k!r}") for k, v in value.items()
            ]  # fmt: skip
    found: list[tuple[object, str]] = []
    for key, one in value.items():
        if isinstance(one, list):
            places = [(item, f"{where}, {key}, item {at}") for at, item in enumerate(one, start=1)]
            is_sex = is_gender(key, strict=True)
            found += _of_one_sex(places, str(key), source) if is_sex else places
        elif isinstance(one, Mapping) and _has_lists(one):
            found += _items(one, source, depth + 1)
        else:
            source.refusals.add("key of a document without a list", str(key))
    if not found:
        raise CorpusError(
            f"{where} must hold a list of names or of objects with a 'name'; got {_kind(value)}."
        )
    if depth == 0:
        source.notes.append(f"read the lists under {', '.join(list(lists)[:10]) or 'its keys'}")
    return found


def _unwrapped(value: object) -> object:
    """Return the rows of what query services and pandas wrap them in, else the value."""
    if not isinstance(value, Mapping):
        return value
    results, columns, rows = value.get("results"), value.get("columns"), value.get("data")
    found = results.get("bindings") if isinstance(results, Mapping) and "head" in value else None
    if isinstance(found, list):
        return found  # SPARQL
    if (
        isinstance(columns, list)
        and isinstance(rows, list)
        and all(isinstance(row, list) and len(row) == len(columns) for row in rows)
    ):
        return [dict(zip(map(str, columns), row, strict=True)) for row in rows]
    # A table written by columns: {"name": {"0": "Ana"}, "count": {"0": 7}} or of lists.
    inner = list(value.values())
    if len(inner) > 1 and all(isinstance(one, Mapping) for one in inner):
        keys = [list(one) for one in inner]
        numbers = [str(at) for at in range(len(keys[0]))]
        if all(one == numbers for one in keys):
            return [{str(k): one[at] for k, one in value.items()} for at in numbers]
    lists = len(inner) > 1 and all(isinstance(one, list) for one in inner)
    if lists and len({len(one) for one in inner}) == 1 and any(map(is_known, map(str, value))):
        return [dict(zip(map(str, value), row, strict=True)) for row in zip(*inner, strict=True)]
    return value


def _of_one_sex(
    items: list[tuple[object, str]], sex: str, source: Source
) -> list[tuple[object, str]]:
    """Give names that stand under a word such as "girls" that gender."""
    return [
        ({"name": name, "gender": sex} if isinstance(item, str) else item, where)
        for item, where in items
        for name in (_plain(item, source) if isinstance(item, str) else [""])
    ]


def _has_lists(value: object) -> bool:
    return isinstance(value, Mapping) and any(
        isinstance(one, list) or _has_lists(one) for one in value.values()
    )


def _of_items(items: Sequence[tuple[object, str]], source: Source) -> Names:
    if not any(isinstance(item, Mapping) for item, _ in items):
        texts = [_text(item, where) for item, where in items]
        taken = [_plain(text, source) for text in texts]
        source.texts = [
            row for text, names in zip(texts, taken, strict=True) for row in names or [text]
        ]
        return names_from_texts([name for names in taken for name in names], source)
    title = _title(items)
    counted = len({tuple(item) if isinstance(item, Mapping) else item for item, _ in items}) > 1
    records: list[dict[str, object]] = []
    for item, where in items:
        if isinstance(item, Mapping):
            records.append((_counted(item) if counted else None) or _flat(item))
        else:
            records += [{title: name} for name in _plain(_text(item, where), source)]
    titles = list(dict.fromkeys(key for record in records for key in record))
    columns = [[record.get(title) for record in records] for title in titles]
    return names_from_table(titles, columns, source)


_WHOLE_KEYS = frozenset({"name", "names", "fullname", "full_name"})


def _flat(item: Mapping[object, object]) -> dict[str, object]:
    """An object with what stands in objects within it: name.first is "first", birth.year stays so.

    Values of the Wikidata query service ({"type": "literal", "value": "Ana"}) are their values.
    """
    flat: dict[str, object] = {}
    for key, value in item.items():
        title = str(key)
        if not isinstance(value, Mapping):
            flat[title] = value
        elif {"type", "value"} <= set(value):
            flat[title] = value["value"]
        else:
            is_name = title.lower() in _WHOLE_KEYS
            for inner, one in value.items():
                short = str(inner)
                is_free = is_name and short not in item and short not in flat
                flat[short if is_free else f"{title}_{short}"] = one
    return flat


def _title(items: Sequence[tuple[object, str]]) -> str:
    """What objects beside plain names call their name."""
    keys = [str(key) for item, _ in items if isinstance(item, Mapping) for key in item]
    return next((key for key in keys if key.lower() == "name"), "name")


def _counted(item: Mapping[object, object]) -> dict[str, object] | None:
    """A name with its count, as YAML has it in a list: `- Ana: 5`."""
    (name, count), *more = item.items() or [("", None)]
    if more or not is_number(count) or is_known(str(name)):
        return None
    return {"name": str(name), "count": count}


def _plain(text: str, source: Source) -> list[str]:
    """The names that an item of a list stands for; a blank one is left to be counted as such."""
    return source.take_names(text) if text.strip() else [text]


def _text(item: object, where: str) -> str:
    if item is None:
        return ""
    if isinstance(item, str):
        return item
    raise CorpusError(f"{where} must be a name or an object with a 'name'; got {_kind(item)}.")


def _kind(value: object) -> str:
    if isinstance(value, Mapping):
        keys = ", ".join(str(key)[:40] for key in list(value)[:5])
        return f"an object with the keys {keys}" if keys else "an empty object"
    kinds = {list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")
