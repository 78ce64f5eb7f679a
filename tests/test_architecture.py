"""The floors of docs/architecture.md, held by reading imports with `ast`."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "namebasis"
GROUND = {"atomic", "checks", "errors", "forks", "lazy", "pretrained", "reading", "results"}
ALLOWED = {
    "errors": set(),
    "lazy": set(),
    "results": {"atomic", "errors", "wording"},
    "space": {"analysis", "checks", "encoders", "namespace", "studies", "validation"},
    "wording": set(),
    "checks": {"errors"},
    "atomic": {"errors"},
    "reading": {"errors"},
    "forks": {"errors"},
    "pretrained": {"errors", "reading"},
    "organism": GROUND,
    "report": {"wording", *GROUND},
    "encoders": {"wording", *GROUND},
    "analysis": GROUND,
    "index": GROUND,
    "namespace": {"encoders", "analysis", "index", "wording", *GROUND},
    "studies": {"namespace", "encoders", "analysis", "index", "report", "wording", *GROUND},
    "validation": {
        "studies", "organism", "namespace", "encoders", "analysis", "index", "report", "wording",
        *GROUND,
    },
    "formation": {
        "studies", "namespace", "encoders", "analysis", "report", "organism", "wording", *GROUND,
    },
    "cli": {
        "space", "validation", "formation", "studies", "namespace", "encoders", "analysis", "index",
        "report", "organism", "wording", *GROUND,
    },
}  # fmt: skip


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            if node.module == "namebasis":
                yield from (f"namebasis.{alias.name}" for alias in node.names)


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_from_floors_below(path: Path) -> None:
    own = room(path)
    if own == "__init__":
        return
    for module in imported(path):
        parts = module.split(".")
        if parts[0] != "namebasis" or len(parts) == 1 or parts[1] in {own, "__version__"}:
            continue
        assert parts[1] in ALLOWED[own], f"{own} must not import {module}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_the_command_line_prints(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert room(path) == "cli" or "print" not in calls


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_library_code_holds_no_assert(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, namebasis, namebasis.cli;"
        "print([m for m in ('torch','faiss','lance','pyarrow','transformers','sklearn','numpy')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_waiting_threads_sleep_and_telemetry_is_off() -> None:
    code = (
        "import os, namebasis;"
        "print(os.environ['OMP_WAIT_POLICY'], os.environ['HF_HUB_DISABLE_TELEMETRY'])"
    )
    clean = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=clean
    )
    assert done.stdout.split() == ["PASSIVE", "1"]


def test_what_the_readme_calls_is_reached_from_the_package_alone() -> None:
    """In a process of its own: elsewhere another test may have imported the module."""
    readme = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    paths = sorted(set(re.findall(r"\bnb\.[a-z_.]+[a-z_]", readme)))
    code = f"import namebasis as nb\nfor path in {paths}: eval(path)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "nb.studies.attributes.score" in paths


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_models_are_read_in_one_place(path: Path) -> None:
    """Elsewhere a library might run a folder's code, or ask for it on the terminal."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = {call.attr for call in calls if isinstance(call, ast.Attribute)}
    named |= {call.id for call in calls if isinstance(call, ast.Name)}
    direct = {"from_pretrained", "from_config", "pipeline", "load_custom_generate", "input"}
    assert room(path) == "pretrained" or not named & direct
    if named & {"create_model", "get_tokenizer"}:
        is_careful = path.parent.name == "open_clip" or path.name == "tagger.py"
        assert is_careful  # without_code; by timm's own names
