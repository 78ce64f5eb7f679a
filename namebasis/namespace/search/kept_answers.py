"""Answers that took long, kept beside a space's indices; the oldest go where there are many."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from namebasis._version import __version__
from namebasis.namespace.search.cache_files import making, write_arrays
from namebasis.namespace.search.caches import holds_newest
from namebasis.namespace.store.dataset import INDICES, OF_PICTURES
from namebasis.namespace.store.view_ids import view_id
from namebasis.reading import UnreadableError, parse_json, read_arrays

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

MOST = 100
"""Answers of one kind that a space keeps."""
MAX_BYTES = 2**26
"""Of one kind; a cache that would grow beyond this lets go of its oldest answers."""

Kept = dict[str, npt.NDArray[np.uint8]]


class Answer(NamedTuple):
    """What was kept, and the day on which it was found, as an ISO date in UTC."""

    data: bytes
    when: str


def find_answer(space: StoredSpace, kind: str, question: object) -> Answer | None:
    """What is kept as the answer to a question; None where there is nothing, or it is damaged.

    Parameters
    ----------
    space : Space
        An answer belongs to the version of the rows that it was found with, and to the version of
        this package.
    kind : str
        Of answers: the name of their file.
    question : object
        All else that the answer depends on, as JSON has it.
    """
    key = _key(space, question)
    kept = space._answers.get(kind, {}) | _read(_path(space, kind))
    entry = kept.get(_name(key))
    if entry is None:
        return None
    head, _, data = entry.tobytes().partition(b"\n")
    try:
        told = parse_json(head, "kept answer")
        is_it = told["key"] == key
        return Answer(data, str(told["when"])) if is_it else None
    except (UnreadableError, KeyError, TypeError):
        return None  # a cache that is damaged costs time alone


def keep_answer(space: StoredSpace, kind: str, question: object, data: bytes) -> None:
    """Keep an answer; in memory where the space cannot be written to, or is not the newest."""
    key = _key(space, question)
    when = datetime.now(UTC).date().isoformat()
    head = json.dumps({"key": key, "when": when}).encode()
    fresh = {_name(key): np.frombuffer(head + b"\n" + data, np.uint8)}
    path = _path(space, kind)
    with making(path) as may_write:
        may_write = may_write and holds_newest(space._store, "text", space.provenance.build_id)
        if may_write and write_arrays(path, **_newest(_read(path), fresh)):
            return
    space._answers[kind] = _newest(space._answers.get(kind, {}), fresh)


def _newest(kept: Kept, fresh: Kept) -> Kept:
    """As many of these as may be kept, the oldest first."""
    every = {name: entry for name, entry in kept.items() if name not in fresh} | fresh
    names = list(every)[-MOST:]
    while len(names) > 1 and sum(every[name].nbytes for name in names) > MAX_BYTES:
        del names[0]
    return {name: every[name] for name in names}


def _path(space: StoredSpace, kind: str) -> Path:
    place: Path = space._store.place
    return place / INDICES / f"{kind}.npz"


def _key(space: StoredSpace, question: object) -> str:
    """What an answer was made of: the very rows and columns of the space, and the question."""
    store, provenance = space._store, space.provenance
    views = {view: view_id(store.schema, view, provenance.build_id) for view in store.views}
    for view in re.findall(rf'"({OF_PICTURES}[^"]+)"', json.dumps(question)):
        made = store.made(view)
        views |= {} if made is None else {view: made.made_of}
    made_of = [provenance.build_id, store.version, store.n_rows, views]
    return json.dumps([__version__, provenance.fingerprint, made_of, question], sort_keys=True)


def _name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _read(path: Path) -> Kept:
    """What is kept, the oldest first; nothing where the file is damaged."""
    try:
        saved = read_arrays(path, 2 * MAX_BYTES)
    except UnreadableError:
        return {}
    return {
        name: entry for name, entry in saved.items() if entry.dtype == np.uint8 and entry.ndim == 1
    }
