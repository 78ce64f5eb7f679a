"""An organism is asked of its own world: what is found is what its world was made with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from namebasis.auditing.claims import corrected
from namebasis.auditing.inquiry import Inquiry
from namebasis.auditing.organism import Home, home_of, world_of
from namebasis.auditing.parts import age, associations, gender, region, rigidity
from namebasis.auditing.plan import load_plan
from namebasis.encoders.base import Encoder
from namebasis.encoders.registry import load_encoder
from namebasis.organism.words import ATTRIBUTES
from namebasis.space import build_space
from tests.campaign.tiny import Tiny


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder("organism")


@pytest.fixture(scope="module")
def home(encoder: Encoder) -> Home:
    world = world_of(encoder)
    assert world is not None
    return home_of(world, replace(load_plan(quick=True), n_draws=1_999))


@pytest.fixture(scope="module")
def inquiry(encoder: Encoder, home: Home, tmp_path_factory: pytest.TempPathFactory) -> Inquiry:
    path = tmp_path_factory.mktemp("organism") / "names.space"
    space = build_space(home.names, path, encoder=encoder, templates="person")
    return Inquiry(space, home.corpora, home.plan, home.counts, world=home.world)


def test_only_an_organism_has_a_world(encoder: Encoder) -> None:
    assert world_of(Tiny()) is None
    assert world_of(encoder) is not None


def test_it_is_asked_of_its_own_names_in_its_own_words(encoder: Encoder, home: Home) -> None:
    seen = {one.name: one for one in home.world.names}
    assert set(home.corpora.names("us_given")) == set(home.world.given_priors)
    assert all(seen[name].exposures for name in home.corpora.names("world"))
    assert not any(seen[name].exposures for name in home.corpora.names("made_up"))
    assert all(seen[name].has_person for name in home.counts)
    texts = [*home.plan.things]
    for one in home.plan.attributes:
        assert len(set(one.words_towards)) == len(one.words_towards) == len(one.words_away)
        texts += [one.sentence.replace("{}", word) for word in one.words_towards + one.words_away]
    pieces = encoder.pieces(texts)
    assert all(piece.endswith("</w>") for row in pieces for piece in row)  # each word is known
    assert home.plan.fingerprint != load_plan(quick=True).fingerprint


@pytest.mark.long
def test_what_is_read_is_what_the_world_was_made_with(inquiry: Inquiry) -> None:
    found = {}
    for part in (age, gender, region):
        answer = part.run(inquiry)
        found |= {one.key: one for one in corrected(answer.claims)}
        truth = answer.samples[answer.claims[0].key].truth
        if part is age:
            sample = answer.samples["age.age.by_words"]
            wanted = [
                ATTRIBUTES["age"].index(inquiry.world.given_priors[name]["age"])  # type: ignore[union-attr]
                for name in sample.names
            ]
            assert np.array_equal(truth, wanted)
    assert found["age.age.by_words"].value > 0.85
    assert found["gender.women.by_words"].value > 0.98
    assert found["census.own"].value > 0.85
    assert found["census.own"].high <= 1
    tested = [one for key, one in found.items() if "beyond" not in key]
    assert all(one.is_beyond(0.05) for one in tested)
    assert any("no countries" in remark for remark in region.run(inquiry).remarks)


def test_groups_lean_to_words_for_what_they_are_and_to_no_others(inquiry: Inquiry) -> None:
    own = associations.run(inquiry).claims
    others = [one for part in (age, gender, region) for one in part.run(inquiry).claims]
    found = corrected([*own, *others])[: len(own)]  # as the audit does, for the claims of all parts
    true = {"women.gender", "older.age", "dark.skin_tone", "brown.skin_tone"}
    assert len(found) == 4 * len(ATTRIBUTES)
    assert {one.key for one in found if one.is_beyond(0.05)} == true
    assert all(one.value > 1.5 for one in found if one.key in true)


@pytest.mark.long
def test_people_it_was_told_of_stay_alike_beside_names_it_never_saw(inquiry: Inquiry) -> None:
    small = replace(inquiry.plan, size=replace(inquiry.plan.size, rigid=40))
    answer = rigidity.run(replace(inquiry, plan=small))
    told = {one.name: one.exposures for one in inquiry.world.names}  # type: ignore[union-attr]
    sample = answer.samples[rigidity.KNOWN]
    frequent, unseen = sample.names[:40], sample.names[40:]
    assert min(told[one] for one in frequent) > 0
    assert {told[one] for one in unseen} == {0}
    (found,) = [one for one in corrected(answer.claims) if one.key == rigidity.KNOWN]
    assert found.is_beyond(0.05)
    assert found.value > 0
    births = next(one for one in answer.claims if one.key == rigidity.BIRTHS)
    assert births.label == "names with more captions stay alike"
