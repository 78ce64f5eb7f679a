"""Soft shapes on many small pictures at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray

Reals = npt.NDArray[np.floating[Any]]
_UNITS = 48.0  # shapes are given on a square of 48 by 48, whatever the pixels


class Canvas:
    """Pictures of equal size, painted together; every argument has one value per picture.

    Only the rows and columns that a shape reaches in any picture are touched.

    Parameters
    ----------
    pixels : ndarray of shape (n, 3, size, size), float32
        Colours in [0, 1]; painted in place.
    """

    def __init__(self, pixels: FloatArray) -> None:
        self.pixels = pixels
        self.n, _, self.size, _ = pixels.shape
        self.scale = self.size / _UNITS
        self._centres = (np.arange(self.size, dtype=np.float32) + 0.5) / self.scale

    def ellipse(
        self,
        x: Reals,
        y: Reals,
        rx: Reals,
        ry: Reals,
        colour: Reals,
        *,
        power: Reals | float = 2.0,
        above: Reals | None = None,
        below: Reals | None = None,
        opacity: Reals | float = 1.0,
    ) -> None:
        """Fill ``|dx / rx|^power + |dy / ry|^power < 1`` with edges one pixel soft.

        Parameters
        ----------
        x, y, rx, ry : ndarray of shape (n,)
            Centre and half axes, in 48ths of the width.
        colour : ndarray of shape (n, 3)
        power : float or ndarray of shape (n,)
            2 is an ellipse, more is squarer.
        above, below : ndarray of shape (n,), optional
            Only rows above (below) this height are filled.
        opacity : float or ndarray of shape (n,)
            0 leaves a picture as it is.
        """
        top = y - ry if below is None else np.maximum(y - ry, below)
        bottom = y + ry if above is None else np.minimum(y + ry, above)
        rows, columns = self._window(top, bottom), self._window(x - rx, x + rx)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        down, across = self._centres[rows], self._centres[columns]
        dx = np.abs(across[None] - x[:, None]) / rx[:, None]
        dy = np.abs(down[None] - y[:, None]) / ry[:, None]
        inner = np.float32(self.scale) * np.minimum(rx, ry)
        if isinstance(power, float) and power == 2.0:
            radius = np.sqrt(np.square(dy)[:, :, None] + np.square(dx)[:, None])
        else:
            p = np.broadcast_to(np.asarray(power, dtype=np.float32), (self.n,))[:, None]
            radius = (np.power(dy, p)[:, :, None] + np.power(dx, p)[:, None]) ** (1 / p)[:, :, None]
        cover = np.clip((1 - radius) * inner[:, None, None] + 0.5, 0, 1)
        if above is not None:
            cover *= np.clip((above[:, None] - down) * self.scale + 0.5, 0, 1)[:, :, None]
        if below is not None:
            cover *= np.clip((down - below[:, None]) * self.scale + 0.5, 0, 1)[:, :, None]
        self._blend(rows, columns, cover, colour, opacity)

    def bar(
        self,
        x: Reals,
        y: Reals,
        rx: Reals,
        ry: Reals,
        colour: Reals,
        *,
        slope: Reals | float = 0.0,
        opacity: Reals | float = 1.0,
    ) -> None:
        """Fill a bar of half width `rx` and half height `ry`, sheared down by `slope` per right."""
        tilt = np.broadcast_to(np.asarray(slope, dtype=np.float32), (self.n,))
        reach = ry + np.abs(tilt) * rx
        rows, columns = self._window(y - reach, y + reach), self._window(x - rx, x + rx)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        dx = self._centres[columns][None] - x[:, None]
        dy = self._centres[rows][None] - y[:, None]
        sheared = dy[:, :, None] - (tilt[:, None] * dx)[:, None]
        cover = np.clip((ry[:, None, None] - np.abs(sheared)) * self.scale + 0.5, 0, 1)
        cover *= np.clip((rx[:, None] - np.abs(dx)) * self.scale + 0.5, 0, 1)[:, None]
        self._blend(rows, columns, cover, colour, opacity)

    def _window(self, low: Reals, high: Reals) -> slice:
        start = int(np.floor(float(low.min()) * self.scale - 0.5))
        stop = int(np.ceil(float(high.max()) * self.scale + 0.5)) + 1
        return slice(max(start, 0), min(stop, self.size))

    def _blend(
        self,
        rows: slice,
        columns: slice,
        cover: Reals,
        colour: Reals,
        opacity: Reals | float,
    ) -> None:
        if not (isinstance(opacity, float) and opacity == 1.0):
            cover = cover * np.broadcast_to(
                np.asarray(opacity, dtype=np.float32), (self.n,)
            )[:, None, None]  # fmt: skip
        part = self.pixels[:, :, rows, columns]
        part += cover[:, None] * (colour[:, :, None, None] - part)
