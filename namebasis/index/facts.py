"""The facts beside an index: what it holds and how it is searched, with a checksum of their own."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from namebasis import reading
from namebasis.atomic import replacing_cache
from namebasis.errors import SpaceError
from namebasis.index.files import WRONG

MAX_BYTES = 1 << 20
MOST_REFINED = 100
"""Candidates of a compressed index, for each row that is asked for, of which the best are taken."""
_KEYS = {"rows", "dim", "factory", "parameters", "recall_at_10", "extra", "stamp"}
_CHECK = "check"
_STAMP = {"size", "mtime_ns", "crc32", "sample_crc32"}
_HEAD = {"head", "head_crc32"}
_IVF = re.compile(r"IVF([1-9][0-9]{0,6}),(Flat|SQ8|PQ[1-9][0-9]{0,4})")


class DamagedIndexError(SpaceError):
    """An index file is missing, damaged or not the one its facts describe."""


def facts_path(path: Path) -> Path:
    """Where the facts of an index lie."""
    return path.with_suffix(".json")


def n_lists(factory: str) -> int:
    """Inverted lists of a factory string; 0 for a flat index."""
    found = _IVF.fullmatch(factory)
    return int(found[1]) if found else 0


def is_compressed(factory: str) -> bool:
    """Whether an index holds codes, by which rows are found, and not the rows."""
    return not factory.endswith("Flat")


def write_facts(path: Path, facts: Mapping[str, Any]) -> None:
    """Write the facts of the index at `path` in one step."""
    with replacing_cache(facts_path(path)) as partial:
        partial.write_text(_text(facts), encoding="utf-8", newline="")


def _text(facts: Mapping[str, Any]) -> str:
    """The only way to write these facts: with a checksum of all the others last."""
    check = zlib.crc32(json.dumps(facts, sort_keys=True).encode())
    return json.dumps({**facts, _CHECK: check}, indent=1)


def read_facts(path: Path) -> dict[str, Any]:
    """Read the facts beside an index without touching the index.

    Raises
    ------
    DamagedIndexError
        If the file is missing or damaged, or says what no index is like.
    """
    beside = facts_path(path)
    try:
        text = reading.read_text(beside, MAX_BYTES)
        facts = reading.parse_json(text, beside)
    except reading.UnreadableError as error:
        if error.is_missing:
            raise DamagedIndexError(f"{beside}: missing.") from None
        raise DamagedIndexError(f"{beside}: not readable ({error.reason}).") from None
    if not isinstance(facts, dict) or facts.keys() - {_CHECK} != _KEYS:
        raise DamagedIndexError(f"{beside}: not the facts of an index.")
    # Facts of earlier versions have no checksum; what they say is looked at all the same.
    checked = _CHECK in facts
    facts.pop(_CHECK, None)
    if checked and text != _text(facts):
        raise DamagedIndexError(f"{beside}: {WRONG}.")
    problem = _problem(facts)
    if problem:
        raise DamagedIndexError(f"{beside}: not the facts of an index ({problem}).")
    return facts


def _problem(facts: Mapping[str, Any]) -> str | None:
    """What cannot be true of any index."""
    if not (_is_count(facts["rows"]) and _is_count(facts["dim"])):
        return "rows, dim"
    factory, recall = facts["factory"], facts["recall_at_10"]
    if not isinstance(factory, str) or not (factory == "Flat" or n_lists(factory)):
        return "factory"
    if recall is not None and not (type(recall) in (int, float) and 0 <= recall <= 1):
        return "recall_at_10"
    if not isinstance(facts["extra"], dict):
        return "extra"
    stamp = facts["stamp"]
    is_stamp = isinstance(stamp, dict) and stamp.keys() - _HEAD == _STAMP
    if not is_stamp or not all(type(value) is int for value in stamp.values()):
        return "stamp"
    if len(stamp.keys() & _HEAD) == 1 or stamp.get("head", 0) < 0:
        return "stamp"
    return None if _are_parameters(facts["parameters"], factory) else "parameters"


def _are_parameters(parameters: Any, factory: str) -> bool:
    if not isinstance(parameters, dict):
        return False
    lists = n_lists(factory)
    if not lists:
        return not parameters
    keys = {"nlist", "train_rows", "seed", "nprobe"}
    return (
        parameters.keys() == (keys | {"refine"} if is_compressed(factory) else keys)
        and all(type(value) is int for value in parameters.values())
        and parameters["nlist"] == lists
        and 1 <= parameters["nprobe"] <= lists
        and 1 <= parameters.get("refine", 1) <= MOST_REFINED
    )


def _is_count(value: object) -> bool:
    return type(value) is int and 1 <= value < 2**40
