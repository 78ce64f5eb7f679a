"""Bytes of a file or of stdin, bounded, and as text: what every reader of names starts with."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import sys
import zlib
from pathlib import Path

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.files.encodings import encoding_of
from namebasis.reading import LARGE, UnreadableError, check_regular, read_bytes

MAX_BYTES = LARGE
_BOMS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def check_file(path: Path) -> Path:
    """Return `path`.

    Raises
    ------
    CorpusError
        If it is missing, no regular file, or holds more than `MAX_BYTES`.
    """
    try:
        check_regular(path, MAX_BYTES)
    except UnreadableError as error:
        raise _refusal(path, error) from None
    return path


def _refusal(path: Path, error: UnreadableError) -> CorpusError:
    if "at most" in error.reason:
        return CorpusError(f"{path}: {error.reason}. Split it up.")
    if "not a file" in error.reason:
        return CorpusError(f"{path} is not a file: {error.reason}. Name one file of names.")
    return CorpusError(f"{path} cannot be read: {error.reason}. Check the path.")


def read_text(path: Path, notes: list[str] | None = None) -> str:
    """Return the text of a file, unpacked by its ending ``.gz``, without byte order marks.

    Parameters
    ----------
    path : Path
        UTF-8, as `decode` says.
    notes : list of str, optional
        Gets a line where another encoding was taken; without it none is.

    Raises
    ------
    CorpusError
        If it cannot be read, is too large, not UTF-8, or holds NUL bytes.
    """
    try:
        data = read_bytes(path, MAX_BYTES)
    except UnreadableError as error:
        raise _refusal(path, error) from None
    data = _unpacked(data, path) if path.suffix.lower() == ".gz" else data
    return decode(data, str(path), notes)


def _unpacked(data: bytes, path: Path) -> bytes:
    try:
        # The size that is written in the file may lie; reading one byte too many does not.
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            whole: bytes = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise CorpusError(f"{path} is damaged or not gzip ({error}). Fetch it again.") from error
    if len(whole) > MAX_BYTES:
        raise CorpusError(f"{path} unpacks to more than {MAX_BYTES:,} bytes. Split it up.")
    return whole


def read_stdin(notes: list[str] | None = None) -> str:
    """Return what stands on stdin, as `read_text` does for a file."""
    if sys.stdin is None:
        raise CorpusError("stdin is closed, and - reads it. Name a file, or pipe the names in.")
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise CorpusError(f"stdin gives more than {MAX_BYTES:,} bytes. Split it up.")
    return decode(data, "stdin", notes)


def decode(data: bytes, where: str, notes: list[str] | None = None) -> str:
    """Return UTF-8 bytes as text, or UTF-16 and UTF-32 ones that begin with a byte order mark.

    Byte order marks at the beginning of the text and of any line of it are left out. Where there
    are `notes`, bytes of an older encoding are read too if it is sure which one they are in
    (`encodings.encoding_of`), and it is noted.

    Raises
    ------
    CorpusError
        If the bytes are not UTF-8 (with the offset and the likely encoding) or hold a NUL.
    """
    marked = next((name for mark, name in _BOMS.items() if data.startswith(mark)), None)
    nul = data.find(b"\0")
    if nul >= 0 and marked is None:
        raise CorpusError(
            f"{where} holds a NUL byte at offset {nul}: it is binary, damaged or UTF-16. "
            "Give a UTF-8 text."
        )
    if marked:
        try:
            return _without_marks(data.decode(marked))
        except UnicodeDecodeError as error:
            raise CorpusError(
                f"{where} begins as {marked} but is damaged at byte {error.start}. Fetch it again."
            ) from error
    try:
        return _without_marks(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        # utf-8-sig counts from behind its mark.
        shift = 3 if data.startswith(codecs.BOM_UTF8) else 0
        offset = error.start + shift
        encoding = encoding_of(data) if notes is not None and not shift else None
        if notes is not None and encoding:
            text = data.decode(encoding)
            words = re.findall(r"[^\W\d_]*[^\x00-\x7f\W\d_][^\W\d_]*", text)
            shown = ", ".join(list(dict.fromkeys(words))[:3])
            notes.append(
                f"read as {encoding}, since it is not UTF-8 and names are right so: {shown}"
            )
            return text
        guess = _guess(data)
        raise CorpusError(
            f"{where} is not UTF-8: byte 0x{data[offset]:02x} at offset {offset}; it may be "
            f"{guess}, which its names do not tell for sure. Convert it from the encoding that it "
            f"is in, for instance: iconv -f {guess} -t UTF-8"
        ) from error


def _without_marks(text: str) -> str:
    # `cat a.txt b.txt` leaves a mark in the middle.
    return text.lstrip("\ufeff").replace("\n\ufeff", "\n") if "\ufeff" in text else text


def _guess(data: bytes) -> str:
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return "ISO-8859-1"
    return "WINDOWS-1252"
