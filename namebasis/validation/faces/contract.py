"""The contract of what finds faces, and the step that cuts them out for extractors."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namebasis.encoders.image_archives import digest_of_picture
from namebasis.encoders.images import open_image
from namebasis.errors import EncoderError
from namebasis.reading import UnreadableError, parse_json
from namebasis.validation.faces.alignment import (
    Box,
    aligned,
    cut,
    estimated_body,
    within,
    without,
)

if TYPE_CHECKING:
    from PIL.Image import Image

    from namebasis.encoders.images import ImageLike

PARTS = ("whole", "face", "person")
"""Of a picture, what an extractor may take."""
_MOST_BYTES = 1 << 28
"""Of crops kept in memory: 7,000 of 112 x 112 pixels."""
Point = tuple[float, float]


@dataclass(frozen=True)
class Face:
    """A face in a picture.

    Attributes
    ----------
    box : tuple of float
        Left, top, right and bottom, in pixels; it may reach beyond the picture.
    score : float
        The detector's, in [0, 1].
    points : tuple of 5 points, or None
        Eyes, nose and corners of the mouth, from left to right in the picture.
    body : tuple of float, or None
        Box of the person whose face it is, where the detector finds persons.
    """

    box: Box
    score: float
    points: tuple[Point, ...] | None = None
    body: Box | None = None

    @property
    def area(self) -> float:
        """In pixels."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])


class FaceFinder(ABC):
    """Finds faces in pictures. Made by `load_faces`.

    Attributes
    ----------
    spec : str
    fingerprint : str
        Of its weights and settings.
    licence : str or None
    finds_persons : bool
        Whether faces come with the boxes of their persons.
    """

    spec: str
    fingerprint: str
    licence: str | None = None
    finds_persons: bool = False

    @abstractmethod
    def find(self, image: Image) -> Sequence[Face]:
        """Faces in an upright RGB picture, in any order."""


@dataclass(frozen=True)
class Region:
    """What of a picture an extractor takes.

    Attributes
    ----------
    part : str
        One of `PARTS`.
    margin : float
        Around a box, as a share of its sides.
    square : bool
        Make the shorter side of a box as long as the longer one.
    align : tuple of int, or None
        Turn the face so that its points lie on ArcFace's template, height and width.
    """

    part: str = "whole"
    margin: float = 0.0
    square: bool = False
    align: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.part not in PARTS:
            raise ValueError(f"takes must be one of {', '.join(PARTS)}; got {self.part!r}")


WHOLE, FACE, PERSON = Region(), Region("face"), Region("person")


@dataclass(frozen=True)
class Crop:
    """A region of a picture, or the reason why there is none.

    Attributes
    ----------
    image : PIL image or None
    reason : str or None
        "no face", or how the face was chosen, such as "3 faces: the largest taken".
    """

    image: Image | None
    reason: str | None = None


class Faces:
    """The face step: finds the faces of each picture once, and cuts out regions.

    Faces and crops are kept by the picture's digest, so that a second extractor opens no picture
    and looks for no face again.

    Parameters
    ----------
    finder : FaceFinder
    most_bytes : int
        Of crops to keep.
    """

    def __init__(self, finder: FaceFinder, *, most_bytes: int = _MOST_BYTES) -> None:
        self.finder = finder
        self.known: dict[str, tuple[Face, ...]] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._most_bytes, self._n_bytes = most_bytes, 0
        self._crops: OrderedDict[tuple[str, Region], Crop] = OrderedDict()

    @property
    def spec(self) -> str:
        """The finder's."""
        return self.finder.spec

    @property
    def fingerprint(self) -> str:
        """Of the finder; of what the step does with the faces there is one way."""
        return f"faces-1 {self.finder.fingerprint}"

    def crops(self, image: ImageLike, regions: Sequence[Region]) -> tuple[Crop, ...]:
        """Cut regions out of a picture.

        Parameters
        ----------
        image : PIL image, path or uint8 array
        regions : sequence of Region

        Raises
        ------
        EncoderError
            If the picture cannot be read, or the detector fails.
        """
        opened, key = _opened(image)
        found = []
        for region in regions:
            crop = self._crops.get((key, region))
            if crop is None:
                opened = opened or open_image(image)
                crop = self._cut(opened, key, region)
                self._keep((key, region), crop)
            found.append(crop)
        return tuple(found)

    def box_of(self, key: str) -> Box | None:
        """Box of the face taken in a picture, as shares of its width and height, within it.

        None where there is none, or the step did not look for it itself.
        """
        faces, size = self.known.get(key), self._sizes.get(key)
        if not faces or size is None:
            return None
        left, top, right, bottom = within(faces[0].box, size)
        return left / size[0], top / size[1], right / size[0], bottom / size[1]

    def _cut(self, image: Image, key: str, region: Region) -> Crop:
        if region.part == "whole":
            return Crop(image)
        faces = self.known.get(key)
        if faces is None:
            found = sorted(self.finder.find(image), key=lambda face: -face.area)
            faces = self.known[key] = tuple(found)
            self._sizes[key] = image.size
        if not faces:
            return Crop(None, "no face")
        told = [f"{len(faces)} faces: the largest taken"] if len(faces) > 1 else []
        face = faces[0]
        if region.part == "person":
            body = face.body
            if body is None:
                body = estimated_body(face.box, image.size)
                told.append("the body estimated from the face")
            others = without(image, [other.box for other in faces[1:]])
            crop = cut(others, body, region.margin, square=region.square)
        elif region.align is not None and face.points is not None:
            crop = aligned(image, face.points, region.align)
        else:
            if region.align is not None:
                told.append("not aligned: the detector gives no points")
            crop = cut(image, face.box, region.margin, square=region.square)
        return Crop(crop, "; ".join(told) or None)

    def _keep(self, key: tuple[str, Region], crop: Crop) -> None:
        if key[1].part == "whole":
            return
        self._crops[key] = crop
        self._n_bytes += _size(crop)
        while self._n_bytes > self._most_bytes and len(self._crops) > 1:
            _, oldest = self._crops.popitem(last=False)
            self._n_bytes -= _size(oldest)


def _size(crop: Crop) -> int:
    return 0 if crop.image is None else crop.image.width * crop.image.height * 3


def _opened(image: ImageLike) -> tuple[Image | None, str]:
    """A picture's digest: of the bytes of a file, which is not opened, else of the pixels."""
    if isinstance(image, (str, Path)):
        try:
            return None, digest_of_picture(Path(image))
        except UnreadableError:
            pass  # opening it says why
    opened = open_image(image)
    told = hashlib.sha256(repr(opened.size).encode() + opened.tobytes())
    return opened, told.hexdigest()


def to_text(faces: Sequence[Face]) -> str:
    """Faces of one picture as JSON, for a store."""
    return json.dumps([[face.box, face.score, face.points, face.body] for face in faces])


def of_text(text: str) -> tuple[Face, ...]:
    """Read what `to_text` wrote.

    Raises
    ------
    EncoderError
        If it is something else.
    """
    try:
        return tuple(
            Face(
                _box(box), float(score),
                None if points is None else tuple((float(x), float(y)) for x, y in points),
                None if body is None else _box(body),
            )
            for box, score, points, body in parse_json(text, "faces")
        )  # fmt: skip
    except (UnreadableError, ValueError, TypeError) as error:
        raise EncoderError(f"faces that were kept cannot be read: {error}.") from None


def _box(values: Sequence[float]) -> Box:
    left, top, right, bottom = np.asarray(values, dtype=np.float64).tolist()
    return left, top, right, bottom
