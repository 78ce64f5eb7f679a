"""The packaged US names, beside the files that they were made of."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pyarrow as pa
import pytest

import namebasis as nb
from namebasis.errors import CorpusError
from namebasis.namespace.corpus.names import Names, merge_names
from namebasis.namespace.corpus.us_names import recorded_births, recorded_groups

DATA = Path(__file__).parents[4] / "shared" / "data"
needs_data = pytest.mark.skipif(
    not (DATA / "ssa-names.zip").exists(), reason="the public files are not here"
)


def test_names_of_the_examples_have_births_and_surnames_have_groups() -> None:
    names = nb.read_names("us")
    rows = {(row["name"], row["part"]): row for row in names.table.to_pylist()}
    assert [len(nb.read_names(f"us:{part}")) for part in ("given", "family")] == [4000, 1000]
    assert {("Vicki", "given"), ("Winona", "given"), ("Keisha", "given")} <= set(rows)
    vicki = rows["Vicki", "given"]
    by_decade: dict[int, int] = {}
    for entry in vicki["births"]:
        decade = entry["year"] // 10 * 10
        by_decade[decade] = by_decade.get(decade, 0) + entry["female"] + entry["male"]
    assert max(by_decade, key=by_decade.__getitem__) == 1950
    assert sum(by_decade.values()) == vicki["count"]
    smith = rows["Smith", "family"]  # as the Census Bureau printed it
    assert (smith["count"], smith["pct_white"], smith["pct_black"]) == (2_442_977, 70.9, 23.1)
    with pytest.raises(CorpusError, match="us: has the parts given, family and all; got 'full'"):
        nb.read_names("us:full")


def test_all_given_names_are_packaged_and_looked_up_by_spelling() -> None:
    recorded = recorded_births()
    rows = {row["name"]: row for row in nb.read_names("us:given").table.to_pylist()}
    for name in ("Vicki", "Jos\u00e9", "KEISHA"):
        plain = {"Jos\u00e9": "Jose", "KEISHA": "Keisha"}.get(name, name)
        assert recorded.entries(name) == rows[plain]["births"]
    folded = pa.array(["vicki", "nobody", "jose"])
    fifties = [
        None if row is None else sum(
            one["female"] for one in row["births"] if 1950 <= one["year"] <= 1959
        )
        for row in (rows["Vicki"], None, rows["Jose"])
    ]  # fmt: skip
    assert recorded.between(folded, 1950, 1959, "F").to_pylist() == fifties
    both = recorded.between(folded, 0, 9999).to_pylist()
    assert both == [rows["Vicki"]["count"], None, rows["Jose"]["count"]]
    assert recorded.entries("Nobody at all") == []
    assert recorded_groups()["smith"]["pct_white"] == 70.9
    folder = files("namebasis").joinpath("data/us")
    assert sum(len(one.read_bytes()) for one in folder.iterdir()) < 3_000_000


@needs_data
def test_they_are_the_most_frequent_of_the_public_files() -> None:
    whole = nb.read_names(f"ssa:{DATA / 'ssa-names.zip'}")
    given = nb.read_names("us:given")
    births = recorded_births()
    assert births.between(births.folded, 0, 9999).to_pylist() == whole.table["count"].to_pylist()
    girls = births.between(births.folded, 1950, 1954, "F").to_pylist()
    for row in range(0, len(whole), 997):
        years = [one for one in whole.table["births"][row].as_py() if 1950 <= one["year"] <= 1954]
        assert girls[row] == sum(one["female"] for one in years)
    assert given.strings == whole.strings[:4000]
    for column in ("count", "gender", "share_female"):
        assert given.table[column].to_pylist() == whole.table[column].slice(0, 4000).to_pylist()
    census = nb.read_names(f"census:{DATA / 'census-2010-surnames.csv'}").table
    columns = ["name", "count", "pct_white", "pct_hispanic"]
    assert nb.read_names("us:family").table.select(columns).equals(census.select(columns))


def test_beside_the_files_that_they_come_of_nobody_counts_twice(tmp_path: Path) -> None:
    few = Names(nb.read_names("us:given").table.slice(0, 600))
    packaged = next(row for row in few.table.to_pylist() if row["name"] == "Vicki")
    for girls, whose in ((7000, "packaged"), (200_000, "file")):
        file = tmp_path / "yob1952.txt"
        file.write_text(f"Vicki,F,{girls}\n")
        births = nb.read_names(f"ssa:{file}")
        for merged in (merge_names(few, births), merge_names(births, few)):
            vicki = next(row for row in merged.table.to_pylist() if row["name"] == "Vicki")
            of_file = [{"year": 1952, "female": girls, "male": 0}]
            assert vicki["births"] == (packaged["births"] if whose == "packaged" else of_file)
            assert vicki["count"] == max(girls, packaged["count"])
            assert vicki["sources"] == ["ssa", "us-names"]
