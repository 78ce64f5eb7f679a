"""What a validation returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.identity.reliability import Reliability
from namebasis.analysis.identity.spread import Spread
from namebasis.analysis.intervals import Interval

RELIABLE = 0.8
"""Reliability of a name's mean from which more images say little that is new."""
_FEWEST_NAMES, _MOST_NAMES = 10, 10_000
"""Outside of these, an exact number of names says nothing more."""


@dataclass(frozen=True)
class CalibrationBin:
    """Names of one fifth of the text reading: its mean, and the images' mean with an interval."""

    n_names: int
    text: float
    images: Interval


@dataclass(frozen=True)
class Disagreement:
    """A name whose images stand elsewhere than its text reading.

    Attributes
    ----------
    name : str
    text_rank, image_rank : float
        Shares of the names below it, ties counted half, in [0, 1].
    """

    name: str
    text_rank: float
    image_rank: float


@dataclass(frozen=True)
class AttributeAgreement:
    """One attribute of the images against one reading of the text.

    Attributes
    ----------
    attribute : str
        The column of the images, and what text was read on.
    reading : str
        Which reading of the text.
    n_names : int
    spearman : Interval
        Over names, with a 95 % interval over names.
    null : Interval
        The same with the readings shuffled among names: mean, and the middle 95 %.
    reliability : Reliability or None
        Of the images' means; None with one image per name.
    names_needed : int or None
        Names at which an interval leaves out 0 with four chances in five, if the correlation is
        what it seems and there are as many images of each.
    images_needed : int or None
        Images per name for means of reliability `RELIABLE`; None where no number is enough.
    names_needed_then : int or None
        As `names_needed`, of names with `images_needed` images: noise in the means hides less.
    calibration : tuple of CalibrationBin
    disagreements : tuple of Disagreement
        The largest first.
    """

    attribute: str
    reading: str
    n_names: int
    spearman: Interval
    null: Interval
    reliability: Reliability | None
    names_needed: int | None
    images_needed: int | None
    names_needed_then: int | None
    calibration: tuple[CalibrationBin, ...]
    disagreements: tuple[Disagreement, ...]

    @property
    def verdict(self) -> str:
        """What the interval allows to say, and what would settle the rest."""
        low, high = self.spearman.low, self.spearman.high
        if low is None or high is None:
            return "undefined: the images or the readings are all equal."
        if low > 0 or high < 0:
            if self.attribute == self.reading or self.attribute != "div":
                return f"text and images {'agree' if low > 0 else 'contradict each other'}."
            # Of these readings neither sign is a contradiction: they measure something else.
            return f"images differ {'more' if low > 0 else 'less'} where {self.reading} is high."
        return f"not settled by {self.n_names} names, the interval holds 0; {self._remedy()}."

    def _remedy(self) -> str:
        """What would settle a correlation that is what it seems."""
        told, names = self.reliability, self.names_needed
        if told is not None and self.images_needed is None:
            return (
                "images of different names differ no more than those of one: no number can be told"
            )
        if names is None:
            return "no correlation is seen that more names could settle"
        ways = [f"{_about(max(names, self.n_names + 1))} names"]
        if told is not None and self.images_needed is not None and self.images_needed > told.n_each:
            then = max(self.names_needed_then or names, _FEWEST_NAMES)
            if then < names:
                ways.append(f"{_about(then)} with {self.images_needed} images each")
        return f"if it is what it seems, {' or '.join(ways)} would settle it"


def _about(n: int) -> str:
    return f"about {n:,}" if n <= _MOST_NAMES else f"more than {_MOST_NAMES:,}"


@dataclass(frozen=True)
class NameImages:
    """What the images of one name are like.

    Attributes
    ----------
    name : str
    n_images : int
        That could be read and were not blacked out.
    spread : Spread or None
        similarity@n and div@n of their vectors; None with fewer than 3.
    means, variances : mapping of str to float
        Per attribute; None where nothing was measured. A variance is the attribute's own
        rigidity: small where every image shows the same.
    z : mapping of str to float or None
        The mean's distance from the prior's, in the prior's standard deviations over names.
    reason : str or None
        Why there is nothing.
    is_prior : bool
        Of a made-up name, or one that the space does not hold.
    """

    name: str
    n_images: int
    spread: Spread | None
    means: Mapping[str, float | None]
    variances: Mapping[str, float | None]
    z: Mapping[str, float | None]
    reason: str | None = None
    is_prior: bool = False


@dataclass(frozen=True)
class Agreement:
    """Everything that a validation says.

    Attributes
    ----------
    names : tuple of NameImages
    attributes : tuple of AttributeAgreement
        Those of the images that text was read on too, and rigidity (`div`).
    units : mapping of str to str
        Of the images' attributes.
    n_made_up : int
        Made-up names among them, which set the prior.
    notes : tuple of str
    parameters : mapping
    """

    names: tuple[NameImages, ...]
    attributes: tuple[AttributeAgreement, ...]
    units: Mapping[str, str]
    n_made_up: int
    notes: tuple[str, ...]
    parameters: Mapping[str, Any]

    @property
    def first_readings(self) -> tuple[AttributeAgreement, ...]:
        """Of each attribute the first reading, which conclusions are drawn from."""
        found: dict[str, AttributeAgreement] = {}
        for row in self.attributes:
            found.setdefault(row.attribute, row)
        return tuple(found.values())

    def to_arrow(self) -> pa.Table:
        """One row per name: n, similarity, div, then mean, variance and z per attribute."""
        columns: dict[str, list[Any]] = {
            "name": [row.name for row in self.names],
            "n_images": [row.n_images for row in self.names],
            "image_similarity": [r.spread and r.spread.similarity.value for r in self.names],
            "image_div": [r.spread and r.spread.div.value for r in self.names],
        }
        for label in self.units:
            columns[f"image_{label}"] = [row.means[label] for row in self.names]
            columns[f"image_{label}_variance"] = [row.variances[label] for row in self.names]
            columns[f"image_{label}_z"] = [row.z[label] for row in self.names]
        typed = {
            key: pa.array(values, pa.string() if key == "name" else pa.int64())
            if key in {"name", "n_images"}
            else pa.array(values, pa.float64())
            for key, values in columns.items()
        }
        return pa.table(typed)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is undefined is None."""
        return {
            "names": [_plain(asdict(row)) for row in self.names],
            "attributes": [
                _plain(asdict(row)) | {"verdict": row.verdict} for row in self.attributes
            ],
            "units": dict(self.units),
            "n_made_up": self.n_made_up,
            "notes": list(self.notes),
            "parameters": dict(self.parameters),
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
