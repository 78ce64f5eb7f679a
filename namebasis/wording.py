"""How figures are written for people, in the terminal and on pages alike."""

from __future__ import annotations

import re

_ADVICE = (
    (
        re.compile(r"trust_?remote|remote_?code", re.IGNORECASE),
        "it brings code of its own, which is never run",
    ),
    (
        re.compile(r"weights[ _]only|allow_?pickle|safe_globals|torch\.load|pickle_module", re.I),
        "it is no plain checkpoint or holds code, which is never run",
    ),
)
"""What libraries advise that is never done here, and what is said in its place."""


def without_advice(text: str) -> str:
    """What a library says, or its reason alone where it advises to run what a file holds.

    Parameters
    ----------
    text : str
        An error's message.

    Returns
    -------
    str
        `text`, or a reason of a few words.
    """
    return next((reason for advice, reason in _ADVICE if advice.search(text)), text)


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
