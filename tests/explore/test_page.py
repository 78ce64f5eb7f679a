"""The page in a real browser: every tab used as a person would, and nothing asked of others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from namebasis.space import Space
from tests.explore.conftest import HOSTILE, Visit, expect, served

if TYPE_CHECKING:
    from playwright.sync_api import Route


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    from namebasis.explore.warm import Warm

    warm = Warm([folder / "my.space"])
    warm.places("my")
    with served(warm) as found:
        yield found


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Visit]:
    found = Visit(browser, address)
    yield found
    found.close()


def test_a_name_is_asked_and_its_card_opened(visit: Visit, space: Space) -> None:
    tab = visit.open()
    tab.keyboard.press("/")
    tab.keyboard.type("Vicki")
    tab.keyboard.press("Enter")
    expect(tab.locator(".tools .headline")).to_have_text("nearest to Vicki")
    nearest = space.nearest("Vicki", 50).names
    assert visit.names() == list(nearest)
    tab.keyboard.press("Escape")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    expect(tab.locator("#drawer h2").first).to_have_text(nearest[0])
    tab.keyboard.press("b")
    expect(tab.locator("#basket li .link")).to_have_text([nearest[0]])
    again = tab.evaluate("() => location.search")
    assert "q=Vicki" in again
    tab.keyboard.press("Escape")
    tab.locator("#drawer").wait_for(state="hidden")
    visit.open(again)
    expect(tab.locator("#drawer h2").first).to_have_text(nearest[0])
    assert visit.names() == list(nearest)


@pytest.mark.long
def test_facets_filter_and_say_their_sql(visit: Visit, space: Space) -> None:
    tab = visit.open()
    tab.locator("#facets summary", has_text="gender").wait_for()
    tab.locator("#facets .values bdi", has_text=re.compile("^F$")).click()
    headline = tab.locator(".tools .headline")
    expect(headline).to_have_text("10 names")
    expect(tab.locator("#where")).to_have_value("gender IN ('F')")  # filled after the list
    assert visit.names() == space.table(["name"], where="gender = 'F'")["name"].to_pylist()
    tab.fill("#where", "part = 'given' AND gender = 'U'")
    tab.press("#where", "Enter")
    wanted = space.table(["name"], where="part = 'given' AND gender = 'U'")["name"].to_pylist()
    expect(headline).to_have_text(f"{len(wanted)} names")
    assert visit.names() == wanted
    tab.fill("#where", "n_tokens = 99")
    tab.press("#where", "Enter")
    tab.locator(".tools .note", has_text="No name passes n_tokens = 99; n_tokens goes").wait_for()
    tab.fill("#where", "part = 'given' AND gender = 'U'")
    tab.press("#where", "Enter")
    expect(headline).to_have_text(f"{len(wanted)} names")
    visit.is_refused = True
    tab.fill("#where", "gendr = 'F'")
    tab.press("#where", "Enter")
    tab.locator("#said.error", has_text="gendr").wait_for()
    expect(tab.locator("#where")).to_have_attribute("aria-invalid", "true")
    assert visit.names() == wanted  # the last answer stays
    assert len([one for one in visit.asked if "gendr" in one.partition("/api/")[2]]) == 1
    tab.get_by_role("button", name="Clear").click()
    expect(headline).to_have_text(f"{len(space)} names")
    expect(tab.locator("#where:not([aria-invalid])")).to_have_value("")


@pytest.mark.long
@pytest.mark.parametrize("is_typed", [True, False])
def test_a_filter_that_is_being_typed_outlives_the_counts_of_the_last(
    visit: Visit, space: Space, is_typed: bool
) -> None:
    tab = visit.open()
    tab.locator("#facets summary", has_text="gender").wait_for()
    held: list[Route] = []
    tab.route("**/facets*", lambda route: held.append(route))
    tab.locator("#facets .values bdi", has_text=re.compile("^F$")).click()
    expect(tab.locator("#where")).to_have_value("gender IN ('F')")  # before names are counted
    tab.locator("#where").select_text()
    if is_typed:
        tab.keyboard.insert_text("gender = 'U'")
    while not held:
        tab.wait_for_timeout(20)
    for route in held:
        route.continue_()
    tab.unroute("**/facets*")
    expect(tab.locator("#facets button", has_text="Copy")).to_be_enabled()  # drawn again
    if not is_typed:  # what was marked is marked still
        tab.keyboard.insert_text("gender = 'U'")
    expect(tab.locator("#where")).to_have_value("gender = 'U'")
    assert tab.evaluate("document.activeElement.id") == "where"
    tab.keyboard.press("Enter")
    n_names = len(space.ids("gender = 'U'"))
    expect(tab.locator(".tools .headline")).to_have_text(f"{n_names} names")


@pytest.mark.long
def test_an_address_of_nonsense_is_mended_and_told(visit: Visit, space: Space) -> None:
    tab = visit.open("?k=-7&n=x&as=verse&q=Vicki")
    said = tab.inner_text("#said")
    assert "k=-7, which must be a whole number from 1 to 1000; this is 50." in said
    assert "n=x" in said
    assert "as=verse, which must be name, text; this is the default." in said
    assert visit.names() == list(space.nearest("Vicki", 50).names)
    assert tab.evaluate("() => location.search") == "?space=my&q=Vicki"
    visit.is_refused = True
    tab = visit.open("?sort=nothing")
    tab.locator("#said.error", has_text="order of building").wait_for()
    expect(tab.locator("#sort")).to_have_value("")
    assert "sort" not in tab.evaluate("() => location.search")
    tab = visit.open("?tab=basis&q=Vicki&where=gendr+%3D+1")
    tab.locator("#panel .note", has_text="cannot be read").wait_for()
    assert tab.locator("#facets details").count() > 1
    tab.get_by_role("button", name="Clear").click()
    tab.locator(".atoms li").first.wait_for()


@pytest.mark.long
def test_the_map_is_lassoed_into_the_basket(visit: Visit, space: Space) -> None:
    tab = visit.open("?tab=map&color=gender")
    canvas = tab.locator("#map")
    canvas.wait_for()
    expect(tab.locator(".legend button")).to_have_text(["F", "M", "U"])
    box = canvas.bounding_box()
    corners = [(2, 2), (box["width"] - 2, 2), (box["width"] - 2, box["height"] - 2)]
    corners += [(2, box["height"] - 2), (2, 3)]
    tab.get_by_role("button", name="Lasso").click()
    tab.mouse.move(box["x"] + 2, box["y"] + 2)
    tab.mouse.down()
    for x, y in corners:
        tab.mouse.move(box["x"] + x, box["y"] + y, steps=4)
    tab.mouse.up()
    expect(tab.locator(".picked b")).to_have_text(f"{len(space)} names selected")
    tab.get_by_role("button", name="Put in the basket").click()
    expect(tab.locator("#basket h2")).to_have_text(f"Basket · {len(space)}")


@pytest.mark.long
def test_names_are_text_in_every_panel(visit: Visit) -> None:
    tab = visit.open("?where=part+%3D+%27given%27&k=200")
    assert HOSTILE[0] in visit.names()
    tab.get_by_role("button", name="Put all in the basket").click()
    for tabs in ("map", "basis", "walk"):
        visit.open(f"?tab={tabs}&q=Vicki")
    tab = visit.open("?tab=names")
    tab.locator("#list .name", has_text="<img").click()
    tab.locator("#drawer h2", has_text="<img").wait_for()
    assert tab.locator("#drawer img, #list img, #basket img").count() == 0
