"""The notebook of the examples runs, and what it was committed with is what its cells show."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lazily import library

matplotlib = library("matplotlib")
nbformat = library("nbformat")

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "examples" / "quickstart.ipynb"
QUESTIONS = ("space.nearest(", "space.basis(", "space.score(", "space.walk(", "space.entropy(")


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown_tables(notebook: Any) -> list[str]:
    """The HTML tables that the cells show, in order."""
    shown = [out for cell in code_cells(notebook) for out in cell.outputs if "data" in out]
    htmls = [out.data["text/html"] for out in shown if "text/html" in out.data]
    return [html for html in htmls if "<table" in html]


def header(html: str) -> list[str]:
    """What the columns of a table are called."""
    head = html[html.index("<thead") : html.index("</thead>")]
    return re.findall(r"<th[^>]*>([^<]*)</th>", head)


def test_the_committed_notebook_was_run_from_top_to_bottom_and_shows_five_results() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [out for cell in cells for out in cell.outputs]
    assert not [out for out in outputs if out.output_type == "error" or out.get("name") == "stderr"]
    source = "\n".join(cell.source for cell in cells)
    assert all(source.count(question) == 1 for question in QUESTIONS)
    assert len(shown_tables(notebook)) >= len(QUESTIONS)
    # A result is shown once, as a table of HTML that has its text beside it.
    assert all(len(cell.outputs) == 1 for cell in cells)
    assert "─" in cells[1].outputs[0].data["text/plain"]
    assert str(Path.home()) not in NOTEBOOK.read_text(encoding="utf-8")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """IPython as a kernel runs it, in this process, which has loaded what the cells need."""
    import matplotlib.pyplot as plt
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def enable_gui(self, gui: str | None = None) -> None:
            """A notebook has no windows."""

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    # What a shell takes or leaves is as before when it ends.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    for place, name in ((builtins, "__IPYTHON__"), (builtins, "display"), (sys, "ps1"),
                        (sys, "ps2"), (sys, "ps3")):  # fmt: skip
        monkeypatch.setattr(place, name, None, raising=False)
    monkeypatch.chdir(tmp_path)
    backend = matplotlib.get_backend()
    started = Shell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    yield started
    Shell.clear_instance()
    plt.close("all")
    plt.switch_backend(backend)


@pytest.mark.long
def test_the_notebook_runs(shell: Any, tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    committed = shown_tables(notebook)
    kinds = [set(cell.outputs[0].data) for cell in code_cells(notebook)]
    build = next(cell for cell in code_cells(notebook) if "build_space" in cell.source)
    assert "limit=2000" in build.source
    build.source = build.source.replace("limit=2000", "limit=120")
    for cell in code_cells(notebook):
        done = shell.run_cell(cell.source)
        done.raise_error()
        data, _ = shell.display_formatter.format(done.result)
        cell.outputs = [nbformat.v4.new_output("execute_result", data=data)]
    assert (tmp_path / "quickstart.space").is_dir()
    assert [set(cell.outputs[0].data) for cell in code_cells(notebook)] == kinds
    assert [header(html) for html in shown_tables(notebook)] == [header(html) for html in committed]


OTHERS = ("researcher", "prompt-artist", "auditor", "training")
SMALL = {"top=2000": "top=150", "n_null=40": "n_null=20", "n_null=5": "n_null=1"}


@pytest.mark.parametrize("name", OTHERS)
def test_the_other_notebooks_are_kept_as_they_ran(name: str) -> None:
    path = NOTEBOOK.with_name(f"{name}.ipynb")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [out for cell in cells for out in cell.outputs]
    assert {out.output_type for out in outputs} <= {"execute_result", "display_data"}
    assert len(shown_tables(notebook)) >= 3
    text = path.read_text(encoding="utf-8")
    assert str(Path.home()) not in text
    assert not re.search(r"/tmp/|/home/|/Users/", text)


@pytest.mark.long
@pytest.mark.parametrize("name", OTHERS)
def test_the_other_notebooks_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process, which has loaded what they need; with fewer names and draws."""
    monkeypatch.chdir(tmp_path)
    notebook = nbformat.read(NOTEBOOK.with_name(f"{name}.ipynb"), as_version=4)
    known: dict[str, Any] = {}
    for cell in code_cells(notebook):
        source = cell.source.replace("%matplotlib inline\n", "")
        for long, short in SMALL.items():
            source = source.replace(long, short)
        tree = ast.parse(source)
        last = tree.body.pop()
        exec(compile(tree, name, "exec"), known)
        assert isinstance(last, ast.Expr), "a cell ends in what it shows"
        shown = eval(compile(ast.Expression(last.value), name, "eval"), known)
        was = [header(html) for html in shown_tables(nbformat.v4.new_notebook(cells=[cell]))]
        if was and hasattr(shown, "headline"):
            html = shown._repr_html_()
            assert header(html[html.index("<table") :]) == was[0]
