"""The contract of what measures images: an image in, a distribution over an attribute out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from namebasis.checks import Float64Array, Progress, check_count
from namebasis.encoders.images import open_image
from namebasis.errors import EncoderError
from namebasis.validation.faces.contract import WHOLE, Faces, Region

if TYPE_CHECKING:
    from PIL.Image import Image

    from namebasis.encoders.images import ImageLike

_BATCH = 16


@dataclass(frozen=True)
class Attribute:
    """What an extractor reads off an image.

    Attributes
    ----------
    name : str
        As an axis is called: age, gender, skin_tone.
    labels : tuple of str
        Its values; empty for a number that is measured as such.
    positions : tuple of float
        Where each label stands, of an ordered attribute: ranks, years. Empty for one without
        order, and for a number.
    unit : str
        Of `Measured.values`: "rank", "years", "share", "degrees" …
    """

    name: str
    labels: tuple[str, ...] = ()
    positions: tuple[float, ...] = ()
    unit: str = "rank"

    def __post_init__(self) -> None:
        if self.positions and len(self.positions) != len(self.labels):
            raise ValueError(
                f"{self.name}: positions must be one per label, {len(self.labels)}; got "
                f"{len(self.positions)}."
            )


@dataclass(frozen=True)
class Measured:
    """One attribute of n images.

    Attributes
    ----------
    extractor : str
        The spec of what measured.
    attribute : Attribute
    shares : ndarray of shape (n, n_labels), float64
        A distribution over the labels per image, or NaN where nothing could be measured.
    values : ndarray of shape (n,), float64
        The mean position of an ordered attribute, or the number; NaN where there is none.
    reasons : tuple of n (str or None)
        Why nothing was measured; of what was, how its face was chosen, where that needs words.
    """

    extractor: str
    attribute: Attribute
    shares: Float64Array
    values: Float64Array
    reasons: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def most_likely(self) -> tuple[str | None, ...]:
        """The likeliest label per image; None where nothing was measured, or for a number."""
        labels = self.attribute.labels
        if not labels:
            return (None,) * len(self)
        return tuple(
            None if np.isnan(row).any() else labels[int(row.argmax())] for row in self.shares
        )


@dataclass(frozen=True)
class Found:
    """What an extractor's own part gives for one attribute of a batch of images.

    Attributes
    ----------
    shares : ndarray of shape (n, n_labels), or None for a number
        NaN rows where nothing was found.
    values : ndarray of shape (n,), or None
        Of a number; of labels they follow from `shares`.
    reasons : tuple of n (str or None)
    """

    shares: Float64Array | None = None
    values: Float64Array | None = None
    reasons: tuple[str | None, ...] = ()


class Extractor(ABC):
    """Measures attributes of images. Made by `load_extractor`.

    Attributes
    ----------
    spec : str
        Loads the same extractor again.
    attributes : tuple of Attribute
    fingerprint : str
        Of the weights, and of phrases where it reads any: measurements that are kept count only
        for the same ones.
    licence : str or None
        Of the weights, where their folder says it.
    regions : tuple of Region
        What of a picture it takes: the whole, the face or the person.
    faces : Faces or None
        The step that finds faces. Without, every region is the whole picture.
    """

    spec: str
    attributes: tuple[Attribute, ...]
    fingerprint: str = ""
    licence: str | None = None
    regions: tuple[Region, ...] = (WHOLE,)
    faces: Faces | None = None

    def measure(
        self,
        images: Sequence[ImageLike],
        *,
        batch_size: int = _BATCH,
        progress: Progress | None = None,
    ) -> tuple[Measured, ...]:
        """Measure every attribute of every image.

        Parameters
        ----------
        images : sequence of PIL images, paths or uint8 arrays
            One that cannot be read is measured as NaN, with the reason.
        batch_size : int
            Images at a time; changes memory and speed, not the result.
        progress : callable, optional
            Called with (images done, images in all).

        Returns
        -------
        tuple of Measured
            In the order of `attributes`.
        """
        size = check_count(batch_size, "batch_size")
        n = len(images)
        shares = [np.full((n, len(a.labels)), np.nan) for a in self.attributes]
        values = [np.full(n, np.nan) for _ in self.attributes]
        reasons: list[list[str | None]] = [[None] * n for _ in self.attributes]
        for start in range(0, n, size):
            batch, rows = [], []
            told: list[str | None] = []
            for row in range(start, min(start + size, n)):
                crop, why = self._crop(images[row])
                if crop is None:
                    for column in reasons:
                        column[row] = why
                    continue
                batch.append(crop)
                rows.append(row)
                told.append(why)
            if batch:
                for at, found in enumerate(self._measure_crops(batch)):
                    _place(self.attributes[at], found, rows, shares[at], values[at], reasons[at])
                    for row, why in zip(rows, told, strict=True):
                        reasons[at][row] = reasons[at][row] or why
            if progress is not None:
                progress(min(start + size, n), n)
        return tuple(
            Measured(self.spec, a, s, v, tuple(r))
            for a, s, v, r in zip(self.attributes, shares, values, reasons, strict=True)
        )

    def _crop(self, image: ImageLike) -> tuple[tuple[Image, ...] | None, str | None]:
        """Its regions of a picture, or None; and why, or what is to be said of them."""
        try:
            if self.faces is None or all(region.part == "whole" for region in self.regions):
                return (open_image(image),) * len(self.regions), None
            crops = self.faces.crops(image, self.regions)
        except EncoderError as error:
            return None, str(error)
        told = dict.fromkeys(
            part for crop in crops if crop.reason for part in crop.reason.split("; ")
        )
        found = tuple(crop.image for crop in crops if crop.image is not None)
        return found if len(found) == len(crops) else None, "; ".join(told) or None

    def _measure_crops(self, crops: list[tuple[Image, ...]]) -> Sequence[Found]:
        """Measure pictures by their regions; those that take one override `_measure` alone."""
        return self._measure([regions[0] for regions in crops])

    @abstractmethod
    def _measure(self, images: list[Image]) -> Sequence[Found]:
        """Measure upright RGB images; one `Found` per attribute, in their order."""


def _place(
    attribute: Attribute,
    found: Found,
    rows: list[int],
    shares: Float64Array,
    values: Float64Array,
    reasons: list[str | None],
) -> None:
    if found.shares is not None:
        shares[rows] = found.shares
        if attribute.positions:
            values[rows] = found.shares @ np.asarray(attribute.positions)
    if found.values is not None:
        values[rows] = found.values
    for row, reason in zip(rows, found.reasons or (None,) * len(rows), strict=True):
        is_whole = np.isfinite(shares[row]).all() and (
            found.values is None or np.isfinite(values[row])
        )
        if not is_whole:  # one infinite share leaves nothing to say of the others
            shares[row], values[row] = np.nan, np.nan
            reason = reason or "the model gave no finite number"
        reasons[row] = reason


def notes_on_faces(extractors: Sequence[Extractor]) -> list[str]:
    """Which extractors were shown whole pictures though they take the face, and needless steps."""
    takers = [
        extractor
        for extractor in extractors
        if any(region.part != "whole" for region in extractor.regions)
    ]
    notes = []
    if blind := [extractor.spec for extractor in takers if extractor.faces is None]:
        takes = "takes" if len(blind) == 1 else "take"
        notes.append(
            f"{' and '.join(blind)} {takes} the face and saw whole pictures: no detector was "
            "given (--faces CARD)."
        )
    if not takers and any(extractor.faces is not None for extractor in extractors):
        notes.append(
            "No face was looked for: all extractors take the whole picture. face:SPEC shows one "
            "the face."
        )
    return notes


def softmax(logits: npt.ArrayLike) -> Float64Array:
    """Exponentials over their sum along the last axis."""
    raised = np.asarray(logits, dtype=np.float64)
    weights = np.exp(raised - raised.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
