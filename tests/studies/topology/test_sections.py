"""The sections below the map, and the figures that pages and files share."""

from __future__ import annotations

import dataclasses
import io
import re
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, hypergeom

from namebasis.report import charts
from namebasis.report.charts import save
from namebasis.studies.topology.clusters import chance_of_more
from namebasis.studies.topology.figures import draw_maps
from namebasis.studies.topology.files import FIGURES
from namebasis.studies.topology.pages import drawings
from namebasis.studies.topology.pages.page import figures_of, html_of, html_of_comparison
from tests.studies.pages import (
    DIFFICULT,
    HOSTILE,
    NAN,
    comparison,
    entropy,
    graph_shape,
    name_map,
    persistence,
    report,
    shape,
)


def section(page: str, anchor: str) -> str:
    """What stands under one heading of a page."""
    found = re.search(rf'<section id="{anchor}">(.*?)</section>', page, re.S)
    assert found is not None, anchor
    return found[1]


@pytest.fixture(scope="module")
def page() -> str:
    return html_of(report(400, shape=shape()))


@pytest.fixture(scope="module")
def both() -> str:
    return html_of_comparison(comparison(60))


@pytest.mark.long
def test_sections_escape_and_stand_on_a_page(page: str, both: str) -> None:
    for html, anchors in (
        (page, ("agreement", "clusters", "hubs", "graph", "entropy", "persistence", "notes")),
        (both, ("figures", "overlap", "clusters")),
    ):
        for anchor in anchors:
            drawn = section(html, anchor)
            assert "<script" not in drawn
            assert "<img" not in drawn
            assert drawn.startswith("<h2>")
        assert "rdf:" not in html
        assert "&lt;script&gt;alert(1)" in html


def test_what_only_topologists_ask_for_is_folded(page: str) -> None:
    folded = re.search(r'<details class="fold" id="topologists">(.*?)</details>', page, re.S)
    assert folded is not None
    assert re.findall(r'<section id="(\w+)">', folded[1]) == ["entropy", "persistence"]
    assert '<a href="#topologists">' in page


@pytest.mark.long
def test_entropy_says_value_share_and_null(page: str) -> None:
    drawn = section(page, "entropy")
    assert "6.500 ± 0.0012 bits</b>, 65 % of the log2 1,024 = 10.00 bits" in drawn
    assert re.search(r"5\.500</td>.*0\.1000</td>.*-5\.0</td>", drawn)
    assert re.search(r"none</td>.*–</td></tr>", drawn)  # no deviation, no z
    assert "the bandwidth is the same" in drawn  # as `EntropyShape.nulls` has it
    found = entropy()
    whole = dataclasses.replace(found.whole, standard_error=0.0)
    bare = shape(entropy=dataclasses.replace(found, whole=whole, nulls=()))
    drawn = section(html_of(report(400, shape=bare)), "entropy")
    assert "No nulls were drawn." in drawn
    assert "6.500 bits" in drawn


def test_persistence_says_what_is_certain(page: str) -> None:
    drawn = section(page, "persistence")
    assert "3 landmarks that cover all names within 0.050" in drawn
    assert "1.000 (0.900–1.100)" in drawn
    assert "0.100 (0.000–0.200)" in drawn
    figure = drawings.persistence_diagrams(persistence())
    steps = figure.axes[0].lines[-1].get_xydata()
    # Three components; one is gone at 0.2, another at 0.5; the last stays.
    np.testing.assert_allclose(steps, [[0, 3], [0.2, 2], [0.5, 1]])
    dashed = figure.axes[1].lines[1].get_xydata()
    np.testing.assert_allclose(dashed[:, 1] - dashed[:, 0], 0.2)


@pytest.mark.long
def test_the_line_of_chance_is_the_binomial_one(page: str) -> None:
    n, k = 400, 15
    hubs = drawings.degree_histogram(shape(n, k).hubness, k)
    line = hubs.axes[0].lines[0].get_xydata()
    degrees = np.rint(line[:, 0] * k).astype(int)
    np.testing.assert_allclose(line[:, 1], n * binom.pmf(degrees, n - 1, k / (n - 1)), rtol=1e-9)
    bars = hubs.axes[0].patches[0].get_data().values
    assert bars.sum() == n
    no_dimension = report(400, shape=shape(local_dimension=np.full(400, NAN)))
    assert "dimension" not in figures_of(no_dimension)
    drawn = section(page, "hubs")
    assert "Intrinsic dimension <b>–</b>" in drawn
    assert "8.1 %" in drawn
    assert "Intrinsic dimension around each name" in drawn
    assert "Intrinsic dimension around each name" not in section(html_of(no_dimension), "hubs")


@pytest.mark.long
def test_hubs_bridges_and_central_names_link_to_the_map(page: str) -> None:
    assert 'data-row="3"><bdi>&lt;script&gt;' in section(page, "hubs")
    drawn = section(page, "graph")
    assert 'data-row="2"' in drawn
    assert 'data-row="1"' in drawn
    assert "l0 9, l1 8, l2 7, l3 6 …" in drawn
    assert "-0.000" not in drawn
    assert "≤ 0.01</td>" in drawn  # the least that 99 shuffles can say
    assert "2 parts, the largest with 90.0 %" in drawn
    bare = graph_shape(assortativity={}, bridges=(), links=(), central=(), n_components=1)
    drawn = section(html_of(report(400, shape=shape(graph=bare))), "graph")
    assert "<table" not in drawn
    assert "one connected part" in drawn


