"""The demo keeps its files in a folder of its own and never touches anybody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from namebasis.cli.commands.demo import MARK, own_folder
from namebasis.errors import SpaceError
from tests.test_cli import run


def test_files_beside_the_space_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "topology.html").write_text("mine", encoding="utf-8")
    made = own_folder(tmp_path / "d.space")
    assert made == tmp_path / "d-report"
    assert (tmp_path / "topology.html").read_text(encoding="utf-8") == "mine"
    assert own_folder(tmp_path / "d.space") == made, "the second run takes the same folder"


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
