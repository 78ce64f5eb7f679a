"""Refusals in the user's words: the option that was typed, not the parameter that it became."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from typer.core import TyperGroup

from namebasis.cli import limits, streams
from namebasis.cli.defaults import fill_in_missing_space, fill_in_space
from namebasis.cli.options import SPACE_HELP
from namebasis.cli.output import say
from namebasis.errors import NamebasisError, SpaceError

_OTHER_NAMES = {
    "address": "--ray-address",
    "size": "--pixels",
    "names_per_step": "-k",
    "n_shown": "-k",
    "quotas": "--quota",
}
"""Parameters whose option has a name of its own."""
_BARE = {"address", "size", "names_per_step", "n_shown", "steps", "threads", "guidance", "dtype"}
"""Words without an underscore that are parameters where a message begins with them."""


_WITHIN = re.compile(
    r"(?<![\w'\"-])(?P<name>[a-z]+(?:_[a-z]+)+(?= ?= ?[\w'\"])|(?:where|engine)(?==['\"])"
    r"|(?<= with )(?:format|where)\b|[a-z]+(?:_[a-z]+)+(?= is \d| \w+=\d| (?:\d+ )?costs most)"
    r"|(?:(?<= give )|(?<=[Ll]oosen ))[a-z]+(?:_[a-z]+)+(?![\w'\"/(])|budget(?= \d))"
)
"""Parameters within a message: what stands before a "=", what is to be chosen with, and what a
remedy gives or loosens."""

_OF_SPACES = {"explore": "spaces", "mcp": "spaces", "merge": "other"}
"""Commands of several spaces, and the argument that is empty where the first is left out."""
_TYPES = {"int": "n", "float": "number", "str": "text", "Path": "path"}


class Commands(TyperGroup):
    """Commands whose `ValueError` begins with the option, where it began with the parameter."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; ``help COMMAND`` is ``COMMAND --help``."""
        if args[0] == "help" and "help" not in self.commands:
            args = [*args[1:], "--help"]
            if len(args) == 1:
                say(ctx.get_help())
                ctx.exit()
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name, its numbers held within `limits`."""
        command: Any = super().get_command(ctx, cmd_name)
        callback = getattr(command, "callback", None)
        is_group = hasattr(command, "commands")
        if callback is not None and not is_group and not hasattr(callback, "__wrapped_limits__"):
            options = {str(one.name): one.opts[0] for one in command.params if one.opts}
            command.callback = limits.within(callback, cmd_name, options)
            for parameter in command.params:
                name_type(parameter)
            if any(getattr(one, "help", "") == SPACE_HELP for one in command.params):
                fill_in_space(command, " ".join([*_groups(ctx), cmd_name]))
            if cmd_name in _OF_SPACES:
                fill_in_missing_space(command, cmd_name, _OF_SPACES[cmd_name])
            # Outermost: whoever reads the arguments finds the option whole.
            if any(parameter.metavar == "[FILE]" for parameter in command.params):
                _take_alone(command, "--phrases")
        return command

    panels: tuple[str, ...] = ()
    """Titles under which commands are listed, in order."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands of each panel under its title."""
        panels: dict[str, list[tuple[str, str]]] = {panel: [] for panel in self.panels}
        for name in self.list_commands(ctx):
            command: Any = self.commands[name]
            if not command.hidden:
                panel = getattr(command, "rich_help_panel", None) or "Commands"
                panels.setdefault(str(panel), []).append((name, command.get_short_help_str(80)))
        width = max((len(name) for rows in panels.values() for name, _ in rows), default=0)
        for panel, rows in panels.items():
            if not rows:
                continue
            with formatter.section(panel):
                formatter.write_dl([(name.ljust(width), line) for name, line in rows])

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # which click would end with exit code 1
            streams.abandon()
            sys.exit(141)
        except (ValueError, NamebasisError) as error:
            command = self.get_command(ctx, ctx.invoked_subcommand or "")
            params = command.params if command else ()
            options = {name for one in params for name in one.opts}
            arguments = {
                str(one.name): str(one.metavar) for one in params
                if one.param_type_name == "argument" and one.metavar
            }  # fmt: skip
            said = with_option(str(error), options, arguments)
            if type(error) not in (ValueError, NamebasisError, SpaceError) or said == str(error):
                raise
            raise type(error)(said) from error


def _take_alone(command: Any, option: str) -> None:
    """Let an option stand without a file behind it: its value is then its own name."""
    parse = command.parse_args

    def parse_args(ctx: Any, args: list[str]) -> Any:
        args = list(args)
        for at, (word, after) in enumerate(zip(args, [*args[1:], ""], strict=True)):
            if word == option and not _is_file(after):
                args[at] = f"{option}={option.removeprefix('--')}"
        return parse(ctx, args)

    command.parse_args = parse_args


def _is_file(word: str) -> bool:
    """Whether a word names a file, not the next target or option."""
    return not word.startswith("-") and bool(Path(word).suffix or "/" in word)


def _groups(ctx: Any) -> list[str]:
    """Names of the groups that a command is in, but the program's own."""
    if ctx.parent is None:
        return []
    return [*_groups(ctx.parent), str(ctx.info_name)]


def with_option(
    message: str, options: Collection[str], arguments: Mapping[str, str] | None = None
) -> str:
    """Put options in the place of parameters: one that begins a message, and those before a "=".

    Parameters
    ----------
    message : str
        Such as ``n_draws must be an integer, at least 20; got 1.``
    options : collection of str
        Of the command, such as ``--draws``; it may also be called ``--n-draws``.
    arguments : mapping of str to str, optional
        What its arguments are called in help, by their parameters: ``along`` is ``ALONG``.
    """

    def within(found: re.Match[str]) -> str:
        return _option_of(found["name"], options) or found["name"]

    return _WITHIN.sub(within, _begun(message, options, arguments or {}))


def _begun(message: str, options: Collection[str], arguments: Mapping[str, str]) -> str:
    """The message, its first word an option or argument where it was a parameter."""
    word, space, rest = message.partition(" ")
    if word.endswith(":") and "=" not in word:
        told = _option_of(word[:-1], options)
        return f"{told}: {rest}" if told else message
    if "_" not in word and word not in _BARE and not rest.startswith("must "):
        return message
    told = _option_of(word, options) or arguments.get(word)
    return f"{told}{space}{rest}" if told else message


def _option_of(word: str, options: Collection[str]) -> str | None:
    """The option that a parameter became, if any."""
    word = word.removesuffix("_")  # as_ stands for as, which Python keeps for itself
    plain = word.removeprefix("n_")
    for option in (f"--{word}", f"--{plain}", f"-{word}", _OTHER_NAMES.get(word, "")):
        if (known := option.replace("_", "-")) in options:
            return known
    return None


def name_type(parameter: Any) -> None:
    """Have help name what an option takes in words, where typer prints the type of Python's."""
    original = parameter.display_type

    def display_type(ctx: Any) -> str:
        shown: str = original(ctx)
        many = shown.startswith("<list[")
        plain = shown.strip("<>").removeprefix("list[").removesuffix("]" if many else "")
        word = f"<{_TYPES[plain]}>" if plain in _TYPES else shown
        is_named = parameter.param_type_name == "argument" and parameter.metavar
        return "" if is_named else word

    parameter.display_type = display_type
