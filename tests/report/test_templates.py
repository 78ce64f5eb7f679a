"""Templates of pages: what comes in stays text, and parts are those that functions made."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from namebasis.report import page

HOSTILE = "<b onclick='x'>\"\x1b\u202e</b>"
SAFE = "&lt;b onclick=&#39;x&#39;&gt;&#34;&lt;U+001B&gt;&lt;U+202E&gt;&lt;/b&gt;"


def drawn(source: str, **values: object) -> str:
    whole = '{% import "kit.html.j2" as kit %}' + source
    return page._templates().from_string(whole).render(**values)


def test_text_is_escaped_and_made_visible_in_every_part() -> None:
    for source in ("{{ bad }}", "{{ kit.tiles([(bad, 'x')]) }}", "{{ kit.tiles([('x', bad)]) }}",
                   "{{ kit.definitions([(bad, 1)]) }}", "{{ kit.chart('', bad) }}",
                   "{% call kit.table([bad]) %}{% endcall %}",
                   "{% call kit.table(['x']) %}{{ bad }}{% endcall %}"):  # fmt: skip
        html = drawn(source, bad=HOSTILE)
        assert SAFE in html, source
        assert "<b onclick" not in html
    whole = page.render("page", title=HOSTILE)
    assert f"<title>{SAFE}</title>" in whole
    assert whole.count("<style>") == 1
    assert "default-src 'none'" in whole


def test_a_tile_explains_the_term_that_it_is_about() -> None:
    html = drawn(
        "{{ kit.tiles([('3', 'a'), ('4', 'b & c', 'adjusted_rand')]) }}"
        "{{ kit.tiles([('5', 'd', 'leakage', 'Full')]) }}"
    )
    assert "<span>a</span>" in html
    assert 'title="How well two divisions into clusters agree.">b &amp; c</span>' in html
    assert 'title="Whether the bare name brings a context with it.">d</span>' in html


@pytest.mark.parametrize(
    ("value", "mark", "ends", "inside", "title"),
    [
        (0.5, 0.2, (0.1, 0.3),
         '<i style="width:50.0%"></i><s style="left:10.0%;width:20.0%"></s>'
         '<u style="left:20.0%"></u>', "0.500 (0.100 to 0.300), by chance 0.200"),
        (1.4, None, None, '<i style="width:100.0%"></i>', "1.400"),
        (1.7, -0.2, (0.5, 2.0),
         '<i style="width:100.0%"></i><s style="left:50.0%;width:100.0%"></s>'
         '<u style="left:0.0%"></u>', "1.700 (0.500 to 2.000), by chance -0.200"),
    ],
)  # fmt: skip
def test_a_bar_stays_within_its_frame(
    value: float, mark: float | None, ends: tuple[float, float] | None, inside: str, title: str
) -> None:
    html = drawn(
        "{{ kit.bar(value, mark=mark, interval=ends) }}", value=value, mark=mark, ends=ends
    )
    assert html.replace("\n", "") == f'<div class="bar" title="{title}">{inside}</div>'


def test_numbers_have_a_dash_for_none_and_no_sign_at_zero() -> None:
    for value, shown in ((None, "–"), (float("nan"), "–"), (-0.0001, "0.000"), (1.25, "1.250")):
        assert drawn("{{ value|number }}", value=value) == shown
    assert drawn("{{ names|isolated }}", names=("a", HOSTILE)) == (
        f"<bdi>a</bdi>, <bdi>{SAFE}</bdi>"
    )


def test_a_value_that_is_missing_is_refused() -> None:
    with pytest.raises(UndefinedError, match="title"):
        page.render("page")
