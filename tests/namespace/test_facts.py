"""What `info` says of a space: columns, their values and meanings, where they came from."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest

from namebasis.namespace.facts import ColumnFacts, SpaceInfo, kind_of_type
from namebasis.space import Space, build_space
from tests.test_cli import run

ROWS = [
    {"name": "Anna", "gender": "F", "count": 1200, "height": 1.5, "tall": True, "year": 1950},
    {"name": "Bert", "gender": "M", "count": 30, "height": None, "tall": False, "year": 2001},
    {"name": "Cleo", "gender": "F", "count": 7, "height": float("nan"), "tall": True, "year": 1999},
    {"name": "Dan", "gender": None, "count": None, "height": 2.0, "tall": None, "year": 1960},
]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    place = tmp_path_factory.mktemp("facts")
    templates = ["a photo of {}, a person", "{} as a child", "a drawing of {}", "{}, smiling"]
    made = build_space(ROWS, place / "my.space", encoder="minilm", templates=templates)
    made.add_metrics(
        pa.table({"id": [0, 1], "age_score": [0.25, -0.5]}), study="score",
        parameters={"axis": "age", "k": 3},
    )  # fmt: skip
    return made


def by_column(info: SpaceInfo) -> dict[str, ColumnFacts]:
    return {one.column: one for one in info.described}


def test_ranges_counts_and_values_are_those_of_the_rows(space: Space) -> None:
    told = by_column(space.info())
    assert set(told) == set(space.columns)
    count, gender, tall = told["count"], told["gender"], told["tall"]
    assert (count.type, count.n, count.share, count.low, count.high) == ("number", 3, 0.75, 7, 1200)
    assert count.held == "7 to 1,200"
    assert (gender.type, gender.n, gender.n_values) == ("text", 3, 2)
    assert gender.values == (("F", 2), ("M", 1))
    assert gender.held == "F 2, M 1"
    assert (tall.type, tall.values, tall.held) == (
        "flag",
        ((True, 2), (False, 1)),
        "true 2, false 1",
    )
    assert (told["height"].n, told["height"].held) == (2, "1.5 to 2")  # NaN is no value
    assert told["year"].held == "1950 to 2001"
    assert told["name"].held == "4 different"
    assert (told["births"].type, told["births"].n) == ("structure", 0)
    assert told["pieces"].type == "list"


def test_columns_are_explained_and_ones_own_said_to_be_so(space: Space) -> None:
    told = by_column(space.info())
    assert told["height"].meaning == told["year"].meaning == "your column"
    assert told["gender"].meaning.startswith("Who bears the name")
    assert told["age_score"].meaning


def test_measures_have_their_study_date_parameters_and_what_became_of_names(space: Space) -> None:
    info = space.info()
    table = next(one for one in info.tables() if one.key == "measure")
    assert tuple(table.columns) == ("measure", "study", "on", "parameters")
    row = next(row for row in table.rows if row[0] == "age_score")
    today = datetime.now().date().isoformat()
    assert tuple(row) == ("age_score", "score", today, "axis age, k 3")
    built = next(row for row in table.rows if row[0] == "token_norm")
    assert tuple(built[:3]) == ("token_norm", "build", None)
    facts = dict(info.facts)
    facts["metrics"] = {"age_score": {**facts["metrics"]["age_score"], "since": "1 name removed"}}
    older = next(one for one in SpaceInfo(space._store, facts).tables() if one.key == "measure")
    assert older.rows[0][3] == "1 name removed"


def test_recall_is_told_only_where_it_was_measured(space: Space) -> None:
    facts = dict(space.info().facts)
    table = next(one for one in space.info().tables() if one.key == "index")
    assert "recall at 10" not in table.columns
    facts["indices"] = {"text": {**facts["indices"]["text"], "recall_at_10": 0.97}}
    table = next(one for one in SpaceInfo(space._store, facts).tables() if one.key == "index")
    assert list(table.rows) == [("text", "Flat", 4, 0.97)]


def test_a_terminal_gets_25_lines_and_templates_one_a_line(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, words = space.path.parent, ("info", "my.space")
    piped = run(*words, cwd=where)
    assert piped.stderr.startswith("my.space holds 4 names by minilm: views text (384) and token")
    for template in space.provenance.templates:
        assert f"template\t{template}\n" in piped.stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    brief = run(*words, cwd=where)
    assert len((brief.stdout + brief.stderr).splitlines()) <= 25
    assert "None" not in brief.stdout
    whole = run(*words, "--all", cwd=where)
    assert "axis age, k 3" in whole.stdout


def test_the_forms_hold_everything(space: Space) -> None:
    info = space.info()
    plain = info.to_dict()
    assert plain["names"] == info["names"] == 4
    assert [one["column"] for one in plain["described"]] == list(space.columns)
    table = info.to_arrow().to_pylist()
    row = next(row for row in table if row["column"] == "age_score")
    assert (row["low"], row["high"], row["study"]) == (-0.5, 0.25, "score")
    checked = space.info(check=True)
    assert checked.to_dict()["checked"]["text"]
    assert any(one.key == "check" for one in checked.tables())


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.0, "0 %"), (0.004, "< 1 %"), (0.5, "50 %"), (0.996, "> 99 %"), (1, "100 %")],
)
def test_filled_is_never_rounded_to_none_or_all(share: float, shown: str) -> None:
    from namebasis.namespace.facts import _filled

    assert _filled(ColumnFacts("a", "number", 1, share)) == shown


def test_kinds_of_types() -> None:
    wanted = {
        pa.int16(): "number", pa.float32(): "number", pa.bool_(): "flag",
        pa.large_string(): "value",
        pa.list_(pa.string()): "list", pa.list_(pa.int64()): None, pa.timestamp("s"): None,
    }  # fmt: skip
    assert {kind: kind_of_type(kind) for kind in wanted} == wanted
