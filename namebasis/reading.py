"""The one way in which files of unknown origin are opened and parsed.

A device or a pipe never blocks, a size, a depth or a number never grows without bound, and whatever
is wrong is one line that names the file. `tests/test_reading.py` holds that no other module parses.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import re
import stat
import sys
import tokenize
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from namebasis.errors import NamebasisError

if TYPE_CHECKING:
    import numpy as np

SMALL = 2**24
"""Bytes of a file of settings; the largest that we know of, a model's index, holds 200 KB."""
LARGE = 2**30
"""Bytes of a table; two orders of magnitude above the largest list of names that we know of."""
DEPTH = 64
"""Levels of nesting; the files that are read here have at most 6."""
_LONGEST = 2**63

_JSON_PIECES = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_TOML_PIECES = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}]',
    re.DOTALL,
)
# Only from the beginning of a number or key, and without stepping back: a long one takes no longer.
_TOO_LONG_FOR_TOML = re.compile(r"(?<![0-9_])[0-9_]{401}|(?:(?<![\w\"'-])[\w\"'-]++\s*+\.\s*+){65}")
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class UnreadableError(NamebasisError):
    """A file that cannot be read.

    Parameters
    ----------
    where : str or Path
        The file, or what the text came from.
    reason : str
        For a message that names the file in its own words.
    is_missing : bool
        Whether there is no such file.
    """

    def __init__(self, where: str | Path, reason: str, *, is_missing: bool = False) -> None:
        super().__init__(f"{where}: {reason}.")
        self.reason = reason
        self.is_missing = is_missing


@contextmanager
def open_regular(path: str | Path, limit: int | None = None) -> Iterator[io.BufferedReader]:
    """Open a plain file for reading; a link to one is followed.

    Parameters
    ----------
    path : str or Path
    limit : int, optional
        The most bytes that it may hold.

    Raises
    ------
    UnreadableError
        If it is missing, may not be read, holds more, or is a folder, a device, a pipe or a socket.
    """
    try:
        _refuse_other(path, os.stat(path))
        # O_NONBLOCK: what became a pipe meanwhile would wait for a writer for ever.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags | getattr(os, "O_NOCTTY", 0))
    except (OSError, ValueError) as error:
        is_missing = isinstance(error, FileNotFoundError)
        raise UnreadableError(path, _why(error), is_missing=is_missing) from None
    with os.fdopen(descriptor, "rb") as stream:
        facts = os.fstat(descriptor)
        _refuse_other(path, facts)
        if limit is not None and facts.st_size > limit:
            raise UnreadableError(
                path, f"it holds {facts.st_size:,} bytes; at most {limit:,} are read"
            )
        yield stream


def check_regular(path: str | Path, limit: int | None = None) -> None:
    """Refuse what `open_regular` refuses, before a library opens the file itself."""
    with open_regular(path, limit):
        pass


def check_mapped(path: str | Path) -> None:
    """Refuse what a library cannot map into memory: all but plain files that hold something.

    Raises
    ------
    UnreadableError
        As `open_regular`, and if the file is empty.
    """
    with open_regular(path) as stream:
        if not os.fstat(stream.fileno()).st_size:
            raise UnreadableError(path, "it is empty")


def is_regular(path: str | Path) -> bool:
    """Whether there is a plain file that may be read."""
    try:
        check_regular(path)
    except UnreadableError:
        return False
    return True


def _refuse_other(path: str | Path, facts: os.stat_result) -> None:
    """Refuse what is no plain file, by its kind."""
    if not stat.S_ISREG(facts.st_mode):
        kind = next((kind for is_it, kind in _KINDS if is_it(facts.st_mode)), "something else")
        raise UnreadableError(path, f"it is {kind}, not a file")


