"""Frozen dataclasses as JSON and back, by their type hints; arrays and all, and never a pickle."""

from __future__ import annotations

import base64
import binascii
import json
import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from namebasis.reading import UnreadableError, parse_json

if TYPE_CHECKING:
    import numpy as np

Kind = TypeVar("Kind")

_FIELDS, _ARRAY, _TUPLE, _MAP, _FLOAT = "fields", "array", "tuple", "map", "float"
_NUMBERS = "biuf"  # kinds of dtypes that an array may have
_NOT_FINITE = ("nan", "inf", "-inf")


def to_json(value: object) -> bytes:
    """Write a dataclass as JSON that `from_json` reads.

    Parameters
    ----------
    value : object
        A dataclass of numbers, text, None, NumPy numbers and arrays, tuples, lists, mappings and
        other such dataclasses. NumPy numbers become those of Python.

    Raises
    ------
    TypeError
        If it holds anything else.
    """
    return json.dumps(_packed(value, type(value).__name__), separators=(",", ":")).encode()


def from_json(kind: type[Kind], data: bytes, *, names: Mapping[str, object] | None = None) -> Kind:
    """Read what `to_json` wrote; every value must be of the type that its field is annotated with.

    Parameters
    ----------
    kind : type
        The dataclass.
    data : bytes
    names : mapping of str to type, optional
        What annotations name that their modules import for type checkers alone.

    Raises
    ------
    UnreadableError
        If it is no JSON, or not of this class.
    TypeError
        If the class has fields of a type that is not read.
    """
    where = f"kept {kind.__name__}"
    return _Reader(where, dict(names or {})).read(kind, parse_json(data, where), kind.__name__)  # type: ignore[no-any-return]


def _packed(value: object, at: str) -> object:
    """Plain values of JSON; what those do not have becomes an object of one key."""
    import numpy as np

    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {_FLOAT: str(value)}
    if isinstance(value, np.ndarray):
        return {_ARRAY: _packed_array(value, at)}
    if isinstance(value, (tuple, list)):
        items = [_packed(item, f"{at}[{n}]") for n, item in enumerate(value)]
        return {_TUPLE: items} if isinstance(value, tuple) else items
    if isinstance(value, Mapping):
        pairs = ((_packed(k, at), _packed(v, f"{at}[{k!r}]")) for k, v in value.items())
        return {_MAP: [list(pair) for pair in pairs]}
    if is_dataclass(value) and not isinstance(value, type):
        named = [field.name for field in fields(value) if field.init]
        return {_FIELDS: [_packed(getattr(value, name), f"{at}.{name}") for name in named]}
    raise TypeError(f"{at}: {type(value).__name__} is no value that is kept as JSON.")


def _packed_array(value: np.ndarray, at: str) -> list[object]:
    if value.dtype.kind not in _NUMBERS:
        raise TypeError(f"{at}: an array of {value.dtype} is no array of numbers.")
    little = value.astype(value.dtype.newbyteorder("<"))
    return [little.dtype.str, list(value.shape), base64.b64encode(little.tobytes()).decode()]


