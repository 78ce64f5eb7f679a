"""One result in all its forms: text, notebook, page, figure and frames."""

from __future__ import annotations

import io
import json
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from rich.console import Console

from namebasis import results
from namebasis.errors import MissingExtraError, SpaceError
from namebasis.results import Result, Table, boxed, cell, plain

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"


@dataclass(frozen=True, repr=False)
class Small(Result):
    """Names with weights."""

    names: tuple[str, ...] = ("Anna", "Björk")
    weights: tuple[float, ...] = (0.25, -0.5)

    def headline(self) -> str:
        return f"{len(self.names)} names"

    def tables(self) -> list[Table]:
        rows = list(zip(self.names, self.weights, strict=True))
        return [Table(("name", "weight"), rows, "weights", bars=("weight",))]

    def notes(self) -> list[str]:
        return ["centred"]

    def to_arrow(self) -> pa.Table:
        return pa.table({"name": list(self.names), "weight": list(self.weights)})

    def to_dict(self) -> dict[str, Any]:
        return {"names": list(self.names), "weights": list(self.weights)}


class Paged(Small):
    _page = f"{__name__}:page_of"
    _figure = f"{__name__}:draw"


def page_of(result: Small, title: str = "page") -> str:
    return f"<title>{title}</title>{', '.join(result.names)}"


def draw(result: Small, size: float = 3) -> Any:
    from matplotlib.figure import Figure

    figure = Figure((size, 2))
    figure.subplots().bar(result.names, result.weights)
    return figure


@pytest.fixture(autouse=True)
def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests are imported under names of pytest's own."""
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or sys.modules["__main__"])


def test_the_text_is_the_headline_the_tables_and_the_notes() -> None:
    lines = str(Small()).splitlines()
    assert lines[0] == "2 names"
    assert lines[1].strip() == "weights"
    assert [line.split() for line in lines[2:-1] if "─" not in line] == [
        ["name", "weight"], ["Anna", "0.250"], ["Björk", "-0.500"],
    ]  # fmt: skip
    assert lines[-1] == "centred"
    assert repr(Small()) == str(Small())
    assert "pyarrow" not in repr(Small())


def test_a_notebook_draws_a_table_with_bars_by_absolute_value() -> None:
    html = Small()._repr_html_()
    assert html.count("<tr>") == 3
    assert "transparent 50.0%" in html
    assert "transparent 100.0%" in html
    assert "#4c78a833 50.0%," in html


def test_nothing_hostile_is_passed_on() -> None:
    shown = Small(names=(HOSTILE,), weights=(1.0,))
    for text in (shown._repr_html_(), str(shown)):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "<U+001B>" in text or "&lt;U+001B&gt;" in text
    assert "<script>" not in shown._repr_html_()
    assert "&lt;script&gt;" in shown._repr_html_()


def test_a_long_table_is_cut_in_a_notebook_and_says_so() -> None:
    many = Small(names=tuple(f"n{i}" for i in range(50)), weights=(1.0,) * 50)
    html = many._repr_html_()
    assert html.count("<tr>") == 1 + results._ROWS
    assert "and 30 more rows" in html


@dataclass(frozen=True, repr=False)
class Long(Small):
    """Tables of several lengths."""

    lengths: tuple[int, ...] = (50,)
    said: tuple[str, ...] = ("centred",)
    detail: bool = False
    muted: tuple[int, ...] = ()

    def tables(self) -> list[Table]:
        return [
            Table(("name", "value"), [(f"t{at} r{row}", row) for row in range(length)],
                  f"table {at}", detail=self.detail and at > 0, muted=self.muted)
            for at, length in enumerate(self.lengths)
        ]  # fmt: skip

    def notes(self) -> tuple[str, ...]:
        return self.said


def rows_of(text: str) -> dict[str, int]:
    found = [line.split()[0] for line in text.splitlines() if line.startswith("t") and " r" in line]
    return {table: found.count(table) for table in dict.fromkeys(found)}


