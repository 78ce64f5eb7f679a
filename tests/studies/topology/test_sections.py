"""The sections below the map, and the figures that pages and files share."""

from __future__ import annotations

import dataclasses
import io
import re
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from namebasis.analysis.shape.entropy import NullComparison
from namebasis.analysis.shape.homology_null import DegreeReport, Draws
from namebasis.report import charts
from namebasis.report.charts import save
from namebasis.studies.topology.figures import draw_maps, page_figures
from namebasis.studies.topology.files import FIGURES
from namebasis.studies.topology.graph import Bridge
from namebasis.studies.topology.overlap import NameOverlap, OverlapAtK
from namebasis.studies.topology.pages.comparison import (
    FiguresSection,
    MatchRow,
    MatchSection,
    OverlapSection,
)
from namebasis.studies.topology.pages.neighbours import (
    GraphSection,
    HubsSection,
    MixingRow,
)
from namebasis.studies.topology.pages.page import Section, render
from namebasis.studies.topology.pages.shape import (
    EntropySection,
    PersistenceSection,
)
from namebasis.studies.topology.shape import Hub
from tests.studies.pages import DIFFICULT, HOSTILE, content, name_map

NAN = float("nan")


def entropy() -> EntropySection:
    return EntropySection(
        bits=6.5, standard_error=0.0012, share=0.65, bandwidth=0.4, method=HOSTILE[0],
        n_names=1024, t=1, times=(1, 2, 4), curve=(6.5, 3.0, 1.0),
        nulls=[NullComparison(HOSTILE[0], 5.0, 5.5, 0.1, -5.0, 5),
               NullComparison("none", 5.0, 6, 0.0, NAN, 5)],
        n_null_names=1000,
    )  # fmt: skip


def persistence() -> PersistenceSection:
    components = np.array([[0, 0.2], [0, 0.5], [0, np.inf]])
    loops = np.array([[0.6, 0.7], [0.65, 0.95]])
    rows = [
        DegreeReport(0, components, 1.0, 0.5, 1, components, Draws(1, 0.9, 1.1, 5), None,
                     Draws(0.1, 0, 0.2, 5), None),
        DegreeReport(1, loops, NAN, 0.3, 0, np.empty((0, 2)), None, None, None, None),
    ]  # fmt: skip
    return PersistenceSection(rows, 3, 0.05, 0.1, 5)


def hubs(n: int = 400, k: int = 15) -> HubsSection:
    rng = np.random.default_rng(0)
    local = rng.gamma(5, 2, n)
    local[:7] = NAN
    return HubsSection(
        k=k, skewness=2.5, anti_hub_share=0.081, hubs=[Hub(3, HOSTILE[0], 45, 1)],
        hubness=rng.poisson(k, n) / k, two_nn=9.3, likelihood=NAN, quartiles=(8, 10, 12),
        local_dimension=local,
    )  # fmt: skip


def graph() -> GraphSection:
    return GraphSection(
        n_edges=1234, n_components=2, largest_share=0.9, n_communities=7, modularity=0.63,
        mixing=[MixingRow("gender", 0.2, -0.0001, 0.01), MixingRow("part", None, None, None)],
        bridges=[Bridge(2, HOSTILE[1], 0.98, 15, tuple((f"l{i}", 9 - i) for i in range(6)))],
        links=[("ar_AA", HOSTILE[2], 29, 77.1)], central=[(HOSTILE[0], 1, 26.7)],
    )  # fmt: skip


def shared() -> OverlapSection:
    found = NameOverlap(4, HOSTILE[0], "given", 0.25, HOSTILE[:2], HOSTILE[2:4])
    return OverlapSection(
        titles=(HOSTILE[0], HOSTILE[1]),
        overlaps=[OverlapAtK(1, 0.2, 0.1, 0.3, 0.01, 77),
                  OverlapAtK(15, 0.4, 0.35, 0.45, 0.15, 77)],
        cka=NAN, n_aligned=77, clusters=[("adjusted Rand index", 0.5, 0.001, 0.01)],
        n_clustered=60, lowest=[found], highest=[found],
    )  # fmt: skip


def matches() -> MatchSection:
    rows = [MatchRow(HOSTILE[0], 9, "#2a76e2", None, 0, 0.0, 0.0),
            MatchRow("a", 9, "#2a76e2", HOSTILE[1], 12, 0.4, 0.7)]  # fmt: skip
    return MatchSection(rows, (HOSTILE[0], HOSTILE[1]))


SECTIONS: tuple[Section, ...] = (
    entropy(),
    persistence(),
    hubs(),
    graph(),
    FiguresSection([(HOSTILE[0], HOSTILE[1], HOSTILE[2])], (HOSTILE[0], HOSTILE[1]), HOSTILE[0]),
    shared(),
    matches(),
)


def test_sections_escape_and_stand_on_a_page() -> None:
    page = render(content(30, sections=SECTIONS))
    for section in SECTIONS:
        drawn = section.html()
        assert "<script" not in drawn
        assert "<img" not in drawn
        assert f'<section id="{section.anchor}"><h2>' in page
        assert f'<a href="#{section.anchor}">' in page
    assert "rdf:" not in page


def test_entropy_says_value_share_and_null() -> None:
    drawn = entropy().html()
    assert "6.500 ± 0.0012 bits</b>, 65 % of the log2 1,024 = 10.00 bits" in drawn
    assert re.search(r"5\.500</td>.*0\.1000</td>.*-5\.0</td>", drawn)
    assert re.search(r"none</td>.*–</td></tr>", drawn)  # no deviation, no z
    assert "the bandwidth is the same" in drawn  # as `EntropyShape.nulls` has it
    bare = dataclasses.replace(entropy(), nulls=[], standard_error=0.0)
    assert "No nulls were drawn." in bare.html()
    assert "6.500 bits" in bare.html()


