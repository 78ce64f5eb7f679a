"""What is asked of an export, checked before anything is read or written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING, Any

from namebasis.namespace.export.wildcards import TARGETS, check_file, default_key
from namebasis.namespace.where.words import is_column
from namebasis.wording import did_you_mean

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

FORMATS = (
    "txt", "csv", "tsv", "json", "jsonl", "parquet", "npy", "datasets", *TARGETS,
)  # fmt: skip
_SUFFIXES = {
    ".txt": "txt", ".csv": "csv", ".tsv": "tsv", ".json": "json", ".jsonl": "jsonl",
    ".ndjson": "jsonl", ".parquet": "parquet", ".npy": "npy", ".yaml": "dynamicprompts",
}  # fmt: skip
_FLAT = ("csv", "tsv")
_MARKED = (*_FLAT, "txt")
_INTERNAL = ("name_folded",)
_NESTED = ("births",)
_WITH_VECTORS = ("json", "jsonl", "parquet", "npy", "datasets")


@dataclass(frozen=True)
class Request:
    """A format, what goes into it, for wildcards the file's layout and key, and the first mark."""

    format: str
    columns: tuple[str, ...]
    weight: str | None
    suffix: str
    key: str
    bom: bool


def check_request(
    space: StoredSpace,
    path: str | Path | IO[Any],
    columns: Sequence[str] | None,
    format: str | None,
    views: Sequence[str],
    weight: str | None,
    key: str | None,
    bom: bool = False,
) -> Request:
    """Settle the format and check that every option fits it.

    Raises
    ------
    ValueError
        If one does not; with what there is instead.
    """
    where_to = PurePath(path) if isinstance(path, (str, Path)) else PurePath("-")
    chosen = _choose_format(where_to, format, columns is not None)
    suffix = where_to.suffix
    if str(where_to) == "-":
        if chosen == "datasets":
            raise ValueError("datasets is a folder; give a path, not a stream.")
        suffix = ".yaml" if chosen == "dynamicprompts" else ".txt"
    elif chosen in TARGETS:
        check_file(where_to, chosen)
    if key is not None and (chosen not in TARGETS or suffix != ".yaml"):
        raise ValueError(f"key is for wildcards in .yaml files; got {chosen} and {suffix!r}.")
    if bom and chosen not in _MARKED:
        raise ValueError(f"bom must go with {', '.join(_MARKED)}; got format {chosen!r}.")
    read = [
        *_check_columns(space, columns, chosen),
        *_check_views(space, views, chosen),
        *_check_weight(space, weight, chosen),
    ]
    named = key or default_key(where_to, chosen)
    return Request(chosen, tuple(dict.fromkeys(read)), weight, suffix, named, bom)


def check_by(
    space: StoredSpace,
    path: str | Path | IO[Any],
    by: Sequence[str],
    format: str | None,
    columns: Sequence[str] | None,
    views: Sequence[str],
    weight: str | None,
    key: str | None,
    bom: bool,
) -> Sequence[str]:
    """The columns by which a folder of wildcards is made.

    Raises
    ------
    ValueError
        If a column is not there, or something else was asked for that does not go with it.
    """
    if isinstance(by, str):
        raise ValueError(f"by must be a list such as ['gender']; got {by!r}.")
    if not isinstance(path, (str, Path)) or str(path) == "-":
        raise ValueError("by makes a folder; give a path, not a stream.")
    if format not in (None, "wildcards", *TARGETS):
        raise ValueError(f"by is for wildcards, {', '.join(TARGETS)}; got format {format!r}.")
    if columns is not None or views or weight is not None or key is not None or bom:
        raise ValueError("by goes with neither columns, views, weight, key nor bom.")
    for column in by:
        there = (*space.columns, *space.derived_columns)
        if column not in there or column in ("id", "name", *_INTERNAL, *_NESTED):
            raise ValueError(
                f"by: no column {column!r} to make wildcards by; there are: "
                f"{', '.join(space.columns)}.{did_you_mean(column, space.columns)}"
            )
    return list(dict.fromkeys(by))


def _choose_format(path: PurePath, format: str | None, has_columns: bool) -> str:
    if format == "wildcards":
        return "dynamicprompts" if path.suffix == ".yaml" else "a1111"
    if format in FORMATS:
        return str(format)
    if format is None and str(path) == "-":
        return "csv" if has_columns else "txt"
    if format is None and path.suffix.lower() in _SUFFIXES:
        return _SUFFIXES[path.suffix.lower()]
    said = f"the suffix of {path.name!r}" if format is None else f"format {format!r}"
    raise ValueError(
        f"{said} is not one of: {', '.join(FORMATS)} or wildcards. Choose one with format."
        f"{did_you_mean(format or path.suffix.removeprefix('.'), FORMATS)}"
    )


def _check_columns(space: StoredSpace, columns: Sequence[str] | None, format: str) -> list[str]:
    if isinstance(columns, str):
        raise ValueError(f"columns must be a list such as ['name']; got {columns!r}.")
    if format in ("txt", "npy", *TARGETS):
        if columns is not None and list(columns) != ["name"]:
            raise ValueError(f"{format} takes no columns; csv, json and parquet do.")
        return [] if format == "npy" else ["name"]
    if columns is None:
        left_out = {*_INTERNAL, *(_NESTED if format in _FLAT else ())}
        return [name for name in space.columns if name not in left_out]
    there = [*space.columns, *space.views]
    unknown = [name for name in map(str, columns) if name not in there and is_column(name)]
    unknown = [name for name in unknown if name not in space.derived_columns]
    known = [*there, *space.derived_columns]
    for name in columns:
        if not unknown and name not in there:
            space.check_column(name)
    if unknown or not columns:
        raise ValueError(
            f"no column {', '.join(unknown) or 'given'}; there are: {', '.join(there)}."
            f"{did_you_mean(unknown[0], known) if unknown else ''}"
        )
    if len(set(columns)) != len(columns):
        raise ValueError(f"columns must differ from each other; got {', '.join(columns)}.")
    if format in _FLAT and set(columns) & set(space.views):
        raise ValueError("vectors do not fit into lines; export views to parquet, json or jsonl.")
    return list(columns)


def _check_views(space: StoredSpace, views: Sequence[str], format: str) -> list[str]:
    if isinstance(views, str):
        raise ValueError(f"views must be a list such as ['text']; got {views!r}.")
    for view in views:
        if view not in space.views:
            raise ValueError(
                f"no view {view}; there are: {', '.join(space.views)}."
                f"{did_you_mean(view, space.views)}"
            )
    if views and format not in _WITH_VECTORS:
        raise ValueError(f"vectors go to {', '.join(_WITH_VECTORS)}; got format {format!r}.")
    if format == "npy" and not views:
        return ["text"]
    if format == "npy" and len(views) != 1:
        raise ValueError(f"npy holds the vectors of one view; got {', '.join(views)}.")
    return list(views)


def _check_weight(space: StoredSpace, weight: str | None, format: str) -> list[str]:
    if weight is None:
        return []
    if format != "dynamicprompts":
        raise ValueError(f"weight is for dynamicprompts; got format {format!r}.")
    if weight not in space.columns:
        raise ValueError(
            f"no column {weight}; there are: {', '.join(space.columns)}."
            f"{did_you_mean(weight, space.columns)}"
        )
    return [weight]
