"""Filters, orders and columns beyond the engine's SQL, against values computed apart."""

from __future__ import annotations

import copy
import re
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from namebasis.encoders.images import open_image
from namebasis.errors import CorpusError, FilterError, NamebasisHint
from namebasis.explore.facets import facets_of
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.corpus.sources import read_names
from namebasis.namespace.store.filters import NAME_FUNCTIONS
from namebasis.namespace.where.evaluation import _PLAIN
from namebasis.namespace.where.words import FUNCTIONS, ON_VALUES, split_list
from namebasis.space import Space
from tests.namespace.conftest import FakeEncoder

DOC = (Path(__file__).parents[3] / "docs" / "where.md").read_text(encoding="utf-8")
REGIONS = ("Africa", "East Asia", "Oceania")
US = {
    row["name"]: row["births"]
    for row in read_names("us:given").table.to_pylist()
    if row["name"] in ("Zoe", "King", "Vicki")
}
"""Births that the space does not record, from the packaged corpus."""


class SeeingEncoder(FakeEncoder):
    """Images are looked at by their mean colour."""

    has_images = True

    def encode_images(self, images: object, *, batch_size: int | None = None) -> np.ndarray:
        return np.stack([self._draw(str(np.asarray(open_image(one)).mean()), 16) for one in images])  # type: ignore[attr-defined]


def _births(at: int) -> list[dict[str, int]]:
    return [{"year": year, "female": at, "male": 2} for year in range(1945, 1965, 1 + at % 3)]


