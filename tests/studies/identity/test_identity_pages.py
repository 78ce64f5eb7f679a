"""Own directions and whom parts point to, as figures and pages."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.intervals import Interval
from namebasis.studies.identity.own_results import OwnDirections, OwnName
from namebasis.studies.identity.pages import own, points_to
from namebasis.studies.identity.points_results import PartPoints, PointsTo

KNOWN = Interval(0.2, 0.1, 0.3)
SHARING = [("Ada <b>", 1), ("Bo Cole", 1), ("Cy Dee", 2), ("Di East", 2), ("Ed Fox", None)]


def directions(cosines: np.ndarray) -> OwnDirections:
    names = tuple(
        OwnName(at, name, 3.0, 0.9, "Bo Cole", 0.8 - 0.1 * at, 0.01 + 0.02 * at, cluster)
        for at, (name, cluster) in enumerate(SHARING)
    )
    return OwnDirections(
        names, 60, KNOWN, KNOWN, KNOWN, KNOWN, 2, 2, 0, 0.45, None, (), {"least": 0.5},
        null_cosines=np.linspace(0.1, 0.5, 60), cosines=cosines,
    )  # fmt: skip


COSINES = np.array([[1, 0.8, 0.1, 0], [0.8, 1, 0, -0.3], [0.1, 0, 1, 0.6], [0, -0.3, 0.6, 1.0]])


def test_clusters_are_drawn_as_squares_of_their_cosines() -> None:
    (axes,) = own.draw(directions(COSINES)).axes
    cells = np.array([patch.get_alpha() for patch in axes.patches]).reshape(4, 4)
    np.testing.assert_allclose(cells, np.abs(COSINES))
    assert len({patch.get_facecolor()[:3] for patch in axes.patches}) == 2  # one is opposite
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [name for name, _ in SHARING[:4]]
    squares = [line.get_xydata() for line in axes.lines]
    assert [(one.min(), one.max()) for one in squares] == [(0, 2), (2, 4)]


@pytest.mark.long
def test_the_page_of_own_directions_has_both_drawings_and_asks_no_host() -> None:
    page = directions(COSINES).to_html()
    assert page.count("<svg") == 2
    for said in ("Ada &lt;b&gt;", "which 5 % of recombined names reach", "0.45", "Clusters"):
        assert said in page
    assert "<b></" not in page
    assert "://" not in page.replace("http://www.w3.org", "")
    alone = directions(np.empty((0, 0)))
    assert alone.to_html().count("<svg") == 1
    with pytest.raises(ValueError, match="no own directions cluster"):
        own.draw_clusters(OwnDirections(
            (), 60, KNOWN, KNOWN, KNOWN, KNOWN, 0, 0, 0, 0.45, None, (), {},
        ))  # fmt: skip


def part(name: str, side: str, row: int, z: float, low: float) -> PartPoints:
    return PartPoints(
        name, side, 3, f"Full{row} Name", row, 0.7, "Next Name", Interval(0.2, low, 0.4), 0.3, z,
        0.01,
    )  # fmt: skip


def points(*rows: PartPoints) -> PointsTo:
    return PointsTo(rows, 50, "Partners: packaged", {"n_swaps": 48})


def test_lines_go_from_parts_to_whom_they_point_to() -> None:
    rows = (part("Winona", "given", 7, 6.0, 0.1), part("Cher", "given", 2, 5.0, 0.1),
            part("Ryder", "family", 7, 3.0, 0.1), part("Ann", "given", 4, 9.0, -0.1))  # fmt: skip
    found = points(*rows)
    (axes,) = found.plot().axes
    ends = [line.get_ydata().tolist() for line in axes.lines]
    assert ends == [[0, 0.5], [1, 0.5], [2, 2]]
    widths = [line.get_linewidth() for line in axes.lines]
    assert widths[0] > widths[2] > widths[1]
    assert [text.get_text() for text in axes.texts] == [
        "Winona · given", "Ryder · family", "Cher · given", "Full7 Name", "Full2 Name",
    ]  # fmt: skip
    page = found.to_html()
    assert "the wider a line the surer" in page
    assert "Ann" in page
    nobody = points(rows[3])
    assert "No part points to anybody" in nobody.to_html()
    assert [len(points_to.drawn(one)[0]) for one in (found, nobody)] == [3, 1]
    with pytest.raises(ValueError, match="no part was measured"):
        points_to.draw(points())