@pytest.mark.long
def test_overlap_is_shown_beside_chance(both: str) -> None:
    drawn = section(both, "overlap")
    assert "40.0 %</td>" in drawn
    assert "35.0 % to 45.0 %" in drawn
    assert "Names whose 15 neighbours differ most" in drawn
    assert drawn.count('data-row="4"') == 2
    assert "≤ 0.01</td>" in drawn
    assert "0.020</td>" in drawn
    axes = drawings.overlap_bars(comparison(60).overlap.overlaps).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.2, 0.4]
    assert "–</td>" in section(both, "clusters")
    few = html_of_comparison(comparison(60, between=None, matches=()))
    assert "too few clusters to compare" in few
    assert "<p>There are none.</p>" in few


@pytest.mark.long
def test_charts_on_a_page_take_its_colours_and_keep_their_text() -> None:
    found = entropy()
    figure = drawings.entropy_curve(found.whole, found.nulls)
    drawn = charts.to_svg(figure, "one")
    assert "diffusion time t" in drawn
    assert "var(--fill)" in drawn
    assert charts.FILL not in drawn
    assert "font:" not in drawn
    assert "<metadata" not in drawn
    used = set(re.findall(r"(?:url\(#|xlink:href=\"#)([^)\"]+)", drawn))
    assert used
    assert used <= set(re.findall(r'\bid="([^"]+)"', drawn))
    assert all(name.startswith("one-") for name in used)
    assert drawn == charts.to_svg(drawings.entropy_curve(found.whole, found.nulls), "one")


def test_figures_do_not_follow_the_users_own_settings() -> None:
    import matplotlib as mpl

    plain = charts.to_svg(drawings.entropy_curve(entropy().whole, ()), "x")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "black"}):
        assert charts.to_svg(drawings.entropy_curve(entropy().whole, ()), "x") == plain


def written(figure: Any, form: str) -> bytes:
    stream = io.BytesIO()
    save(figure, stream, form)
    return stream.getvalue()


@pytest.mark.long
def test_every_figure_is_written_as_png_and_svg(recwarn: pytest.WarningsRecorder) -> None:
    from PIL import Image

    names = (*HOSTILE, *DIFFICULT)
    shown = report(200, names, shape=shape(200))
    found = figures_of(shown) | {"overlap": figures_of(comparison(60, names))["overlap"]}
    assert set(found) == set(FIGURES)
    for figure in found.values():
        assert Image.open(io.BytesIO(written(figure, "png"))).width > 800
        drawn = written(figure, "svg")
        assert drawn.lstrip().startswith(b"<?xml")
        assert b"<script" not in drawn
    assert written(found["map"], "svg") == written(figures_of(shown)["map"], "svg")
    assert not [str(w.message) for w in recwarn if "Glyph" in str(w.message)]


def test_labels_of_the_drawn_map_do_not_cover_each_other() -> None:
    figure = draw_maps([name_map(3000, 60, label="a cluster with a rather long name")])
    renderer = figure.canvas.get_renderer()
    boxes = [label.get_window_extent(renderer) for label in figure.axes[0].texts]
    assert 3 < len(boxes) <= 40
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


@pytest.mark.long
@pytest.mark.parametrize(("n", "n_clusters"), [(3, 0), (60, 0), (60, 1)])
def test_maps_of_few_names_and_clusters_are_drawn(n: int, n_clusters: int) -> None:
    assert len(written(draw_maps([name_map(n, n_clusters)]), "png")) > 1000
    assert len(draw_maps([name_map(60), name_map(60, title="other")]).axes) == 2


def test_what_no_font_has_is_replaced() -> None:
    assert charts.drawable("Ó hOileáin", "cluster 3") == "Ó hOileáin"
    assert charts.drawable("a\U000e0041b", "cluster 3") == "cluster 3"
    assert charts.drawable("$x^2$", "") == r"\$x^2\$"


@pytest.mark.long
def test_no_title_and_no_label_is_cut() -> None:
    """Every title and axis label of every figure of a page lies within the figure."""
    found = report(400, shape=shape())
    named = tuple(
        dataclasses.replace(cluster, label="mostly Hispanic women's given names, -ita, 85 %",
                            stability=0.5)
        for cluster in found.clusters
    )  # fmt: skip
    drawn = figures_of(dataclasses.replace(found, clusters=named)) | figures_of(comparison(60))
    assert set(drawn) == set(FIGURES)
    for name, figure in drawn.items():
        figure.canvas.draw()
        width, height = figure.canvas.get_width_height()
        for axes in figure.axes:
            for text in (axes.xaxis.label, axes.yaxis.label, axes.title, axes._left_title):
                box = text.get_window_extent()
                if text.get_text():
                    assert 0 <= box.x0 < box.x1 <= width, (name, text.get_text())
                    assert 0 <= box.y0 < box.y1 <= height, (name, text.get_text())


def test_chances_are_summed_only_where_they_may_be_small_enough() -> None:
    rng = np.random.default_rng(0)
    base, size = rng.integers(1, 400, 500), rng.integers(5, 200, 500)
    count = np.minimum(np.minimum(base, size), base * size // 1000 + rng.integers(0, 9, 500))
    whole = hypergeom.sf(count - 1, 1000, base, size)
    found = chance_of_more(count, 1000, base, size, 0.01)
    np.testing.assert_array_equal(found[whole < 0.01], whole[whole < 0.01])
    assert (whole < 0.01).sum() > 20
    assert (found[whole >= 0.01] >= 0.01).all()
