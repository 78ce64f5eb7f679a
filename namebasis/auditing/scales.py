"""Where a claim's value, interval and chance lie on its own scale, for pages and figures alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from namebasis.auditing.claims import Claim

_FIXED = {"Spearman": (-1.0, 1.0), "AUC": (0.0, 1.0), "share": (0.0, 1.0)}
_ROOM = 0.08
"""Of a scale that is as wide as its figures: what is left free beside them."""


@dataclass(frozen=True)
class Scale:
    """The ends of a scale, in the claim's unit."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Where a value lies, in [0, 1]; beyond the ends at the nearer one."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


@dataclass(frozen=True)
class Mark:
    """One claim on a scale, every place in [0, 1].

    Attributes
    ----------
    value : float
    interval, band : tuple of 2 floats, or None
        The 95 % interval, and what chance stays within.
    neutral : float or None
        The value that says nothing.
    """

    value: float
    interval: tuple[float, float] | None
    band: tuple[float, float] | None
    neutral: float | None


def scale_of(claims: Sequence[Claim]) -> Scale:
    """A scale that holds claims of one measure with their intervals and chance.

    Spearman, AUC and shares keep the whole of their range, so that equal lengths mean the same.
    """
    fixed = {_FIXED.get(one.measure) for one in claims}
    if len(fixed) == 1 and (ends := fixed.pop()) is not None:
        return Scale(*ends)
    told = [
        value
        for one in claims
        for value in (one.value, one.low, one.high, one.neutral, *(band_of(one) or ()))
        if value is not None and math.isfinite(value)
    ]
    low, high = min(told, default=0.0), max(told, default=1.0)
    middles = {one.neutral for one in claims if one.neutral is not None}
    if len(middles) == 1 and not all(one.one_sided for one in claims):
        # What says nothing stands in the middle.
        (middle,) = middles
        far = max(high - middle, middle - low)
        low, high = middle - far, middle + far
    elif low > 0:  # a length from nothing
        return Scale(0.0, high * (1 + _ROOM))
    room = _ROOM * (high - low) or 1.0
    return Scale(low - room, high + room)


def band_of(claim: Claim) -> tuple[float, float] | None:
    """What chance stays within, in the claim's unit: on both sides of the neutral value, or up to
    its limit where only one side says something."""
    if claim.chance is None or claim.neutral is None:
        return None
    if claim.one_sided:
        return min(claim.neutral, claim.chance), claim.chance
    far = abs(claim.chance - claim.neutral)
    return claim.neutral - far, claim.neutral + far


def mark_of(claim: Claim, scale: Scale) -> Mark | None:
    """A claim on a scale; None where it has no finite value."""
    if not math.isfinite(claim.value):
        return None

    def placed(ends: tuple[float | None, float | None] | None) -> tuple[float, float] | None:
        known = [] if ends is None else [one for one in chain(ends) if one is not None]
        return (scale.at(known[0]), scale.at(known[1])) if len(known) == 2 else None

    return Mark(
        scale.at(claim.value), placed((claim.low, claim.high)), placed(band_of(claim)),
        None if claim.neutral is None else scale.at(claim.neutral),
    )  # fmt: skip
