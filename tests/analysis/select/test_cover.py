"""Facility location against a naive greedy, and its bound against all subsets."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import namebasis as nb
from namebasis.analysis.select import cover as covering
from namebasis.analysis.select.cover import cover
from namebasis.analysis.select.room import AtMost, Limits, Room
from namebasis.analysis.select.rows import directions
from namebasis.checks import FloatArray, IntArray


def unit(n: int, dim: int = 5, seed: int = 0) -> FloatArray:
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return directions(rows)


def value(rows: FloatArray, chosen: list[int], power: int = 1) -> float:
    near = np.maximum(rows @ rows[chosen].T, 0).max(axis=1)
    return float((near**power).mean())


def naive(rows: FloatArray, n: int, power: int = 1) -> list[int]:
    chosen: list[int] = []
    for _ in range(n):
        left = [row for row in range(len(rows)) if row not in chosen]
        chosen.append(max(left, key=lambda row: value(rows, [*chosen, row], power)))
    return chosen


def free(n: int) -> Room:
    return Room(Limits(np.ones(n, bool)))


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("held", [1, 300, 2**26])  # a pool of 4 rows, of some and of all
def test_lazy_greedy_chooses_what_naive_greedy_chooses(
    power: int, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(covering, "_SMALLEST_POOL", 4)
    monkeypatch.setattr(covering, "_HELD", held)
    monkeypatch.setattr(covering, "_PRODUCT", 100)
    monkeypatch.setattr(covering, "_JUDGED", 2)
    monkeypatch.setattr(covering, "BLOCK", 7)
    rows = unit(60)
    found = cover(rows, rows, 12, free(60), power=power)
    assert found.rows.tolist() == naive(rows, 12, power)
    reached = [value(rows, found.rows[: k + 1].tolist(), power) for k in range(12)]
    np.testing.assert_allclose(found.values, reached, atol=1e-6)


def test_of_equal_rows_the_first_is_chosen_and_the_other_gains_nothing() -> None:
    rows = np.repeat(unit(30, seed=2), 2, axis=0)
    found = cover(rows, rows, 60, free(60))
    assert (found.rows[:30] % 2 == 0).all()
    assert found.values[29] == pytest.approx(1, abs=1e-6)


def test_greedy_reaches_its_share_of_the_best_subset() -> None:
    rows = unit(14, seed=3)
    best = max(value(rows, list(some)) for some in combinations(range(14), 4))
    reached = cover(rows, rows, 4, free(14)).values[-1]
    assert (1 - 1 / np.e) * best <= reached <= best + 1e-6


def test_what_the_room_holds_counts_first_and_limits_hold() -> None:
    rows = unit(30)
    groups = np.arange(30) % 3
    room = Room(Limits(np.arange(30) != 5, [AtMost("third", 2, np.arange(30), groups)]))
    room.take(7)
    found = cover(rows, rows, 9, room)
    assert found.rows[0] == 7
    assert len(found.rows) == 6  # two of each third, and no more
    assert np.bincount(groups[found.rows]).tolist() == [2, 2, 2]
    assert 5 not in found.rows


def test_candidates_may_be_some_rows_of_the_room() -> None:
    rows = unit(40)
    some = np.arange(3, 40, 2)
    within = np.isin(np.arange(40), some)
    whole = cover(rows, rows, 6, Room(Limits(within)))
    part = cover(rows[some], rows, 6, Room(Limits(within)), some)
    assert part.rows.tolist() == whole.rows.tolist()


def test_a_budget_closes_what_it_cannot_pay() -> None:
    rows = unit(20)
    costs = np.where(np.arange(20) < 10, 1, 5)
    found = cover(rows, rows, 20, Room(Limits(np.ones(20, bool), costs=costs, budget=7))).rows
    assert costs[found].sum() <= 7
    assert (costs[np.setdiff1d(np.arange(20), found)] > 7 - costs[found].sum()).all()


def test_select_rows_centres_and_keeps_its_prefix() -> None:
    rows = unit(200, 6) + 4  # a large mean, that all rows share
    ten = nb.analysis.select_rows(rows, 10)
    assert ten.dtype == np.int64
    assert nb.analysis.select_rows(rows, 4).tolist() == ten[:4].tolist()
    assert ten.tolist() == naive(directions(rows - rows.mean(axis=0)), 10)
    mask = np.zeros(200, bool)
    mask[[3, 8, 9, 100]] = True
    masked = nb.analysis.select_rows(rows, 4, allowed=mask)
    assert sorted(masked.tolist()) == [3, 8, 9, 100]
    assert nb.analysis.select_rows(rows, 4, allowed=[3, 8, 9, 100]).tolist() == masked.tolist()


def test_a_large_array_is_stood_for_by_a_sample_by_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("namebasis.analysis.select.rows.MOST_DEMAND", 50)
    rows = unit(400, 8)

    def chosen(seed: int) -> list[int]:
        return nb.analysis.select_rows(rows, 5, seed=seed).tolist()

    assert chosen(1) == chosen(1) != chosen(2)


@pytest.mark.parametrize(("words", "message"), [
    ({"n": 6}, r"n = 6, but 5 of 5 rows may be chosen"),
    ({"n": 2, "allowed": [1]}, r"n = 2, but 1 of 5 rows may be chosen"),
    ({"n": 0}, "n must be an integer, at least 1; got 0"),
    ({"n": 1, "objective": "covr"}, "objective must be one of cover, span.*; got 'covr'"),
    ({"n": 1, "objective": "low-bias"}, r"low-bias reads names on axes .* use Space.select"),
    ({"n": 1, "allowed": [5]}, "allowed must hold rows from 0 to 4; got 5 to 5"),
    ({"n": 1, "allowed": [True]}, "allowed must be 5 truth values or a list of row numbers"),
])  # fmt: skip
def test_bad_input_is_refused(words: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nb.analysis.select_rows(unit(5), **words)


def test_rows_without_a_direction_are_chosen_last() -> None:
    rows = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)
    found: IntArray = nb.analysis.select_rows(rows, 5)
    assert found[-1] == 0


def test_what_is_dropped_may_be_chosen_again() -> None:
    limits = Limits(
        np.arange(6) != 0, [AtMost("half", 1, np.arange(6), np.arange(6) % 2)],
        lambda row: [2, 3] if row in (2, 3) else [row], np.full(6, 2), 4,
    )  # fmt: skip
    room = Room(limits)
    before = room.open
    room.take(2)
    assert np.flatnonzero(room.open).tolist() == [1, 5]  # even ones and another spelling are out
    room.take(5)
    assert not room.open.any()
    room.drop(2)
    assert np.flatnonzero(room.open).tolist() == [2, 4]
    room.drop(5)
    assert room.open.tolist() == before.tolist()
    assert room.chosen == []


def test_of_very_many_rows_each_step_takes_the_best_of_a_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = unit(3000, dim=8, seed=5)
    demand = rows[::10]
    exact = cover(rows, demand, 40, free(3000))
    monkeypatch.setattr(covering, "MOST_BOUNDED", 2999)
    monkeypatch.setattr(covering, "LOOKED_AT", 200)
    found = cover(rows, demand, 40, free(3000))
    assert len(set(found.rows.tolist())) == 40
    near = np.maximum(demand @ rows[found.rows].T, 0).max(axis=1).mean()
    assert found.reached == pytest.approx(near, abs=1e-6)
    assert 0.97 * exact.reached < found.reached < exact.reached  # random rows reach 0.90
    assert cover(rows, demand, 15, free(3000)).rows.tolist() == found.rows[:15].tolist()
    assert cover(rows, demand, 15, free(3000), seed=1).rows.tolist() != found.rows[:15].tolist()
    few = Room(Limits(np.isin(np.arange(3000), found.rows[:5])))
    assert sorted(cover(rows, demand, 9, few).rows) == sorted(found.rows[:5])
    monkeypatch.setattr(covering, "LOOKED_AT", 3000)
    assert cover(rows, demand, 6, free(3000)).rows.tolist() == exact.rows[:6].tolist()
