"""Colours told apart by every kind of sight; clusters that are neighbours on a map differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from namebasis.checks import Float64Array, FloatArray

_NEVER_EQUAL = 5
"""Of the clusters around, how many may not have a cluster's colour."""
_INKS = 0.42, 0.82
"""OKLab lightness of letters on a light and on a dark ground."""
GREY = "#b9bfca"
GREY_ON_DARK = "#4b5363"
# Found by exchange search for the largest smallest difference under four kinds of sight, among
# colours that stand out from a light and from a dark ground. More than eight come too close.
PALETTE = (
    "#4b8796", "#d25a0f", "#9600e1", "#f0a500", "#69c3c3", "#961e00", "#b478ff", "#3c4b78",
)  # fmt: skip
# The same hues for a dark ground, found likewise among lightnesses that stand out from it and from
# its grey by 4.2 to 1: lines and small dots are seen as well as on a light one.
PALETTE_ON_DARK = (
    "#4b8796", "#d15a0e", "#bc48ff", "#ffd151", "#6cc6c6", "#ff8a6e", "#c68aff", "#cce0ff",
)  # fmt: skip
ON_DARK = dict(zip(PALETTE, PALETTE_ON_DARK, strict=True))
"""What a colour of the palette becomes on a dark ground."""

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
SIGHTS = {
    "common": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                            [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                              [-0.011820, 0.042940, 0.968881]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                            [0.004733, 0.691367, 0.303900]]),
}  # fmt: skip
# Ottosson (2020), A perceptual color space for image processing.
_TO_CONES = np.array([[0.4122214708, 0.5363325363, 0.0514459929],
                      [0.2119034982, 0.6806995451, 0.1073969566],
                      [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
_TO_LAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468],
                    [1.9779984951, -2.4285922050, 0.4505937099],
                    [0.0259040371, 0.7827717662, -0.8086757660]])  # fmt: skip


def cluster_colors(centres: FloatArray) -> list[str]:
    """Choose a colour of `PALETTE` per cluster, so that clusters close on the map look different.

    Parameters
    ----------
    centres : ndarray of shape (n_clusters, 2)
        Where the clusters lie on the map, the largest first.

    Returns
    -------
    list of str
        ``#rrggbb``; the same clusters always get the same colours.
    """
    n = len(centres)
    likeness = _likeness()
    chosen = np.zeros(n, np.int64)
    used = np.zeros(len(PALETTE))
    scale = float(np.ptp(centres, axis=0).max()) / n**0.5 or 1.0 if n else 1.0
    for i in range(n):
        offsets = (centres[:i] - centres[i]).astype(np.float64)
        near = np.exp(-np.sqrt((offsets**2).sum(axis=1)) / scale)
        # How much of each colour's like is around; a little weight on using all of them.
        crowding = near @ likeness[chosen[:i]] + 0.02 * used
        crowding[chosen[np.argsort(-near, kind="stable")[:_NEVER_EQUAL]]] = np.inf
        chosen[i] = int(crowding.argmin())
        used[chosen[i]] += 1
    return [PALETTE[i] for i in chosen]


def sequential(n: int, *, on_dark: bool = False) -> list[str]:
    """Colours of `n` steps of an ordered scale, dark to light, told apart by lightness alone.

    They are viridis without its ends, which would be lost on a dark or on a light ground; for
    lines on a dark ground only what stands out from it by 3 to 1.
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    span = (0.4, 0.98) if on_dark else (0.12, 0.9)
    return [to_hex(color) for color in colormaps["viridis"](np.linspace(*span, n))]


def with_lightness(color: str, lightness: float) -> str:
    """The same hue, with OKLab lightness in [0, 1]: for text that stands out from its ground."""
    lab = oklab(np.array([channels(color)]))[0]
    cones = np.linalg.inv(_TO_LAB) @ np.array([lightness, *lab[1:]])
    linear = np.clip(np.linalg.inv(_TO_CONES) @ cones**3, 0, 1)
    gamma = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(255 * value):02x}" for value in gamma)


def inks(color: str) -> list[str]:
    """The hue as letters on a light and on a dark ground: contrast above 4.5 on either."""
    return [with_lightness(color, lightness) for lightness in _INKS]


def channels(color: str) -> Float64Array:
    """Linear red, green and blue of ``#rrggbb``, in [0, 1]."""
    gamma = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(gamma <= 0.04045, gamma / 12.92, ((gamma + 0.055) / 1.055) ** 2.4)


def oklab(linear: Float64Array) -> Float64Array:
    """OKLab coordinates of linear RGB rows, (n, 3)."""
    return np.asarray(np.cbrt(np.clip(linear, 0, None) @ _TO_CONES.T) @ _TO_LAB.T)


def differences(colors: Sequence[str]) -> Float64Array:
    """Smallest OKLab distance of each pair over the kinds of sight in `SIGHTS`, (n, n)."""
    linear = np.array([channels(color) for color in colors])
    seen = [oklab(np.clip(linear @ sight.T, 0, 1)) for sight in SIGHTS.values()]
    apart = [np.sqrt(((lab[:, None] - lab[None]) ** 2).sum(axis=2)) for lab in seen]
    return np.asarray(np.min(apart, axis=0))


def _likeness() -> Float64Array:
    return np.asarray(np.exp(-differences(PALETTE) / 0.08))
