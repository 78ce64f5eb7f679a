"""Memory that the engine's threads leave behind."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of glibc's mallopt
_SMALL, _LARGE = 2**20, 2**25
"""Bytes from which a block is given back at once: here, and as glibc has it in a process that has
freed large blocks for long, its DEFAULT_MMAP_THRESHOLD_MAX."""


@contextmanager
def large_blocks_given_back() -> Iterator[None]:
    """Have glibc give large blocks back to the system as soon as they are freed.

    It raises the size from which it does so to that of the largest block that was ever freed, up
    to 32 MB. From then on the megabytes that the engine's threads take in turns stay with each of
    them, so that the process grows with what is written. With another C library nothing is done.
    """
    if not _set(_SMALL):
        yield
        return
    try:
        yield
    finally:
        _set(_LARGE)


def _set(size: int) -> bool:
    """Whether there is a glibc that could be told."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(_MMAP_THRESHOLD, size)) and bool(mallopt(_TRIM_THRESHOLD, 2 * size))
