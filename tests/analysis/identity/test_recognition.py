"""Places of true names among candidates, against counting them one by one."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.identity.recognition import (
    Person,
    Ranking,
    ahead_of,
    places_among,
    pointing,
    unit,
)


def test_places_are_those_of_counting_name_by_name() -> None:
    rng = np.random.default_rng(0)
    names = unit(rng.standard_normal((300, 8)))
    basis = np.linalg.qr(rng.standard_normal((8, 3)))[0].T
    # Row 7 is the first name under another number, and the last name is none of the candidates.
    new = unit(rng.standard_normal(8))
    people = [
        Person.of(unit(name + 0.8 * rng.standard_normal((n, 8))), name, own, 50, rng)
        for name, n, own in ((names[3], 6, [3, 7]), (names[120], 1, [120]), (new, 4, []))
    ]
    ranking = Ranking(people, basis, k=4, n_alike=10)
    for start in range(0, 300, 64):
        ids = np.arange(start, min(start + 64, 300))
        ranking.take(ids, names[ids])
    for person, place in zip(people, ranking.places(), strict=True):
        others = [at for at in range(300) if at not in person.rows]
        own, scores = person.mean @ person.name, names @ person.mean
        assert place.rank == 1 + sum(scores[at] > own for at in others)
        assert place.margin == pytest.approx(own - max(scores[at] for at in others))
        assert [at for at, _ in place.best] == np.argsort(-scores, kind="stable")[:4].tolist()
        each = person.photos @ names.T
        ranks = 1 + (each[:, others] > (person.photos @ person.name)[:, None]).sum(axis=1)
        assert place.photo_ranks.tolist() == ranks.tolist()
        drawn = person.draws @ names[others].T
        true = person.draws @ person.name
        assert np.allclose(place.draw_margins, true - drawn.max(axis=1))
        coarse = unit(names @ basis.T) @ unit(person.mean @ basis.T)
        apart = np.abs(coarse - unit(person.name @ basis.T) @ unit(person.mean @ basis.T))
        nearest = sorted(others, key=lambda at: apart[at])[:10]
        assert set(place.alike.tolist()) == set(nearest)


def test_one_photo_resampled_is_that_photo() -> None:
    rng = np.random.default_rng(1)
    photo = unit(rng.standard_normal((1, 5)))
    person = Person.of(photo, photo[0], [0], 20, rng)
    assert np.allclose(person.draws, photo)


def test_ahead_of_counts_ties_half() -> None:
    photos = np.array([[1.0, 0.0], [0.0, 1.0]])
    name, others = np.array([1.0, 0.0]), np.array([[1.0, 0.0], [0.0, 1.0]])
    assert ahead_of(photos, name, others) == pytest.approx((0.5 + 1 + 0.5 + 0) / 4)


def test_an_own_direction_points_only_at_what_it_shares() -> None:
    own, towards = np.array([0.3, 0.0]), np.array([[2.0, 0.0], [0.0, 2.0], [-2.0, 0.0]])
    assert pointing(own, towards) == pytest.approx([0.3, 0.0, -0.3])


def test_places_among_all_names_leave_people_without_pictures_out() -> None:
    names = np.eye(4)
    pictures = np.array([[0.1, 0.9, 0.2, 0.0], [np.nan] * 4, [0.9, 0.1, 0.0, 0.0]])
    ranks, margins = places_among(pictures, names, np.array([1, 2, 1]))
    assert ranks.tolist() == [1, 0, 2]
    assert margins[0] == pytest.approx((0.9 - 0.2) / np.linalg.norm(pictures[0]))
    assert np.isnan(margins[1])
    assert margins[2] < 0
