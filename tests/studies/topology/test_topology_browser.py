"""The page in a real browser: drawn, searched, walked by keyboard, and silent on the network."""

from __future__ import annotations

import io
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from namebasis.studies.topology.pages.page import html_of, html_of_comparison
from tests.studies.pages import DIFFICULT, HOSTILE, beside, comparison, name_map, report

pytestmark = pytest.mark.long


class Opened:
    """A page opened from disk, with what it asked of the network and what went wrong."""

    def __init__(self, browser: Any, file: Path, html: str, **options: Any) -> None:
        file.write_text(html, encoding="utf-8")
        self.tab = browser.new_page(reduced_motion="reduce", **options)
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on(
            "console", lambda said: self.errors.append(said.text) if said.type == "error" else None
        )
        self.url = file.as_uri()

    def open(self, fragment: str = "") -> Any:
        self.tab.goto(self.url + fragment)
        self.tab.wait_for_selector("body[data-ready=yes]", timeout=30_000)
        self.tab.wait_for_timeout(150)  # two frames of drawing
        return self.tab

    def picture(self, selector: str = "[data-map='0']") -> np.ndarray:
        from PIL import Image

        shot = self.tab.locator(selector).screenshot()
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def opened(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    found = Opened(
        browser, tmp_path_factory.mktemp("page") / "page.html", html_of(report(2000)),
        viewport={"width": 1280, "height": 900},
    )  # fmt: skip
    found.open()
    return found


def close_to(picture: np.ndarray, color: str) -> int:
    wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(picture - wanted).max(axis=2) < 40).sum())


def test_the_map_is_drawn_in_the_colours_of_its_clusters(opened: Opened) -> None:
    picture = opened.picture()
    for color in name_map(2000).colors():
        assert close_to(picture, color) > 200, color
    assert opened.tab.locator(".labels .cluster").count() == 3


def test_a_typed_name_is_found_and_links_to_the_table(opened: Opened) -> None:
    tab = opened.tab
    tab.keyboard.press("/")
    tab.keyboard.type("VICK")
    assert tab.locator("#hits li").all_inner_texts()[0].startswith("Vicki")
    tab.keyboard.press("Enter")
    assert tab.locator("#panel h3").inner_text() == "Vicki"
    assert "nearest names" in tab.locator("#panel").inner_text().lower()
    # Neighbours are the hostile names: shown as text.
    assert "<script>alert(1)</script>" in tab.locator("#panel").inner_text()
    assert tab.locator(".labels .focus").first.inner_text() == "Vicki"
    assert tab.evaluate("location.hash") == "#name=Vicki"
    # The command of its card is one that a shell reads as it was meant, whatever the space's name.
    command = tab.locator("#panel .command code").inner_text()
    assert shlex.split(command) == ["namebasis", "card", HOSTILE[0], "Vicki"]
    tab.get_by_text("Show it in the table").click()
    row = tab.locator("tr[data-cluster].on")
    assert row.count() == 1
    assert row.get_attribute("id") == tab.evaluate("location.hash")[1:]


def test_arrows_walk_the_hits(opened: Opened) -> None:
    tab = opened.tab
    tab.locator("#query").fill("Name 1")
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "ArrowDown"):
        tab.keyboard.press(key)
    chosen = tab.locator("#hits li[aria-selected=true] b").inner_text()
    assert chosen == tab.locator("#hits li b").nth(1).inner_text()
    tab.locator("#query").press("Enter")
    assert tab.locator("#panel h3").inner_text() == chosen
    tab.locator("#query").fill("nobody is called so")
    assert "No name contains" in tab.locator("#panel").inner_text()
    tab.locator("#query").press("Escape")
    assert tab.locator("#query").input_value() == ""


def test_more_labels_come_as_one_zooms_in(opened: Opened) -> None:
    tab = opened.tab
    tab.locator("#map [data-do=all]").click()
    tab.wait_for_timeout(100)
    assert tab.locator(".labels .name, .labels .exemplar").count() == 0
    tab.locator("#cluster-1 td.n").first.click()
    tab.locator("[data-map='0']").focus()
    for _ in range(3):
        tab.keyboard.press("+")
    tab.wait_for_timeout(100)
    assert tab.locator(".labels .name, .labels .exemplar").count() > 5
    boxes = tab.evaluate(
        "[...document.querySelectorAll('.labels bdi')].map(n => n.getBoundingClientRect())"
        ".map(r => [r.left + 3, r.right - 3, r.top + 1, r.bottom - 1])"
    )
    for i, (left, right, top, bottom) in enumerate(boxes):
        for other in boxes[:i]:
            apart = left >= other[1] or right <= other[0] or top >= other[3] or bottom <= other[2]
            assert apart, (boxes[i], other)
    tab.keyboard.press("0")


def test_tables_link_to_the_map_and_sort(opened: Opened) -> None:
    tab = opened.tab
    tab.locator("#cluster-1 td.names a").first.click()
    assert tab.locator("#panel h3").inner_text() == "<script>alert(1)</script>"
    tab.locator("#cluster-2 td.n").first.click()
    assert tab.locator("#panel h3").inner_text().endswith(" 2")
    tab.locator("#clusters-table th button").first.click()
    order = tab.locator("#clusters-table tbody tr").evaluate_all("rows => rows.map(r => r.id)")
    assert order == ["cluster-0", "cluster-1", "cluster-2"]
    tab.locator("#clusters-table th button").first.click()
    order = tab.locator("#clusters-table tbody tr").evaluate_all("rows => rows.map(r => r.id)")
    assert order == ["cluster-2", "cluster-1", "cluster-0"]
    tab.locator("#filter").fill("script> 1")
    assert tab.locator("#clusters-table tbody tr:visible").count() == 1
    tab.locator("#filter").fill("")


