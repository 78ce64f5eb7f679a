"""Every tab of a study in a real browser, used as a person would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from namebasis.space import Space
from tests.explore.conftest import Visit, expect, served

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def address(space: Space, other: Space) -> Iterator[str]:
    from namebasis.explore.warm import Warm

    warm = Warm([space.path, other.path])
    for name in warm.names:
        warm.places(name)
    with served(warm) as found:
        yield found


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Visit]:
    found = Visit(browser, address)
    yield found
    found.close()


@pytest.mark.parametrize("tab", ["names", "walk", "records"])
def test_the_chosen_tab_is_in_view_beside_a_card(visit: Visit, tab: str) -> None:
    page = visit.open(f"?tab={tab}&q=Vicki&card=Vicki")  # leaves no room for all of them
    expect(page.locator(f"#tab-{tab}")).to_be_in_viewport(ratio=0.98)  # all but part of a pixel


def test_basis_by_sliders(visit: Visit, space: Space) -> None:
    from namebasis.studies.basis.weighing import weigh

    tab = visit.open("?tab=basis&q=Vicki&n=3")
    fit = space.basis("Vicki", 3, n_null=0, n_resamples=0)
    atoms, cosine = tab.locator(".atoms .link"), tab.locator("#cosine")
    expect(atoms).to_have_text(list(fit.names))
    expect(cosine).to_have_text(f"{fit.similarity:.3f}")
    weights = [float(one.input_value()) for one in tab.locator(".atoms input").all()]
    tab.locator(".atoms input").first.press("Home")  # to nothing
    wanted = weigh(space, "Vicki", fit.ids).similarity([0, *weights[1:]])
    expect(cosine).to_have_text(f"{wanted:.3f}")
    visit.again()
    expect(atoms).to_have_text(list(fit.names))
    assert abs(float(cosine.inner_text()) - wanted) <= 0.002  # weights of three digits
    tab.get_by_role("button", name="Best weights").click()
    expect(cosine).to_have_text(f"{fit.similarity:.3f}")
    visit.again()  # the panel is drawn again, and a click may fall between
    expect(atoms).to_have_text(list(fit.names))
    tab.get_by_role("button", name=f"Refit without {fit.names[0]}").click()
    without = space.basis("Vicki", 3, deny=[fit.names[0]], n_null=0, n_resamples=0)
    expect(atoms).to_have_text(list(without.names))
    visit.again()
    tab.locator(".chip", has_text=fit.names[0]).click()
    expect(atoms).to_have_text(list(fit.names))
    tab.locator("#chance", has_text="20 draws").wait_for()


def test_walk_by_slider(visit: Visit, space: Space) -> None:
    tab = visit.open("?tab=walk")
    tab.select_option("#along", "age")
    tab.locator(".headline", has_text="age: baby to very old").wait_for()
    walk = space.walk("age", n_steps=21, names_per_step=8)
    for _ in range(3):
        tab.press("#walk", "ArrowRight")
    expect(tab.locator("#place")).to_have_text(f"{walk.steps[13].position:+.1f}")
    expect(tab.locator(".here .link")).to_have_text(list(walk.steps[13].names))
    expect(tab.locator(".way li")).to_have_count(21)
    ends = tab.locator(".way li .quiet").all_inner_texts()
    assert [ends[0], ends[10], ends[20]] == ["−3.0", "0.0", "+3.0"]
    assert tab.locator(".note", has_text="span").count() == 0  # which the page cannot choose
    visit.again()
    expect(tab.locator("#place")).to_have_text(f"{walk.steps[13].position:+.1f}")
    tab.select_option("#along", "…")
    expect(tab.locator("#place")).to_have_text("0.0")
    assert "to=an+old+lady" in tab.evaluate("() => location.search")


def test_paint_is_watched_and_copied(visit: Visit, browser: Any) -> None:
    tab = visit.open("?tab=paint&q=a+senior+lady&n=2&where=gender+%3D+%27F%27")
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.locator("label", has_text="negative prompt too").click()
    tab.fill("#paint-template", "{names}, {mood}")
    tab.press("#paint-template", "Tab")
    tab.fill("#paint-slots", "mood: happy | sad")
    tab.press("#paint-slots", "Tab")
    tab.get_by_role("button", name="Paint", exact=True).click()
    tab.locator(".sides").wait_for()
    prompts = tab.locator(".prompt").all_inner_texts()
    assert len(prompts) == 2
    assert prompts[0] != prompts[1]
    assert prompts[0].split(", ")[-1] in ("happy", "sad")
    alternatives = tab.locator(".alternatives li").all_inner_texts()
    assert len(alternatives) == 9
    assert re.match(r"cosine -?0\.\d{3} \w", alternatives[0]), alternatives[0]
    assert tab.locator(".note", has_text=re.compile("^cosine")).count() == 0
    tab.locator(".side").first.get_by_role("button", name="A1111").click()
    copied = "(part) => navigator.clipboard.readText().then((text) => text.includes(part))"
    tab.wait_for_function(copied, arg=":")
    expect(tab.locator("#said")).to_have_text("copied")
    tab.get_by_role("button", name="Copy both for A1111").click()
    tab.wait_for_function(copied, arg="\nNegative prompt: ")


def test_two_spaces_side_by_side(visit: Visit, space: Space, other: Space) -> None:
    from namebasis.studies.topology.overlap import overlap

    tab = visit.open("?tab=compare&where=part+%3D+%27given%27&neighbours=4")
    tab.locator(".compare select").first.select_option(label="other, text view")
    found = overlap(space, other, k=4, n_shown=200, where="part = 'given'")
    shown = tab.locator("#compared tbody td:first-child .link")
    expect(shown).to_have_text([one.name for one in found.lowest])
    tab.locator(".compare select").nth(1).select_option("agree")
    visit.again()
    expect(shown).to_have_text([one.name for one in found.highest])
    tab.get_by_role("button", name="Put these in the basket").click()
    expect(tab.locator("#basket h2")).to_have_text(f"Basket · {len(found.highest)}")


def test_topology_in_place(visit: Visit, space: Space) -> None:
    tab = visit.open("?tab=topology")
    tab.get_by_role("button", name="Make the report").click()
    frame = tab.frame_locator("iframe.report")
    frame.locator("h1", has_text="How names are arranged").wait_for()
    assert frame.locator("body").evaluate("() => origin") == "null"
    visit.again()  # kept: nothing is made
    tab.frame_locator("iframe.report").locator("h1").wait_for()
    expect(tab.locator(".note", has_text="kept with the space")).to_have_count(1)


def test_a_list_is_chosen_and_shown(visit: Visit, space: Space) -> None:
    tab = visit.open("?tab=select&where=part+%3D+%27given%27")
    tab.fill("#select-many", "6")
    tab.press("#select-many", "Tab")
    tab.fill("#select-keep", "Vicki")
    tab.press("#select-keep", "Tab")
    tab.click("#choose")
    found = space.select(6, where="part = 'given'", keep=["Vicki"])
    expect(tab.locator("#selected .link")).to_have_text(list(found.names))
    expect(tab.locator("#panel .headline")).to_have_text(found.headline())
    visit.again()  # and chosen again
    expect(tab.locator("#selected .link")).to_have_text(list(found.names))
    tab.get_by_role("button", name="Put the list in the basket").click()
    expect(tab.locator("#basket h2")).to_have_text("Basket · 6")
    tab.get_by_role("button", name="On the map").click()
    expect(tab.locator(".picked b")).to_have_text("6 names selected")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_one_way(browser: Any, address: str, scheme: str) -> None:
    size = {"width": 390, "height": 844}
    visit = Visit(browser, address, viewport=size, color_scheme=scheme)
    for query in (
        "?q=Vicki&card=Vicki",
        "?tab=map&color=n_tokens",
        "?tab=basis&q=Vicki",
        "?tab=walk",
        "?tab=paint&q=Vicki",
        "?tab=compare&other=other&otherview=text",
        "?tab=topology",
        "?tab=records",
        "?tab=select",
    ):
        tab = visit.open(query)
        assert tab.evaluate("() => document.documentElement.scrollWidth") <= 390, query
    visit.close()


def test_a_name_that_is_not_stored_has_near_spellings(visit: Visit) -> None:
    tab = visit.open("?q=Vickie")
    tab.locator("#near button", has_text="Vicki").click()
    expect(tab.locator(".headline")).to_have_text("nearest to Vicki")
    expect(tab.locator("#near")).to_have_count(0)
    assert "q=Vicki&" in tab.evaluate("() => `${location.search}&`")


def picture(color: str) -> bytes:
    import io

    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (32, 32), color).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_an_image_is_asked(visit: Visit, other: Space, way: str) -> None:
    import io

    from PIL import Image

    tab = visit.open("?space=other")
    shown = picture("orange" if way == "paste" else "teal")
    tab.evaluate(
        """([bytes, kind]) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], "x.png", { type: "image/png" }));
          dispatchEvent(kind === "paste"
            ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true })
            : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        [list(shown), way],
    )
    tab.locator(".headline", has_text="nearest to an image").wait_for()
    with Image.open(io.BytesIO(shown)) as image:
        wanted = other.nearest(image.convert("RGB"), 50)
    assert visit.names() == list(wanted.names)


