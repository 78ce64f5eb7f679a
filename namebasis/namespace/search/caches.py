"""Indices beside the rows: made on demand of the very vectors, rebuilt where damaged."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from namebasis.checks import FloatArray
from namebasis.errors import NamebasisWarning, SpaceError
from namebasis.index.facts import DamagedIndexError
from namebasis.index.files import Said, tell_nobody
from namebasis.index.rows import Rows
from namebasis.index.tuning import KINDS
from namebasis.index.vector_index import VectorIndex
from namebasis.namespace.objects.urls import remote_of
from namebasis.namespace.search.cache_files import making, say_once
from namebasis.namespace.store.dataset import INDICES, Store, check_units
from namebasis.namespace.store.places import for_lance
from namebasis.namespace.store.view_ids import view_id
from namebasis.wording import did_you_mean

KIND_KEY = "namebasis.index"
"""Where a space's metadata says of which kind its indices are to be; `auto` where it says none."""

log = logging.getLogger(__name__)


class OtherVectorsError(DamagedIndexError):
    """A good index, of other vectors or of more rows than a store has."""


def check_kind(kind: str) -> str:
    """Return a kind of index.

    Raises
    ------
    ValueError
        If there is no such kind.
    """
    if kind not in KINDS:
        told = did_you_mean(str(kind), KINDS)
        raise ValueError(f"index must be one of {', '.join(KINDS)}; got {kind!r}.{told}")
    return kind


def index_kind(store: Store) -> str:
    """The kind that the indices of a space are to be of; `auto` for one of a later version."""
    noted = (store.metadata.get(KIND_KEY.encode()) or b"").decode()
    return noted if noted in KINDS else "auto"


def set_kind(store: Store, kind: str) -> None:
    """Note of which kind the indices of a locked space are to be, when they are built again.

    Until then those that are there answer.
    """
    if kind != index_kind(store):
        store.dataset.update_schema_metadata({KIND_KEY: kind})
        store.refresh()


def index_path(folder: Path, view: str) -> Path:
    """Where the index of a view lies."""
    # FAISS reads no path that is not UTF-8, as Lance does not.
    return Path(for_lance(folder)) / INDICES / f"{view}.faiss"


def load_index(store: Store, view: str, build_id: str, seed: int) -> VectorIndex:
    """Open the index of a view; rebuild it where it is missing, damaged or of other vectors.

    A store that was opened before the view was rewritten, or before rows were added that the
    saved index covers, gets one in memory; the newer one stays.

    Warns
    -----
    NamebasisWarning
        If an index had to be rebuilt.
    """
    try:
        return open_saved(store, view)
    except DamagedIndexError:
        pass
    with making(index_path(store.place, view)) as may_write:
        try:
            return open_saved(store, view)  # another process made it meanwhile
        except DamagedIndexError as error:
            problem, is_of_others = str(error), isinstance(error, OtherVectorsError)
        is_newest = holds_newest(store, view, build_id)
        path = index_path(store.place, view)
        # Other machines write to a space in object storage, and know no index of this one.
        if remote_of(store.folder) is not None and (is_of_others or not path.exists()):
            log.info("%s: the index of view %s is made on this machine", store.folder, view)
        elif is_newest:
            message = f"{problem} The index is rebuilt from the stored vectors."
            warnings.warn(message, NamebasisWarning, stacklevel=5)
        return _make(store, view, build_id, seed, may_write and is_newest)


def build_index(
    store: Store, view: str, build_id: str, seed: int, *, force: bool = False
) -> VectorIndex:
    """Index all rows of a view from the store, block by block, and save the index.

    Parameters
    ----------
    store, view, build_id, seed
        As `load_index` takes them.
    force : bool
        Also where a good index of these rows is there: its answers cannot be.
    """
    with making(index_path(store.place, view)) as may_write:
        if not force:
            try:
                there = open_saved(store, view)
                is_kind = there.extra.get("kind", "auto") == index_kind(store)
                if there.n_rows == store.n_rows and is_kind:
                    return there
            except DamagedIndexError:
                pass
        may_write = may_write and holds_newest(store, view, build_id)
        return _make(store, view, build_id, seed, may_write)