def _records() -> list[dict[str, object]]:
    records: list[dict[str, object]] = [
        {"name": "Zoë", "part": "given", "gender": "F", "count": 5},
        {"name": "Zoe", "part": "given", "gender": "F", "count": 50},
        {"name": "King", "part": "given", "gender": "M", "count": 20},
        {"name": "King", "part": "family", "count": 30},
        {"name": "Vicki", "part": "given", "gender": "F", "locales": ["is_IS"]},
    ]
    more = [f"Nam{chr(97 + at // 26)}{chr(97 + at % 26)}" for at in range(55)]
    return [
        *records,
        *({"name": one, "part": "given" if at % 3 else "family", "gender": "FM"[at % 2],
           "count": at % 7 or None, "births": _births(at) if at % 3 else None}
          for at, one in enumerate(more)),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """60 names with births, and readings of an axis without an order and of one with."""
    folder = tmp_path_factory.mktemp("where")
    built = build_space(make_names(_records()), folder / "my.space", encoder=SeeingEncoder())  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    n = len(built)
    columns = {f"region_{one.lower().replace(' ', '_')}": one for one in REGIONS}
    made = {f"{column}_projection_z": rng.normal(size=n) for column in columns}
    age = np.where(np.arange(n) % 10 == 3, np.nan, rng.integers(20, 40, n))
    built.add_metrics(
        pa.table({"id": np.arange(n), "region_reads_as": pa.nulls(n, pa.string()),
                  "age_reads_as": pa.nulls(n, pa.string()), "age_inferred": age,
                  "age_projection_z": rng.normal(size=n), **made}),
        study="attributes", parameters={"labels": columns},
    )  # fmt: skip
    return Space(built.path, SeeingEncoder())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def known(space: Space) -> pd.DataFrame:
    """The same names, for values computed apart."""
    frame = space.table().to_pandas()
    frame["old"] = space.vectors() @ space.resolve("an old lady").vector
    frame["age"] = frame["age_inferred"].rank(pct=True)
    births = [
        one if one is not None else US.get(name.replace("ë", "e")) if part == "given" else None
        for one, name, part in zip(frame["births"], frame["name"], frame["part"], strict=True)
    ]
    frame["total"] = [
        np.nan if one is None else sum(y["female"] + y["male"] for y in one) for one in births
    ]
    frame["fifties"] = [
        np.nan if one is None else sum(y["female"] for y in one if 1950 <= y["year"] <= 1959)
        for one in births
    ]
    z = frame[[f"region_{one.lower().replace(' ', '_')}_projection_z" for one in REGIONS]]
    frame["region"] = [REGIONS[at] for at in z.to_numpy().argmax(axis=1)]
    two = np.sort(z.to_numpy(), axis=1)[:, -2:]
    frame["margin"] = two[:, 1] - two[:, 0]
    return frame


SAME = {
    "similar('an old lady') > 0.1": "old > 0.1",
    "NOT similar('an old lady') > 0.1 AND gender = 'F'": "not (old > 0.1) and gender == 'F'",
    "similar('an old lady') > 0.3 OR part = 'family'": "old > 0.3 or part == 'family'",
    "similar('an old lady') BETWEEN 0 AND 0.2": "0 <= old <= 0.2",
    "abs(similar('an old lady') * 2 - 0.1) < 0.2": "abs(old * 2 - 0.1) < 0.2",
    "-similar('an old lady') >= 0.1 AND (part = 'given' OR count > 3)":
        "-old >= 0.1 and (part == 'given' or count > 3)",
    "quantile(age_inferred) > 0.8": "age > 0.8",
    "quantile(quantile(age_inferred) + 1) <= 0.25": "age <= 0.25",
    "births > 100": "total > 100",
    "births > 100000": "name in ('Zoe', 'Zoë', 'Vicki')",
    "births IS NULL": "total != total",
    "births_between(1950, 1959, 'F') >= 90 AND similar('an old lady') < 1": "fifties >= 90",
    "births IN (66, 70, 130)": "total in (66, 70, 130)",
    "region = 'East Asia' AND region_margin > 0.5": "region == 'East Asia' and margin > 0.5",
    "region LIKE '%a' AND NOT region IN ('Africa', 'nowhere')": "region != 'Africa'",
    "CASE WHEN part = 'given' THEN count > 3 ELSE count > 5 END":
        "(part == 'given' and count > 3) or (part != 'given' and count > 5)",
    "CASE gender WHEN 'F' THEN 1 WHEN 'M' THEN 2 END = 2": "gender == 'M'",
    "coalesce(births, 0) = 0": "not (total > 0)",
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("where", SAME)
def test_a_filter_accepts_what_a_frame_does(space: Space, known: pd.DataFrame, where: str) -> None:
    wanted = known.query(SAME[where])["id"].tolist()
    assert 0 < len(wanted) < len(known), "a filter that says something"
    assert space.ids(where).tolist() == wanted
    assert space.table(["id"], where=where)["id"].to_pylist() == wanted


def test_unknown_values_are_neither_accepted_nor_refused(space: Space) -> None:
    known = space.ids("age_inferred IS NOT NULL AND NOT isnan(age_inferred)").size
    high, not_high = (f"{word} quantile(age_inferred) > 0.5" for word in ("", "NOT"))
    assert space.ids(high).size + space.ids(not_high).size == known < len(space)
    assert space.ids("(quantile(age_inferred) > 0.5) IS NULL").size == len(space) - known
    assert space.ids(f"{high} OR name IS NOT NULL").size == len(space)


def test_names_of_a_file_are_found_whatever_their_case(space: Space, tmp_path: Path) -> None:
    path = tmp_path / "some.txt"
    path.write_text("KING\nvicki\nNobody\n", encoding="utf-8")
    found = space.table(["name"], where=f"in_file('{path}')")["name"].to_pylist()
    assert found == ["King", "King", "Vicki"]
    others = space.ids(f"NOT in_file('{path}') AND part = 'given'")
    assert others.size == space.ids("part = 'given'").size - 2
    table = tmp_path / "some.csv"
    table.write_text("who,nick\nAnna Stern,Zoe\nBen Roth,Vicki\n", encoding="utf-8")
    assert space.table(["name"], where=f"in_file('{table}', 'nick')")["name"].to_pylist() == [
        "Zoë", "Zoe", "Vicki",
    ]  # fmt: skip
    with pytest.raises(CorpusError, match=r"none\.txt cannot be read"):
        space.ids(f"in_file('{tmp_path}/none.txt')")


def test_a_target_may_be_a_name_an_image_and_of_another_view(space: Space, tmp_path: Path) -> None:
    assert space.ids("similar('Vicki') > 0.999").tolist() == [space.find("Vicki")]
    token = space.vectors("token") @ space.resolve("Vicki", view="token").vector
    assert (
        space.ids("similar('Vicki', 'token') > 0.2").tolist()
        == np.flatnonzero(token > 0.2).tolist()
    )
    path = tmp_path / "red.png"
    Image.new("RGB", (32, 32), "red").save(path)
    seen = space.vectors() @ space.resolve(path).vector
    assert space.ids(f"similar('{path}') > 0").tolist() == np.flatnonzero(seen > 0).tolist()


def test_one_row_stays_of_those_with_the_same_value(space: Space, known: pd.DataFrame) -> None:
    assert space.ids("part = 'given' AND one_per(name_folded)").size == (
        known[known["part"] == "given"]["name_folded"].nunique()
    )
    kept = space.table(["name"], where="name_folded = 'zoe' AND one_per(name_folded)")
    assert kept["name"].to_pylist() == ["Zoe"], "with the larger count"
    by = space.table(["name"], where="name LIKE 'Zo%' AND one_per(name_folded, 0 - count)")
    assert by["name"].to_pylist() == ["Zoë"]
    # The other conditions come first, whatever the order in which they are written.
    assert space.ids("one_per(name_folded) AND name = 'Zoë'").size == 1
    largest = known.sort_values("margin", ascending=False).groupby("region")["id"].first()
    assert space.ids("one_per(region, region_margin)").tolist() == sorted(largest)
    for inside in ("NOT one_per(name)", "one_per(name) OR true", "one_per(name) = true"):
        with pytest.raises(FilterError, match="one_per stands beside other conditions with AND"):
            space.ids(inside)


def test_a_sample_is_the_same_for_the_same_seed(space: Space) -> None:
    drawn = np.random.default_rng(7).random(len(space))
    assert space.ids("random(7) < 0.3").tolist() == np.flatnonzero(drawn < 0.3).tolist()
    first = space.table(["id"], order_by="random(7)", limit=9)["id"].to_pylist()
    assert first == np.argsort(drawn)[:9].tolist()
    assert first != space.table(["id"], order_by="random(8)", limit=9)["id"].to_pylist()


def test_shares_that_a_space_lacks_come_from_the_packaged_tables(space: Space) -> None:
    given, family = (read_names(f"us:{part}").table.to_pylist() for part in ("given", "family"))
    share = {row["name"]: row["share_female"] for row in given}
    white = {row["name"]: row["pct_white"] for row in family}
    asked = ["name", "part", "share_female + 0 AS women", "pct_white + 0 AS white", "share_female"]
    rows = {(row["name"], row["part"]): row for row in space.table(asked).to_pylist()}
    for name in ("Zoe", "King", "Vicki"):
        assert rows[name, "given"]["women"] == pytest.approx(share[name])
    assert rows["Zoë", "given"]["women"] == pytest.approx(share["Zoe"])
    assert rows["King", "family"]["white"] == white["King"]
    assert rows["King", "family"]["women"] is None, "of given names alone"
    assert rows["King", "given"]["white"] is None, "of family names alone"
    assert rows["Namaa", "family"]["women"] is None
    assert rows["Zoe", "given"]["share_female"] is None, "what is stored, where it stands alone"
    women = space.table(["name"], where="share_female > 0.9")["name"].to_pylist()
    assert {name for name in women if not name.startswith("Nam")} == {"Zoe", "Zoë", "Vicki"}


def test_several_keys_order_with_nulls_last(space: Space, known: pd.DataFrame) -> None:
    def ordered(by: str) -> list[int]:
        return space.table(["id"], order_by=by)["id"].to_pylist()

    def wanted(columns: list[str], ascending: list[bool]) -> list[int]:
        return known.sort_values([*columns, "id"], ascending=[*ascending, True])["id"].tolist()

    assert ordered("gender, count desc") == wanted(["gender", "count"], [True, False])
    assert ordered("count desc NULLS LAST, name") == wanted(["count", "name"], [False, True])
    assert ordered("region, region_margin desc") == wanted(["region", "margin"], [True, False])
    assert ordered("births desc") == wanted(["total"], [False])
    assert ordered("similar('an old lady') desc") == wanted(["old"], [False])
    assert known["count"].isna()[ordered("count desc")[-1]], "unknown ones last either way"
    by_case = "CASE gender WHEN 'M' THEN 1 WHEN 'F' THEN 2 END, name desc"
    known["case"] = known["gender"].map({"M": 1, "F": 2})
    assert ordered(by_case) == wanted(["case", "name"], [True, False])


def test_columns_are_computed_and_named(space: Space, known: pd.DataFrame) -> None:
    asked = ["name", "similar('an old lady') AS old", "region", "n_tokens + 1", "births"]
    table = space.table(asked, where="part = 'given'", order_by="similar('an old lady') desc")
    assert table.column_names == ["name", "old", "region", "n_tokens + 1", "births"]
    frame = known[known["part"] == "given"].sort_values("old", ascending=False)
    assert np.allclose(table["old"].to_numpy(), frame["old"], atol=1e-6)
    assert table["region"].to_pylist() == frame["region"].tolist()
    assert table["n_tokens + 1"].to_pylist() == (frame["n_tokens"] + 1).tolist()
    assert pa.types.is_list(table.schema.field("births").type), "the list, where it is asked for"
    few = space.table(asked[:2], ids=[4, 2])
    assert np.allclose(few["old"].to_numpy(), known["old"][[4, 2]], atol=1e-6)


def test_every_question_takes_them(space: Space, tmp_path: Path) -> None:
    where = "similar('an old lady') > 0 AND births > 50"
    allowed = set(space.table(["name"], where=where)["name"].to_pylist())
    found = space.nearest("Vicki", 5, where=where, columns=["region", "quantile(count) AS q"])
    assert set(found.names) <= allowed
    assert found.to_arrow().column_names[-2:] == ["region", "q"]
    columns = ["region", "births / 2 AS half"]
    way = space.walk("1", where=where, n_steps=2, names_per_step=2, columns=columns)
    assert list(way.steps[0].columns) == ["region", "half"]
    chosen = space.select(3, where=where, max_per={"region": 1}, columns=columns)
    assert len(set(space.table(["region"], ids=space.rows_of(chosen.names))["region"])) == 3
    assert facets_of(space, where)[-2]["column"] == "region"
    path = tmp_path / "out.csv"
    space.export(path, where=where, columns=["name", "round(region_margin) AS m"],
                 order_by="region, name", limit=4)  # fmt: skip
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "name,m"
    assert len(lines) == 5


REFUSED = {
    "similar(name) > 0": "similar takes a text in single quotes: similar('an old lady').",
    "similar() > 0": "similar is written similar('an old lady').",
    "similar('x')": "similar('x') alone is no condition; compare it with a value.",
    "similar('x') > 'high'": "similar('x') holds numbers and 'high' texts; they cannot be compared",
    "similar('x', 'taste') > 0": "view must be one of text, token; got 'taste'.",
    "alert(1)": "alert is no function for filters.",
    "similer('x') > 0": "similer is no function for filters; did you mean similar.",
    "lower(similar('x')) = 'a'": "similar('x') cannot stand inside of lower.",
    "similar('x') > 0 AND gendre = 'F'": "no column 'gendre'; did you mean gender, which has the",
    "similar('x') > 0 AND gender = 5": "gender has the values F, M, no numbers; write gender = 'F'",
    "similar('x') > 0 AND": "it cannot be read on at AND.",
    "births = 0x10": "it cannot be read on at x10.",
    " OR ".join(f"births = {at}" for at in range(101)): "101 times, over 100; write column IN (",
    "quantile(name) > 0.5": "name holds texts, and numbers are wanted.",
    "births_between(1959, 1950) > 0": "takes a first and a last year; got 1959 and 1950.",
    "births_between(1950, 1959, 'X') > 0": "takes 'F' or 'M' after its years; got 'X'.",
    "births_between('a', 2) > 0": "births_between takes whole numbers: births_between(1950, 1959)",
    "random() < 1": "random is written random(7).",
    "CASE WHEN n_tokens = 1 THEN 1 ELSE 'a' END = 1": "CASE gives numbers and texts; its values",
    "pieces[0] = 'a'": "lists count from 1, and it asks for element 0.",
    "pieces [ 0 ] = 'a'": "lists count from 1, and it asks for element 0.",
    "array_element(pieces, 0) = 'a'": "lists count from 1, and it asks for element 0.",
    "list_extract(pieces, 0) = similar('x')": "lists count from 1, and it asks for element 0.",
    " + ".join(["similar('x')"] * 21) + " > 0": "it holds 21 functions of names, over 20.",
}  # fmt: skip


@pytest.mark.parametrize("where", REFUSED)
def test_a_refusal_speaks_of_names(space: Space, where: str) -> None:
    with pytest.raises(FilterError) as caught:
        space.ids(where)
    assert REFUSED[where] in str(caught.value)
    assert "\n" not in str(caught.value)


STATEMENTS = [
    "similar('x') > 0; DROP TABLE names", "(SELECT similar('x')) > 0", "similar('x') IN (SELECT 1)",
    "EXISTS(SELECT similar('x'))", "similar('x') > 0 UNION SELECT 1", "quantile(count) OVER () > 0",
    "similar('x') > 0 -- more", "WITH a AS (SELECT 1) SELECT similar('x')", "similar(?) > 0",
    "similar('x') > @a", "births.year > similar('x')", "* = similar('x')", "births > ALL(1)",
    "similar('x') > 0 LIMIT 3", "similar('x') AS a", "COPY births TO 'x'", "births -> 'a' = 1",
    "INSERT INTO births VALUES (1)", "similar('x')::text LIKE '%'", "SET births = 1",
    "births IN UNNEST(pieces)", "similar('x') > (VALUES (1))", "SHOW births",
    "births, similar('x')",
]  # fmt: skip


@pytest.mark.parametrize("where", STATEMENTS)
def test_nothing_but_an_expression_gets_through(space: Space, where: str) -> None:
    with pytest.raises(FilterError):
        space.ids(where)
    with pytest.raises(ValueError, match=r"order_by|column"):
        space.table(["name"], order_by=f"name, {where} DROP TABLE")


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"order_by": "name, nope"}, "no column 'nope'"), ({"order_by": "pieces, name"}, "lists"),
     ({"order_by": "name NULLS FIRST"}, "nulls come last"),
     ({"order_by": "name; DROP TABLE a"}, "holds a ';'"),
     ({"columns": ["name", "nope + 1"]}, "no column 'nope'"), ({"columns": ["*"]}, "holds STAR"),
     ({"columns": ["name, count"]}, "cannot be read on at ,"),
     ({"columns": ["name", "lower(name) AS name"]}, "'name' comes twice"),
     ({"columns": ["similar(1)"]}, r"column 'similar\(1\)': similar takes a text")],
)  # fmt: skip
def test_an_order_and_a_column_are_refused_as_such(
    space: Space, asked: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        space.table(**{"columns": ["name"], **asked})  # type: ignore[arg-type]


def test_a_served_space_reads_no_file(space: Space, tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("King\n", encoding="utf-8")
    served = space.reopened(space._encoder)
    served.reads_files = False
    for asked in (f"in_file('{path}')", "similar('a.png') > 0", "similar('A.JPG ') > 0"):
        for where in (asked, f"NOT ({asked}) OR true", f"CASE WHEN {asked} THEN true END"):
            with pytest.raises(FilterError, match="only for the command line and Python"):
                served.ids(where)
        with pytest.raises(ValueError, match="only for the command line and Python"):
            served.table(["name", asked])
        with pytest.raises(ValueError, match="only for the command line and Python"):
            served.table(["name"], order_by=asked)
        with pytest.raises(FilterError, match="only for the command line and Python"):
            served.reopened(space._encoder).nearest("King", where=asked)
    sent = copy.copy(served)  # as it is pickled
    with pytest.raises(FilterError, match="only for the command line and Python"):
        sent.ids(f"in_file('{path}')")
    assert served.ids("similar('King') > 0.9").size
    allowed = {name for name, one in FUNCTIONS.items() if one.is_served}
    assert allowed == {"similar", "quantile", "births_between", "random", "one_per"}


def test_an_empty_answer_says_what_a_computed_value_is(space: Space) -> None:
    for where, said in {
        "similar('an old lady') > 2": r"> 2; similar\('an old lady'\) goes from -0\.\d+ to 0\.\d+",
        "region = 'Europe'": "its values are Africa, East Asia, Oceania",
        "part = 'given' AND births > 1e9": "no name passes births > 1e9; births goes from",
    }.items():
        with pytest.warns(NamebasisHint, match=said):
            assert space.ids(where).size == 0


def _blocks(kind: str) -> list[str]:
    return "".join(re.findall(rf"```{kind}\n(.*?)```", DOC, re.DOTALL)).splitlines()


@pytest.mark.long
def test_every_example_of_the_docs_is_answered(
    space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("celebrities.txt").write_text("Vicki\n", encoding="utf-8")
    Path("people.csv").write_text("first_name,n\nVicki,1\n", encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NamebasisHint)  # that no name passes
        for where in _blocks("sql"):
            space.ids(where)
    for order in _blocks("order"):
        assert len(space.table(["name"], order_by=order)) == len(space)
    for columns in _blocks("columns"):
        assert space.table(split_list(columns)).column_names[0] == "name"
    assert set(_PLAIN) | {"coalesce", "ifnull", "nvl"} == ON_VALUES
    written = " ".join(_blocks("sql"))
    assert [one for one in NAME_FUNCTIONS if f"{one}(" not in written] == []
    assert frozenset(FUNCTIONS) == NAME_FUNCTIONS


@pytest.mark.parametrize("engine", ["", "duckdb", "polars", "pandas", "lancedb"])
def test_other_engines_open_the_data_set_as_the_docs_say(
    space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    if engine:
        pytest.importorskip(engine)
    (code,) = re.findall(rf"```python ?{engine}\n(.*?)```", DOC, re.DOTALL)
    shutil.copytree(space.path, tmp_path / "my.space")
    monkeypatch.chdir(tmp_path)
    exec(code, {})


def test_what_the_engine_knows_needs_no_parser(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [one for one in sys.modules if one.startswith("namebasis.namespace.where.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    plain = "gender = 'F' AND pieces[1] = 'Nam' AND array_length(pieces) > 1"
    assert len(space.table(["name"], where=plain, order_by="count desc"))
    with pytest.raises(ImportError):
        space.ids("births > 3")


def test_a_list_is_parted_at_its_own_commas() -> None:
    assert split_list("name, similar('a, b') AS c,  f(a, [1, 2]) ,") == [
        "name", "similar('a, b') AS c", "f(a, [1, 2])",
    ]  # fmt: skip