@pytest.mark.parametrize(
    "lengths", [(50,), (50, 50), (5, 50), (2, 60, 60), (1, 2, 3), (17,), (18,)]
)
@pytest.mark.parametrize("said", [("centred",), ("long " * 50, "short"), ()])
def test_the_text_fits_25_lines_and_says_what_it_leaves_out(
    lengths: tuple[int, ...], said: tuple[str, ...]
) -> None:
    text = str(Long(lengths=lengths, said=said))
    folded = sum(-(-len(line) // results.WIDTH) for line in text.splitlines())
    assert folded <= results.HEIGHT
    shown = rows_of(text)
    hidden = sum(lengths) - sum(shown.values())
    assert (f"{hidden:,} more row" in text) == (hidden > 0)
    if hidden:
        assert folded == results.HEIGHT, "no line stays empty while rows are left out"
    assert all(shown[f"t{at}"] >= min(3, length) for at, length in enumerate(lengths))


def test_short_tables_stay_whole_and_details_are_left_out() -> None:
    assert rows_of(str(Long(lengths=(2, 60, 4))))["t0"] == 2
    assert rows_of(str(Long(lengths=(2, 60, 4))))["t2"] == 4
    text = str(Long(lengths=(2, 4), detail=True))
    assert rows_of(text) == {"t0": 2}
    assert "4 more rows: --all" in text


def test_rows_within_chance_are_grey() -> None:
    found = Long(lengths=(3,), muted=(1,))
    assert found._repr_html_().count("opacity:.55") == 1
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True, force_jupyter=False)
    console.print(boxed(found.tables()[0]))
    grey = [line for line in stream.getvalue().splitlines() if "\x1b[2m" in line]
    assert ["t0 r1" in line for line in grey] == [True]


def test_sentences_wrap_in_the_brief_form_within_its_lines() -> None:
    class Meanings(Small):
        def tables(self) -> list[Table]:
            rows = [(f"column {at}", "five words of a sentence " * 6) for at in range(30)]
            return [Table(("column", "meaning"), rows, wrapped=("meaning",))]

    [table], hidden = results.brief(Meanings(), 80)
    console = Console(file=io.StringIO(), width=80)
    console.print(boxed(table))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert "…" not in "".join(lines)
    assert 3 <= len(table.rows) == 30 - hidden
    assert results.HEIGHT - 6 <= len(lines) <= results.HEIGHT - 3  # headline, note, what is left


def test_a_long_cell_is_cut_in_the_brief_form_and_wraps_in_the_whole() -> None:
    long = Table(("name", "value", "text"), [("Anna", 0.123, "word " * 60)])
    lines = {}
    for whole in (False, True):
        stream = io.StringIO()
        console = Console(file=stream, width=80, force_jupyter=False)
        console.print(boxed(long, whole=whole))
        lines[whole] = stream.getvalue().splitlines()
    assert len(lines[False]) == 3
    assert "0.123" in lines[False][2]
    assert lines[False][2].endswith("…")
    assert len(lines[True]) > 4
    assert " ".join(lines[True]).count("word") == 60


def test_figures_are_never_cut_and_words_give_way() -> None:
    row = ("cosine to the nearest", 0.314, 0.213, "0.080 to 0.121", 0.239, "0.056 to 0.094",
           "names and templates")  # fmt: skip
    columns = ("measure", "this list", "random lists", "gain", "as frequent", "gain over these",
               "not seen")  # fmt: skip
    for width in (80, 100):
        stream = io.StringIO()
        Console(file=stream, width=width, force_jupyter=False).print(boxed(Table(columns, [row])))
        lines = stream.getvalue().splitlines()
        assert max(len(line.rstrip()) for line in lines) <= width
        told = " ".join(lines).split()
        figures = ["0.314", "0.213", "0.239", "0.080", "0.121", "0.056", "0.094"]
        assert sorted(set(told) & set(figures)) == sorted(figures)
        assert ("0.080 to 0.121" in lines[-1]) == (width == 100)  # wraps where nothing else helps


def test_frames_and_json() -> None:
    assert Small().to_pandas().to_dict("list") == {
        "name": ["Anna", "Björk"], "weight": [0.25, -0.5],
    }  # fmt: skip
    gone = Small(weights=(float("nan"), float("inf")))
    assert json.loads(gone.to_json())["weights"] == [None, None]


def test_polars_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'namebasis\[polars\]'"):
        Small().to_polars()


def test_polars_where_it_is_there() -> None:
    pytest.importorskip("polars", reason="needs the extra polars")
    assert Small().to_polars().rows() == [("Anna", 0.25), ("Björk", -0.5)]


def test_pages_and_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.html"
    Paged().write_html(path, title="two")
    assert path.read_text(encoding="utf-8") == "<title>two</title>Anna, Björk"
    with pytest.raises(SpaceError, match="already exists"):
        Paged().write_html(path)
    Paged().write_html(path, overwrite=True)
    assert path.read_text(encoding="utf-8").startswith("<title>page")
    drawn = Paged().plot(size=4)
    assert drawn.get_figwidth() == 4
    assert drawn.get_facecolor() == (1, 1, 1, 1)
    assert drawn._repr_png_()[0].startswith(b"\x89PNG")  # type: ignore[attr-defined]
    assert drawn._repr_png_()[1] == {"width": 400, "height": 200}  # type: ignore[attr-defined]
    assert pickle.loads(pickle.dumps(drawn)).get_figwidth() == 4  # noqa: S301
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    shown = Paged().open()
    assert opened == [shown.as_uri()]
    assert shown.read_text(encoding="utf-8").endswith("Anna, Björk")


def test_a_result_without_page_or_figure_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"Small has no page; see \.tables"):
        Small().write_html(tmp_path / "page.html")
    assert not list(tmp_path.iterdir())
    with pytest.raises(TypeError, match="Small has no figure"):
        Small().plot()


@pytest.mark.parametrize(
    ("value", "short", "whole"),
    [
        (None, "", ""),
        (0.12345, "0.123", "0.123"),
        (7, "7", "7"),
        ("a\tb\n", "a<U+0009>b<U+000A>", "a<U+0009>b<U+000A>"),
        (["a", "b", "c", "d", "e"], "a, b, c, d …", "a, b, c, d, e"),
    ],
)
def test_a_cell(value: object, short: str, whole: str) -> None:
    assert cell(value) == short
    assert cell(value, whole=True) == whole


def test_plain_values() -> None:
    import numpy as np

    assert plain({"a": np.array([1.0, np.nan]), 2: (1, [float("-inf")])}) == {
        "a": [1.0, None], "2": [1, [None]],
    }  # fmt: skip
