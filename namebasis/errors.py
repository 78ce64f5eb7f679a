"""What namebasis raises: refused inputs, each with its remedy in the message."""

from __future__ import annotations


class NamebasisError(Exception):
    """A refused input or a broken file; the command line prints it and exits with 1."""


class CorpusError(NamebasisError):
    """A source of names cannot be read or holds no name."""


class EncoderError(NamebasisError):
    """An encoder cannot be loaded, or does not fit what is asked of it."""


class MissingExtraError(NamebasisError):
    """An optional library is not installed.

    Parameters
    ----------
    what : str
        The feature that needs it, as a user would call it.
    extra : str
        The extra of this package that installs it.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an extra: pip install 'namebasis[{extra}]'")


class ForkError(NamebasisError):
    """A forked child asks for what does not survive a fork; `spawn` its like instead."""


class SpaceError(NamebasisError):
    """A name space is missing, damaged, written by a newer version, or in the way."""


class ReplacedError(SpaceError):
    """A space was replaced or written to since it was opened; open it again."""


class EngineError(NamebasisError):
    """A search engine cannot be reached, refuses, or holds something else than what is asked."""


class FilterError(NamebasisError):
    """A `where` expression is not one boolean SQL expression over the columns."""


class TargetError(NamebasisError):
    """A target of a query or a fit cannot be turned into a vector of the space."""


class NamebasisWarning(UserWarning):
    """Something was repaired or looks like misuse; the work goes on."""


class NamebasisHint(UserWarning):
    """Something that was asked for is probably not what was meant; nothing is wrong with it."""
