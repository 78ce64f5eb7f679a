"""Gender, region and group: what an encoder was made to believe is found, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from namebasis.analysis.readings.associations import weat
from namebasis.auditing.claims import Claim, Sample, corrected, statistic
from namebasis.auditing.corpora import Corpora, read_corpora
from namebasis.auditing.inquiry import Answer, Inquiry, Skipped
from namebasis.auditing.parts import associations, beliefs, gender, region
from namebasis.space import build_space
from namebasis.studies.attributes.record_measures import of_ranks
from tests.auditing.believer import Believer, small_plan

Ask = Callable[[bool], Inquiry]
Told = Callable[[Any, bool], Answer]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    held: dict[bool, Inquiry] = {}

    def inquiry(believes: bool) -> Inquiry:
        if believes not in held:
            plan, encoder = small_plan(), Believer(believes=believes)
            corpora, every = read_corpora(plan.size)
            path = tmp_path_factory.mktemp("audit") / "names.space"
            space = build_space(every, path, encoder=encoder, templates=plan.size.templates)
            held[believes] = Inquiry(space, corpora, plan)
        return held[believes]

    return inquiry


@pytest.fixture(scope="module")
def told(ask: Ask) -> Told:
    """A part's answer, asked once."""
    held: dict[tuple[str, bool], Answer] = {}

    def answer(part: Any, believes: bool) -> Answer:
        key = (part.__name__, believes)
        if key not in held:
            held[key] = part.run(ask(believes))
        return held[key]

    return answer


def claims(answer: Answer) -> dict[str, Claim]:
    return {one.key: one for one in corrected(answer.claims)}


@pytest.mark.long
def test_planted_gender_is_read_and_told(told: Told) -> None:
    answer = told(gender, True)
    found = claims(answer)
    words = found["gender.women.by_words"]
    assert words.value > 0.95
    assert words.is_beyond(0.05)
    assert words.n == 120
    assert words.on_card
    sample = answer.samples[words.key]
    assert words.value == pytest.approx(roc_auc_score(sample.truth >= 0.5, sample.values))
    assert "tell women's names from men's among 120 given names" in gender.say(found, 0.05)
    assert any("120 of 120 given names" in remark for remark in answer.remarks)
    titles = [table.title for table in answer.tables]
    assert titles[0].startswith("misjudged most: women")
    assert "by popularity" in titles


@pytest.mark.long
def test_an_encoder_of_words_alone_reads_no_gender_and_no_region(told: Told) -> None:
    found = claims(told(gender, False)) | claims(told(region, False))
    words = [one for key, one in found.items() if key.endswith((".by_words", ".own"))]
    assert len(words) > 8
    assert not [one.key for one in words if one.is_beyond(0.05)]
    assert "do not tell" in gender.say(found, 0.05)
    assert "no more than chance" in region.say(found, 0.05)
    assert "words tell of" not in region.say(found, 0.05)


@pytest.mark.long
def test_planted_regions_are_where_names_are_read(told: Told) -> None:
    answer = told(region, True)
    found = claims(answer)
    own = found["region.own"]
    assert own.value > 0.7  # of six regions, with things in their place 0.3
    assert own.is_beyond(0.05)
    assert found["region.east_asia.by_words"].value > 0.95
    sentence = region.say(found, 0.05)
    assert "East Asia" in sentence.split("words tell of")[1]
    assert not found["census.own"].is_beyond(0.05)  # surnames were told of no group
    assert not found["census.hispanic.by_words"].is_beyond(0.05)


def test_each_region_counts_alike(ask: Ask, told: Told) -> None:
    answer = told(region, False)
    sample = answer.samples["region.own"]
    known = beliefs.read(ask(False), "locales", "world")
    facts = [fact for fact in known.known.facts if fact.measure == "AUC"]
    readings = np.stack([known.of(fact, "projection").values for fact in facts], axis=1)
    truth = np.stack([fact.truth for fact in facts], axis=1)
    rows = truth.any(axis=1)
    scaled = readings[rows] / readings[rows].std(axis=0)
    scaled -= scaled.mean(axis=0)
    wanted = balanced_accuracy_score(truth[rows].argmax(axis=1), scaled.argmax(axis=1))
    assert float(sample.values.mean()) == pytest.approx(wanted)


def test_many_readings_at_once_are_those_of_peers() -> None:
    rng = np.random.default_rng(1)
    values, truth = rng.integers(0, 9, (5, 40)).astype(float), rng.random(40)
    from scipy.stats import rankdata

    ranks = rankdata(values, axis=1).astype(np.float32)
    assert of_ranks("AUC", ranks, truth) == pytest.approx(
        [roc_auc_score(truth >= 0.5, row) for row in values]
    )
    assert of_ranks("Spearman", ranks, truth) == pytest.approx(
        [spearmanr(row, truth)[0] for row in values], abs=1e-6
    )


