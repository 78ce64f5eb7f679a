"""Index files: written in one step, mapped when read, and their damage noticed."""

from __future__ import annotations

import os
import shutil
import zlib
from pathlib import Path
from typing import Any

import numpy as np

PAGE = 4096
N_SAMPLES = 64
_BLOCK = 1 << 22


def faiss_module() -> Any:
    """FAISS, loaded on first use; its own stubs describe another interface than it has."""
    import faiss

    return faiss


def write_index(index: Any, path: Path) -> None:
    """Write a FAISS index so that `path` is never half written."""
    faiss = faiss_module()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    faiss.write_index(index, str(partial))
    os.replace(partial, path)


def read_index(path: Path, is_flat: bool) -> Any:
    """Map a FAISS index; vectors are read when a search touches them."""
    faiss = faiss_module()
    # Two ways of mapping: one for plain codes, one for inverted lists.
    flag = faiss.IO_FLAG_MMAP_IFC if is_flat else faiss.IO_FLAG_MMAP
    return faiss.read_index(str(path), flag | faiss.IO_FLAG_READ_ONLY)


def write_text(path: Path, text: str) -> None:
    """Write a small text file so that it is never half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def copy_file(source: Path, path: Path) -> None:
    """Copy a file so that `path` is never half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    shutil.copyfile(source, partial)
    os.replace(partial, path)


def stamp(path: Path) -> dict[str, int]:
    """Size, time and checksums of a file, to be compared by `find_damage`."""
    status = path.stat()
    return {
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "crc32": _whole_crc(path),
        "sample_crc32": _sample_crc(path, status.st_size),
    }


def find_damage(path: Path, expected: dict[str, int]) -> str | None:
    """Say what is wrong with a file, or None.

    A file whose size and time are as written is compared by `N_SAMPLES` pages spread over it,
    which touches little of it; any other is read whole.
    """
    try:
        status = path.stat()
    except OSError:
        return "missing"
    if status.st_size != expected.get("size"):
        return f"holds {status.st_size:,} bytes, not the {expected.get('size')} written"
    if status.st_mtime_ns == expected.get("mtime_ns"):
        is_whole = _sample_crc(path, status.st_size) == expected.get("sample_crc32")
    else:
        is_whole = _whole_crc(path) == expected.get("crc32")
    return None if is_whole else "its checksum is not the one written with it"


def _whole_crc(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            crc = zlib.crc32(block, crc)
    return crc


def _sample_crc(path: Path, size: int) -> int:
    crc = 0
    with path.open("rb") as file:
        for start in np.linspace(0, max(0, size - PAGE), N_SAMPLES).astype(np.int64):
            file.seek(int(start))
            crc = zlib.crc32(file.read(PAGE), crc)
    return crc