def renew_index(store: Store, view: str, build_id: str, seed: int, most_newer: int) -> bool:
    """Index a view of a locked space again, unless an index of it will do; whether it was made.

    Parameters
    ----------
    store, view, build_id, seed
        As `load_index` takes them.
    most_newer : int
        Rows that the index may lack: they are compared one by one.
    """
    facts = saved_facts(store, view)
    if (
        facts is not None
        and facts["extra"].get("kind", "auto") == index_kind(store)
        and 0 <= store.n_rows - int(facts["rows"]) <= most_newer
    ):
        return False
    build_index(store, view, build_id, seed)
    return True


def holds_newest(store: Store, view: str, build_id: str) -> bool:
    """Whether a view has the vectors, and as many, as the newest version of the space."""
    try:
        newest = Store(store.place)
        newest_build = newest.build_id
    except (SpaceError, OSError):
        return False
    return (
        view in newest.views
        and newest.n_rows == store.n_rows
        and view_id(newest.schema, view, newest_build) == view_id(store.schema, view, build_id)
    )


def saved_facts(store: Store, view: str) -> dict[str, Any] | None:
    """Facts of the saved index of a view; None where there is none of these vectors."""
    build_id = store.build_id
    path = index_path(store.place, view)
    try:
        facts = VectorIndex.read_facts(path)
        _check_owner(store, view, build_id, facts["extra"], path)
    except DamagedIndexError:
        return None
    return facts


def open_saved(
    store: Store, view: str, *, whole: bool = False, said: Said = tell_nobody
) -> VectorIndex:
    """The saved index of a view, of this store's vectors.

    Parameters
    ----------
    store, view
        As `load_index` takes them.
    whole : bool
        Compare all of a large file with its checksum, not samples.
    said : callable, optional
        Told how much of a large file is compared, in [0, 1].

    Raises
    ------
    OtherVectorsError
        If it is made of others.
    DamagedIndexError
        If there is none, or it is damaged.
    """
    path = index_path(store.place, view)
    index = VectorIndex.load(path, whole=whole, said=said)
    _check_owner(store, view, store.build_id, index.extra, path)
    if index.dim != store.dim(view):
        raise DamagedIndexError(f"{path}: made for other vectors.")
    if index.n_rows > store.n_rows:
        raise OtherVectorsError(f"{path}: covers more rows than there are.")
    index.source = _rows_of(store, view, index.n_rows)
    try:
        if index.rows is not None:
            check_units(index.rows, path)
    except SpaceError:
        raise DamagedIndexError(f"{path}: vectors that are not of length 1.") from None
    return index


def _check_owner(
    store: Store, view: str, build_id: str, extra: dict[str, object], path: Path
) -> None:
    made_of = extra.get("view_id", extra.get("build_id"))  # earlier versions wrote the second
    if made_of != view_id(store.schema, view, build_id) or extra.get("view") != view:
        raise OtherVectorsError(f"{path}: made for other vectors.")


def _rows_of(store: Store, view: str, n_rows: int) -> Rows:
    """The first rows of a view, as an index is made of them and asks for them."""

    def blocks() -> Iterator[FloatArray]:
        left = n_rows
        for block in store.blocks(view):
            if left > 0:
                yield block[:left]
            left -= len(block)

    return Rows(n_rows, store.dim(view), blocks, lambda ids: store.vectors(view, ids))


def _make(store: Store, view: str, build_id: str, seed: int, may_write: bool) -> VectorIndex:
    """Index all rows; in memory, and exact, where the index may not or cannot be written."""
    path = index_path(store.place, view)
    rows, kind = _rows_of(store, view, store.n_rows), index_kind(store)
    if not may_write:
        return VectorIndex.build(rows, factory="Flat")
    try:
        index = VectorIndex.build(rows, factory=kind, seed=seed, path=path)
        made_of = view_id(store.schema, view, build_id)
        index.save(path, {"view_id": made_of, "view": view, "kind": kind})
    except OSError as error:
        say_once(path, error)
        return VectorIndex.build(rows, factory="Flat")
    log.info("indexed %d rows of view %s as %s", index.n_rows, view, index.factory)
    return index
