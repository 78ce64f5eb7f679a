"""Publish views of a space to a search engine: only what is not there yet, and again after a kill.

Rows are written in blocks, each followed by a note of its digest; a block whose digest is noted is
not written again. A collection that is being written is asked by nobody.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from namebasis.checks import FloatArray, Progress, check_seed
from namebasis.errors import EngineError
from namebasis.namespace.engines.address import Address, parse_address
from namebasis.namespace.engines.client import Client
from namebasis.namespace.engines.columns import ColumnError, Columns, fields_of
from namebasis.namespace.engines.fields import MOST_FIELDS, Field
from namebasis.namespace.engines.published import (
    LAYOUT,
    Collection,
    block_keys,
    columns_of,
    contents_of,
    read_collection,
)
from namebasis.namespace.engines.results import Published, PublishedView
from namebasis.namespace.engines.searching import ask
from namebasis.namespace.objects.urls import said
from namebasis.namespace.store.rows import COUNTS, check_computed
from namebasis.namespace.store.view_ids import view_id
from namebasis.wording import did_you_mean

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

INDICES = {"flat": "FLAT", "hnsw": "HNSW", "ivf": "IVF_FLAT", "auto": "AUTOINDEX"}
"""Kinds of indices, and what Milvus calls them."""
_MOST_ROWS = 4096
_MOST_BYTES = 2**24  # of the vectors of a block; a call may hold four times as much
_ASKED, _TOP = 50, 10
_TIED = 1e-6


def publish(
    space: StoredSpace,
    engine: str | Address,
    *,
    views: Sequence[str] = ("text",),
    columns: Sequence[str] | None = None,
    index: str | None = None,
    overwrite: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> Published:
    """Publish views of a space to a Milvus, for spaces that are opened with ``engine``.

    Each view becomes a collection, with the columns that filters use. What it already holds is
    not written again: after `add`, only the new rows are. A run that was stopped goes on where it
    stopped.

    Parameters
    ----------
    space : StoredSpace
    engine : str
        ``milvus:URI``; see `namespace.engines.address.parse_address`.
    views : sequence of str
        Vector columns.
    columns : sequence of str, optional
        That filters may use; by default all that Milvus can hold, up to 60.
    index : {"flat", "hnsw", "ivf", "auto"}, optional
        By default flat, which is exact, or what a collection that is there has.
    overwrite : bool
        Replace collections of another space of the same name.
    seed : int
        Of the names on which recall@10 is measured.
    progress : callable, optional
        Called with rows looked at and rows in all.

    Returns
    -------
    Published

    Raises
    ------
    EngineError
        If nothing answers there, or a collection holds another space.
    ValueError
        If a view or a column is not there or cannot be published.
    """
    address = parse_address(engine)
    seed = check_seed(seed)
    if index is not None and index not in INDICES:
        raise ValueError(
            f"index must be one of {', '.join(INDICES)}; got {index!r}."
            f"{did_you_mean(index, INDICES)}"
        )
    if not views:
        raise ValueError("views is empty; give at least one, such as text.")
    for view in views:
        _check_view(space, view)
    chosen = fields_of(space, columns)  # refuses before anything is connected
    client = Client(address)
    told = _Told(progress, len(space) * len(set(views)))
    made = [
        _View(
            space, client, view, chosen, index, overwrite, seed, told, columns is not None
        ).publish()
        for view in dict.fromkeys(views)
    ]
    return Published(str(address), said(space.path), tuple(made))


def _check_view(space: StoredSpace, view: str) -> None:
    store = space._store
    if store.made(view) is not None:
        raise ValueError(f"view {view} is made when it is asked for, and cannot be published.")
    store.dim(view)
    check_computed(store, view)
    if space.lacks(view) and COUNTS[view] not in space.columns:
        raise EngineError(
            f"{space.path} does not note which names have a vector in the view {view}; `namebasis "
            "add` one name, which brings the notes up to date."
        )


class _Told:
    """Counts rows over several views."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, n_rows: int) -> None:
        self.done += n_rows
        if self.progress is not None:
            self.progress(self.done, self.total)


