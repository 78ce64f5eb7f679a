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


@pytest.mark.parametrize(
    ("value", "mark", "ends"), [(0.5, 0.2, (0.1, 0.3)), (1.4, None, None), (-1.0, 0.25, None)]
)
def test_a_bar_is_the_one_that_the_function_draws(
    value: float, mark: float | None, ends: tuple[float, float] | None
) -> None:
    html = drawn(
        "{{ kit.bar(value, mark=mark, interval=ends) }}", value=value, mark=mark, ends=ends
    )
    assert html.replace("\n", "") == page.bar(value, mark=mark, interval=ends)


def test_a_value_that_is_missing_is_refused() -> None:
    with pytest.raises(UndefinedError, match="title"):
        page.render("page")
