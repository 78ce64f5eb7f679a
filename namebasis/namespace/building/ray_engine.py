"""The chunks of a build on Ray: actors hold the encoder and write fragments, the driver commits."""

from __future__ import annotations

import json
import logging
import platform
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from namebasis.checks import Progress
from namebasis.errors import EncoderError, SpaceError
from namebasis.namespace.actors.cluster import (
    SHARE,
    EncoderFactory,
    RayCluster,
    connected,
    share,
)
from namebasis.namespace.actors.pool import Pool
from namebasis.namespace.building.encode import encode_rows
from namebasis.namespace.objects.data_sets import append_fragments
from namebasis.namespace.objects.urls import CREDENTIALS, remote_of, said
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.store.places import for_lance
from namebasis.namespace.store.provenance import Provenance

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

log = logging.getLogger(__name__)

COMMIT_SECONDS = 60.0
"""What is finished in row order is committed this often: what a killed driver loses at most."""


@dataclass(frozen=True)
class _Task:
    """What an actor must know, whichever machine it runs on."""

    uri: str
    build_id: str
    fingerprint: str
    templates: tuple[str, ...]
    factory: EncoderFactory


def append_with_ray(
    store: Store,
    names: pa.Table,
    encoder: Encoder,
    templates: tuple[str, ...],
    progress: Progress | None,
    done: int,
    *,
    chunk: int,
    cluster: RayCluster,
) -> None:
    """Encode and commit names on Ray; the rows are those that the local engine appends.

    Actors write each chunk's fragment without committing it. The driver commits them in row
    order: at the end, and on the way whenever a minute has passed. Files of no commit, which
    killed actors and drivers leave, are deleted at the start of the next run and by the clean-up
    that ends every build.

    Parameters
    ----------
    store : Store
        Locked by the caller, with `done` of the job's rows in it.
    names : pyarrow.Table
        Those that are still to do.
    encoder : Encoder
        The driver's own, to which the actors' are compared.
    templates : tuple of str
    progress : callable or None
        Called with names done and names in all, after every chunk.
    done : int
        Names committed before.
    chunk : int
        Names per fragment.
    cluster : RayCluster

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    EncoderError
        If an actor cannot load the encoder, loads another one, or its vectors cannot be stored.
    SpaceError
        If the actors and the driver do not see the same folder.
    NamebasisError
        If no cluster answers, or actors die again and again.
    """
    if len(names) == 0:
        return
    # Nobody else writes while the space is locked, so what no commit refers to is left over.
    store.tidy()
    task = _Task(
        # Of a space in object storage the folder tells the address, whatever machine reads it.
        uri=str(store.uri if remote_of(store.folder) else store.uri.resolve()),
        build_id=Provenance.from_metadata(store.metadata, str(store.folder)).build_id,
        fingerprint=encoder.fingerprint,
        templates=templates,
        factory=cluster.encoder_factory or _default_factory(encoder),
    )
    committer = _Committer(store)
    total, finished = done + len(names), done
    with connected(cluster) as ray:
        written = _written(ray, task, names, store.n_rows, chunk, cluster)
        try:
            with closing(written):  # or its actors would live as long as an error's traceback
                for first, n_rows, fragments in written:
                    committer.add(first, n_rows, fragments)
                    finished += n_rows
                    if progress is not None:
                        progress(finished, total)
        finally:
            committer.commit()


def _default_factory(encoder: Encoder) -> EncoderFactory:
    from namebasis.encoders.registry import load_encoder

    return partial(load_encoder, encoder.spec, revision=encoder.revision)


class _Committer:
    """Collects fragments as they come and commits those that follow on the committed rows."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[int, tuple[int, list[str]]] = {}
        self._last = time.monotonic()

    def add(self, first: int, n_rows: int, fragments: list[str]) -> None:
        """Take the fragments of `n_rows` rows from `first` on."""
        self._waiting[first] = (n_rows, fragments)
        if time.monotonic() - self._last > COMMIT_SECONDS:
            self.commit()

    def commit(self) -> None:
        """Append in one commit what follows without a gap on the rows that are stored."""
        import lance

        row, ready = self._store.n_rows, []
        while row in self._waiting:
            n_rows, fragments = self._waiting.pop(row)
            ready += [lance.FragmentMetadata.from_json(text) for text in fragments]
            row += n_rows
        self._last = time.monotonic()
        if not ready:
            return
        if remote_of(self._store.folder) is not None:
            append_fragments(self._store.dataset, ready)
            self._store.refresh()
            return
        for fragment in ready:
            self._check(fragment)
        lance.LanceDataset.commit(
            self._store.dataset,
            lance.LanceOperation.Append(ready),
            read_version=self._store.version,
        )
        self._store.refresh()

    def _check(self, fragment: Any) -> None:
        """Refuse a fragment whose file lies on another machine's disk."""
        for file in fragment.files:
            path = self._store.uri / "data" / file.path
            if not path.is_file() or path.stat().st_size != file.file_size_bytes:
                raise SpaceError(f"{path}: written by an actor, but not here. {SHARE}")


class _Writer:
    """An actor's work: holds the encoder and turns chunks of names into fragments."""

    def __init__(self, task: _Task) -> None:
        self._templates = task.templates
        self._dataset = _open_begun(task)
        self._encoder = _load(task)

    def __call__(self, chunk: tuple[int, pa.Table]) -> list[str]:
        from lance.fragment import write_fragments

        first, names = chunk
        schema = self._dataset.schema
        rows = encode_rows(
            names, first, self._encoder, self._templates, schema, lambda _encoded: None
        )
        written = write_fragments(rows, self._dataset, mode="append")
        return [json.dumps(fragment.to_json()) for fragment in written]


def _open_begun(task: _Task) -> Any:
    """Open the data set that the driver began, and look that it is that one."""
    import lance

    uri = Path(task.uri)
    try:
        dataset = lance.dataset(for_lance(uri))
        found = Provenance.from_metadata(dataset.schema.metadata, task.uri).build_id
    except (ValueError, OSError):
        found = None
    if found != task.build_id:
        needs = SHARE if remote_of(uri.parent) is None else CREDENTIALS
        raise SpaceError(
            f"{said(uri.parent)}: the space is not there on machine {platform.node()}. {needs}"
        )
    return dataset


def _load(task: _Task) -> Encoder:
    encoder = task.factory()
    if encoder.fingerprint != task.fingerprint:
        raise EncoderError(
            f"{encoder.spec} has other weights on an actor ({encoder.fingerprint[:19]}…) than on "
            f"the driver ({task.fingerprint[:19]}…). Put the same weights on every machine."
        )
    return encoder


def _written(
    ray: Any, task: _Task, names: pa.Table, first: int, chunk: int, cluster: RayCluster
) -> Generator[tuple[int, int, list[str]], None, None]:
    """Yield first row, number of rows and fragments of each chunk, in the order they finish."""
    chunks = [
        (first + start, names.slice(start, chunk).combine_chunks())
        for start in range(0, len(names), chunk)
    ]

    def said(at: int) -> str:
        return f"the {len(chunks[at][1]):,} names from row {chunks[at][0]:,} on"

    n_actors, resources = share(ray, cluster.n_actors, len(chunks))
    pool = Pool(ray, partial(_Writer, task), n_actors, resources)
    try:
        for at, fragments in pool.map(chunks, said):
            yield chunks[at][0], len(chunks[at][1]), fragments
    finally:
        pool.close()