def test_persistence_says_what_is_certain() -> None:
    drawn = persistence().html()
    assert "3 landmarks that cover all names within 0.050" in drawn
    assert "1.000 (0.900–1.100)" in drawn
    assert "0.100 (0.000–0.200)" in drawn
    figure = persistence().figures()["persistence"]
    steps = figure.axes[0].lines[-1].get_xydata()
    # Three components; one is gone at 0.2, another at 0.5; the last stays.
    np.testing.assert_allclose(steps, [[0, 3], [0.2, 2], [0.5, 1]])
    dashed = figure.axes[1].lines[1].get_xydata()
    np.testing.assert_allclose(dashed[:, 1] - dashed[:, 0], 0.2)


def test_the_line_of_chance_is_the_binomial_one() -> None:
    n, k = 400, 15
    found = hubs(n, k).figures()
    assert set(found) == {"hubs", "dimension"}
    line = found["hubs"].axes[0].lines[0].get_xydata()
    degrees = np.rint(line[:, 0] * k).astype(int)
    np.testing.assert_allclose(line[:, 1], n * binom.pmf(degrees, n - 1, k / (n - 1)), rtol=1e-9)
    bars = found["hubs"].axes[0].patches[0].get_data().values
    assert bars.sum() == n
    no_dimension = dataclasses.replace(hubs(), local_dimension=np.full(400, NAN))
    assert set(no_dimension.figures()) == {"hubs"}
    assert "Intrinsic dimension <b>–</b>" in no_dimension.html()
    assert "8.1 %" in no_dimension.html()


def test_hubs_bridges_and_central_names_link_to_the_map() -> None:
    assert 'data-row="3"><bdi>&lt;script&gt;' in hubs().html()
    drawn = graph().html()
    assert 'data-row="2"' in drawn
    assert 'data-row="1"' in drawn
    assert "l0 9, l1 8, l2 7, l3 6 …" in drawn
    assert "-0.000" not in drawn
    assert "2 parts, the largest with 90.0 %" in drawn
    bare = dataclasses.replace(graph(), mixing=[], bridges=[], links=[], central=[], n_components=1)
    assert "<table" not in bare.html()
    assert "one connected part" in bare.html()


def test_overlap_is_shown_beside_chance() -> None:
    drawn = shared().html()
    assert "40.0 %</td>" in drawn
    assert "35.0 % to 45.0 %" in drawn
    assert "Names whose 15 neighbours differ most" in drawn
    assert drawn.count('data-row="4"') == 2
    axes = shared().figures()["overlap"].axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.2, 0.4]
    few = dataclasses.replace(shared(), clusters=[])
    assert "too few clusters to compare" in few.html()
    assert "–</td>" in matches().html()
    assert "<p>There are none.</p>" in MatchSection([], ("a", "b")).html()


def test_charts_on_a_page_take_its_colours_and_keep_their_text() -> None:
    drawn = charts.to_svg(entropy().figures()["entropy"], "one")
    assert "diffusion time t" in drawn
    assert "var(--fill)" in drawn
    assert charts.FILL not in drawn
    assert "font:" not in drawn
    assert "<metadata" not in drawn
    used = set(re.findall(r"(?:url\(#|xlink:href=\"#)([^)\"]+)", drawn))
    assert used
    assert used <= set(re.findall(r'\bid="([^"]+)"', drawn))
    assert all(name.startswith("one-") for name in used)
    assert drawn == charts.to_svg(entropy().figures()["entropy"], "one")


def test_figures_do_not_follow_the_users_own_settings() -> None:
    import matplotlib as mpl

    plain = charts.to_svg(entropy().figures()["entropy"], "x")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "black"}):
        assert charts.to_svg(entropy().figures()["entropy"], "x") == plain


def written(figure: Any, form: str) -> bytes:
    stream = io.BytesIO()
    save(figure, stream, form)
    return stream.getvalue()


def test_every_figure_is_written_as_png_and_svg(recwarn: pytest.WarningsRecorder) -> None:
    from PIL import Image

    page = content(200, (*HOSTILE, *DIFFICULT), sections=[*content().sections, *SECTIONS])
    found = page_figures(page)
    assert set(found) == set(FIGURES)
    for figure in found.values():
        assert Image.open(io.BytesIO(written(figure, "png"))).width > 800
        drawn = written(figure, "svg")
        assert drawn.lstrip().startswith(b"<?xml")
        assert b"<script" not in drawn
    assert written(found["map"], "svg") == written(page_figures(page)["map"], "svg")
    assert not [str(w.message) for w in recwarn if "Glyph" in str(w.message)]


def test_labels_of_the_drawn_map_do_not_cover_each_other() -> None:
    figure = draw_maps([name_map(3000, 60, label="a cluster with a rather long name")])
    renderer = figure.canvas.get_renderer()
    boxes = [label.get_window_extent(renderer) for label in figure.axes[0].texts]
    assert 3 < len(boxes) <= 40
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


@pytest.mark.parametrize(("n", "n_clusters"), [(3, 0), (60, 0), (60, 1)])
def test_maps_of_few_names_and_clusters_are_drawn(n: int, n_clusters: int) -> None:
    assert len(written(draw_maps([name_map(n, n_clusters)]), "png")) > 1000
    assert len(draw_maps([name_map(60), name_map(60, title="other")]).axes) == 2


def test_what_no_font_has_is_replaced() -> None:
    assert charts.drawable("Ó hOileáin", "cluster 3") == "Ó hOileáin"
    assert charts.drawable("a\U000e0041b", "cluster 3") == "cluster 3"
    assert charts.drawable("$x^2$", "") == r"\$x^2\$"
