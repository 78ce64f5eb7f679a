"""Parts that put names into contexts and prompts, where the truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from namebasis.auditing.claims import Claim, corrected
from namebasis.auditing.corpora import GIVEN, MADE_UP, Corpora
from namebasis.auditing.inquiry import Answer, Inquiry, Skipped
from namebasis.auditing.parts import prompts, rigidity
from namebasis.auditing.plan import load_plan
from namebasis.checks import FloatArray
from namebasis.namespace.corpus.pseudo import pseudo_names
from namebasis.namespace.corpus.sources import read_names
from namebasis.space import build_space
from tests.campaign import tiny
from tests.campaign.tiny import Tiny
from tests.studies.toy import EncoderSpace

PLAN = load_plan(quick=True)
PLAN = replace(PLAN, n_draws=299, size=replace(PLAN.size, rigid=20, described=12))
FREQUENT = read_names("us:given", top=300).strings
PAINTERS = dict(zip(FREQUENT, PLAN.described[: PLAN.size.described], strict=False))
drawn = lru_cache(maxsize=None)(tiny.drawn)


class Worldly(Tiny):
    """Words add up; names of more births weigh more, and some look like somebody."""

    dim = 48
    fingerprint = "sha256:" + "e" * 64

    def __init__(self, *, knows: bool = True) -> None:
        self._weight = {n: 6 - 5 * at / 300 for at, n in enumerate(FREQUENT)} if knows else {}
        self._looks = {n: one.said for n, one in PAINTERS.items()} if knows else {}
        for one in PLAN.described if knows else ():
            self._looks |= {one.said: one.said, one.again: one.said}

    def _embed_texts(self, texts: list[str], batch_size: int | None) -> FloatArray:
        rows = []
        for text in texts:
            row = 0.3 * drawn("centre", self.dim)
            words = [text] if text in self._looks else text.replace(",", "").split()
            for word in words:
                row = row + self._weight.get(word, 1) * drawn(word, self.dim)
                if word in self._looks:
                    row = row + 8 * drawn("looks " + self._looks[word], self.dim)
            rows.append(row + drawn("noise " + text, self.dim))
        return np.stack(rows)


def asked(space: object, plan: object = PLAN) -> Inquiry:
    rows = {
        GIVEN: tuple((name, "given") for name in FREQUENT),
        MADE_UP: tuple((name, "pseudo") for name in pseudo_names(80, seed=0).strings),
    }
    return Inquiry(space, Corpora(rows), plan)  # type: ignore[arg-type]


def claims(answer: Answer) -> Mapping[str, Claim]:
    return {one.key: one for one in corrected(answer.claims)}


@pytest.fixture(scope="module")
def rigid() -> Answer:
    return rigidity.run(asked(EncoderSpace(Worldly())))


def test_frequent_names_that_weigh_more_stay_alike(rigid: Answer) -> None:
    found = claims(rigid)
    known, births = found[rigidity.KNOWN], found[rigidity.BIRTHS]
    assert known.is_beyond(0.05)
    assert known.value > 0.05
    assert births.is_beyond(0.05)
    sample = rigid.samples[rigidity.BIRTHS]
    place = [-FREQUENT.index(name) for name in sample.names]
    assert births.value == pytest.approx(spearmanr(sample.values, sample.truth)[0])
    assert spearmanr(place, sample.truth)[0] > 0.9  # within lengths, of which there are few
    said = rigidity.say(found, 0.05)
    assert "stay more alike over contexts than made-up ones" in said
    assert said.endswith("; the more frequent, the more alike.")


def test_kinds_hold_equally_many_names_of_every_length(rigid: Answer) -> None:
    chosen = rigidity.matched(asked(EncoderSpace(Worldly())))
    counted = [
        sorted(chosen.pieces[name] for name in chosen.names[kind]) for kind in rigidity.KINDS
    ]
    assert counted[0] == counted[1] == counted[2]
    assert len(counted[0]) == 20
    assert not set(chosen.names["frequent"]) & set(chosen.names["rare"])
    assert {FREQUENT[0], FREQUENT[-1]} < set(chosen.spread)
    (kinds, names) = rigid.tables
    assert [row[0] for row in kinds.rows] == list(rigidity.KINDS)
    assert all(row[-1].count(row[0]) == 1 for row in names.rows)


def test_nothing_is_claimed_of_contexts_where_names_weigh_the_same() -> None:
    found = claims(rigidity.run(asked(EncoderSpace(Worldly(knows=False)))))
    assert not any(one.is_beyond(0.05) for one in found.values())
    said = rigidity.say(found, 0.05)
    assert "stay about as alike over contexts as made-up ones" in said
    assert said.endswith("it does not follow how frequent a name is.")


def test_without_made_up_names_of_their_length_contexts_are_skipped() -> None:
    class Whole(Worldly):
        def tokenize(self, text: str) -> list[str]:
            return [text] if text in FREQUENT else [*text]

    with pytest.raises(Skipped, match="only 0 made-up names are written in as many pieces"):
        rigidity.run(asked(EncoderSpace(Whole())))


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    return prompts.run(_space(tmp_path_factory.mktemp("painted"), Worldly()))


def _space(folder: Path, encoder: Worldly) -> Inquiry:
    names = read_names("us:given", top=60)
    return asked(build_space(names, folder / "names.space", encoder=encoder, templates=["{}"]))


@pytest.mark.long
def test_names_that_look_like_the_described_are_found_and_paint_them(painted: Answer) -> None:
    found = claims(painted)[prompts.PAINTED]
    assert found.is_beyond(0.05)
    (table,) = painted.tables
    looks = {one.said: name for name, one in PAINTERS.items()}
    for said, prompt, rank, most in table.rows:
        assert looks[said] in prompt
        assert rank == most == 1
    said = prompts.say(claims(painted), 0.05)
    assert said.startswith("Prompts of 3 names paint 12 described people (1.00")
    assert said.endswith("the descriptions reach 1.00.")


@pytest.mark.long
def test_names_that_say_nothing_paint_nobody(tmp_path: Path) -> None:
    found = claims(prompts.run(_space(tmp_path, Worldly(knows=False))))
    assert not any(one.is_beyond(0.05) for one in found.values())
    assert "do not paint 12 described people" in prompts.say(found, 0.05)


def test_second_wordings_are_exchanged_among_those_of_their_length() -> None:
    lengths = np.array([9, 3, 3, 9, 3, 9, 3, 9])
    seen = set()
    for seed in range(40):
        found = prompts.exchanged(lengths, np.random.default_rng(seed))
        assert sorted(found) == list(range(8))
        assert (lengths[found] == lengths).all()
        seen.add(tuple(found))
    assert len(seen) > 30


def test_a_wording_is_placed_by_the_share_of_others_it_is_nearer_than() -> None:
    found = prompts._places(np.array([[3.0, 1.0, 2.0], [1.0, 1.0, 1.0], [0.0, 5.0, 4.0]]))
    assert found.tolist() == [[1.0, 0.0, 0.5], [0.5, 0.5, 0.5], [0.0, 1.0, 0.5]]
