from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from namebasis.report.name_map import page_data, spread_equal
from namebasis.report.packed import dictionary, packed
from namebasis.report.page import embedded_json
from namebasis.report.palette import (
    GREY_ON_DARK,
    ON_DARK,
    PALETTE,
    SIGHTS,
    channels,
    cluster_colors,
    differences,
    inks,
    oklab,
    sequential,
)
from namebasis.studies.topology.pages.page import html_of
from tests.studies.pages import HOSTILE, name_map, report, shape


class Collector(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def html() -> str:
    return html_of(report(shape=shape(300)))


@pytest.mark.long
def test_hostile_text_stays_text(html: str) -> None:
    parser, harmless = Collector(), Collector()
    parser.feed(html)
    harmless.feed(html_of(report(names=("a", "b", "c", "d", "e", "f", "g"), shape=shape(300))))
    assert [tag for tag, _ in parser.elements] == [tag for tag, _ in harmless.elements]
    assert not [a for _, attrs in parser.elements for a in attrs if a.startswith("on")]
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    data = re.search(r'id="data">(.*?)</script>', html, re.S)
    assert data is not None
    assert tuple(json.loads(data[1])["names"][: len(HOSTILE)]) == HOSTILE


def test_nothing_points_outside(html: str) -> None:
    parser = Collector()
    parser.feed(html)
    for tag, attributes in parser.elements:
        for name in ("src", "href", "action", "data", "poster"):
            assert not (attributes.get(name) or "").startswith(("http", "//")), (tag, attributes)
    assert not re.search(r"@import|url\(\s*['\"]?(https?:)?//", html)
    policy = next(a["content"] for t, a in parser.elements if a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "connect-src" not in policy
    assert "http" not in policy


def test_links_of_the_page_lead_somewhere(html: str) -> None:
    parser = Collector()
    parser.feed(html)
    places = {a.get("id") for _, a in parser.elements}
    links = [a["href"] for tag, a in parser.elements if tag == "a"]
    assert len(links) > 8
    assert {link[1:] for link in links if link} <= places


def test_undefined_agreement_is_said(html: str) -> None:
    assert re.search(r"<b>gender</b>.*?undefined.*?–", html, re.S)
    assert 'title="0.700, by chance 0.100"' in html
    assert "40.0 %" in html


def test_stability_is_drawn_where_it_was_measured(html: str) -> None:
    assert 'title="0.800 (0.700 to 0.900), by chance 0.200"' in html
    assert html.count('<s style="left:70.0%;width:20.0%">') == 1
    assert "Stability is how much" in html
    bare = report(n_clusters=0)
    assert "Stability is how much" not in html_of(bare)


def test_size_for_sixty_thousand_names_is_bounded() -> None:
    small, large = (len(html_of(report(n)).encode()) for n in (1_000, 3_000))
    per_name = (large - small) / 2_000
    assert small + 59_000 * per_name < 15e6


def test_a_page_without_clusters_is_drawn() -> None:
    assert "<p>There are none.</p>" in html_of(report(30, n_clusters=0))


def test_equal_places_are_spread_without_meeting() -> None:
    places = np.array([[0, 0]] * 50 + [[10, 10], [5, 5]], np.float32)
    spread = spread_equal(places)
    np.testing.assert_array_equal(spread[0], [0, 0])
    np.testing.assert_array_equal(spread[50:], places[50:])
    assert len(np.unique(spread, axis=0)) == 52
    assert np.abs(spread[:50]).max() < 0.1


def test_data_of_a_page_cannot_end_its_element() -> None:
    embedded = embedded_json("i", list(HOSTILE))
    assert "<script>alert" not in embedded
    assert json.loads(embedded.split(">", 1)[1].removesuffix("</script>")) == list(HOSTILE)


def test_colours_differ_for_every_kind_of_sight() -> None:
    apart = differences(PALETTE)
    np.fill_diagonal(apart, np.inf)
    # Okabe and Ito's six, by the same measure, come to 0.076.
    assert apart.min() > 0.15
    assert len(PALETTE) <= 8
    okabe_ito = ("#0072b2", "#d55e00", "#009e73", "#56b4e9", "#e69f00", "#cc79a7")
    peer = differences(okabe_ito)
    np.fill_diagonal(peer, np.inf)
    assert peer.min() == pytest.approx(0.076, abs=0.001)
    # A published value: sRGB red is OKLab (0.628, 0.225, 0.126).
    np.testing.assert_allclose(oklab(np.array([[1.0, 0, 0]]))[0], [0.628, 0.225, 0.126], atol=1e-3)


def test_colours_of_dark_pages_stand_out_and_still_differ() -> None:
    night = luminance("#181c24")
    assert set(ON_DARK) == set(PALETTE)
    for color in ON_DARK.values():
        assert (luminance(color) + 0.05) / (night + 0.05) > 4.2
    for n in (1, 3, 12):
        for color in sequential(n, on_dark=True):
            assert (luminance(color) + 0.05) / (night + 0.05) > 3
    apart = differences([*ON_DARK.values(), GREY_ON_DARK])
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > 0.11  # Okabe and Ito's six come to 0.076


def luminance(value: str) -> float:
    return float(channels(value) @ [0.2126, 0.7152, 0.0722])


def test_ordered_colours_grow_lighter_for_every_kind_of_sight() -> None:
    linear = np.array([channels(color) for color in sequential(10)])
    for sight in SIGHTS.values():
        lightness = oklab(np.clip(linear @ sight.T, 0, 1))[:, 0]
        assert (np.diff(lightness) > 0.02).all()


def test_clusters_that_lie_together_differ() -> None:
    rng = np.random.default_rng(1)
    centres = rng.uniform(0, 10, (200, 2)).astype(np.float32)
    colors = cluster_colors(centres)
    assert set(colors) == set(PALETTE)
    apart = np.sqrt(((centres[:, None] - centres[None]) ** 2).sum(axis=2))
    np.fill_diagonal(apart, np.inf)
    same = sum(colors[i] == colors[j] for i, j in enumerate(apart.argmin(axis=1)))
    assert same == 0  # by chance, 20
    assert cluster_colors(np.zeros((0, 2), np.float32)) == []
    assert len(cluster_colors(np.zeros((3, 2), np.float32))) == 3


@pytest.mark.parametrize("color", PALETTE)
def test_labels_stand_out_from_their_ground(color: str) -> None:
    paper, night = luminance("#ffffff"), luminance("#181c24")
    on_light, on_dark = inks(color)
    assert (paper + 0.05) / (luminance(on_light) + 0.05) > 4.5
    assert (luminance(on_dark) + 0.05) / (night + 0.05) > 4.5


def test_arrays_are_packed_as_they_are_read() -> None:
    values = np.array([0, 1, 65_535])
    read = np.frombuffer(base64.b64decode(packed(values, "u2")), "<u2")
    np.testing.assert_array_equal(read, values)
    with pytest.raises(ValueError, match=r"must lie in \[0, 255\] to be packed as uint8; got"):
        packed(np.array([0, 256]), "u1")
    with pytest.raises(ValueError, match="packed as uint32"):
        packed(np.array([-1]), "u4")
    found = dictionary(["b", "a", "b"])
    assert found["values"] == ["b", "a"]
    assert found["kind"] == "u1"
    assert list(base64.b64decode(str(found["codes"]))) == [0, 1, 0]
    many = dictionary([str(i) for i in range(300)])
    assert many["kind"] == "u2"
    read = np.frombuffer(base64.b64decode(str(many["codes"])), "<u2")
    np.testing.assert_array_equal(read, np.arange(300))


def test_a_map_knows_its_colours() -> None:
    assert len(name_map(40, 7).colors()) == 7
    assert name_map(10, 0).colors() == []


def test_numbers_are_coloured_in_the_order_of_their_values() -> None:
    values = ["1,200 to 9,000", "", "-3 to 12", "12 to 1,200", "12 to 1,200"]
    order = ("-3 to 12", "12 to 1,200", "1,200 to 9,000", "over 9,000")
    words = ["F", "M", "", "1880s", "F"]
    data: Any = page_data(
        ["a"] * 5, [""] * 5, [], {"births": values, "gender": words}, {"births": order}
    )
    births, gender = data["properties"]
    assert [births["values"][code] for code in births["order"]] == list(order[:3])
    assert "order" not in gender
