"""What every study returns: one result, shown on a terminal, in a notebook and as a page."""

from __future__ import annotations

import importlib
import io
import json
import math
import re
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from namebasis.atomic import check_place, replacing_file
from namebasis.errors import MissingExtraError
from namebasis.terms import sentence
from namebasis.wording import visible

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow as pa
    from matplotlib.figure import Figure

WIDTH = 100
"""Columns of the terminal that `str` writes for."""
HEIGHT = 25
"""Lines of a result's brief form, in all."""
_FEWEST = 3
"""Rows that every table keeps in the brief form."""
_WIDEST = 40
"""Columns of a first cell that the brief form does not cut."""
_ROWS = 20
"""Rows of a table that a notebook shows."""
_NARROWEST = 8
"""Columns that are left to words of a table that is too wide."""
_FIGURES = re.compile(r"(?:[\d.,+−–<>%: -]|nan|inf|to|above|below)*")
"""A number, a share or an interval, which says something else where it is cut."""
_LISTED = 4
"""Entries of a list that a cell shows."""

_HTML = """\
<div class="namebasis" style="font-family:system-ui,sans-serif;font-size:13px;line-height:1.4">
{%- if headline %}<p style="margin:.3em 0;font-weight:600">{{ headline }}</p>{% endif %}
{%- for table in tables %}
<table style="border-collapse:collapse;margin:.3em 0">
{%- if table.title %}<caption style="text-align:left;font-weight:600;white-space:nowrap">
{{- table.title }}</caption>{% endif %}
<thead><tr>
{%- for column in table.columns %}
<th{% if column.said %} title="{{ column.said }}"{% endif %} style="text-align:{{ column.align }};
{#- #}padding:2px 10px;border-bottom:1px solid #8888">{{ column.name }}</th>
{%- endfor %}</tr></thead>
<tbody>
{%- for row in table.rows %}<tr{% if row.muted %} style="opacity:.55"{% endif %}>
{%- for cell in row.cells %}
<td style="text-align:{{ cell.align }};padding:2px 10px;
{%- if cell.bar is not none %}background:linear-gradient(90deg,#4c78a833 {{ cell.bar }}%,
{#- #}transparent {{ cell.bar }}%);{% endif %}">{{ cell.text }}</td>
{%- endfor %}</tr>
{%- endfor %}</tbody></table>
{%- if table.more %}<p style="margin:.3em 0;opacity:.7">{{ table.more }}</p>{% endif %}
{%- endfor %}
{%- for note in notes %}<p style="margin:.3em 0;opacity:.8">{{ note }}</p>{% endfor %}
</div>"""


