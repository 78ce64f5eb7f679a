"""The page of an audit and its score card: where marks lie, what is grey, and what is explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from namebasis.auditing.results import Audit
from namebasis.auditing.scales import band_of, mark_of, scale_of
from namebasis.results import HEIGHT, brief
from tests.auditing.tiny import made_audit, made_claims


@pytest.fixture(scope="module")
def found() -> Audit:
    # The sentence of the part is its own; these claims are made up.
    patch = pytest.MonkeyPatch()
    patch.setattr("namebasis.auditing.parts.Asked.say", lambda *_: "Age is <followed>.")
    yield made_audit()[0]  # type: ignore[misc]
    patch.undo()


def test_marks_lie_where_their_figures_say() -> None:
    claims = {one.measure: one for one in made_claims()[0]}
    rank = claims["Spearman"]
    mark = mark_of(rank, scale_of([rank]))
    assert mark is not None
    assert mark.value == pytest.approx((rank.value + 1) / 2)
    assert mark.interval == pytest.approx(((rank.low + 1) / 2, (rank.high + 1) / 2))  # type: ignore[operator]
    assert mark.neutral == 0.5
    assert mark.band == pytest.approx((0.5 - rank.chance / 2, 0.5 + rank.chance / 2))  # type: ignore[operator]
    auc = claims["AUC"]
    assert band_of(auc) == pytest.approx((1 - auc.chance, auc.chance))  # type: ignore[operator]
    fact = claims["mean"]
    assert band_of(fact) is None
    assert scale_of([fact]).low == 0.0  # a length begins at nothing
    gap = scale_of([claims["difference"]])
    assert gap.low == pytest.approx(-gap.high)


def test_the_page_explains_folds_escapes_and_asks_no_host(found: Audit) -> None:
    page = found.to_html()
    assert "Age is &lt;followed&gt;." in page
    assert "&lt;b&gt;39&lt;/b&gt;" in page
    assert "<b>39</b>" not in page
    assert "Skipped: no name has a gender." in page
    card = page[page.index('id="card"') : page.index('id="age"')]
    assert card.count('class="mark" role="img"') == 5
    muted = re.findall(r'<tr class="muted"><td class="what"><b>([^<]+)', card)
    assert muted == ["held"]
    assert '<p class="rest">28 more rows in audit.json.</p>' in page
    (anchor,) = re.findall(r'href="#(word-\d+)"[^>]*>p \(BH\)</a>', card)
    assert f'<dt id="{anchor}">p, corrected for an audit</dt>' in page
    assert not re.search(r'(?:src|action)="https?:|url\(https?:|@import', page)
    assert "namebasis audit a --quick" in page


@pytest.mark.parametrize("width", [80, 100])
def test_the_brief_form_fits_a_terminal(found: Audit, width: int) -> None:
    tables, hidden = brief(found, width, ["a line about where the page is"])
    assert [table.title for table in tables] == ["score card"]
    assert len(tables[0].rows) == 5
    assert list(tables[0].muted) == [4]
    assert hidden > 40
    assert len(tables[0].rows) < HEIGHT


def test_the_score_card_is_drawn(found: Audit, tmp_path: Path) -> None:
    found.write_figure(tmp_path / "card.svg")
    drawn = (tmp_path / "card.svg").read_text(encoding="utf-8")
    assert "Score card of a" in drawn
    assert "follows, Spearman" in drawn
    assert "says &lt;AUC&gt;" in drawn