def _why(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def read_bytes(path: str | Path, limit: int = SMALL) -> bytes:
    """Read a plain file of at most `limit` bytes.

    Raises
    ------
    UnreadableError
        As `open_regular`.
    """
    with open_regular(path, limit) as stream:
        try:
            # Room is taken for as much as the file says it holds; those of /proc say nothing.
            data = stream.read(os.fstat(stream.fileno()).st_size + 1)
            while len(data) <= limit and (more := stream.read(min(limit + 1 - len(data), 2**20))):
                data += more
        except OSError as error:
            raise UnreadableError(path, _why(error)) from None
    if len(data) > limit:
        raise UnreadableError(path, f"it holds over {limit:,} bytes, which is more than is read")
    return data


def digest_of(path: str | Path) -> str:
    """SHA-256 of a plain file's bytes, in hex.

    Raises
    ------
    UnreadableError
        As `open_regular`.
    """
    with open_regular(path) as stream:
        try:
            return hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise UnreadableError(path, _why(error)) from None


def read_text(path: str | Path, limit: int = SMALL) -> str:
    """Read a UTF-8 file, without its byte order mark.

    Raises
    ------
    UnreadableError
        As `open_regular`, and where it is not UTF-8.
    """
    try:
        return read_bytes(path, limit).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(
            path, f"it is not UTF-8: byte 0x{error.object[error.start]:02x} at {error.start}"
        ) from None


def packaged_text(*place: str) -> str:
    """Text of a file that comes with the package, by its place in ``namebasis/data``."""
    return files("namebasis").joinpath("data", *place).read_text(encoding="utf-8")


def read_json(path: str | Path, limit: int = SMALL) -> Any:
    """Read a JSON file; see `parse_json`."""
    return parse_json(read_text(path, limit), path)


def parse_json(text: str | bytes, where: str | Path) -> Any:
    """Parse JSON of at most `DEPTH` levels.

    A whole number beyond 64 bits becomes a float, as JSON's numbers are; one beyond those is
    refused.

    Raises
    ------
    UnreadableError
        If it is no JSON, nested deeper, or a number is too long.
    """
    try:
        plain = text if isinstance(text, str) else text.decode("utf-8-sig")
        _check_depth(plain, _JSON_PIECES, where)
        return json.loads(plain, parse_int=_whole_number)
    except (ValueError, RecursionError, OverflowError, MemoryError) as error:
        raise UnreadableError(where, f"it is not JSON ({_why(error)})") from None


def _whole_number(digits: str) -> int | float:
    if len(digits) > 400:
        raise ValueError(f"a number has {len(digits):,} digits")
    value = int(digits)
    if -_LONGEST <= value < _LONGEST:
        return value
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"a number has {len(digits):,} digits") from None


def read_toml(path: str | Path, limit: int = SMALL) -> dict[str, Any]:
    """Read a TOML file; see `parse_toml`."""
    return parse_toml(read_text(path, limit), path)


