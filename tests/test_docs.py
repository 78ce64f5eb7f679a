"""The documents tell the truth: links lead somewhere, and the README's examples run."""

from __future__ import annotations

import inspect
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli import encode_small, folder, run, run_once, small

__all__ = ["folder", "small"]

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


@pytest.fixture
def place(folder: Path, small: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A user's folder for a command or a line of Python: without the space that it builds, and
    with one of the smallest encoder where it encodes the phrases in thousands of prompts."""
    place = Path(shutil.copytree(folder, tmp_path / "user"))
    if "build" in request.node.name:
        shutil.rmtree(place / "my.space")
    if "phrases" in request.node.name:
        encode_small(place, small)
    return place


@pytest.fixture(scope="module", autouse=True)
def weights_are_read_once() -> Iterator[None]:
    """The README asks the same weights by a command and by Python, which takes seconds."""
    from namebasis import formation
    from namebasis.formation.weight_identity import study

    real, found = study.identity_in_weights, {}

    def once(*arguments: Any, **options: Any) -> Any:
        bound = inspect.signature(real).bind(*arguments, **options)
        bound.apply_defaults()
        asked = {key: value for key, value in bound.arguments.items() if key != "progress"}
        key = repr({k: [*v] if isinstance(v, (tuple, list)) else v for k, v in asked.items()})
        if key not in found:
            found[key] = real(*arguments, **options)
        return found[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "identity_in_weights", once)
        patch.setattr(formation, "identity_in_weights", once)
        yield


@pytest.mark.long
@pytest.mark.parametrize("command", [row[0] for row in table_rows()])
def test_the_commands_of_the_readme_run(command: str, place: Path) -> None:
    ask = run if "build" in command else run_once  # some are examples of a help too
    done = ask(*shlex.split(command)[1:], cwd=place)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
@pytest.mark.parametrize("code", [row[1] for row in table_rows()])
def test_the_python_of_the_readme_runs(
    code: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import namebasis as nb

    monkeypatch.chdir(place)
    space = None if "build_space" in code else nb.open_space("my.space")
    assert eval(code, {"nb": nb, "space": space}) is not None or "write_html" in code
