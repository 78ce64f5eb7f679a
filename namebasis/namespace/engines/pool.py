"""A space as its engine holds it: filters are answered there, and vectors are read from there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from namebasis.checks import FloatArray, IntArray
from namebasis.namespace.engines.searching import EngineSearcher
from namebasis.namespace.space import StoredSpace
from namebasis.namespace.store.rows import check_ids


class PooledSpace(StoredSpace):
    """A space whose filters its engine answers, and whose vectors come from there.

    Names, columns and the mean of the vectors are those of the space itself.

    Parameters
    ----------
    space : StoredSpace
        Opened with an engine.
    views : sequence of str
        That will be read; refused before anything long begins if they are not there.

    Raises
    ------
    EngineError
        If a view was not published, or the collection is not of this space and version.
    """

    def __init__(self, space: StoredSpace, views: Sequence[str]) -> None:
        self.__dict__ = dict(space.__dict__)  # it is open, and what it has loaded is loaded
        self._opened_as = space  # which the searcher holds weakly
        self._held: dict[str, tuple[IntArray, FloatArray]] = {}
        for view in views:
            self._asked().collection(view)

    def _asked(self) -> EngineSearcher:
        if not isinstance(self._searcher, EngineSearcher):
            raise TypeError("the space was opened without an engine.")
        return self._searcher

    def ids(self, where: str | None = None, *, view: str = "text") -> IntArray:
        """As `StoredSpace.ids`, by the engine.

        Raises
        ------
        FilterError
            If the engine cannot say the filter.
        EngineError
        """
        expression = self._asked().expression(where, view)
        if not expression:
            return np.arange(len(self), dtype=np.int64)
        found = self._asked().passing(expression, view)
        self._reader().hint(where, len(found), stacklevel=4)
        return found

    def vectors(
        self, view: str = "text", *, ids: IntArray | Sequence[int] | None = None
    ) -> FloatArray:
        """As `StoredSpace.vectors`, from the engine, which gives each row once."""
        wanted = np.arange(len(self)) if ids is None else check_ids(ids, len(self))
        held = self._held.get(view)
        if held is None:
            held = np.empty(0, np.int64), np.empty((0, self._store.dim(view)), np.float32)
        missing = np.setdiff1d(wanted, held[0])
        if len(missing):
            rows = np.concatenate([held[1], self._asked().stored(view, missing)])
            numbers = np.concatenate([held[0], missing])
            order = np.argsort(numbers)
            held = self._held[view] = numbers[order], rows[order]
        return held[1][np.searchsorted(held[0], wanted)]