@dataclass(frozen=True)
class Table:
    """A table as a reader sees it.

    Attributes
    ----------
    columns : sequence of str
    rows : sequence of sequences
        Of text, numbers, None, or lists of these; one value for each column.
    title : str
    bars : sequence of str
        Columns of numbers that a notebook draws as bars, from 0 to the column's largest value.
    key : str
        Begins every line of the table in a pipe, under the column `table`: tables of one result
        can then be told apart.
    aside : bool
        Left out of a pipe.
    muted : collection of int
        Positions of rows that are within chance; drawn grey.
    detail : bool
        Left out of the brief form.
    wrapped : sequence of str
        Columns of sentences, which wrap in a terminal where other cells are cut at its end.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    title: str = ""
    bars: Sequence[str] = ()
    key: str = ""
    aside: bool = False
    muted: Collection[int] = ()
    detail: bool = False
    wrapped: Sequence[str] = ()

    @classmethod
    def of(cls, table: pa.Table, columns: Sequence[str] | None = None, **words: Any) -> Table:
        """A table of the columns of an Arrow table."""
        wanted = list(table.column_names if columns is None else columns)
        rows = [tuple(row.values()) for row in table.select(wanted).to_pylist()]
        return cls(wanted, rows, **words)


class Result(ABC):
    """What a study found, in every form in which it can be read.

    `print` shows what the command of the same name shows, a notebook draws a small table, and
    the methods hand out the numbers.
    """

    _page: ClassVar[str] = ""
    """`module:function` that makes a page of the result, where the study has one."""
    _figure: ClassVar[str] = ""
    """`module:function` that draws the result, where the study has a figure."""
    _section: ClassVar[str] = ""
    """Heading of docs/measures.md whose words its columns mean, where a word has several senses."""

    @abstractmethod
    def tables(self) -> Sequence[Table]:
        """The tables that a reader sees, in order."""

    @abstractmethod
    def to_arrow(self) -> pa.Table:
        """The values, one row for each thing that was measured."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Everything in plain values, as JSON holds them."""

    def headline(self) -> str | None:
        """The answer in one sentence, where there is one."""
        return None

    def notes(self) -> Sequence[str]:
        """What every reader must know beside the tables, in two or three lines."""
        return ()

    def footnotes(self) -> Sequence[str]:
        """What else there is to know; not in the brief form."""
        return ()

    def to_pandas(self) -> pandas.DataFrame:
        """`to_arrow` as a data frame of pandas."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> polars.DataFrame:
        """`to_arrow` as a data frame of polars.

        Raises
        ------
        MissingExtraError
            If polars is not installed.
        """
        try:
            import polars
        except ImportError:
            raise MissingExtraError("polars", "polars") from None
        frame: polars.DataFrame = polars.from_arrow(self.to_arrow())
        return frame

    def to_json(self, *, indent: int | None = 2) -> str:
        """`to_dict` as JSON; what is not finite becomes null."""
        return json.dumps(plain(self.to_dict()), ensure_ascii=False, indent=indent)

    def plot(self, **options: Any) -> Figure:
        """Draw the result with matplotlib.

        Raises
        ------
        TypeError
            If the study has no figure.
        """
        if not self._figure:
            raise TypeError(f"{type(self).__name__} has no figure; see .tables() and .to_arrow().")
        figure: Figure = load(self._figure)(self, **options)
        figure.set_facecolor("white")  # whatever stands behind it: a dark notebook, a slide
        # A notebook knows by itself only the figures of pyplot, whose state is left alone here.
        figure._repr_png_ = partial(_png, figure)  # type: ignore[attr-defined]
        return figure

    def write_figure(self, path: str | Path, *, overwrite: bool = False, **options: Any) -> None:
        """Write what `plot` draws as .png or .svg.

        Raises
        ------
        ValueError
            If the path ends otherwise.
        TypeError
            If the study has no figure.
        SpaceError
            As `write_html`.
        """
        path = Path(path)
        form = path.suffix.removeprefix(".")
        if form not in ("png", "svg"):
            raise ValueError(f"a figure is written as .png or .svg; got {path.name!r}.")
        check_place(path, overwrite)
        figure = self.plot(**options)
        with replacing_file(path, overwrite) as stream:
            load("namebasis.report.charts:save")(figure, stream, form)

    def write_html(self, path: str | Path, *, overwrite: bool = False, **options: Any) -> None:
        """Write the result as one page that needs no network.

        Parameters
        ----------
        path : str or Path
        overwrite : bool
            Replace an existing file.

        Raises
        ------
        SpaceError
            If the file exists and may not be replaced, or its folder cannot be written to.
        TypeError
            If the study has no page.
        """
        path = Path(path)
        check_place(path, overwrite)
        page = self.to_html(**options)
        with replacing_file(path, overwrite) as stream:
            stream.write(page.encode("utf-8"))

    def to_html(self, **options: Any) -> str:
        """The result as the text of one page; see `write_html`."""
        if not self._page:
            raise TypeError(f"{type(self).__name__} has no page; see .tables() and .plot().")
        page: str = load(self._page)(self, **options)
        return page

    def open(self) -> Path:
        """Write the page to a temporary file and open it in the browser; return its path."""
        import webbrowser

        folder = Path(tempfile.mkdtemp(prefix="namebasis-"))
        path = folder / f"{type(self).__name__.lower()}.html"
        self.write_html(path)
        webbrowser.open(path.as_uri())
        return path

    def __str__(self) -> str:
        return "\n".join(_text(self)).rstrip("\n")

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        import jinja2

        template = jinja2.Environment(autoescape=True).from_string(_HTML)
        return template.render(
            headline=_shown(self.headline()),
            tables=[_drawn(table, self._section) for table in self.tables()],
            notes=[visible(note) for note in self.notes()],
        )


def plain(value: object) -> object:
    """Values as JSON knows them: NaN and infinity become None, arrays lists."""
    kind = type(value)  # most values of an answer, asked without the cost of abstract classes
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is float and isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return plain_dict(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def plain_dict(values: Mapping[Any, object]) -> dict[str, Any]:
    """A mapping as JSON knows it; see `plain`."""
    return {str(key): plain(item) for key, item in values.items()}


def cell(value: object, *, whole: bool = False) -> str:
    """A value as it is shown; no tab or line feed in it can pass for the end of a cell.

    Parameters
    ----------
    value : object
    whole : bool
        Show lists of any length to their end.
    """
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, (list, tuple)):
        shown = value if whole else value[:_LISTED]
        return visible(", ".join(map(str, shown)) + (" …" if len(shown) < len(value) else ""))
    return visible(str(value))


def brief(result: Result, width: int = WIDTH, more: Sequence[str] = ()) -> tuple[list[Table], int]:
    """The tables of a result cut to `HEIGHT` lines in all, and how many rows that leaves out.

    Every table keeps its first three rows, and tables get rows in turn as long as there are lines.

    Parameters
    ----------
    result : Result
    width : int
        Columns of the terminal, in which sentences wrap.
    more : sequence of str
        Sentences that are shown beside the result's own.
    """
    every = list(result.tables())
    tables = [table for table in every if not table.detail]
    hidden = sum(len(table.rows) for table in every if table.detail)
    told = [result.headline() or "", *result.notes(), *more]
    lines = sum(-(-len(line) // width) for text in told for line in text.splitlines())
    heads = sum(2 + bool(table.title) for table in tables)
    lengths = [len(table.rows) for table in tables]
    left = HEIGHT - lines - heads
    if sum(lengths) > left or hidden:
        left -= 1  # the line that says what is left out
    kept = _shared_out(lengths, left)
    over = sum(_wrapped_lines(table, n, width) for table, n in zip(tables, kept, strict=True))
    while over > 0 and any(
        table.wrapped and n > _FEWEST for table, n in zip(tables, kept, strict=True)
    ):
        at = max((at for at, table in enumerate(tables) if table.wrapped), key=lambda at: kept[at])
        before = _wrapped_lines(tables[at], kept[at], width)
        kept[at] -= 1
        over -= 1 + before - _wrapped_lines(tables[at], kept[at], width)
    cut = [
        replace(table, rows=table.rows[:n], muted=[at for at in table.muted if at < n])
        for table, n in zip(tables, kept, strict=True)
    ]
    return cut, hidden + sum(lengths) - sum(kept)


def _wrapped_lines(table: Table, n: int, width: int) -> int:
    """Lines beyond one each that the first `n` rows take where sentences wrap."""
    found = 0
    for column in table.wrapped:
        at = list(table.columns).index(column)
        others = sum(
            max((len(cell(row[one])) for row in table.rows[:n]), default=0) + 3
            for one in range(len(table.columns))
            if one != at
        )
        room = max(width - others, 20)
        found += sum(-(-len(cell(row[at])) // room) - 1 for row in table.rows[:n] if row[at])
    return found


def left_out(n_rows: int) -> str:
    """How a reader of the brief form gets at the rows that it leaves out."""
    rows = "row" if n_rows == 1 else "rows"
    return f"{n_rows:,} more {rows}: --all, --csv or --json; in Python .to_pandas() or .to_dict()"


def _shared_out(lengths: Sequence[int], lines: int) -> list[int]:
    """How many rows each table keeps of as many lines: short ones whole, long ones alike."""
    kept = [min(length, _FEWEST) for length in lengths]
    left = lines - sum(kept)
    while left > 0:
        short = [at for at, length in enumerate(lengths) if kept[at] < length]
        if not short:
            break
        for at in short[:left]:
            kept[at] += 1
        left -= len(short)
    return kept


def boxed(table: Table, *, whole: bool = False) -> Any:
    """A table as rich draws it on a terminal.

    Parameters
    ----------
    table : Table
    whole : bool
        Wrap long cells, where they are otherwise cut at the end of their one line.
    """
    return _Boxed(table, whole)


@dataclass(frozen=True)
class _Boxed:
    """A table that rich draws as wide as there is room: figures are never cut, words give way."""

    table: Table
    whole: bool

    def __rich_console__(self, console: Any, options: Any) -> Iterable[Any]:
        yield self._box(_widths(self.table, options.max_width))

    def _box(self, widths: Sequence[int] | None) -> Any:
        from rich import box
        from rich.table import Table as Box
        from rich.text import Text

        table = self.table
        heading = Text(visible(table.title), style="bold") if table.title else None
        drawn = Box(
            title=heading, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD,
            show_edge=False, pad_edge=False,
        )  # fmt: skip
        for position, column in enumerate(table.columns):
            is_numeric = _is_numeric(table, position)
            widest = max((len(cell(row[position])) for row in table.rows), default=0)
            drawn.add_column(
                Text(visible(column)),
                justify="right" if is_numeric else "left",
                width=widths[position] if widths else None,
                no_wrap=not widths and (is_numeric or (position == 0 and widest <= _WIDEST)),
            )
        wrapping = {at for at, name in enumerate(table.columns) if name in table.wrapped}
        wrapping |= self._narrow(widths or ())
        for at, row in enumerate(table.rows):
            one_line: dict[str, Any] = (
                {} if self.whole else {"no_wrap": True, "overflow": "ellipsis"}
            )
            drawn.add_row(
                *(
                    Text(cell(value), **({} if at_column in wrapping else one_line))
                    for at_column, value in enumerate(row)
                ),
                style="dim" if at in table.muted else None,
            )
        return drawn

    def _narrow(self, widths: Sequence[int]) -> set[int]:
        """Columns of figures, and the first, that are narrower than their cells."""
        found = set()
        for position, width in enumerate(widths):
            texts = [cell(row[position]) for row in self.table.rows]
            is_firm = _is_firm(texts, position)
            if is_firm and max(map(len, texts), default=0) > width:
                found.add(position)
        return found


def _is_firm(texts: Sequence[str], position: int) -> bool:
    """Whether cells say something else, or nothing, where they are cut: figures and names."""
    if position == 0 and max(map(len, texts), default=0) <= _WIDEST:
        return True
    return all(_FIGURES.fullmatch(text) for text in texts)


def _widths(table: Table, width: int) -> list[int] | None:
    """Columns that each column of a table gets where not all have what they want, else None.

    Heads wrap first, then words are cut, the widest first; last, intervals and names wrap.
    """
    from rich.cells import cell_len

    room = width - 3 * (len(table.columns) - 1)
    cells, heads, least, last = [], [], [], []
    for position, column in enumerate(table.columns):
        texts = [cell(row[position]) for row in table.rows]
        widest = max(map(cell_len, texts), default=0)
        word = max(map(cell_len, visible(column).split()), default=0)
        cells.append(max(widest, word))
        heads.append(max(widest, cell_len(visible(column))))
        is_firm = _is_firm(texts, position)
        least.append(cells[-1] if is_firm else min(cells[-1], max(word, _NARROWEST)))
        parts = [cell_len(part) for text in texts for part in text.split()]
        last.append(max([word, *parts]) if is_firm else least[-1])
    if sum(heads) <= room or sum(last) > room:
        return None
    wide = heads
    for floor in (cells, least, last):
        while sum(wide) > room:
            open_ = [at for at in range(len(wide)) if wide[at] > floor[at]]
            if not open_:
                break
            wide[max(open_, key=lambda at: wide[at])] -= 1
    return wide


def load(place: str) -> Any:
    """A function by `module:name`: pages and figures know their results, and not the reverse."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def _png(figure: Figure) -> tuple[bytes, dict[str, int]]:
    """A figure for a notebook: twice as many pixels as it is wide there, for sharp letters."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=200)
    width, height = figure.get_size_inches()
    return stream.getvalue(), {"width": round(100 * width), "height": round(100 * height)}


def _text(result: Result) -> Iterable[str]:
    from rich.console import Console

    headline = result.headline()
    if headline:
        yield visible(headline, keep="\n")
    tables, hidden = brief(result)
    for table in tables:
        stream = io.StringIO()
        # Without force_jupyter=False, rich would draw into a notebook instead of the stream.
        console = Console(file=stream, width=WIDTH, color_system=None, force_jupyter=False)
        console.print(boxed(table))
        yield stream.getvalue().rstrip("\n")
    yield from (visible(note, keep="\n") for note in result.notes())
    if hidden:
        yield left_out(hidden)


def _is_numeric(table: Table, position: int) -> bool:
    values = [row[position] for row in table.rows]
    return bool(values) and all(
        value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
        for value in values
    )


def _drawn(table: Table, section: str) -> dict[str, object]:
    """A table for the notebook's template: cells with their side and the length of their bar."""
    sides = [
        "right" if _is_numeric(table, position) else "left"
        for position in range(len(table.columns))
    ]
    largest = {
        position: max((_size(row[position]) for row in table.rows), default=0.0)
        for position, name in enumerate(table.columns)
        if name in table.bars
    }
    rows = [
        {
            "muted": at in table.muted,
            "cells": [
                {
                    "text": cell(value),
                    "align": sides[position],
                    "bar": _bar(value, largest.get(position)),
                }
                for position, value in enumerate(row)
            ],
        }
        for at, row in enumerate(table.rows[:_ROWS])
    ]
    left = len(table.rows) - len(rows)
    return {
        "title": _shown(table.title),
        "columns": [
            {"name": visible(name), "align": side, "said": sentence(name, section)}
            for name, side in zip(table.columns, sides, strict=True)
        ],
        "rows": rows,
        "more": f"and {left:,} more rows; see .to_pandas()" if left else "",
    }


def _size(value: object) -> float:
    """The absolute value of a finite number; 0 of anything else."""
    is_number = isinstance(value, (int, float)) and math.isfinite(value)
    return abs(float(value)) if is_number else 0.0  # type: ignore[arg-type]


def _bar(value: object, largest: float | None) -> float | None:
    """Length of a bar in percent; None where there is none to draw."""
    return round(100 * _size(value) / largest, 1) if largest and _size(value) else None


def _shown(text: str | None) -> str:
    return visible(text) if text else ""
