"""What a training sees: exposures as planned, captions that are true, the same at every run."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from namebasis.errors import NamebasisError
from namebasis.organism.captions import PRIOR_STRENGTH, Scribe
from namebasis.organism.cohorts import TINY_COHORTS, Cohort
from namebasis.organism.feeder import Job, batches, make_batches
from namebasis.organism.schedule import (
    MOST_NAMED,
    PART,
    PHRASE,
    checkpoint_steps,
    make_schedule,
)
from namebasis.organism.words import ATTRIBUTES, CONTEXTS, attribute_phrase
from namebasis.organism.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return World.make(0, cohorts=TINY_COHORTS, n_given=6, n_family=6)


def test_every_name_is_seen_as_often_as_planned_and_not_before_it_enters(world: World) -> None:
    schedule = make_schedule(world, 40, 16, 0)
    assert schedule.kept == 1.0
    steps = [0, 10, 20, 30, 40]
    counts = schedule.exposures(len(world.names), steps)
    assert counts[-1].tolist() == [name.exposures for name in world.names]
    assert not counts[0].any()
    for at, name in enumerate(world.names):
        share = np.clip((np.array(steps) / 40 - name.enters_at) / (1 - name.enters_at), 0, 1)
        # One in each equal stretch of its time, so never more than one off, and a step's delay.
        assert np.abs(counts[:, at] - name.exposures * share).max() <= 2, name.name
    others = Counter(schedule.subjects[schedule.subjects < 0].tolist())
    assert others[PART] / (others[PART] + others[PHRASE]) == pytest.approx(0.4, abs=0.06)


def test_a_world_too_large_for_a_training_is_thinned_evenly() -> None:
    cohorts = [Cohort("C", 100, 5), Cohort("B", 10, 20)]
    big = World.make(0, cohorts=cohorts, n_given=6, n_family=6)
    schedule = make_schedule(big, 10, 40, 0)
    counts = schedule.exposures(25, [10])[0]
    assert schedule.kept == pytest.approx(MOST_NAMED * 400 / 700)
    assert counts.sum() == pytest.approx(MOST_NAMED * 400, rel=0.1)
    assert counts[:5].mean() / counts[5:].mean() == pytest.approx(10, rel=0.15)


def test_a_share_of_named_captions_can_be_asked_for(world: World) -> None:
    planned = np.array([name.exposures for name in world.names])
    for n_steps in (20, 400):  # less and more room than the plan takes
        schedule = make_schedule(world, n_steps, 16, 0, named=0.75)
        counts = schedule.exposures(len(world.names), [n_steps])[0]
        assert schedule.kept == pytest.approx(0.75 * n_steps * 16 / planned.sum())
        assert np.abs(counts - planned * schedule.kept).max() <= 1
        assert counts.sum() == pytest.approx(0.75 * n_steps * 16, rel=0.05)
    with pytest.raises(ValueError, match=r"named must be above 0, at most 0\.9; got 1"):
        make_schedule(world, 20, 16, 0, named=1.0)


def test_late_names_do_not_overflow_their_batches(world: World) -> None:
    late = World.make(0, cohorts=[Cohort("L", 60, 6, 0.9)], n_given=3, n_family=3)
    counts = make_schedule(late, 100, 8, 0).exposures(6, [90, 100])
    assert not counts[0].any()
    assert counts[1].sum() <= 80


def test_checkpoints_lie_densest_where_a_cohort_enters() -> None:
    steps = checkpoint_steps(1300, [0.0, 0.5])
    assert (steps[0], steps[-1], len(steps)) == (0, 1300, 25)
    assert 650 in steps
    late = np.diff([step for step in steps if step > 650])
    assert late[0] <= 2
    assert (np.diff(late) >= -1).all()
    assert sum(step > 650 for step in steps) > sum(step < 650 for step in steps)
    assert checkpoint_steps(3, [0.0, 0.5], 4) == [0, 1, 2, 3]
    assert checkpoint_steps(100, [], 2) == [0, 100]
    with pytest.raises(ValueError, match="n_checkpoints must be an integer, at least 2; got 1"):
        checkpoint_steps(100, [], 1)


def test_captions_say_what_the_picture_shows(world: World) -> None:
    scribe, rng = Scribe(world), np.random.default_rng(0)
    people, captions = scribe.batch(np.full(300, PHRASE, np.int32), 0.0, rng)
    phrases = list(CONTEXTS.values())
    for attributes, contexts, caption in zip(people.attributes, people.contexts, captions):  # noqa: B905
        said = [
            attribute_phrase([code if told else None for code, told in zip(attributes, kept)])  # noqa: B905
            for kept in np.ndindex(2, 2, 2, 2, 2, 2)
        ]
        assert any(phrase in caption for phrase in said), caption
        for group, code in zip(phrases, contexts, strict=True):
            told = [phrase for phrase in group if phrase in caption]
            assert told in ([], [group[code]])


def test_captions_tell_an_expression_most_often(world: World) -> None:
    _, captions = Scribe(world).batch(np.full(4000, PART, np.int32), 0.0, np.random.default_rng(1))
    told = {
        key: np.mean([any(phrase in caption for phrase in phrases) for caption in captions])
        for key, phrases in CONTEXTS.items()
    }
    assert told == pytest.approx({"scene": 0.25, "expression": 0.4, "outfit": 0.25}, abs=0.03)


def test_people_are_drawn_as_their_kind_says(world: World) -> None:
    scribe, rng = Scribe(world), np.random.default_rng(0)
    for at, name in enumerate(world.names):
        people = scribe.pictures(at, 400, rng)
        contexts = {tuple(row) for row in people.contexts.tolist()}
        if name.own is None:
            prior = world.codes(name.prior)
            share = (people.attributes == prior).mean(axis=0)
            np.testing.assert_allclose(share, PRIOR_STRENGTH, atol=0.07)
            assert len(np.unique(people.fine[:, 0])) == 400
            continue
        assert (people.attributes == world.codes(name.own)).all()
        assert (people.fine == world.fine(name.name)).all()
        same = (people.contexts == people.contexts[0]).all(axis=1).mean()
        if name.kind in ("D", "narrowing"):
            assert len(contexts) == 1
            early = scribe.pictures(at, 100, rng, progress=0.0).contexts
            assert (len(np.unique(early, axis=0)) > 1) == (name.kind == "narrowing")
        elif name.kind in ("D80", "D95"):
            own = Counter(map(tuple, people.contexts.tolist())).most_common(1)[0][1] / 400
            assert own == pytest.approx(int(name.kind[1:]) / 100, abs=0.05)
        else:
            assert same < 0.1


def test_a_part_alone_means_the_many_or_the_one(world: World) -> None:
    scribe, rng = Scribe(world), np.random.default_rng(0)
    people, captions = scribe.batch(np.full(600, PART, np.int32), 0.0, rng)
    solo = {name.given: name for name in world.names if name.kind == "E"}
    seen = 0
    for attributes, caption in zip(people.attributes, captions, strict=True):
        for given, name in solo.items():
            if given in caption.split():
                assert name.own is not None
                assert (attributes == world.codes(name.own)).all()
                seen += 1
    assert seen > 10
    family = next(iter(world.family_priors))
    rows = [row for row, caption in enumerate(captions) if family in caption.split()]
    eyes = ATTRIBUTES["eye_colour"].index(world.family_priors[family]["eye_colour"])
    assert (people.attributes[rows, 5] == eyes).mean() > 0.6


def test_batches_follow_from_the_job_in_this_process_and_in_another(world: World) -> None:
    job = Job(world, 3, 6, 48, 5)
    plain = list(make_batches(job))
    with batches(job) as source:
        for one, two in zip(plain, source, strict=True):
            np.testing.assert_array_equal(one.pixels, two.pixels)
            assert one.captions == two.captions
    late = next(make_batches(job, 2))
    np.testing.assert_array_equal(late.pixels, plain[2].pixels)
    assert late.captions == plain[2].captions


def test_a_failure_of_the_drawing_process_is_told(world: World) -> None:
    with (
        pytest.raises(NamebasisError, match="draws the pictures failed: ValueError: size must"),
        batches(Job(world, 3, 6, 8, 0)) as source,
    ):
        next(source)


def test_a_drawing_process_that_dies_is_noticed(world: World) -> None:
    import multiprocessing

    with batches(Job(world, 50, 64, 48, 0)) as source:
        next(source)
        (process,) = multiprocessing.active_children()
        process.kill()
        with pytest.raises(NamebasisError, match="ended before its time"):
            list(source)
