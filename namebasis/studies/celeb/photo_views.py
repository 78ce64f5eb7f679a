"""Photos of one person, each in several views: cut, turned and lit otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import Float64Array
from namebasis.encoders.images import open_image

if TYPE_CHECKING:
    from PIL.Image import Image

    from namebasis.encoders.base import Encoder
    from namebasis.encoders.images import ImageLike

_CUT = 0.9  # of each side, at least
_LIGHT = 0.1  # brighter or darker, at most


@dataclass(frozen=True, eq=False)
class PhotoViews:
    """Unit vectors of photos, and of other views of them.

    Attributes
    ----------
    photos, views : ndarray of shape (n_photos, dim), float64
        Each photo as it is, and the mean over its other views.
    """

    photos: Float64Array
    views: Float64Array

    def __len__(self) -> int:
        return len(self.photos)

    @property
    def target(self) -> Float64Array:
        """What a point is fitted to, (dim,), of length 1."""
        return _unit(self.photos.mean(axis=0))

    @property
    def check(self) -> Float64Array:
        """What says when to stop, (dim,), of length 1."""
        return _unit(self.views.mean(axis=0))


def read_views(
    encoder: Encoder, photos: Sequence[ImageLike], n_views: int, seed: int
) -> PhotoViews:
    """Encode each photo as it is, and `n_views` other views of it.

    A point is fitted to the photos alone: on the organism's seed 0, fitting it to cut views as well
    left it farther from the name (mean cosine 0.83 against 0.86).

    Raises
    ------
    EncoderError
        If the encoder reads no images, or a photo cannot be read.
    """
    rng = np.random.default_rng([seed, 1])
    whole, others = [], []
    for photo in photos:
        image = open_image(photo)
        rows = encoder.encode_images([image, *(_other(image, rng) for _ in range(n_views))])
        rows = rows.astype(np.float64)
        whole.append(rows[0])
        others.append(_unit(rows[1:].mean(axis=0)))
    return PhotoViews(np.stack(whole), np.stack(others))


def _other(image: Image, rng: np.random.Generator) -> Image:
    """A photo cut by some of its sides, mirrored or not, a little darker or brighter."""
    from PIL import ImageEnhance, ImageOps

    size = np.array(image.size)
    cut = np.maximum(1, np.round(rng.uniform(_CUT, 1) * size)).astype(int)
    left, top = (int(rng.integers(room + 1)) for room in size - cut)
    other = image.crop((left, top, left + int(cut[0]), top + int(cut[1])))
    if rng.random() < 0.5:
        other = ImageOps.mirror(other)
    return ImageEnhance.Brightness(other).enhance(rng.uniform(1 - _LIGHT, 1 + _LIGHT))


def _unit(row: Float64Array) -> Float64Array:
    return np.asarray(row / np.linalg.norm(row))
