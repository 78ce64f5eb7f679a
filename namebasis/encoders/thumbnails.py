"""Small pictures for pages and notebooks, which must open without the files they were made of."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image

from namebasis.encoders.image_files import ImageFailure, read_images
from namebasis.encoders.images import open_image
from namebasis.errors import EncoderError

SIDE = 96
"""Pixels of the longer side."""
MAX_BYTES = 8_000
"""Of one thumbnail's JPEG file."""
_QUALITIES = (82, 60, 40, 20)


def thumbnail(path: str | Path, side: int = SIDE) -> str | None:
    """A file as a small JPEG picture in a data URI of at most `MAX_BYTES`; None if unreadable."""
    try:
        return _encoded(open_image(path), side)
    except (EncoderError, OSError, ValueError):
        return None


def thumbnails(paths: Sequence[str | Path], side: int = SIDE) -> list[str | None]:
    """`thumbnail` of many files, read in threads, in their order."""
    return [
        None if isinstance(image, ImageFailure) else _encoded(image, side)
        for _, image in read_images(paths)
    ]


def _encoded(image: Image.Image, side: int) -> str:
    small = image.copy()
    small.thumbnail((side, side))
    while True:
        for quality in _QUALITIES:
            content = BytesIO()
            small.save(content, "JPEG", quality=quality)
            if content.tell() <= MAX_BYTES:
                return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
        small.thumbnail((small.width // 2, small.height // 2))
