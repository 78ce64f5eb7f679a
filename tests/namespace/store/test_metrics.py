"""Metric columns: their values, their metadata, and what is refused."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from namebasis.namespace.store import metrics
from namebasis.namespace.store.metrics import metric_columns
from namebasis.space import Space, open_space
from tests.namespace.building.test_build import digest


def test_columns_are_aligned_by_id_and_missing_rows_are_null(space: Space) -> None:
    table = pa.table({"id": [5, 0, 59], "score": [0.5, 0.0, np.nan], "word": ["f", None, "z"]})
    space.add_metrics(table, study="demo", parameters={"k": 3, "where": "a 'b'"})
    for opened in (space, open_space(space.path)):
        rows = opened.table(["score", "word"]).to_pylist()
        assert rows[5] == {"score": 0.5, "word": "f"}
        assert rows[0] == {"score": 0.0, "word": None}
        assert np.isnan(rows[59]["score"])
        assert rows[1] == {"score": None, "word": None}
        assert opened.ids("score < 1").tolist() == [0, 5]
        facts = opened.info()["metrics"]
        assert facts["score"].pop("when") == datetime.now().date().isoformat()
        assert facts["score"] == {"study": "demo", "parameters": {"k": 3, "where": "a 'b'"}}


def test_replacing_changes_values_and_metadata_and_keeps_the_vectors(space: Space) -> None:
    vectors = space.vectors()
    for value in (1.0, 2.0):
        table = pa.table({"id": np.arange(60), "a": np.full(60, value), f"b{value:.0f}": [1] * 60})
        space.add_metrics(table, study="s", parameters={"value": value})
    assert set(space.table(["a"])["a"].to_pylist()) == {2.0}
    assert space.info()["metrics"]["a"]["parameters"] == {"value": 2.0}
    assert {"b1", "b2"} <= set(space.columns)
    assert not [name for name in space._store.schema.names if name.startswith("__")]
    np.testing.assert_array_equal(open_space(space.path).vectors(), vectors)


def test_an_integer_column_may_become_text(space: Space) -> None:
    space.add_metrics(pa.table({"id": [0], "a": [1]}), study="s", parameters={})
    space.add_metrics(pa.table({"id": [0], "a": ["x"]}), study="s", parameters={})
    assert space.table(["a"], limit=1)["a"].to_pylist() == ["x"]


@pytest.mark.parametrize("commits", [0, 1, 2])
def test_a_write_killed_between_commits_shows_the_old_or_the_new(
    space: Space, monkeypatch, commits: int
) -> None:
    old = pa.table({"id": np.arange(60), "a": np.zeros(60)})
    new = pa.table({"id": np.arange(60), "a": np.ones(60)})
    space.add_metrics(old, study="s", parameters={"v": 0})
    left = commits
    kind = type(space._store.dataset)

    def counted(name):
        real = getattr(kind, name)

        def call(self, *arguments, **keywords):
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            return real(self, *arguments, **keywords)

        return call

    with monkeypatch.context() as patch:
        for name in ("add_columns", "alter_columns", "drop_columns"):
            patch.setattr(kind, name, counted(name))
        with pytest.raises(KeyboardInterrupt):
            space.add_metrics(new, study="s", parameters={"v": 1})
    opened = open_space(space.path)
    value = 0.0 if commits < 2 else 1.0
    assert opened.table(["a"])["a"].to_pylist() == [value] * 60
    assert opened.info()["metrics"]["a"]["parameters"] == {"v": value}
    assert opened.columns == space.columns
    opened.add_metrics(new, study="s", parameters={"v": 1})
    assert opened.table(["a"])["a"].to_pylist() == [1.0] * 60
    assert not [name for name in opened._store.schema.names if name.startswith("__")]


@pytest.mark.parametrize(
    ("table", "parameters", "message"),
    [
        (pa.table({"a": [1]}), {}, "must hold 'id' and at least one metric; got a"),
        (pa.table({"id": [1]}), {}, "at least one metric; got id"),
        (pa.table({"id": [1, 1], "a": [1, 2]}), {}, "each id once"),
        (pa.table({"id": [1, None], "a": [1, 2]}), {}, "without null"),
        (pa.table({"id": [0.5], "a": [1]}), {}, "as integers"),
        (pa.table({"id": [60], "a": [1]}), {}, "between 0 and 59; got 60"),
        (pa.table({"id": [-1], "a": [1]}), {}, "between 0 and 59; got -1"),
        (pa.table({"id": [0], "name": ["x"]}), {}, "'name' is no metric"),
        (pa.table({"id": [0], "text": [0.5]}), {}, "plain word and no view; got 'text'"),
        (pa.table({"id": [0], "a b": [0.5]}), {}, "plain word"),
        (pa.table({"id": [0], "__x": [0.5]}), {}, "plain word"),
        (pa.table({"id": [0], "a": [{"b": 1}]}), {}, "must hold scalars"),
        (pa.table({"id": [0], "a": [None]}), {}, "must hold scalars"),
        (pa.table({"id": [0], "a": [1]}), {"f": object()}, "JSON"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_changes(
    space: Space, table: pa.Table, parameters, message: str
) -> None:
    before = digest(space.path)
    with pytest.raises(ValueError, match=message):
        space.add_metrics(table, study="s", parameters=parameters)
    assert digest(space.path) == before


def test_only_columns_with_a_study_are_metrics(space: Space) -> None:
    found = metric_columns(space._store.schema)
    assert {name: facts["study"] for name, facts in found.items()} == {
        "template_spread": metrics.OWN,
        "token_norm": metrics.OWN,
        "piece_names": "tokens",
        "same_pieces": "tokens",
    }
