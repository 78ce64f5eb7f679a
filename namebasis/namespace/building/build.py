"""Build a name space chunk by chunk: killed at any moment, it goes on where it stood."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Generic

import numpy as np
import pyarrow as pa

from namebasis.checks import Progress, check_seed
from namebasis.encoders.given import GivenVectors
from namebasis.encoders.registry import as_encoder
from namebasis.errors import CorpusError, EncoderError, SpaceError
from namebasis.namespace.actors.cluster import (
    EncoderFactory,
    RayCluster,
    check_engine,
)
from namebasis.namespace.building.adding import (
    append_rows,
    count_uncounted,
    mend,
    note_sums,
)
from namebasis.namespace.building.encode import encode_rows, space_schema
from namebasis.namespace.building.ray_engine import append_with_ray
from namebasis.namespace.building.replacing import put_in_place
from namebasis.namespace.building.rewriting import index_all
from namebasis.namespace.building.summary import Summary, summarise
from namebasis.namespace.building.templates import Templates, load_templates
from namebasis.namespace.building.tokens import without_unreadable
from namebasis.namespace.computed import facts as computed
from namebasis.namespace.corpus.files.own_columns import fit_to
from namebasis.namespace.corpus.names import NAME_SCHEMA
from namebasis.namespace.corpus.sources import as_names
from namebasis.namespace.objects.data_sets import append_remote
from namebasis.namespace.objects.picture_versions import PICTURES_KEY
from namebasis.namespace.objects.urls import remote_of
from namebasis.namespace.pictures.views import complete
from namebasis.namespace.search import caches, spelling_index
from namebasis.namespace.search.name_lookup import rows_alike
from namebasis.namespace.space import Kind, StoredSpace
from namebasis.namespace.store import swap, unspelled
from namebasis.namespace.store.columns import add_empty
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.store.history import changing
from namebasis.namespace.store.locks import locked, writing
from namebasis.namespace.store.opening import NAMES, holds_versions, open_dataset
from namebasis.namespace.store.places import for_lance, place_of
from namebasis.namespace.store.provenance import (
    KEY,
    Provenance,
    corpus_digest,
    describe_job,
)
from namebasis.namespace.store.sums import grown_sums, sums_entry
from namebasis.wording import counted

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.corpus.names import Names

log = logging.getLogger(__name__)

CHUNK = 4096
"""Names per commit at most."""
FIRST_CHUNK = 256
COMMIT_SECONDS = 30.0
"""About what a killed build loses at most; a slow encoder commits fewer names at a time."""


def build_space(
    names: Names | object,
    path: str | Path,
    *,
    encoder: Encoder | str | None = None,
    vectors: object = None,
    templates: str | Path | Sequence[str] | Templates = "portrait",
    unreadable: str = "drop",
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress | None = None,
    engine: str = "local",
    address: str | None = None,
    n_actors: int | None = None,
    encoder_factory: EncoderFactory | None = None,
    index: str | None = None,
) -> StoredSpace:
    """Put names into an encoder's space and store them.

    Rows are committed some thousand at a time, or every half minute where the encoder is slow.
    Run again with the same names, encoder, templates and seed, a build that was stopped goes on
    where it stood, and one that was finished is opened as it is.

    Parameters
    ----------
    names : Names, or a source of names
        From `read_names`, or anything that it takes.
    path : str or Path
        A new folder, or one in which the same build was begun.
    encoder : Encoder or str
        From `load_encoder`, or the spec that it takes; it must read text. Optional where
        `vectors` are given: it is then the model that they are of, and embeds what is asked later.
    vectors : array of shape (n_names, dim), or GivenVectors, optional
        Vectors of one's own, one for each row of `names`; templates are not used then.
    templates : str, Path, or list of str
        A packaged set, a string with {}, a list of those, or a TOML file.
    unreadable : {"drop", "keep"}
        What becomes of names of which the encoder knows no letter, so that all have one vector.
    seed : int
        Chooses the index's training rows.
    overwrite : bool
        Replace the space at `path`. It stays untouched until the new one is finished.
    progress : callable, optional
        Called with names done and names in all.
    engine : str
        "local", or "ray" for the same rows from many processes or machines.
    address : str, optional
        Of a Ray cluster; by default the ray engine starts a Ray of its own on this machine.
    n_actors : int, optional
        Encoders at work at once under Ray; by default one for each GPU, or else each core.
    encoder_factory : callable, optional
        Loads the encoder in each of Ray's actors; it is pickled. By default `load_encoder` with
        the encoder's spec and revision.
    index : {"auto", "pq", "sq8"}, optional
        How vectors are indexed: `auto`, exactly up to 200,000 names and by inverted lists above, or
        compressed for spaces larger than memory, from 10,000 names on. By default as the space is
        indexed that is there; a finished one is indexed again where that is another way.

    Raises
    ------
    CorpusError
        If there is no name.
    EncoderError
        If the encoder does not read text, or its vectors cannot be stored.
    SpaceError
        If something else is at `path`, or another process writes there.
    MissingExtraError
        If `engine` is "ray" and Ray is not installed.
    ValueError
        If the templates are refused, there are neither encoder nor vectors, or not one vector for
        each name, there is no such engine or index, or Ray's settings are given to the
        local one.
    """
    seed = check_seed(seed)
    if index is not None:
        caches.check_kind(index)
    path = place_of(path)
    names = as_names(names, seed=seed)
    cluster = check_engine(engine, RayCluster(address, n_actors, encoder_factory))
    if len(names) == 0:
        raise CorpusError("the corpus holds no name; there is nothing to build.")
    if encoder is not None:
        encoder = as_encoder(encoder)
    if vectors is not None:
        if cluster is not None:
            raise ValueError("engine must be local where vectors are given: there is no work.")
        if isinstance(vectors, GivenVectors):
            encoder = vectors
        else:
            encoder = GivenVectors(names.strings, vectors, encoder=encoder)
        templates = "plain"
    if encoder is None:
        raise ValueError("give an encoder (see load_encoder), or vectors of your own.")
    if not encoder.has_text:
        raise EncoderError(f"{encoder.spec} does not read text, so it cannot place names.")
    names = without_unreadable(names, encoder, unreadable)
    job = describe_job(names, encoder, load_templates(templates), seed)
    swap.finish_swap(path)
    place = _choose_place(path, job, overwrite)
    with ExitStack() as locks:
        for folder in dict.fromkeys((place, path)):  # the last one names what is refused
            locks.enter_context(locked(folder))
        # Another build may have ended here between the look and the lock.
        if _choose_place(path, job, overwrite) != place:
            raise SpaceError(f"{path}: another process wrote to it just now. Try again.")
        swap.clear(path)
        is_there = place != path and remote_of(path) is not None
        replaced = open_dataset(path / NAMES) if is_there else None
        store = _begin(place, job, names.table.schema, encoder)
        current = Provenance.from_metadata(store.metadata, str(place))
        if index is not None or place != path:
            caches.set_kind(store, index or _kind_there(path))
        if current.state == "done" and index is not None:
            index_all(store)
        elif current.state != "done":
            done = store.n_rows
            if done:
                log.info("%s: resumes after %d of %d names", place, done, len(names))
            left, stored = names.table.slice(done), (encoder, job.templates, progress, done)
            if cluster is None:
                _append(store, left, *stored)
            else:
                append_with_ray(store, left, *stored, chunk=CHUNK, cluster=cluster)
            _finish(store, current)
        if replaced is not None:
            put_in_place(store, replaced, path)
        elif place != path:
            swap.swap(path)
    built = StoredSpace(path, encoder)
    built.summary = summarise(path, built.provenance, built.views, names, n_all=len(built))
    return built


def add_names(
    space: Kind,
    names: Names | object,
    *,
    encoder: Encoder | str | None = None,
    vectors: object = None,
    unreadable: str = "drop",
    progress: Progress | None = None,
) -> Kind:
    """Append names to a space; they are found at once.

    Parameters
    ----------
    space : Space
    names : Names
        Those whose name and part the space holds already are skipped, and counted in the log.
        Own columns that the space lacks are added to it, null for the names that it had; values of
        others take the type that they have there, or are null, which the log says.
    encoder : Encoder or str, optional
        The one that built the space, or its spec; loaded where not given.
    vectors : array of shape (n_names, dim), or GivenVectors, optional
        Vectors of one's own, one for each row of `names`.
    unreadable : {"drop", "keep"}
        As `build_space` takes it.
    progress : callable, optional
        Called with names done and names in all.

    Returns
    -------
    Space
        Opened again.

    Raises
    ------
    EncoderError
        If the encoder's weights are not those that built the space.
    SpaceError
        If the space was replaced since it was opened, or another process writes to it.

    See Also
    --------
    namebasis.Space.add : The same as a method.

    Examples
    --------
    >>> import namebasis as nb
    >>> small = nb.build_space(["Anna"], "small.space", templates="plain")
    >>> len(nb.add_names(small, ["Anna", "Björk"]))
    2
    """
    return add_counted(
        space, names, encoder=encoder, vectors=vectors, unreadable=unreadable, progress=progress
    ).space


@dataclass(frozen=True)
class Added(Generic[Kind]):
    """A space that was added to.

    Attributes
    ----------
    space : Space
    n_added : int
        Names that it did not hold before.
    n_known : int
        Names that it held.
    summary : Summary
        Of the names that were added.
    """

    space: Kind
    n_added: int
    n_known: int
    summary: Summary


def add_counted(
    space: Kind,
    names: Names | object,
    *,
    encoder: Encoder | str | None = None,
    vectors: object = None,
    unreadable: str = "drop",
    progress: Progress | None = None,
) -> Added[Kind]:
    """Append names as `add_names` does; return what became of them too."""
    names = as_names(names)
    if encoder is not None:
        encoder = as_encoder(encoder)
    if vectors is not None:
        encoder = _given_for(space, names, vectors, encoder)
    encoder = space.encoder() if encoder is None else space.check_encoder(encoder)
    names = without_unreadable(names, encoder, unreadable)
    with writing(space._store) as store:
        mend(store)
        fresh = _not_yet_stored(names.table, store)
        skipped = len(names) - len(fresh)
        if skipped:
            log.info("%d of %d names are in the space already", skipped, len(names))
        fitted = fit_to(fresh, store.schema, len(NAME_SCHEMA))
        for told in fitted.notes:
            log.warning("%s: %s", space.path, told)
        if len(fresh):
            with changing(store, f"add of {counted(len(fresh), 'name')}"):
                # Before the rows: whatever kills this, a row that is stored has all its values.
                add_empty(store, fitted.added)
                templates = space.provenance.templates
                _append(store, fitted.names, encoder, templates, progress, adding=True)
                note_sums(store)
                renew_indices(store)
                store.keep_up()
    new = tuple(field.name for field in fitted.added)
    grown = space.reopened(encoder)
    grown.summary = summarise(
        grown.path, grown.provenance, grown.views, names, fresh,
        n_all=len(grown), n_known=skipped, new_columns=new,
        told=(*fitted.notes, *filter(None, [computed.said_lacking(grown._store)])),
    )  # fmt: skip
    return Added(grown, len(fresh), skipped, grown.summary)


def _given_for(
    space: StoredSpace, names: Names, vectors: object, encoder: Encoder | None
) -> GivenVectors:
    """Given vectors as those of a space: its encoder's, or of a space that has none."""
    if isinstance(vectors, GivenVectors):
        given = vectors
    else:
        model = encoder if space.is_given or encoder is not None else space.encoder()
        given = GivenVectors(names.strings, vectors, encoder=model)
    if given.dim != space.provenance.dim:
        raise EncoderError(
            f"{space.path} has vectors of {space.provenance.dim} columns; those given have "
            f"{given.dim}."
        )
    if given.model is None:
        given.join(space.provenance.encoder, space.provenance.fingerprint)
    return given


