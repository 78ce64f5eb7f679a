"""The demo keeps its files in a folder of its own and never touches anybody else's."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

import pytest

import namebasis as nb
from namebasis.cli.commands.demo import MARK, NAME, _remember, demo, own_folder
from namebasis.errors import SpaceError
from tests.test_cli import run


def test_files_beside_the_space_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "topology.html").write_text("mine", encoding="utf-8")
    made = own_folder(tmp_path / "d.space")
    assert made == tmp_path / "d-report"
    assert (tmp_path / "topology.html").read_text(encoding="utf-8") == "mine"
    assert own_folder(tmp_path / "d.space") == made, "the second run takes the same folder"


def test_a_file_put_into_its_folder_is_not_taken_for_its_own(tmp_path: Path) -> None:
    folder = own_folder(tmp_path / "d.space")
    (folder / "topology.html").write_text("its own", encoding="utf-8")
    _remember(folder, [folder / "topology.html"])
    own_folder(tmp_path / "d.space")
    for name, text in (("topology.html", "mine"), ("short-names.csv", "mine too")):
        (folder / name).write_text(text, encoding="utf-8")
        with pytest.raises(SpaceError, match=rf"{name} is not as the demo wrote it. Move it"):
            own_folder(tmp_path / "d.space")
        assert (folder / name).read_text(encoding="utf-8") == text
        (folder / name).unlink()


def test_what_a_killed_demo_left_is_its_own(tmp_path: Path) -> None:
    folder = own_folder(tmp_path / "d.space")
    beside = folder / ".topology.json.0123456789ab.tmp"
    beside.write_text("half", encoding="utf-8")
    _remember(folder, [], ["topology.html", "topology.json"])  # killed behind the first
    (folder / "topology.html").write_text("its own", encoding="utf-8")
    own_folder(tmp_path / "d.space")
    assert not beside.exists()
    (folder / "short-names.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(SpaceError, match=r"short-names\.csv is not as the demo wrote it"):
        own_folder(tmp_path / "d.space")


@pytest.mark.long
def test_the_demo_ends_with_commands_that_run(tmp_path: Path) -> None:
    """Every command that the demo shows and names, on the space that it made."""
    done = run("demo", "--space", "my demo.space", "--limit", "40", "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shown = re.findall(r"^(?:\$|  ) ?namebasis (.+)$", done.stdout, re.MULTILINE)
    assert [line.split()[0] for line in shown] == [
        "build", *["nearest"] * 3, "basis", "topology", "export", "card", "basis", "explain",
    ]  # fmt: skip
    for line in shown[-3:]:
        again = run(*shlex.split(line), cwd=tmp_path)
        assert again.returncode == 0, f"{line}: {again.stderr}"


def test_the_name_of_the_examples_is_in_the_demo() -> None:
    quarter = inspect.signature(demo).parameters["limit"].default // 4
    names = nb.read_names(f"us,top={quarter}").strings
    assert {NAME, "Winona"} <= set(names)


def test_a_folder_of_somebody_else_is_refused_before_the_work(tmp_path: Path) -> None:
    theirs = tmp_path / "d-report"
    theirs.mkdir()
    (theirs / "topology.html").write_text("mine", encoding="utf-8")
    done = run("demo", "--space", str(tmp_path / "d.space"), "--limit", "20", cwd=tmp_path)
    assert done.returncode == 1
    assert "d-report exists and was not made by the demo" in done.stderr
    assert (theirs / "topology.html").read_text(encoding="utf-8") == "mine"
    assert not (theirs / MARK).exists()
    assert not (tmp_path / "d.space").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d-report").write_text("mine", encoding="utf-8")
    with pytest.raises(SpaceError, match="d-report is a file; the demo needs a folder there"):
        own_folder(tmp_path / "d.space")
