"""Pictures of people, drawn with numpy, many at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from namebasis.checks import check_count
from namebasis.organism.canvas import Canvas
from namebasis.organism.faces import Face
from namebasis.organism.people import People
from namebasis.organism.scenes import scene_pixels
from namebasis.organism.words import ATTRIBUTES, CONTEXTS
from namebasis.organism.world import N_FINE

Pixels = npt.NDArray[np.uint8]
SIZE = 48


def render(people: People, *, size: int = SIZE, seed: int | list[int] = 0) -> Pixels:
    """Draw people.

    Parameters
    ----------
    people : People
    size : int
        Pixels along each side.
    seed : int or list of int
        Of what is the picture's own: shift, light, noise.

    Returns
    -------
    ndarray of shape (n, size, size, 3), uint8

    Raises
    ------
    ValueError
        If a code is out of range or shapes do not fit.
    """
    check_count(size, "size", 16)
    _check(people)
    n = len(people)
    rng = np.random.default_rng(seed)
    shift = rng.uniform(-1.5, 1.5, (2, n)).astype(np.float32)
    pixels = scene_pixels(people.contexts[:, 0], size, rng)
    if n:
        Face(people, Canvas(pixels), shift).draw()
    light = rng.uniform(0.9, 1.1, n).astype(np.float32)
    pixels *= light[:, None, None, None]
    pixels += rng.standard_normal(pixels.shape, dtype=np.float32) * np.float32(0.02)
    np.clip(pixels, 0, 1, out=pixels)
    return np.ascontiguousarray((pixels * 255 + 0.5).astype(np.uint8).transpose(0, 2, 3, 1))


def _check(people: People) -> None:
    n = len(people)
    limits = [len(values) for values in ATTRIBUTES.values()]
    ranges = [len(phrases) for phrases in CONTEXTS.values()]
    for what, codes, tops in (
        ("attributes", people.attributes, limits),
        ("contexts", people.contexts, ranges),
    ):
        if codes.shape != (n, len(tops)) or (n and not ((codes >= 0) & (codes < tops)).all()):
            raise ValueError(
                f"{what} must have shape ({n}, {len(tops)}) and codes below {tops}; got shape "
                f"{codes.shape}."
            )
    if people.fine.shape != (n, N_FINE):
        raise ValueError(f"fine must have shape ({n}, {N_FINE}); got {people.fine.shape}.")
