"""The card: what is stored at once, the rest on demand, against worlds whose answer is known."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from namebasis.errors import SpaceError, TargetError
from namebasis.namespace.corpus.full_names import ONE_PART
from namebasis.namespace.corpus.sources import read_names
from namebasis.space import Space, open_space
from namebasis.studies.attributes.study import score
from namebasis.studies.card import axes as card_axes
from namebasis.studies.card.results import STEPS, step_of
from namebasis.studies.card.study import card
from namebasis.studies.identity.study import identity
from tests.studies.card.conftest import PERSON, AdditiveEncoder
from tests.test_typed_json import same


def test_what_is_stored_is_shown_without_an_encoder(space: Space) -> None:
    opened = open_space(space.path)
    shown = card(opened, "vicki", k=3)
    assert (shown.name, shown.deep, len(shown.nearest)) == ("Vicki", None, 3)
    births = shown.records[0].births
    assert births is not None
    assert (births.n, births.first, births.last, births.peak) == (2000, 1950, 1990, 1950)
    assert births.by_decade == {1950: 1500, 1990: 500}
    assert births.share_female == pytest.approx(0.85)
    assert births.expected_age is not None
    assert 0 < births.expected_age < 40
    assert "births" in json.dumps(shown.to_dict())
    with pytest.raises(TargetError, match="add it with"):
        card(opened, "Nobody Here")
    with pytest.raises(TargetError, match="Near spellings stored: Ada Lovelace\\."):
        card(opened, "Ada Lovelase")


def test_packaged_records_speak_where_the_corpus_has_none(space: Space) -> None:
    given, family = card(space, "King", k=1).records
    assert (given.columns["part"], family.columns["part"]) == ("given", "family")
    (king,) = (row for row in read_names("us:given").table.to_pylist() if row["name"] == "King")
    assert given.has_packaged_births
    assert given.births is not None
    assert (given.births.n, given.births.share_female) == (king["count"], king["share_female"])
    (known,) = (row for row in read_names("us:family").table.to_pylist() if row["name"] == "King")
    assert family.known["pct_black"] == known["pct_black"]
    assert family.known["count"] == 30, "the corpus' own number stays"
    told = dict(card(space, "King", k=1).facts())
    assert told["births (given)"].endswith("(packaged US records)")
    assert told["pct black (family)"].endswith("(packaged US records)")
    (own,) = card(space, "Vicki", k=1).records
    assert not own.has_packaged_births
    assert not card(space, PERSON, k=1).records[0].known.keys() & {"pct_black", "births"}


def test_parts_alone_predict_the_name_without_what_was_planted(space: Space, deep) -> None:
    plain = AdditiveEncoder(0.0)
    rows = [plain.encode_names([PERSON], t)[0] for t in space.provenance.templates]
    without = np.mean(rows, axis=0)
    without /= np.linalg.norm(without)
    own = space.vectors(ids=[space.find(PERSON)])[0]
    parts = deep.deep.parts_only
    assert parts.vector @ without > 0.98 > without @ own + 0.02
    assert parts.similarity == pytest.approx(float(parts.vector @ own), abs=1e-5)
    assert PERSON not in {name for name, _ in (*parts.nearest, *parts.nearest_own)}
    assert len(parts.nearest) == 4


def test_what_was_planted_is_found_as_an_identity(deep) -> None:
    row = deep.deep.identity
    assert row.kind in {"flexible", "entangled"}
    assert row.evidence["own_score"] > 0.9
    shown = deep.deep.evidence
    assert [one.measure for one in shown] == [
        "more than its parts", "weight of its parts", "settled by one part", "pull of a context",
    ]  # fmt: skip
    assert [one.value for one in shown] == [row.own_score, row.strength, row.hold, row.leakage]
    assert [one.chance for one in shown] == list(row.evidence.values())
    assert deep.deep.study.origin.name == "made-up names"
    assert deep.deep.rigidity.form == "several words"


def test_the_card_says_of_a_name_what_identity_says_of_it_among_others(space: Space, deep) -> None:
    row = deep.deep.identity
    other = identity(space, ["Grace Hopper", "Ada Byron", PERSON], with_contexts=False).rows[2]
    assert (row.own_score, row.strength, row.hold, row.own_percentile) == pytest.approx(
        (other.own_score, other.strength, other.hold, other.own_percentile), rel=1e-4
    )
    for key in ("own_score", "strength", "hold"):
        assert row.evidence[key] == pytest.approx(other.evidence[key], abs=1e-3)


def test_axes_are_those_of_score_among_the_whole_space(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = space.find(PERSON)
    assert row is not None
    monkeypatch.setattr(card_axes, "axis_names", lambda: ("age", "region"))
    monkeypatch.setattr(card_axes, "_N_PSEUDO", 20)
    found = card_axes.read_name(space, row)
    peer = score(space, ["age", "region"], n_made_up=20)
    at = list(peer.ids).index(row)
    ages = peer.scores[0].readings["expectation"]
    age = next(one for one in found.own if one.axis == "age")
    ranks = card_axes.load_axis("age").ranks
    assert age.position == pytest.approx((ages[at] - ranks[0]) / (ranks[-1] - ranks[0]))
    assert age.percentile == pytest.approx(np.mean(np.delete(ages, at) < ages[at]))
    shares = [one.share for one in found.own if one.axis == "region"]
    assert shares == pytest.approx([s.readings["expectation"][at] for s in peer.scores[1:]])
    assert age.value.endswith(f"({ages[at]:.0f})")
    assert age.z["inferred"] == pytest.approx(peer.scores[0].z["inferred"][at])
    assert found.n_company == len(space) - 1
    held = {one.axis: one for one in found.beliefs}
    for one in peer.beliefs:
        assert held[one.axis].z[0] == pytest.approx(one.z[at])
        assert held[one.axis].p[0] == pytest.approx(one.p[at])
        assert held[one.axis].told(0) == one.told(at)


@pytest.mark.long
def test_a_name_of_one_part_says_what_does_not_apply(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_axes, "axis_names", lambda: ("age", "gender", "region"))
    told: list[tuple[int, int]] = []
    shown = card(space, "Vicki", k=2, deep=True, progress=lambda *one: told.append(one))
    assert shown.deep is not None
    assert shown.deep.parts_only is None
    assert ONE_PART in shown.deep.remarks
    assert told[-1] == (400, 400)
    assert told == sorted(told)
    steps = [step_of(*one) for one in told]
    assert sorted(set(steps), key=steps.index) == list(STEPS)
    assert min(steps.count(step) for step in STEPS) > 2  # none is silent until it is done
    beliefs = {one.what: one for one in shown.deep.beliefs}
    assert "2,000 US births" in beliefs["age"].record
    assert "85 % women of 2,000 US bearers" in beliefs["gender"].record
    assert "listed in en_US" in beliefs["region"].record
    assert beliefs["region"].verdict == ""  # the United States are of no region
    html = shown.to_html()
    assert "If only its parts were known" not in html
    assert "Evidence" not in html
    identity = html[html.index("<h2>Identity</h2>") :]
    identity = identity[: identity.index("</section>")]
    assert "one part only" in identity
    assert "Its pull on family names lies above" in identity
    assert "pull family names less" in html
    assert re.findall(r'title="(.*?)"><i style="height:(\d+)px', html) == [
        ("1950s: 1,500 births", "60"), ("1990s: 500 births", "20"),
    ]  # fmt: skip
    assert [table.key for table in shown.tables()] == [
        "axes", "beliefs", "nearest", "facts", "readings", "values", "basis", "rigidity",
    ]  # fmt: skip
    assert shown.headline().startswith(("Vicki reads as ", "Vicki: no belief beyond chance on "))
    assert "identity" not in shown.headline()
    assert shown.headline().endswith(": 85 % women and most born in the 1950s.")
    assert len(str(shown).splitlines()) <= 25
    again = card(open_space(space.path), "Vicki", k=2)  # one part: much of it is None
    assert same(again.deep, shown.deep)
    assert (
        card(space, "Vicki", deep=False)
        .headline()
        .startswith("Vicki: 85 % women of 2,000 US births, most in the 1950s; nearest to ")
    )


def test_the_page_is_written_once_and_escapes_names(space: Space, deep, tmp_path: Path) -> None:
    file = tmp_path / "card.html"
    deep.write_html(file)
    text = file.read_text(encoding="utf-8")
    assert f"<title>{PERSON}</title>" in text
    for title in ("What it reads as", "Names that add up to it", "If only its parts were known"):
        assert title in text
    with pytest.raises(SpaceError, match=r"card\.html"):
        deep.write_html(file)
    card(space, "<b>Bold</b> Name").write_html(file, overwrite=True)
    text = file.read_text(encoding="utf-8")
    assert "<b>Bold" not in text
    assert "&lt;b&gt;Bold" in text
    assert "Left out: axes" in text


def test_a_card_is_of_one_name(space: Space) -> None:
    with pytest.raises(TargetError, match="card takes one name; got list"):
        card(space, ["Vicki"])  # type: ignore[arg-type]
