"""Refusals in the user's words: the option that was typed, not the parameter that it became."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from typer.core import TyperGroup

_OTHER_NAMES = {"n_null": "--controls", "size": "--pixels"}
"""Parameters whose option has a name of its own."""
_BARE = {*_OTHER_NAMES, "steps", "threads", "guidance", "dtype"}
"""Words without an underscore that are parameters where a message begins with them."""


class Commands(TyperGroup):
    """Commands whose `ValueError` begins with the option, where it began with the parameter."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except ValueError as error:
            command = self.get_command(ctx, ctx.invoked_subcommand or "")
            options = {name for one in command.params for name in one.opts} if command else ()
            said = with_option(str(error), options)
            if type(error) is not ValueError or said == str(error):
                raise
            raise ValueError(said) from error


def with_option(message: str, options: Collection[str]) -> str:
    """Put an option in the place of the parameter that a message begins with, if it is one of them.

    Parameters
    ----------
    message : str
        Such as ``n_draws must be an integer, at least 20; got 1.``
    options : collection of str
        Of the command, such as ``--draws``; it may also be called ``--n-draws``.
    """
    word, space, rest = message.partition(" ")
    if "_" not in word and word not in _BARE:
        return message
    plain = word.removeprefix("n_")
    for option in (f"--{word}", f"--{plain}", _OTHER_NAMES.get(word, "")):
        if (known := option.replace("_", "-")) in options:
            return f"{known}{space}{rest}"
    return message