def refuse_foreign(path: Path) -> None:
    """Refuse a path at which something is that no build made.

    Raises
    ------
    SpaceError
    """
    if not path.exists() or remote_of(path) is not None:
        return
    if not path.is_dir():
        raise SpaceError(f"{path} is a file; a space needs a folder. Choose another path.")
    foreign = {entry.name for entry in path.iterdir()} - {NAMES, ".lock"}
    if foreign and not holds_versions(path):
        raise SpaceError(
            f"{path}: not a name space; it holds {sorted(foreign)[0]!r}. Choose another path."
        )


def _choose_place(path: Path, job: Provenance, overwrite: bool) -> Path:
    """Where to build: at `path` itself, or beside it where a space there is to be replaced."""
    refuse_foreign(path)
    if not (path.exists() or remote_of(path)) or not holds_versions(path):
        return path
    if overwrite:
        try:
            there = Provenance.from_metadata(Store(path).metadata, str(path))
        except SpaceError:
            # Damaged or newer: the user asked to replace it, and it stays until that is done.
            return swap.new_path(path)
        same = not there.differences(job) and there.state == "building"
        return path if same else swap.new_path(path)
    there = Provenance.from_metadata(Store(path).metadata, str(path))
    differs = there.differences(job)
    if differs:
        raise _other_space(path, there, differs)
    return path


