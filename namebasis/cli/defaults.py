"""What is in force where an option or SPACE is left out: the environment, then namebasis.toml."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from namebasis.cli.output import note
from namebasis.errors import NamebasisError, SpaceError
from namebasis.reading import UnreadableError, read_toml
from namebasis.wording import did_you_mean

FILE = "namebasis.toml"
KEYS = ("space", "encoder")
_STORE = "names.lance"  # as namespace.store.opening.NAMES, which would load the storage engine
_OF_FILES = frozenset(["add", "export"])
"""Commands whose argument after SPACE is a path, and may look like one."""
_CHANGES = frozenset(["add", "denoise", "drop", "merge", "remove", "rename", "undo", "unspell"])
_LONGEST = 100_000


@dataclass(frozen=True)
class Default:
    """A default, and where it comes from.

    Attributes
    ----------
    value : str
    origin : str
        A variable of the environment, or the path of a file.
    """

    value: str
    origin: str

    def __str__(self) -> str:
        return f"{self.value} ({self.origin})"


def default_of(key: str) -> Default | None:
    """What the environment or namebasis.toml says of `space` or `encoder`; None where nothing.

    The environment wins. The file is looked for in the working directory, then in its parents.

    Raises
    ------
    NamebasisError
        If the file cannot be read.
    """
    variable = f"NAMEBASIS_{key.upper()}"
    said = os.environ.get(variable, "").strip()
    if said:
        return Default(said, variable)
    try:
        here = Path.cwd()
    except OSError:  # the folder is gone
        return None
    for folder in (here, *here.parents):
        file = folder / FILE
        if file.is_file():
            said = _read(file).get(key, "")
            return Default(_placed(said, key, folder), str(file)) if said else None
    return None


def _read(file: Path) -> Mapping[str, str]:
    try:
        held = read_toml(file, _LONGEST)
    except UnreadableError as error:
        raise NamebasisError(f"{file} cannot be read: {error.reason}. It holds lines such as "
                             'space = "my.space".') from None  # fmt: skip
    for key, value in held.items():
        if key not in KEYS:
            raise NamebasisError(
                f"{file}: unknown key {key!r}; there are {' and '.join(KEYS)}."
                f"{did_you_mean(key, KEYS)}"
            )
        if not isinstance(value, str) or not value.strip():
            raise NamebasisError(
                f"{file}: {key} must be a text in quotes, not empty; got {value!r}."
            )
    return {key: str(value).strip() for key, value in held.items()}


def _placed(said: str, key: str, folder: Path) -> str:
    """What a file says, its relative paths counted from the file's folder."""
    if key == "space":
        return said if said.startswith("~") else str(folder / said)
    kind, colon, rest = said.rpartition(":")
    return f"{kind}{colon}{folder / rest}" if rest and (folder / rest).is_dir() else said


def is_space(path: str | Path) -> bool:
    """Whether a folder looks like a name space, at a glance."""
    try:
        return Path(path).expanduser().joinpath(_STORE).is_dir()
    except (OSError, ValueError, RuntimeError):
        return False


def spaces_for(incomplete: str) -> list[str]:
    """Spaces whose folders begin with what was typed, for a shell's completion."""
    head, slash, start = incomplete.rpartition("/")
    folder = Path(head + slash).expanduser() if slash else Path()
    try:
        found = sorted(one.name for one in folder.iterdir() if one.name.startswith(start))
    except (OSError, ValueError, RuntimeError):
        return []
    return [f"{head}{slash}{name}" for name in found if is_space(folder / name)]


def fill_in_space(command: Any, name: str) -> None:
    """Let a command's SPACE be left out where a default is set.

    Parameters
    ----------
    command : click command
        Its first argument is SPACE.
    name : str
        What it is called, for the message.
    """
    parse = command.parse_args

    def parse_args(ctx: Any, args: list[str]) -> Any:
        if ctx.resilient_parsing or any(one in ("-h", "--help") for one in args):
            return parse(ctx, args)
        given, *_ = command.make_parser(ctx).parse_args(list(args))
        found = given.get("space")
        first = found if isinstance(found, str) else None  # else it was left out
        if first is not None and is_space(first):
            return parse(ctx, args)
        default = default_of("space")
        if default is None:
            return parse(ctx, args)
        if first is not None:
            _refuse_ambiguous(first, default, name)
        _tell(name, args, default)
        return parse(ctx, [default.value, *args])

    command.parse_args = parse_args


def fill_in_missing_space(command: Any, name: str, argument: str) -> None:
    """Let the first SPACE of a command of several be left out where a default is set.

    Parameters
    ----------
    command : click command
        All its arguments are spaces: ``explore SPACE...``, ``merge A B``.
    name : str
        What it is called.
    argument : str
        The parameter that stays empty where one space too few is given.
    """
    parse = command.parse_args

    def parse_args(ctx: Any, args: list[str]) -> Any:
        if ctx.resilient_parsing or any(one in ("-h", "--help") for one in args):
            return parse(ctx, args)
        given, *_ = command.make_parser(ctx).parse_args(list(args))
        found = given.get(argument)
        is_given = isinstance(found, str) or (isinstance(found, (list, tuple)) and len(found) > 0)
        default = None if is_given else default_of("space")
        if default is None:
            return parse(ctx, args)
        _tell(name, args, default)
        return parse(ctx, [default.value, *args])

    command.parse_args = parse_args


def _tell(command: str, args: Sequence[str], default: Default) -> None:
    """Say which space a change is made to, where it was not typed."""
    if command in _CHANGES or "--write" in args:
        note(f"space {default}")


def _refuse_ambiguous(first: str, default: Default, command: str) -> None:
    """Refuse a first argument that may be meant as another space than the default.

    Raises
    ------
    SpaceError
    """
    is_folder = os.path.isdir(os.path.expanduser(first))
    looks = is_folder or first.endswith(".space") or ("/" in first and command not in _OF_FILES)
    if looks:
        what = "a folder, but no name space" if is_folder else "not there, but looks like a space"
        raise SpaceError(
            f"{first} is {what}, so the default space {default} is not taken. Give a space first: "
            f"namebasis {command} {default.value} {first}"
        )
