"""Charts: marks stand where the numbers say, bad input is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from namebasis.studies.attributes.record_charts import Chart, Point, Series, figure_of

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
