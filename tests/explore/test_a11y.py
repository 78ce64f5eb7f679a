"""Who sees little, hears the page, has no pointer or no WebGL: every tab, light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from namebasis.space import Space
from tests.explore.conftest import Visit, expect, served

pytestmark = pytest.mark.long

TABS = ("names", "map&color=gender", "basis", "paint", "walk", "compare",
        "topology", "records")  # fmt: skip
FOCUS = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  return {
    id: one.id, text: (one.getAttribute("aria-label") || one.innerText || "").trim(),
    outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
    seen: box.width > 0 && box.height > 0 && box.left >= 0 && box.right <= innerWidth + 1,
  };
}"""


@pytest.fixture(scope="module")
def address(space: Space, other: Space) -> Iterator[str]:
    pytest.importorskip("starlette", reason="needs the extra explore")
    from namebasis.explore.warm import Warm

    warm = Warm([space.path, other.path])
    warm.places("my")
    with served(warm) as found:
        yield found


def serious(tab: Any, scheme: str) -> list[str]:
    """Serious and critical findings of axe-core, each with its first element."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe")
    tab.emulate_media(color_scheme=scheme)
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if scheme == "dark":  # only the colours are others
        options["runOnly"] = ["color-contrast"]
    found = axe.Axe().run(tab, options=options).response["violations"]
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['any'][:1]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def test_no_tab_has_a_serious_fault(browser: Any, address: str) -> None:
    visit = Visit(browser, address)
    tab = visit.open("?k=10")
    tab.get_by_role("button", name="Put all in the basket").click()
    found = {}
    for name in TABS:
        tab.emulate_media(color_scheme="light")
        tab = visit.open(f"?tab={name}&q=Vicki&card=Anna&k=10&where=n_tokens+%3C+9")
        tab.locator("#drawer h2").first.wait_for()
        found |= {f"{name}, {scheme}": serious(tab, scheme) for scheme in ("light", "dark")}
    tab.keyboard.press("?")
    found |= {f"keys, {scheme}": serious(tab, scheme) for scheme in ("light", "dark")}
    assert {name: faults for name, faults in found.items() if faults} == {}
    visit.close()


def test_all_can_be_done_without_a_pointer(browser: Any, address: str, space: Space) -> None:
    visit = Visit(browser, address)
    tab = visit.open("?k=10")
    for _ in range(30):  # skip link, header, filters …: each is seen, and seen to have the focus
        tab.keyboard.press("Tab")
        focus = tab.evaluate(FOCUS)
        assert focus["outline"], focus
        assert focus["seen"] or "hidden" in tab.evaluate("() => document.activeElement.className")
    tab.keyboard.press("/")
    assert tab.evaluate(FOCUS)["id"] == "q"
    tab.keyboard.type("Vicki")
    tab.keyboard.press("Enter")
    expect(tab.locator(".tools .headline")).to_have_text("nearest to Vicki")
    nearest = space.nearest("Vicki", 10).names
    tab.keyboard.press("Escape")
    for key in ("ArrowDown", "ArrowDown", "ArrowUp"):
        tab.keyboard.press(key)
    assert tab.evaluate(FOCUS)["text"] == nearest[0]
    tab.keyboard.press("Enter")
    expect(tab.locator("#drawer h2:focus")).to_have_text(nearest[0])
    tab.keyboard.press("Tab")
    assert tab.evaluate(FOCUS)["text"] == "Close the card"
    tab.keyboard.press("Escape")
    tab.locator("#drawer").wait_for(state="hidden")
    assert tab.evaluate(FOCUS)["text"] == nearest[0]
    # Keys behind the help wait until it is closed.
    tab.keyboard.press("?")
    tab.locator("#help[open]").wait_for()
    tab.keyboard.press("/")
    assert tab.evaluate("() => document.activeElement.closest('#help') !== null")
    tab.keyboard.press("Escape")
    tab.locator("#help").wait_for(state="hidden")
    # Tabs by arrows; one of them is in the order of Tab.
    tab.locator("#tab-names").focus()
    tab.keyboard.press("ArrowRight")
    tab.locator("#tab-map[aria-selected=true]:focus").wait_for()
    expect(tab.locator("#tabs [tabindex='0']")).to_have_count(1)
    visit.close()


def test_a_reader_of_the_screen_is_told_the_list_and_the_map(
    browser: Any, address: str, space: Space
) -> None:
    visit = Visit(browser, address)
    tab = visit.open("?q=Vicki&k=10")
    names = tab.get_by_role("list", name="Names").get_by_role("listitem")
    expect(names).to_have_count(10)
    nearest = space.nearest("Vicki", 1).names[0]
    expect(names.first.get_by_role("button").first).to_have_text(nearest)
    tab = visit.open("?tab=map&color=gender&where=part+%3D+%27given%27")
    given = len(space.ids("part = 'given'"))
    told = f"^{given} names pass the filter. Coloured by gender: F 10, M 10, U 5."
    expect(tab.locator("#map-told")).to_have_text(re.compile(told))
    expect(tab.get_by_role("img", name=f"Map of {len(space)} names")).to_have_count(1)
    visit.close()


def test_a_browser_without_webgl_gets_a_canvas(browser: Any, address: str) -> None:
    visit = Visit(browser, address)
    visit.tab.add_init_script("""
      const given = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
        return kind.startsWith("webgl") ? null : given.call(this, kind, ...rest);
      };""")
    tab = visit.open("?tab=map&color=gender")
    tab.locator("#flat", has_text="no WebGL 2").wait_for()
    tab.locator("#map").focus()
    for key in ("ArrowRight", "+", "0"):  # a frame of a moving map is drawn too
        tab.keyboard.press(key)
    tab.wait_for_function("""() => {
      const map = document.querySelector("#map");
      const data = map.getContext("2d").getImageData(0, 0, map.width, map.height).data;
      return data.filter((value, at) => at % 4 === 3 && value > 0).length > 50;
    }""")
    visit.close()


def test_spaces_and_encoders_that_fail_are_said(
    browser: Any, space: Space, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from namebasis.encoders import registry
    from namebasis.errors import EncoderError
    from namebasis.explore.warm import Warm

    def fails(*_: object, **__: object) -> None:
        raise EncoderError("the weights are gone.")

    monkeypatch.setattr(registry, "load_encoder", fails)
    with served(Warm([tmp_path / "gone.space", space.path])) as found:
        visit = Visit(browser, found)
        tab = visit.open()
        tab.locator("#lacks", has_text="gone cannot be served:").wait_for()
        tab.locator(
            "#lacks", has_text="The encoder cannot be loaded: the weights are gone."
        ).wait_for()
        expect(tab.locator("#space option:disabled")).to_have_text("gone · refused")
        expect(tab.locator("#image")).to_be_disabled()
        expect(tab.locator("#list .name")).to_have_count(len(space))
        visit.close()
