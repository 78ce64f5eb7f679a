"""The files of a report: one page, beside it the same numbers, and figures in a folder."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pyarrow as pa

from namebasis.atomic import check_place, replacing_file
from namebasis.checks import Progress
from namebasis.errors import SpaceError
from namebasis.reading import LARGE, UnreadableError, read_json
from namebasis.results import Result, load, plain

KIND = "namebasis.report"
FIGURES = (
    "map", "agreement", "clusters", "entropy", "hubs", "dimension", "persistence", "overlap",
)  # fmt: skip
FORMATS = ("png", "svg")
_PAGES = (".html", ".htm")
_DRAWING = (
    "scipy.stats", "matplotlib.figure", "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg", "bokeh.embed", "bokeh.plotting",
    "namebasis.studies.topology.pages.page",
)  # fmt: skip
"""What draws a page, and takes one to two seconds to load."""


class Report(Result):
    """A result whose numbers and figures can be written beside its page."""

    _figures: ClassVar[str] = ""
    """`module:function` that draws every figure of the page, by the name of its file."""

    def write_json(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write `to_dict` as one JSON document; errors as `write_html`."""
        document = plain({"kind": KIND, **self.to_dict()})
        text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
        with replacing_file(Path(path), overwrite) as stream:
            stream.write(text.encode() + b"\n")

    def write_parquet(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write `to_arrow` with parameters and provenance as metadata; errors as `write_html`."""
        import pyarrow.parquet as pq

        told = self.to_dict()
        kept = {key: told[key] for key in ("parameters", "provenance") if key in told}
        metadata = {KIND: json.dumps(kept, ensure_ascii=False)}
        table = self.to_arrow().replace_schema_metadata(metadata)
        with replacing_file(Path(path), overwrite) as stream:
            pq.write_table(table, stream, compression="zstd")

    def write_figures(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write every figure of the page as PNG and SVG into a folder; errors as `write_html`."""
        from namebasis.report.charts import save

        place = Path(folder)
        _check_folder(place, overwrite)
        place.mkdir(exist_ok=True)
        for name, figure in load(self._figures)(self).items():
            for form in FORMATS:
                with replacing_file(place / f"{name}.{form}", overwrite) as stream:
                    save(figure, stream, form)


@dataclass(frozen=True)
class ReportFiles:
    """Where a report goes.

    Attributes
    ----------
    html : Path or None
        The page. Its numbers go beside it, under the same name with ``.json`` and ``.parquet``.
    figures : Path or None
        A folder for PNG and SVG files; it is made where its parent is there.
    overwrite : bool
        Whether files of an earlier report may be replaced. Other files never are.
    """

    html: Path | None
    figures: Path | None
    overwrite: bool = False

    def numbers(self) -> tuple[Path, Path] | None:
        """The JSON and the Parquet file."""
        if self.html is None:
            return None
        stem = self.html.with_suffix("") if self.html.suffix in _PAGES else self.html
        return stem.with_name(f"{stem.name}.json"), stem.with_name(f"{stem.name}.parquet")

    def check(self) -> None:
        """Say before a long computation that a file has no place.

        Raises
        ------
        SpaceError
            If something is there and may not be replaced, or no folder that can be written to.
        """
        if self.html is not None:
            if self.html.suffix in (".json", ".parquet"):
                raise SpaceError(
                    f"{self.html} is to be the page; give it a name that ends in .html."
                )
            check_place(self.html, self.overwrite)
        for path in self.numbers() or ():
            check_place(path, self.overwrite)
            if path.exists() and not _is_ours(path):
                raise SpaceError(f"{path} is not a report's; give the page another name.")
        if self.figures is not None:
            _check_folder(self.figures, self.overwrite)

    def loading(self, progress: Progress | None) -> Progress | None:
        """Progress that begins to load what draws a page once the second step is done.

        Then more steps are made at once than there are cores; any earlier, they would wait for it.
        """
        if self.html is None:
            return progress
        loader = Thread(target=_load_drawing, daemon=True)

        def tell(done: int, total: int) -> None:
            if done > 1 and loader.ident is None:
                loader.start()
            if progress is not None:
                progress(done, total)

        return tell

    def write(self, report: Report) -> list[Path]:
        """Write what was asked for; each file appears only when it is whole.

        Returns
        -------
        list of Path
            The files, and the folder of figures.

        Raises
        ------
        SpaceError
            As `check`, which is asked again.
        """
        self.check()
        written: list[Path] = []
        if self.html is not None:
            as_json, as_parquet = self.numbers() or (self.html, self.html)
            report.write_html(self.html, overwrite=self.overwrite)
            report.write_json(as_json, overwrite=self.overwrite)
            report.write_parquet(as_parquet, overwrite=self.overwrite)
            written += [self.html, as_json, as_parquet]
        if self.figures is not None:
            report.write_figures(self.figures, overwrite=self.overwrite)
            written.append(self.figures)
        return written


def _load_drawing() -> None:
    with suppress(Exception):  # drawing the page raises it again, and reports it
        for name in _DRAWING:
            import_module(name)


def _check_folder(folder: Path, overwrite: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise SpaceError(f"{folder} is a file where a folder is to be. Give another path.")
    if not folder.exists():
        return check_place(folder, overwrite)
    for name in FIGURES:
        for form in FORMATS:
            check_place(folder / f"{name}.{form}", overwrite)
    return None


def _is_ours(path: Path) -> bool:
    """Whether a report wrote this file."""
    import pyarrow.parquet as pq

    try:
        if path.suffix == ".json":
            found = read_json(path, LARGE)
            return isinstance(found, dict) and found.get("kind") == KIND
        return KIND.encode() in (pq.read_schema(path).metadata or {})
    except (UnreadableError, ValueError, pa.ArrowException, OSError):
        return False
