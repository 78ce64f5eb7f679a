"""The page of a card: hostile text stays text, nothing points outside, a browser draws it."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from namebasis.analysis.readings.axes import READINGS
from namebasis.studies.attributes.beliefs import AxisBelief
from namebasis.studies.card.axes import Reading, Readings
from namebasis.studies.card.comparison import Belief
from namebasis.studies.card.page import html_of
from namebasis.studies.card.records import Births, Record
from namebasis.studies.card.results import Card, DeepCard, PartsOnly
from namebasis.studies.identity.results import NameIdentity
from namebasis.studies.identity.rigidity import NameRigidity, Place
from tests.studies.pages import HOSTILE
from tests.studies.topology.test_topology_page import Collector


class Point(NamedTuple):
    """Of an interval without a method."""

    value: float
    low: float | None
    high: float | None


class Held:
    """The measures of a spread, under names of a test's own."""

    n = 24

    def intervals(self) -> dict[str, Point]:
        return {"similarity": Point(0.8, 0.7, 0.9)}


def reading(axis: str, value: str, place: float, share: float | None = None) -> Reading:
    z = dict.fromkeys(READINGS, -1.25) | {"projection": float("nan")}
    return Reading(axis, value, share, place, place, 0.05, z, 0.1)


def belief(axis: str, value: str, p: float) -> AxisBelief:
    return AxisBelief(
        axis, "nominal", "projection", (value,), np.array([0]), np.array([0.92]), np.array([3.25]),
        np.array([p]),
    )  # fmt: skip


def content(bad: str) -> Card:
    births = Births(50, 1950, 1969, 1960, {1950: 10, 1960: 40}, 0.5, 30.0)
    place = Place(0.25, 1.0, None)
    rigid = NameRigidity(
        bad,
        Held(),
        bad,
        {"leakage": 0.5},
        bad,
        {"similarity": place, "leakage": place},  # type: ignore[arg-type]
    )
    identity = NameIdentity(
        bad, (bad,), own_score=1.5, own_percentile=0.5, kind="flexible",
        probabilities={bad: 0.25, "flexible": 0.75}, evidence={"own_score": 0.9},
        intervals={bad: (0.1, 0.45), "flexible": (0.55, 0.9)},
    )  # fmt: skip
    basis = SimpleNamespace(
        names=(bad, "Ann"), weights=np.array([0.4, 0.2]), stability=None, similarity=0.5,
        verdict=bad,
    )  # fmt: skip
    readings = Readings(
        own=(reading(bad, bad, 0.25), reading("hair", bad, 0.9, 0.9)),
        parts=(reading(bad, bad, 0.75), reading("hair", bad, 0.8, 0.8)),
        ordinal={bad: (bad, "last")},
        n_company=1000,
        beliefs=(belief(bad, bad, 0.01), belief("hair", bad, 0.5)),
        n_made_up=500,
    )
    study = SimpleNamespace(thresholds={"own_score": 1.25}, origin=SimpleNamespace(description=bad))
    near = ((bad, 0.5),)
    deep = DeepCard(
        readings, (Belief(bad, bad, bad, "agrees", "100 % women"),), basis, rigid, identity, study,  # type: ignore[arg-type]
        PartsOnly(0.9, near, near, np.ones(3, np.float32)), (bad,),
    )  # fmt: skip
    return Card(
        name=bad,
        records=(Record({"part": bad, bad: [bad, bad]}, births),),
        tokens={"pieces": [bad, "ko"], "n_tokens": 2},
        written_alike=(bad,),
        nearest=near,
        metrics={bad: 0.12345},
        deep=deep,
        source={bad: bad, "names": 1234},
    )


def without(card: Card, **changes: Any) -> Card:
    assert card.deep is not None
    return replace(card, deep=replace(card.deep, **changes))


@pytest.mark.parametrize("bad", HOSTILE)
def test_hostile_text_stays_text_and_nothing_points_outside(bad: str) -> None:
    parser, harmless = Collector(), Collector()
    html = html_of(content(bad))
    parser.feed(html)
    harmless.feed(html_of(content("plain")))
    assert [tag for tag, _ in parser.elements] == [tag for tag, _ in harmless.elements]
    for tag, attributes in parser.elements:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "action", "data", "poster"):
            assert name not in attributes, (tag, attributes)
    assert not re.search(r"@import|url\(", html)
    assert "connect-src" not in html


def test_places_and_undefined_values_are_drawn_as_they_are() -> None:
    html = html_of(content("x"))
    assert '<i style="left:25.0%"></i>' in html
    assert '<s style="left:20.0%;width:10.0%"></s>' in html
    assert '<b style="left:75.0%"></b>' in html
    assert '<td class="n">–</td>' in html
    assert 'style="height:15px"' in html


def test_every_value_is_on_the_page() -> None:
    html = html_of(content("x"))
    for words in (
        '<td>x</td><td data-label="reads as">x</td><td data-label="where">above 92 % of names</td>',
        '<tr class="soft"><td>hair</td><td data-label="reads as">no belief beyond chance</td>'
        '<td data-label="where" class="none">–</td>',
        "Beyond the range of 500 made-up names at 5 %, corrected for 2 axes",
        "x name; read as", '<span class="piece">ko</span>', "Cosine 0.500, centred. x",
        "0.700 to 0.900", '<td class="n">-1.2</td>', "<dd>0.123</dd>", "<dd>1,234</dd>",
        "how far it lies towards a context that nobody named: “x”", "cosine 0.900 to the name",
        "it is more than its parts", "Thresholds: x.",
        "is flexible (75 %, 95 % interval 55 to 90 %): it is more than its parts",
        "24 contexts; made-up and rare names of x.", "among 1,000 names of the space",
    ):  # fmt: skip
        assert words in html, words
    for note in ("<li>x</li>", ">written alike</span></dt><dd>x</dd>"):
        assert note in html


