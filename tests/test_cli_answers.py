"""The forms of an answer: the same options in every command that answers."""

from __future__ import annotations

import csv
import inspect
import io
import json
from pathlib import Path

import pytest

from namebasis.cli import make_app
from namebasis.space import build_space
from tests.test_cli import run

FORMS = {"as_json": "--json", "as_csv": "--csv", "everything": "--all", "no_header": "--no-header"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("answers")
    names = [f"{first}{last}" for first in ("An", "Be", "Ka", "Lo") for last in
             ("na", "ta", "ri", "la", "sa", "no", "do", "mi", "ne", "va")]  # fmt: skip
    build_space([*names, "Vicki"], where / "my.space", encoder="minilm", templates="person")
    return where


def test_every_command_that_prints_json_has_all_forms() -> None:
    own = {"unspell", "paint", "explain", "doctor", "world", "train", "train-probe"}
    seen = set()
    app = make_app()
    groups = [(one.name, one.typer_instance) for one in app.registered_groups]
    for group, typer in [("", app), *groups]:
        for command in typer.registered_commands if typer else ():
            assert command.callback is not None
            names = set(inspect.signature(command.callback).parameters)
            if "as_json" in names and command.name not in own:
                assert names >= set(FORMS), f"{group} {command.name}"
                # An audit writes its page into its folder, where it is asked or not.
                has_page = "html" in names or command.name == "audit"
                assert has_page == ("open_page" in names), f"{group} {command.name}"
                seen.add(command.name)
    assert len(seen) >= 13


def test_a_terminal_gets_25_lines_and_all_with_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    words = ("nearest", "my.space", "Vicki", "-k", "40")
    brief = run(*words, cwd=folder)
    assert len((brief.stdout + brief.stderr).splitlines()) == 25
    assert "more rows: --all, --csv or --json" in brief.stderr
    whole = run(*words, "--all", cwd=folder)
    assert len(whole.stdout.splitlines()) > 40
    assert "more rows" not in whole.stderr


def test_a_pipe_and_csv_hold_every_row(folder: Path) -> None:
    words = ("nearest", "my.space", "Vicki", "-k", "40")
    assert len(run(*words, cwd=folder).stdout.splitlines()) == 41
    text = run(*words, "--csv", cwd=folder).stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 40
    told = json.loads(run(*words, "--json", cwd=folder).stdout)[0]
    assert [row["name"] for row in rows] == [one["name"] for one in told["names"]]
    assert len(run(*words, "--csv", "--no-header", cwd=folder).stdout.splitlines()) == 40


def test_csv_of_several_results_says_whose_each_row_is(folder: Path) -> None:
    words = ("basis", "my.space", "Vicki", "Anna", "-n", "2", "--n-null", "0", "--n-resamples", "0")
    rows = list(csv.DictReader(io.StringIO(run(*words, "--csv", cwd=folder).stdout)))
    assert [row["query"] for row in rows] == ["Vicki", "Vicki", "Anna", "Anna"]


def test_two_forms_at_a_time_are_refused(folder: Path) -> None:
    done = run("nearest", "my.space", "Vicki", "--json", "--csv", cwd=folder)
    assert done.returncode == 1
    assert "--json and --csv are two forms of one answer; ask for one." in done.stderr


def test_open_makes_a_page_and_opens_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    words = ("topology", "my.space", "--no-shape", "--n-resamples", "0", "-q")
    done = run(*words, "--open", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert run(*words, "--html", "mine.html", "--open", cwd=folder).returncode == 0
    pages = [Path(one.removeprefix("file://")) for one in opened]
    assert all("<html" in page.read_text(encoding="utf-8") for page in pages)
    assert [page.name for page in pages] == ["topology.html", "mine.html"]
