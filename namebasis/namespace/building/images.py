"""Images of names: their vectors, the `image` view made of them, and the mean of all images."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from namebasis.checks import FloatArray, Progress, as_embeddings, unit_rows
from namebasis.encoders.image_archives import digest_of_picture
from namebasis.encoders.registry import TEXT_ONLY
from namebasis.errors import EncoderError
from namebasis.namespace.building.added_images import AddedImages
from namebasis.namespace.building.beside import (
    BLOCKS,
    column_of,
    count_beside,
    digests_of,
    other_encoder,
    places_of,
)
from namebasis.namespace.building.image_rows import (
    Beside,
    Key,
    known_in,
    lasting,
    measured_in,
    rows_of,
    seen_in,
)
from namebasis.namespace.building.ready_check import check_whose
from namebasis.namespace.corpus.image_labels import (
    LabelledImages,
    find_labels,
    label_images,
    names_of,
    refuse_unmatched,
)
from namebasis.namespace.corpus.pictures.keys import Seen
from namebasis.namespace.corpus.pictures.ready import (
    ReadyCount,
    ReadyVectors,
    fresh_vectors,
    ready_vectors,
)
from namebasis.namespace.corpus.pictures.tables import in_utf8
from namebasis.namespace.pictures.copies import n_pictures, under_several_names
from namebasis.namespace.pictures.incoming import incoming_of
from namebasis.namespace.pictures.migration import brought_over
from namebasis.namespace.pictures.there import note_pictures, tidy_pictures
from namebasis.namespace.pictures.views import view_of_images
from namebasis.namespace.pictures.writing import (
    absorb,
    append,
    append_drawn,
    large_blocks_given_back,
)
from namebasis.namespace.store import metrics
from namebasis.namespace.store.columns import put_view
from namebasis.namespace.store.dataset import (
    BLOCK_ROWS,
    IMAGE_COUNT,
    Store,
)
from namebasis.namespace.store.history import changing
from namebasis.namespace.store.locks import writing
from namebasis.namespace.store.opening import IMAGES
from namebasis.namespace.store.sums import image_mean_entry
from namebasis.reading import UnreadableError
from namebasis.wording import did_you_mean

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.encoders.image_files import ImageFailure
    from namebasis.namespace.space import Kind, StoredSpace

VIEW = "image"
WAYS = ("skip", "keep")
"""What may become of images that belong to no stored name."""
CHUNK = 256
"""Images per commit: what a run that is stopped loses at most."""
CHUNK_BESIDE = 4096
"""As `CHUNK`, of vectors by another encoder: their column is rewritten with each commit."""
COMMIT = 32
"""Blocks of ready vectors per commit: small ones would be merged, in memory, again and again."""


def _no_images(space: StoredSpace, spec: str) -> EncoderError:
    return EncoderError(
        f"{space.path} was built with {spec}, which reads no images; build a space with an "
        "image-text encoder, such as open_clip: or hf: ones."
    )


def add_images(
    space: Kind,
    folder: str | Path,
    *,
    encoder: Encoder | str | None = None,
    vectors: object = None,
    unmatched: str = "skip",
    new_names: bool = False,
    progress: Progress | None = None,
) -> tuple[Kind, AddedImages]:
    """Encode images of names and make the space's `image` view of them.

    An image belongs to the name that its folder is called (``Vicki/a.jpg``, ``train/Vicki/a.jpg``),
    or else to the name that its file is called, without a number at its end (``Vicki_02.jpg``), or
    that a table gives it; see `image_labels.label_images`. Where none of the images belongs to a
    stored name, nothing is encoded.
    The view holds the mean of a name's image vectors, scaled to length 1, and 0 for a name
    without one; the column `n_images` says how many. The mean of all images, by which image
    targets are centred, includes images of names that the space does not hold.

    Images are committed some hundred at a time; a run that was stopped goes on where it stood.

    Parameters
    ----------
    space : Space
    folder : str or Path
        A folder, a tar archive, or a table of image files and names (csv, tsv, jsonl, parquet); or
        a folder of clip-retrieval's vectors (``img_emb/*.npy``, ``metadata/*.parquet``), of which
        no image is read.
    encoder : Encoder or str, optional
        The one that built the space, or its spec; loaded where not given. Ready vectors do not say
        whose they are, so they need it. Of another one vectors are kept beside the space's own, see
        `Pictures.vectors`; they count in no view.
    vectors : array of shape (n_rows, dim), optional
        Vectors of the images, one for each row of a table; no image is read then.
    unmatched : {"skip", "keep"}
        What becomes of images that belong to no stored name. Kept, they only move the centre of
        image targets; skipped ones can be added later, so that is the default.
    new_names : bool
        Add names of images that the space does not hold, where they look like names.
    progress : callable, optional
        Called with files done and files in all.

    Returns
    -------
    space : Space
        Opened again.
    added : AddedImages

    Raises
    ------
    EncoderError
        If the space's encoder reads no images, there is no such folder, none of its images belongs
        to a stored name, or none of its files can be read as an image.
    SpaceError
        If another process writes to the space.
    """
    from namebasis.namespace.space import StoredSpace

    if unmatched not in ("skip", "keep"):
        raise ValueError(
            f"unmatched must be skip or keep; got {unmatched!r}.{did_you_mean(unmatched, WAYS)}"
        )
    other = other_encoder(space, encoder)
    if vectors is None and encoder is None and space.provenance.encoder in TEXT_ONLY:
        raise _no_images(space, space.provenance.encoder)
    ready = None if vectors is not None else ready_vectors(Path(folder), space.find_all)
    if ready is not None:
        return _add_ready(space, ready, (encoder, other), unmatched, new_names, progress)
    found = label_images(folder, space.find_all, is_listed=vectors is not None)
    given = None if vectors is None else _checked(vectors, found, space, other)
    if new_names:
        space, told = _with_new_names(space, found.labels, None if other else encoder)
        found = replace(found, n_matched=_n_matched(space, found), notes=(*found.notes, *told))
    rows = find_labels(found.labels, space.find_all)
    taken = [unmatched == "keep" or rows[label] is not None for label in found.labels]
    if unmatched == "skip":
        found.refuse_unmatched(Path(folder), space.find_all)
    model = other
    if other is None and encoder is not None:
        model = space.check_encoder(encoder)
    if vectors is None:
        model = model or space.encoder()  # after all that can be refused without it
        if not model.has_images:
            raise _no_images(space, model.spec)
    skipped = tuple(label for label, row in rows.items() if row is None and unmatched == "skip")
    files = [file for file, is_taken in zip(found.files, taken, strict=True) if is_taken]
    labels = [label for label, is_taken in zip(found.labels, taken, strict=True) if is_taken]
    given = None if given is None else given[np.array(taken)]
    failures: list[ImageFailure] = []
    with (
        writing(space._store) as store,
        changing(brought_over(store), f"add of images in {Path(folder).name}", images=True),
    ):
        n_before = n_pictures(space.path / IMAGES)
        if given is not None or model is None:
            n_added = _append_given(store, files, labels, given, other, found.beside)
            if progress is not None:
                progress(len(files), len(files))
        else:
            n_added, failures = _encode(store, files, labels, model, other, progress, found.beside)
        if len(failures) == len(files):
            worst = failures[0]
            raise EncoderError(
                f"{folder}: none of its {len(files):,} image files can be read; the first, "
                f"{worst.path}: {worst.reason}"
            )
        current = StoredSpace(space.path)
        n_names, n_images = _write_view(store, current, space.provenance.dim)
        rows = find_labels(labels, current.find_all)
        copies = under_several_names(space.path / IMAGES, current.find_all, n_before)
        remarks = (*found.notes, *copies)
    strangers = tuple(label for label, row in rows.items() if row is None)
    n_known = len(files) - n_added - len(failures)
    added = AddedImages(
        n_added,
        n_known,
        n_names,
        n_images,
        strangers,
        (*found.failures, *failures),
        remarks,
        taken.count(False),
        skipped,
    )
    return _told_beside(space.reopened(None if other else model), added, other)


def _n_matched(space: StoredSpace, found: LabelledImages) -> int:
    rows = find_labels(found.labels, space.find_all)
    return sum(rows[label] is not None for label in found.labels)


def _with_new_names(
    space: Kind, labels: Sequence[str], encoder: Encoder | str | None
) -> tuple[Kind, list[str]]:
    """Add names of images that a space lacks, where they look like names; say how many."""
    from namebasis.namespace.building.build import add_names
    from namebasis.namespace.search.new_names import looks_like_name

    lacking = [
        label for label, row in find_labels(labels, space.find_all).items() if row is None and label
    ]
    names = list(dict.fromkeys(names_of(lacking, space.find_all).values()))
    fresh = [name for name in names if looks_like_name(name)]
    added = "1 name was" if len(fresh) == 1 else f"{len(fresh):,} names were"
    told = [f"{added} added to the space with their images"] if fresh else []
    others = [name for name in names if not looks_like_name(name)]
    if others:
        examples = ", ".join(map(repr, others[:3])) + ", …" * (len(others) > 3)
        labels = "1 label was" if len(others) == 1 else f"{len(others):,} labels were"
        told.append(
            f"{labels} not added, for want of the look of a name ({examples}): at most four words "
            "that begin with capitals"
        )
    return (add_names(space, fresh, encoder=encoder) if fresh else space), told


def _add_ready(
    space: Kind,
    ready: ReadyVectors,
    encoders: tuple[Encoder | str | None, Encoder | None],
    unmatched: str,
    new_names: bool,
    progress: Progress | None,
) -> tuple[Kind, AddedImages]:
    """Add pictures by the vectors that another tool made of them.

    `encoders` are the one that is said to have made them, and that one where it is not the space's.
    """
    from namebasis.namespace.space import StoredSpace

    encoder, other = encoders
    checked = check_whose(space, ready, encoder, other)
    labels, remarks = ready.labels(), [*ready.notes, *checked]
    if new_names:
        space, told = _with_new_names(space, labels, None)
        remarks += told
    rows = find_labels(labels, space.find_all)
    taken = {label for label, row in rows.items() if row is not None or unmatched == "keep"}
    if all(row is None for row in rows.values()) and unmatched == "skip":
        refuse_unmatched(ready.folder, len(ready), labels)
    with (
        large_blocks_given_back(),
        writing(space._store) as store,
        changing(brought_over(store), f"add of images in {ready.folder.name}", images=True),
    ):
        uri = space.path / IMAGES
        n_before = n_pictures(uri)
        count = ReadyCount()
        known = seen_in(uri, other)
        places = places_of(uri, column_of(other).name)
        blocks = _ready_rows(ready, taken, known, count, progress, (places, other))
        for first in blocks:
            if places or other is not None:
                some = pa.Table.from_batches([first, *islice(blocks, BLOCKS - 1)])
                absorb(uri, incoming_of(some))
            else:
                append_drawn(uri, chain([first], islice(blocks, COMMIT - 1)), first.schema)
            note_pictures(store)
        current = StoredSpace(space.path)
        n_names, n_images = _write_view(store, current, space.provenance.dim)
        rows = find_labels(labels, current.find_all)
        remarks += under_several_names(uri, current.find_all, n_before)
    lacking = tuple(label for label, row in rows.items() if row is None and label)
    kept = unmatched == "keep"
    added = AddedImages(
        count.n_added, count.n_known, n_names, n_images, lacking if kept else (),
        tuple(count.failures), tuple(remarks), count.n_skipped,
        () if kept else lacking,
    )  # fmt: skip
    return _told_beside(space.reopened(), added, other)


def _told_beside(
    space: Kind, added: AddedImages, other: Encoder | None
) -> tuple[Kind, AddedImages]:
    """What became of pictures whose vectors are kept beside the space's own."""
    if other is None:
        return space, added
    n_names, n_images = count_beside(space.pictures(), other)
    return space, replace(added, n_names=n_names, n_images=n_images, beside=other.spec)


