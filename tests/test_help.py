"""Help: panels, one short line a command, and a reference that is up to date."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from namebasis.cli import make_app
from namebasis.cli.reference import reference
from tests.test_cli import run

ROOT = Path(__file__).parents[1]
PANELS = [
    "Build",
    "Keep",
    "Ask",
    "Audit",
    "Compose",
    "Arrange",
    "Identity",
    "Images",
    "Training",
    "Tools",
]


@functools.cache
def commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(make_app())
    return dict(group.commands)


def test_commands_are_listed_in_panels_in_order(tmp_path: Path) -> None:
    lines = run("--help", cwd=tmp_path).stdout.splitlines()
    titles = [line.rstrip(":") for line in lines if line.endswith(":") and line[0] != " "]
    assert titles == ["Options", *PANELS]
    listed = {line.split()[0] for line in lines[lines.index("Build:") :] if line.startswith("  ")}
    assert listed == {name for name, command in commands().items() if not command.hidden}


def test_commands_that_are_only_listed_are_listed_as_all_are() -> None:
    whole, listed = (typer.main.get_command(make_app(words)) for words in (None, ()))
    assert listed.get_help(typer.Context(listed)) == whole.get_help(typer.Context(whole))


def test_a_process_loads_the_commands_that_are_named_and_no_others() -> None:
    code = """
import sys
from namebasis.cli import main
sys.argv = ["namebasis", "help", "explain"]
try:
    main()
except SystemExit:
    print(sorted(name for name in sys.modules if name.startswith("namebasis.cli.commands.")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage: namebasis explain" in done.stdout
    assert done.stdout.splitlines()[-1] == "['namebasis.cli.commands.guide']"


@pytest.mark.parametrize("name", commands())
def test_a_command_has_a_line_of_under_60_characters(name: str) -> None:
    line = commands()[name].get_short_help_str(80)
    assert 10 < len(line) < 60
    assert line.endswith(".")
    assert line[0].isupper()


def test_options_name_what_they_take_in_words(tmp_path: Path) -> None:
    shown = run("nearest", "--help", cwd=tmp_path).stdout
    assert "--where <text>" in shown
    assert "--image <path>" in shown
    assert "-k <n>" in shown
    assert "list[" not in shown
    assert "TARGET...  Names or free text" in shown


def test_the_reference_of_the_commands_is_up_to_date() -> None:
    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == reference(), "run `make docs`"


def test_the_reference_holds_every_command() -> None:
    text = reference()
    for name, command in commands().items():
        inner = getattr(command, "commands", None)
        for full in [name] if inner is None else [f"{name} {one}" for one in inner]:
            hidden = inner is not None and inner[full.split()[1]].hidden
            assert (f"### namebasis {full}\n" in text) is not hidden


@pytest.mark.parametrize("words", [["nearest"], ["validate", "report"], []])
def test_help_of_a_command_is_its_own_help(words: list[str], tmp_path: Path) -> None:
    asked, own = (
        run(*line, cwd=tmp_path).stdout for line in (["help", *words], [*words, "--help"])
    )
    assert asked == own != ""