def test_a_click_on_a_dot_shows_its_name(opened: Opened) -> None:
    tab = opened.tab
    tab.locator("#map [data-do=all]").click()
    frame = tab.locator("[data-map='0']")
    box = frame.bounding_box()
    assert box is not None
    for i in range(40):  # the first dot under a walk across the map
        x, y = box["width"] * (0.15 + 0.015 * i), box["height"] * 0.5
        tab.mouse.click(box["x"] + x, box["y"] + y)
        if tab.locator("#panel h3").count():
            break
    assert tab.locator("#panel h3").count() == 1


def test_dots_can_be_coloured_by_a_property(opened: Opened) -> None:
    tab = opened.tab
    tab.locator("#map [data-do=all]").click()
    label = tab.locator(".labels .cluster").first
    assert label.evaluate("node => node.style.color")
    tab.locator("#coloured").select_option(index=1)
    assert "the most frequent" in tab.locator("#panel").inner_text().lower()
    tab.wait_for_timeout(100)
    assert not label.evaluate("node => node.style.color")  # no value of the legend
    tab.locator("#coloured").select_option(index=0)


def test_names_are_framed_and_copied(opened: Opened) -> None:
    tab = opened.tab
    tab.locator("#map [data-do=all]").click()
    tab.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    box = tab.locator("[data-map='0']").bounding_box()
    assert box is not None
    start = "Bokeh.documents[0].get_model_by_name('map0').x_range.start"
    before = tab.evaluate(start)
    tab.keyboard.down("Shift")
    tab.mouse.move(box["x"] + 5, box["y"] + 60)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] - 5, steps=3)
    tab.mouse.up()
    tab.keyboard.up("Shift")
    assert tab.evaluate(start) == before  # the map has not moved
    assert int(tab.locator("#panel h3").inner_text().split()[0].replace(",", "")) > 1000
    tab.get_by_role("button", name="Copy as --where").click()
    copied = tab.evaluate("window.copied")
    assert copied.startswith("name IN ('<script>alert(1)</script>', ")
    assert "''\"><img" in copied  # a quote of a name is written twice
    tab.get_by_role("button", name="Copy names").click()
    names = tab.evaluate("window.copied").split("\n")
    assert len(names) == len(set(names)) > 1000
    tab.get_by_role("button", name="Clear").click()
    assert tab.locator("#panel h3").count() == 0


def test_nothing_was_asked_of_the_network_and_nothing_went_wrong(opened: Opened) -> None:
    assert opened.requests == [opened.url]
    assert opened.errors == []


def test_a_name_in_the_address_is_shown(opened: Opened) -> None:
    tab = opened.open("#name=vicki")
    tab.reload()
    tab.wait_for_selector("body[data-ready=yes]")
    assert tab.locator("#panel h3").inner_text() == "Vicki"


def test_two_maps_are_linked_and_can_be_chosen(browser: Any, tmp_path: Path) -> None:
    page = html_of_comparison(comparison(300, titles=("text view", "other view")))
    found = Opened(browser, tmp_path / "page.html", page, viewport={"width": 1400, "height": 900})
    tab = found.open("#name=vicki")
    assert tab.locator(".map:visible").count() == 2
    assert tab.locator(".labels .focus", has_text="Vicki").count() == 2
    assert "cluster · other view" in tab.locator("#panel").inner_text().lower()
    second = np.unique(found.picture("[data-map='1']").reshape(-1, 3), axis=0)
    assert len(second) > 10
    tab.get_by_role("button", name="other view", exact=True).click()
    assert tab.locator(".map:visible").count() == 1
    assert tab.locator("[data-map='1']").is_visible()
    tab.get_by_role("button", name="side by side").click()
    tab.locator("#coloured").select_option(label="clusters of other view")
    tab.wait_for_timeout(150)
    assert np.unique(found.picture("[data-map='0']").reshape(-1, 3), axis=0).shape[0] > 10
    assert found.errors == []
    tab.close()


@pytest.mark.parametrize(
    ("case", "page"),
    [
        ("three names", report(3, ("a", "b"), n_clusters=0)),
        ("all noise", report(60, DIFFICULT, n_clusters=0)),
        ("one cluster", report(60, DIFFICULT, n_clusters=1)),
        ("many clusters", report(3000, DIFFICULT, n_clusters=1000)),
        ("two maps", report(200, DIFFICULT, beside=beside(200, 5))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_odd_pages_open_on_a_small_dark_screen(
    case: str, page: Any, browser: Any, tmp_path: Path
) -> None:
    found = Opened(
        browser, tmp_path / "page.html", html_of(page),
        viewport={"width": 420, "height": 800}, color_scheme="dark",
    )  # fmt: skip
    tab = found.open("#name=vicki")
    assert tab.locator("#panel h3").inner_text() == "Vicki"
    # Dots are drawn, on a dark ground, and the page is no wider than its screen.
    picture = found.picture()
    assert picture.mean() < 90
    assert np.unique(picture.reshape(-1, 3), axis=0).shape[0] > 10
    assert tab.evaluate("document.documentElement.scrollWidth") <= 420
    assert found.requests == [found.url]
    assert found.errors == []
    tab.close()
