"""Tables in memory: records, dicts of columns, Arrow, pandas and what gives Arrow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.corpus.sources import read_names

COLUMNS: dict[str, list[Any]] = {
    "name": ["Anna", "Bo", "Cy"],
    "births": [3, 4, None],
    "colour": ["red", None, "blue"],
    "height": [1.5, 2.0, None],
}
EXPECTED = [
    {"name": "Anna", "count": 3, "colour": "red", "height": 1.5},
    {"name": "Bo", "count": 4, "colour": None, "height": 2.0},
    {"name": "Cy", "count": None, "colour": "blue", "height": None},
]


class Streaming:
    """A table as polars and duckdb have it: it only gives a stream of Arrow."""

    columns = tuple(COLUMNS)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return pa.table(COLUMNS).__arrow_c_stream__(requested_schema)


def pandas_frame() -> Any:
    return pytest.importorskip("pandas", reason="pandas is not installed").DataFrame(COLUMNS)


def polars_frame() -> Any:
    return pytest.importorskip("polars", reason="polars is not installed").DataFrame(COLUMNS)


def arrow_views() -> pa.Table:
    """Texts in the layout that polars gives from version 2 on."""
    colours = pa.array(["red", "blue"], pa.string_view())
    columns = COLUMNS | {
        "name": pa.array(COLUMNS["name"], pa.string_view()),
        "colour": pa.DictionaryArray.from_arrays(pa.array([0, None, 1], pa.uint8()), colours),
        "photo": pa.array([b"x"] * 3, pa.binary_view()),
    }
    return pa.table(columns)


TABLES = {
    "records": lambda: [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values())],  # noqa: B905
    "columns": lambda: COLUMNS,
    "arrays": lambda: {title: np.array(values, object) for title, values in COLUMNS.items()},
    "arrow": lambda: pa.table(COLUMNS),
    "arrow views": arrow_views,
    "batch": lambda: pa.table(COLUMNS).to_batches()[0],
    "stream": Streaming,
    "pandas": pandas_frame,
    "pandas by name": lambda: pandas_frame().set_index("name"),
    "polars": polars_frame,
}


@pytest.mark.parametrize("read", [read_names, make_names])
@pytest.mark.parametrize("kind", TABLES)
def test_a_table_in_memory_is_read_with_all_its_columns(kind: str, read: Any) -> None:
    names = read(TABLES[kind]())
    assert names.own_columns == ("colour", "height")
    assert names.table.schema.field("height").type == pa.float64()
    assert names.table.select(["name", "count", "colour", "height"]).to_pylist() == EXPECTED


def test_the_column_of_names_of_a_table_is_chosen_or_asked_for() -> None:
    table = {"id": [7, 8], "Person": ["Vicki", "Winona"], "friend": ["Roger", "Lars"]}
    assert read_names(table).strings == ["Vicki", "Winona"]
    assert read_names(pa.table(table), column="friend").strings == ["Roger", "Lars"]
    assert read_names(table, column="2").strings == ["Vicki", "Winona"]
    with pytest.raises(ValueError, match="column names a column of a file or table"):
        read_names(["Vicki"], column="name")


def test_texts_of_records_are_typed_as_cells_of_a_file() -> None:
    names = make_names([{"name": "Anna", "id": "7", "vector": np.ones(3), "seen": "yes"}])
    assert names.own_columns == ("own_id", "seen")
    assert names.table.select(["own_id", "seen"]).to_pylist() == [{"own_id": 7, "seen": True}]


def test_what_is_no_table_is_refused_in_a_line() -> None:
    with pytest.raises(CorpusError, match="equally long; got name 2, age 1"):
        read_names({"name": ["A", "B"], "age": [1]})
    with pytest.raises(ValueError, match="must be mappings or a table; got int"):
        make_names(7)
    with pytest.raises(CorpusError, match="record 1 has no name"):
        make_names(pa.table({"nom": ["Anna"]}))
