"""How figures are written for people, in the terminal and on pages alike."""

from __future__ import annotations


def percent(share: float | None, digits: int = 0) -> str:
    """A share in percent, such as "47 %"; a dash where there is none.

    Parameters
    ----------
    share : float or None
        Of 1; None and NaN are unknown.
    digits : int
        After the point.
    """
    return "–" if share is None or share != share else f"{100 * share:.{digits}f} %"
