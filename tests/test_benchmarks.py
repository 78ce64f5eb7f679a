"""`make bench`: what it makes, what it leaves alone, and how its ratios are reckoned."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    monkeypatch.syspath_prepend(FOLDER)
    for name in ("run", "_timing"):
        sys.modules.pop(name, None)
    module = importlib.import_module("run")
    monkeypatch.setattr(module, "DOCUMENT", tmp_path / "benchmarks.md")
    module.DOCUMENT.write_text("a <!-- store -->\nold\n<!-- /store --> b <!-- paint -->\nold\n"
                               "<!-- /paint --> c", encoding="utf-8")  # fmt: skip
    yield module
    for name in ("run", "_timing"):
        sys.modules.pop(name, None)


def test_every_script_is_a_table_a_study_or_excused(bench: Any) -> None:
    scripts = {path.stem for path in FOLDER.glob("*.py") if path.stem[0] != "_"}
    tables = {Path(table.command[1]).stem for table in bench.TABLES.values()}
    assert tables | set(bench.STUDIES) | set(bench.ELSEWHERE) == scripts
    for script in tables:
        assert '"--quick"' in (FOLDER / f"{script}.py").read_text(encoding="utf-8"), script


def test_no_script_hides_a_library() -> None:
    # A script's folder comes first where modules are looked for: coverage.py broke numba there.
    elsewhere = [path for path in sys.path if Path(path or ".").resolve() != FOLDER]
    scripts = [path.stem for path in FOLDER.glob("*.py")]
    assert [one for one in scripts if PathFinder.find_spec(one, elsewhere)] == []


def codes(path: Path) -> Iterator[ast.Module]:
    """Programs that a script hands to other processes as text, which no type checker reads."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        text = str(node.value) if isinstance(node, ast.Constant) else ""
        if "namebasis" in text and "import" in text:
            try:
                yield ast.parse(re.sub(r"\{\w+(![rs])?\}", "0", text))
            except SyntaxError:  # prose
                continue


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_code_for_other_processes_names_what_is_there(path: Path) -> None:
    for code in codes(path):
        modules = {}
        for node in ast.walk(code):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("namebasis"):
                module = importlib.import_module(str(node.module))
                missing = [one.name for one in node.names if not hasattr(module, one.name)]
                assert missing == [], node.module
            if isinstance(node, ast.Import):
                for one in node.names:
                    if one.name.startswith("namebasis"):
                        modules[one.asname or one.name] = importlib.import_module(one.name)
        for node in ast.walk(code):
            if isinstance(node, ast.Attribute) and (named := ast.unparse(node.value)) in modules:
                assert hasattr(modules[named], node.attr), ast.unparse(node)


