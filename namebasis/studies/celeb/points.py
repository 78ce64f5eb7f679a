"""What a celeb basis is asked with: addresses of components, settings of them, points."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from namebasis.checks import FloatArray

MOST_DEVIATIONS = 1000
"""Beyond this a coefficient is a slip of the pen, and further on beyond float32."""
_ADDRESS = re.compile(r"(?:(\d{1,6})\.)?(\d{1,6})")


class Address(NamedTuple):
    """One component of a celeb basis, written `2.3`: the third of the second piece.

    Attributes
    ----------
    position, component : int
        From 1.
    """

    position: int
    component: int

    def __str__(self) -> str:
        return f"{self.position}.{self.component}"

    @classmethod
    def read(cls, text: object) -> Address:
        """Read `2.3`, or `3` for the third component of the first piece.

        Raises
        ------
        ValueError
            If it is neither.
        """
        match = _ADDRESS.fullmatch(str(text).strip())
        if match is None:
            raise ValueError(
                f"a component is written 3 (of the first piece) or 2.3 (of the second); got "
                f"{str(text)[:40]!r}."
            )
        return cls(int(match[1] or 1), int(match[2]))


def read_settings(texts: Iterable[str]) -> dict[Address, float]:
    """Read `3=+1.5` and `2.1=-2`: coefficients of components in standard deviations.

    Raises
    ------
    ValueError
        If one is written otherwise, or a component comes twice.
    """
    found: dict[Address, float] = {}
    for text in texts:
        place, sign, number = text.partition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not sign or not math.isfinite(value):
            raise ValueError(
                f"a setting is a component, = and a number of deviations, such as 3=+1.5 or "
                f"2.1=-2; got {text[:40]!r}."
            )
        _set(found, Address.read(place), value)
    return found


def checked_settings(
    settings: Mapping[Address, float] | Mapping[str, float],
) -> dict[Address, float]:
    """Coefficients by address.

    Raises
    ------
    ValueError
        If a component is none or comes twice, or a coefficient is no number or beyond
        `MOST_DEVIATIONS`.
    """
    found: dict[Address, float] = {}
    for one, value in settings.items():
        _set(found, one if isinstance(one, Address) else Address.read(one), float(value))
    return found


def _set(found: dict[Address, float], address: Address, value: float) -> None:
    if address in found:
        raise ValueError(f"component {address} is set twice; set it once.")
    if not abs(value) <= MOST_DEVIATIONS:
        raise ValueError(
            f"component {address} must lie within {MOST_DEVIATIONS:,} deviations of the mean; got "
            f"{value:g}."
        )
    found[address] = value


@dataclass(frozen=True, eq=False)
class Point:
    """Input embeddings in the place of a name's pieces.

    Attributes
    ----------
    label : str
    rows : ndarray of shape (n_pieces, token_dim), float32
    """

    label: str
    rows: FloatArray


def unit_directions(rows: FloatArray) -> FloatArray:
    """Vectors along the last axis scaled to length 1; one of zeros stays so."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), dtype=np.float32)
