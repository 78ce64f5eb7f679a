"""The places of a view's names on a plane, where they were laid out before."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import FloatArray
from namebasis.namespace.search.cache_files import write_arrays
from namebasis.namespace.store.dataset import INDICES, VIEWS
from namebasis.namespace.store.view_ids import view_id
from namebasis.reading import UnreadableError, read_arrays

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace


def places_path(space: StoredSpace, view: str) -> Path:
    """Where they are kept, beside the space's indices."""
    place: Path = space._store.place
    # The name of a view of one source holds the path of its pipeline.
    word = view if view in VIEWS else hashlib.sha256(view.encode()).hexdigest()[:16]
    return place / INDICES / f"{word}-places.npz"


def read_places(space: StoredSpace, view: str) -> FloatArray | None:
    """Places in the order of ids, NaN for names that the view lacks; None until they are made.

    Returns
    -------
    ndarray of shape (n_names, 2), float32, or None
    """
    try:
        saved = read_arrays(places_path(space, view), 2**31)
        if str(saved["made_of"]) != _made_of(space, view):
            return None
        places = np.asarray(saved["places"], dtype=np.float32)
    except (UnreadableError, KeyError, ValueError, TypeError):
        return None  # a cache that is missing or damaged costs time alone
    return places if places.shape == (len(space), 2) else None


def write_places(space: StoredSpace, view: str, places: FloatArray) -> None:
    """Keep them with the id of the vectors that they were made of."""
    made_of = np.array(_made_of(space, view))
    write_arrays(places_path(space, view), made_of=made_of, places=places)


def _made_of(space: StoredSpace, view: str) -> str:
    made = space._store.made(view)
    store = space._store.schema, view, space.provenance.build_id
    of_view = view_id(*store) if made is None else made.made_of
    return f"{of_view} {len(space)}"
