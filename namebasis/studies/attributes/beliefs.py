"""What a reading lets one say of a name: a belief beyond chance in words, or that there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from namebasis.analysis.readings import chance
from namebasis.analysis.readings.chance import LEVEL
from namebasis.checks import Float64Array, IntArray
from namebasis.studies.attributes.axis_files import Axis
from namebasis.wording import above, listed

NONE = "no belief beyond chance"
VALIDATED = {"ordinal": "inferred", "nominal": "projection"}
"""The reading that beliefs rest on, by the kind of axis: it follows public records best, see
docs/measures.md."""
OF_PICTURES = {"ordinal": "projection", "nominal": "projection"}
"""The same for pictures: on the organism's, whose truth is known, `inferred` follows an age less
closely, as pictures differ in more than names do."""


@dataclass(frozen=True)
class AxisBelief:
    """What names read as on one axis; every array has a value per name.

    Attributes
    ----------
    axis : str
    kind : str
        "ordinal" or "nominal".
    reading : str
        That it rests on, of `VALIDATED` or `OF_PICTURES`.
    reads : tuple of str
        What a name may read as: the ends of an ordinal axis, else its values.
    towards : ndarray of shape (n_names,), int64
        Which of `reads` each name leans to, whether beyond chance or not.
    percentile : ndarray of shape (n_names,), float64
        Share of the other names read that lean less to it.
    z : ndarray of shape (n_names,), float64
        Standard deviations from made-up names; of an ordinal axis below 0 towards its first end.
    p : ndarray of shape (n_names,), float64
        Share of made-up names that lean as far to anything on this axis (two-sided), corrected for
        the axes read together.
    """

    axis: str
    kind: str
    reading: str
    reads: tuple[str, ...]
    towards: IntArray
    percentile: Float64Array
    z: Float64Array
    p: Float64Array

    @property
    def counts(self) -> npt.NDArray[np.bool_]:
        """Whether it is a belief: made-up names seldom lean as far, and most names lean less."""
        return np.asarray((self.p <= LEVEL) & (self.percentile > 0.5))

    @property
    def title(self) -> str:
        """The axis in words."""
        return self.axis.replace("_", " ")

    def told(self, at: int) -> str:
        """What a name reads as, or that it is no belief."""
        return self.reads[self.towards[at]] if self.counts[at] else NONE

    def place(self, at: int) -> str | None:
        """Where among the names it stands; None without a belief."""
        return above(float(self.percentile[at])) if self.counts[at] else None

    def pick(self, at: IntArray) -> AxisBelief:
        """The same of some names."""
        return replace(
            self,
            towards=self.towards[at],
            percentile=self.percentile[at],
            z=self.z[at],
            p=self.p[at],
        )

    def row(self, at: int) -> dict[str, Any]:
        """Plain values of one name for JSON."""
        counts = bool(self.counts[at])
        return {
            "axis": self.axis,
            "reads_as": self.reads[self.towards[at]] if counts else None,
            "beyond_chance": counts,
            "percentile": float(self.percentile[at]),
            "z": float(self.z[at]),
            "p": float(self.p[at]),
            "reading": self.reading,
        }


@dataclass(frozen=True)
class Leaning:
    """One axis before its correction, by one reading: z of names, and of made-up names, one column
    a value."""

    axis: Axis
    z: Float64Array
    made: Float64Array
    values: Float64Array
    reading: str


def believe(leanings: Sequence[Leaning], n_company: int) -> tuple[AxisBelief, ...]:
    """Hold what names lean to on some axes against made-up names, and correct for the axes.

    Parameters
    ----------
    leanings : sequence of Leaning
    n_company : int
        Percentiles are among the first `n_company` names.
    """
    if not leanings:
        return ()
    strong = [chance.lean(one.z, is_ordinal=one.axis.kind == "ordinal") for one in leanings]
    made = [chance.lean(one.made, is_ordinal=one.axis.kind == "ordinal")[0] for one in leanings]
    p = chance.corrected(
        np.stack([chance.rank_p(own, null) for (own, _), null in zip(strong, made, strict=True)])
    )
    return tuple(
        _belief(one, towards, p[place], n_company)
        for place, (one, (_, towards)) in enumerate(zip(leanings, strong, strict=True))
    )


def _belief(one: Leaning, towards: IntArray, p: Float64Array, n_company: int) -> AxisBelief:
    axis, names = one.axis, np.arange(len(towards))
    below = np.stack([_places(column, n_company) for column in one.values.T], axis=1)
    if axis.kind == "ordinal":
        labels = axis.values[0].label, axis.values[-1].label
        percentile = np.where(towards == 1, below[:, 0], 1 - below[:, 0])
        return AxisBelief(
            axis.name, axis.kind, one.reading, axis.reads or labels, towards,
            percentile, one.z[:, 0], p,
        )  # fmt: skip
    reads = tuple(value.label for value in axis.values)
    return AxisBelief(
        axis.name, axis.kind, one.reading, reads, towards, below[names, towards],
        one.z[names, towards], p,
    )  # fmt: skip


def _places(values: Float64Array, n_company: int) -> Float64Array:
    """Share of the company below: of its members among the others, of strangers among all."""
    company = np.sort(values[:n_company])
    twice = np.searchsorted(company, values, "left") + np.searchsorted(company, values, "right")
    is_one = np.arange(len(values)) < n_company
    others = np.maximum(n_company - is_one, 1)
    return np.asarray((twice - is_one) / (2 * others))


def sentence(name: str, beliefs: Iterable[AxisBelief], at: int) -> str:
    """What a name reads as, the surest first, or on which axes it carries no belief."""
    known = list(beliefs)
    own = sorted((one for one in known if one.counts[at]), key=lambda one: float(one.p[at]))
    if own:
        told = [f"{one.told(at)} ({one.place(at)})" for one in own[:3]]
        told[1:] = [words.replace(" of names", "") for words in told[1:]]
        return f"{name} reads as {listed(told)}"
    axes = [one.title for one in known]
    about = f"on any of the {len(axes)} axes" if len(axes) > 3 else f"on {listed(axes)}"
    return f"{name}: {NONE} {about}"


def counted(belief: AxisBelief) -> Mapping[str, IntArray]:
    """Places of the names that read as each value or end, those that lean most first."""
    found: dict[str, IntArray] = {}
    for which, label in enumerate(belief.reads):
        own = np.flatnonzero(belief.counts & (belief.towards == which))
        found[label] = own[np.argsort(-belief.percentile[own], kind="stable")]
    return found
