"""How good each name is for a list that is made of readings: `axes`, `strong` and `low-bias`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.select.rows import sample_rows
from namebasis.checks import Float64Array, IntArray
from namebasis.namespace.building.templates import template_sets
from namebasis.studies.attributes.axis_files import Axis, axis_names, load_axis
from namebasis.studies.attributes.study import Rows, encode_over, made_up_names, read_rows
from namebasis.studies.select.grid import Cut, Grid, make_grid, parse_cut, spread_quotas
from namebasis.studies.select.readings import Reader, make_readers

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

N_MADE_UP = 500
N_TEMPLATES = 4
_N_MADE_UNSEEN = 200
_MOST_FITTED = 8192
_AGAINST = 1.0
"""How much a standard deviation on other axes weighs against one on the axis asked for."""
_UNSTEADY = 0.03
"""Standard deviations that the largest spread over templates, or hold, weighs of a name's bias."""
DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "axes": ("age=4", "gender", "region"), "strong": ("age",), "low-bias": (),
}  # fmt: skip
"""Axes of each objective, where none are asked for."""


@dataclass(frozen=True, eq=False)
class Scored:
    """Names in cells, with how much each is worth there.

    Attributes
    ----------
    labels : list of str
        Of the cells.
    cells : ndarray of shape (n_names,), int64
    strength : ndarray of shape (n_names,), float64
        Larger is better.
    quotas, groups : ndarrays of shape (n_cells,), int64
        As `fill_cells` takes them.
    z : tuple of ndarray of shape (n_names, n_columns)
        Readings by axis.
    grader : Grader
    """

    labels: list[str]
    cells: IntArray
    strength: Float64Array
    quotas: IntArray
    groups: IntArray
    z: tuple[Float64Array, ...]
    grader: Grader


@dataclass(frozen=True, eq=False)
class Grader:
    """Reads and grades names, those of the space or the same ones in other templates."""

    objective: str
    readers: tuple[Reader, ...]
    made: Rows
    grid: Grid | None = None

    def bias(self, z: Sequence[Float64Array]) -> Float64Array:
        """Mean over the axes of |z|; of a nominal axis, that of its values' mean."""
        return np.asarray(np.mean([np.abs(read).mean(axis=1) for read in z], axis=0))

    def place(self, z: Sequence[Float64Array]) -> tuple[IntArray, Float64Array]:
        """The cell of each name, and how much it is worth there."""
        if self.grid is not None:
            return self.grid.place(z)
        if self.objective == "low-bias":
            return np.zeros(len(z[0]), np.int64), -self.bias(z)
        own, others = z[0], z[1:]
        against = self.bias(others) if others else np.zeros(len(own))
        if own.shape[1] == 1:
            return (own[:, 0] > 0).astype(np.int64), np.abs(own[:, 0]) - _AGAINST * against
        ends = own.argmax(axis=1)
        return ends.astype(np.int64), own.max(axis=1) - _AGAINST * against


def check_axes(objective: str, along: Sequence[str | Axis]) -> list[Cut | Axis]:
    """The axes of an objective, read from their files before anything long begins.

    Raises
    ------
    NamebasisError, ValueError
        If an axis cannot be read, comes twice, or is cut where the objective takes none.
    """
    if isinstance(along, str):
        raise ValueError(f"axes must be a list, such as [{along!r}].")
    if objective not in DEFAULTS:
        if along:
            raise ValueError(
                f"axes go with objective {', '.join(DEFAULTS)}; {objective} takes none."
            )
        return []
    asked = list(along) or list(DEFAULTS[objective])
    found: list[Cut | Axis] = []
    if objective == "axes":
        found += [parse_cut(one) for one in asked]
    else:
        if objective == "strong" and len(asked) == 1:
            asked += [name for name in axis_names() if name != asked[0]]
        asked = asked or list(axis_names())
        found += [one if isinstance(one, Axis) else load_axis(one) for one in asked]
    names = [_axis(one).name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"axes: {name} comes twice; give it once.")
    return found


def _axis(one: Cut | Axis) -> Axis:
    return one.axis if isinstance(one, Cut) else one


