"""How commands print: tables on a terminal, JSON for machines, progress on stderr."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from namebasis.cli.streams import holds_all_letters
from namebasis.results import WIDTH, Result, Table, boxed, brief, cell, left_out, plain
from namebasis.wording import visible

if TYPE_CHECKING:
    from namebasis.checks import Progress  # which loads NumPy

# What acts on a terminal and JSON leaves as it is: C1, directions, separators, half surrogates.
_ACTS = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\U000e0000-\U000e007f]"
)


def say(message: str) -> None:
    """Write a line of an answer on stdout; what could act on a terminal is written out."""
    sys.stdout.write(visible(message, keep="\n\t") + "\n")


def print_json(value: object) -> None:
    """Write one JSON document on stdout; NaN and infinity become null, as JSON knows none."""
    # Escapes of other encodings than Unicode's would not be JSON.
    escape = not holds_all_letters(sys.stdout)
    raw = json.dumps(plain(value), ensure_ascii=escape, indent=2, allow_nan=False)
    sys.stdout.write(_ACTS.sub(lambda found: json.dumps(found[0])[1:-1], raw) + "\n")


def show(
    *results: Result, header: bool = True, everything: bool = False, more: Sequence[str] = ()
) -> None:
    """Print results as a reader sees them: tables on stdout, all that is said of them on stderr.

    Parameters
    ----------
    *results : Result
        Of several, piped tables begin with a column `query` that holds each one's label; a table
        that has a key begins with a column `table` that holds it.
    header : bool
        Begin piped tables with a line of their columns' names.
    everything : bool
        Show every row and remark on a terminal too, which otherwise gets the brief form.
    more : sequence of str
        Sentences that the caller says after it, for which the brief form leaves room.
    """
    shown: list[tuple[str, ...]] = []
    for result in results:
        headline = result.headline()
        if headline:
            note(headline)
        tables, hidden = result.tables(), 0
        if is_terminal() and not everything:
            tables, hidden = brief(result, terminal_width(), more)
        for table in tables:
            columns = tuple(table.columns)
            drawn = table
            if not is_terminal():
                if table.aside:
                    continue
                if table.key:
                    drawn = _behind("table", table.key, drawn)
                if len(results) > 1 and hasattr(result, "label"):
                    drawn = _behind("query", str(result.label), drawn)
            _print_drawn(drawn, header and columns not in shown, everything)
            shown.append(columns)
        for told in (*result.notes(), *(result.footnotes() if everything else ())):
            note(told)
        if hidden:
            note(left_out(hidden))


def show_beside(result: Result) -> None:
    """Draw a result's tables on stderr, and say what is said of them: stdout holds its data."""
    from rich.console import Console

    # Where stderr is no terminal, as wide as the text of a result.
    console = Console(stderr=True, width=None if sys.stderr.isatty() else WIDTH)
    for table in result.tables():
        console.print(boxed(table))
    for told in result.notes():
        note(told)


def print_csv(*results: Result, header: bool = True) -> None:
    """Write results as CSV on stdout, one row for each thing measured; lists are joined by `|`.

    Of several results, the first column `query` holds each one's label.

    Raises
    ------
    ValueError
        If the results have not the same columns.
    """
    import io

    import pyarrow as pa

    from namebasis.namespace.export.file_formats import formula_note, write_cells

    tables = [result.to_arrow() for result in results]
    if len(tables) > 1:
        labels = [str(getattr(result, "label", "")) for result in results]
        tables = [
            table.add_column(0, "query", pa.array([label] * len(table), pa.string()))
            for table, label in zip(tables, labels, strict=True)
            if "query" not in table.column_names
        ] or tables
    if any(table.column_names != tables[0].column_names for table in tables):
        raise ValueError("--csv prints one table, and this answer has several; use --json.")
    stream = io.StringIO()
    whole = pa.concat_tables(tables, promote_options="permissive")
    write_cells(whole, stream, ",")
    told = formula_note(whole)
    if told is not None:
        note(told)
    text = stream.getvalue()
    sys.stdout.write(visible(text if header else text.partition("\n")[2], keep="\n\t"))


