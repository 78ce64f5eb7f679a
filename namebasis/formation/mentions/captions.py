"""Captions of a training set, as data sets hold them: a batch at a time, in their order."""

from __future__ import annotations

import sys
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import regex

from namebasis.errors import CorpusError
from namebasis.reading import UnreadableError, check_regular, open_regular, parse_json
from namebasis.wording import did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("caption", "text", "title", "description", "prompt", "alt", "alt_text", "txt")
"""What a column of captions is called, in any capitals; the first that is there is taken."""
STDIN = "-"
MENDED = "not all in UTF-8"
FORMATS = ("parquet", "csv", "tsv", "jsonl", "txt", "tar")
TABLES, LINES = (".csv", ".tsv"), (".jsonl", ".ndjson", ".txt")
PACKED = (".gz", ".zst", ".bz2")
_IN_TARS = ("txt", "caption", "json")
"""Kinds of members that hold captions, the best first."""
_BATCH = 8192
_BLOCK = 1 << 22
_LONGEST = 1 << 20
"""Bytes of a caption in a tar; a longer member is no caption."""


@dataclass(frozen=True)
class Source:
    """A file of captions.

    Attributes
    ----------
    path : Path
        "-" is the standard input.
    kind : str
        "parquet", "csv", "tsv", "jsonl", "txt" or "tar".
    """

    path: Path
    kind: str


