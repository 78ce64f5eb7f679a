"""Lists of names under limits, in a space of given vectors whose best list is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import namebasis as nb
from namebasis.errors import FilterError, SpaceError, TargetError
from namebasis.namespace.search.map_places import places_path, write_places
from namebasis.studies.select.results import Check, knee
from namebasis.studies.select.spellings import Spellings
from tests.namespace.conftest import FakeEncoder

NAMES = [
    ("Catherine", "F", "en_US", 3), ("Katherine", "F", "en_US", 1), ("Kathryn", "F", "en_GB", 2),
    ("Erik", "M", "sv_SE", 1), ("Eric", "M", "en_US", 1), ("Yuki", "F", "ja_JP", 2),
    ("Hiroshi", "M", "ja_JP", 3), ("Olga", "F", "ru_RU", 1), ("Ivan", "M", "ru_RU", 1),
    ("Vicki", "F", "en_US", 1), ("Mei", "F", "zh_CN", 1), ("Chen", "M", "zh_CN", 2),
]  # fmt: skip


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> nb.Space:
    where = tmp_path_factory.mktemp("select")
    rows = ["name,gender,locales,n_letters"]
    rows += [f"{name},{gender},{locale},{n}" for name, gender, locale, n in NAMES]
    (where / "n.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    vectors = np.random.default_rng(5).standard_normal((len(NAMES), 6)).astype(np.float32)
    # Three pairs that point the same way: one of each covers both.
    vectors[1], vectors[4], vectors[8] = vectors[0] + 0.1, vectors[3] + 0.1, vectors[7] + 0.1
    return nb.build_space(where / "n.csv", where / "s.space", vectors=vectors, progress=None)


def test_the_first_names_cover_the_others_best(space: nb.Space) -> None:
    found = space.select(4)
    rows = nb.analysis.select_rows(space.vectors(), 4)
    assert found.ids.tolist() == rows.tolist()
    assert found.names == [NAMES[at][0] for at in rows]
    assert found.values["covers"].sum() == pytest.approx(1)
    assert (np.diff(found.values["reached"]) > 0).all()
    assert found.headline().startswith("4 of 12 names, chosen so that every name is near")
    assert found.tables()[0].rows[0][:2] == (1, found.names[0])


def test_limits_combine(space: nb.Space) -> None:
    limits: dict[str, Any] = {
        "where": "gender = 'F'", "max_per": {"locale": 1}, "keep": ["Katherine"], "deny": ["olga"],
        "one_spelling": True,
    }  # fmt: skip
    found = space.select(3, **limits)
    assert found.names[0] == "Katherine"
    assert set(found.names) == {"Katherine", "Mei", "Yuki"}  # Kathryn is another spelling
    with pytest.raises(ValueError, match="at most 3, all that the constraints leave; got 4"):
        space.select(4, **limits)
    assert "Kathryn" in space.select(4, **limits | {"one_spelling": False}).names


def test_limits_that_leave_too_few_say_which_costs_most(space: nb.Space) -> None:
    with pytest.raises(ValueError) as refused:
        space.select(8, where="gender = 'F'", max_per={"locale": 1})
    assert str(refused.value) == (
        "n_names must be at most 5, all that the constraints leave; got 8. max_per locale=1 costs "
        "most: without it there would be 7."
    )
    with pytest.raises(
        ValueError, match=r"most 7.*got 8. Take fewer, or loosen where \"gender = 'F'\""
    ):
        space.select(8, where="gender = 'F'")
    with pytest.raises(
        ValueError, match=r"^no name is left to choose\. Loosen where \"name = 'X'\"\."
    ):
        space.select(2, where="name = 'X'")
    with pytest.raises(ValueError, match="at most 12, as many as differ; got 13"):
        space.select(13)
    with pytest.raises(FilterError, match=r"of .* leaves no name that the list could stand for"):
        space.select(2, of="name = 'Nobody'")


def test_a_list_stands_for_the_names_asked_for(space: nb.Space) -> None:
    found = space.select(1, of="name = 'Hiroshi'")
    assert (found.names, found.n_demand) == (["Hiroshi"], 1)
    assert found.values["reached"][0] == pytest.approx(1, abs=1e-5)


def test_what_points_to_one_person_is_left_out_once_it_was_measured(
    space: nb.Space, tmp_path: Path
) -> None:
    with pytest.raises(SpaceError, match="run `namebasis rigidity SPACE --write`"):
        space.select(2, not_famous=True)
    columns = pa.table({
        "id": [0, 1, 9], "rigidity_similarity_percentile": [0.99, 0.5, 0.98],
    })  # fmt: skip
    space.add_metrics(columns, study="rigidity", parameters={})
    found = space.select(10, not_famous=True)
    assert not {"Catherine", "Vicki"} & set(found.names)
    assert any(told.startswith("not_famous could judge 3 of 12") for told in found.notes())
    space.drop(["rigidity_similarity_percentile"])


def test_what_is_written_orders_an_export(space: nb.Space, tmp_path: Path) -> None:
    found = space.select(3)
    found.write(space)
    space.export(tmp_path / "l.txt", where="selected_rank > 0", order_by="selected_rank")
    assert (tmp_path / "l.txt").read_text(encoding="utf-8").split() == found.names
    space.select(2, keep=["Mei"]).write(space)  # replaces the earlier list
    ranks = space.table(["name", "selected_rank"]).to_pylist()
    assert sum(row["selected_rank"] is not None for row in ranks) == 2
    assert {"name": "Mei", "selected_rank": 1} in ranks


def test_values_go_out_in_every_form(space: nb.Space) -> None:
    found = space.select(3, columns=["gender"])
    assert found.to_arrow().column_names == [
        "id", "name", "selected_rank", "n_tokens", "covers", "reached", "gender",
    ]  # fmt: skip
    told: dict[str, Any] = json.loads(found.to_json())
    assert [row["selected_rank"] for row in told["selected"]] == [1, 2, 3]
    assert told["parameters"]["n_names"] == 3


def test_the_map_has_the_stored_places_or_the_two_main_directions(space: nb.Space) -> None:
    found = space.select(3)
    assert found.map is not None
    vectors = space.vectors().astype(np.float64)
    others = np.setdiff1d(np.arange(len(NAMES)), found.ids)
    order = np.concatenate([others, found.ids])
    centred = vectors[order] - vectors.mean(axis=0)
    left, scales, _ = np.linalg.svd(centred, full_matrices=False)
    expected = left[:, :2] * scales[:2]  # an oracle, up to the sign of an axis
    drawn = np.concatenate([found.map.around, found.map.chosen])
    np.testing.assert_allclose(np.abs(drawn), np.abs(expected), atol=1e-4)
    assert "two main directions" in found.map.how
    (panel,) = found.plot().axes
    assert [text.get_text() for text in panel.texts] == found.names
    places = np.random.default_rng(1).standard_normal((len(space), 2)).astype(np.float32)
    write_places(space, "text", places)
    try:
        again = space.select(3).map
    finally:
        places_path(space, "text").unlink()
    assert again is not None
    np.testing.assert_array_equal(again.chosen, places[found.ids])
    assert again.how == "the explorer's map"


def test_names_of_equal_vectors_are_chosen_once(tmp_path: Path) -> None:
    (tmp_path / "n.txt").write_text("Anna\nHannah\nBert\n")
    vectors = np.array([[1, 0.0, 1], [1, -0.0, 1], [0, 1, 0]], np.float32)
    space = nb.build_space(tmp_path / "n.txt", tmp_path / "s.space", vectors=vectors, progress=None)
    found = space.select(2, n_null=0)
    assert "Bert" in found.names
    assert any("have the same vector at most one is chosen" in told for told in found.notes())
    with pytest.raises(ValueError, match="at most 2, as many as differ"):
        space.select(3)


def test_a_name_of_two_parts_is_chosen_once(tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_text("name,part\nBenjamin,given\nBenjamin,family\nAnna,given\n")
    vectors = np.array([[1, 0, 0], [0.6, 1, 0], [0, 0, 1]], np.float32)
    twice = nb.build_space(tmp_path / "n.csv", tmp_path / "s.space", vectors=vectors, progress=None)
    assert sorted(twice.select(2).names) == ["Anna", "Benjamin"]
    with pytest.raises(ValueError, match="at most 2, as many as differ"):
        twice.select(3)


def test_a_name_to_keep_must_be_stored(space: nb.Space) -> None:
    with pytest.raises(TargetError, match="'Nobody' is not in"):
        space.select(2, keep=["Nobody"])


@pytest.mark.parametrize(("left", "right", "same"), [
    ("catherine", "katherine", True), ("catherine", "kathryn", True), ("erik", "eric", True),
    ("mohammed", "muhammad", True), ("steven", "stephen", True), ("sara", "sarah", True),
    ("caroline", "carolyn", True), ("sofia", "sophia", True), ("jon", "john", True),
    ("maria", "mario", False), ("brendan", "brandon", False), ("ana", "ina", False),
    ("marion", "marina", False), ("michael", "michelle", False), ("jean", "john", False),
    ("bill", "william", False), ("आशा", "उषा", False), ("", "", True),
])  # fmt: skip
def test_spellings_of_one_name(left: str, right: str, same: bool) -> None:
    assert (1 in Spellings([left, right]).alike(0)) is same


@pytest.mark.long
def test_a_list_is_measured_where_the_choice_did_not_look(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    centres = 3 * rng.standard_normal((6, 10))
    vectors = centres[rng.integers(0, 6, 200)] + rng.standard_normal((200, 10))
    names = [f"Na{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(200)]
    rows = "\n".join(f"{name},{i}" for i, name in enumerate(names))
    (tmp_path / "n.csv").write_text(f"name,count\n{rows}\n", encoding="utf-8")
    space = nb.build_space(
        tmp_path / "n.csv", tmp_path / "s.space", vectors=vectors.astype(np.float32), progress=None
    )
    found = space.select(6)
    near, code = found.checks
    assert (near.measure, code.measure) == ("cosine to the nearest", "cosine of codes of 4")
    # One name of each cluster beats six random ones, which miss some.
    assert near.gain_low > 0
    assert near.value - near.random == pytest.approx(near.gain)
    assert near.matched_gain_low < near.value - near.matched
    assert near.low < near.value < near.high
    assert "of random lists" in found.headline()
    assert found.tables()[-1].title == "where the choice did not look"
    page = found.to_html()
    assert all(name in page for name in found.names)
    assert "Where the choice did not look" in page
    assert all(one not in page for one in (">nan<", ">{}<", ">False<", "<dd></dd>"))
    assert len(found.plot(kind="curve").axes) == 1
    assert page.count("<svg") >= 2
    assert "The first 6 are named" in page
    assert space.select(6, n_null=0).checks == ()
    assert "none is held back" in space.select(3, of="count < 20").notes()[-1]
    spanned = space.select(6, objective="span")
    assert spanned.checks[1].gain_low > 0


def test_the_knee_lies_where_the_curve_leaves_its_chord_most() -> None:
    assert knee([0, 5, 8, 9, 9.5, 10]) == 3
    assert knee([0, 1, 2]) is None
    assert knee([1, 1, 1, 1, 1, 1]) is None


class _Alike(FakeEncoder):
    """Knows no letter of two names, and therefore gives both one vector."""

    def tokenize(self, text: str) -> list[str]:
        return ["[UNK]"] if text in ("નેહા", "અનિલ") else super().tokenize(text)


def test_of_names_that_the_encoder_reads_alike_one_is_chosen(tmp_path: Path) -> None:
    names = ["Olga", "Ivan", "Mei", "Yuki", "નેહા", "અનિલ"]
    space = nb.build_space(names, tmp_path / "a.space", encoder=_Alike())  # type: ignore[arg-type]
    found = space.select(5, n_null=0)
    assert len({"નેહા", "અનિલ"} & set(found.names)) == 1
    assert found.remarks == (
        "Of names that the encoder cannot tell apart at most one is chosen, which leaves out "
        "1 name.",
    )
    with pytest.raises(ValueError, match="at most 5, as many as differ; got 6"):
        space.select(6, n_null=0)
    assert not space.select(4, where="id < 5", n_null=0).remarks  # of these none reads as another


def test_what_was_not_counted_or_has_no_value_is_said(space: nb.Space, tmp_path: Path) -> None:
    of = space.select(2, of="gender = 'F'", n_null=0)
    assert ", for 7 names with gender = 'F': " in (of.headline() or "")
    (tmp_path / "n.csv").write_text("name,team\nOlga,a\nIvan,a\nMei,\n", encoding="utf-8")
    vectors = np.random.default_rng(1).standard_normal((3, 4)).astype(np.float32)
    other = nb.build_space(tmp_path / "n.csv", tmp_path / "t.space", vectors=vectors, progress=None)
    found = other.select(2, max_per={"team": 1}, n_null=0)
    assert found.remarks == ("1 name without a value of team is not held to the limit of 1.",)
    nan = float("nan")
    check = Check("m", 0.5, 0.4, 0.6, 0.3, nan, nan, nan, nan, nan, nan, "names")
    [*_, without] = replace(found, checks=(check,)).tables()
    assert without.columns == ("measure", "this list", "random lists", "gain", "not seen")
    assert without.rows == [("m", 0.5, 0.3, "–", "names")]
    counted = replace(check, matched=0.2)
    [*_, table] = replace(found, checks=(check, counted)).tables()
    assert [row[4:6] for row in table.rows] == [("–", "–"), (0.2, "–")]


def test_steps_are_told_in_order(space: nb.Space) -> None:
    begun: list[str] = []
    nb.studies.select.select(space, 2, n_null=2, begin=begun.append)  # type: ignore[arg-type]
    assert begun == ["reading", "choosing", "comparing"]
