"""Where a report's files go, and what is never replaced."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from namebasis.errors import SpaceError
from namebasis.results import Table
from namebasis.studies.topology import files
from namebasis.studies.topology.files import KIND, Report, ReportFiles
from namebasis.studies.topology.pages import page
from tests.studies.pages import report


def html_of(result: Report) -> str:
    return page.html_of(report(20, ("a", "b"), n_clusters=1))


def figures_of(result: Report) -> dict[str, Any]:
    return page.figures_of(report(20, ("a", "b"), n_clusters=1))


class Small(Report):
    """A report of four names."""

    _page = f"{__name__}:html_of"
    _figures = f"{__name__}:figures_of"
    n = 4

    def tables(self) -> list[Table]:
        return [Table.of(self.to_arrow())]

    def to_arrow(self) -> pa.Table:
        return pa.table({"id": list(range(self.n)), "name": ["a", "b", "Ó", "<"]})

    def to_dict(self) -> dict[str, Any]:
        return {"n_names": self.n, "parameters": {"k": 3}, "provenance": {"space": "Ó.space"}}


@pytest.mark.long
def test_page_numbers_and_figures_are_written(tmp_path: Path) -> None:
    written = ReportFiles(tmp_path / "my.report.html", tmp_path / "figures").write(Small())
    assert [path.name for path in written] == [
        "my.report.html", "my.report.json", "my.report.parquet", "figures"
    ]  # fmt: skip
    assert written[0].read_text("utf-8").startswith("<!DOCTYPE html>")
    assert json.loads(written[1].read_text("utf-8")) == {"kind": KIND, **Small().to_dict()}
    table = pq.read_table(written[2])
    assert table.to_pylist() == Small().to_arrow().to_pylist()
    kept = json.loads((table.schema.metadata or {})[KIND.encode()])
    assert kept == {"parameters": {"k": 3}, "provenance": {"space": "Ó.space"}}
    assert sorted(path.name for path in written[3].iterdir()) == [
        "agreement.png", "agreement.svg", "clusters.png", "clusters.svg", "map.png", "map.svg"
    ]  # fmt: skip


def test_a_folder_that_may_not_be_written_to_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As for root every folder is writable, the system's answer is made up here.
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != tmp_path)
    for asked in (ReportFiles(tmp_path / "r.html", None), ReportFiles(None, tmp_path / "figures")):
        with pytest.raises(SpaceError, match="may not be written to"):
            asked.check()


def test_what_draws_a_page_is_loaded_once_and_after_the_second_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, loads = Event(), []
    monkeypatch.setattr(files, "_load_drawing", lambda: (loads.append(1), done.set()))
    told: list[tuple[int, int]] = []
    show = ReportFiles(tmp_path / "a.html", None).loading(lambda *step: told.append(step))
    assert show is not None
    show(0, 4)
    show(1, 4)
    assert not done.wait(0.05)
    show(2, 4)
    assert done.wait(60)
    show(3, 4)
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4)]
    assert len(loads) == 1
    silent = ReportFiles(tmp_path / "a.html", None).loading(None)
    assert silent is not None
    done.clear()
    silent(2, 4)
    assert done.wait(60)
    assert ReportFiles(None, None).loading(None) is None
    assert ReportFiles(None, tmp_path).loading(show) is show


@pytest.mark.parametrize("error", [ModuleNotFoundError, ValueError, AttributeError])
def test_what_draws_a_page_is_found_and_may_fail(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library that is missing, or was built for another numpy."""
    assert all(find_spec(name) for name in files._DRAWING)

    def fails(name: str) -> None:
        tried.append(name)
        raise error(name)

    tried: list[str] = []
    monkeypatch.setattr(files, "import_module", fails)
    files._load_drawing()  # drawing the page raises it again
    assert tried == [files._DRAWING[0]]


def test_nothing_asked_for_nothing_written(tmp_path: Path) -> None:
    assert ReportFiles(None, None).write(Small()) == []
    assert ReportFiles(tmp_path / "report", None).numbers() == (
        tmp_path / "report.json",
        tmp_path / "report.parquet",
    )


@pytest.mark.parametrize("there", ["r.html", "r.json", "r.parquet", "figures/map.svg"])
def test_what_is_there_is_refused_before_anything_is_written(there: str, tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / there).write_text("mine")
    files = ReportFiles(tmp_path / "r.html", tmp_path / "figures")
    with pytest.raises(SpaceError, match=rf"{Path(there).name} already exists"):
        files.check()
    with pytest.raises(SpaceError, match="already exists"):
        files.write(Small())
    assert (tmp_path / there).read_text() == "mine"
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


@pytest.mark.long
@pytest.mark.parametrize("there", ["r.json", "r.parquet"])
def test_files_of_others_are_not_overwritten_even_when_asked(there: str, tmp_path: Path) -> None:
    ReportFiles(tmp_path / "r.html", None).write(Small())
    ReportFiles(tmp_path / "r.html", None, overwrite=True).write(Small())  # its own: replaced
    (tmp_path / there).write_text('{"names": ["mine"]}')
    with pytest.raises(SpaceError, match=rf"{there} is not a report's; give the page another name"):
        ReportFiles(tmp_path / "r.html", None, overwrite=True).write(Small())
    assert "mine" in (tmp_path / there).read_text()


@pytest.mark.parametrize(
    ("html", "figures", "message"),
    [
        ("deep/r.html", None, "there is no folder"),
        ("r.json", None, r"name that ends in \.html"),
        (None, "deep/figures", "there is no folder"),
        (None, "file", "is a file where a folder is to be"),
    ],
)
def test_places_that_cannot_be_are_said(
    html: str | None, figures: str | None, message: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    files = ReportFiles(html and tmp_path / html, figures and tmp_path / figures)  # type: ignore[arg-type]
    with pytest.raises(SpaceError, match=message):
        files.check()
