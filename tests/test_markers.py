"""`make test` and `make test ALL=1`: which tests they run, and what a quick run leaves out."""

from __future__ import annotations

import ast
import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
OURS = ("long", "slow")
QUICK = "not slow and not long"
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@functools.cache
def _marked() -> dict[str, ast.Module]:
    """The files that name a mark of ours."""
    texts = {_name(file): file.read_text(encoding="utf-8") for file in TESTS.rglob("*.py")}
    return {
        name: ast.parse(text)
        for name, text in texts.items()
        if "mark.long" in text or "mark.slow" in text
    }


def _ours(node: ast.AST) -> list[str]:
    """Our marks within some code."""
    return [
        one.attr
        for one in ast.walk(node)
        if isinstance(one, ast.Attribute)
        and one.attr in OURS
        and ast.unparse(one.value) == "pytest.mark"
    ]


def _name(file: Path) -> str:
    return file.relative_to(TESTS).as_posix()


def _whole(tree: ast.Module) -> list[str]:
    """The marks of `pytestmark`, which count for each test of a file."""
    return [
        mark
        for node in tree.body
        if isinstance(node, ast.Assign)
        and [ast.unparse(to) for to in node.targets] == ["pytestmark"]
        for mark in _ours(node.value)
    ]


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in tree.body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        yield from (one for one in inside if isinstance(one, ast.FunctionDef))


def _marks(function: ast.FunctionDef) -> list[str]:
    return [mark for one in function.decorator_list for mark in _ours(one)]


def _misplaced(tree: ast.Module) -> list[str]:
    """Where a mark has no effect, or says again what the file says."""
    whole = _whole(tree)
    counted = len(whole)
    found = []
    for function in _functions(tree):
        marks = _marks(function)
        counted += len(marks)
        if marks and not function.name.startswith("test_"):
            found.append(f"{function.name} is no test")
        if len(set(marks)) < len(marks) or set(marks) & set(whole):
            found.append(f"{function.name} is marked twice")
    all_of_them = len(_ours(tree))
    return found if all_of_them == counted else [*found, "a mark stands where pytest does not look"]


def test_marks_stand_where_they_count() -> None:
    marked = _marked()
    found = {name: _misplaced(tree) for name, tree in marked.items()}
    for name, tree in marked.items():
        if _whole(tree) and not Path(name).name.startswith("test_"):
            found[name].append("no file of tests")
    assert {name: why for name, why in found.items() if why} == {}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("@pytest.mark.long\ndef a(): ...", "a is no test"),
        ("pytestmark = [pytest.mark.long]\n@pytest.mark.long\ndef test_a(): ...", "marked twice"),
        ("marks = pytest.mark.long\ndef test_a(): ...", "where pytest does not look"),
        ("pytestmarks = [pytest.mark.slow]", "where pytest does not look"),
    ],
)
def test_a_mark_without_effect_is_found(code: str, said: str) -> None:
    assert said in "; ".join(_misplaced(ast.parse(code)))


def test_every_folder_of_tests_has_quick_ones() -> None:
    marked, quick = _marked(), {}
    for file in TESTS.rglob("test_*.py"):
        tree = marked.get(_name(file))
        some = tree is None or (
            not _whole(tree)
            and any(one.name.startswith("test_") and not _marks(one) for one in _functions(tree))
        )
        quick[file.parent] = quick.get(file.parent, False) or some
    assert [_name(folder) for folder, some in quick.items() if not some] == []


def test_ci_runs_all_and_the_quick_command_what_is_not_marked() -> None:
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == (
        "exec make test ALL=1"
    )
    # a make that runs this test hands its own variables down
    outside = {"ALL", "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL"}
    environment = {name: value for name, value in os.environ.items() if name not in outside}
    for given, marks in (("", QUICK), ("ALL=1", "not slow")):
        command = ["make", "--dry-run", "--always-make", "suite", *given.split()]
        planned = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True,
                                 text=True, check=True)  # fmt: skip
        assert f"-m '{marks}'\n" in planned.stdout


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.long)])
def test_a_quick_run_ends_by_saying_what_it_left_out(tmp_path: Path, workers: int) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    long: l\n    slow: s\n")
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    marked = "\n".join(
        f"@pytest.mark.{mark}\ndef test_{at}(): ..."
        for at, mark in enumerate(("long", "long", "slow", "slow\n@pytest.mark.long"))
    )
    (tmp_path / "test_some.py").write_text(f"import pytest\ndef test_quick(): ...\n{marked}")

    def last_lines(marks: str) -> list[str]:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", marks,
                   *(["-p", "xdist", "-n", str(workers)] if workers else [])]  # fmt: skip
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True,
                             env=ENVIRONMENT, check=True)  # fmt: skip
        return run.stdout.splitlines()[-2:]

    left_out, counts = last_lines(QUICK)
    assert left_out == "2 long tests were left out: make test ALL=1 runs them too"
    assert "1 passed" in counts
    assert "left out" not in "".join(last_lines("not slow"))
