"""Cells are filled in rounds, under quotas and limits."""

from __future__ import annotations

import numpy as np

from namebasis.analysis.select.cells import fill_cells
from namebasis.analysis.select.room import AtMost, Limits, Room
from namebasis.checks import IntArray

CELLS = np.array([0, 0, 0, 0, 1, 1, 2, -1])
STRENGTH = np.array([1.0, 4.0, 3.0, 2.0, 5.0, 6.0, 1.0, 9.0])


def filled(n: int, quotas: list[int], groups: list[int] | None = None) -> IntArray:
    room = Room(Limits(np.ones(8, bool)))
    none = [-1] * len(quotas)
    return fill_cells(CELLS, STRENGTH, n, np.array(quotas), np.array(groups or none), room).rows


def test_rounds_take_the_strongest_of_each_cell_scarce_cells_first() -> None:
    assert filled(6, [2, 2, 2]).tolist() == [6, 5, 1, 4, 2, 3]  # the place that cell 2 cannot fill
    assert filled(3, [1, 1, 1]).tolist() == [6, 5, 1]
    assert filled(9, [3, 3, 3]).tolist() == [6, 5, 1, 4, 2, 3, 0]  # no more lie in a cell
    assert filled(2, [0, 2, 0]).tolist() == [5, 4]


def test_a_group_gets_its_sum_and_no_more() -> None:
    # Cells 1 and 2 are to have 3 together: 2 fills but one of its two.
    assert sorted(filled(5, [2, 1, 2], [-1, 0, 0]).tolist()) == [1, 2, 4, 5, 6]
    assert sorted(filled(7, [3, 1, 0], [-1, 0, -1]).tolist()) == [0, 1, 2, 3, 5, 6]


def test_what_the_room_holds_counts_towards_its_cell() -> None:
    room = Room(Limits(np.ones(8, bool)))
    room.take(0)
    found = fill_cells(CELLS, STRENGTH, 3, np.array([1, 1, 1]), np.array([-1, -1, -1]), room)
    assert found.rows.tolist() == [0, 6, 5]
    assert found.n_open.tolist() == [3, 2, 1]


def test_a_scarce_cell_is_not_robbed_by_a_limit() -> None:
    # Rows 6 and 5 share a list of which one may be taken; cell 2 has nothing else.
    limit = AtMost("list", 1, np.array([5, 6]), np.array([0, 0]))
    room = Room(Limits(np.ones(8, bool), [limit]))
    found = fill_cells(CELLS, STRENGTH, 3, np.array([1, 1, 1]), np.array([-1, -1, -1]), room)
    assert sorted(found.rows.tolist()) == [1, 4, 6]
