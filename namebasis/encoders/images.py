"""An image file or array to a plain RGB image."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from namebasis.encoders.image_archives import open_picture
from namebasis.encoders.image_plugins import plugin_for
from namebasis.errors import EncoderError
from namebasis.reading import UnreadableError

if TYPE_CHECKING:
    ImageLike = Image.Image | str | Path | np.ndarray

logger = logging.getLogger(__name__)

MAX_PIXELS = 89_478_485
"""Larger images are refused: a small file can unpack to any size. Pillow warns from here on."""
MAX_RATIO = 20
"""Longer images are refused: models scale the short side, and the long one grows with it."""


def open_image(image: Image.Image | str | Path | np.ndarray) -> Image.Image:
    """Return an image upright, in 8-bit RGB.

    The EXIF orientation is applied, transparency laid on white, 16 bits scaled to 8, and of an
    animation the first frame taken.

    Parameters
    ----------
    image : PIL image, path, or uint8 array of shape (height, width) or (height, width, 1, 3 or 4)

    Raises
    ------
    EncoderError
        If a file is missing, broken, no image, unpacks to more than `MAX_PIXELS`, or has a side
        more than `MAX_RATIO` times as long as the other.
    ValueError
        If an array has another shape or type.
    """
    if isinstance(image, np.ndarray):
        return _read(_from_array(image), "an image array")
    if isinstance(image, Image.Image):
        label = str(getattr(image, "filename", "") or "an image")
        return _read(image, label)
    if not isinstance(image, (str, Path)):
        raise ValueError(
            f"an image must be a path, a PIL image or a uint8 array; got {type(image).__name__}."
        )
    path = Path(image)
    try:
        with open_picture(path) as stream:
            return _read_stream(stream, path)
    except UnreadableError as error:
        what = "the file does not exist" if error.is_missing else error.reason
        raise EncoderError(f"{path}: no image can be read, {what}.") from None


def _read_stream(stream: BinaryIO, path: Path) -> Image.Image:
    head = stream.read(16)
    stream.seek(0)
    plugin = plugin_for(head)
    try:
        if plugin is not None:
            plugin.register()
        opened = Image.open(stream)
    except UnidentifiedImageError:
        what = "is not an image that Pillow can read" if head else "is empty"
        raise EncoderError(f"{path} {what}.") from None
    except EncoderError as error:
        raise EncoderError(f"{path} is {error}") from None
    except Exception as error:  # decoders raise every type on hostile bytes
        raise EncoderError(f"{path} cannot be read: {error}") from None
    with opened:
        return _read(opened, str(path))


def _read(image: Image.Image, label: str) -> Image.Image:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise EncoderError(
            f"{label} unpacks to {width} x {height} pixels, more than {MAX_PIXELS:,}; "
            "scale it down."
        )
    if not width or not height:
        raise EncoderError(f"{label} has no pixels: {width} x {height}.")
    if max(width, height) > MAX_RATIO * min(width, height):
        raise EncoderError(
            f"{label} is {width} x {height} pixels, one side more than {MAX_RATIO} times as long "
            "as the other; crop it."
        )
    if image.format == "EPS":
        raise EncoderError(f"{label} is PostScript, a program that is never run; give pixels.")
    try:
        image.load()
        return _to_rgb(_upright(image, label))
    except Exception as error:  # decoders raise every type on hostile bytes
        raise EncoderError(f"{label} cannot be read: {error}") from None


def _upright(image: Image.Image, label: str) -> Image.Image:
    """Always a copy: the file can be closed, and the caller's image stays as it is."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception as error:  # damaged EXIF data raise every type; the pixels are whole
        logger.info("%s: its orientation cannot be read (%s)", label, error)
        return image.copy()


def _from_array(array: np.ndarray) -> Image.Image:
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or channels not in (1, 3, 4):
        raise ValueError(
            "an image array must be uint8 of shape (height, width) or (height, width, 1, 3 or 4); "
            f"got {array.dtype} of shape {array.shape}."
        )
    if not array.size:
        raise ValueError(f"an image array must hold pixels; got shape {array.shape}.")
    return Image.fromarray(array[:, :, 0] if array.ndim == 3 and channels == 1 else array)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bits(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Scale a greyscale image of more than 8 bits; Pillow's own conversion would clip it.

    Where one value stands for transparency, it becomes an alpha channel.
    """
    values = np.asarray(image).astype(np.float64)
    low, high = float(values.min()), float(values.max())
    top = 1.0 if image.mode == "F" else 65535.0
    if not (low >= 0 and high <= top):
        raise ValueError(
            f"its grey values run from {low:g} to {high:g}; expected 0 to {top:g} in mode "
            f"{image.mode}. Convert it to 8 bits"
        )
    grey = np.round(values * (255.0 / top)).astype(np.uint8)
    clear = image.info.get("transparency")
    if not isinstance(clear, int):
        return Image.fromarray(grey)
    alpha = np.where(values == clear, 0, 255).astype(np.uint8)
    return Image.fromarray(np.stack([grey, alpha], axis=-1))