def score_names(
    space: StoredSpace,
    ids: IntArray,
    n: int,
    objective: str,
    along: Sequence[Cut | Axis],
    quotas: Mapping[str, int],
    seed: int,
) -> Scored:
    """Read names on axes, and say in which cell each is good for how much.

    Parameters
    ----------
    space : Space
    ids : ndarray of shape (n_names,), int64
    n : int
        Length of the list, for its quotas.
    objective : str
    along : sequence
        As `check_axes` gives them.
    quotas : mapping of str to int
    seed : int
        Of made-up names, and of the sample of names that the readings are fitted to.
    """
    labels = _labels(objective, along)
    spread = spread_quotas(labels, n, quotas)  # first: wrong ones are refused before names are read
    fitted = sample_rows(ids, _MOST_FITTED, seed)
    rows = read_rows(space, fitted, N_MADE_UP, seed)
    readers = make_readers(space.encoder(), [_axis(one) for one in along], rows)
    made = Rows(
        rows.text[rows.n_names :], None if rows.token is None else rows.token[rows.n_names :], 0
    )
    text = space.vectors(ids=ids)
    token = space.vectors("token", ids=ids) if rows.token is not None else None
    z = tuple(reader.z(text, token) for reader in readers)
    cuts = [one for one in along if isinstance(one, Cut)]
    grader = Grader(objective, tuple(readers), made, make_grid(cuts, readers, z) if cuts else None)
    cells, strength = grader.place(z)
    if objective == "low-bias":
        strength = strength - _UNSTEADY * _unsteady(space, ids)
    return Scored(labels, cells, strength, *spread, z, grader)


def _labels(objective: str, along: Sequence[Cut | Axis]) -> list[str]:
    cuts = [one for one in along if isinstance(one, Cut)]
    if cuts:
        return [" / ".join(levels) for levels in product(*(cut.labels for cut in cuts))]
    if objective == "low-bias":
        return ["low bias"]
    axis = _axis(along[0])
    return list(axis.ends) if axis.kind == "ordinal" else [value.label for value in axis.values]


def _unsteady(space: StoredSpace, ids: IntArray) -> Float64Array:
    """Mean place, in [0, 1], of names by what says that a name means one thing in one sentence.

    Its spread over the templates and, where they were written, its own score, hold and rigidity.
    """
    columns = [
        c for c in ("template_spread", "identity_own_score", "identity_hold", "rigidity_similarity")
        if c in space.columns
    ]  # fmt: skip
    table = space.table(columns, ids=ids)
    places = []
    for column in columns:
        values = np.asarray(table[column].to_numpy(zero_copy_only=False), dtype=np.float64)
        known = np.isfinite(values)
        place = np.full(len(ids), 0.5)  # what was not measured is taken for usual
        order = np.argsort(np.argsort(values[known], kind="stable"), kind="stable")
        place[known] = (order + 0.5) / max(int(known.sum()), 1)
        places.append(place)
    return np.asarray(np.mean(places, axis=0))


def unseen_templates(space: StoredSpace, n: int = N_TEMPLATES) -> tuple[str, ...]:
    """Packaged sentences that the vectors of a space were not made with."""
    known = set(space.provenance.templates)
    return tuple(one for one in template_sets()["photo12"] if one not in known)[:n]


@dataclass(frozen=True, eq=False)
class Unseen:
    """Names and made-up names in templates that the choice did not see.

    Attributes
    ----------
    templates : tuple of str
    z, made_z : tuple of ndarray of shape (n_names, n_columns)
        Readings by axis.
    """

    templates: tuple[str, ...]
    z: tuple[Float64Array, ...]
    made_z: tuple[Float64Array, ...]


def read_unseen(space: StoredSpace, grader: Grader, ids: IntArray, seed: int) -> Unseen:
    """Read names again, in templates that the space does not have."""
    encoder, templates = space.encoder(), unseen_templates(space)
    names = space.table(["name"], ids=ids)["name"].to_pylist()
    made = made_up_names(N_MADE_UP, seed)[:_N_MADE_UNSEEN]
    text = encode_over(encoder, [*names, *made], templates)
    made_token = None if grader.made.token is None else grader.made.token[: len(made)]
    token = None if made_token is None else space.vectors("token", ids=ids)
    moved = [reader.moved(text[len(names) :], made_token) for reader in grader.readers]
    return Unseen(
        templates,
        tuple(reader.z(text[: len(names)], token) for reader in moved),
        tuple(reader.z(text[len(names) :], made_token) for reader in moved),
    )
