"""Axis files: one attribute each, as prompts in words; see data/axes/SOURCE.md for the schema."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any

from namebasis.errors import NamebasisError
from namebasis.reading import UnreadableError, packaged_text, parse_toml, read_toml
from namebasis.wording import did_you_mean

KINDS = ("ordinal", "nominal")
_KEYS = {"name", "kind", "templates", "values"}
_MAY = {"unit", "ends", "reads"}


@dataclass(frozen=True)
class AxisValue:
    """One value of an axis and the phrases that say it."""

    label: str
    phrases: tuple[str, ...]
    rank: float | None = None


@dataclass(frozen=True)
class Axis:
    """One attribute; the values of an ordinal axis are in their order.

    Attributes
    ----------
    name, kind : str
    templates : tuple of str
    values : tuple of AxisValue
    unit : str
        Of an ordinal axis' ranks, such as "years"; "steps" without ranks.
    ends : tuple of str
        Of an ordinal axis: what leans to its first and its last value is, such as "young", "old".
    reads : tuple of str
        The same of one name among others, such as "older than most".
    """

    name: str
    kind: str
    templates: tuple[str, ...]
    values: tuple[AxisValue, ...]
    unit: str = "steps"
    ends: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()

    @property
    def phrases(self) -> tuple[str, ...]:
        """All phrases, value after value."""
        return tuple(phrase for value in self.values for phrase in value.phrases)

    @property
    def ranks(self) -> tuple[float, ...]:
        """Where each value stands: as the file says (such as years), else 0, 1, 2, …"""
        return tuple(
            float(place) if value.rank is None else value.rank
            for place, value in enumerate(self.values)
        )


def axis_names() -> tuple[str, ...]:
    """The packaged axes, sorted."""
    folder = files("namebasis") / "data" / "axes"
    found = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


def load_axis(source: str | Path) -> Axis:
    """Read a packaged axis by its name, or any axis file by its path.

    Raises
    ------
    NamebasisError
        If there is no such axis, or the file does not keep the schema: the message says which
        key breaks it.
    """
    text = str(source)
    if text in axis_names():
        data = parse_toml(packaged_text("axes", f"{text}.toml"), text)
    elif text.endswith(".toml"):
        try:
            data = read_toml(text)
        except UnreadableError as error:
            raise NamebasisError(
                f"{text}: cannot be read as an axis file ({error.reason})."
            ) from None
    else:
        raise NamebasisError(
            f"no axis {text!r}; there are {', '.join(axis_names())}, or give a .toml file."
            f"{did_you_mean(text, axis_names())}"
        )
    try:
        return _parse(data)
    except ValueError as error:
        raise NamebasisError(f"axis {text}: {error}") from None


def _parse(data: dict[str, Any]) -> Axis:
    if set(data) - _MAY != _KEYS:
        unknown, missing = sorted(set(data) - _KEYS - _MAY), sorted(_KEYS - set(data))
        raise ValueError(f"unknown keys {unknown}, missing keys {missing}; see data/axes/SOURCE.md")
    if not isinstance(data["name"], str) or not data["name"].isidentifier():
        raise ValueError(f"name must be one word, as a slot is called; got {data['name']!r}")
    if data["kind"] not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {data['kind']!r}")
    templates = _strings(data["templates"], "templates")
    for template in templates:
        if template.count("{}") != 1 or template.count("{") + template.count("}") != 2:
            raise ValueError(f"a template needs one {{}} and no other brace; got {template!r}")
    if not isinstance(data["values"], list) or len(data["values"]) < 2:
        raise ValueError("values must be two or more [[values]] tables")
    values = tuple(_value(entry) for entry in data["values"])
    labels = [value.label for value in values]
    repeated = sorted({label for label in labels if labels.count(label) > 1})
    if repeated:
        raise ValueError(f"labels must be distinct; given twice: {', '.join(repeated)}")
    _check_ranks(values, data["kind"])
    if data["kind"] == "nominal":
        if told := sorted(set(data) & _MAY):
            raise ValueError(f"a nominal axis has no ends and no unit; {told[0]} is given")
        return Axis(data["name"], data["kind"], templates, values)
    unit = data.get("unit", "steps" if values[0].rank is None else "ranks")
    ends = _pair(data.get("ends", [values[0].label, values[-1].label]), "ends")
    reads = _pair(data.get("reads", list(ends)), "reads")
    return Axis(
        data["name"], data["kind"], templates, values, _strings([unit], "unit")[0], ends, reads
    )


def _pair(words: object, what: str) -> tuple[str, ...]:
    found = _strings(words, what)
    if len(found) != 2:
        raise ValueError(f"{what} must be two strings, for the first and the last value")
    return found


def _value(entry: object) -> AxisValue:
    if not isinstance(entry, dict) or set(entry) - {"rank"} != {"label", "phrases"}:
        raise ValueError(
            f"each of values needs label and phrases, and may have a rank, nothing else; "
            f"got {entry!r}"
        )
    (label,) = _strings([entry["label"]], "label")
    rank = entry.get("rank")
    if rank is not None and (
        isinstance(rank, bool) or not isinstance(rank, (int, float)) or not isfinite(rank)
    ):
        raise ValueError(f"rank of {label!r} must be a finite number; got {rank!r}")
    phrases = _strings(entry["phrases"], f"phrases of {label!r}")
    return AxisValue(label, phrases, None if rank is None else float(rank))


def _check_ranks(values: tuple[AxisValue, ...], kind: str) -> None:
    ranked = [value for value in values if value.rank is not None]
    if not ranked:
        return
    if kind != "ordinal":
        raise ValueError(f"a {kind} axis has no ranks; {ranked[0].label!r} has one")
    if len(ranked) < len(values):
        missing = next(value.label for value in values if value.rank is None)
        raise ValueError(f"all values need a rank or none; {missing!r} has none")
    for before, after in pairwise(values):
        if not (before.rank or 0.0) < (after.rank or 0.0):
            raise ValueError(
                f"ranks must rise from value to value; {after.label!r} ({after.rank:g}) follows "
                f"{before.label!r} ({before.rank:g}). List the values in their order"
            )


def _strings(values: object, what: str) -> tuple[str, ...]:
    if (
        not isinstance(values, list)
        or not values
        or not all(isinstance(value, str) and value.strip() for value in values)
    ):
        raise ValueError(f"{what} must be a list of non-empty strings; got {values!r}")
    return tuple(values)
