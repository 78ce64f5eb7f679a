"""Colours of clusters: neighbours in the list differ in hue, and none is grey."""

from __future__ import annotations

import math

GREY = "#c3c8d1"
_GOLDEN = 137.507764  # degrees; successive multiples never come close soon
_LIGHTNESS = (0.62, 0.70, 0.54)


def cluster_colors(n: int) -> list[str]:
    """`n` colours as ``#rrggbb``, by golden-angle steps around OKLCH [1]_.

    References
    ----------
    .. [1] Ottosson (2020), A perceptual color space for image processing.
    """
    return [_oklch(_LIGHTNESS[i % 3], 0.145, (255 + i * _GOLDEN) % 360) for i in range(n)]


def darker(color: str, share: float = 0.62) -> str:
    """The same colour with its channels scaled by `share`, for text on white."""
    channels = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(channel * share):02x}" for channel in channels)


def _oklch(lightness: float, chroma: float, hue: float) -> str:
    """Convert to sRGB; what lies outside is clipped."""
    a, b = (
        chroma * math.cos(math.radians(hue)),
        chroma * math.sin(math.radians(hue)),
    )
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
    return "#" + "".join(f"{_channel(value):02x}" for value in linear)


def _channel(value: float) -> int:
    value = min(max(value, 0.0), 1.0)
    gamma = 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return round(255 * gamma)