def parse_toml(text: str, where: str | Path) -> dict[str, Any]:
    """Parse TOML of at most `DEPTH` levels, whose whole numbers have at most 64 bits.

    Raises
    ------
    UnreadableError
        If it is no TOML, nested deeper, or a number is too large.
    """
    _check_depth(text, _TOML_PIECES, where)
    if _TOO_LONG_FOR_TOML.search(text):
        raise UnreadableError(where, "it holds a number or a dotted key too long for TOML")
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError, OverflowError, MemoryError) as error:
        raise UnreadableError(where, f"it is not TOML ({_why(error)})") from None
    waiting: list[tuple[object, int]] = [(values, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > DEPTH:
            raise UnreadableError(where, f"it is nested more than {DEPTH} levels deep")
        if isinstance(value, int) and not -_LONGEST <= value < _LONGEST:
            raise UnreadableError(where, f"a number has {len(str(value))} digits, beyond 64 bits")
        if isinstance(value, Mapping):
            waiting += [(one, depth + 1) for one in value.values()]
        elif isinstance(value, list):
            waiting += [(one, depth + 1) for one in value]
    return values


def parse_yaml(text: str, where: str | Path) -> Any:
    """Parse YAML of at most `DEPTH` levels into lists, mappings and texts, nothing else.

    Raises
    ------
    UnreadableError
        If it is no YAML, nested deeper, or names a node again (aliases may multiply without bound).
    """
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    depth = 0
    try:
        for event in yaml.parse(text, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent):
                raise UnreadableError(where, "it has an alias, which is not followed")
            if depth > DEPTH:
                raise UnreadableError(where, f"it is nested more than {DEPTH} levels deep")
        return yaml.load(text, Loader=loader)  # noqa: S506 - a base loader makes texts only
    except (yaml.YAMLError, ValueError, RecursionError, MemoryError) as error:
        raise UnreadableError(where, f"it is not YAML ({_first_line(error)})") from None


def _check_depth(text: str, pieces: re.Pattern[str], where: str | Path) -> None:
    if text.count("[") + text.count("{") <= DEPTH:
        return
    depth = 0
    for match in pieces.finditer(text):
        first = match.group()[0]
        depth += (first in "[{") - (first in "]}")
        if depth > DEPTH:
            raise UnreadableError(where, f"it is nested more than {DEPTH} levels deep")


def parse_rows(
    text: str, where: str | Path, delimiter: str = ",", *, strict: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Parse a table of cells; yield each row with the number of its last line.

    Raises
    ------
    UnreadableError
        If its quotes do not pair up (`strict`), or a cell is too long.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise UnreadableError(
            where, f"line {reader.line_num}: not a table of cells ({error})"
        ) from None


@dataclass(frozen=True)
class Table:
    """A table with a header.

    Attributes
    ----------
    columns : tuple of str
    rows : list of (int, dict)
        The number of the row's last line, and its cells by column; None where it is shorter.
    """

    columns: tuple[str, ...]
    rows: list[tuple[int, dict[str, str | None]]]


def read_table(path: str | Path, delimiter: str = ",", limit: int = LARGE) -> Table:
    """Read a table whose first row says what its columns are; empty rows and cells beyond go.

    Raises
    ------
    UnreadableError
        As `read_text` and `parse_rows`.
    """
    lines = parse_rows(read_text(path, limit), path, delimiter)
    filled = ((number, row) for number, row in lines if row)
    _, head = next(filled, (0, []))
    columns = tuple(head)
    rows = [
        (number, {title: row[at] if at < len(row) else None for at, title in enumerate(columns)})
        for number, row in filled
    ]
    return Table(columns, rows)


def read_array(path: str | Path, limit: int = LARGE) -> np.ndarray:
    """Read a .npy file, or a .npz file with one array in it; a pickle is never loaded.

    Raises
    ------
    UnreadableError
        If it is neither, holds objects, or is shorter or longer than its header says.
    """
    data = read_bytes(path, limit)
    if not data.startswith(b"PK\x03\x04"):
        return _parse_npy(data, path)
    found = _parse_npz(data, path, limit)
    if len(found) != 1:
        named = ", ".join(name[:40] for name in list(found)[:5]) or "none"
        raise UnreadableError(
            path, f"a .npz file must hold one array; it holds {len(found)} ({named})"
        )
    return next(iter(found.values()))


def read_arrays(path: str | Path, limit: int | None = LARGE) -> dict[str, np.ndarray]:
    """Read the arrays of a .npz file by their names; a pickle is never loaded.

    Parameters
    ----------
    path : str or Path
    limit : int or None
        Bytes that they may unpack to. None for a file in which nothing is compressed, whatever
        its size: they may not unpack to more bytes than it has.

    Raises
    ------
    UnreadableError
        If it is none, an array holds objects, or they unpack to more than `limit` bytes.
    """
    if limit is None:
        # Of the bytes that were read: another process may replace the file at any moment.
        data = read_bytes(path, sys.maxsize)
        return _parse_npz(data, path, len(data))
    return _parse_npz(read_bytes(path, limit), path, limit)


def _parse_npz(data: bytes, where: str | Path, limit: int) -> dict[str, np.ndarray]:
    import zipfile
    import zlib

    found = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                with archive.open(name) as stream:  # the size that a zip declares may lie
                    content = stream.read(limit + 1)
                limit -= len(content)
                if limit < 0:
                    raise UnreadableError(where, "it unpacks to more bytes than are read")
                found[name.removesuffix(".npy")] = _parse_npy(content, where)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, KeyError,
            RuntimeError, NotImplementedError) as error:  # fmt: skip
        raise UnreadableError(where, f"it is a damaged archive ({_why(error)})") from None
    return found


@dataclass(frozen=True)
class ArrayFacts:
    """What the header of a .npy file says.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
        Of numbers; never of objects.
    is_fortran : bool
    offset : int
        Bytes of the header.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_fortran: bool
    offset: int


def array_facts(path: str | Path) -> ArrayFacts:
    """Read the header of a .npy file and hold it against the file's length.

    Raises
    ------
    UnreadableError
        As `read_array`.
    """
    with open_regular(path) as stream:
        return _npy_facts(stream, os.fstat(stream.fileno()).st_size, path)


def array_blocks(path: str | Path, n_rows: int) -> Iterator[np.ndarray]:
    """Read a .npy file some rows at a time, so that memory does not grow with it.

    Raises
    ------
    UnreadableError
        As `read_array`, and if it is in Fortran order, in which no row lies in one piece.
    """
    import numpy as np

    with open_regular(path) as stream:
        facts = _npy_facts(stream, os.fstat(stream.fileno()).st_size, path)
        if facts.is_fortran and len(facts.shape) > 1:
            raise UnreadableError(
                path, "it is in Fortran order; save it with numpy.ascontiguousarray"
            )
        width = math.prod(facts.shape[1:])
        stream.seek(facts.offset)
        for start in range(0, facts.shape[0], n_rows):
            n = min(n_rows, facts.shape[0] - start)
            data = stream.read(n * width * facts.dtype.itemsize)
            if len(data) != n * width * facts.dtype.itemsize:
                raise UnreadableError(path, f"it ends in row {start + n:,}")
            yield np.frombuffer(data, facts.dtype).reshape(n, *facts.shape[1:])


def _parse_npy(data: bytes, where: str | Path) -> np.ndarray:
    import numpy as np

    facts = _npy_facts(io.BytesIO(data), len(data), where)
    flat = np.frombuffer(data, facts.dtype, offset=facts.offset)
    return flat.reshape(facts.shape, order="F" if facts.is_fortran else "C")


def _npy_facts(stream: IO[bytes], n_bytes: int, where: str | Path) -> ArrayFacts:
    from numpy.lib import format as npy

    is_pickle = stream.read(1) == b"\x80"  # as every pickle since protocol 2 begins
    if is_pickle:
        raise UnreadableError(where, "it is a pickle, which is never loaded")
    stream.seek(0)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    try:
        version = npy.read_magic(stream)
        if version not in readers:
            raise ValueError(f"its format {version[0]}.{version[1]} is not one for numbers")
        shape, is_fortran, dtype = readers[version](stream)
    except (
        ValueError, SyntaxError, TypeError, EOFError, MemoryError, RecursionError,
        tokenize.TokenError,
    ) as error:  # fmt: skip
        raise UnreadableError(where, f"it is no .npy array ({_first_line(error)})") from None
    if dtype.hasobject:
        raise UnreadableError(where, "it holds a pickle, which is never loaded")
    told, left = math.prod(shape) * dtype.itemsize, n_bytes - stream.tell()
    if told != left or not dtype.itemsize:
        raise UnreadableError(
            where, f"its header says {shape} {dtype}, {told:,} bytes, and {left:,} follow"
        )
    return ArrayFacts(shape, dtype, is_fortran, stream.tell())


def _first_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
