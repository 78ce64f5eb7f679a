"""Apparent skin colour of a face: lightness and hue, not one tone from light to dark [1]_.

References
----------
.. [1] Thong, Joniak and Xiang (2023), Beyond Skin Tone: A Multidimensional Measure of Apparent
   Skin Color, arXiv 2309.05148.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from namebasis.checks import Float64Array
from namebasis.validation.extractors.colour import hue_angle, to_lab

if TYPE_CHECKING:
    from PIL.Image import Image

Mask = npt.NDArray[np.bool_]
Segmenter = Callable[["Image"], Mask]
"""From an image to a mask of its skin, (height, width); all False where it finds none."""

LIGHT_ABOVE = 60.0
"""L* from which skin counts as light."""
YELLOW_ABOVE = 55.0
"""Hue angle in degrees from which it counts as yellow, below as red."""
FALLBACK = "central ellipse, pixels in a range of chroma that skin has"
"""The mask that is used without a segmentation model."""

_N_CLUSTERS = 5
_N_LIGHTEST = 3
_BLUR = 0.005  # standard deviation of the Gaussian, as a share of the image's longer side
_BIN = 1.0  # width of the histogram's bins, L* and degrees
_FEWEST = 100  # pixels of skin that a measurement needs
_MOST = 40_000  # pixels that are clustered
_CB, _CR = (77, 127), (133, 173)


@dataclass(frozen=True)
class SkinColour:
    """Apparent skin colour of one face.

    Attributes
    ----------
    lightness : float
        L* in [0, 100]; NaN where no skin was found.
    hue : float
        h* in degrees; NaN where no skin was found.
    n_pixels : int
        Pixels of skin.
    mask : str
        What found the skin: "segmentation", or the stated fallback.
    reason : str or None
        Why nothing was measured.
    """

    lightness: float
    hue: float
    n_pixels: int
    mask: str
    reason: str | None = None

    @property
    def is_light(self) -> bool | None:
        """Whether L* is above `LIGHT_ABOVE`; None where nothing was measured."""
        return None if np.isnan(self.lightness) else self.lightness > LIGHT_ABOVE

    @property
    def is_yellow(self) -> bool | None:
        """Whether the hue is above `YELLOW_ABOVE`; None where nothing was measured."""
        return None if np.isnan(self.hue) else self.hue > YELLOW_ABOVE


def skin_colour(image: Image, *, segment: Segmenter | None = None, seed: int = 0) -> SkinColour:
    """Measure the apparent skin colour of a face.

    The image is blurred, the pixels of skin are clustered in (L*, h*), each cluster stands for
    the modes of its histograms, and the three lightest are averaged by their pixels: shadows and
    beards weigh less.

    Parameters
    ----------
    image : PIL image
        RGB; one face that fills most of it.
    segment : callable, optional
        Gives the mask of skin; by default `fallback_mask`, which the result states.
    seed : int
        Of the clusters.

    Returns
    -------
    SkinColour

    Raises
    ------
    ValueError
        If the mask does not have the image's size.
    """
    smooth = _blurred(image)
    mask = fallback_mask(smooth) if segment is None else np.asarray(segment(image), dtype=bool)
    found_by = FALLBACK if segment is None else "segmentation"
    if mask.shape != (image.height, image.width):
        raise ValueError(
            f"a mask must have the image's shape, ({image.height}, {image.width}); got "
            f"{mask.shape}."
        )
    n = int(mask.sum())
    if n < min(_FEWEST, mask.size // 20 + 1):
        reason = f"no skin found: {n} pixels by {found_by}"
        return SkinColour(float("nan"), float("nan"), n, found_by, reason)
    lab = to_lab(np.asarray(smooth)[mask])
    lightness, hue = _lightest(np.column_stack([lab[:, 0], hue_angle(lab)]), seed)
    return SkinColour(lightness, hue, n, found_by)


def fallback_mask(image: Image) -> Mask:
    """Pixels in the middle of the image whose chroma is in the range that skin has [1]_.

    It knows nothing of faces: hair and walls of a skin's colour are taken for skin.

    References
    ----------
    .. [1] Chai and Ngan (1999), Face segmentation using skin-color map in videophone
       applications, IEEE TCSVT 9(4).
    """
    width, height = image.size
    y, x = np.mgrid[:height, :width]
    across = (2 * (x + 0.5) / width - 1) / 0.6
    down = (2 * (y + 0.5) / height - 1) / 0.8
    chroma = np.asarray(image.convert("YCbCr"))
    cb, cr = chroma[..., 1], chroma[..., 2]
    is_skin = (cb >= _CB[0]) & (cb <= _CB[1]) & (cr >= _CR[0]) & (cr <= _CR[1])
    return np.asarray((across**2 + down**2 <= 1) & is_skin)


def overlay(image: Image, mask: Mask) -> Image:
    """Return the image with everything but the skin faded to grey, to see what was measured."""
    from PIL import Image as Pillow

    grey = image.convert("L").point(lambda value: 128 + value // 4).convert("RGB")
    return Pillow.composite(image, grey, Pillow.fromarray(np.asarray(mask, np.uint8) * 255))


def _blurred(image: Image) -> Image:
    from PIL import ImageFilter

    return image.filter(ImageFilter.GaussianBlur(_BLUR * max(image.size)))


def _lightest(points: Float64Array, seed: int) -> tuple[float, float]:
    """Mean (L*, h*) of the lightest clusters' modes, weighted by their pixels."""
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(seed)
    if len(points) > _MOST:
        points = points[np.sort(rng.choice(len(points), _MOST, replace=False))]
    n_clusters = min(_N_CLUSTERS, len(np.unique(points, axis=0)))
    labels = KMeans(n_clusters, n_init=4, random_state=seed).fit_predict(points)
    sizes = np.bincount(labels, minlength=n_clusters).astype(np.float64)
    modes = np.array(
        [[_mode(column) for column in points[labels == c].T] for c in range(n_clusters)]
    )
    lightest = np.argsort(-modes[:, 0], kind="stable")[:_N_LIGHTEST]
    lightness, hue = np.average(modes[lightest], axis=0, weights=sizes[lightest])
    return float(lightness), float(hue)


def _mode(values: Float64Array) -> float:
    """Mean of the values in the fullest bin: a bin's middle would be off by half its width."""
    bins = np.floor(values / _BIN).astype(np.int64)
    low = int(bins.min())
    fullest = int(np.bincount(bins - low).argmax()) + low
    return float(values[bins == fullest].mean())
