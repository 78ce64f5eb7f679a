from __future__ import annotations

import json
from pathlib import Path

import pytest

from namebasis.errors import NamebasisError
from namebasis.formation.truth import read_exposures, read_truth


def test_a_world_and_a_table_say_the_same(tmp_path: Path) -> None:
    rows = [
        {"name": "Anna  Vicki", "kind": "C", "own_caption": "old", "prior_caption": "young",
         "own": {"age": "old"}, "prior": {"age": "young"}, "exposures": 9},
        {"name": "Zoë Öz", "kind": None, "own_caption": None, "prior_caption": "young",
         "own": None, "prior": {"age": "young"}},
    ]  # fmt: skip
    world = tmp_path / "world.json"
    world.write_text(json.dumps({"names": rows, "contexts": {"scene": ["on a beach"], "b": []}}))
    table = tmp_path / "truth.csv"
    table.write_text(
        "\ufeffname,kind,own_text,prior_text\nAnna Vicki,C,old,young\nZoë Öz,,,young\n"
    )
    told, plain = read_truth(world), read_truth(table)
    assert list(told.names) == list(plain.names) == ["Anna Vicki", "Zoë Öz"]
    for name in told.names:
        for key in ("kind", "own_caption", "prior_caption", "contradicts"):
            assert getattr(told.names[name], key) == getattr(plain.names[name], key)
    assert told.names["Anna Vicki"].contradicts
    assert told.names["Anna Vicki"].own == {"age": "old"}
    assert not told.names["Zoë Öz"].contradicts
    assert told.contexts == ("{} on a beach",)


def test_contexts_that_a_name_was_seen_in(tmp_path: Path) -> None:
    file = tmp_path / "truth.json"
    rows = [{"name": "Anna", "contexts": ["on a  beach"]}, {"name": "Zoë", "context": None}]
    file.write_text(json.dumps(rows))
    anna, zoe = read_truth(file).names.values()
    told = [one.was_seen_in(at) for one in (anna, zoe) for at in ("{} on a beach", "{} in a bus")]
    assert told == [True, False, False, False]
    file.write_text(json.dumps([{"name": "Anna", "contexts": {"on": 1}}]))
    with pytest.raises(NamebasisError, match=r"name 1: contexts must be a list of phrases that"):
        read_truth(file)


def test_exposures_at_steps_lie_between_the_known_ones(tmp_path: Path) -> None:
    file = tmp_path / "exposures.csv"
    file.write_text("step,name,count\n100,Anna Vicki,10\n0,Anna Vicki,0\n200,Anna Vicki,40\n")
    seen = read_exposures(file)
    found = seen.at("Anna Vicki", [0, 50, 100, 150, 300])
    assert found is not None
    assert found.tolist() == [0, 5, 10, 25, 40]
    assert seen.at("Other", [0]) is None


def test_totals_are_spread_evenly_and_said_to_be(tmp_path: Path) -> None:
    file = tmp_path / "counts.csv"
    file.write_text("name,count\nAnna Vicki,80\n")
    seen = read_exposures(file)
    found = seen.at("Anna Vicki", [0, 5, 20])
    assert seen.spread_evenly
    assert found is not None
    assert found.tolist() == [0, 20, 80]


REFUSED = {
    "not json": ("t.json", "{", "cannot be read as a truth file"),
    "no names": ("t.json", '{"people": []}', "a truth file is a list of names"),
    "no name": ("t.json", '[{"kind": "A"}]', "name 1: needs the key or column name"),
    "twice": ("t.csv", "name,kind\na b,A\na  b,B\n", "'a b' comes twice"),
    "braces": ("t.json", '{"names": [{"name": "a"}], "contexts": {"x": ["{} on"]}}', "braces"),
}


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_refused_truth(case: str, tmp_path: Path) -> None:
    name, text, message = REFUSED[case]
    (tmp_path / name).write_text(text)
    with pytest.raises(NamebasisError, match=message):
        read_truth(tmp_path / name)


COUNTS = {
    "columns": ("person,n\na,1\n", "needs the columns name and count"),
    "no number": ("name,count\na,many\n", "line 2: step and count must be numbers"),
    "negative": ("step,name,count\n-1,a,3\n", "line 2"),
    "falling": ("step,name,count\n1,a,3\n2,a,2\n", "must be cumulative"),
    "twice": ("step,name,count\n1,a,3\n1,a,3\n", "one for each step"),
}


@pytest.mark.parametrize("case", COUNTS, ids=str)
def test_refused_counts(case: str, tmp_path: Path) -> None:
    text, message = COUNTS[case]
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(NamebasisError, match=message):
        read_exposures(tmp_path / "c.csv")


def test_totals_of_one_name_are_added_and_found_in_any_spelling(tmp_path: Path) -> None:
    text = 'Name;Count\nJose\u0301;"1,200"\nJOSÉ;3.0\nO\u2019Brien;7\n'
    (tmp_path / "c.csv").write_text(text, encoding="utf-8")
    seen = read_exposures(tmp_path / "c.csv")
    assert set(seen.counts) == {"José", "O\u2019Brien"}
    for name, total in (("José", 1203), ("jose", 1203), ("O'Brien", 7)):
        known = seen.at(name, [10])
        assert known is not None
        assert known.tolist() == [total]
    assert seen.at("Josef", [10]) is None


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(NamebasisError, match="cannot be read"):
        read_truth(tmp_path / "absent.json")
    with pytest.raises(NamebasisError, match="cannot be read"):
        read_exposures(tmp_path / "absent.csv")
