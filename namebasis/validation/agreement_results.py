"""What a validation returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from namebasis.analysis.identity.reliability import Reliability
from namebasis.analysis.identity.spread import Spread
from namebasis.analysis.intervals import Interval
from namebasis.results import Result, Table, plain

RELIABLE = 0.8
"""Reliability of a name's mean from which more images say little that is new."""
FEWEST_NAMES = 4
"""Names with images that a comparison with text needs."""
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


def _in_words(number: int) -> str:
    return ("no", "one", "two", "three", "four")[number] if number < 5 else f"{number:,}"


def label_of(attribute: str) -> str:
    """An attribute as people write it."""
    return "spread of images" if attribute == "div" else attribute.replace("_", " ")


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


@dataclass(frozen=True, repr=False, eq=False)
class Agreement(Result):
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
    remarks : tuple of str
        What could not be measured or compared, and why.
    parameters : mapping
    """

    _figure = "namebasis.validation.figures:draw"

    names: tuple[NameImages, ...]
    attributes: tuple[AttributeAgreement, ...]
    units: Mapping[str, str]
    n_made_up: int
    remarks: tuple[str, ...]
    parameters: Mapping[str, Any]

    @property
    def first_readings(self) -> tuple[AttributeAgreement, ...]:
        """Of each attribute the first reading, which conclusions are drawn from."""
        found: dict[str, AttributeAgreement] = {}
        for row in self.attributes:
            found.setdefault(row.attribute, row)
        return tuple(found.values())

    def headline(self) -> str:
        """What text and images agree on."""
        first = self.first_readings
        if not first:
            n_names = sum(row.n_images > 0 and not row.is_prior for row in self.names)
            if n_names < FEWEST_NAMES:
                return (
                    f"A comparison with text needs {_in_words(FEWEST_NAMES)} names with images; "
                    f"there {'is' if n_names == 1 else 'are'} {_in_words(n_names)}."
                )
            return "Nothing was both measured on images and read in text."
        agreeing = [row.attribute for row in first if (row.spearman.low or 0.0) > 0]
        if not agreeing:
            return "Text and images are not shown to agree on any attribute."
        named = ", ".join(map(label_of, agreeing))
        return f"Text and images agree on {named} ({len(agreeing)} of {len(first)})."

    def tables(self) -> tuple[Table, ...]:
        """A row per attribute and reading; where none was read in text, a row per name."""
        if not self.attributes:
            return self._images_alone()
        rows = [
            (row.attribute, row.reading, row.n_names, row.spearman.value, row.spearman.low,
             row.spearman.high, row.reliability.of_means if row.reliability else None,
             row.verdict if row in self.first_readings else "")
            for row in self.attributes
        ]  # fmt: skip
        head = (
            "attribute",
            "text reading",
            "names",
            "Spearman",
            "low",
            "high",
            "reliability",
            "what it says",
        )
        return (Table(head, rows, title="text against images", bars=("reliability",)),)

    def notes(self) -> tuple[str, ...]:
        """What could not be measured or compared."""
        return self.remarks

    def _images_alone(self) -> tuple[Table, ...]:
        """What was measured, where there is nothing to compare it with."""
        of_names = [
            (row.name, row.n_images, row.spread and row.spread.similarity.value,
             row.spread and row.spread.div.value)
            for row in self.names
        ]  # fmt: skip
        measured = []
        for label, unit in self.units.items():
            sides = [
                [row.means[label] for row in self.names
                 if row.is_prior == is_prior and row.means.get(label) is not None]
                for is_prior in (False, True)
            ]  # fmt: skip
            means = [sum(map(float, filter(None, side))) / len(side) if side else None
                     for side in sides]  # fmt: skip
            measured.append((label, unit, len(sides[0]), *means))
        head = ("attribute", "unit", "names", "mean", "mean of made-up names")
        names = Table(("name", "images", "similarity", "spread"), of_names, title="images")
        return (names, Table(head, measured, title="measured")) if measured else (names,)

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
        whole: Any = plain(
            {
                "names": [asdict(row) for row in self.names],
                "attributes": [asdict(row) | {"verdict": row.verdict} for row in self.attributes],
                "units": self.units,
                "n_made_up": self.n_made_up,
                "notes": self.remarks,
                "parameters": self.parameters,
            }
        )
        return dict(whole)