def test_a_card_links_to_others_and_is_painted(visit: Visit, other: Space) -> None:
    pytest.importorskip("diffusers", reason="the extra diffusers is not installed")
    tab = visit.open("?space=other&card=Vicki")
    card = other.card("Vicki", deep=False)
    expect(tab.locator("#card-said")).to_have_text(card.headline())
    near = [name for name, _ in card.nearest]
    expect(tab.locator("#drawer .links .link")).to_have_text(near)
    paint = tab.get_by_role("button", name="Paint it with organism")
    paint.click()
    expect(paint).to_have_count(0, timeout=60_000)  # pictures stand before they are kept
    expect(tab.locator(".pictures img")).to_have_count(4)
    visit.again()
    wide = "(image) => image.decode().then(() => image.naturalWidth)"
    assert tab.locator(".pictures img").nth(3).evaluate(wide) > 8
    tab.locator("#drawer .links .link").first.click()
    expect(tab.locator("#drawer h2").first).to_have_text(near[0])


def test_a_long_question_says_its_step_or_that_it_waits(visit: Visit) -> None:
    job: dict[str, object] = {"id": "a", "kind": "card", "state": "queued", "done": 0, "total": 0}
    tab = visit.open("?space=other&card=Lota")
    tab.route("**/jobs/card", lambda route: route.fulfill(json=job, status=202))
    tab.route("**/api/jobs/a", lambda route: route.fulfill(json=job))
    tab.get_by_role("button", name="Measure what the model believes").click()
    tab.locator("#drawer p", has_text="Waiting for another question to end").wait_for()
    expect(tab.locator("#drawer progress")).to_be_hidden()
    job.update(state="running", done=150, total=400, step="exchanging its parts")
    tab.locator("#drawer p", has_text="Asking the model: exchanging its parts").wait_for()
    expect(tab.locator("#drawer progress")).to_have_attribute("value", "150")
    job.update(state="cancelled")
    tab.locator("#drawer .note", has_text="Stopped.").wait_for()


