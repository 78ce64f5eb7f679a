"""Models of replies, made of the studies' own results: their fields, types and docstrings."""

from __future__ import annotations

import builtins
import inspect
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, create_model

Number = float | None
"""A number as JSON has it: what is not finite is null."""
_ATTRIBUTE = re.compile(r"^(\w+(?:, \w+)*) : (.+)$")


class Reply(BaseModel):
    """What a reply holds, and nothing beside it."""

    model_config = ConfigDict(extra="forbid")


def model_of(
    kind: type,
    *,
    without: Collection[str] = (),
    instead: Mapping[str, object] | None = None,
) -> type[Reply]:
    """Make the model of a result as JSON: its fields, described as its docstring describes them.

    Parameters
    ----------
    kind : type
        A dataclass.
    without : collection of str
        Fields that its `to_dict` leaves out.
    instead : mapping of str to type, optional
        Fields that its `to_dict` adds, or writes in another form.

    Raises
    ------
    TypeError
        If `kind` is no dataclass.
    """
    if not is_dataclass(kind):
        raise TypeError(f"a reply is made of a dataclass; got {kind!r}.")
    hints = get_type_hints(kind, localns=_Names(kind))
    told = _described(kind)
    instead = dict(instead or {})
    made: dict[str, Any] = {
        field.name: (
            instead.pop(field.name, None) or _as_json(hints[field.name]),
            Field(description=told.get(field.name)),
        )
        for field in fields(kind)
        if field.name not in without
    }
    made |= {name: (type_, ...) for name, type_ in instead.items()}
    lead = (inspect.getdoc(kind) or "").partition("\n\n")[0]
    return create_model(kind.__name__, __base__=Reply, __doc__=lead, **made)


class _Names(dict[str, object]):
    """What annotations name; what their modules import for type checkers alone can be anything."""

    def __init__(self, kind: type) -> None:
        super().__init__(vars(builtins))
        for one in reversed(kind.__mro__):
            self.update(vars(sys.modules[one.__module__]))

    def __missing__(self, name: str) -> object:
        return Any


def _described(kind: type) -> dict[str, str]:
    """The Attributes of a docstring: what each field is, in one line."""
    body = (inspect.getdoc(kind) or "").partition("Attributes\n----------\n")[2]
    body = re.split(r"\n\n[A-Z][A-Za-z ]+\n-+\n", body)[0]
    found: dict[str, list[str]] = {}
    last: list[str] = []
    for line in body.splitlines():
        if match := _ATTRIBUTE.match(line):
            last = []
            found |= dict.fromkeys(match[1].split(", "), last)
        elif line.startswith(" "):
            last.append(line.strip())
    return {name: " ".join(lines) for name, lines in found.items() if lines}


def _as_json(hint: Any) -> Any:
    """The type that a value of an annotated type has in JSON."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is float:
        return Number
    if hint in (int, str, bool, NoneType):
        return hint
    if origin is Literal:
        return hint
    if origin in (Union, UnionType):
        return Union[tuple(map(_as_json, inner))]  # noqa: UP007 - made of a tuple
    if origin is np.ndarray:
        kind = get_args(inner[1])[0]
        is_whole = not isinstance(kind, TypeVar) and issubclass(kind, np.integer)
        return list[int] if is_whole else list[Number]
    if origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        return list[_as_json(inner[0])]  # type: ignore[misc]
    if origin is tuple:
        return tuple[tuple(map(_as_json, inner))]  # type: ignore[misc]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return dict[str, _as_json(inner[1])]  # type: ignore[misc]
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return list[_as_json(inner[0])]  # type: ignore[misc]
    if is_dataclass(hint):
        return model_of(hint)  # type: ignore[arg-type]
    return Any
