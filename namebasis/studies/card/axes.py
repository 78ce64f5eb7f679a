"""Axis readings of one name, and of vectors that no name bears, among names of its space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import Float64Array, FloatArray, IntArray, Progress
from namebasis.studies.attributes.axis_files import Axis, axis_names, load_axis
from namebasis.studies.attributes.beliefs import AxisBelief
from namebasis.studies.attributes.results import AxisScores
from namebasis.studies.attributes.study import Rows, Steps, kept_prompts, read_axes, read_rows

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

COMPANY = 1000
"""Names of the space that a name is read among: a reading is relative to its company."""
_N_PSEUDO = 500  # as in `score`: with fewer, no reading could count among eleven axes
_IN_YEARS = 20  # ranks that span so much are a unit that says something, such as years


@dataclass(frozen=True)
class Reading:
    """One axis, or one value of a nominal axis, as a name reads on it.

    Attributes
    ----------
    axis : str
    value : str
        The nominal axis' value, or the ordinal axis' value that the name lies nearest to, with
        the expectation where the axis' ranks are years.
    share : float or None
        Of a nominal value, in [0, 1]; None on an ordinal axis.
    expectation : float
        In the axis' ranks; of a nominal value its share.
    position : float
        On an ordinal axis from its first value at 0 to its last at 1; a nominal value's share.
    spread : float
        Standard deviation of the position over the axis' templates; NaN with one template.
    z : mapping of reading to float
        Of `analysis.axes.READINGS`: standard deviations from the mean of made-up names; NaN where
        those do not differ.
    percentile : float
        Share of the company below, by expectation.
    """

    axis: str
    value: str
    share: float | None
    expectation: float
    position: float
    spread: float
    z: Mapping[str, float]
    percentile: float


@dataclass(frozen=True)
class Readings:
    """All packaged axes for one name and for what only its parts would give.

    Attributes
    ----------
    own : tuple of Reading
        Of ordinal axes one each; of nominal axes one per value.
    parts : tuple of Reading or None
        The same, of the vector that was given beside the name's own.
    ordinal : mapping of axis to (first, last) value
    n_company : int
    beliefs : tuple of AxisBelief
        What may be said of the name on each axis.
    n_made_up : int
    """

    own: tuple[Reading, ...]
    parts: tuple[Reading, ...] | None
    ordinal: Mapping[str, tuple[str, str]]
    n_company: int
    beliefs: tuple[AxisBelief, ...] = ()
    n_made_up: int = 0

    @property
    def told(self) -> dict[str, tuple[str, str]]:
        """By axis what the name reads as and where it stands; the second empty without a belief."""
        return {one.axis: (one.told(0), one.place(0) or "") for one in self.beliefs}

    @property
    def on_scales(self) -> list[Reading]:
        """Those of ordinal axes."""
        return [one for one in self.own if one.share is None]


def by_axis(readings: Sequence[Reading]) -> dict[str, list[Reading]]:
    """Readings of nominal axes, those most above other names first."""
    found: dict[str, list[Reading]] = {}
    for one in readings:
        if one.share is not None:
            found.setdefault(one.axis, []).append(one)
    return {axis: sorted(ones, key=_above) for axis, ones in found.items()}


def _above(reading: Reading) -> tuple[float, float]:
    return -reading.percentile, -(reading.share or 0.0)


def read_name(
    space: StoredSpace,
    row: int,
    parts: FloatArray | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Readings:
    """Read every packaged axis for one stored name.

    Parameters
    ----------
    space : Space
    row : int
        Of the name.
    parts : ndarray of shape (dim,), optional
        A unit vector of the text view to read beside it.
    seed : int
        Of the company, which is drawn from the space, and of the made-up names.
    progress : callable, optional
        Called with steps done and in all: an axis' prompts are one, as many the made-up names.
    """
    company = company_of(space, row, seed)
    ids = np.concatenate([[row], company]).astype(np.int64)
    loaded = {name: load_axis(name) for name in axis_names()}
    along = list(loaded.values())
    step = Steps(progress, 2 * len(along))
    rows = read_rows(space, ids, _N_PSEUDO, seed)
    step(len(along))
    if parts is not None:
        rows = _with(rows, parts)
    prompts = kept_prompts(space, along, step)
    found = read_axes(space, along, ids, rows, prompts=prompts, spreads_of=["expectation"])
    own, other = [], []
    for entry in found.scores:
        axis = loaded[entry.axis]
        own.append(_reading(axis, entry, 0, len(ids)))
        if parts is not None:
            other.append(_reading(axis, entry, len(ids), len(ids)))
    ends = {
        name: (axis.values[0].label, axis.values[-1].label)
        for name, axis in loaded.items()
        if axis.kind == "ordinal"
    }
    beliefs = tuple(one.pick(np.array([0])) for one in found.beliefs)
    others = tuple(other) if parts is not None else None
    return Readings(tuple(own), others, ends, len(company), beliefs, _N_PSEUDO)


def company_of(space: StoredSpace, row: int, seed: int = 0) -> IntArray:
    """Rows of the other names that a name is read among, ascending."""
    everyone = np.setdiff1d(space.ids(None), [row])
    return np.sort(np.random.default_rng(seed).permutation(everyone)[:COMPANY])


def _with(rows: Rows, parts: FloatArray) -> Rows:
    """The same with one vector more behind the names; its tokens are those of the first name."""
    n = rows.n_names
    text = np.insert(rows.text, n, parts, axis=0)
    token = None if rows.token is None else np.insert(rows.token, n, rows.token[0], axis=0)
    return Rows(text, token, n + 1)


def _reading(axis: Axis, entry: AxisScores, at: int, n_company: int) -> Reading:
    values: Float64Array = entry.readings["expectation"]
    value, spread = float(values[at]), float(entry.spreads["expectation"][at])
    others = values[1:n_company]
    below = float((others < value).mean() + (others == value).mean() / 2)
    z = {reading: float(column[at]) for reading, column in entry.z.items()}
    if entry.value is not None:
        return Reading(axis.name, entry.value, value, value, value, spread, z, below)
    ranks = np.array(axis.ranks)
    nearest = axis.values[int(np.abs(ranks - value).argmin())]
    width = float(ranks[-1] - ranks[0])
    label = f"{nearest.label} ({value:.0f})" if width >= _IN_YEARS else nearest.label
    position = (value - float(ranks[0])) / width
    return Reading(axis.name, label, None, value, position, spread / width, z, below)
