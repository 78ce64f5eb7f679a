"""The documents tell the truth: links lead somewhere, and the README's examples run."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.test_cli import folder, run

__all__ = ["folder"]

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_links_between_files_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


def table_rows() -> list[tuple[str, str]]:
    rows = re.findall(r"^\|[^|]+\| `(namebasis [^`]+)` \| `([^`]+)` \|$", README, re.MULTILINE)
    assert len(rows) >= 8
    return rows


def user_folder(folder: Path, tmp_path: Path, command: str) -> Path:
    place = Path(shutil.copytree(folder, tmp_path / "user"))
    if "build" in command:
        shutil.rmtree(place / "my.space")
    return place


@pytest.mark.parametrize("command", [row[0] for row in table_rows()])
def test_the_commands_of_the_readme_run(command: str, folder: Path, tmp_path: Path) -> None:
    place = user_folder(folder, tmp_path, command)
    done = run(*shlex.split(command)[1:], cwd=place)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("code", [row[1] for row in table_rows()])
def test_the_python_of_the_readme_runs(
    code: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import namebasis as nb

    monkeypatch.chdir(user_folder(folder, tmp_path, "build" if "build_space" in code else ""))
    space = None if "build_space" in code else nb.open_space("my.space")
    assert eval(code, {"nb": nb, "space": space}) is not None or "write_html" in code
