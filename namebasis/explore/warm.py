"""Spaces that stay open: no question opens one, loads a model or reads a column twice."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from namebasis.checks import FloatArray
from namebasis.errors import SpaceError
from namebasis.namespace.search.cache_files import making, write_arrays
from namebasis.namespace.store.dataset import INDICES
from namebasis.reading import UnreadableError, read_arrays
from namebasis.space import Space, open_space

Stamp = tuple[int, ...]


@dataclass
class _Open:
    path: Path
    stamp: Stamp
    space: Space
    places: dict[str, FloatArray] = field(default_factory=dict)


class Warm:
    """The spaces of a service, by short names.

    A space that is written to is opened again at the next question, so that new names are found.

    Parameters
    ----------
    paths : sequence of str or Path

    Raises
    ------
    SpaceError
        If one is missing, damaged, being built, or of a newer version; and where two paths are
        the same space.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self._lock = threading.Lock()
        self.encoding = threading.Lock()
        """Held by whoever runs a model: two at a time on few cores cost more than in turn."""
        self._spaces: dict[str, _Open] = {}
        for path in map(Path, paths):
            if any(path.resolve() == one.path.resolve() for one in self._spaces.values()):
                raise SpaceError(f"{path} is given twice.")
            self._spaces[self._short(path)] = _Open(path, _stamp(path), _served(path))

    @property
    def names(self) -> tuple[str, ...]:
        """The short names, in the order in which the spaces were given."""
        return tuple(self._spaces)

    def space(self, name: str) -> Space:
        """A space by its short name, as it is now.

        Raises
        ------
        KeyError
            If there is no such name.
        """
        return self._newest(name).space

    def path(self, name: str) -> Path:
        """The folder of a space."""
        return self._spaces[name].path

    def places(self, name: str, view: str = "text", progress: Any = None) -> FloatArray:
        """Places of all names of a view on a plane, kept beside the space's indices.

        Returns
        -------
        ndarray of shape (n_names, 2), float32
            In the order of ids; NaN for names that the view lacks.
        """
        opened = self._newest(name)
        if view not in opened.places:
            opened.places[view] = _places(opened.space, view, progress)
        return opened.places[view]

    def has_places(self, name: str, view: str = "text") -> bool:
        """Whether the map of a view is made already."""
        opened = self._newest(name)
        if view not in opened.places:
            kept = _read_places(opened.space, view)
            if kept is not None:
                opened.places[view] = kept
        return view in opened.places

    def _newest(self, name: str) -> _Open:
        opened = self._spaces[name]
        stamp = _stamp(opened.path)
        if stamp != opened.stamp:
            with self._lock:
                opened = self._spaces[name]
                if stamp != opened.stamp:
                    encoder = opened.space._encoder
                    opened = _Open(opened.path, stamp, _served(opened.path, encoder))
                    self._spaces[name] = opened
        return opened

    def _short(self, path: Path) -> str:
        stem = path.resolve().name.removesuffix(".space")
        wanted, number = stem, 2
        while wanted in self._spaces:
            wanted, number = f"{stem}-{number}", number + 1
        return wanted


def _served(path: Path, encoder: Any = None) -> Space:
    """A space whose filters read no file: who asks over HTTP names columns and texts only."""
    space = open_space(path, encoder=encoder)
    space.reads_files = False
    return space


def _stamp(path: Path) -> Stamp:
    """Changes whenever a space is written to or replaced."""
    found: list[int] = []
    for file in (path, path / "names.lance" / "_versions"):
        try:
            facts = os.stat(file)
        except OSError:
            found.append(-1)
        else:
            found += [facts.st_ino, facts.st_mtime_ns]
    return tuple(found)


def _places(space: Space, view: str, progress: Any) -> FloatArray:
    kept = _read_places(space, view)
    if kept is not None:
        return kept
    path = _places_path(space, view)
    with making(path) as may_write:
        kept = _read_places(space, view)  # another process may have made it meanwhile
        if kept is not None:
            return kept
        found = _lay_out(space, view, progress)
        if may_write:
            write_arrays(path, made_of=np.array(_made_of(space, view)), places=found)
    return found


def _lay_out(space: Space, view: str, progress: Any) -> FloatArray:
    from namebasis.analysis.shape.layout import layout

    found = np.full((len(space), 2), np.nan, dtype=np.float32)
    ids = space.ids(view=view)
    if progress is not None:
        progress(0, 3)
    if len(ids) == len(space):
        vectors, graph = space.vectors(view), space.graph(view)
    else:
        from namebasis.namespace.search.graph_cache import graph_of

        vectors = space.vectors(view, ids=ids)
        graph = graph_of(vectors, min(15, len(ids) - 1))
    if progress is not None:
        progress(1, 3)
    found[ids] = layout(vectors, graph=graph)
    if progress is not None:
        progress(3, 3)
    return found


def _places_path(space: Space, view: str) -> Path:
    place: Path = space._store.place
    return place / INDICES / f"{view}-places.npz"


def _read_places(space: Space, view: str) -> FloatArray | None:
    try:
        saved = read_arrays(_places_path(space, view), 2**31)
        if str(saved["made_of"]) != _made_of(space, view):
            return None
        places = np.asarray(saved["places"], dtype=np.float32)
    except (UnreadableError, KeyError, ValueError, TypeError):
        return None  # a cache that is missing or damaged costs time alone
    return places if places.shape == (len(space), 2) else None


def _made_of(space: Space, view: str) -> str:
    from namebasis.namespace.store.view_ids import view_id

    of_view = view_id(space._store.schema, view, space.provenance.build_id)
    return f"{of_view} {len(space)}"
