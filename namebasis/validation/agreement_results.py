"""What a validation returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.reliability import Reliability
from namebasis.analysis.spread import Interval, Spread

RELIABLE = 0.8
"""Reliability of a name's mean from which more images say little that is new."""


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
        Over names, with a 95 % bootstrap interval over names.
    null : Interval
        The same with the readings shuffled among names: mean, and the middle 95 %.
    reliability : Reliability or None
        Of the images' means; None with one image per name.
    names_needed : int or None
        Names at which an interval of this correlation would leave out 0.
    images_needed : int or None
        Images per name for means of reliability `RELIABLE`; None where no number is enough.
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
    calibration: tuple[CalibrationBin, ...]
    disagreements: tuple[Disagreement, ...]

    @property
    def verdict(self) -> str:
        """What the interval allows to say, and what would settle the rest."""
        low, high = self.spearman.low, self.spearman.high
        if not np.isfinite(self.spearman.value):
            return "undefined: the images or the readings are all equal."
        if low > 0 or high < 0:
            sign = "agree" if low > 0 else "contradict each other"
            return f"text and images {sign}."
        need = []
        if self.names_needed is not None and self.names_needed > self.n_names:
            need.append(f"about {self.names_needed:,} names")
        if (
            self.images_needed is not None
            and self.reliability is not None
            and self.images_needed > self.reliability.n_each
        ):
            need.append(f"{self.images_needed} images per name")
        settled = f"; {' and '.join(need)} would settle it" if need else ""
        return f"not settled by {self.n_names} names, the interval holds 0{settled}."


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
    """

    name: str
    n_images: int
    spread: Spread | None
    means: Mapping[str, float | None]
    variances: Mapping[str, float | None]
    z: Mapping[str, float | None]
    reason: str | None = None


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
    n_prior : int
        Made-up names among them, which set the prior.
    notes : tuple of str
    parameters : mapping
    """

    names: tuple[NameImages, ...]
    attributes: tuple[AttributeAgreement, ...]
    units: Mapping[str, str]
    n_prior: int
    notes: tuple[str, ...]
    parameters: Mapping[str, Any]

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
            "n_prior": self.n_prior,
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
