"""A name space: names, their vectors, and the questions one may ask of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import FloatArray, IntArray, check_count
from namebasis.errors import EncoderError, SpaceError
from namebasis.index.vector_index import VectorIndex
from namebasis.namespace import caches, metrics
from namebasis.namespace.filters import quote
from namebasis.namespace.provenance import Provenance, sums_from_metadata
from namebasis.namespace.results import LIGHT, make_results
from namebasis.namespace.searcher import Searcher
from namebasis.namespace.store import Store
from namebasis.namespace.swap import finish_swap
from namebasis.namespace.targets import Resolver, Target, fold, is_batch

if TYPE_CHECKING:
    from namebasis.analysis.neighbours import KnnGraph
    from namebasis.encoders.base import Encoder

PART_ORDER = ("given", "family", "full", "pseudo")


class Space:
    """An open name space. Make one with `open_space` or `build_space`.

    Attributes
    ----------
    path : Path
        Its folder.
    provenance : Provenance
        What it was built from.
    views : tuple of str
        Its vector columns, of `text`, `token` and `image`.
    columns : tuple of str
        Its other columns, metrics among them.
    """

    path: Path
    provenance: Provenance

    def __init__(self, path: Path, encoder: Encoder | None = None) -> None:
        self.path = path
        self._encoder: Encoder | None = None
        finish_swap(path)
        self._open(path)
        if encoder is not None:
            self._encoder = self.check_encoder(encoder)

    def _open(self, path: Path) -> None:
        store = Store(path)
        provenance = Provenance.from_metadata(store.metadata, str(path))
        if provenance.state != "done":
            raise SpaceError(
                f"{path}: its build stopped after {store.n_rows:,} of {provenance.n_names:,} "
                "names. Run the same build again; it goes on from there."
            )
        self._store = store
        self.provenance = provenance
        self._searcher = Searcher(store, provenance)

    def __len__(self) -> int:
        return self._store.n_rows

    def __repr__(self) -> str:
        return f"Space({str(self.path)!r}, {len(self):,} names, {self.provenance.encoder})"

    @property
    def views(self) -> tuple[str, ...]:
        """The vector columns."""
        return self._store.views

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are no vectors."""
        return self._store.columns

    def table(
        self,
        columns: Sequence[str] | None = None,
        *,
        where: str | None = None,
        ids: IntArray | Sequence[int] | None = None,
        order_by: str | None = None,
        limit: int | None = None,
    ) -> pa.Table:
        """Read columns of the rows that a filter accepts, or of given rows.

        Parameters
        ----------
        columns : sequence of str, optional
            All but the vectors by default; a view may be named too.
        where : str, optional
            One boolean SQL expression over the columns.
        ids : sequence of int, optional
            Row numbers, kept in their order; not together with `where`.
        order_by : str, optional
            A column, or `"column desc"`; nulls come last, ties stay in row order.
        limit : int, optional
            The first so many after ordering.

        Raises
        ------
        FilterError
            If `where` is not one boolean expression, or names a column that is not there.
        ValueError
            If a column, `ids`, `order_by` or `limit` does not fit.
        """
        wanted = list(self.columns if columns is None else columns)
        key, _, direction = (order_by or "").strip().partition(" ")
        self._check_columns([*wanted, *([key] if order_by is not None else [])])
        if direction.strip().lower() not in {"", "asc", "desc"}:
            raise ValueError(f"order_by must be 'column' or 'column desc'; got {order_by!r}.")
        if limit is not None:
            check_count(limit, "limit", low=0)
        read = list(dict.fromkeys([*wanted, *([key] if key else [])]))
        rows = self._read(read, where, ids)
        if key:
            rank = rows.append_column("__row", pa.array(np.arange(len(rows))))
            order = "descending" if direction.strip().lower() == "desc" else "ascending"
            keys = [(key, order), ("__row", "ascending")]
            rows = rows.take(pc.sort_indices(rank, sort_keys=keys))
        rows = rows if limit is None else rows.slice(0, limit)
        return rows.select(wanted).replace_schema_metadata(None)

    def _read(
        self, columns: list[str], where: str | None, ids: IntArray | Sequence[int] | None
    ) -> pa.Table:
        if ids is None:
            return self._store.scan(columns or ["id"], where)
        if where is not None:
            raise ValueError("table takes where or ids, not both.")
        return self._store.take(self._check_ids(ids), columns or ["id"])

    def _check_columns(self, names: Sequence[str]) -> None:
        for name in names:
            if name not in (*self.columns, *self.views):
                there = ", ".join((*self.columns, *self.views))
                raise ValueError(f"there is no column {name!r}; there are {there}.")

    def _check_ids(self, ids: IntArray | Sequence[int]) -> IntArray:
        rows = np.asarray(ids)
        if rows.size == 0:
            return np.empty(0, dtype=np.int64)
        if rows.ndim != 1 or rows.dtype.kind not in "iu":
            raise ValueError(f"ids must be a list of integers; got {rows.dtype} {rows.shape}.")
        if rows.min() < 0 or rows.max() >= len(self):
            raise ValueError(
                f"ids must lie between 0 and {len(self) - 1}; got {rows.min()} to {rows.max()}."
            )
        return rows.astype(np.int64)

    def ids(self, where: str | None = None) -> IntArray:
        """Numbers of the rows that a filter accepts, ascending; of all without one."""
        if where is None:
            return np.arange(len(self), dtype=np.int64)
        return np.asarray(self._store.scan(["id"], where)["id"].to_numpy(), dtype=np.int64)

    def find(self, name: str, part: str | None = None) -> int | None:
        """Row of a stored name: as written, else forgiving case and accents.

        Where several parts hold it, given comes before family, full and pseudo.
        """
        limit = "" if part is None else f" AND part = {quote(part)}"
        if "\0" in name:
            return None
        folded = fold(name)
        rows = self._store.scan(
            ["id", "name", "part"], f"name_folded = {quote(folded)}{limit}"
        ).to_pylist()
        if not rows:
            return None
        ranks = {part: rank for rank, part in enumerate(PART_ORDER)}
        return int(
            min(rows, key=lambda row: (row["name"] != name, ranks.get(row["part"], 9), row["id"]))[
                "id"
            ]
        )

    def vectors(
        self, view: str = "text", *, ids: IntArray | Sequence[int] | None = None
    ) -> FloatArray:
        """Unit vectors of a view, of all rows or of `ids` in their order, (n, dim) float32."""
        return self._store.vectors(view, None if ids is None else self._check_ids(ids))

    def mean(self, view: str = "text") -> FloatArray:
        """Mean vector of a view over all rows, of shape (dim,); not of length 1."""
        total = np.zeros(self._store.dim(view))
        known = sums_from_metadata(self._store.metadata).get(view)
        start = 0
        if known is not None:
            total, start = total + known.total, known.n_rows
        for block in self._store.blocks(view, start):
            total += block.sum(axis=0, dtype=np.float64)
        return np.asarray(total / len(self), dtype=np.float32)

    def encoder(self) -> Encoder:
        """The encoder that built the space, loaded once.

        Raises
        ------
        EncoderError
            If it cannot be loaded, or its weights are not those that built the space.
        """
        if self._encoder is None:
            from namebasis.encoders.registry import load_encoder

            source = self.provenance
            self._encoder = self.check_encoder(
                load_encoder(source.encoder, revision=source.revision)
            )
        return self._encoder

    def check_encoder(self, encoder: Encoder) -> Encoder:
        """Return `encoder` if its weights are those that built the space.

        Raises
        ------
        EncoderError
            If they are not: vectors of two encoders cannot be compared.
        """
        if encoder.fingerprint != self.provenance.fingerprint:
            raise EncoderError(
                f"{self.path} was built with {self.provenance.encoder} "
                f"({self.provenance.fingerprint[:19]}…); {encoder.spec} has other weights "
                f"({encoder.fingerprint[:19]}…). Use the first, or build another space."
            )
        return encoder

    def resolve(self, target: object, *, view: str = "text") -> Target:
        """Turn a target into a unit vector of a view.

        A text is first looked up among the stored names (as written, then forgiving case and
        accents), which loads no encoder. Any other text is encoded as it stands, without the
        space's templates: write "a photo of Vicki" to ask about that sentence. A mapping such
        as `{"king": 1, "man": -1}` is summed by weight and scaled to length 1.

        Parameters
        ----------
        target : str, PIL image, array of shape (dim,), mapping, or Target
        view : str
            In the `token` view a text is the mean of its token embeddings.

        Raises
        ------
        TargetError
            If the target is empty or has no direction, or the encoder cannot read its kind.
        ValueError
            If a vector has another width or is not finite.
        """
        return self._resolver(view).resolve(target)

    def _resolver(self, view: str) -> Resolver:
        return Resolver(
            view,
            self._store.dim(view),
            self.find,
            lambda row: self._store.vectors(view, np.array([row]))[0],
            self.encoder,
        )

    def index(self, view: str = "text") -> VectorIndex:
        """The index of a view, mapped on first use; rebuilt with a warning where damaged."""
        return self._searcher.index(view)

    def search(
        self,
        queries: FloatArray,
        k: int,
        *,
        where: str | None = None,
        view: str = "text",
        exclude: Collection[int] = (),
        farthest: bool = False,
    ) -> tuple[FloatArray, IntArray]:
        """Find the rows most similar to vectors; rows newer than the index are never missed.

        Parameters
        ----------
        queries : ndarray of shape (n_queries, dim)
            Unit rows, for the similarities to be cosines.
        k : int
        where : str, optional
            The only rows that may be found; a filter never costs a hit.
        view : str
        exclude : collection of int
            Rows that no query may find.
        farthest : bool
            The least similar instead, exactly, smallest first.

        Returns
        -------
        similarities, ids : ndarrays of shape (n_queries, min(k, rows left))
        """
        allowed = None if where is None else self.ids(where)
        return self._searcher.search(
            queries, k, allowed=allowed, view=view, exclude=exclude, farthest=farthest
        )

    def nearest(
        self,
        target: Any,
        k: int = 10,
        *,
        where: str | None = None,
        view: str = "text",
        plus: Sequence[object] = (),
        minus: Sequence[object] = (),
        farthest: bool = False,
        include_self: bool = False,
    ) -> Any:
        """Find the names nearest to a target.

        Parameters
        ----------
        target : str, PIL image, array, mapping, or a list of them
            As `resolve` takes it. A list, or an array of shape (n, dim), asks several at once.
        k : int
            How many names.
        where : str, optional
            One boolean SQL expression; only such names are found.
        view : str
        plus, minus : sequence of targets
            Their unit vectors are added to and subtracted from the target's (after it is scaled
            to length 1); the sum is scaled to length 1 again.
        farthest : bool
            The least similar names instead, exactly.
        include_self : bool
            Let stored names of the target be found too; they are left out otherwise.

        Returns
        -------
        NearestResult, or a list of them where several targets were given.

        Raises
        ------
        TargetError, FilterError
            If the target or the filter is refused.
        """
        resolver = self._resolver(view)
        terms = [(resolver.resolve(t), 1.0) for t in plus]
        terms += [(resolver.resolve(t), -1.0) for t in minus]
        batch = list(target) if is_batch(target) else [target]
        targets = [resolver.combine([(resolver.resolve(t), 1.0), *terms]) for t in batch]
        allowed = None if where is None else self.ids(where)
        check_count(k, "k")
        hits = self._searcher.search_targets(
            targets, k, allowed=allowed, view=view, farthest=farthest, include_self=include_self
        )
        found = np.concatenate([ids for _, ids in hits]) if hits else np.empty(0, np.int64)
        results = make_results(targets, hits, self._store.take(found, LIGHT), farthest)
        return results if is_batch(target) else results[0]

    def graph(self, view: str = "text", k: int = 15) -> KnnGraph:
        """Each row's k nearest others, kept beside the indices; made anew where rows changed."""
        check_count(k, "k")
        self._store.dim(view)
        return caches.load_graph(self._store, view, self.provenance.build_id, k)

    def add_metrics(
        self, columns: pa.Table, *, study: str, parameters: Mapping[str, object]
    ) -> None:
        """Add or replace scalar columns, in one step and without rewriting vectors.

        Parameters
        ----------
        columns : Table
            `id` and the new columns; rows that are not in it become null.
        study : str
            Who computed them; kept in each column's metadata with the parameters.
        parameters : mapping
            JSON values.

        Raises
        ------
        ValueError
            If ids repeat or are not there, a column would replace one that is no metric, or a
            type is no scalar, text or list.
        SpaceError
            If another process writes to the space.
        """
        metrics.write(self._store, columns, study, parameters)
        self._open(self._store.folder)

    def info(self) -> dict[str, Any]:
        """Facts for a reader: names, encoder, templates, views, metrics, indices."""
        return metrics.describe(self._store, self.provenance)


def open_space(path: str | Path, *, encoder: Encoder | None = None) -> Space:
    """Open a name space; nothing heavy is read before the first question.

    Parameters
    ----------
    path : str or Path
    encoder : Encoder, optional
        Already loaded; its weights are compared with those that built the space.

    Raises
    ------
    SpaceError
        If there is no space, its build has not finished, it is damaged, or a newer version of
        namebasis wrote it.
    EncoderError
        If `encoder` is not the one that built it.
    """
    return Space(Path(path), encoder)


def is_complete(path: str | Path) -> bool:
    """Whether a finished, readable space lies at `path`."""
    try:
        open_space(path)
    except SpaceError:
        return False
    return True