def _behind(title: str, value: str, table: Table) -> Table:
    """The table with a first column of one value."""
    return Table((title, *table.columns), [(value, *row) for row in table.rows], table.title)


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, header: bool = True
) -> None:
    """Draw a table on stdout: boxed on a terminal, tab-separated into a pipe."""
    _print_drawn(Table(columns, [tuple(row) for row in rows], title), header, whole=True)


def _print_drawn(table: Table, header: bool, whole: bool) -> None:
    if is_terminal():
        from rich.console import Console

        Console().print(boxed(table, whole=whole))
        return
    if header:
        say("\t".join(map(visible, table.columns)))
    for row in table.rows:
        say("\t".join(cell(value, whole=True) for value in row))


def is_terminal() -> bool:
    """Whether tables are drawn for the eye: on a terminal, or where colour is forced."""
    import os

    return sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))


def terminal_width() -> int:
    """Columns of the terminal that tables are drawn for."""
    from rich.console import Console

    return Console().width


def reaches_a_terminal() -> bool:
    """Whether stdout is a terminal, whatever colour is asked for."""
    return sys.stdout is not None and sys.stdout.isatty()


def note(message: str) -> None:
    """Say something on stderr that is not data."""
    sys.stderr.write(visible(message, keep="\n\t") + "\n")


def command_terminal(command: str) -> None:
    """Send the terminal behind stderr a command (OSC); nothing of it is shown."""
    sys.stderr.write(f"\x1b]{command}\x07")
    sys.stderr.flush()


@contextmanager
def late_bar(label: str, unit: str = "names", *, after: float = 2.0) -> Iterator[Progress]:
    """As `progress_bar`, for what is often quick: no bar in the first `after` seconds."""
    begun = time.monotonic()
    with ExitStack() as stack:
        shown: list[Progress] = []

        def update(done: int, total: int) -> None:
            if not shown and done < total and time.monotonic() - begun >= after:
                shown.append(stack.enter_context(progress_bar(label, unit)))
            for bar in shown:
                bar(done, total)

        yield update


class StepBars:
    """Bars of the steps of a command, one at a time; a step that is over leaves none behind.

    Parameters
    ----------
    unit : str
        What the steps count.
    """

    def __init__(self, unit: str = "names") -> None:
        self._unit = unit
        self._shown = ExitStack()
        self._bar: Callable[..., None] | None = None

    def __enter__(self) -> StepBars:
        return self

    def __exit__(self, *_: object) -> None:
        self._shown.close()

    def begin(self, step: str) -> None:
        """Put a bar of this step in the place of the one before."""
        self._shown.close()
        self._bar = self._shown.enter_context(progress_bar(step, self._unit, transient=True))

    def update(self, done: int, total: int) -> None:
        """How far the step has come."""
        if self._bar is not None:
            self._bar(done, total)


@contextmanager
def progress_bar(
    label: str, unit: str = "names", *, transient: bool = False
) -> Iterator[Callable[..., None]]:
    """Yield ``update(done, total)`` that draws a bar with rate and time left on stderr.

    A third argument is told beside the label; a transient bar is gone when it ends.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import (
        Progress as Bar,
    )
    from rich.text import Text

    class RateColumn(ProgressColumn):
        def render(self, task: Any) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:,.0f} {unit}/s" if speed else "")

    class PlainBar(Bar):
        def stop(self) -> None:  # in a pipe rich ends a line, even that of a bar never drawn
            if self.live.transient:
                self.live.stop()
            else:
                super().stop()

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with PlainBar(*columns, console=Console(stderr=True), transient=transient) as bar:
        task = bar.add_task(label, total=None)

        def update(done: int, total: int, told: str = "") -> None:
            said = visible(f"{label}, {told}" if told else label)
            bar.update(task, completed=done, total=total, description=said)

        try:
            yield update
        finally:
            # Refused before any work, or nothing was to be done: an empty bar says nothing.
            if not transient and not bar.tasks[task].completed:
                bar.update(task, visible=False)
                bar.live.transient = True
