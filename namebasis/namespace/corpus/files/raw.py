"""Bytes of a file or of stdin, bounded, and as text: what every reader of names starts with."""

from __future__ import annotations

import codecs
import functools
import gzip
import io
import re
import sys
import unicodedata
import zlib
from collections.abc import Mapping
from pathlib import Path

from namebasis.errors import CorpusError
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
            words = [one for one in re.findall(r"[^\W\d_]+", text) if not one.isascii()]
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


# Of the text of Western Europe, Central Europe and so on; one for each way to read the bytes.
_CANDIDATES = (
    "cp1252", "cp1250", "iso8859-2", "cp1254", "cp1257", "cp1251", "koi8-r", "cp1253", "cp1255",
    "cp1256", "mac-roman", "cp850", "cp932", "euc-jp", "gb18030", "big5", "cp949",
)  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_IDEOGRAPHS = re.compile(r"[㐀-鿿가-힯]+")
_MAX_WORDS = 20_000
_ENOUGH = 3


def encoding_of(data: bytes) -> str | None:
    """Return the encoding of a text of names that is not UTF-8, if it is sure.

    Letter statistics, as detectors of encodings use them, say little of lists of names, which are
    short, rare and in capitals. So every candidate's words are looked up among the names that
    Faker knows in 85 locales. An encoding is taken where at least three words with a letter
    beyond ASCII (or half of them) are known names, and where of the words that another encoding
    reads otherwise, at least twice as many are known.

    Parameters
    ----------
    data : bytes

    Returns
    -------
    str or None
        A codec's name; None where no encoding, or more than one, fits.
    """
    known = _known_names()
    read = {name: words for name in _CANDIDATES if (words := _words(data, name)) is not None}
    hits = {name: [_is_known(word, known) for word in words] for name, words in read.items()}
    if not hits:
        return None
    best = max(hits, key=lambda name: sum(hits[name]))
    n_hits = sum(hits[best])
    if n_hits < _ENOUGH and (not n_hits or 2 * n_hits < len(read[best])):
        return None
    rivals = (name for name in read if name != best)
    return best if all(_is_surer(read, hits, best, rival) for rival in rivals) else None


def _is_surer(
    read: Mapping[str, list[str]], hits: Mapping[str, list[bool]], best: str, rival: str
) -> bool:
    """Whether the words that two encodings read differently speak for the first."""
    if len(read[best]) != len(read[rival]):
        return sum(hits[best]) >= 2 * sum(hits[rival])
    differing = [at for at, word in enumerate(read[best]) if word != read[rival][at]]
    ours = sum(hits[best][at] for at in differing)
    return not differing or (ours > 0 and ours >= 2 * sum(hits[rival][at] for at in differing))


def _words(data: bytes, encoding: str) -> list[str] | None:
    """Words with a letter beyond ASCII; None where the bytes are no text of the encoding."""
    try:
        # All of it: a byte that an encoding has not may stand anywhere.
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    if any(unicodedata.category(character) == "Cc" for character in {*text} - {*"\t\n\r\f\v"}):
        return None
    words = (word.casefold() for word in _WORD.findall(text) if not word.isascii())
    return [word for word, _ in zip(dict.fromkeys(words), range(_MAX_WORDS), strict=False)]


def _is_known(word: str, known: frozenset[str]) -> bool:
    if word in known:
        return True
    # Chinese, Japanese and Korean full names are written without a space.
    return bool(_IDEOGRAPHS.fullmatch(word)) and any(
        word[:at] in known and word[at:] in known for at in range(1, len(word))
    )


@functools.cache
def _known_names() -> frozenset[str]:
    from namebasis.namespace.corpus.faker_source import read_faker

    names = read_faker("").strings
    return frozenset(name.casefold() for name in names if not name.isascii())
