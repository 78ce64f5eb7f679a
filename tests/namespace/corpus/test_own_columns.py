"""Own columns of names that are added: typed as the space has them, new ones, and what is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from namebasis.namespace.building.build import add_counted, build_space
from namebasis.namespace.corpus.files.own_columns import fit_to
from namebasis.namespace.corpus.names import Names, make_names
from namebasis.space import open_space
from tests.namespace.conftest import FakeEncoder

OWN_COLUMNS = {
    # case: (type in the space, type that is added, values, what is stored)
    "int to float": (pa.float64(), pa.int64(), [3, None], [3.0, None]),
    "int too long for float": (pa.float64(), pa.int64(), [2**53 + 1, 4], [None, 4.0]),
    "whole float to int": (pa.int64(), pa.float64(), [3.0, 1.5], [3, None]),
    "int to text": (pa.string(), pa.int64(), [3, None], ["3", None]),
    "truth to text": (pa.string(), pa.bool_(), [True, None], ["true", None]),
    "text to int": (pa.int64(), pa.string(), ["30", "tall"], [30, None]),
    "text to float": (pa.float64(), pa.string(), ["1.5", "nan"], [1.5, None]),
    "text to truth": (pa.bool_(), pa.string(), ["yes", "2"], [True, None]),
    "int to truth": (pa.bool_(), pa.int64(), [1, 2], [True, None]),
    "time to text": (pa.string(), pa.date32(), [date(1990, 5, 1), None], ["1990-05-01", None]),
    "text to time": (pa.date32(), pa.string(), ["1990-05-01", "May"], [date(1990, 5, 1), None]),
    "list to int": (pa.int64(), pa.list_(pa.int64()), [[1], [2]], [None, None]),
}  # fmt: skip


@pytest.mark.parametrize("case", OWN_COLUMNS)
def test_own_columns_take_the_type_of_the_space_where_nothing_is_lost(case: str) -> None:
    there, kind, values, stored = OWN_COLUMNS[case]
    names = pa.table({"name": ["A", "B"], "x": pa.array(values, kind)})
    fitted = fit_to(names, pa.schema([pa.field("name", pa.string()), pa.field("x", there)]), 1)
    assert fitted.names["x"].type == there
    assert fitted.names["x"].to_pylist() == stored
    n_lost = sum(a is not None and b is None for a, b in zip(values, stored, strict=True))
    assert len(fitted.notes) == bool(n_lost)
    if n_lost:
        n_told = sum(value is not None for value in values)
        assert fitted.notes[0].startswith(f"left out {n_lost} of {n_told} values of x: the space's")


def test_own_columns_never_take_the_place_of_the_spaces_own(
    tmp_path: Path, encoder: FakeEncoder
) -> None:
    space = build_space(make_names([{"name": "Ana"}]), tmp_path / "a.space", encoder=encoder)
    space.add_metrics(pa.table({"id": [0], "fame": [0.5]}), study="s", parameters={})
    table = make_names([{"name": "Bo"}]).table
    for column in ("fame", "image", "pieces", "shoe", "empty"):
        kind = pa.string() if column == "empty" else pa.int64()
        table = table.append_column(column, pa.array([None if column == "empty" else 4], kind))
    done = add_counted(open_space(space.path), Names(table), encoder=encoder)
    assert done.summary.new_columns == ("shoe",)
    assert [told.split(":")[0] for told in done.summary.told] == [
        f"left out the column {column}" for column in ("fame", "image", "pieces")
    ]
    rows = done.space.table(["name", "fame", "shoe"]).to_pylist()
    assert rows == [{"name": "Ana", "fame": 0.5, "shoe": None},
                    {"name": "Bo", "fame": None, "shoe": 4}]  # fmt: skip
    assert done.space.views == space.views
    assert "empty" not in done.space.columns