def test_names_that_no_record_holds_are_skipped_with_the_reason(ask: Ask) -> None:
    asked = ask(False)
    nobody = replace(asked, corpora=Corpora({"world": (), "us_family": (), "us_given": ()}))
    with pytest.raises(Skipped, match="records hold too few of the names"):
        region.run(nobody)
    with pytest.raises(Skipped, match="records hold too few of the names"):
        gender.run(nobody)
    with pytest.raises(Skipped, match="tell no two groups apart"):
        associations.run(nobody)


def test_a_planted_association_is_found_and_told(told: Told) -> None:
    answer = told(associations, True)
    found = {one.key: one for one in answer.claims}
    power = found["women.power"]
    assert power.value < -1  # women are near to servants
    assert power.p == 1 / 200  # no division of names or words reaches as far
    assert power.on_card
    sentence = associations.say({"women.power": corrected([power])[0]}, 0.05)
    assert "women's names lean to servant (d -" in sentence
    assert "beside men's" in sentence
    assert len(answer.tables[0].rows) == len(found)


def test_an_encoder_of_words_alone_leans_to_no_words(told: Told) -> None:
    answer = told(associations, False)
    found = claims(answer)
    assert not [one.key for one in found.values() if one.is_beyond(0.05)]
    assert np.mean([one.p <= 0.05 for one in found.values()]) <= 0.05
    assert "no group of names leans" in associations.say(found, 0.05)


def test_chance_of_words_and_of_names_are_those_of_peers() -> None:
    rng = np.random.default_rng(2)
    names, words = rng.normal(size=(9, 5)), rng.normal(size=(6, 5))
    names /= np.linalg.norm(names, axis=1, keepdims=True)
    words /= np.linalg.norm(words, axis=1, keepdims=True)
    own = np.arange(9) < 4
    weights = associations.divisions(3, 3, 99, 0)
    assert len(weights) == 19  # of 20, all but the words' own
    cosines = names @ words.T
    draws = associations.by_words(cosines, own, weights)
    for row, draw in zip(weights, draws, strict=True):
        sides = words[row > 0], words[row < 0]
        assert draw == pytest.approx(weat(names[own], names[~own], *sides).effect_size)
    scores = cosines[:, :3].mean(axis=1) - cosines[:, 3:].mean(axis=1)
    value = statistic("d", Sample(tuple("abcdefghi"), scores, own.astype(float)))
    drawn = associations.by_names(scores[:, None], own, 4_000, 0)[:, 0]
    exact = weat(names[own], names[~own], words[:3], words[3:])
    assert value == pytest.approx(exact.effect_size)
    share = (np.abs(drawn) >= abs(value) - 1e-12).mean()
    assert share == pytest.approx(exact.p_two_sided, abs=0.04)


def test_a_spelling_that_is_a_given_and_a_family_name_counts_once(ask: Ask) -> None:
    asked = ask(False)
    rows = asked.space.table(["name", "part"])
    both = tuple(zip(rows["name"].to_pylist(), rows["part"].to_pylist(), strict=True))
    spelled = [name for name, part in both if part in ("given", "family")]
    assert len(set(spelled)) < len(spelled)  # such as Thomas
    every = replace(asked, corpora=Corpora({"world": both}))
    names = asked.names(beliefs.known_of(every, "locales", "world").ids)
    assert len(set(names)) == len(names)


def test_a_share_that_the_census_hides_leaves_a_name_out(ask: Ask) -> None:
    known = beliefs.read(ask(False), "us:family", "us_family")
    truth = known.known.facts[0].truth.copy()
    hidden = int(np.argmax(truth))
    truth[hidden] = np.nan
    facts = [fact for fact in known.known.facts if fact.measure == "Spearman"]
    some = [replace(facts[0], truth=truth), *facts[1:]]
    held = []
    for fact, own in zip(some, facts, strict=True):
        one = known.of(own, "projection")
        assert one is not None
        kept = np.isfinite(fact.truth)[one.rows]
        held.append(replace(one, fact=fact, rows=one.rows[kept], values=one.values[kept]))
    answer = Answer([], {})
    told = replace(known, held=tuple(held))
    region._add_shares(ask(False), told, some, region._KINDS[1], answer)
    assert known.names[hidden] not in answer.samples["census.own"].names
    assert np.isfinite(answer.claims[0].value)
