"""The page of a card: hostile text stays text, nothing points outside, a browser draws it."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from namebasis.studies.card.page import (
    CardPage,
    Choice,
    Evidence,
    Measured,
    Parts,
    Scale,
    render,
)
from tests.studies.pages import HOSTILE
from tests.studies.topology.test_topology_browser import browser
from tests.studies.topology.test_topology_page import Collector

__all__ = ["browser"]


def content(bad: str) -> CardPage:
    return CardPage(
        name=bad,
        lead=bad,
        pieces=[bad, "ko"],
        finding=bad,
        tiles=[(bad, bad)],
        nearest=[(bad, 0.5)],
        facts=[(bad, bad)],
        decades=[("1950s", 10), ("1960s", 40)],
        beliefs=[(bad, bad, bad)],
        scales=[Scale(bad, bad, bad, 0.25, 0.05, 0.75, bad, [-1.2, float("nan")], 0.1)],
        choices=[Choice(bad, [(bad, 0.9, 1.0)], [bad])],
        readings=["expectation", bad],
        n_company=1000,
        atoms=[(bad, 0.4, None), (bad, 0.2, 0.55)],
        atoms_said=bad,
        measured=[Measured(bad, 0.8, (0.7, 0.9), 0.25, None, bad)],
        measured_said=bad,
        kinds=[(bad, 0.75)],
        evidence=[Evidence(bad, 1.5, 1.25, 0.9, bad)],
        identity_said=bad,
        parts=Parts(bad, [(bad, 0.9)], [(bad, 0.8)], [(bad, bad, bad)]),
        notes=[bad],
        footer=[(bad, bad)],
    )


@pytest.mark.parametrize("bad", HOSTILE)
def test_hostile_text_stays_text_and_nothing_points_outside(bad: str) -> None:
    parser, harmless = Collector(), Collector()
    html = render(content(bad))
    parser.feed(html)
    harmless.feed(render(content("plain")))
    assert [tag for tag, _ in parser.elements] == [tag for tag, _ in harmless.elements]
    for tag, attributes in parser.elements:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "action", "data", "poster"):
            assert name not in attributes, (tag, attributes)
    assert not re.search(r"@import|url\(", html)
    assert "connect-src" not in html


def test_places_and_undefined_values_are_drawn_as_they_are() -> None:
    html = render(content("x"))
    assert '<i style="left:25.0%"></i>' in html
    assert '<s style="left:20.0%;width:10.0%"></s>' in html
    assert '<b style="left:75.0%"></b>' in html
    assert '<td class="n">–</td>' in html
    assert 'style="height:15px"' in html


def test_empty_blocks_are_left_out() -> None:
    html = render(
        replace(
            content("x"), scales=(), choices=(), measured=(), beliefs=(), atoms=(), atoms_said="",
            identity_said="", parts=None, decades=(), nearest=(),
        )
    )  # fmt: skip
    for title in ("On the axes", "Identity", "Names that add up", "parts were known", 'decades">'):
        assert title not in html
    assert "Records and tokens" in html


def test_browser_paints_the_card_and_asks_no_host(browser: Any, tmp_path: Path) -> None:
    from PIL import Image

    file = tmp_path / "card.html"
    file.write_text(render(content(HOSTILE[0])), encoding="utf-8")
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
