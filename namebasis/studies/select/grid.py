"""A grid of axes: its cells, which names lie in them and how firmly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from namebasis.checks import Float64Array, IntArray
from namebasis.studies.attributes.axis_files import Axis, load_axis
from namebasis.studies.select.readings import Reader
from namebasis.wording import counted, did_you_mean, listed

MOST_LEVELS = 12


@dataclass(frozen=True)
class Cut:
    """An axis of a grid, in levels.

    Attributes
    ----------
    axis : Axis
    labels : tuple of str
        Of the levels: a nominal axis' values, or parts of an ordinal one with equally many names.
    columns : tuple of int
        Of a nominal axis: the columns of its reader that the labels are.
    """

    axis: Axis
    labels: tuple[str, ...]
    columns: tuple[int, ...] = ()


def parse_cut(text: str | Axis) -> Cut:
    """Read "age", "age=4", "region" or "region=Africa|East Asia".

    Raises
    ------
    NamebasisError
        If there is no such axis.
    ValueError
        If its levels do not fit.
    """
    name, _, levels = text.partition("=") if isinstance(text, str) else (text, "", "")
    axis = name if isinstance(name, Axis) else load_axis(name)
    if axis.kind == "ordinal":
        told = levels or "2"
        if not told.isdecimal() or not 2 <= int(told[:4]) <= MOST_LEVELS:
            raise ValueError(
                f"axes: {axis.name} is cut in 2 to {MOST_LEVELS} levels, such as {axis.name}=4; "
                f"got {text!r}."
            )
        return Cut(axis, _levels(axis, int(told)))
    known = [value.label for value in axis.values]
    asked = [label.strip() for label in levels.split("|")] if levels else known
    for label in asked:
        if label not in known:
            raise ValueError(
                f"axes: {axis.name} has no value {label!r}; it has {', '.join(known)}."
                f"{did_you_mean(label, known)}"
            )
    if len(set(asked)) < max(len(asked), 2):
        raise ValueError(f"axes: {axis.name} needs at least 2 different values; got {text!r}.")
    return Cut(axis, tuple(asked), tuple(known.index(label) for label in asked))


def _levels(axis: Axis, n: int) -> tuple[str, ...]:
    first, last = axis.ends
    if n == 2:
        return axis.ends
    if n == 3:
        return (first, f"middle {axis.name}", last)
    return (first, *(f"{axis.name} {level} of {n}" for level in range(2, n)), last)


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells that are all combinations of the levels of some axes.

    Attributes
    ----------
    cuts : tuple of Cut
    readers : tuple of Reader
    borders : tuple of ndarray
        Between the levels of each ordinal axis, in its reader's z; empty of a nominal one.
    scales : tuple of float
        Standard deviation of each axis' reading over the names.
    """

    cuts: tuple[Cut, ...]
    readers: tuple[Reader, ...]
    borders: tuple[Float64Array, ...]
    scales: tuple[float, ...]

    def place(self, z: Sequence[Float64Array]) -> tuple[IntArray, Float64Array]:
        """The cell of each name, and how far inside it lies on the axis where it lies least so.

        Parameters
        ----------
        z : sequence of ndarray of shape (n_names, n_columns)
            Readings by axis, as the readers give them.

        Returns
        -------
        cells : ndarray of shape (n_names,), int64
        strength : ndarray of shape (n_names,), float64
            From the nearest border, in standard deviations of the names' readings; of a nominal
            axis, from the second value.
        """
        cells = np.zeros(len(z[0]), np.int64)
        strength = np.full(len(z[0]), np.inf)
        for cut, read, borders, scale in zip(self.cuts, z, self.borders, self.scales, strict=True):
            level, inside = _levels_of(cut, read, borders)
            cells = cells * len(cut.labels) + level
            strength = np.minimum(strength, inside / scale)
        return cells, strength


def make_grid(cuts: Sequence[Cut], readers: Sequence[Reader], z: Sequence[Float64Array]) -> Grid:
    """A grid whose ordinal axes are cut so that every level has as many of the given names.

    Steps of equal width would leave the corners of axes that go together empty.
    """
    borders, scales = [], []
    for cut, read in zip(cuts, z, strict=True):
        if cut.axis.kind == "ordinal":
            steps = np.arange(1, len(cut.labels)) / len(cut.labels)
            borders.append(np.quantile(read[:, 0], steps))
            scales.append(max(float(read.std()), 1e-12))
        else:
            borders.append(np.empty(0))
            scales.append(max(float(read[:, list(cut.columns)].std()), 1e-12))
    return Grid(tuple(cuts), tuple(readers), tuple(borders), tuple(scales))


def _levels_of(
    cut: Cut, read: Float64Array, borders: Float64Array
) -> tuple[IntArray, Float64Array]:
    if cut.axis.kind == "ordinal":
        values = read[:, 0]
        level = np.searchsorted(borders, values).astype(np.int64)
        return level, np.abs(values[:, None] - borders).min(axis=1)
    asked = read[:, list(cut.columns)]
    ordered = np.sort(asked, axis=1)
    return asked.argmax(axis=1).astype(np.int64), ordered[:, -1] - ordered[:, -2]


def spread_quotas(
    labels: Sequence[str], n: int, asked: Mapping[str, int]
) -> tuple[IntArray, IntArray]:
    """How many names each cell is to have.

    Parameters
    ----------
    labels : sequence of str
        Of the cells: levels joined by " / ".
    n : int
    asked : mapping of str to int
        Levels of one or several axes, joined by "/", and how many names all cells with these
        levels have together.

    Returns
    -------
    quotas : ndarray of shape (n_cells,), int64
    which : ndarray of shape (n_cells,), int64
        The entry of `asked` that each cell falls under, -1 for none.

    Raises
    ------
    ValueError
        If an entry names no cell, two have a cell in common, or they come to more than `n`.
    """
    sets = [set(label.split(" / ")) for label in labels]
    every = sorted(set().union(*sets))
    which = np.full(len(labels), -1, np.int64)
    for at, (text, _) in enumerate(asked.items()):
        levels = {part.strip() for part in text.split("/")}
        for level in sorted(levels - set(every)):
            raise ValueError(
                f"quotas: no axis has the level {level!r}; they have {', '.join(every)}."
                f"{did_you_mean(level, every)}"
            )
        own = np.array([levels <= cell for cell in sets])
        if not own.any():
            raise ValueError(f"quotas: {text!r} holds two levels of one axis, so no cell has it.")
        if (which[own] >= 0).any():
            other = list(asked)[int(which[own].max())]
            raise ValueError(
                f"quotas: {other!r} and {text!r} have cells in common; say what they share apart."
            )
        which[own] = at
    total = sum(asked.values())
    if total > n:
        raise ValueError(
            f"quotas ask for {total} names together "
            f"({listed([f'{k} {v}' for k, v in asked.items()])}), but n_names is {n}."
        )
    if total < n and (which >= 0).all():
        raise ValueError(
            f"quotas ask for {counted(total, 'name')} over all cells, but n_names is {n}: raise a "
            "quota, or leave a cell without one."
        )
    quotas = np.zeros(len(labels), np.int64)
    for at, wanted in [(-1, n - total), *enumerate(asked.values())]:
        own = np.flatnonzero(which == at)
        if own.size:
            quotas[own] = wanted // own.size
            rest = wanted % own.size
            quotas[own[np.arange(rest) * own.size // max(rest, 1)]] += 1
    return quotas, which
