"""Dataclasses come back from JSON as they were, or are refused with the field that is wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest

from namebasis.checks import Float64Array, FloatArray
from namebasis.reading import UnreadableError
from namebasis.typed_json import from_json, to_json


def same(one: object, other: object) -> bool:
    """Whether two values are alike to the bit, NaN and kinds of sequences too."""
    if isinstance(one, np.generic):
        one = one.item()
    if is_dataclass(one):
        return type(one) is type(other) and all(
            same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one)
        )
    if isinstance(one, np.ndarray):
        return (
            isinstance(other, np.ndarray)
            and one.dtype == other.dtype
            and one.shape == other.shape
            and one.tobytes() == other.tobytes()
        )
    if isinstance(one, Mapping):
        return isinstance(other, Mapping) and same(list(one.items()), list(other.items()))
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))  # type: ignore[arg-type]
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)  # type: ignore[arg-type]
    return one == other


@dataclass(frozen=True)
class Leaf:
    value: float
    label: str | None = None


@dataclass(frozen=True, eq=False)
class Tree:
    leaves: tuple[Leaf, ...]
    pair: tuple[str, float]
    table: Mapping[int, tuple[Leaf, ...]]
    rows: FloatArray
    column: Float64Array
    flags: npt.NDArray[np.bool_]
    free: Mapping[str, Any]
    listed: Sequence[str]
    form: Literal["a", "b"]
    n: int
    either: int | str | None
    rest: Leaf | None = None
    made: str = field(init=False, default="by itself")


def tree(**changes: Any) -> Tree:
    values: dict[str, Any] = {
        "leaves": (Leaf(math.nan), Leaf(-math.inf, "Ó\ud800\n\"'")),
        "pair": ("x", 0.1 + 0.2),
        "table": {1950: (), 1960: (Leaf(-0.0),)},
        "rows": np.array([[1.5, math.nan], [-0.0, math.inf]], np.float32),
        "column": np.empty((0, 3)),
        "flags": np.array([True, False]),
        "free": {"a": None, "b": [1, (2.5, "c"), {3: True}], "c": np.arange(3), "d": math.inf},
        "listed": ["x", "y"],
        "form": "b",
        "n": np.int64(2**40),
        "either": "s",
    }
    return Tree(**values | changes)


def test_every_value_comes_back_as_it_was() -> None:
    for one in (
        tree(), tree(rest=Leaf(1), either=3), tree(listed=("x",), either=None, leaves=()),
        tree(rows=np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))),
        tree(rows=np.ones((), np.float32), column=np.arange(3.0)[::-1]),
    ):  # fmt: skip
        data = to_json(one)
        assert json.loads(data)
        assert same(one, from_json(Tree, data)), data
    # numbers of the other byte order too: what is kept may be read on another machine
    swapped = np.arange(4, dtype=">f8")
    found = from_json(Tree, to_json(tree(column=swapped))).column
    assert found.tolist() == [0, 1, 2, 3]
    found += 1  # and it may be written to


def test_what_cannot_be_kept_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match=r"Tree\.free\['a'\]: set is no value that is kept as JSON"):
        to_json(tree(free={"a": {1}}))
    with pytest.raises(TypeError, match=r"Tree\.rows: an array of object is no array of numbers"):
        to_json(tree(rows=np.array([None])))

    @dataclass
    class Odd:
        value: set[int] | None

    assert from_json(Odd, to_json(Odd(None))).value is None
    with pytest.raises(TypeError, match=r"Odd\.value: a field of type set\[int\] is not read"):
        from_json(Odd, b'{"fields":[[1]]}')


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"n": 1.5}, "Tree.n is to be int; got float"),
        ({"n": True}, "Tree.n is to be int; got bool"),
        ({"form": "c"}, "Tree.form is to be"),
        ({"pair": ("x", "y")}, r"Tree.pair\[1\] is to be a number; got str"),
        ({"pair": ("x", 1.0, 2.0)}, "Tree.pair is to be tuple"),
        ({"leaves": [Leaf(1.0)]}, "Tree.leaves is to be tuple; got list"),
        ({"leaves": (3,)}, r"Tree.leaves\[0\] is to be Leaf; got int"),
        ({"rows": np.ones(2)}, "Tree.rows is to be an array of float32; got one of float64"),
        ({"rows": None}, "Tree.rows is to be an array"),
        ({"table": {"x": ()}}, "Tree.table is to be int; got str"),
        ({"free": {"a": Leaf(1.0)}}, "is to be a number; got dict"),
        ({"rest": tree()}, "Tree.rest is to be Leaf"),
    ],
)
def test_a_value_of_another_type_names_its_field(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UnreadableError, match=said):
        from_json(Tree, to_json(tree(**changes)))


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"null", b'{"fields":[1]}', b'{"fields":[{"float":"1"},null]}', b"[" * 9_000,
     b'{"fields":[1,{"tuple":[]}]}', b'{"float":"nan"}'],
)  # fmt: skip
def test_what_is_no_such_class_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableError, match="kept Leaf"):
        from_json(Leaf, data)


@pytest.mark.parametrize(
    "array",
    [["<f4", [9], ""], ["<f4", [1], "AAAA"], ["O", [1], "AAAAAAAAAAA="], ["<f4", [-1], "!"],
     ["f4"], 3, ["nope", [1], "AAAAAA=="], ["<f4", ["x"], "AAAAAA=="], ["<f4", [1], 5]],
)  # fmt: skip
def test_a_damaged_array_is_refused(array: object) -> None:
    values = json.loads(to_json(tree()))
    values["fields"][3] = {"array": array}
    with pytest.raises(UnreadableError, match=r"Tree\.rows is to be"):
        from_json(Tree, json.dumps(values).encode())
