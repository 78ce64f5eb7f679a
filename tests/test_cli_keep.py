"""Commands that keep spaces in order, as they are typed: list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from namebasis.space import build_space
from tests.test_cli import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("keep")
    build_space(["Anna", "Bert"], where / "a.space", encoder="minilm", templates="plain")
    (where / "deep" / "er").mkdir(parents=True)
    build_space(["Zoë"], where / "deep" / "er" / "b.space", encoder="minilm", templates="plain")
    (where / "no.space").mkdir()
    return where


def test_list_finds_spaces_below_and_says_what_they_hold(folder: Path) -> None:
    lines = [line.split("\t") for line in run("list", cwd=folder).stdout.splitlines()]
    assert lines[0] == ["space", "names", "encoder", "views", "MB", "changed"]
    told = {line[0]: line[1:4] for line in lines[1:]}
    assert told == {
        "a.space": ["2", "minilm", "text, token"],
        "deep/er/b.space": ["1", "minilm", "text, token"],
    }
    shallow = run("list", ".", "--depth", "1", "--json", cwd=folder)
    assert "b.space" not in shallow.stdout
    assert json.loads(shallow.stdout)
    missing = run("list", "nowhere", cwd=folder)
    assert missing.returncode == 1
    assert "nowhere" in missing.stderr
