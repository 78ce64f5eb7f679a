"""The tutorial runs from top to bottom, its shell and its Python in their order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli import run

TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial.md"
SMALL = {"--limit 3000": "--limit 300"}
"""The same on fewer names, so that it takes seconds."""


def blocks() -> list[tuple[str, str]]:
    """Language and text of every block."""
    return re.findall(
        r"^```(sh|python)\n(.*?)^```", TUTORIAL.read_text(encoding="utf-8"), re.M | re.S
    )


def test_every_block_of_the_tutorial_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    found = blocks()
    assert len(found) >= 12
    text = "\n".join(block for _, block in found)
    assert all(text.count(large) == 1 for large in SMALL)
    names: dict[str, Any] = {}
    for language, block in found:
        for large, small in SMALL.items():
            block = block.replace(large, small)
        if language == "python":
            exec(compile(block, "tutorial.md", "exec"), names)
            continue
        for line in block.splitlines():
            program, *words = shlex.split(line)
            assert program == "namebasis", line
            done = run(*words, cwd=tmp_path)
            assert done.returncode == 0, f"{line}: {done.stderr}"
            assert done.stdout + done.stderr, line
    shown = capsys.readouterr().out
    assert "Vicki" in shown
    assert len(names["frame"]) == 5
    for written in ("vicki.html", "topology.html", "short.csv"):
        assert (tmp_path / written).stat().st_size > 200
    assert "age_expectation" in (tmp_path / "short.csv").read_text(encoding="utf-8").splitlines()[0]
