"""A card of a name that is stored in several parts."""

from __future__ import annotations

from pathlib import Path

from namebasis.namespace.building.build import build_space
from namebasis.studies.card.study import card
from tests.namespace.conftest import FakeEncoder, corpus


def test_a_name_of_two_parts_shows_both(tmp_path: Path) -> None:
    space = build_space(corpus(), tmp_path / "a.space", encoder=FakeEncoder())  # type: ignore[arg-type]
    shown = card(space, "king", k=2)
    assert (shown.records[0].columns["part"], shown.records[0].columns["count"]) == ("given", 20)
    assert [(r.columns["part"], r.columns["count"]) for r in shown.records[1:]] == [("family", 30)]
    assert shown.to_dict()["records"][1]["locales"] == ["en_GB"]
    assert len(card(space, "O'Brien", k=2).records) == 1
