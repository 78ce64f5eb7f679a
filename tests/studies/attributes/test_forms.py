"""Readings, records and groups in the forms that a reader meets: tables, notes, figures, pages."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from namebasis.analysis.readings.axes import READINGS
from namebasis.analysis.readings.calibration import Bin, Calibration
from namebasis.studies.attributes.groups import GroupAssociation, GroupAssociations
from namebasis.studies.attributes.record_matching import Matching
from namebasis.studies.attributes.record_measures import Measure
from namebasis.studies.attributes.record_results import Curve, EraBias, Popularity, RecordsReport
from namebasis.studies.attributes.results import Attributes, AxisScores
from tests.studies.pages import HOSTILE

NAMES = ("Ada", "Bea", "Cyd", "Dora")


def read(axis: str, value: str | None, places: list[float]) -> AxisScores:
    def each(column: list[float]) -> dict[str, np.ndarray]:
        return {reading: np.array(column) + at for at, reading in enumerate(READINGS)}

    return AxisScores(axis, value, each(places), each([0.5] * 4), each([1.0, 2.0, 3.0, 4.0]))


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


def test_readings_are_a_row_each_and_leakage_is_beside() -> None:
    first, leakage = attributes().tables()
    assert len(first.rows) == 4 * 3 * len(READINGS)
    assert first.rows[0] == ("Ada", "age", "expectation", 10.0, 0.5, 1.0)
    assert first.rows[-1] == ("Dora", "region_west", "inferred", 3.6, 3.5, 7.0)
    assert leakage.rows[1] == ("region_east", 0.0, 1.0, 0.0)
    assert (first.aside, leakage.aside) == (False, True)
    single = replace(attributes(), scores=attributes().scores[:1], leakage=np.eye(1))
    assert len(single.tables()) == 1
    assert "leakage" in attributes()._repr_html_()


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
    assert [table.key for table in found.tables()] == [
        "measures", "calibration", "popularity", "eras",
    ]  # fmt: skip
    assert found.tables()[3].rows == [
        ("age", "probe", 1950, 10, 60.0, -10.0, -12.0, -8.0, -20.0),
    ]  # fmt: skip
    bare = replace(found, eras=(), popularity=(), matching=None)
    assert [table.key for table in bare.tables()] == ["measures", "calibration"]
    assert bare.headline() is None
    assert str(found).startswith("of 1,300 names 1,200 are in the records as written")
    assert "against ssa:x, 1,200 names" in str(found)
    assert "calibration: names by what is believed" in found._repr_html_()


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


def test_the_page_of_records_shows_hostile_text_as_text() -> None:
    plain = Elements(report().to_html())
    assert "-0.000" not in plain.text
    for words in ("1,200names in both", "0.400 to 0.600", "x · x · against ssa:x of 2020", "x; b"):
        assert words in " ".join(plain.text.split()), words
    for bad in HOSTILE:
        assert Elements(report(bad).to_html()).tags == plain.tags


def test_names_left_out_of_groups_are_noted() -> None:
    row = GroupAssociation("F", 3, 4, "age", "old", "young", 8, 1.2, 0.01, 0.02, 99, -0.1, 0.3, 0.2, 0.4)  # noqa: E501  # fmt: skip
    found = GroupAssociations((row,), {"in no group": 1234})
    assert found.notes() == ["1,234 names left out: in no group"]
    (table,) = found.tables()
    assert dict(zip(table.columns, table.rows[0], strict=True)) == {
        "axis": "age", "towards": "old", "from": "young", "group": "F", "names": 3, "others": 4,
        "WEAT d": 1.2, "p": 0.01, "p (Holm)": 0.02, "RND": -0.1, "RIPA": 0.3, "low": 0.2,
        "high": 0.4,
    }  # fmt: skip
    assert str(found).endswith("1,234 names left out: in no group")