@dataclass
class Reader:
    """Reads captions from sources.

    Attributes
    ----------
    sources : sequence of Source
    column : str, optional
        Of tables, JSON lines and the JSON in tars; of a table without a header, its number from 1.
    refused : Counter
        Rows that gave no caption, by the reason; `MENDED` counts captions that were read in part.
    """

    sources: Sequence[Source]
    column: str | None = None
    refused: Counter[str] = field(default_factory=Counter)
    _key: str | None = None  # of JSON, as the first object has it
    _read: Callable[[], float] = lambda: 0.0

    @property
    def share(self) -> float:
        """How much of the current source was read, 0 to 1."""
        return self._read()

    def batches(self, source: Source, skipped: int = 0) -> Iterator[list[str]]:
        """The captions of a source behind its first `skipped`.

        Raises
        ------
        CorpusError
            If it cannot be read, or has no column of captions.
        """
        try:
            for batch in _regrouped(self._texts(source)):
                if skipped < len(batch):
                    yield batch[skipped:]
                skipped = max(0, skipped - len(batch))
        except UnreadableError as error:
            raise CorpusError(str(error)) from None
        except (OSError, ValueError, tarfile.TarError) as error:
            # pyarrow's errors are ValueErrors or OSErrors whose first line says what is wrong.
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise CorpusError(f"{source.path}: captions cannot be read ({reason}).") from None

    def _texts(self, source: Source) -> Iterable[list[str]]:
        if source.kind == "parquet":
            return self._of_parquet(source.path)
        if source.kind in ("csv", "tsv"):
            return self._of_table(source)
        if source.kind == "tar":
            return self._of_tar(source.path)
        return self._of_lines(source)

    def _of_parquet(self, path: Path) -> Iterator[list[str]]:
        import pyarrow.parquet as pq

        check_regular(path)
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            column = self._chosen(names, path)
            # img2dataset lists pictures that it could not download beside those that it stored.
            status = "status" if "status" in names and "error_message" in names else None
            wanted = [column, *([status] if status else [])]
            n_read, n_rows = 0, max(1, file.metadata.num_rows)
            self._read = lambda: n_read / n_rows
            for batch in file.iter_batches(_BATCH, columns=wanted):
                n_read += len(batch)
                texts = self._strings(batch.column(column), path, column)
                if status:
                    done = batch.column(status).to_pylist()
                    whole = [
                        text for text, how in zip(texts, done, strict=True) if how == "success"
                    ]
                    self.refused["not downloaded, by their column status"] += len(texts) - len(
                        whole
                    )
                    texts = whole
                yield self._filled(texts)

    def _of_table(self, source: Source) -> Iterator[list[str]]:
        import pyarrow as pa
        from pyarrow import csv

        asked = self.column or ""
        number = int(asked) if asked.isdecimal() else 0
        parse = csv.ParseOptions(
            delimiter="\t" if source.kind == "tsv" else ",",
            newlines_in_values=source.kind == "csv",
            quote_char=False if source.kind == "tsv" else '"',
            invalid_row_handler=self._skip,
        )
        read = csv.ReadOptions(block_size=_BLOCK, autogenerate_column_names=number > 0)
        with self._stream(source.path) as stream:
            head = csv.open_csv(
                stream, read, parse, csv.ConvertOptions(check_utf8=False)
            ).schema.names
        if number > len(head):
            raise CorpusError(f"{source.path}: has {len(head)} columns; got column {number}.")
        column = head[number - 1] if number else self._chosen(head, source.path)
        convert = csv.ConvertOptions(
            include_columns=[column],
            column_types={column: pa.binary()},
            strings_can_be_null=False,
        )
        with self._stream(source.path) as stream:
            for batch in csv.open_csv(stream, read, parse, convert):
                cells = batch.column(0).to_pylist()
                yield self._filled([self._text(cell) for cell in cells])

    def _skip(self, row: Any) -> str:
        self.refused[f"with {row.actual_columns} cells for {row.expected_columns}"] += 1
        return "skip"

    def _of_lines(self, source: Source) -> Iterator[list[str]]:
        with self._stream(source.path) as stream:
            for lines in _lines(stream, source.path):
                if source.kind == "txt":
                    yield self._filled([self._text(line) for line in lines])
                else:
                    yield self._filled(
                        [self._of_json(line, source.path) for line in lines if line.strip()]
                    )

    def _of_tar(self, path: Path) -> Iterator[list[str]]:
        """Of the members of one sample, which lie together, the best kind that is there."""
        texts: list[str] = []
        of: dict[str, str] = {}
        sample = ""
        with open_regular(path) as stream, tarfile.open(fileobj=stream, mode="r|*") as tar:
            self._follow(stream, path)
            for member in tar:
                tar.members.clear()  # type: ignore[attr-defined]  # else it grows by 1 KB a file
                folder, slash, file = member.name.rpartition("/")
                stem, _, kind = file.partition(".")
                if folder + slash + stem != sample:
                    texts += [of[best] for best in _IN_TARS if best in of][:1]
                    sample, of = folder + slash + stem, {}
                if len(texts) >= _BATCH:
                    yield self._filled(texts)
                    texts = []
                text = self._of_member(tar, member, kind.lower(), path)
                if text is not None:
                    of[kind.lower()] = text
        yield self._filled(texts + [of[best] for best in _IN_TARS if best in of][:1])

    def _of_member(
        self, tar: tarfile.TarFile, member: tarfile.TarInfo, kind: str, path: Path
    ) -> str | None:
        if kind not in _IN_TARS or not member.isreg():
            return None
        if member.size > _LONGEST:
            self.refused[f"over {_LONGEST:,} bytes long"] += 1
            return None
        held = tar.extractfile(member)
        data = held.read() if held is not None else b""
        if kind == "json":
            return self._of_json(data, path)
        return self._text(data)

    def _of_json(self, line: bytes, path: Path) -> str | None:
        """The caption of an object; None where there is none, which is counted."""
        try:
            row = parse_json(line, path)
        except UnreadableError:
            self.refused["that are not JSON"] += 1
            return None
        if not isinstance(row, dict):
            self.refused["of JSON that are no object"] += 1
            return None
        if self._key is None:
            self._key = self._chosen(list(row), path)
        text = row.get(self._key)
        if not isinstance(text, str):
            self.refused["whose caption is no text"] += 1
            return None
        return text

    def _chosen(self, names: Sequence[str], path: Path) -> str:
        """The column that is asked for, or the first that is called as captions are."""
        if self.column is not None:
            if self.column in names:
                return self.column
            raise CorpusError(
                f"{path}: has no column {self.column!r}; it has {_listed(names)}."
                f"{did_you_mean(self.column, names)}"
            )
        lower = {name.lower(): name for name in reversed(names)}
        found = next((lower[name] for name in COLUMNS if name in lower), None)
        if found is None:
            raise CorpusError(
                f"{path}: no column is called as captions are ({', '.join(COLUMNS[:6])} …); it has "
                f"{_listed(names)}. Say which one by --caption-column."
            )
        return found

    def _strings(self, column: pa.Array, path: Path, name: str) -> list[str]:
        import pyarrow as pa

        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            raise CorpusError(f"{path}: the column {name!r} holds {column.type}, not text.")
        return [text or "" for text in column.to_pylist()]

    @contextmanager
    def _stream(self, path: Path) -> Iterator[Any]:
        """The bytes of a file, unpacked where its name says that they are packed."""
        import pyarrow as pa

        if str(path) == STDIN:
            yield getattr(sys.stdin, "buffer", None) or BytesIO(sys.stdin.read().encode())
            return
        with open_regular(path) as stream:
            self._follow(stream, path)
            codec = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}.get(path.suffix.lower())
            if codec is None:
                yield stream
            else:
                yield pa.CompressedInputStream(pa.PythonFile(stream), codec)

    def _follow(self, stream: Any, path: Path) -> None:
        n_bytes = max(1, path.stat().st_size)
        self._read = lambda: 1.0 if stream.closed else stream.tell() / n_bytes

    def _text(self, data: bytes) -> str:
        """As text; letters that are not UTF-8 are lost, which is counted."""
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            self.refused[MENDED] += 1
            return data.decode("utf-8", "replace")

    def _filled(self, texts: Iterable[str | None]) -> list[str]:
        """Without None; an empty caption goes too, and is counted."""
        there = [text for text in texts if text is not None]
        kept = [text for text in there if text.strip()]
        if len(kept) < len(there):
            self.refused["without a caption"] += len(there) - len(kept)
        return kept


