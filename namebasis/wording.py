"""How figures and foreign texts are written for people, in the terminal and on pages alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

# Persian, Indic and emoji spellings need both joiners.
_KEPT = frozenset("\u200c\u200d")
_HIDDEN = frozenset(["Cc", "Cf", "Cs", "Zl", "Zp"])
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


def visible(text: str, keep: str = "") -> str:
    """Write a text's control and invisible characters out, as <U+202E>: they act on nothing.

    Escape sequences of a terminal (C0 and C1), marks and overrides of direction, other format
    characters but the two joiners, separators of lines and lone surrogates are written out.

    Parameters
    ----------
    text : str
        Of any source.
    keep : str
        Characters to leave, such as a line feed.
    """
    if text.isascii() and text.isprintable():
        return text
    written = {
        ord(c): f"<U+{ord(c):04X}>"
        for c in set(text)  # of a page's megabyte some hundred differ
        if unicodedata.category(c) in _HIDDEN and c not in _KEPT and c not in keep
    }
    return text.translate(written) if written else text


def did_you_mean(word: object, known: Iterable[str], *, least: float = 0.6) -> str:
    """The end of a refusal: the known word nearest to one that is not known, or nothing.

    Parameters
    ----------
    word : object
        What was asked for; only a text is near to another one.
    known : iterable of str
    least : float
        How alike they are at least, in [0, 1].
    """
    import difflib  # which only a refusal needs

    by_lower = {one.lower(): one for one in known}
    near = difflib.get_close_matches(str(word).lower(), by_lower, 1, least)
    return f" Did you mean {by_lower[near[0]]!r}?" if near else ""


def counted(n: int, noun: str, plural: str = "") -> str:
    """A number and what it counts: "1 name", "2,000 names"; `plural` where an s does not do."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


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


def percentile(share: float | None) -> str:
    """A percentile, as "above 92 %"; never above all or below all; a dash where there is none.

    Parameters
    ----------
    share : float or None
        Of 1 that lie below.
    """
    if share is None or share != share:
        return percent(share)
    return f"above {percent(min(max(share, 0.01), 0.99))}"


def cosines(values: Sequence[float]) -> list[str]:
    """Cosines with two decimals, or three where two would make different ones alike."""
    two, three = ([f"{value:.{digits}f}" for value in values] for digits in (2, 3))
    return two if len(set(two)) == len(set(three)) else three


def share_words(share: float) -> str:
    """A share in percent that says all or none only of all and none: "over 99 %", "under 1 %"."""
    if 0.995 <= share < 1:
        return "over 99 %"
    return "under 1 %" if 0 < share < 0.005 else percent(share)


def between(low: float | None, high: float | None, digits: int = 3) -> str:
    """An interval, such as "0.12 to 0.34"; a dash where there is none."""
    if low is None or high is None or low != low or high != high:
        return "–"
    return f"{low:.{digits}f} to {high:.{digits}f}"


def above(share: float) -> str:
    """A share of names that lie below, as "above 92 % of names"; never above all of them.

    Parameters
    ----------
    share : float
        In [0, 1].
    """
    return f"{percentile(share)} of names"


MOST_Z = 10.0
"""A z beyond it rests on the spread of a few draws: far from chance, not how far."""


def z_score(z: float | None) -> str:
    """A z with its sign and one decimal, or its side alone beyond ±10; a dash where there is none.

    Parameters
    ----------
    z : float or None
        In standard deviations of draws by chance.
    """
    if z is None or z != z:
        return "–"
    if abs(z) > MOST_Z:
        return f"{'above ' if z > 0 else 'below −'}{MOST_Z:.0f}"
    return f"{z:+.1f}"


def z_sentence(z: float | None) -> str:
    """A z within a sentence: "z = 3.2", or "z above 10"."""
    told = z_score(z).removeprefix("+")
    return f"z {told}" if told[0] in "ab" else f"z = {told}"


def p_value(p: float | None) -> str:
    """A p-value with two decimals, "< 0.01" below; a dash where there is none."""
    if p is None or p != p:
        return "–"
    return "< 0.01" if p < 0.01 else f"{p:.2f}"


def listed(words: Sequence[str]) -> str:
    """Words in a row: "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
