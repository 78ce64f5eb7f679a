"""Axis readings of one name, and of vectors that no name bears, among names of its space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa

from namebasis.analysis.axes import Float64Array
from namebasis.checks import FloatArray, IntArray
from namebasis.studies.attributes import AxisScores, score
from namebasis.studies.axis_files import Axis, axis_names, load_axis

if TYPE_CHECKING:
    from namebasis.namespace.space import Space

COMPANY = 1000
"""Names of the space that a name is read among: a reading is relative to its company."""
_N_PSEUDO = 200


@dataclass(frozen=True)
class Reading:
    """One axis, or one value of a nominal axis, as a name reads on it.

    Attributes
    ----------
    axis : str
    value : str
        The nominal axis' value, or the ordinal axis' value that the name lies nearest to.
    share : float or None
        Of a nominal value, in [0, 1]; None on an ordinal axis.
    position : float
        On an ordinal axis from its first value at 0 to its last at 1; a nominal value's share.
    spread : float
        Standard deviation of the position over the axis' templates; NaN with one template.
    z : float
        Standard deviations from the mean of made-up names; NaN where those do not differ.
    percentile : float
        Share of the company below.
    """

    axis: str
    value: str
    share: float | None
    position: float
    spread: float
    z: float
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
    """

    own: tuple[Reading, ...]
    parts: tuple[Reading, ...] | None
    ordinal: Mapping[str, tuple[str, str]]
    n_company: int


class _Among:
    """A few rows of a space, with a vector of one's own as the last one.

    `score` asks a space for rows, vectors and names; it gets these and nothing else.
    """

    def __init__(self, space: Space, ids: IntArray, extra: FloatArray | None) -> None:
        self._space, self._ids, self._extra = space, ids, extra
        self.provenance, self.views = space.provenance, ("text",)

    def encoder(self) -> Any:
        return self._space.encoder()

    def ids(self, where: str | None = None) -> IntArray:
        return np.arange(len(self._ids) + (self._extra is not None), dtype=np.int64)

    def vectors(self, view: str = "text", *, ids: Sequence[int] | None = None) -> FloatArray:
        rows = self._space.vectors(view, ids=self._ids)
        return rows if self._extra is None else np.concatenate([rows, self._extra[None]])

    def table(self, columns: Sequence[str], *, ids: Sequence[int] | None = None) -> pa.Table:
        return pa.table({"name": [str(row) for row in self.ids()]})


def read_name(
    space: Space, row: int, parts: FloatArray | None = None, *, seed: int = 0
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
    """
    everyone = np.setdiff1d(space.ids(None), [row])
    rng = np.random.default_rng(seed)
    company = rng.permutation(everyone)[:COMPANY]
    ids = np.concatenate([[row], np.sort(company)]).astype(np.int64)
    among = cast("Space", _Among(space, ids, parts))
    loaded = {name: load_axis(name) for name in axis_names()}
    found = score(among, list(loaded), n_pseudo=_N_PSEUDO, seed=seed)
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
    return Readings(tuple(own), tuple(other) if parts is not None else None, ends, len(company))


def _reading(axis: Axis, entry: AxisScores, at: int, n_company: int) -> Reading:
    values: Float64Array = entry.readings["expectation"]
    value, spread = float(values[at]), float(entry.spreads["expectation"][at])
    others = values[1:n_company]
    below = float((others < value).mean() + (others == value).mean() / 2) if len(others) else 0.5
    z = float(entry.z["expectation"][at])
    if entry.value is not None:
        return Reading(axis.name, entry.value, value, value, spread, z, below)
    ranks = np.array([float(place) for place in ranks_of(axis)])
    nearest = axis.values[int(np.abs(ranks - value).argmin())].label
    width = float(ranks[-1] - ranks[0])
    return Reading(
        axis.name, nearest, None, (value - float(ranks[0])) / width, spread / width, z, below
    )


def ranks_of(axis: Axis) -> Sequence[float]:
    """Where the values of an ordinal axis stand."""
    told: Sequence[float] | None = getattr(axis, "ranks", None)
    return range(len(axis.values)) if told is None else told
