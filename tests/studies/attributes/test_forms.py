"""Readings, records and groups in the forms that a reader meets: tables, notes, figures, pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from namebasis.analysis.readings.axes import READINGS
from namebasis.analysis.readings.calibration import Bin, Calibration
from namebasis.studies.attributes.beliefs import AxisBelief
from namebasis.studies.attributes.groups import GroupAssociation, GroupAssociations
from namebasis.studies.attributes.record_matching import Matching
from namebasis.studies.attributes.record_measures import Measure
from namebasis.studies.attributes.record_results import (
    Curve,
    EraBias,
    Misjudged,
    Popularity,
    RecordsReport,
)
from namebasis.studies.attributes.results import Attributes, AxisScores
from tests.studies.pages import HOSTILE

NAMES = ("Ada", "Bea", "Cyd", "Dora")


def read(axis: str, value: str | None, places: list[float]) -> AxisScores:
    def each(column: list[float]) -> dict[str, np.ndarray]:
        return {reading: np.array(column) + at for at, reading in enumerate(READINGS)}

    unit = "years" if value is None else "share"
    return AxisScores(axis, value, each(places), each([0.5] * 4), each([1.0, 2.0, 3.0, 4.0]), unit)


def attributes() -> Attributes:
    scores = (
        read("age", None, [10, 40, 20, 30]),
        read("region", "East", [0.9, 0.2, 0.3, 0.4]),
        read("region", "West", [0.1, 0.8, 0.7, 0.6]),
    )
    return Attributes(np.arange(4), NAMES, scores, np.eye(3), 0.1, 50)


def report(bad: str = "x") -> RecordsReport:
    return RecordsReport(
        records=f"ssa:{bad}",
        year=2020,
        n_names=1200,
        measures=(
            Measure("age", "Spearman", "inferred", 0.5, 0.4, 0.6, 0.1, 1200),
            Measure(bad, "AUC", bad, 0.7, None, None, 0.5, 30),
        ),
        curves=(Curve("age", "probe", "years", Calibration((Bin(20, 30, 25, 35, 9),), 3.0, 1.0)),),
        eras=(EraBias("age", "probe", "years", 1950, 10, 60.0, 50.0, -10.0, -12.0, -8.0, -20.0),),
        popularity=(Popularity("age", "Spearman", "probe", 1, 100, 5, 9, 0.4, 0.3, 0.5, 0.2, 100),),
        provenance={"space": bad, "encoder": bad, "templates": [bad, "b"]},
        matching=Matching(1300, 1200, 0, 0, (), 100, (bad,), 0),
    )


def test_readings_stand_in_a_table_for_each_unit_and_leakage_beside() -> None:
    *readings, leakage = attributes().tables()
    assert [(table.key, table.columns[3], len(table.rows)) for table in readings] == [
        ("readings_years", "years", 4 * 2),
        ("readings_cosine", "cosine", 4 * 3 * 2),
        ("readings_share", "share", 4 * 2 * 2),
    ]
    years, cosines, _ = readings
    assert years.rows[0] == ("Ada", "age", "expectation", 10.0, 0.5, 1.0)
    assert cosines.rows[-1] == ("Dora", "region_west", "inferred", 3.6, 3.5, 7.0)
    assert all(table.detail for table in (*readings, leakage))
    assert leakage.rows[1] == ("region_east", 0.0, 1.0, 0.0)
    assert (years.aside, leakage.aside) == (False, True)
    single = replace(attributes(), scores=attributes().scores[:1], leakage=np.eye(1))
    assert len(single.tables()) == 2
    assert "leakage" in attributes()._repr_html_()


def test_a_belief_within_chance_is_never_named() -> None:
    found = believing()
    assert found.headline() == (
        "Ada reads as older than most (above 99 % of names) and East (above 90 %); "
        "Bea: no belief beyond chance on age and region."
    )
    table, *_ = found.tables()
    assert [row[:4] for row in table.rows] == [
        ("Ada", "age", "older than most", "above 99 % of names"),
        ("Ada", "region", "East", "above 90 % of names"),
        ("Bea", "age", "no belief beyond chance", None),
        ("Bea", "region", "no belief beyond chance", None),
    ]
    assert [row[5] for row in table.rows] == ["< 0.01", "0.04", "0.40", "0.03"]
    assert list(table.muted) == [2, 3]  # Bea leans to West less than most: no belief either
    rows = found.to_arrow().to_pylist()
    assert [row["region_reads_as"] for row in rows] == ["East", None]
    assert [one["beyond_chance"] for one in found.to_dict()["beliefs"]] == [
        True,
        True,
        False,
        False,
    ]
    assert found.to_dict()["units"]["age"]["curve"] == "years"
    assert found.to_dict()["units"]["region_east"]["inferred"] == "cosine"
    many = replace(
        found, names=tuple(f"n{i}" for i in range(20)),
        beliefs=tuple(one.pick(np.array([0, 1] * 10)) for one in found.beliefs), scores=(),
        ids=np.arange(20), leakage=np.eye(0),
    )  # fmt: skip
    assert many.headline() == (
        "Of 20 names, beyond chance: age: 10 read as older than most; region: 10 read as East."
    )
    counts = many.tables()[0]
    assert counts.rows[1] == ("age", "older than most", 10, "n0, n2, n4, n6")
    assert counts.rows[2] == ("age", "no belief beyond chance", 10, "")
    twice = replace(many, names=("Jordan", "x", "Jordan", *many.names[3:]), parts=("given", "given",
                    "family", *["given"] * 17))  # fmt: skip
    assert twice.tables()[0].rows[1][3] == "Jordan (given), Jordan (family), n4, n6"
    both = twice.pick(_Rows([0, 2]), ["Jordan", "Jordan"])  # type: ignore[arg-type]
    assert [row[0] for row in both.tables()[0].rows[::2]] == ["Jordan (given)", "Jordan (family)"]


class _Rows:
    """A space whose names are in given rows."""

    def __init__(self, rows: list[int]) -> None:
        self._rows = rows

    def rows_of(self, names: list[str]) -> list[int]:
        return self._rows


def believing() -> Attributes:
    beliefs = (
        AxisBelief(
            "age", "ordinal", "inferred", ("younger than most", "older than most"),
            np.array([1, 0]), np.array([1.0, 0.8]), np.array([4.0, -1.0]), np.array([0.002, 0.4]),
        ),
        AxisBelief(
            "region", "nominal", "projection", ("East", "West"), np.array([0, 1]),
            np.array([0.9, 0.4]), np.array([3.0, 2.9]), np.array([0.04, 0.03]),
        ),
    )  # fmt: skip
    some = attributes()

    def two(column: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {reading: values[:2] for reading, values in column.items()}

    scores = tuple(
        replace(s, readings=two(s.readings), spreads=two(s.spreads), z=two(s.z))
        for s in some.scores
    )
    return replace(some, ids=np.arange(2), names=NAMES[:2], scores=scores, beliefs=beliefs)


def test_the_figure_has_the_highest_name_on_top_and_a_column_for_each_value() -> None:
    ages, regions = attributes().plot().axes
    assert [tick.get_text() for tick in ages.get_yticklabels()] == ["Bea", "Dora", "Cyd", "Ada"]
    marks, _, (bars,) = ages.containers[0]
    np.testing.assert_allclose(marks.get_xdata(), [40, 30, 20, 10])
    np.testing.assert_allclose(bars.get_segments()[0], [[39.5, 0], [40.5, 0]])
    assert [tick.get_text() for tick in regions.get_xticklabels()] == ["East", "West"]
    np.testing.assert_allclose(
        regions.images[0].get_array(), [[0.2, 0.8], [0.4, 0.6], [0.3, 0.7], [0.9, 0.1]]
    )
    both_ends, _ = attributes().plot(n_names=2, reading="curve").axes
    assert [tick.get_text() for tick in both_ends.get_yticklabels()] == ["Bea", "Ada"]
    np.testing.assert_allclose(both_ends.containers[0][0].get_xdata(), [42, 12])
    with pytest.raises(ValueError, match="reading must be one of expectation, projection"):
        attributes().plot(reading="mood")
    with pytest.raises(ValueError, match=r"Did you mean 'projection'\?$"):
        attributes().plot(reading="projecton")


def test_records_show_a_table_of_each_kind_and_no_empty_one() -> None:
    found = report()
    tables = {table.key: table for table in found.tables()}
    assert list(tables) == ["summary", "measures", "calibration", "popularity", "eras"]
    assert tables["eras"].rows == [
        ("age", "probe", 1950, 10, 60.0, -10.0, -12.0, -8.0, -20.0),
    ]  # fmt: skip
    assert [table.key for table in found.tables() if not table.detail] == ["summary"]
    bare = replace(found, eras=(), popularity=(), matching=None)
    assert [table.key for table in bare.tables()] == ["summary", "measures", "calibration"]
    assert bare.footnotes() == []
    assert found.footnotes()[0].startswith("of 1,300 names 1,200 are in the records as written")
    assert str(found).startswith("What x reads of 1,200 names follows ssa:x beyond chance on age")
    assert "calibration: names by what is believed" in found._repr_html_()


def measured(fact: str, zero: float, probe: float, spelling: float) -> list[Measure]:
    return [
        Measure(fact, "AUC", "projection", zero, zero - 0.1, zero + 0.1, 0.7, 900),
        Measure(fact, "AUC", "probe", probe, probe - 0.05, probe + 0.05, 0.6, 900),
        Measure(fact, "AUC", "spelling", spelling, spelling - 0.05, spelling + 0.05, 0.6, 900),
    ]


def test_records_are_told_in_a_sentence_with_chance_and_spelling() -> None:
    rows = [
        *measured("white", 0.8, 0.9, 0.5),  # read, and not spelled
        *measured("black", 0.69, 0.9, 0.86),  # a probe alone, and spelled: within its interval
        *measured("asian", 0.7, 0.6, 0.9),  # not above the nulls: nothing
    ]
    wrong = [
        Misjudged("white", "share", "projection", "Ada", 1.0, 0.1, -0.9, 1200),
        Misjudged("age", "years", "probe", "Bea", 80.0, 20.4, -59.6, None),
    ]
    found = replace(
        report(), measures=tuple(rows), misjudged=tuple(wrong),
        validated=dict.fromkeys(("white", "black", "asian"), "projection"),
    )  # fmt: skip
    assert found.headline() == (
        "What x reads of 1,200 names follows ssa:x beyond chance on white (AUC 0.80, chance 0.70); "
        "not beyond chance on black and Asian; spelling alone does as well as a probe of its "
        "vectors on black."
    )
    tables = {table.key: table for table in found.tables()}
    assert [row[-1] for row in tables["summary"].rows] == [
        "read without labels", "found by a probe only; spelling alone does as well",
        "no belief beyond chance",
    ]  # fmt: skip
    assert tables["summary"].rows[0][:7] == (
        "white", "AUC", "0.80", "0.70", "0.90", "0.60", "0.50",
    )  # fmt: skip
    assert list(tables["summary"].muted) == [1, 2]
    assert tables["misjudged_white"].rows == [("Ada", "1.00", "0.10", "-0.90", 1200)]
    assert tables["misjudged_age"].columns[1] == "recorded, years"
    assert tables["misjudged_age"].rows == [("Bea", "80", "20", "-60", None)]
    assert found.to_dict()["misjudged"][0]["births"] == 1200
    assert found.to_dict()["findings"][2]["said"] == "no belief beyond chance"
    page = found.to_html()
    assert "<bdi>Ada</bdi>" in page
    assert found.headline() in page
    assert len(str(found).splitlines()) <= 25
    none = replace(found, measures=tuple(measured("asian", 0.6, 0.5, 0.5)))
    assert (
        none.headline()
        == "What x reads of 1,200 names does not follow ssa:x beyond chance on Asian."
    )


def test_the_figure_of_records_is_of_the_first_fact_in_every_kind() -> None:
    titles = [axes.get_title(loc="left") for axes in report().plot().axes]
    assert titles == [
        "age of living bearers: believed less recorded",
        "age of living bearers: Spearman by popularity",
        "age of living bearers: calibration",
    ]
    with pytest.raises(ValueError, match="too little"):
        replace(report(), eras=(), popularity=(), curves=()).plot()


class Elements(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.long
def test_the_page_of_records_shows_hostile_text_as_text() -> None:
    plain = Elements(report().to_html())
    assert "-0.000" not in plain.text
    for words in ("1,200names in both", "0.400 to 0.600", "x · x · against ssa:x of 2020", "x; b"):
        assert words in " ".join(plain.text.split()), words
    for bad in HOSTILE:
        assert Elements(report(bad).to_html()).tags == plain.tags


def group(name: str, effect: float, p: float, leans: str | None) -> GroupAssociation:
    return GroupAssociation(
        name, 3, 4, "age", "very old", "baby", 8, effect, p, 2 * p, 9999, -0.1, 0.3, 0.2, 0.4, leans
    )  # fmt: skip


def test_groups_say_their_direction_and_chance_in_words() -> None:
    rows = (
        group("F", -0.48, 0.0001, "young"), group("M", 0.48, 0.01, "old"),
        group("x", 0.1, 0.4, None),
    )  # fmt: skip
    found = GroupAssociations(rows, {"in no group": 1234})
    assert found.headline() == (
        "women's names lean young (WEAT d -0.48, p < 0.01); "
        "men's names lean old (WEAT d +0.48, p = 0.02)."
    )
    table, further = found.tables()
    assert dict(zip(table.columns, table.rows[0], strict=True)) == {
        "group": "women's names", "axis": "age", "lean": "young", "WEAT d": "-0.48", "p": "< 0.01",
        "p (Holm)": "< 0.01", "names": 3, "others": 4,
    }  # fmt: skip
    assert table.rows[2][2] == "no lean beyond chance"
    assert list(table.muted) == list(further.muted) == [2]
    assert dict(zip(further.columns, further.rows[0], strict=True)) == {
        "group": "women's names", "axis": "age", "towards": "very old", "from": "baby",
        "RND": -0.1, "RIPA": 0.3, "low": 0.2, "high": 0.4,
    }  # fmt: skip
    assert found.notes()[1:] == ["1,234 names left out: in no group"]
    assert "0.000" not in str(found)
    within = GroupAssociations(rows[2:], {})
    assert within.headline().startswith("None of 1 comparisons goes beyond chance")
