"""Stored columns beside listed names: the values of the right rows, in every study that lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from namebasis.namespace.search.beside import check_columns, stored_columns, told_apart
from namebasis.space import Space, build_space
from tests.test_cli import run

FIRST = ("Anna", "Bert", "Cleo", "Dan", "Eva", "Finn", "Greta", "Hugo", "Ida", "Jan", "Kim", "Lars")
ROWS: list[dict[str, Any]] = [
    {"name": name, "part": "given", "count": 10 * at} for at, name in enumerate(FIRST)
]
ROWS += [{"name": "Kim", "part": "family", "count": None}]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    place = tmp_path_factory.mktemp("beside") / "my.space"
    return build_space(ROWS, place, encoder="minilm", templates="plain")


@pytest.fixture(scope="module")
def counts(space: Space) -> dict[int, int | None]:
    table = space.table(["id", "count"])
    return dict(zip(table["id"].to_pylist(), table["count"].to_pylist(), strict=True))


def test_rows_come_in_the_order_of_ids_and_unknown_ones_are_null(space: Space, counts: Any) -> None:
    told = stored_columns(space, [3, None, 0, 3], ["count", "name"])
    assert told["count"].to_pylist() == [counts[3], None, counts[0], counts[3]]
    assert told.column_names == ["count", "name"]
    assert len(stored_columns(space, [None], ["count"])) == 1


def test_nearest_has_them_for_every_target(space: Space, counts: Any) -> None:
    found = space.nearest(["Anna", "Kim"], 3, columns=["count", "part"])
    table = found.to_arrow()
    assert table["count"].to_pylist() == [counts[row] for row in table["id"].to_pylist()]
    assert table.column_names.count("part") == 1
    assert found.of("Kim").to_dict()["names"][0]["count"] == counts[int(found.of("Kim").ids[0])]
    assert "count" in found.tables()[0].columns


def test_walk_has_them_behind_every_name(space: Space, counts: Any) -> None:
    way = space.walk(1, n_steps=3, names_per_step=9, columns=["count"])
    table = way.to_arrow()
    assert table["count"].to_pylist() == [counts[row] for row in table["id"].to_pylist()]
    rows = " ".join(str(row[1]) for row in way.tables()[0].rows)
    assert f"Lars ({110})" in rows
    plain = " ".join(
        str(row[1]) for row in space.walk(1, n_steps=3, names_per_step=9).tables()[0].rows
    )
    assert "(11" not in plain


def test_anchors_have_them_in_the_order_of_ranks(space: Space, counts: Any) -> None:
    found = space.anchors(2, columns=["count"])
    table = found.to_arrow()
    assert table["count"].to_pylist() == [counts[row] for row in table["id"].to_pylist()]
    rows = found.tables()[0].rows
    names = {row["name"]: row["count"] for row in ROWS if row["name"] != "Kim"}
    assert {row[1]: row[-1] for row in rows if "Kim" not in str(row[1])} == names
    assert {"Kim (given)", "Kim (family)"} <= {str(row[1]) for row in rows}


@pytest.mark.long
def test_studies_of_any_names_have_them_where_the_name_is_stored(space: Space) -> None:
    found = space.rigidity(["Zzyx", "Eva"], n_made_up=20, columns=["count"])
    assert found.to_arrow()["count"].to_pylist() == [None, 40]
    assert [row["count"] for row in found.to_dict()["names"]] == [None, 40]
    assert [row[-1] for row in found.tables()[0].rows] == [None, 40]
    kinds = space.identity(
        ["Eva", "Anna Meyer"], n_swaps=6, n_made_up=20, with_contexts=False, columns=["count"]
    )
    shown = {str(row[0]): row[-1] for row in kinds.tables()[0].rows}
    assert shown == {"Eva": 40, "Anna Meyer": None}
    assert kinds.to_arrow()["count"].to_pylist() == [40, None]


def test_a_card_tells_equal_names_apart(space: Space) -> None:
    names = [str(row[0]) for row in space.card("Jan", k=12).tables()[1].rows]
    assert {"Kim (given)", "Kim (family)"} <= set(names)
    assert "Anna" in names


def test_names_listed_once_have_no_part() -> None:
    assert told_apart(["a", "b", "a"], ["given", "given", None]) == ["a (given)", "b", "a"]


@pytest.mark.parametrize("command", ["nearest", "walk", "anchors", "rigidity", "identity"])
def test_a_misspelt_column_is_refused_before_a_model_loads(
    space: Space, command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("namebasis.encoders.registry.load_encoder", refuse)
    target = {"walk": ["age"], "anchors": []}.get(command, ["Zzyx"])
    done = run(command, str(space.path), *target, "--columns", "part, cuont", cwd=tmp_path)
    assert done.returncode == 1
    assert "--columns must be of my.space; it has no 'cuont'. Did you mean 'count'?" in done.stderr


def test_vectors_and_a_bare_text_are_refused(space: Space) -> None:
    with pytest.raises(ValueError, match="must hold no vectors, and 'text' does"):
        check_columns(space, ["text"])
    with pytest.raises(ValueError, match=r"must be a list of columns, such as \['count'\]"):
        space.nearest("Anna", columns="count")
    with pytest.raises(ValueError, match="`namebasis info` lists"):
        check_columns(space, ["zzzzzz"])
    assert check_columns(space, ["part", "part"]) == ("part",)
    assert isinstance(stored_columns(space, [0], ["part"]), pa.Table)
