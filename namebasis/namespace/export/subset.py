"""A subset of a name space as a file."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, TextIO, cast

import pyarrow as pa

from namebasis.atomic import replacing_file, replacing_folder
from namebasis.checks import check_count
from namebasis.encoders.specs import without_folders
from namebasis.errors import SpaceError
from namebasis.namespace.corpus.cleaning import Dropped
from namebasis.namespace.export import file_formats
from namebasis.namespace.export.request import FORMATS, Request, check_by, check_request
from namebasis.namespace.export.wildcard_folder import is_wildcard_folder, write_by
from namebasis.namespace.export.wildcards import TARGETS, wildcards
from namebasis.results import Result, Table, plain_dict
from namebasis.wording import counted

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

_log = logging.getLogger(__name__)

__all__ = ["FORMATS", "ExportResult", "export"]
_TABLES: dict[str, Callable[[pa.Table, Any], None]] = {
    "csv": partial(file_formats.write_cells, delimiter=","),
    "tsv": partial(file_formats.write_cells, delimiter="\t"),
    "json": file_formats.write_json,
    "jsonl": file_formats.write_jsonl,
    "parquet": file_formats.write_parquet,
    "npy": file_formats.write_npy,
}
_BINARY = ("parquet", "npy")


@dataclass(frozen=True, repr=False)
class ExportResult(Result):
    """What was written: told in a sentence, for the names themselves are in the file.

    Attributes
    ----------
    path : str
        ``-`` for a stream.
    format : str
    n_rows : int
        Rows, or values of a wildcard.
    dropped : tuple of Dropped
        What the format could not hold, by reason; never anything in tables.
    """

    path: str
    format: str
    n_rows: int
    dropped: tuple[Dropped, ...] = ()

    def headline(self) -> str:
        how = f", {self.format}" * self.format.startswith("wildcards by")
        return f"{counted(self.n_rows, 'name')} written" + f" to {self.path}{how}" * (
            self.path != "-"
        )

    def tables(self) -> tuple[Table, ...]:
        return ()

    def notes(self) -> list[str]:
        return list(map(str, self.dropped))

    def to_arrow(self) -> pa.Table:
        """One row per reason for which names were left out: reason, count, examples."""
        fields = [
            ("reason", pa.string()), ("count", pa.int64()), ("examples", pa.list_(pa.string())),
        ]  # fmt: skip
        return pa.Table.from_pylist([asdict(one) for one in self.dropped], pa.schema(fields))

    def to_dict(self) -> dict[str, Any]:
        """Path, format, number of rows and what was left out."""
        return plain_dict(asdict(self))


def export(
    space: StoredSpace,
    path: str | Path | IO[Any],
    *,
    columns: Sequence[str] | None = None,
    where: str | None = None,
    ids: Sequence[int] | None = None,
    order_by: str | None = None,
    limit: int | None = None,
    format: str | None = None,
    views: Sequence[str] = (),
    weight: str | None = None,
    key: str | None = None,
    by: Sequence[str] = (),
    bom: bool = False,
    overwrite: bool = False,
) -> ExportResult:
    """Write some of the names to a file, as a whole or not at all.

    ``txt``: names alone, one a line. ``csv``, ``tsv``: cells as they are, lists joined by ``|``;
    a spreadsheet takes a cell that begins with = + - or @ for a formula, so import such columns
    as text. ``json``,
    ``jsonl``: objects, NaN as null. ``parquet``. ``npy``: the vectors of one view alone, by
    default ``text``.
    ``datasets``: a folder for Hugging Face ``datasets.load_dataset``. ``a1111``,
    ``dynamicprompts``, ``impact``: wildcard files, see `wildcards`; ``wildcards`` is ``a1111``, or
    ``dynamicprompts`` for ``.yaml``.

    Parameters
    ----------
    space : Space
    path : str, Path or stream
        ``-`` writes to stdout. A stream is written to and stays open.
    columns : sequence of str, optional
        For tables; all but the vectors by default (and but ``births`` in cells). A view's name
        among them is the same as in `views`.
    where, order_by, limit : optional
        As `Space.table` takes them.
    ids : sequence of int, optional
        Only these rows, in this order, instead of `where`, `order_by` and `limit`.
    format : str, optional
        One of `FORMATS`; by the suffix of the path by default (``.yaml`` is ``dynamicprompts``),
        and for streams ``csv`` with `columns`, ``txt`` without.
    views : sequence of str
        Vector columns to write as well, to ``json``, ``jsonl``, ``parquet``, ``npy`` and
        ``datasets``.
    weight : str, optional
        Number column that gives the weights of a ``dynamicprompts`` wildcard.
    key : str, optional
        What a wildcard is called in YAML; the file's name by default.
    by : sequence of str
        Columns, for wildcards: the path is then a folder, with a file for each value of each.
    bom : bool
        Begin ``csv``, ``tsv`` or ``txt`` with a byte order mark: Excel takes a file without one
        for its own 8-bit encoding, and accents and other scripts for other letters.
    overwrite : bool
        Replace a file that is there.

    Returns
    -------
    ExportResult

    Raises
    ------
    ValueError
        If an argument does not fit, or none of the names can be written for the format.
    FilterError
        If `where` is refused.
    SpaceError
        If no name is left, or something is in the file's place.
    OSError
        If the file cannot be written; nothing is left behind.

    See Also
    --------
    namebasis.Space.table : The same rows as an Arrow table.

    Examples
    --------
    >>> space.export("short.csv", columns=["name"], where="n_tokens = 1")
    14 names written to short.csv
    """
    if by:
        columns = check_by(space, path, by, format, columns, views, weight, key, bom)
        format = format if format in TARGETS else "a1111"
        request = Request(format, ("name", *columns), None, ".txt", "", False)
    else:
        request = check_request(space, path, columns, format, views, weight, key, bom)
    if ids is not None and not (where is None and order_by is None and limit is None):
        raise ValueError("ids choose rows and their order; leave where, order_by and limit out.")
    if limit is not None:
        check_count(limit, "limit")
    facts = _facts(space, where, order_by, limit)

    def read() -> pa.Table:
        if ids is not None:
            table = space.table(request.columns, ids=ids)
        else:
            table = space.table(request.columns, where=where, order_by=order_by, limit=limit)
        if len(table) == 0:
            raise SpaceError(
                f"{space.path}: no name is left to export; where = {where!r} accepts none of "
                f"{len(space):,}. Nothing was written."
            )
        return table.replace_schema_metadata({"namebasis": json.dumps(facts, ensure_ascii=False)})

    # The place is checked before what may be a long read.
    if not isinstance(path, (str, Path)) or str(path) == "-":
        stream = sys.stdout if isinstance(path, (str, Path)) else path
        return _write(read(), request, stream, "-")
    target = Path(path)
    if by:
        with replacing_folder(target, overwrite, is_wildcard_folder) as folder:
            table = read()
            n_files, n_written, dropped = write_by(table, by, request.format, folder)
        return ExportResult(
            str(path), f"wildcards by {', '.join(by)}: {n_files:,} files", n_written, dropped
        )
    if request.format == "datasets":
        with replacing_folder(target, overwrite, file_formats.is_dataset) as folder:
            table = read()
            file_formats.write_dataset(table, folder, target.name, facts)
        return ExportResult(str(path), request.format, len(table))
    with replacing_file(target, overwrite) as file:
        return _write(read(), request, file, str(path))


def _facts(
    space: StoredSpace, where: str | None, order_by: str | None, limit: int | None
) -> dict[str, object]:
    source = space.provenance
    facts = {
        "space": space.path.name, "encoder": without_folders(source.encoder),
        "revision": source.revision,
        "fingerprint": source.fingerprint, "templates": list(source.templates), "where": where,
        "order_by": order_by, "limit": limit,
    }  # fmt: skip
    return {what: value for what, value in facts.items() if value is not None}


def _write(table: pa.Table, request: Request, stream: IO[Any], path: str) -> ExportResult:
    n_rows, dropped = len(table), tuple[Dropped, ...]()
    write: Callable[[Any], object]
    if request.format in ("txt", *TARGETS):
        text, n_rows, dropped = _lines(table, request)
        write = partial(_write_text, text)
    else:
        write = partial(_TABLES[request.format], table)
        told = file_formats.formula_note(table) if request.format in ("csv", "tsv") else None
        if told is not None:
            _log.warning("%s: %s", path, told)
    if request.bom:
        write = partial(_write_behind_mark, write)
    for item in dropped:
        shown = ", ".join(item.examples)
        _log.warning("%s names left out of %s: %s (%s)", item.count, path, item.reason, shown)
    _write_to(stream, write, request.format)
    return ExportResult(path, request.format, n_rows, dropped)


def _lines(table: pa.Table, request: Request) -> tuple[str, int, tuple[Dropped, ...]]:
    names = table["name"].to_pylist()
    if request.format == "txt":
        return "".join(f"{name}\n" for name in names), len(names), ()
    weights = None
    if request.weight is not None:
        kind = table.schema.field(request.weight).type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise ValueError(f"weight must be a number column; {request.weight!r} is {kind}.")
        weights = table[request.weight].cast(pa.float64()).to_pylist()
    made = wildcards(names, request.format, weights=weights, suffix=request.suffix, key=request.key)
    if made.n_values == 0:
        reasons = "; ".join(f"{item.count:,} {item.reason}" for item in made.dropped)
        raise ValueError(
            f"none of {len(names):,} names can be written for {request.format}: {reasons}."
        )
    return made.text, made.n_values, made.dropped


def _write_behind_mark(write: Callable[[Any], object], stream: TextIO) -> None:
    stream.write("\ufeff")
    write(stream)


def _write_text(text: str, stream: TextIO) -> None:
    stream.write(text)


def _write_to(stream: IO[Any], write: Callable[[Any], object], format: str) -> None:
    is_text = isinstance(stream, io.TextIOBase)
    raw = cast("BinaryIO | None", getattr(stream, "buffer", None) if is_text else stream)
    if is_text:
        stream.flush()
    if format in _BINARY:
        if raw is None:
            raise ValueError(f"{format} is binary; give a binary stream.")
        write(raw)
        raw.flush()
    elif raw is None:
        write(stream)
    else:
        # Always UTF-8 with plain newlines, whatever the locale of stdout.
        text = io.TextIOWrapper(raw, encoding="utf-8", newline="")
        try:
            write(text)
            text.flush()
        finally:
            text.detach()
