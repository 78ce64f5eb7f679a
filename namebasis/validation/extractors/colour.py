"""sRGB pixels in CIELAB, where apparent skin colour is measured."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from namebasis.checks import Float64Array

# IEC 61966-2-1: linear sRGB to CIE XYZ. Its row sums are the white point (D65, 2°), so that grey
# pixels have a* = b* = 0 exactly.
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = _TO_XYZ.sum(axis=1)
_EDGE = 6 / 29  # below its cube, CIELAB's cube root goes over into a line


def to_lab(pixels: npt.ArrayLike) -> Float64Array:
    """Convert sRGB to CIELAB (D65, 2°) [1]_.

    Parameters
    ----------
    pixels : array_like of shape (..., 3)
        uint8 in [0, 255], or floats in [0, 1].

    Returns
    -------
    ndarray of shape (..., 3), float64
        L* in [0, 100], a*, b*.

    Raises
    ------
    ValueError
        If the last axis is not 3 wide, or floats leave [0, 1].

    References
    ----------
    .. [1] CIE 15:2004, Colorimetry.
    """
    values = np.asarray(pixels)
    if values.ndim < 1 or values.shape[-1] != 3:
        raise ValueError(f"pixels must have shape (..., 3); got {values.shape}.")
    scaled = values / 255.0 if values.dtype == np.uint8 else values.astype(np.float64)
    if not ((scaled >= 0) & (scaled <= 1)).all():
        raise ValueError("pixels must be uint8, or floats in [0, 1].")
    linear = np.where(scaled <= 0.04045, scaled / 12.92, ((scaled + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T / _WHITE
    root = np.where(xyz > _EDGE**3, np.cbrt(xyz), xyz / (3 * _EDGE**2) + 4 / 29)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def hue_angle(lab: Float64Array) -> Float64Array:
    """Return h* = arctan2(b*, a*) in degrees in (-180, 180], of shape ``lab.shape[:-1]``."""
    return np.asarray(np.degrees(np.arctan2(lab[..., 2], lab[..., 1])))