class _View:
    """One view on its way to its collection."""

    def __init__(
        self,
        space: StoredSpace,
        client: Client,
        view: str,
        chosen: tuple[tuple[Field, ...], list[str]],
        index: str | None,
        overwrite: bool,
        seed: int,
        told: _Told,
        is_chosen: bool,
    ) -> None:
        self.space, self.client, self.view = space, client, view
        self.store, self.seed, self.told = space._store, seed, told
        self.overwrite, self.index = overwrite, index
        self.name = client.address.collection(space.path, view)
        self.where = f"{client.address}, collection {self.name},"
        self.is_chosen = is_chosen
        self.fields, self.left_out = chosen[0], list(chosen[1])
        counts = COUNTS.get(view, "")
        if space.lacks(view) and counts not in [one.column for one in self.fields]:
            # It says who has a vector.
            self.fields = (*self.fields[: MOST_FIELDS - 1], *fields_of(space, [counts])[0])

    def publish(self) -> PublishedView:
        """Write what is missing."""
        before = read_collection(self.client, self.name, overwrite=self.overwrite)
        if before is not None and not self.overwrite:
            before.check_owner(
                self.space.provenance, self.where,
                self.client.address.command(self.space.path, self.view, "--overwrite"),
            )  # fmt: skip
        index = INDICES[self.index] if self.index else before.index if before else INDICES["flat"]
        while True:
            head = self._head(before, index)
            if before is not None and replace(head, recall=before.recall) == before:
                self.told(head.n_rows)
                return self._said(before, 0)
            try:
                reader = Columns(self.space, head.fields)
                n_written = self._write(before, head, reader)
            except ColumnError as error:
                if self.is_chosen:
                    raise
                # Found before the first row is written: digests of all blocks come first.
                self.fields = tuple(one for one in self.fields if one != error.field)
                self.left_out.append(f"{error.problem}; filters on it are refused.")
                continue
            return self._said(self._finish(before, head, n_written), n_written)

    def _head(self, before: Collection | None, index: str) -> Collection:
        """What the collection will be; the one that is there where it can stay."""
        source, store = self.space.provenance, self.store
        dim, known = store.dim(self.view), columns_of(store.dataset)
        head = Collection(
            layout=LAYOUT,
            instance=uuid.uuid4().hex,
            build_id=source.build_id,
            encoder=source.encoder,
            fingerprint=source.fingerprint,
            view=self.view,
            view_id=view_id(store.schema, self.view, source.build_id),
            dim=dim,
            version=store.version,
            n_rows=store.n_rows,
            block=max(1, min(_MOST_ROWS, _MOST_BYTES // (4 * dim))),
            index=index,
            recall=None,
            fields=self.fields,
            known=known,
            contents=contents_of(store.dataset, known),
            is_done=True,
        )
        return replace(head, instance=before.instance) if _stays(before, head) and before else head

    def _write(self, before: Collection | None, head: Collection, reader: Columns) -> int:
        """Write the blocks that are not there; how many rows that were."""
        keys = block_keys(self.name, head.n_rows, head.block)
        digests = [
            _digest(head, reader.rows(ids), at)
            for at, ids in enumerate(_blocks(head.n_rows, head.block))
        ]
        client = self.client
        client.note(self.name, head.begun().to_json())  # nobody asks it from here on
        if not _stays(before, head):
            client.drop(self.name)
            client.create(self.name, head.dim, head.fields, head.index)
        elif before is not None and before.index != head.index:
            client.reindex(self.name, head.index)
        noted = client.read_notes(keys)
        n_written = 0
        for key, digest, ids in zip(keys, digests, _blocks(head.n_rows, head.block), strict=True):
            if noted.get(key) != digest:
                vectors = self.space.vectors(self.view, ids=ids)
                client.upsert(self.name, _rows(ids.tolist(), vectors, reader.rows(ids)))
                client.note(key, digest)
                n_written += len(ids)
            self.told(len(ids))
        return n_written

    def _finish(self, before: Collection | None, head: Collection, n_written: int) -> Collection:
        """Remove what is no longer there, look that all is, and note it."""
        client, name = self.client, self.name
        if before is not None and before.n_rows > head.n_rows:
            client.delete_from(name, head.n_rows)
            old = block_keys(name, before.n_rows, before.block)
            client.forget(old[-(-head.n_rows // head.block) :])
        client.flush(name)
        n_there = client.count(name)
        if n_there != head.n_rows:
            raise EngineError(
                f"{self.where} holds {n_there:,} rows after {head.n_rows:,} were published: "
                "something else writes to it. Publish again with --overwrite."
            )
        is_same = before is not None and not n_written and before.index == head.index
        recall = before.recall if is_same and before else None
        head = replace(head, recall=self._recall(head) if recall is None else recall)
        client.note(name, head.to_json())
        return head

    def _recall(self, head: Collection) -> float | None:
        """Of the ten nearest rows of some names, the share that the collection finds."""
        ids = self.space.ids(view=self.view)
        if not len(ids):
            return None
        rng = np.random.default_rng(self.seed)
        asked = np.sort(rng.choice(ids, min(_ASKED, len(ids)), replace=False))
        queries = self.space.vectors(self.view, ids=asked)
        top = min(_TOP, head.n_rows)
        best = np.full((len(queries), top), -np.inf, dtype=np.float32)
        for block in self.store.blocks(self.view):
            both = np.concatenate([best, queries @ block.T], axis=1)
            best = -np.partition(-both, top - 1, axis=1)[:, :top]
        similarities, _ = ask(self.client, self.name, self.store, self.view, queries, top, "")
        found = (similarities >= best.min(axis=1, keepdims=True) - _TIED).sum()
        return float(found / (len(queries) * top))

    def _said(self, head: Collection, n_written: int) -> PublishedView:
        return PublishedView(
            view=self.view,
            collection=self.name,
            n_rows=head.n_rows,
            n_written=n_written,
            version=head.version,
            index=head.index,
            recall=head.recall,
            columns=tuple(one.column for one in head.fields),
            left_out=tuple(self.left_out),
        )


def _stays(before: Collection | None, head: Collection) -> bool:
    """Whether the rows of a collection can stay where they are."""
    if before is None or before.layout != head.layout:
        return False
    fixed = ("build_id", "fingerprint", "view_id", "dim", "block", "fields")
    return all(getattr(before, one) == getattr(head, one) for one in fixed)


def _blocks(n_rows: int, block: int) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    return [
        np.arange(start, min(start + block, n_rows), dtype=np.int64)
        for start in range(0, n_rows, block)
    ]


def _digest(head: Collection, rows: pa.Table, at: int) -> str:
    """Tell what a block of this very collection holds; its vectors are told by their view's id."""
    digest = hashlib.blake2b(f"{head.instance} {head.view_id} {at} {len(rows)}".encode())
    sink = pa.BufferOutputStream()
    # A copy by number: slices carry the offsets and padding of the table they come from.
    copy = rows.take(pa.array(range(len(rows)))).combine_chunks().replace_schema_metadata(None)
    with pa.ipc.new_stream(sink, copy.schema) as writer:
        writer.write_table(copy)
    digest.update(sink.getvalue())
    return digest.hexdigest()[:32]


def _rows(ids: list[int], vectors: FloatArray, columns: pa.Table) -> list[dict[str, object]]:
    rows = columns.to_pylist() if columns.num_columns else [{} for _ in ids]
    return [
        {"id": id_, "vector": vector, **row}
        for id_, vector, row in zip(ids, vectors, rows, strict=True)
    ]