def _ready_rows(
    ready: ReadyVectors,
    taken: Container[str],
    known: Seen,
    count: ReadyCount,
    progress: Progress | None,
    beside: tuple[dict[Key, str], Encoder | None],
) -> Iterator[pa.RecordBatch]:
    """Rows of pictures that are wanted and new, a block at a time."""
    digest, column = digests_of(*beside), column_of(beside[1])
    for paths, keys, vectors in fresh_vectors(ready, taken, known, count, digest):
        if progress is not None:
            progress(count.n_read, len(ready))
        if paths:
            rows = rows_of(paths, keys, vectors, may_be_painted=False, column=column)
            yield from rows.to_batches()


def _checked(
    vectors: object, found: LabelledImages, space: StoredSpace, other: Encoder | None
) -> FloatArray:
    """Given vectors of the rows that a table has a name for."""
    dim = space.provenance.dim if other is None else other.dim
    width = np.asarray(vectors).shape[1:]
    if len(width) == 1 and width[0] != dim:
        whose = space.provenance.encoder if other is None else other.spec
        remedy = (
            "If another encoder made them, say which with --encoder SPEC (encoder=…): they are "
            "kept beside the space's own."
            if other is None
            else "Name the encoder that made them."
        )
        raise ValueError(
            f"the vectors have {width[0]} numbers, those of {whose} have {dim}. {remedy}"
        )
    rows = unit_rows(as_embeddings(vectors, "vectors", dim), "vectors")
    if found.n_rows != len(rows):
        raise ValueError(
            f"there must be one vector for each row of the table; got {len(rows):,} vectors for "
            f"{found.n_rows:,} rows."
        )
    return rows[list(found.rows)]


