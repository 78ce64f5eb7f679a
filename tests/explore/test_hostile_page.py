"""Names and addresses that mean harm, in every panel of the page: they are text, and stay so."""

from __future__ import annotations

import ast
import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from namebasis.space import Space, build_space
from tests.explore.conftest import Visit, expect, served

pytestmark = pytest.mark.long

NAMES = [
    "<img src=x onerror=alert(1)>", '"><script>alert(1)</script>', "javascript:alert(1)",
    "${alert(1)}", "+1 Anna", "@SUM(1)", "constructor", "</title><b>x", "%s %n %00", "a,b;c d",
    "[red]name[/red]", "a$&b$`", "{red|blue} hair", "# comment", "(paren:1.5)", "A + B − C",
    "<lora:x:1>", "Zoë", "&lt;i&gt;amp;", "O'Neill \\", "أحمد",
]  # fmt: skip
READ: dict[str, Any] = {
    "csv": lambda text: [row["name"] for row in csv.DictReader(text.splitlines())],
    "json": lambda text: [row["name"] for row in json.loads(text)],
    "txt": lambda text: text.splitlines(),
}
FOREIGN = "() => document.querySelectorAll('body img, body script, body i, body lora').length"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Space:
    path = tmp_path_factory.mktemp("hostile") / "<b>x.space"
    rows = [
        {"name": name, "part": "given", "tag": f"<i>{at % 3}</i>", "<u>n": at}
        for at, name in enumerate(NAMES)
    ]
    build_space(rows, path, encoder="minilm", templates="person")
    return Space(path)


@pytest.fixture(scope="module")
def address(hostile: Space) -> Iterator[str]:
    pytest.importorskip("starlette", reason="needs the extra explore")
    from namebasis.explore.warm import Warm

    warm = Warm([hostile.path])
    warm.places("<b>x")
    with served(warm) as found:
        yield found


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Visit]:
    found = Visit(browser, address)
    asked: list[str] = []
    found.tab.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    yield found
    assert asked == []
    found.close()


def names_of(space: Space) -> list[str]:
    return list(space.table(["name"])["name"].to_pylist())


def test_names_are_text_in_every_tab_and_job(visit: Visit, hostile: Space) -> None:
    names = names_of(hostile)
    assert len(names) > 15
    tab = visit.open("?k=200")
    assert visit.names() == names
    assert tab.title() == "<b>x · namebasis"
    tab.locator("#facets summary", has_text="tag").click()
    zero = re.compile(r"^<i>0</i>$")
    tab.locator("#facets .values bdi", has_text=zero).wait_for()
    tab.get_by_role("button", name="Put all in the basket").click()
    for at, name in enumerate(("map", "basis", "paint", "walk", "compare", "topology", "records")):
        asked = {
            "tab": name,
            "q": f'"{names[at]}"',
            "card": names[-at - 1],
            "color": "tag",
            "to": names[0],
        }
        tab = visit.open(f"?{urlencode(asked)}")
        expect(tab.locator("#drawer h2").first).to_have_text(names[-at - 1])
        assert tab.evaluate(FOREIGN) == 0, name
    # A job and what it found.
    tab = visit.open(f"?{urlencode({'tab': 'basis', 'q': NAMES[0], 'n': 2})}")
    tab.get_by_role("button", name="Test it fully").click()
    tab.locator("#panel .result table").first.wait_for()
    assert tab.evaluate(FOREIGN) == 0


def test_names_leave_as_they_are(visit: Visit, hostile: Space) -> None:
    names = names_of(hostile)
    tab = visit.open("?k=200")
    tab.get_by_role("button", name="Put all in the basket").click()
    tab.evaluate(
        "() => { navigator.clipboard.writeText = async (text) => { window.copied = text; }; }"
    )

    def copied(label: str) -> str:
        tab.evaluate("() => { window.copied = null; }")
        tab.get_by_role("button", name=label).click()
        return str(tab.wait_for_function("() => window.copied").json_value())

    assert copied("copy as lines").split("\n") == names
    assert ast.literal_eval(copied("copy for Python")) == names
    assert copied("copy as prompts").split("\n") == [f"a photo of {name}" for name in names]
    assert hostile.ids(copied("copy as --where")).tolist() == list(range(len(names)))
    for form, file in (("csv", "names.csv"), ("json", "names.json"), ("txt", "names.txt")):
        with tab.expect_download() as saved:
            tab.get_by_label("Save as").select_option(form)
        assert saved.value.suggested_filename == file
        text = Path(saved.value.path()).read_text(encoding="utf-8")
        assert READ[form](text) == names


def test_a_name_that_reads_like_a_sum_is_asked_as_it_is(visit: Visit, hostile: Space) -> None:
    tab = visit.open(f"?{urlencode({'card': 'A + B − C'})}")
    tab.locator("#drawer").get_by_role("button", name="Nearest").click()
    tab.locator(".tools .headline", has_text="nearest to A + B").wait_for()
    expect(tab.locator("#q")).to_have_value('"A + B − C"')
    assert "A + B − C" not in visit.names()  # it is the target, not a sum of three texts


@pytest.mark.parametrize(
    "given",
    [
        {"facets": "{", "sort": "nope"},
        {"facets": "null", "tab": "constructor"},
        {"facets": '{"tag": 1}', "view": "nope", "lasso": "x,y"},
        {"facets": '{"tag": {}, "__proto__": {"values": []}}', "color": "__proto__", "tab": "map"},
        {"facets": '{"<u>n": {"kind": "number", "low": "1) OR (1=1", "high": {}}}'},
        {"space": "../x", "k": "abc", "card": "Nobody"},
        {"where": "'; DROP TABLE"},
        {"q": NAMES[0], "tab": "<b>"},
    ],
    ids=str,
)
def test_any_address_leaves_a_page_that_can_be_used(visit: Visit, given: dict[str, str]) -> None:
    visit.is_refused = True  # which the browser logs; faults of the page are not forgiven
    tab = visit.open(f"?{urlencode(given)}")
    assert tab.evaluate(FOREIGN) == 0
    expect(tab.locator("#tabs [aria-selected=true]")).to_have_count(1)
    if "card" in given:  # the drawer says why it is empty, and can be closed
        tab.locator("#drawer [role=status]", has_text=given["card"]).wait_for()
        tab.get_by_label("Close the card").click()
        tab.locator("#drawer").wait_for(state="hidden")
    tab.locator("#where").wait_for(timeout=5_000)
    tab.locator("#tabs [role=tab]").first.click()
