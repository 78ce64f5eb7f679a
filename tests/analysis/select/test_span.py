"""A dictionary of rows whose codes rebuild the others."""

from __future__ import annotations

import numpy as np
import pytest

import namebasis as nb
from namebasis.analysis.select import span as spanning
from namebasis.analysis.select.room import Limits, Room
from namebasis.analysis.select.rows import directions
from namebasis.analysis.select.span import span
from namebasis.analysis.sparse.codes import sparse_code
from namebasis.checks import FloatArray, IntArray


def sums_of_atoms(n: int = 120) -> FloatArray:
    """Eight orthogonal rows, then sums of two of them with a little noise."""
    rng = np.random.default_rng(1)
    atoms = np.eye(8, 12, dtype=np.float32)
    pairs = np.array([rng.choice(8, 2, replace=False) for _ in range(n)])
    sums = atoms[pairs].sum(axis=1) + 0.02 * rng.standard_normal((n, 12)).astype(np.float32)
    return directions(np.concatenate([atoms, sums]))


@pytest.mark.long
def test_it_rebuilds_rows_better_than_random_rows_do() -> None:
    rows = sums_of_atoms()
    room = Room(Limits(np.ones(len(rows), bool)))
    found = span(rows, rows, 8, room, own=np.arange(len(rows)))

    def worth(chosen: IntArray) -> float:
        others = np.setdiff1d(np.arange(len(rows)), chosen)
        return float(np.nan_to_num(sparse_code(rows[chosen], rows[others], 4).similarities).mean())

    rng = np.random.default_rng(0)
    random = [worth(rng.choice(len(rows), 8, replace=False)) for _ in range(10)]
    assert worth(found.rows) > np.mean(random) + np.std(random)
    assert sorted(room.chosen) == sorted(found.rows.tolist())


@pytest.mark.long
def test_its_value_is_the_mean_cosine_of_codes_without_oneself() -> None:
    rows = sums_of_atoms()
    room = Room(Limits(np.ones(len(rows), bool)))
    room.take(5)
    found = span(rows, rows, 9, room, own=np.arange(len(rows)))
    assert 5 in found.rows  # what the room holds keeps its place
    place = {int(row): at for at, row in enumerate(found.rows)}
    barred = np.array([place.get(row, -1) for row in range(len(rows))])
    code = sparse_code(rows[found.rows], rows, 4, exclude=barred)
    exact = float(np.nan_to_num(code.similarities).mean())
    assert found.reached == pytest.approx(exact, abs=0.01)  # codes that gain nothing stay as is


def test_the_first_rows_already_code_all_others() -> None:
    rows = sums_of_atoms()
    own = np.arange(len(rows))
    found = span(rows, rows, 3, Room(Limits(np.ones(len(rows), bool))), own=own)
    for n in (1, 2, 3):
        place = {int(row): at for at, row in enumerate(found.rows[:n])}
        cosines = [
            float(
                np.nan_to_num(
                    sparse_code(
                        rows[found.rows[:n]], row[None], max(n - (at in place), 1),
                        exclude=[place.get(at, -1)],
                    ).similarities
                )[0]
            ) if n > 1 or at not in place else 0.0
            for at, row in enumerate(rows)
        ]  # fmt: skip
        assert found.values[n - 1] == pytest.approx(np.mean(cosines), abs=1e-5)


@pytest.mark.long
def test_bare_rows_take_it_by_name_and_seed() -> None:
    rows = sums_of_atoms()
    first = nb.analysis.select_rows(rows, 6, objective="span")
    assert len(set(first.tolist())) == 6
    assert nb.analysis.select_rows(rows, 6, objective="span").tolist() == first.tolist()


@pytest.mark.long
def test_no_single_other_row_in_the_place_of_one_would_do_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spanning, "_TRIED", 24)
    rows = directions(np.random.default_rng(4).standard_normal((24, 6)).astype(np.float32))
    own = np.arange(24)

    def worth(chosen: list[int]) -> float:
        barred = np.array([chosen.index(row) if row in chosen else -1 for row in range(24)])
        found = sparse_code(rows[chosen], rows, 4, exclude=barred).similarities
        return float(np.nan_to_num(found).mean())

    def chosen(n_swaps: int) -> list[int]:
        monkeypatch.setattr(spanning, "_N_SWAPS", n_swaps)
        room = Room(Limits(np.ones(24, bool)))
        room.take(11)
        return span(rows, rows, 6, room, own=own).rows.tolist()

    greedy, swapped = chosen(0), chosen(200)
    assert swapped[0] == 11
    assert worth(swapped) > worth(greedy)
    best = max(
        worth([*(row for row in swapped if row != old), new])
        for old in swapped[1:] for new in range(24) if new not in swapped
    )  # fmt: skip
    assert best <= worth(swapped) + 0.004  # pursuits that change their path are not foreseen