def test_the_document_has_one_place_for_each_table(bench: Any) -> None:
    text = (FOLDER.parent / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for name in bench.TABLES:
        assert len(bench.block(name).findall(text)) == 1, name


def test_a_table_says_when_it_was_made(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "printed", lambda _words, _limit: "| 1 |")
    monkeypatch.setattr(bench, "commit", lambda: "abc1234")
    body = bench.measure("store", quick=False, before=0.1)
    assert body.startswith("| 1 |\n\nMade on ")
    text = bench.put(bench.DOCUMENT.read_text(), "store", body)
    assert text.startswith("a <!-- store -->\n| 1 |")
    assert text.endswith("b <!-- paint -->\nold\n<!-- /paint --> c")
    assert bench.made(text, "store").commit == "abc1234"
    assert bench.made(text, "paint") == bench.Made("never", "–")
    assert "store" not in bench.due(text, "abc1234")
    assert bench.due(text, "abc1234") == [name for name in bench.TABLES if name != "store"]
    assert bench.due(text, "fff0000") == list(bench.TABLES)
    assert bench.due(text, "fff0000", oldest_first=True)[-1] == "store"
    loud = bench.measure("store", quick=False, before=3.0)
    assert "**Not a quiet machine.** Made on" in loud
    text = bench.put(text, "store", loud)
    assert bench.made(text, "store").commit == "abc1234"
    assert "store" in bench.due(text, "abc1234")
    assert "(beside other work)" in bench.listing(text)
    with pytest.raises(ValueError, match="has no <!-- milvus -->"):
        bench.put(text, "milvus", body)


def test_a_script_that_fails_is_named_and_the_next_is_made(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(name: str, **_: object) -> str:
        if name == "store":
            raise subprocess.CalledProcessError(3, ["store.py"])
        if name == "milvus":
            raise subprocess.TimeoutExpired(["milvus.py"], 1200)
        return "new"

    monkeypatch.setattr(bench, "measure", measure)
    monkeypatch.setattr(bench, "load", lambda: 0.2)
    monkeypatch.setattr(bench, "cores_in_use", lambda: 0.1)
    failed, hung = bench.run(["store", "milvus", "paint"], quick=False, any_load=False)
    assert failed.startswith("store: ")
    assert "exit status 3" in failed
    assert "timed out after 1200 seconds" in hung
    text = bench.DOCUMENT.read_text()
    assert "<!-- store -->\nold" in text
    assert "<!-- paint -->\nnew" in text


def test_a_table_without_its_markers_is_named_and_the_next_is_made(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "measure", lambda name, **_: "new")
    monkeypatch.setattr(bench, "wait_until_quiet", lambda *_, **__: 0.2)
    text = bench.DOCUMENT.read_text()
    bench.DOCUMENT.write_text(text.replace("<!-- store -->", ""))
    (failed,) = bench.run(["store", "paint"], quick=False, any_load=False)
    assert failed.startswith("store: docs/benchmarks.md has no <!-- store -->")
    assert "<!-- paint -->\nnew" in bench.DOCUMENT.read_text()
    assert [file.name for file in bench.DOCUMENT.parent.iterdir()] == [bench.DOCUMENT.name]


def test_nothing_is_measured_beside_other_work(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "load", lambda: 3.0)
    monkeypatch.setattr(bench, "cores_in_use", lambda: 0.1)
    monkeypatch.setattr(bench, "SETTLE", 0)
    (failed,) = bench.run(["store", "paint"], quick=False, any_load=False)
    assert failed.startswith("store, paint: load 3.0, more than 0.5")
    assert bench.wait_until_quiet(0, first=True, any_load=True) == 3.0
    # The minute's load is of the table before: the next begins once the cores are idle.
    assert bench.wait_until_quiet(0, first=False, any_load=False) == 0.1
    assert bench.wait_until_quiet(0, first=False, any_load=True) == 0.1
    monkeypatch.setattr(bench, "cores_in_use", lambda: 0.4)
    with pytest.raises(bench.BusyError, match=r"load 0\.4, more than 0\.25"):
        bench.wait_until_quiet(0, first=False, any_load=False)


def test_the_cores_in_use_are_those_of_the_seconds_waited(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    timing = sys.modules["_timing"]
    now, busy = iter([10.0, 14.0]), iter([100.0, 106.0])
    monkeypatch.setattr(timing.time, "monotonic", lambda: next(now))
    monkeypatch.setattr(timing.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(timing, "busy_seconds", lambda: next(busy))
    assert timing.cores_in_use() == 1.5


def runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_script_has_its_code_compiled_and_leaves_nothing_running(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    child = "import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid); "
    code = child + "print(sys.dont_write_bytecode); sys.exit(int(sys.argv[1]))"
    words = [sys.executable, "-c", code]
    pid, flag = bench.printed([*words, "0"], 60).split()
    assert flag == "False"
    end = time.monotonic() + 30  # a killed process is still there until it has its turn
    while runs(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not runs(pid)
    with pytest.raises(subprocess.CalledProcessError, match="exit status 4"):
        bench.printed([*words, "4"], 60)
    with pytest.raises(subprocess.TimeoutExpired):
        bench.printed(["sleep", "60"], 0.1)


def test_a_study_is_never_run(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", "records"])
    with pytest.raises(SystemExit, match="no table records; there are startup"):
        bench.main()


def test_a_budget_takes_what_fits(bench: Any) -> None:
    assert bench.within(["encoding", "startup", "pictures"], 4) == ["startup", "pictures"]
    assert bench.within(["encoding", "startup"], None) == ["encoding", "startup"]


def test_works_take_turns_and_ratios_are_of_each_turn(bench: Any) -> None:
    timing = sys.modules["_timing"]
    order: list[str] = []
    times = timing.in_turn({one: lambda one=one: order.append(one) for one in "ab"}, 3)
    assert "".join(order) == "ab" + "ab" + "ba" + "ab"
    assert [len(times[one].wall) for one in "ab"] == [3, 3]
    race = timing.Race(timing.Times([1.0, 2.0, 4.0]), timing.Times([8.0, 2.0, 8.0]), per_peer=10)
    assert race.ratio().values == (20.0, 10.0, 80.0)  # of medians it would be 40
    assert race.ratio().told(".0f", "×") == "20× (10 to 80)"