def _kind_there(path: Path) -> str:
    """How the space that is to be replaced is indexed; its successor is, too."""
    try:
        return caches.index_kind(Store(path))
    except SpaceError:  # damaged or newer
        return "auto"


def _other_space(path: Path, there: Provenance, differs: Sequence[str]) -> SpaceError:
    state = "was begun" if there.state == "building" else "exists"
    return SpaceError(
        f"{path}: another space {state} there (it differs in {', '.join(differs)}). "
        "Choose another path, or overwrite it."
    )


def refuse_other(path: Path, names: Names, templates: Templates, seed: int) -> None:
    """Refuse a build that the space at its path cannot be, before an encoder is loaded.

    Which names the encoder cannot read is not known yet: a space of fewer names passes.

    Raises
    ------
    SpaceError
        If the space there has other templates or another seed, or cannot be of these names.
    """
    if not (path.exists() or remote_of(path)) or not holds_versions(path):
        return
    there = Provenance.from_metadata(Store(path).metadata, str(path))
    differs = [
        what
        for what, is_other in (
            ("templates", there.templates != templates.templates),
            ("seed", there.seed != seed),
            ("n_names", there.n_names > len(names)),
        )
        if is_other
    ]
    if there.n_names == len(names) and there.corpus != corpus_digest(names.table):
        differs.append("corpus")
    if differs:
        raise _other_space(path, there, differs)


