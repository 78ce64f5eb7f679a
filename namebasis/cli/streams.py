"""The three streams of a process, whatever state it was started with."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO


def prepare() -> None:
    """Make the streams fit to be used: closed ones stand in their places, none refuses a letter.

    A file that is opened while descriptor 1 or 2 is free would take its number, and what is printed
    would end up in that file. So a closed stdout becomes one that cannot be written to, whose error
    is reported, and a closed stderr one that swallows; a closed stdin stays None.

    Letters that the encoding of a stream lacks are written as escapes, such as ``\\u0142``.
    """
    for number, flags in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        _occupy(number, flags)
    if sys.stdout is None:
        sys.stdout = _text_stream(1)
    if sys.stderr is None:
        sys.stderr = _text_stream(2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors != "backslashreplace":
            stream.reconfigure(errors="backslashreplace")


def _occupy(number: int, flags: int) -> None:
    """Open the null device under a descriptor that is closed."""
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, flags)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)


def _text_stream(number: int) -> TextIO:
    binary = io.FileIO(number, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(binary), "utf-8", errors="backslashreplace")


def finish() -> None:
    """Write out what stdout still holds, while an error can be reported.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    if sys.stdout is not None and not sys.stdout.closed:
        sys.stdout.flush()


def abandon() -> None:
    """Let go of what stdout still holds: nobody can read it, and the exit must not try again."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError, AttributeError):  # one in memory
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


def holds_all_letters(stream: TextIO) -> bool:
    """Whether a stream's encoding is one of Unicode."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf")
