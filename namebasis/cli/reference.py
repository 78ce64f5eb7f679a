"""The reference of all commands, docs/cli.md: `python -m namebasis.cli.reference docs/cli.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from namebasis.cli.application import make_app

_INTRODUCTION = """\
# Commands

Made from the commands themselves by `make docs`; do not edit. Each command takes `--help`. Results
go to stdout, all else to stderr. A terminal shows 25 lines of an answer, `--all` every row. A pipe
gets tab-separated lines with a header (`--no-header` omits it), `--csv` one table for pandas or a
spreadsheet, `--json` everything. `--open` opens the page that `--html` would write. `-q` shows no
progress bars. The method of the same name on `Space` takes the same parameters with the same
defaults.
"""


def reference() -> str:
    """The text of docs/cli.md."""
    group: Any = typer.main.get_command(make_app())
    context = typer.Context(group, info_name="namebasis")
    parts = [_INTRODUCTION]
    panel = None
    order = {name: at for at, name in enumerate(group.panels)}
    names = sorted(
        group.list_commands(context), key=lambda n: order[group.commands[n].rich_help_panel]
    )
    for name in names:
        command = group.get_command(context, name)
        if command.rich_help_panel != panel:
            panel = command.rich_help_panel
            parts.append(f"## {panel}\n")
        parts += _of_command(command, name, context)
    return "\n".join(parts)


def _of_command(command: Any, name: str, parent: Any) -> Iterator[str]:
    context = typer.Context(command, info_name=name, parent=parent)
    if hasattr(command, "commands"):
        for inner in command.list_commands(context):
            if not command.commands[inner].hidden:
                yield from _of_command(command.get_command(context, inner), inner, context)
        return
    yield f"### {context.command_path}\n"
    yield f"{_one_line(command.help)}\n"
    if command.epilog:
        yield f"```sh\n{command.epilog.removeprefix('Example: ')}\n```\n"
    yield "| argument or option | |\n|---|---|"
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record and "--help" not in record[0]:
            yield f"| `{_one_line(record[0])}` | {_one_line(record[1])} |"
    yield ""


def _one_line(text: str) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
