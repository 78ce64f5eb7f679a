"""Searches by a collection: its candidates, scored by the space's own vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import FloatArray, IntArray
from namebasis.errors import EngineError
from namebasis.forks import Turn
from namebasis.index.hits import best_first
from namebasis.namespace.engines.address import Address
from namebasis.namespace.engines.client import MOST_HITS, Client
from namebasis.namespace.engines.published import Collection, read_collection
from namebasis.namespace.search.searcher import Allowed, Hits, Searcher
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.store.rows import COUNTS, lacks

if TYPE_CHECKING:
    from namebasis.namespace.store.provenance import Provenance
    from namebasis.namespace.where.language import Language

_MORE = 16
"""Hits beyond those asked for: rounding may change the order of two that stand together."""
_TIED = 2e-6
"""Similarities that two engines may put in another order."""
_READ = 4096
"""Vectors that are read at a time."""


class EngineSearcher(Searcher):
    """Nearest rows of one version of a space, found by a search engine.

    The engine chooses; similarities are those of the stored vectors.

    Parameters
    ----------
    store, provenance
        As `Searcher` takes them.
    address : Address
    language : callable
        Gives what reads filters over the space's columns.
    """

    def __init__(
        self,
        store: Store,
        provenance: Provenance,
        address: Address,
        language: Callable[[], Language],
    ) -> None:
        super().__init__(store, provenance)
        self.address = address
        self._language = language
        self._client: Client | None = None
        self._found: dict[str, tuple[str, Collection]] = {}
        self._asking = Turn()

    def expression(self, where: str | None, view: str) -> str:
        """A filter as the engine reads it, for `search` as ``allowed``.

        Raises
        ------
        FilterError
            If it is none, or the engine cannot say it.
        EngineError
            If the collection is not of this space and version.
        """
        from namebasis.namespace.engines.expressions import Translator

        _, head = self.collection(view)
        fields = {one.column: one for one in head.fields}
        also = COUNTS[view] if lacks(self._store, view) else None
        return Translator(self._language(), fields).expression(where, also)

    def collection(self, view: str) -> tuple[str, Collection]:
        """The collection of a view, once it is known to be of this space and version.

        Raises
        ------
        EngineError
        """
        with self._asking:
            if self._client is None:
                if self.address.is_file and not Path(self.address.uri).exists():
                    raise EngineError(
                        f"{self.address}: there is no such file. "
                        f"{self.address.command(self._store.folder, view)} makes it."
                    )
                self._client = Client(self.address)
            if view not in self._found:
                self._store.dim(view)
                if self._store.made(view) is not None:
                    raise EngineError(
                        f"view {view} is made when it is asked for, and no engine holds it; ask "
                        "without --engine."
                    )
                name = self.address.collection(self._store.folder, view)
                where = f"{self.address}, collection {name},"
                head = read_collection(self._client, name)
                if head is None:
                    raise EngineError(
                        f"{self.address} holds no collection {name}. "
                        f"{self.address.command(self._store.folder, view)} publishes it."
                    )
                folder = self._store.folder
                again = self.address.command(folder, view, "--overwrite")
                head.check_owner(self._provenance, where, again)
                again = self.address.command(folder, view)
                head.check_current(self._store, where, again)
                self._found[view] = name, head
            return self._found[view]

    def passing(self, expression: str, view: str) -> IntArray:
        """Numbers of the rows that an expression of the engine accepts, ascending."""
        client, name = self._connected(view)
        blocks = [
            np.array([row["id"] for row in rows], np.int64)
            for rows in client.read(name, expression, ["id"])
        ]
        return np.sort(np.concatenate([np.empty(0, np.int64), *blocks]))

    def stored(self, view: str, ids: IntArray) -> FloatArray:
        """Vectors of rows as the engine holds them.

        Parameters
        ----------
        view : str
        ids : ndarray of shape (n,), int64
            Ascending, each once.

        Returns
        -------
        ndarray of shape (n, dim), float32

        Raises
        ------
        EngineError
            If it does not hold all of them.
        """
        client, name = self._connected(view)
        found = np.empty((len(ids), self._store.dim(view)), np.float32)
        n_found = 0
        for start in range(0, len(ids), _READ):
            own = ids[start : start + _READ]
            # A range is short to say and quick to look up; many rows far apart are listed.
            is_range = own[-1] - own[0] < 2 * len(own)
            said = f"id >= {own[0]} and id <= {own[-1]}" if is_range else f"id in {own.tolist()}"
            for rows in client.read(name, said, ["id", "vector"]):
                numbers = np.array([row["id"] for row in rows], np.int64)
                is_asked = np.isin(numbers, own)
                vectors = np.array([row["vector"] for row in rows], np.float32)
                places = start + np.searchsorted(own, numbers[is_asked])
                found[places] = vectors[is_asked]
                n_found += int(is_asked.sum())
        if n_found != len(ids):
            raise EngineError(
                f"{self.address}, collection {name}, gives {n_found:,} of {len(ids):,} vectors. "
                f"Run {self.address.command(self._store.folder, view, '--overwrite')}."
            )
        return found

    def _connected(self, view: str) -> tuple[Client, str]:
        name, _ = self.collection(view)
        if self._client is None:
            raise TypeError("a collection was found without a client.")
        return self._client, name

    def _both(self, queries: FloatArray, k: int, allowed: Allowed, view: str, exact: bool) -> Hits:
        name, head = self.collection(view)
        if exact and head.index != "FLAT":
            raise EngineError(
                f"{self.address}: the farthest names are found exactly, and collection {name} has "
                f"an index that is not ({head.index}). Publish it with --index flat."
            )
        if self._client is None or not isinstance(allowed, str):
            raise TypeError("an engine's searcher takes filters of its own.")
        return ask(self._client, name, self._store, view, queries, k, allowed)


def ask(
    client: Client,
    name: str,
    store: Store,
    view: str,
    queries: FloatArray,
    k: int,
    expression: str,
) -> Hits:
    """The k nearest rows of each query, scored by the stored vectors.

    Returns
    -------
    similarities, ids : ndarrays of shape (n_queries, min(k, rows that pass))

    Raises
    ------
    ValueError
        If k is beyond what Milvus gives.
    EngineError
    """
    if k > MOST_HITS:
        raise ValueError(
            f"milvus finds up to {MOST_HITS:,} names at a time; {k:,} are needed. Ask for fewer, "
            "or without the engine."
        )
    most = min(MOST_HITS, store.n_rows)
    limit = min(k + _MORE, most)
    similarities, ids = _asked(client, name, store, view, queries, limit, expression)
    tied = np.arange(len(queries))
    kept = similarities[:, :k], ids[:, :k]
    while ids.shape[1] == limit < most:
        # Of more than these that stand together, the first rows are to be found.
        tied = tied[similarities[:, k - 1] - similarities[:, -1] < _TIED]
        if not len(tied):
            break
        limit = min(4 * limit, most)
        similarities, ids = _asked(client, name, store, view, queries[tied], limit, expression)
        kept[0][tied], kept[1][tied] = similarities[:, :k], ids[:, :k]
    return kept


def _asked(
    client: Client,
    name: str,
    store: Store,
    view: str,
    queries: FloatArray,
    limit: int,
    expression: str,
) -> Hits:
    found = list(client.search(name, queries, limit, expression))
    # An index that is not exact may find fewer for some than for others.
    width = min((len(ids) for ids, _ in found), default=0)
    ids = np.array([one[:width] for one, _ in found], np.int64).reshape(len(queries), width)
    if ids.size and not 0 <= ids.min() <= ids.max() < store.n_rows:
        raise EngineError(f"{client.address}, collection {name}, holds rows that are not here.")
    return best_first(_scores(store, view, queries, ids), ids)


def _scores(store: Store, view: str, queries: FloatArray, ids: IntArray) -> FloatArray:
    """Inner products of each query with its own rows."""
    rows, places = np.unique(ids, return_inverse=True)
    if not len(rows):
        return np.empty(ids.shape, dtype=np.float32)
    vectors = store.vectors(view, rows)
    scores = [
        np.einsum("kd,d->k", vectors[own], query)
        for query, own in zip(queries, places.reshape(ids.shape), strict=True)
    ]
    return np.asarray(scores, dtype=np.float32)