@pytest.mark.slow
def test_a_card_says_what_the_model_believes(visit: Visit, other: Space) -> None:
    tab = visit.open("?space=other&card=Lota")
    tab.get_by_role("button", name="Measure what the model believes").click()
    tab.locator("#beliefs").wait_for(timeout=300_000)
    card = other.card("Lota")  # what was measured is kept in the space
    assert card.deep is not None
    expect(tab.locator("#card-said")).to_have_text(card.headline())
    read = card.deep.to_dict()["reads_as"]
    assert len(read) == 11
    expect(tab.locator("#beliefs tbody tr")).to_have_count(11)
    within = sum(not one["beyond_chance"] for one in read)
    expect(tab.locator("#beliefs tr.muted")).to_have_count(within)
    visit.again().locator("#beliefs").wait_for()


def test_maps_side_by_side(visit: Visit, space: Space, other: Space) -> None:
    tab = visit.open("?tab=map&color=gender")
    tab.locator("#map").wait_for()
    tab.select_option("#beside", label="other, text view")
    tab.locator(".map-title", has_text="other, text").wait_for()
    box = tab.locator("#map").bounding_box()
    tab.keyboard.down("Shift")
    tab.mouse.move(box["x"] + 3, box["y"] + 3)
    tab.mouse.down()
    for x, y in ((1, 0), (1, 1), (0, 1), (0, 0)):
        tab.mouse.move(
            box["x"] + 3 + x * (box["width"] - 6), box["y"] + 3 + y * (box["height"] - 6), steps=3
        )
    tab.mouse.up()
    tab.keyboard.up("Shift")
    expect(tab.locator(".picked b")).to_have_text(f"{len(space)} names selected")
    expect(tab.locator("canvas.mini")).to_be_visible()
    visit.again()
    expect(tab.locator(".picked b")).to_have_text(f"{len(space)} names selected")
    second = tab.locator(".maps canvas[tabindex='0']").nth(1)
    second.wait_for()
    box = second.bounding_box()
    assert box["width"] > 200
    tab.get_by_role("button", name="Forget").click()
    tab.wait_for_function("() => !location.search.includes('lasso')")