def test_empty_blocks_are_left_out() -> None:
    card = content("x")
    assert card.deep is not None
    bare = without(
        card, readings=replace(card.deep.readings, own=(), parts=None), beliefs=(), basis=None,
        parts_only=None,
    )  # fmt: skip
    known = Record({"part": "given"}, None)
    html = html_of(replace(bare, records=(known,), nearest=()))
    absent = ("What it reads as", "Names that add up", "parts were known",
              'decades">', "Nearest names", "Believed and recorded")  # fmt: skip
    for title in absent:
        assert title not in html
        assert title in html_of(card)
    plain = html_of(replace(card, deep=None))
    assert "Identity" not in plain
    assert "hold its own" not in plain
    assert "Records and tokens" in plain
    assert "Left out: axes, beliefs" in plain


def test_tables_and_notes_say_what_the_page_does() -> None:
    card = content("x")
    tables = {table.key: table for table in card.tables()}
    assert list(tables) == ["axes", "beliefs", "nearest", "facts", "readings", "values", "basis",
                            "rigidity", "identity", "evidence", "parts", "parts_read"]  # fmt: skip
    assert tables["axes"].rows == [
        ("x", "x", "above 92 % of names", "+3.2", "0.01"),
        ("hair", "no belief beyond chance", None, "+3.2", "0.50"),
    ]
    assert list(tables["axes"].muted) == [1]
    assert list(tables["values"].muted) == [0]
    assert tables["rigidity"].rows[0] == (
        "alike across contexts", 0.8, "0.700 to 0.900", "above 25 %", None,
    )  # fmt: skip
    assert tables["identity"].rows[1] == ("flexible", 0.75, "55 to 90 %")
    assert tables["evidence"].rows == [
        ("more than its parts", 1.5, 1.25, "90 %", "it is more than its parts")
    ]
    assert tables["parts_read"].rows == [("x", "x, above 10 %", "x, above 10 %")]
    said = ["Cosine 0.500, centred. x", "by itself it leans most to: x", "thresholds: x", "x"]
    assert card.footnotes() == said
    assert card.notes()[0].startswith("Reads as: beyond the range of 500 made-up names at 5 %")
    assert card.headline() == (
        "x reads as x (above 92 % of names); records agree: 100 % women. x is flexible (75 %, "
        "95 % interval 55 to 90 %): it is more than its parts, and leans to no context."
    )
    row = card.to_arrow().to_pylist()[0]
    assert (row["name"], row["hair_x"], row["x_percentile"]) == ("x", 0.9, 0.1)
    assert row["rigidity_leakage"] == 0.5
    assert row["identity_own_score"] == 1.5
    stored = replace(card, deep=None)
    assert [table.key for table in stored.tables()] == ["facts", "nearest"]
    assert stored.notes()[0].startswith("left out: axes, beliefs")
    assert (
        stored.headline()
        == "x: 50 % women of 50 US births, most in the 1960s; nearest to x (0.50)."
    )


@pytest.mark.long
def test_browser_paints_the_card_and_asks_no_host(browser: Any, tmp_path: Path) -> None:
    from PIL import Image

    file = tmp_path / "card.html"
    file.write_text(html_of(content(HOSTILE[0])), encoding="utf-8")
    tab = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    asked: list[str] = []
    errors: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    tab.goto(file.as_uri())
    assert tab.inner_text("h1") == HOSTILE[0]
    picture = Image.open(io.BytesIO(tab.screenshot(full_page=True))).convert("RGB")
    width = tab.evaluate("document.documentElement.scrollWidth")
    tab.close()
    assert asked == [file.as_uri()]
    assert errors == []
    assert width <= 1280  # nothing sticks out sideways
    pixels = np.asarray(picture).astype(int)
    fill, warm = [0x5B, 0x86, 0xD6], [0xC2, 0x41, 0x0C]
    assert (np.abs(pixels - fill).max(axis=2) < 12).sum() > 300
    assert (np.abs(pixels - warm).max(axis=2) < 40).sum() > 20


def test_names_link_to_their_place_on_a_map_that_is_known() -> None:
    card = replace(content("x"), name="Ó & <b>", nearest=(("Zoë's", 0.5),))
    html = html_of(card, map_page="our maps/topology.html")
    place = "our%20maps/topology.html#name="
    assert f'<a href="{place}%C3%93%20%26%20%3Cb%3E">Show it on the map</a>' in html
    assert f'<a href="{place}Zo%C3%AB%27s"><bdi>Zoë&#39;s</bdi></a>' in html
    assert "<a href" not in html_of(card)
    for bad in ("https://evil.example/x.html", "/etc/passwd", "javascript:alert(1)"):
        with pytest.raises(ValueError, match="map_page must be a path relative to the card's"):
            html_of(card, map_page=bad)


def test_one_piece_is_one() -> None:
    html = html_of(replace(content("x"), tokens={"n_tokens": 1}))
    assert re.search(r'<b>1</b><span><span class="term"[^>]*>piece</span></span>', html)
    assert re.search(
        r'<b>2</b><span><span class="term"[^>]*>pieces</span></span>', html_of(content("x"))
    )