class _Reader:
    """Values of the types that annotations say, from the plain values of one file."""

    def __init__(self, where: str, names: dict[str, object]) -> None:
        self.where = where
        self.names = names
        self.hints: dict[type, dict[str, Any]] = {}

    def read(self, hint: Any, data: object, at: str) -> Any:
        """One value; `at` says in errors where it stands."""
        origin, inner = get_origin(hint), get_args(hint)
        if origin in (Union, types.UnionType):
            return self._one_of(inner, data, at)
        if hint in (Any, object):
            return self._any(data, at)
        if hint is float:
            return self._float(data, at)
        if hint in (int, str, bool, type(None)):
            is_it = type(data) is hint
            return data if is_it else self._refuse(at, hint, data)
        if origin is Literal:
            return data if data in inner else self._refuse(at, hint, data)
        if is_dataclass(hint) and isinstance(hint, type):
            return self._dataclass(hint, data, at)
        return self._many(origin or hint, inner, data, at, hint)

    def _many(self, kind: Any, inner: Sequence[Any], data: object, at: str, hint: Any) -> Any:
        import numpy as np

        if kind is np.ndarray:
            return self._array(inner, data, at)
        if kind in (dict, Mapping):
            return self._mapping(inner or (Any, Any), data, at)
        if kind in (tuple, list, Sequence):
            return self._sequence(kind, inner, data, at)
        raise TypeError(f"{at}: a field of type {hint} is not read.")

    def _refuse(self, at: str, hint: Any, data: object) -> Any:
        told = getattr(hint, "__name__", str(hint))
        raise UnreadableError(self.where, f"{at} is to be {told}; got {type(data).__name__}")

    def _one_of(self, hints: Sequence[Any], data: object, at: str) -> Any:
        if data is None and type(None) in hints:
            return None
        rest = [hint for hint in hints if hint is not type(None)]
        for hint in rest[:-1]:
            try:
                return self.read(hint, data, at)
            except UnreadableError:
                continue
        return self.read(rest[-1], data, at)

    def _float(self, data: object, at: str) -> float:
        if isinstance(data, dict) and list(data) == [_FLOAT] and data[_FLOAT] in _NOT_FINITE:
            return float(data[_FLOAT])
        if isinstance(data, (int, float)) and not isinstance(data, bool):
            return data
        raise UnreadableError(self.where, f"{at} is to be a number; got {type(data).__name__}")

    def _dataclass(self, kind: type, data: object, at: str) -> Any:
        named = [field.name for field in fields(kind) if field.init]
        found = data.get(_FIELDS) if isinstance(data, dict) else None
        if not isinstance(found, list) or len(found) != len(named):
            return self._refuse(at, kind, data)
        if kind not in self.hints:
            self.hints[kind] = get_type_hints(kind, localns=self.names)
        hints = self.hints[kind]
        values = {
            name: self.read(hints[name], value, f"{at}.{name}")
            for name, value in zip(named, found, strict=True)
        }
        try:
            return kind(**values)
        except (ValueError, TypeError) as error:  # its own checks
            raise UnreadableError(self.where, f"{at}: {error}") from None

    def _array(self, inner: Sequence[Any], data: object, at: str) -> np.ndarray:
        import numpy as np

        wanted = get_args(inner[1])[0] if len(inner) > 1 and get_args(inner[1]) else Any
        try:
            code, shape, text = data[_ARRAY]  # type: ignore[index]
            dtype = np.dtype(str(code))
            if dtype.kind not in _NUMBERS or (wanted is not Any and dtype != np.dtype(wanted)):
                told = f"of {getattr(wanted, '__name__', 'numbers')}; got one of {dtype}"
                raise UnreadableError(self.where, f"{at} is to be an array {told}")
            content = base64.b64decode(text, validate=True)
            flat = np.frombuffer(content, dtype) if content else np.empty(0, dtype)
            return flat.reshape(tuple(int(n) for n in shape)).astype(dtype.newbyteorder("="))
        except (KeyError, ValueError, TypeError, binascii.Error) as error:
            raise UnreadableError(self.where, f"{at} is to be an array ({error})") from None

    def _mapping(self, inner: Sequence[Any], data: object, at: str) -> dict[Any, Any]:
        pairs = data.get(_MAP) if isinstance(data, dict) else None
        if not isinstance(pairs, list) or not all(
            isinstance(pair, list) and len(pair) == 2 for pair in pairs
        ):
            return self._refuse(at, dict, data)  # type: ignore[no-any-return]
        key, value = inner
        return {self.read(key, k, at): self.read(value, v, f"{at}[{k!r}]") for k, v in pairs}

    def _sequence(self, kind: type, inner: Sequence[Any], data: object, at: str) -> Any:
        is_tuple = isinstance(data, dict) and list(data) == [_TUPLE]
        items = data[_TUPLE] if is_tuple else data  # type: ignore[index]
        if not isinstance(items, list) or kind is (list if is_tuple else tuple):
            return self._refuse(at, kind, data)
        if kind is not tuple or inner[1:] == (Ellipsis,) or not inner:
            inner = [inner[0] if inner else Any] * len(items)
        if len(inner) != len(items):
            return self._refuse(at, kind, data)
        pairs = enumerate(zip(inner, items, strict=True))
        found = [self.read(hint, item, f"{at}[{n}]") for n, (hint, item) in pairs]
        return tuple(found) if is_tuple else found

    def _any(self, data: object, at: str) -> Any:
        """What says of itself what it is; a dataclass does not."""
        if isinstance(data, list):
            return [self._any(item, at) for item in data]
        if not isinstance(data, dict):
            return data
        if _TUPLE in data:
            return self._sequence(tuple, (Any, ...), data, at)
        if _MAP in data:
            return self._mapping((Any, Any), data, at)
        return self._array((), data, at) if _ARRAY in data else self._float(data, at)
