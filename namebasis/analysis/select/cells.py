"""Fill the cells of a grid with the strongest rows of each, round after round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from namebasis.analysis.select.room import Room
from namebasis.checks import Float64Array, IntArray, Progress


@dataclass(frozen=True, eq=False)
class Filled:
    """Rows by cell, in the order of their choice.

    Attributes
    ----------
    rows, cells : ndarrays of shape (n_chosen,), int64
    n_open : ndarray of shape (n_cells,), int64
        Rows of each cell that could be chosen before any was.
    """

    rows: IntArray
    cells: IntArray
    n_open: IntArray


def fill_cells(
    cells: IntArray,
    strength: Float64Array,
    n: int,
    quotas: IntArray,
    groups: IntArray,
    room: Room,
    progress: Progress | None = None,
) -> Filled:
    """Choose the strongest open rows of every cell, one of each cell a round.

    In a round, cells with the fewest open rows choose first: what they lose to another cell's
    limit they cannot replace. What a cell cannot fill of its quota goes to the others of its group,
    one a round each; what a group cannot fill, to the cells without a group.

    Parameters
    ----------
    cells : ndarray of shape (n_rows,), int64
        The cell of each row of the room; -1 for none.
    strength : ndarray of shape (n_rows,), float64
        Larger is chosen first, ties in the order of rows.
    n : int
        How many rows in all.
    quotas : ndarray of shape (n_cells,), int64
        How many rows each cell is to have.
    groups : ndarray of shape (n_cells,), int64
        Cells that together get no more than the sum of their quotas; -1 for none.
    room : Room
        What it holds already counts towards its cells.
    progress : callable, optional
        Called with rows chosen and `n`.

    Returns
    -------
    Filled
        Without what the room held in no cell.
    """
    queues = _queues(cells, strength, len(quotas))
    is_open = room.open
    n_open = np.array([int(is_open[queue].sum()) for queue in queues], np.int64)
    held = np.array(room.chosen, np.int64)
    taken = np.bincount(cells[held[cells[held] >= 0]], minlength=len(quotas))
    most = np.array([quotas[groups == group].sum() for group in range(groups.max() + 1)] + [n])
    extra = 0
    while len(room.chosen) < n:
        wants = np.maximum(quotas, taken) + 1 if extra else quotas
        before = len(room.chosen)
        _round(queues, taken, wants, groups, most, n, room)
        if progress is not None:
            progress(len(room.chosen), n)
        if len(room.chosen) == before:
            if extra:
                break
            extra = 1
    rows = np.array(room.chosen, np.int64)
    return Filled(rows, cells[rows], n_open)


def _round(
    queues: list[IntArray],
    taken: IntArray,
    wants: IntArray,
    groups: IntArray,
    most: IntArray,
    n: int,
    room: Room,
) -> None:
    """Choose one row of each cell that wants one, those with the fewest open rows first."""
    is_open = room.open
    for cell in np.flatnonzero(taken < wants):
        queues[cell] = queues[cell][is_open[queues[cell]]]  # closed rows never open again
    for cell in sorted(np.flatnonzero(taken < wants), key=lambda cell: len(queues[cell])):
        of_group = n - 1 if groups[cell] < 0 else int(taken[groups == groups[cell]].sum())
        rest = queues[cell][room.open[queues[cell]]]
        if rest.size and of_group < most[groups[cell]] and len(room.chosen) < n:
            room.take(int(rest[0]))
            taken[cell] += 1


def _queues(cells: IntArray, strength: Float64Array, n_cells: int) -> list[IntArray]:
    """Rows of each cell, the strongest first."""
    order = np.lexsort((-strength, cells))
    starts = np.searchsorted(cells[order], np.arange(n_cells + 1))
    return [order[starts[cell] : starts[cell + 1]] for cell in range(n_cells)]
