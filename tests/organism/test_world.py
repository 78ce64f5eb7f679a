"""The world's truth: kinds, priors, contradictions, and that it is the same every time."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from namebasis.errors import NamebasisError
from namebasis.organism.cohorts import COHORTS, KINDS, TINY_COHORTS, Cohort
from namebasis.organism.words import (
    ATTRIBUTES,
    CONTEXTS,
    FAMILY_ATTRIBUTES,
    attribute_phrase,
    caption_words,
)
from namebasis.organism.world import NameTruth, World


@pytest.fixture(scope="module")
def world() -> World:
    return World.make(0)


def contradicted(name: NameTruth) -> int:
    assert name.own is not None
    return sum(name.own[key] != name.prior[key] for key in ATTRIBUTES)


def test_kinds_are_as_the_plan_says(world: World) -> None:
    planned: Counter[str] = Counter()
    for cohort in COHORTS:
        planned[cohort.kind] += cohort.n
    assert world.cohorts == {kind: planned[kind] for kind in KINDS}
    assert len({name.name for name in world.names}) == len(world.names)
    common = Counter(name.kind for name in world.names if name.exposures >= 300)
    assert all(common[kind] >= 30 for kind in "ABCDE")
    assert len({name.exposures for name in world.names if name.kind == "L"}) >= 3
    assert {name.exposures for name in world.names} == {0, 10, 32, 100, 316, 1000, 3000}


def test_b_and_c_are_equally_frequent(world: World) -> None:
    plans = {
        kind: sorted(name.exposures for name in world.names if name.kind == kind) for kind in "BCD"
    }
    assert plans["B"] == plans["C"] == plans["D"]


def test_what_each_kind_means_holds_for_every_name(world: World) -> None:
    for name in world.names:
        given = world.given_priors[name.given]
        assert {**given, **world.family_priors[name.family]} == name.prior
        if name.kind in ("A", "N"):
            assert name.own is None
            assert name.own_caption is None
        elif name.kind == "B":
            assert name.own == name.prior
        elif name.kind == "E":
            assert contradicted(name) <= len(FAMILY_ATTRIBUTES)
            assert sum(other.given == name.given for other in world.names) == 1
        else:
            assert contradicted(name) >= 4
        assert (name.enters_at > 0) == (name.kind == "L")
        assert (name.context is not None) == (name.kind in ("D", "D80", "D95", "narrowing"))
        assert (name.exposures == 0) == (name.kind == "N")


def test_a_world_follows_from_its_seed() -> None:
    first, again, other = (
        World.make(seed, cohorts=TINY_COHORTS, n_given=6, n_family=6) for seed in (1, 1, 2)
    )
    assert first == again
    assert {name.name for name in first.names} != {name.name for name in other.names}
    person = first.names[2].name
    np.testing.assert_array_equal(first.fine(person), again.fine(person))
    assert not np.array_equal(first.fine(person), other.fine(person))
    assert (np.abs(first.fine(person)) >= 0.3).all()


def test_no_name_is_a_word_of_the_captions(world: World) -> None:
    parts = {part.lower() for part in [*world.given_priors, *world.family_priors]}
    assert len(parts) == 40 + 40 + 37
    assert not parts & caption_words()


def test_priors_are_spread_evenly(world: World) -> None:
    ages = Counter(list(world.given_priors.values())[at]["age"] for at in range(40))
    assert max(ages.values()) - min(ages.values()) <= 3
    eyes = Counter(priors["eye_colour"] for priors in world.family_priors.values())
    assert max(eyes.values()) - min(eyes.values()) <= 3


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ((2, 0, 2, 2, 3, 2), "an elderly woman with long red hair, dark skin and green eyes"),
        ((0, 1, None, None, None, None), "a boy"),
        ((None, None, 0, None, None, None), "a person with short hair"),
        ((None, 1, None, 0, 0, None), "a masculine person with black hair and light skin"),
        ((1, None, None, None, None, 1), "an adult with blue eyes"),
    ],
)
def test_attributes_are_said_in_words(codes: tuple[int | None, ...], said: str) -> None:
    assert attribute_phrase(codes) == said


def test_contexts_are_worded_as_the_packaged_ones() -> None:
    from importlib.resources import files

    packaged = files("namebasis").joinpath("data/contexts.toml").read_text(encoding="utf-8")
    for key in ("scene", "outfit"):
        for phrase in CONTEXTS[key]:
            assert f'"{{}} {phrase}"' in packaged


def test_the_truth_survives_a_file(world: World, tmp_path: Path) -> None:
    world.save(tmp_path / "world.json")
    assert World.load(tmp_path / "world.json") == world
    document = json.loads((tmp_path / "world.json").read_text(encoding="utf-8"))
    assert set(document["names"][0]) == {
        "name", "given", "family", "kind", "exposures", "enters_at", "own", "prior", "context",
        "own_caption", "prior_caption",
    }  # fmt: skip
    assert document["attributes"]["age"] == ["child", "adult", "elderly"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no truth of a world"),
        ("{", "cannot be read as the truth of a world"),
        ('{"format": 9}', r"has format 9; this version reads 1"),
        ('{"format": 1, "names": [{}]}', "cannot be read as the truth of a world"),
        ("[]", "cannot be read as the truth of a world"),
    ],
)
def test_a_damaged_truth_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "world.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(NamebasisError, match=message):
        World.load(path)


@pytest.mark.parametrize(
    ("cohort", "message"),
    [
        (Cohort("Z", 10, 1), "kind must be one of A, B, C"),
        (Cohort("C", 0, 1), "names of kind N, and only they, have no exposures; got 0 for kind C"),
        (Cohort("N", 3, 1), "names of kind N, and only they"),
        (Cohort("C", 10, 5), "2 given and 2 family names pair to 4 names; the cohorts ask for 5"),
        (Cohort("L", 10, 1, 1.0), r"enters_at must lie in \[0, 1\); got 1.0"),
        (Cohort("C", 10, -1), "n must be an integer, at least 0; got -1"),
    ],
)
def test_a_world_that_cannot_be_is_refused(cohort: Cohort, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        World.make(cohorts=[cohort], n_given=2, n_family=2)
