"""The tutorials run from top to bottom, on fewer names than they are written for."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli import run

DOCS = Path(__file__).parents[1] / "docs"
TUTORIALS = sorted(DOCS.glob("tutorial-*.md"))
BUILD = "namebasis build names.space us --templates person -q\n"

_SPEC = importlib.util.spec_from_file_location("record", DOCS / "record.py")
assert _SPEC is not None
assert _SPEC.loader is not None
record: Any = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(record)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The space of the tutorials with the 520 most frequent given names, Vicki among them."""
    place = tmp_path_factory.mktemp("tutorials")
    words = shlex.split(BUILD.replace(" us ", " us:given,top=520 "))[1:]
    done = run(*words, cwd=place)
    assert done.returncode == 0, done.stderr
    return place / "names.space"


def test_there_is_one_for_every_audience() -> None:
    assert [path.stem.split("-")[1] for path in TUTORIALS] == ["artist", "auditor", "researcher"]
    for path in TUTORIALS:
        assert len(path.read_text(encoding="utf-8").splitlines()) < 160, "one page"


@pytest.mark.long
@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda p: p.stem)
def test_every_block_runs(
    tutorial: Path, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(small, tmp_path / "names.space")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    blocks = record.BLOCK.findall(tutorial.read_text(encoding="utf-8"))
    assert blocks[0][1] == BUILD
    assert len(blocks) >= 4
    for language, code, output in blocks[1:]:
        assert output.count("\n") >= 1, f"no output is recorded: {code}"
        if language == "python":
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(code, tutorial.name, "exec"), names)
            continue
        for line in code.splitlines():
            done = run(*shlex.split(line)[1:], cwd=tmp_path)
            assert done.returncode == 0, f"{line}: {done.stderr}"
            assert done.stdout + done.stderr, line


def test_outputs_are_recorded_from_a_terminal_without_progress(tmp_path: Path) -> None:
    text = "# T\n\n```sh\nnamebasis explain hold\n```\n\n```text\nold\n```\n\n```sh\nmake\n```\n"
    (tmp_path / "t.md").write_text(text, encoding="utf-8")
    made = record.recorded(tmp_path / "t.md")
    assert "\nold\n" not in made
    assert "```text\nFull names: identity and rigidity\nhold (" in made
    assert made.endswith("```sh\nmake\n```\n")
