"""What is measured once for a space and kept beside it; a cache, whose loss costs time alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from namebasis.namespace.search.cache_files import making, write_arrays
from namebasis.namespace.search.caches import holds_newest
from namebasis.namespace.store.dataset import INDICES
from namebasis.namespace.store.view_ids import view_id
from namebasis.reading import UnreadableError, read_arrays

Arrays = Mapping[str, npt.NDArray[Any]]
_T = TypeVar("_T")
_FORMAT = 3
_LARGEST = 2**31  # bytes


def kept(
    space: Any,
    file: str,
    settings: Sequence[object],
    make: Callable[[], _T],
    pack: Callable[[_T], Arrays],
    unpack: Callable[[Arrays], _T | None],
    *,
    of_rows: bool = False,
) -> tuple[_T, bool]:
    """What a space keeps in a file, or what is made and kept there now.

    Parameters
    ----------
    space : Space
        What is no stored space keeps nothing.
    file : str
        Name of a .npz in its folder of indices.
    settings : sequence
        What it was made of, beside the space's encoder and build, as JSON holds it; of other
        settings it is made again and replaces what is kept.
    make, pack : callable
        Makes it, and turns it into arrays.
    unpack : callable
        Turns arrays back; None, or a KeyError, TypeError or ValueError, where they do not fit.
    of_rows : bool
        It was made of the space's names too, and is made again when some are added.

    Returns
    -------
    (object, bool)
        And whether it had been kept.
    """
    store = getattr(space, "_store", None)
    if store is None:
        return make(), False
    path, key = _place_of(space, file, settings, of_rows)
    found = _read(path, key, unpack)
    if found is not None:
        return found, True
    with making(path) as may_write:
        found = _read(path, key, unpack)  # another process made it meanwhile
        if found is not None:
            return found, True
        made = make()
        if may_write and holds_newest(store, "text", space.provenance.build_id):
            write_arrays(path, key=np.array(key), **pack(made))
        return made, False


def kept_before(
    space: Any,
    file: str,
    settings: Sequence[object],
    unpack: Callable[[Arrays], _T | None],
    *,
    of_rows: bool = False,
) -> _T | None:
    """What `kept` kept of the same; None where it would have to be made."""
    if getattr(space, "_store", None) is None:
        return None
    return _read(*_place_of(space, file, settings, of_rows), unpack)


def _place_of(space: Any, file: str, settings: Sequence[object], of_rows: bool) -> tuple[Path, str]:
    """The file, and what must be written in it."""
    store = space._store
    made_of = view_id(store.schema, "text", space.provenance.build_id)
    key = json.dumps([_FORMAT, made_of, store.n_rows if of_rows else None, *settings])
    if space.read_by != "text":
        key += space.encoder().fingerprint
    return Path(store.place) / INDICES / file, key


def _read(path: Path, key: str, unpack: Callable[[Arrays], _T | None]) -> _T | None:
    """What is kept; None where it is missing, damaged or of something else."""
    try:
        saved = read_arrays(path, _LARGEST)
        return unpack(saved) if str(saved["key"]) == key else None
    except (UnreadableError, KeyError, ValueError, TypeError):
        return None


def numbers(saved: Arrays, prefix: str) -> dict[str, npt.NDArray[Any]]:
    """The arrays whose names begin with a prefix, without it."""
    return {
        key.removeprefix(prefix): np.asarray(saved[key]) for key in saved if key.startswith(prefix)
    }
