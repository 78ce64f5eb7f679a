"""Parts that ask about people: where it is known whom the encoder knows, and by which name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from namebasis.auditing.claims import Claim, corrected
from namebasis.auditing.corpora import FAMILY, GIVEN, Corpora
from namebasis.auditing.inquiry import Answer, Inquiry, Skipped
from namebasis.auditing.parts import identity, mentions
from namebasis.auditing.parts.recombined import SIDES, recombine
from namebasis.auditing.plan import load_plan
from namebasis.checks import FloatArray
from namebasis.namespace.corpus.full_names import cut
from namebasis.namespace.corpus.sources import read_names
from tests.campaign import tiny
from tests.campaign.tiny import Tiny
from tests.studies.toy import EncoderSpace

PLAN = load_plan(quick=True)
PLAN = replace(PLAN, n_draws=499, size=replace(PLAN.size, people=24, swaps=8))
PEOPLE = PLAN.people[: PLAN.size.people]
KNOWN = PEOPLE[::2]
drawn = lru_cache(maxsize=None)(tiny.drawn)
POINTING = {name.rpartition(" ")[2]: name for name in KNOWN}
HOLDING = "Einstein"


class Knowing(Tiny):
    """Words add up and interact at random; known people have their family name's direction.

    One family name drowns whatever stands beside it.
    """

    dim = 48

    def __init__(self, *, knows: bool = True) -> None:
        self._known = KNOWN if knows else ()

    def _embed_texts(self, texts: list[str], batch_size: int | None) -> FloatArray:
        rows = []
        for text in texts:
            row = drawn("centre", self.dim) + drawn("noise " + text, self.dim) / 2
            for word in text.split():
                row = row + drawn(word, self.dim)
                if self._known and word == HOLDING:
                    row = row + 8 * drawn(word, self.dim)
            who = POINTING.get(text, text)  # a family name alone, or the person
            rows.append(row + (3 * drawn("own " + who, self.dim) if who in self._known else 0))
        return np.stack(rows)


def inquiry(encoder: Tiny, **words: object) -> Inquiry:
    rows = {
        corpus: tuple((name, part) for name in read_names(f"us:{part}", top=300).strings)
        for corpus, part in ((GIVEN, "given"), (FAMILY, "family"))
    }
    return Inquiry(EncoderSpace(encoder), Corpora(rows), PLAN, **words)  # type: ignore[arg-type]


def claims(answer: Answer) -> Mapping[str, Claim]:
    return {one.key: one for one in corrected(answer.claims)}


@pytest.fixture(scope="module")
def knows() -> Answer:
    counts = {name: 10 ** (3 if name in KNOWN else 1) + at for at, name in enumerate(PEOPLE)}
    return identity.run(inquiry(Knowing(), counts=counts))


@pytest.fixture(scope="module")
def ignorant() -> Answer:
    return identity.run(inquiry(Knowing(knows=False)))


@pytest.mark.long
def test_the_people_whom_a_model_knows_are_found(knows: Answer) -> None:
    found = claims(knows)
    own = found["identity.own"]
    assert own.is_beyond(0.05)
    sample = knows.samples["identity.own"]
    held = {name for name, value in zip(sample.names, sample.values, strict=True) if value}
    assert len(held & set(KNOWN)) >= len(KNOWN) - 2
    assert len(held - set(KNOWN)) <= 2
    assert found["identity.told_apart"].value > 0.7


@pytest.mark.long
def test_the_part_that_points_to_people_is_told(knows: Answer) -> None:
    found = claims(knows)
    assert found["identity.family_points"].is_beyond(0.05)
    assert not found["identity.given_points"].is_beyond(0.05)
    table = next(one for one in knows.tables if one.key == "points")
    first = [(row[0], row[1]) for row in table.rows[:8]]
    assert all(POINTING.get(part) == name for part, name in first)
    said = identity.say(found, 0.05)
    assert "their family names alone point to them" in said
    assert said.startswith(f"{round(100 * found['identity.own'].value)} % of 24 people")


@pytest.mark.long
def test_a_name_that_drowns_its_partners_holds_its_person(knows: Answer) -> None:
    sample = knows.samples["identity.held"]
    gaps = dict(zip(sample.names, sample.values, strict=True))
    assert max(gaps, key=lambda name: gaps[name]) == "Albert Einstein"
    kinds = next(one for one in knows.tables if one.key == "kinds")
    assert sum(row[1] for row in kinds.rows) == 24
    assert sum(int(row[4].removesuffix(" %")) for row in kinds.rows) in range(97, 104)


@pytest.mark.long
def test_mentions_order_whom_it_knows_and_part_them(knows: Answer) -> None:
    found = claims(knows)[mentions.KEY]
    assert found.is_beyond(0.05)
    assert found.value > 0.5
    told = next(one for one in knows.remarks if one.startswith("From about"))
    at = float(told.split()[2].replace(",", ""))
    assert 34 <= at <= 1000  # the unknown end at 33, the known begin at 1,000


@pytest.mark.long
def test_a_model_that_knows_nobody_makes_no_claim(ignorant: Answer) -> None:
    found = claims(ignorant)
    assert not any(one.is_beyond(0.05) for one in found.values())
    said = identity.say(found, 0.05)
    assert "No more of 24 people" in said
    assert "neither their given nor their family names alone point to them" in said


def test_recombined_names_keep_one_part_and_the_others_pieces() -> None:
    asked = inquiry(Knowing())
    found = recombine(PEOPLE, asked, 3)
    pieces = {
        part: len(asked.encoder.pieces([part])[0]) for p in found.people.values() for part in p
    }
    for name, sides in found.others.items():
        for kept, side in enumerate(SIDES):
            for other in sides[side]:
                pair = cut(other).pair
                assert pair is not None
                assert pair[kept] == found.people[name][kept]
                assert pieces[pair[1 - kept]] == pieces[found.people[name][1 - kept]]
                assert other not in found.people
    assert sum(len(one) for sides in found.others.values() for one in sides.values()) > 60


def test_an_encoder_that_reads_too_few_is_skipped() -> None:
    class Blind(Knowing):
        def tokenize(self, text: str) -> list[str]:
            return ["[UNK]"]

    with pytest.raises(Skipped, match="reads 0 of the people's names in two parts; at least 12"):
        identity.run(inquiry(Blind()))


def test_people_with_counts_are_chosen_evenly() -> None:
    counts = {f"Anna Ber{at:03}": at for at in range(101)}
    assert [counts[name] for name in mentions.chosen(counts, 5)] == [0, 25, 50, 75, 100]
    assert len(mentions.chosen(counts, 200)) == 101
