"""Open an index file: compared with its checksum before FAISS, which damage may crash, reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from namebasis.index import files
from namebasis.index.facts import DamagedIndexError, n_lists, read_facts
from namebasis.index.files import OpenFile, Said, faiss_module


def open_index(path: Path, whole: bool, said: Said) -> tuple[Any, dict[str, Any], OpenFile | None]:
    """Open a saved index; see `VectorIndex.load`.

    Returns
    -------
    index : faiss.Index
    facts : dict
    file : OpenFile or None
        That the index is mapped from, if it is.

    Raises
    ------
    DamagedIndexError
        If a file is missing, damaged, or does not fit the other.
    """
    facts = read_facts(path)
    try:
        file = OpenFile(path)
        is_mapped = file.size > files.MAPPED_BYTES
        index = _map(file, facts, whole, said) if is_mapped else _read(file, facts)
    except FileNotFoundError:
        raise DamagedIndexError(f"{path}: missing.") from None
    except (OSError, RuntimeError, MemoryError) as error:
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise DamagedIndexError(f"{path}: not a readable index ({reason}).") from None
    if (index.ntotal, index.d) != (facts["rows"], facts["dim"]):
        raise DamagedIndexError(f"{path}: holds {index.ntotal} x {index.d}, not what it says.")
    if not _is_of(index, facts["factory"]):
        raise DamagedIndexError(f"{path}: not the {facts['factory']} that it says.")
    return index, facts, file if is_mapped else None


def _map(file: OpenFile, facts: Mapping[str, Any], whole: bool, said: Said) -> Any:
    problem = file.find_damage(facts["stamp"], whole=whole, said=said)
    if problem:
        raise DamagedIndexError(f"{file.path}: {problem}.")
    return files.read_index(file, facts["factory"] == "Flat")


def _read(file: OpenFile, facts: Mapping[str, Any]) -> Any:
    # What FAISS gets is compared, not the file: that may be written to meanwhile.
    content = file.read()
    problem = files.find_damage_in(content, facts["stamp"])
    if problem:
        raise DamagedIndexError(f"{file.path}: {problem}.")
    return files.parse_index(content)


def _is_of(index: Any, factory: str) -> bool:
    """Whether an index is of the kind that searches here expect."""
    faiss = faiss_module()
    lists = n_lists(factory)
    if index.metric_type != faiss.METRIC_INNER_PRODUCT or not index.is_trained:
        return False
    if not lists:
        return isinstance(index, faiss.IndexFlat)
    kind = {"Flat": "IndexIVFFlat", "SQ8": "IndexIVFScalarQuantizer"}.get(
        factory.partition(",")[2], "IndexIVFPQ"
    )
    return (
        isinstance(index, getattr(faiss, kind))
        and index.nlist == lists
        and (index.quantizer.ntotal, index.quantizer.d) == (lists, index.d)
        and index.invlists.compute_ntotal() == index.ntotal
    )
