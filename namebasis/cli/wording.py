"""Refusals in the user's words: the option that was typed, not the parameter that it became."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Any

from typer.core import TyperGroup

from namebasis.cli import limits, streams

_OTHER_NAMES = {"size": "--pixels"}
"""Parameters whose option has a name of its own."""
_BARE = {*_OTHER_NAMES, "steps", "threads", "guidance", "dtype"}
"""Words without an underscore that are parameters where a message begins with them."""


class Commands(TyperGroup):
    """Commands whose `ValueError` begins with the option, where it began with the parameter."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name, its numbers held within `limits`."""
        command: Any = super().get_command(ctx, cmd_name)
        callback = getattr(command, "callback", None)
        is_group = hasattr(command, "commands")
        if callback is not None and not is_group and not hasattr(callback, "__wrapped_limits__"):
            options = {str(one.name): one.opts[0] for one in command.params if one.opts}
            command.callback = limits.within(callback, cmd_name, options)
        return command

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # which click would end with exit code 1
            streams.abandon()
            sys.exit(141)
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
    if "_" not in word and word not in _BARE and not rest.startswith("must "):
        return message
    plain = word.removeprefix("n_")
    for option in (f"--{word}", f"--{plain}", f"-{word}", _OTHER_NAMES.get(word, "")):
        if (known := option.replace("_", "-")) in options:
            return f"{known}{space}{rest}"
    return message
