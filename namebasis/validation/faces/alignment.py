"""Cut faces and persons out of pictures: by a box, or turned so that five points lie on a template.

Coordinates are those of OpenCV, in which the published points are: the centre of the first pixel
is 0, not 0.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from namebasis.checks import Float64Array

if TYPE_CHECKING:
    from PIL.Image import Image

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""

ARCFACE = (
    (38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655),
    (70.7299, 92.2041),
)  # fmt: skip
"""Where ArcFace (arXiv 1801.07698, insightface) puts the eyes, the nose and the corners of the
mouth, from left to right in the picture, on 112 x 112 pixels."""
_SIDE, _WIDE_SIDE, _WIDE_SHIFT = 112, 128, 8.0
_ESTIMATED_BODY = (2.0, 0.5, 7.0)
"""Of a face's width to each side of its centre, and of its height above and below its top."""


def template_points(size: tuple[int, int]) -> Float64Array:
    """The published points on a picture of height and width `size`, (5, 2).

    As insightface scales them: multiples of 128 leave 8 pixels more on each side.

    Raises
    ------
    ValueError
        If the picture is not square.
    """
    height, width = size
    if height != width:
        raise ValueError(f"alignment needs a square input; got {height} x {width}")
    points = np.array(ARCFACE)
    if width % _SIDE and width % _WIDE_SIDE == 0:
        return np.asarray((points + np.array([_WIDE_SHIFT, 0.0])) * (width / _WIDE_SIDE))
    return np.asarray(points * (width / _SIDE))


def similarity(points: npt.ArrayLike, wanted: npt.ArrayLike) -> Float64Array:
    """The turn, scale and shift that bring points nearest to the wanted ones, (2, 3).

    Least squares over ``x' = a x - b y + c, y' = b x + a y + d``: what Umeyama's formula gives
    where no mirror image is allowed.
    """
    source = np.asarray(points, dtype=np.float64)
    target = np.asarray(wanted, dtype=np.float64)
    rows = np.zeros((2 * len(source), 4))
    rows[0::2] = np.column_stack(
        [source[:, 0], -source[:, 1], np.ones(len(source)), np.zeros(len(source))]
    )
    rows[1::2] = np.column_stack(
        [source[:, 1], source[:, 0], np.zeros(len(source)), np.ones(len(source))]
    )
    a, b, c, d = np.linalg.lstsq(rows, target.reshape(-1), rcond=None)[0]
    return np.array([[a, -b, c], [b, a, d]])


def aligned(image: Image, points: npt.ArrayLike, size: tuple[int, int]) -> Image:
    """The face turned and scaled so that its five points lie on the template; black beyond.

    Parameters
    ----------
    image : PIL image
    points : array_like of shape (5, 2)
        In the order of the template.
    size : tuple of int
        Height and width of what is returned.
    """
    from PIL import Image as Pillow

    forward = np.vstack([similarity(points, template_points(size)), [0.0, 0.0, 1.0]])
    back = np.linalg.inv(forward)
    # Pillow takes the centre of the first pixel for 0.5.
    back[:2, 2] += 0.5 - back[:2, :2] @ [0.5, 0.5]
    return image.transform(
        (size[1], size[0]),
        Pillow.Transform.AFFINE,
        tuple(back[:2].reshape(-1)),
        resample=Pillow.Resampling.BILINEAR,
    )


def cut(image: Image, box: Box, margin: float = 0.0, *, square: bool = False) -> Image:
    """The part of a picture in a box, with a margin as a share of its sides, within the picture.

    `square` makes the shorter side as long as the longer one, black where the picture ends.
    """
    left, top, right, bottom = box
    width, height = (right - left) * (1 + 2 * margin), (bottom - top) * (1 + 2 * margin)
    if square:
        width = height = max(width, height)
    x, y = (left + right) / 2, (top + bottom) / 2
    edges = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    if not square:
        edges = within(edges, image.size)
    whole = [round(edge) for edge in edges]
    whole[2], whole[3] = max(whole[2], whole[0] + 1), max(whole[3], whole[1] + 1)
    return image.crop((whole[0], whole[1], whole[2], whole[3]))


def within(box: Box, size: tuple[int, int]) -> Box:
    """The part of a box that lies in a picture of width and height `size`."""
    width, height = size
    left, right = np.clip([box[0], box[2]], 0, width)
    top, bottom = np.clip([box[1], box[3]], 0, height)
    return float(left), float(top), float(right), float(bottom)


def estimated_body(face: Box, size: tuple[int, int]) -> Box:
    """Where the body of a face is likely to be seen, within the picture.

    Four faces wide, from half a face above it to seven below its top, which holds the shoulders
    and, of a standing person, most of the body.
    """
    half, above, below = _ESTIMATED_BODY
    left, top, right, bottom = face
    width, height, x = right - left, bottom - top, (left + right) / 2
    body = (x - half * width, top - above * height, x + half * width, top + below * height)
    return within(body, size)


def without(image: Image, boxes: Sequence[Box]) -> Image:
    """The picture with boxes painted black, as MiVOLO hides other people from a body."""
    from PIL import ImageDraw

    if not boxes:
        return image
    hidden = image.copy()
    draw = ImageDraw.Draw(hidden)
    for box in boxes:
        draw.rectangle([round(edge) for edge in box], fill=(0, 0, 0))
    return hidden
