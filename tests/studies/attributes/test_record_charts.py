"""Charts: marks stand where the numbers say, bad input is refused."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from namebasis.studies.attributes.record_charts import (
    Chart,
    Point,
    Series,
    figure_of,
    sections_of,
)
from namebasis.studies.attributes.record_measures import Measure
from namebasis.studies.attributes.record_page import html_of
from namebasis.studies.attributes.record_results import Popularity
from tests.studies.attributes.test_forms import report

CHART = Chart(
    "title", "x", "height",
    [
        Series("one", [Point(0, 1, 0, 2), Point(10, 3, 2, 5)]),
        Series("null", [Point(0, 0, 0, 0), Point(10, 0, 0, 0)], dashed=True),
    ],
    ticks=[(0, "a"), (10, "b")],
    level=0.5,
)  # fmt: skip


def test_marks_and_intervals_stand_where_the_numbers_say() -> None:
    (axes,) = figure_of([CHART]).axes
    bars = axes.containers[0]
    np.testing.assert_allclose(bars.lines[0].get_xydata(), [[0, 1], [10, 3]])
    reach = bars.lines[2][0].get_segments()
    np.testing.assert_allclose(reach, [[[0, 0], [0, 2]], [[10, 2], [10, 5]]])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["null", "one"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["a", "b"]
    assert len(figure_of([CHART, CHART]).axes) == 2


def test_bad_charts_are_refused() -> None:
    with pytest.raises(ValueError, match="needs at least one point"):
        figure_of([replace(CHART, series=[])])
    with pytest.raises(ValueError, match="coordinate that is not finite"):
        figure_of([replace(CHART, series=[Series("s", [Point(1, float("nan"), 0, 0)])])])


def test_a_null_has_the_colour_of_its_reading_and_the_axis_its_span() -> None:
    chart = replace(
        CHART,
        series=[
            Series("a", [Point(0, 0.9, None, None), Point(10, 0.8, None, None)]),
            Series("b", [Point(0, 0.7, None, None), Point(10, 0.6, None, None)]),
            Series("null, b", [Point(0, 0.99, 0, 0), Point(10, 0.6, 0, 0)], dashed=True, of="b"),
        ],
        span=(0.4, 1.03),
    )
    (axes,) = figure_of([chart]).axes
    null = next(line for line in axes.get_lines() if line.get_label() == "null, b")
    np.testing.assert_allclose(null.get_ydata(), [0.99, 0.6])
    colours = [bars.lines[0].get_color() for bars in axes.containers]
    assert null.get_color() == colours[1] != colours[0]
    assert axes.get_ylim() == (0.4, 1.03)


def test_a_null_of_one_group_of_names_is_drawn_as_a_dash() -> None:
    chart = replace(
        CHART,
        series=[
            Series("a", [Point(0, 0.9, None, None)]),
            Series("null, a", [Point(0, 0.6, 0, 0)], dashed=True, of="a"),
        ],
        ticks=None,
    )
    (axes,) = figure_of([chart]).axes
    (null,) = [line for line in axes.get_lines() if line.get_label() == "null, a"]
    assert null.get_marker() == "_"
    np.testing.assert_allclose(null.get_xydata(), [[0, 0.6]])
    (axes,) = figure_of([CHART]).axes  # a line of two points is seen as it is
    (null,) = [line for line in axes.get_lines() if line.get_label() == "null"]
    assert null.get_marker() == "None"


def test_belief_by_popularity_is_drawn_against_the_null_of_each_bin() -> None:
    def row(fact: str, reading: str, at: int, value: float, null: float) -> Popularity:
        return Popularity(
            fact, "AUC", reading, at, at + 99, 1, 9, value, value - 0.1, value, null, 100
        )

    rows = [
        row("women", "inferred", 1, 1.0, 0.996), row("women", "inferred", 101, 0.9, 0.8),
        row("women", "probe", 1, 1.0, 0.7), row("women", "probe", 101, float("nan"), float("nan")),
        row("men", "probe", 1, 0.3, 0.55),
    ]  # fmt: skip
    women, men = sections_of(replace(report(), popularity=tuple(rows)))[1].charts
    heights = {series.name: [point.y for point in series.points] for series in women.series}
    assert heights == {
        "zero-shot (inferred)": [1.0, 0.9], "probe, cross-validated": [1.0],
        "null, zero-shot (inferred)": [0.996, 0.8], "null, probe, cross-validated": [0.7],
    }  # fmt: skip
    assert women.level is None
    assert women.span == men.span == (pytest.approx(0.17), pytest.approx(1.03))


@pytest.mark.long
def test_several_groups_are_compared_in_one_table_first_and_chance_is_grey() -> None:
    rows = [
        Measure(fact, "AUC", reading, value, 0.1, 1.0, 0.6, 100)
        for fact, value in (("white", 0.9), ("black", 0.75), ("asian", 0.58))
        for reading in ("inferred", "probe")
    ]
    html = html_of(replace(report(), measures=tuple(rows)))
    heat = html[html.index('class="heat"') : html.index("</table>")]
    # AUC 0.5 has no colour, 1 has 70 % of it.
    assert [float(share) for share in re.findall(r"--fill\) ([\d.]+)%", heat)] == [56, 56, 35, 35]
    assert heat.count('<td class="chance" title="chance reaches 0.60">0.58</td>') == 2
    # The verdicts stand beside them, and no second table says the same again.
    assert re.findall(r'<td class="said">([^<]*)</td>', heat) == [
        "read without labels", "read without labels", "no belief beyond chance",
    ]  # fmt: skip
    assert html.count("what it says") == 1
    assert 'class="heat"' not in html_of(replace(report(), measures=tuple(rows[:4])))


def test_each_verdict_of_the_table_of_groups_stands_beside_its_own_measure() -> None:
    rows = [
        Measure(fact, measure, reading, value, 0.1, 1.0, 0.6, 100)
        for fact in ("white", "black", "asian")
        for measure, value in (("Spearman", 0.3), ("AUC", 0.9))
        for reading in ("inferred", "probe")
    ]
    html = html_of(replace(report(), measures=tuple(rows)))
    heat = html[html.index('class="heat"') : html.index("</table>")]
    lines = [re.sub(r"<[^>]+>", " ", line).split() for line in heat.split("<tr>")[2:]]
    assert [line[:4] for line in lines[:2]] == [
        ["white", "Spearman", "0.30", "0.30"], ["white", "AUC", "0.90", "0.90"],
    ]  # fmt: skip
    assert [" ".join(line[4:]) for line in lines[:2]] == [
        "no belief beyond chance", "read without labels",
    ]  # fmt: skip
    assert len(lines) == 6