def _begin(place: Path, job: Provenance, corpus: pa.Schema, encoder: Encoder) -> Store:
    """Open the data set begun at `place`, or begin one with the job written in its metadata."""
    mode = "create"
    if holds_versions(place):
        store = Store(place)
        if not Provenance.from_metadata(store.metadata, str(place)).differences(job):
            return store
        mode = "create" if remote_of(place) is None else "overwrite"
    import lance

    # What lies here was never finished: a space's first commit, or another replacement.
    for leftover in (place / NAMES, place / "indices"):
        shutil.rmtree(leftover, ignore_errors=True)
    about = {KEY: job.to_json()}
    if remote_of(place) is not None:  # pictures that another space left there do not count
        about[PICTURES_KEY] = "0"
    schema = space_schema(corpus.remove_metadata(), encoder, about)
    uri = for_lance(place / NAMES)
    dataset = lance.write_dataset(schema.empty_table(), uri, schema=schema, mode=mode)
    return Store(place, dataset)


def _append(
    store: Store,
    names: pa.Table,
    encoder: Encoder,
    templates: tuple[str, ...],
    progress: Progress | None,
    done: int = 0,
    adding: bool = False,
) -> None:
    """Encode and commit names chunk by chunk; each chunk is one atomic append.

    `done` names of the same job were committed before; they count in the progress.
    """
    import lance

    start, size = 0, min(FIRST_CHUNK, CHUNK)
    while start < len(names):

        def report(encoded: float, start: int = start) -> None:
            if progress is not None:
                progress(int(done + start + encoded), done + len(names))

        begun = time.monotonic()
        chunk = names.slice(start, size)
        first = store.n_rows + (0 if adding else start)
        rows = encode_rows(chunk, first, encoder, templates, store.schema, report)
        if adding:
            rows = computed.complete(unspelled.complete(rows, store), store)
            append_rows(store, complete(rows, store))
        elif remote_of(store.folder) is not None:
            store.dataset = append_remote(store.dataset, rows)
        else:
            # From the version just written: Lance looks through all that came after the one given.
            store.dataset = lance.write_dataset(rows, store.dataset, mode="append")
        start += len(chunk)
        size = _next_size(len(chunk), time.monotonic() - begun)
    store.refresh()


def _next_size(n_names: int, seconds: float) -> int:
    """How many names to commit next, so that it takes about `COMMIT_SECONDS`."""
    affordable = n_names * COMMIT_SECONDS / max(seconds, 1e-3)
    return max(1, min(CHUNK, int(affordable)))


def _finish(store: Store, job: Provenance) -> None:
    """Index the rows, then say in one commit that the space is done and what its sums are."""
    # A build that was killed here may have counted them, and not yet made its pieces one.
    count_uncounted(store)
    store.keep_up()
    # The versions of single chunks go, and what killed writers left.
    store.tidy()
    for view in store.views:
        caches.build_index(store, view, job.build_id, job.seed)
    spelling_index.renew(store)
    sums = sums_entry(store, grown_sums(store))
    done = {KEY: replace(job, state="done").to_json(), **sums}
    store.dataset.update_schema_metadata(done)
    store.refresh()


def _not_yet_stored(names: pa.Table, store: Store) -> pa.Table:
    key = ["name", "part"]
    there = rows_alike(store, names["name"].to_pylist()).select(key)
    fresh = names.append_column("row", pa.array(np.arange(len(names)))).select([*key, "row"])
    joined = fresh.join(there, key, join_type="left anti")
    return names.take(pa.array(np.sort(joined["row"].to_numpy())))


def renew_indices(store: Store) -> None:
    """Make indices again that are missing, of another kind, or of so few rows that they slow down.

    Parameters
    ----------
    store : Store
        Locked by the caller; refreshed here.
    """
    source = Provenance.from_metadata(store.metadata, str(store.folder))
    most = max(CHUNK, store.n_rows // 10)
    # A machine that only adds to a space in object storage needs no index of it.
    is_asked_here = remote_of(store.folder) is None
    renewed = [
        caches.renew_index(store, view, source.build_id, source.seed, most)
        for view in store.views
        if is_asked_here or caches.saved_facts(store, view) is not None
    ]
    if any(renewed):
        count_uncounted(store)
    spelling_index.renew(store)