def sources_of(places: Sequence[str | Path], form: str | None = None) -> list[Source]:
    """The files of captions that places name, in the order of a training: as given, and within a
    folder by name, with numbers as numbers.

    Parameters
    ----------
    places : sequence of str or Path
        Files, folders (with all below them), or "-".
    form : str, optional
        What the files are, whatever they are called.

    Raises
    ------
    CorpusError
        If a place does not exist, or holds no captions.
    """
    found: list[Source] = []
    for place in places:
        path = Path(place)
        if str(place) == STDIN:
            found.append(Source(path, form or "txt"))
        elif path.is_dir():
            inside = _in_folder(path, form)
            if not inside:
                raise CorpusError(
                    f"{path}: no file of captions lies in it (.parquet, .tar, .csv, .tsv, .jsonl, "
                    ".txt, also .gz, .bz2 and .zst of the last four)."
                )
            found += inside
        else:
            try:
                check_regular(path)
            except UnreadableError as error:
                raise CorpusError(str(error)) from None
            kind = form or _kind(path)
            if kind is None:
                raise CorpusError(
                    f"{path}: is not called as a file of captions is (.parquet, .tar, .csv, .tsv, "
                    f".jsonl, .txt). Say what it is by --caption-format."
                )
            found.append(Source(path, kind))
    twice = [path for path, n in Counter(one.path.resolve() for one in found).items() if n > 1]
    if twice:
        raise CorpusError(f"{twice[0]}: is given twice; its captions would count twice.")
    return found


def _in_folder(folder: Path, form: str | None) -> list[Source]:
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=_natural)
    found = [Source(path, form or kind) for path in files if (kind := _kind(path))]
    # img2dataset writes each shard twice: pictures and captions, and a table of the captions.
    tables = {one.path.with_suffix("") for one in found if one.kind == "parquet"}
    kept = [one for one in found if one.kind != "tar" or one.path.with_suffix("") not in tables]
    # Where there are tables or tars, texts are single captions of pictures, or notes.
    if any(one.kind in ("parquet", "tar") for one in kept):
        kept = [one for one in kept if one.kind != "txt"]
    return kept


def _natural(path: Path) -> list[tuple[int, int, str]]:
    pieces = regex.findall(r"\d+|\D+", str(path))
    return [(0, int(one), one) if one.isdecimal() else (1, 0, one) for one in pieces]


def _kind(path: Path) -> str | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKED and suffixes[-2:-1] != [".tar"]:
        suffixes.pop()
    last = suffixes[-1] if suffixes else ""
    if last in (*TABLES, *LINES):
        return {".ndjson": "jsonl"}.get(last, last[1:])
    return {".parquet": "parquet", ".tar": "tar"}.get(last)


def _lines(stream: Any, path: Path) -> Iterator[list[bytes]]:
    """Lines of a stream without their ends, many at a time."""
    rest = b""
    while block := stream.read(_BLOCK):
        *lines, rest = (rest + block).split(b"\n")
        if len(rest) > 4 * _BLOCK:
            raise UnreadableError(path, f"a line has over {4 * _BLOCK:,} bytes; it is no text")
        yield [line.removesuffix(b"\r") for line in lines]
    if rest:
        yield [rest.removesuffix(b"\r")]


def _regrouped(batches: Iterable[list[str]]) -> Iterator[list[str]]:
    """Batches of about `_BATCH` captions, whatever the file is cut into."""
    held: list[str] = []
    for batch in batches:
        for start in range(0, len(batch), _BATCH):
            held += batch[start : start + _BATCH]
            if len(held) >= _BATCH:
                yield held
                held = []
    if held:
        yield held


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:8])
    return f"{shown} …" if len(names) > 8 else shown or "none"
