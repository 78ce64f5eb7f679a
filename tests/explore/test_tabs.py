"""Every tab of a study in a real browser, used as a person would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from namebasis.space import Space
from tests.explore.conftest import Visit, served


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


def again(visit: Visit) -> Any:
    """The page reopened at its current address."""
    return visit.open(visit.tab.url.removeprefix(visit.address))


@pytest.mark.parametrize("tab", ["names", "walk", "records"])
def test_the_chosen_tab_is_in_view_beside_a_card(visit: Visit, tab: str) -> None:
    page = visit.open(f"?tab={tab}&q=Vicki&card=Vicki")  # leaves no room for all of them
    bar, chosen = page.locator("#tabs").bounding_box(), page.locator(f"#tab-{tab}").bounding_box()
    assert bar["x"] <= chosen["x"]
    assert chosen["x"] + chosen["width"] <= bar["x"] + bar["width"]


def test_basis_by_sliders(visit: Visit, space: Space) -> None:
    from namebasis.studies.basis.weighing import weigh

    tab = visit.open("?tab=basis&q=Vicki&n=3")
    fit = space.basis("Vicki", 3, n_null=0, n_resamples=0)
    atoms = tab.locator(".atoms li")
    atoms.first.wait_for()
    names = [text.split("\n")[0] for text in atoms.all_inner_texts()]
    assert names == list(fit.names)
    assert tab.inner_text("#cosine") == f"{fit.similarity:.3f}"
    weights = [float(one.input_value()) for one in tab.locator(".atoms input").all()]
    tab.locator(".atoms input").first.press("Home")  # to nothing
    wanted = weigh(space, "Vicki", fit.ids).similarity([0, *weights[1:]])
    assert tab.inner_text("#cosine") == f"{wanted:.3f}"
    tab = again(visit)
    tab.locator(".atoms li").first.wait_for()
    assert abs(float(tab.inner_text("#cosine")) - wanted) <= 0.002  # weights of three digits
    tab.get_by_role("button", name="Best weights").click()
    tab.locator("#cosine", has_text=f"{fit.similarity:.3f}").wait_for()
    tab.get_by_role("button", name=f"Refit without {names[0]}").click()
    without = space.basis("Vicki", 3, deny=[names[0]], n_null=0, n_resamples=0)
    tab.locator(".atoms li", has_text=without.names[0]).first.wait_for()
    again(visit)
    tab.locator(".chip", has_text=names[0]).click()
    tab.locator(".atoms li", has_text=names[0]).wait_for()
    tab.locator("#chance", has_text="20 draws").wait_for()


def test_walk_by_slider(visit: Visit, space: Space) -> None:
    tab = visit.open("?tab=walk")
    tab.select_option("#along", "age")
    tab.locator(".headline", has_text="age: baby to very old").wait_for()
    walk = space.walk("age", n_steps=21, names_per_step=8)
    for _ in range(3):
        tab.press("#walk", "ArrowRight")
    assert tab.inner_text("#place") == f"{walk.steps[13].position:+.1f}"
    here = list(walk.steps[13].names)
    assert tab.locator(".here .link").all_inner_texts() == here
    assert tab.locator(".way li").count() == 21
    ends = tab.locator(".way li .quiet").all_inner_texts()
    assert [ends[0], ends[10], ends[20]] == ["−3.0", "0.0", "+3.0"]
    assert tab.locator(".note", has_text="span").count() == 0  # which the page cannot choose
    tab = again(visit)
    tab.locator("#place", has_text=f"{walk.steps[13].position:+.1f}").wait_for()
    tab.select_option("#along", "…")
    tab.locator("#place", has_text="0.0").wait_for()
    assert "to=an+old+lady" in tab.url


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
    tab.locator("#said", has_text="copied").wait_for()
    assert ":" in tab.evaluate("navigator.clipboard.readText()")
    tab.get_by_role("button", name="Copy both for A1111").click()
    tab.locator("#said", has_text="copied").wait_for()
    assert "\nNegative prompt: " in tab.evaluate("navigator.clipboard.readText()")


def test_two_spaces_side_by_side(visit: Visit, space: Space, other: Space) -> None:
    from namebasis.studies.topology.overlap import overlap

    tab = visit.open("?tab=compare&where=part+%3D+%27given%27&neighbours=4")
    tab.locator(".compare select").first.select_option(label="other, text view")
    tab.locator("#compared tbody tr").first.wait_for()
    found = overlap(space, other, k=4, n_shown=200, where="part = 'given'")
    shown = tab.locator("#compared tbody td:first-child .link").all_inner_texts()
    assert shown == [one.name for one in found.lowest]
    tab.locator(".compare select").nth(1).select_option("agree")
    tab = again(visit)
    tab.locator("#compared tbody tr").first.wait_for()
    shown = tab.locator("#compared tbody td:first-child .link").all_inner_texts()
    assert shown == [one.name for one in found.highest]
    tab.get_by_role("button", name="Put these in the basket").click()
    tab.locator("#basket h2", has_text=f"Basket · {len(shown)}").wait_for()


def test_topology_in_place(visit: Visit, space: Space) -> None:
    tab = visit.open("?tab=topology")
    tab.get_by_role("button", name="Make the report").click()
    frame = tab.frame_locator("iframe.report")
    frame.locator("h1", has_text="How names are arranged").wait_for()
    assert frame.locator("body").evaluate("() => origin") == "null"
    tab = again(visit)  # kept: nothing is made
    tab.frame_locator("iframe.report").locator("h1").wait_for()
    assert tab.locator(".note", has_text="kept with the space").count() == 1


def test_a_list_is_chosen_and_shown(visit: Visit, space: Space) -> None:
    tab = visit.open("?tab=select&where=part+%3D+%27given%27")
    tab.fill("#select-many", "6")
    tab.press("#select-many", "Tab")
    tab.fill("#select-keep", "Vicki")
    tab.press("#select-keep", "Tab")
    tab.click("#choose")
    tab.locator("#selected").wait_for()
    found = space.select(6, where="part = 'given'", keep=["Vicki"])
    assert tab.locator("#selected .link").all_inner_texts() == list(found.names)
    assert tab.inner_text(".headline") == found.headline()
    tab = again(visit)  # and chosen again
    tab.locator("#selected").wait_for()
    tab.get_by_role("button", name="Put the list in the basket").click()
    tab.locator("#basket h2", has_text="Basket · 6").wait_for()
    tab.get_by_role("button", name="On the map").click()
    tab.locator(".picked b", has_text="6 names selected").wait_for()


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
    tab.locator(".headline", has_text="nearest to Vicki").wait_for()
    assert tab.locator("#near").count() == 0
    assert "q=Vicki&" in f"{tab.url}&"


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
    tab.locator("#drawer .links .link").first.wait_for()
    card = other.card("Vicki", deep=False)
    assert tab.inner_text("#card-said") == card.headline()
    near = tab.locator("#drawer .links .link").all_inner_texts()
    assert near == [name for name, _ in card.nearest]
    tab.get_by_role("button", name="Paint it with organism").click()
    tab.locator(".pictures img").nth(3).wait_for(timeout=60_000)
    tab = again(visit)
    assert tab.locator(".pictures img").nth(3).evaluate("(image) => image.naturalWidth") > 8
    tab.locator("#drawer .links .link").first.click()
    tab.locator("#drawer h2", has_text=near[0]).first.wait_for()


def test_a_long_question_says_its_step_or_that_it_waits(visit: Visit) -> None:
    job: dict[str, object] = {"id": "a", "kind": "card", "state": "queued", "done": 0, "total": 0}
    tab = visit.open("?space=other&card=Lota")
    tab.route("**/jobs/card", lambda route: route.fulfill(json=job, status=202))
    tab.route("**/api/jobs/a", lambda route: route.fulfill(json=job))
    tab.get_by_role("button", name="Measure what the model believes").click()
    tab.locator("#drawer p", has_text="Waiting for another question to end").wait_for()
    assert tab.locator("#drawer progress").is_hidden()
    job.update(state="running", done=150, total=400, step="exchanging its parts")
    tab.locator("#drawer p", has_text="Asking the model: exchanging its parts").wait_for()
    assert tab.locator("#drawer progress").get_attribute("value") == "150"
    job.update(state="cancelled")
    tab.locator("#drawer .note", has_text="Stopped.").wait_for()


@pytest.mark.slow
def test_a_card_says_what_the_model_believes(visit: Visit, other: Space) -> None:
    tab = visit.open("?space=other&card=Lota")
    tab.get_by_role("button", name="Measure what the model believes").click()
    tab.locator("#beliefs").wait_for(timeout=300_000)
    card = other.card("Lota")  # what was measured is kept in the space
    assert card.deep is not None
    assert tab.inner_text("#card-said") == card.headline()
    read = card.deep.to_dict()["reads_as"]
    assert tab.locator("#beliefs tbody tr").count() == len(read) == 11
    within = sum(not one["beyond_chance"] for one in read)
    assert tab.locator("#beliefs tr.muted").count() == within
    again(visit).locator("#beliefs").wait_for()


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
    tab.locator(".picked b", has_text=f"{len(space)} names selected").wait_for()
    assert tab.locator("canvas.mini").is_visible()
    tab = again(visit)
    tab.locator(".picked b", has_text=f"{len(space)} names selected").wait_for()
    second = tab.locator(".maps canvas[tabindex='0']").nth(1)
    second.wait_for()
    box = second.bounding_box()
    assert box["width"] > 200
    tab.get_by_role("button", name="Forget").click()
    assert "lasso" not in tab.url
