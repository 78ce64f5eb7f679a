"""Spaces that stay open: no question opens one, loads a model or reads a column twice."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from namebasis.checks import FloatArray
from namebasis.errors import NamebasisError, SpaceError
from namebasis.explore.facets import facets_of
from namebasis.namespace.engines.address import parse_address
from namebasis.namespace.search.cache_files import making
from namebasis.namespace.search.map_places import places_path, read_places, write_places
from namebasis.recent import Recent
from namebasis.space import Space, open_space

Stamp = tuple[int, ...]
RETRIED = 2.0
"""Seconds after which a space that was refused is tried again, where somebody asks for it."""


@dataclass
class _Open:
    path: Path
    stamp: Stamp
    space: Space | None
    """None where it was refused."""
    refusal: str = ""
    places: dict[str, FloatArray] = field(default_factory=dict)
    facets: Recent[list[dict[str, Any]]] = field(default_factory=lambda: Recent(64))
    tried: float = field(default_factory=time.monotonic)

    def is_stale(self, stamp: Stamp) -> bool:
        """Whether it changed; what was refused may be mended without a sign of it."""
        is_refused = self.space is None and time.monotonic() - self.tried > RETRIED
        return is_refused or stamp != self.stamp


@dataclass(frozen=True)
class Reads:
    """What the encoder of a space reads; or why it cannot be loaded."""

    encoder: str
    text: bool = False
    images: bool = False
    refusal: str = ""


class Warm:
    """The spaces of a service, by short names.

    A space that is written to is opened again at the next question, so that new names are found.
    One that is refused (missing, damaged, being built, of a newer version) keeps its place, with
    the reason, and is tried again when it is asked for.

    Parameters
    ----------
    paths : sequence of str or Path
    engine : str, optional
        That finds nearest names; see `namebasis.open_space`.

    Raises
    ------
    SpaceError
        If none can be opened, with the reason of the first; and where two paths are the same
        space.
    """

    def __init__(self, paths: Sequence[str | Path], engine: str | None = None) -> None:
        self._engine = None if engine is None else str(parse_address(engine))
        self._lock = threading.Lock()
        self.encoding = threading.Lock()
        """Held by whoever runs a model: two at a time on few cores cost more than in turn."""
        self._spaces: dict[str, _Open] = {}
        for path in map(Path, paths):
            if any(path.resolve() == one.path.resolve() for one in self._spaces.values()):
                raise SpaceError(f"{path} is given twice.")
            self._spaces[self._short(path)] = _opened(path, engine=self._engine)
        if all(one.space is None for one in self._spaces.values()):
            raise SpaceError(next((one.refusal for one in self._spaces.values()), "no space given"))

    @property
    def names(self) -> tuple[str, ...]:
        """The short names, in the order in which the spaces were given."""
        return tuple(self._spaces)

    @property
    def refusals(self) -> dict[str, str]:
        """Why spaces cannot be served, as it is now, by their short names."""
        found = {name: self._newest(name) for name in self._spaces}
        return {name: one.refusal for name, one in found.items() if one.space is None}

    def space(self, name: str) -> Space:
        """A space by its short name, as it is now.

        Raises
        ------
        KeyError
            If there is no such name.
        SpaceError
            If it cannot be opened, or no longer.
        """
        return self._served(name)[1]

    def reads(self, name: str) -> Reads:
        """What the encoder of a space reads; loads it where it is not loaded yet."""
        space = self.space(name)
        spec = space.provenance.encoder
        if space.is_given:
            return Reads(spec, refusal="the space holds given vectors alone, and no encoder.")
        try:
            with self.encoding:
                encoder = space.encoder()
        except (NamebasisError, ValueError, OSError) as error:
            return Reads(spec, refusal=str(error))
        return Reads(spec, encoder.has_text, encoder.has_images)

    def path(self, name: str) -> Path:
        """The folder of a space."""
        return self._spaces[name].path

    def facets(self, name: str, where: str | None = None) -> list[dict[str, Any]]:
        """The facets of a space; those of the last filters are kept."""
        opened, space = self._served(name)
        return opened.facets.of(where, lambda: facets_of(space, where))

    def places(self, name: str, view: str = "text", progress: Any = None) -> FloatArray:
        """Places of all names of a view on a plane, kept beside the space's indices.

        Returns
        -------
        ndarray of shape (n_names, 2), float32
            In the order of ids; NaN for names that the view lacks.
        """
        opened, space = self._served(name)
        if view not in opened.places:
            opened.places[view] = _places(space, view, progress)
        return opened.places[view]

    def has_places(self, name: str, view: str = "text") -> bool:
        """Whether the map of a view is made already."""
        opened, space = self._served(name)
        if view not in opened.places:
            kept = read_places(space, view)
            if kept is not None:
                opened.places[view] = kept
        return view in opened.places

    def _newest(self, name: str) -> _Open:
        opened = self._spaces[name]
        stamp = _stamp(opened.path)
        if opened.is_stale(stamp):
            with self._lock:
                opened = self._spaces[name]
                if opened.is_stale(stamp):
                    opened = self._spaces[name] = _opened(opened.path, opened.space, self._engine)
                    gc.unfreeze()  # what belongs to the version before may go; see `serve`
        return opened

    def _served(self, name: str) -> tuple[_Open, Space]:
        opened = self._newest(name)
        if opened.space is None:
            raise SpaceError(opened.refusal)
        return opened, opened.space

    def _short(self, path: Path) -> str:
        # Bytes that are no text cannot be told, nor asked for.
        stem = os.fsencode(path.resolve().name).decode(errors="replace")
        stem = stem.removesuffix(".space")
        stem = "space" if stem in ("", ".", "..") else stem  # no part of an address
        wanted, number = stem, 2
        while wanted in self._spaces:
            wanted, number = f"{stem}-{number}", number + 1
        return wanted


def _opened(path: Path, before: Space | None = None, engine: str | None = None) -> _Open:
    """A space as it is now, with the encoder that it had; or why it cannot be opened."""
    stamp = _stamp(path)
    try:
        return _Open(path, stamp, _with_encoder(path, before, engine))
    except (NamebasisError, OSError) as error:
        return _Open(path, stamp, None, str(error))


def _with_encoder(path: Path, before: Space | None, engine: str | None) -> Space:
    space = open_space(path, engine=engine)
    space.reads_files = False  # who asks over HTTP names columns and texts only
    encoder = None if before is None else before._encoder
    if encoder is not None and encoder.fingerprint == space.provenance.fingerprint:
        space._encoder = encoder
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
            # Not when it was modified: a copy may bring that along.
            found += [facts.st_ino, facts.st_ctime_ns]
    return tuple(found)


def _places(space: Space, view: str, progress: Any) -> FloatArray:
    kept = read_places(space, view)
    if kept is not None:
        return kept
    path = places_path(space, view)
    with making(path) as may_write:
        kept = read_places(space, view)  # another process may have made it meanwhile
        if kept is not None:
            return kept
        found = _lay_out(space, view, progress)
        if may_write:
            write_places(space, view, found)
    return found


def _lay_out(space: Space, view: str, progress: Any) -> FloatArray:
    from namebasis.analysis.shape.layout import layout
    from namebasis.studies.topology.arrangement import read_graph, read_vectors

    found = np.full((len(space), 2), np.nan, dtype=np.float32)
    ids = space.ids(view=view)
    if progress is not None:
        progress(0, 3)
    vectors = read_vectors(space, view, ids)
    graph = read_graph(space, view, ids, vectors, min(15, len(ids) - 1))
    if progress is not None:
        progress(1, 3)
    found[ids] = layout(vectors, graph=graph)
    if progress is not None:
        progress(3, 3)
    return found
