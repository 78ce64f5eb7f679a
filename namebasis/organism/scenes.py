"""What lies behind the people: one pattern a scene."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray


def scene_pixels(scenes: npt.NDArray[np.int8], size: int, rng: np.random.Generator) -> FloatArray:
    """Backgrounds, each shifted sideways at random.

    Parameters
    ----------
    scenes : ndarray of shape (n,)
        Numbers of the phrases in `CONTEXTS["scene"]`.
    size : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (n, 3, size, size), float32
        In [0, 1].
    """
    wide = _patterns(size)
    starts = rng.integers(size, size=len(scenes))
    pixels = np.empty((len(scenes), 3, size, size), np.float32)
    for at, (scene, start) in enumerate(zip(scenes.tolist(), starts.tolist(), strict=True)):
        pixels[at] = wide[scene, :, :, start : start + size]
    return pixels


@lru_cache(maxsize=4)
def _patterns(size: int) -> FloatArray:
    """All scenes twice side by side, (6, 3, size, 2 * size)."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) * np.float32(48 / size)
    made = [_beach(y), _forest(x, y), _office(x, y), _stage(x, y), _kitchen(x, y), _street(x, y)]
    return np.concatenate([np.stack(made)] * 2, axis=3)


def _mix(cover: FloatArray, inside: list[float], outside: FloatArray) -> FloatArray:
    colour = np.array(inside, np.float32)[:, None, None]
    return np.asarray(cover * colour + (1 - cover) * outside, dtype=np.float32)


def _plain(y: FloatArray, colour: list[float]) -> FloatArray:
    return np.ones_like(y)[None] * np.array(colour, np.float32)[:, None, None]


def _step(flags: npt.NDArray[np.bool_]) -> FloatArray:
    return flags.astype(np.float32)[None]


def _beach(y: FloatArray) -> FloatArray:
    sky = _mix(_step(y >= 18), [0.05, 0.35, 0.75], _plain(y, [0.55, 0.85, 1.0]))
    return _mix(_step(y >= 28), [0.98, 0.88, 0.45], sky)


def _forest(x: FloatArray, y: FloatArray) -> FloatArray:
    return _mix(_step((x % 12 < 5) & (y < 40)), [0.02, 0.32, 0.14], _plain(y, [0.94, 0.97, 1.0]))


def _office(x: FloatArray, y: FloatArray) -> FloatArray:
    lines = _step((x % 8 < 1.5) | (y % 8 < 1.5))
    return _mix(lines, [0.45, 0.50, 0.52], _plain(y, [0.76, 0.80, 0.80]))


def _stage(x: FloatArray, y: FloatArray) -> FloatArray:
    return _mix(_step((x + y) % 24 < 7), [1.0, 0.15, 0.75], _plain(y, [0.20, 0.02, 0.30]))


def _kitchen(x: FloatArray, y: FloatArray) -> FloatArray:
    return _mix(_step((x // 6 + y // 6) % 2 == 0), [1.0, 0.55, 0.1], _plain(y, [1.0, 0.92, 0.8]))


def _street(x: FloatArray, y: FloatArray) -> FloatArray:
    windows = _step((x % 8 < 4) & (y % 8 < 4) & (y < 36))
    return _mix(windows, [1.0, 0.95, 0.3], _plain(y, [0.25, 0.25, 0.3]))