def _append_given(
    store: Store,
    files: Sequence[Path],
    labels: Sequence[str],
    vectors: FloatArray | None,
    other: Encoder | None,
    beside: Beside,
) -> int:
    """Append given vectors that are not stored yet; return how many."""
    if vectors is None:
        return 0
    uri = store.folder / IMAGES
    column = column_of(other)
    known, places = known_in(uri, column.name), places_of(uri, column.name)
    digest = digests_of(places, other)
    keys = [
        (label, digest(label, str(file), row))
        for label, file, row in zip(labels, files, vectors, strict=True)
    ]
    fresh = {key: row for row, key in reversed(list(enumerate(keys))) if key not in known}
    rows = sorted(fresh.values())
    if rows:
        table = rows_of(
            [str(files[row]) for row in rows],
            [keys[row] for row in rows],
            vectors[rows],
            may_be_painted=False,
            column=column,
            beside=beside,
        )
        if places or other is not None:
            absorb(uri, incoming_of(table))
        else:
            append(uri, table)
        note_pictures(store)
    return len(rows)


def _encode(
    store: Store,
    files: Sequence[Path],
    labels: Sequence[str],
    encoder: Encoder,
    other: Encoder | None,
    progress: Progress | None,
    beside: Beside,
) -> tuple[int, list[ImageFailure]]:
    """Add the vectors of files that are not stored; return how many, and the failures.

    A picture that a report has measured by the same encoder is not encoded again.
    """
    from namebasis.encoders.image_files import encode_image_files

    uri = store.folder / IMAGES
    column, chunk = column_of(other), CHUNK if other is None else CHUNK_BESIDE
    known, measured = known_in(uri, column.name), measured_in(uri, column.name)
    places = places_of(uri, column.name)
    n_added = 0
    bad: dict[Key, ImageFailure] = {}
    failures: list[ImageFailure] = []
    for start in range(0, len(files), chunk):
        fresh: dict[Key, Path] = {}
        ready: dict[Key, Path] = {}
        copies: list[tuple[Key, Path]] = []
        for file, label in zip(files[start : start + chunk], labels[start:], strict=False):
            key = label, _digest(file)
            if places and key not in known and key[1] and key[1] not in measured:
                key = label, places.get((label, lasting(in_utf8(str(file)))), key[1])
            # A file that cannot be read has no digest, so it is a copy of nothing.
            if not key[1]:
                key = label, f"unread {file}"
            if key in bad or key in fresh or key in ready:
                copies.append((key, file))
            elif key not in known:
                (ready if measured.get(key[1]) else fresh)[key] = file
        if ready:
            absorb(
                uri, incoming_of(rows_of([*map(str, ready.values())], list(ready), beside=beside))
            )
            for _, digest in ready:
                measured.pop(digest, None)
        if fresh:

            def report(done: int, _: int, start: int = start) -> None:
                if progress is not None:
                    progress(start + done, len(files))

            found = encode_image_files(encoder, list(fresh.values()), progress=report)
            by_path = {str(path): key for key, path in fresh.items()}
            bad |= {by_path[failure.path]: failure for failure in found.failures}
            failures += found.failures
            done = [by_path[path] for path in found.paths]
            if done:
                rows = rows_of(found.paths, done, found.vectors, column=column, beside=beside)
                if any(digest in measured for _, digest in done):
                    absorb(uri, incoming_of(rows))
                else:
                    append(uri, rows)
            known |= set(done)
            n_added += len(done)
        note_pictures(store)
        known |= set(ready)
        n_added += len(ready)
        failures += [replace(bad[key], path=str(file)) for key, file in copies if key in bad]
        if progress is not None:
            progress(min(start + chunk, len(files)), len(files))
    return n_added, failures


def _digest(file: Path) -> str:
    """SHA-256 of a file; empty where it cannot be read, which the reader of images reports."""
    try:
        return digest_of_picture(file)
    except UnreadableError:
        return ""


def _write_view(store: Store, space: StoredSpace, dim: int) -> tuple[int, int]:
    """Make the view of all stored images; return names and images."""
    tidy_pictures(store)
    made = view_of_images(store.folder / IMAGES, space.find_all, dim)
    if made is None:
        return 0, 0
    if len(made.names):
        facts = pa.table({"id": made.names, IMAGE_COUNT: pa.array(made.counts.astype(np.int32))})
        starts = range(0, store.n_rows, BLOCK_ROWS)
        put_view(
            store,
            VIEW,
            dim,
            {},
            (made.column(start, min(start + BLOCK_ROWS, store.n_rows)) for start in starts),
            beside=metrics.aligned(store, facts, "images", {}),
            notes=lambda key: image_mean_entry(store, made.mean, key),
        )
    else:
        store.dataset.update_schema_metadata(image_mean_entry(store, made.mean))
    return len(made.names), made.mean.n_images
