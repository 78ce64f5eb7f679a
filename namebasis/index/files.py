"""Index files: written under a name of their own, held open while used, their damage noticed."""

from __future__ import annotations

import errno
import os
import stat
import weakref
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

PAGE = 4096
N_SAMPLES = 64
MAPPED_BYTES = 1 << 28
"""Larger files are mapped, and compared by samples; others are compared and read whole."""
WRONG = "its checksum is not the one written with it"
_BLOCK = 1 << 22

Said = Callable[[float], None]
"""Told how much of a long step is done, in [0, 1]."""


def tell_nobody(share: float) -> None:
    """Do without progress."""


def faiss_module() -> Any:
    """FAISS, loaded on first use; its own stubs describe another interface than it has."""
    import faiss

    return faiss


def write_index(index: Any, path: Path) -> None:
    """Write a FAISS index to a file.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    faiss = faiss_module()
    with open(path, "wb") as file:  # FAISS itself opens no path that is not UTF-8
        try:
            faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))
        except RuntimeError as error:
            raise OSError(errno.EIO, " ".join(str(error).split()), str(path)) from None


class OpenFile:
    """A file held open: what was compared is what is read, whoever takes its name meanwhile.

    Raises
    ------
    OSError
        If it cannot be opened, or is no plain file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        self._file = os.open(path, flags)  # a FIFO must not be waited for
        weakref.finalize(self, os.close, self._file)
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            raise OSError(errno.EINVAL, "not a plain file", str(path))
        self.state = self._state()

    def _state(self) -> tuple[int, int, int]:
        now = os.fstat(self._file)
        return now.st_size, now.st_mtime_ns, now.st_ctime_ns

    @property
    def size(self) -> int:
        """Bytes."""
        return os.fstat(self._file).st_size

    @property
    def name(self) -> str:
        """By which a library opens this very file, also where another has its name now."""
        own = f"/proc/self/fd/{self._file}"
        return own if os.path.exists(own) else str(self.path)

    def read(self, start: int = 0, size: int | None = None) -> bytes:
        """Some bytes; all from `start` on by default."""
        left = self.size - start if size is None else size
        with open(self._file, "rb", closefd=False) as file:
            file.seek(start)
            return file.read(left)

    def stamp(self, head: int) -> dict[str, int]:
        """Size, time and checksums, to be compared by `find_damage`.

        Parameters
        ----------
        head : int
            Bytes before the rows: a library that reads damaged ones may crash.
        """
        return {
            "size": self.size,
            "mtime_ns": self.state[1],
            "crc32": self._crc(self.size),
            "head": head,
            "head_crc32": self._crc(head),
            "sample_crc32": self._sample_crc(),
        }

    def find_damage(
        self, expected: Mapping[str, int], *, whole: bool = False, said: Said = tell_nobody
    ) -> str | None:
        """Say what is wrong with the file, or None.

        A file whose time is as written is compared by its head and `N_SAMPLES` pages spread over
        it, which touches little of it; any other is read whole, and all are if `whole`. `said` is
        told how much of one that is read whole is done, in [0, 1].
        """
        if self.size != expected["size"]:
            return _wrong_size(self.size, expected["size"])
        if not whole and "head" in expected and self.state[1] == expected["mtime_ns"]:
            is_same = (
                self._crc(min(expected["head"], self.size)) == expected["head_crc32"]
                and self._sample_crc() == expected["sample_crc32"]
            )
        else:
            is_same = self._crc(self.size, said) == expected["crc32"]
        return None if is_same else WRONG

    def find_change(self, expected: Mapping[str, int]) -> str | None:
        """Say what is wrong with the file if anything about it changed since it was opened.

        Another file taking its name changes a time of it, which is no damage: it is read once.
        """
        now = self._state()
        if now == self.state:
            return None
        problem = self.find_damage(expected, whole=True)
        if problem is None:
            self.state = now
        return problem

    def _crc(self, size: int, said: Said = tell_nobody) -> int:
        crc, done = 0, 0
        while done < size:
            block = self.read(done, min(_BLOCK, size - done))
            if not block:
                break
            crc = zlib.crc32(block, crc)
            done += len(block)
            said(done / size)
        return crc

    def _sample_crc(self) -> int:
        crc = 0
        for start in np.linspace(0, max(0, self.size - PAGE), N_SAMPLES).astype(np.int64):
            crc = zlib.crc32(self.read(int(start), PAGE), crc)
        return crc


def find_damage_in(content: bytes, expected: Mapping[str, int]) -> str | None:
    """Say what is wrong with the whole content of a file, or None."""
    if len(content) != expected["size"]:
        return _wrong_size(len(content), expected["size"])
    return None if zlib.crc32(content) == expected["crc32"] else WRONG


def _wrong_size(size: int, expected: int) -> str:
    return f"holds {size:,} bytes, not the {expected:,} written"


def read_index(file: OpenFile, is_flat: bool) -> Any:
    """Map a FAISS index; vectors are read when a search touches them.

    Raises
    ------
    RuntimeError
        If it is none.
    """
    faiss = faiss_module()
    # Two ways of mapping: one for plain codes, one for inverted lists.
    flag = faiss.IO_FLAG_MMAP_IFC if is_flat else faiss.IO_FLAG_MMAP
    index = faiss.read_index(file.name, flag | faiss.IO_FLAG_READ_ONLY)
    if not is_flat:
        # By default 32 threads first touch every page of all lists that are probed, which with a
        # filter costs many times what the rows that pass do, and without one as much again.
        faiss.downcast_InvertedLists(index.invlists).prefetch_nthread = 0
    return index


def parse_index(content: bytes) -> Any:
    """Make a FAISS index of the content of a file.

    Raises
    ------
    RuntimeError
        If it is none.
    """
    return faiss_module().deserialize_index(np.frombuffer(content, np.uint8))
