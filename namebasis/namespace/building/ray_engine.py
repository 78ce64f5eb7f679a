"""The chunks of a build on Ray: actors hold the encoder and write fragments, the driver commits."""

from __future__ import annotations

import json
import logging
import platform
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.checks import Progress
from namebasis.errors import EncoderError, NamebasisError, SpaceError
from namebasis.namespace.building.encode import encode_rows
from namebasis.namespace.building.ray_cluster import (
    EncoderFactory,
    RayCluster,
    connected,
    share,
    silent,
)
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.store.engine_errors import one_line
from namebasis.namespace.store.places import for_lance
from namebasis.namespace.store.provenance import Provenance

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

log = logging.getLogger(__name__)

COMMIT_SECONDS = 60.0
"""What is finished in row order is committed this often: what a killed driver loses at most."""

TRIES = 5
"""Times that a chunk may kill its actor before the build gives up; Ray itself never would."""

TRIES_FOLDER = "ray_tries"
"""In the space's folder while Ray works: a file for each chunk begun, as long as its tries."""

ROW = "__row"
"""Column that carries each name's row number to the actors."""


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
    tries = store.folder / TRIES_FOLDER
    shutil.rmtree(tries, ignore_errors=True)
    task = _Task(
        uri=str(store.uri.resolve()),
        build_id=Provenance.from_metadata(store.metadata, str(store.folder)).build_id,
        fingerprint=encoder.fingerprint,
        templates=templates,
        factory=cluster.encoder_factory or _default_factory(encoder),
    )
    committer = _Committer(store)
    total, finished = done + len(names), done
    with connected(cluster) as ray:
        try:
            for first, n_rows, fragments in _written(
                ray, task, names, store.n_rows, chunk, cluster
            ):
                committer.add(first, n_rows, fragments)
                finished += n_rows
                if progress is not None:
                    progress(finished, total)
        finally:
            committer.commit()
            shutil.rmtree(tries, ignore_errors=True)


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
                raise SpaceError(f"{path}: written by an actor, but not here. {_SHARE}")


_SHARE = "A Ray cluster needs a folder that all its machines share, under the same path."


class _Writer:
    """An actor's work: holds the encoder and turns chunks of names into fragments."""

    def __init__(self, task: _Task) -> None:
        self._task = task
        self._refusal = ""
        try:
            self._dataset = _open_begun(task)
            self._encoder = _load(task)
        except NamebasisError as error:
            # Raised here it would be retried; told to the driver it ends the build in one line.
            self._refusal = str(error)

    def __call__(self, chunk: pa.Table) -> pa.Table:
        first = chunk[ROW][0].as_py()
        fragments: list[str] = []
        if not self._refusal:
            try:
                fragments = self._write(chunk.drop_columns([ROW]), first)
            except NamebasisError as error:
                self._refusal = str(error)
        return pa.table(
            {
                "first": [first],
                "n_rows": [len(chunk)],
                "fragments": pa.array([fragments], type=pa.list_(pa.string())),
                "refusal": [self._refusal],
            }
        )

    def _write(self, names: pa.Table, first: int) -> list[str]:
        from lance.fragment import write_fragments

        tries = Path(self._task.uri).parent / TRIES_FOLDER / str(first)
        tries.parent.mkdir(exist_ok=True)
        with tries.open("a") as mark:
            if mark.tell() >= TRIES:
                raise EncoderError(
                    f"the {len(names)} names from row {first} on killed their actor {TRIES} times, "
                    "perhaps for want of memory. Try fewer actors, or the local engine."
                )
            mark.write("x")
        schema = self._dataset.schema
        templates = self._task.templates
        rows = encode_rows(names, first, self._encoder, templates, schema, lambda _encoded: None)
        written = write_fragments(rows, self._dataset, mode="append")
        tries.unlink(missing_ok=True)
        return [json.dumps(fragment.to_json()) for fragment in written]


def _open_begun(task: _Task) -> Any:
    """Open the data set that the driver began, and look that it is that one."""
    import lance

    try:
        dataset = lance.dataset(for_lance(Path(task.uri)))
        found = Provenance.from_metadata(dataset.schema.metadata, task.uri).build_id
    except (ValueError, OSError):
        found = None
    if found != task.build_id:
        raise SpaceError(
            f"{task.uri}: the space is not there on machine {platform.node()}. {_SHARE}"
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
) -> Iterator[tuple[int, int, list[str]]]:
    """Yield first row, number of rows and fragments of each chunk, in the order they finish."""
    rows = names.append_column(ROW, pa.array(np.arange(first, first + len(names))))
    # A block is a chunk: with batch_size=None an actor gets exactly one block at a time.
    blocks = [rows.slice(start, chunk) for start in range(0, len(rows), chunk)]
    dataset = ray.data.from_arrow(blocks).map_batches(
        _Writer,
        fn_constructor_args=[task],
        batch_size=None,
        batch_format="pyarrow",
        **share(ray, cluster.n_actors, len(blocks)),
    )
    try:
        with silent(dataset):
            for result in dataset.iter_rows():
                if result["refusal"]:
                    raise EncoderError(result["refusal"])
                yield int(result["first"]), int(result["n_rows"]), list(result["fragments"])
    except ray.exceptions.RayTaskError:
        raise
    except ray.exceptions.RayError as error:
        raise NamebasisError(
            f"the Ray engine stopped: {one_line(error)[:500]} What is committed stays; "
            "run the same build again."
        ) from None
