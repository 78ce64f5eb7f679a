"""Images of names: their vectors, the `image` view made of them, and the mean of all images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.checks import FloatArray, Progress, as_embeddings, unit_rows
from namebasis.encoders.image_archives import digest_of_picture
from namebasis.encoders.registry import TEXT_ONLY
from namebasis.errors import EncoderError
from namebasis.namespace.corpus.image_labels import (
    LabelledImages,
    find_labels,
    label_images,
)
from namebasis.namespace.corpus.pictures.tables import in_utf8
from namebasis.namespace.pictures.views import view_of_images
from namebasis.namespace.store import metrics
from namebasis.namespace.store.columns import put_view
from namebasis.namespace.store.dataset import (
    BLOCK_ROWS,
    IMAGE_COUNT,
    IMAGES,
    Store,
    as_column,
)
from namebasis.namespace.store.engine_errors import reading
from namebasis.namespace.store.history import changing
from namebasis.namespace.store.locks import writing
from namebasis.namespace.store.opening import holds_commit
from namebasis.namespace.store.places import for_lance
from namebasis.namespace.store.sums import image_mean_entry
from namebasis.namespace.store.upkeep import keep_up
from namebasis.reading import UnreadableError
from namebasis.results import Result, Table, plain_dict
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
BLOCK = 4096
"""Images whose vectors are in memory at a time."""
FEW = 100
"""Images whose mean is no good centre of image targets."""

Key = tuple[str, str]
"""The label of an image and the digest of its file: copies of it have the same."""


@dataclass(frozen=True, repr=False)
class AddedImages(Result):
    """What became of a folder of images.

    Attributes
    ----------
    n_added, n_known : int
        Images encoded now, and found to be in the space already.
    n_names : int
        Stored names that have an image now, from this folder or before.
    n_images : int
        Images in the space, those of no stored name counted too.
    strangers : tuple of str
        Names of images of this folder that the space does not hold; these images count in the
        mean of images only.
    failures : tuple of ImageFailure
        Files that could not be read, with the reason.
    remarks : tuple of str
        How names were read, and what was passed over.
    n_skipped : int
        Images that belong to no stored name and were left out.
    skipped : tuple of str
        The names that were read of these.
    """

    n_added: int
    n_known: int
    n_names: int
    n_images: int
    strangers: tuple[str, ...]
    failures: tuple[ImageFailure, ...]
    remarks: tuple[str, ...] = ()
    n_skipped: int = 0
    skipped: tuple[str, ...] = ()

    def headline(self) -> str:
        return (
            f"{self.n_added:,} images added, {self.n_known:,} were in the space already; "
            f"{self.n_images:,} in all, of {self.n_names:,} stored names"
        )

    def tables(self) -> tuple[Table, ...]:
        return ()

    def notes(self) -> list[str]:
        from namebasis.encoders.image_files import by_reason  # which loads Pillow

        told = list(self.remarks)
        for reason, paths in by_reason(self.failures).items():
            told.append(f"left out {len(paths):,}: {reason} (such as {paths[0]})")
        if self.n_skipped:
            examples = ", ".join(map(repr, self.skipped[:3])) + ", …" * (len(self.skipped) > 3)
            told.append(
                f"left out {self.n_skipped:,} images of names that the space does not hold "
                f"({examples}); --unmatched keep takes them for the centre of image targets"
            )
        if self.strangers:
            examples = ", ".join(map(repr, self.strangers[:3]))
            told.append(
                f"{len(self.strangers):,} names of images are not in the space (such as "
                f"{examples}); their images count in the mean of images only"
            )
        if self.n_images < FEW:
            told.append(
                f"image targets are centred by these {self.n_images:,} images: a few hundred are "
                "better"
            )
        return told

    def to_arrow(self) -> pa.Table:
        """One row per file that could not be read: path, reason."""
        fields = [("path", pa.string()), ("reason", pa.string())]
        rows = [{"path": one.path, "reason": one.reason} for one in self.failures]
        return pa.Table.from_pylist(rows, pa.schema(fields))

    def to_dict(self) -> dict[str, Any]:
        """Numbers, names that the space does not hold, files that failed, and remarks."""
        return plain_dict(asdict(self))


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
        A folder, a tar archive, or a table of image files and names (csv, tsv, jsonl, parquet).
    encoder : Encoder or str, optional
        The one that built the space, or its spec; loaded where not given.
    vectors : array of shape (n_rows, dim), optional
        Vectors of the images, one for each row of a table; no image is read then.
    unmatched : {"skip", "keep"}
        What becomes of images that belong to no stored name. Kept, they only move the centre of
        image targets; skipped ones can be added later, so that is the default.
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
    if vectors is None and encoder is None and space.provenance.encoder in TEXT_ONLY:
        raise _no_images(space, space.provenance.encoder)
    found = label_images(folder, space.find_all, is_listed=vectors is not None)
    given = None if vectors is None else _checked(vectors, found, space.provenance.dim)
    rows = find_labels(found.labels, space.find_all)
    taken = [unmatched == "keep" or rows[label] is not None for label in found.labels]
    if unmatched == "skip":
        found.refuse_unmatched(Path(folder))
    model = None if encoder is None else space.check_encoder(encoder)
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
        changing(store, f"add of images in {Path(folder).name}", images=True),
    ):
        if given is not None or model is None:
            n_added = _append_given(space.path, files, labels, given)
        else:
            n_added, failures = _encode(space.path, files, labels, model, progress)
        if len(failures) == len(files):
            worst = failures[0]
            raise EncoderError(
                f"{folder}: none of its {len(files):,} image files can be read; the first, "
                f"{worst.path}: {worst.reason}"
            )
        current = StoredSpace(space.path)
        n_names, n_images = _write_view(store, current, space.provenance.dim)
        rows = find_labels(labels, current.find_all)
    strangers = tuple(label for label, row in rows.items() if row is None)
    n_known = len(files) - n_added - len(failures)
    added = AddedImages(
        n_added,
        n_known,
        n_names,
        n_images,
        strangers,
        (*found.failures, *failures),
        found.notes,
        taken.count(False),
        skipped,
    )
    return space.reopened(model), added


def complete(rows: pa.Table, store: Store) -> pa.Table:
    """Fill the view of rows that are about to be added, where the space has it: no images yet."""
    if VIEW not in store.views:
        return rows
    at = rows.schema.get_field_index(VIEW)
    nothing = as_column(np.zeros((len(rows), store.dim(VIEW)), np.float32))
    return rows.set_column(at, rows.schema.field(at), nothing)


def _checked(vectors: object, found: LabelledImages, dim: int) -> FloatArray:
    """Given vectors of the rows that a table has a name for."""
    rows = unit_rows(as_embeddings(vectors, "vectors", dim), "vectors")
    if found.n_rows != len(rows):
        raise ValueError(
            f"there must be one vector for each row of the table; got {len(rows):,} vectors for "
            f"{found.n_rows:,} rows."
        )
    return rows[list(found.rows)]


def _append_given(
    space: Path, files: Sequence[Path], labels: Sequence[str], vectors: FloatArray | None
) -> int:
    """Append given vectors that are not stored yet; return how many."""
    import lance

    if vectors is None:
        return 0
    uri = space / IMAGES
    known = _known(uri)
    keys = [
        (label, hashlib.sha256(np.ascontiguousarray(row, "<f4").data).hexdigest())
        for label, row in zip(labels, vectors, strict=True)
    ]
    fresh = {key: row for row, key in reversed(list(enumerate(keys))) if key not in known}
    rows = sorted(fresh.values())
    if rows:
        table = _rows([str(files[row]) for row in rows], [keys[row] for row in rows], vectors[rows])
        mode = "append" if holds_commit(uri) else "create"
        keep_up(lance.write_dataset(table, for_lance(uri), mode=mode), uri)
    return len(rows)


def _known(uri: Path) -> set[Key]:
    """Labels and digests of the images that are stored."""
    if not holds_commit(uri):
        return set()
    there = _open(uri).to_table(columns=["label", "digest"])
    return set(zip(there["label"].to_pylist(), there["digest"].to_pylist(), strict=True))


def _encode(
    space: Path,
    files: Sequence[Path],
    labels: Sequence[str],
    encoder: Encoder,
    progress: Progress | None,
) -> tuple[int, list[ImageFailure]]:
    """Append the vectors of files that are not stored; return how many, and the failures."""
    import lance

    from namebasis.encoders.image_files import encode_image_files

    uri = space / IMAGES
    known = _known(uri)
    n_added = 0
    bad: dict[Key, ImageFailure] = {}
    failures: list[ImageFailure] = []
    for start in range(0, len(files), CHUNK):
        fresh: dict[Key, Path] = {}
        copies: list[tuple[Key, Path]] = []
        for file, label in zip(files[start : start + CHUNK], labels[start:], strict=False):
            key = label, _digest(file)
            # A file that cannot be read has no digest, so it is a copy of nothing.
            if not key[1]:
                key = label, f"unread {file}"
            if key in bad or key in fresh:
                copies.append((key, file))
            elif key not in known:
                fresh[key] = file
        if fresh:

            def report(done: int, _: int, start: int = start) -> None:
                if progress is not None:
                    progress(start + done, len(files))

            found = encode_image_files(encoder, list(fresh.values()), progress=report)
            by_path = {str(path): key for key, path in fresh.items()}
            bad |= {by_path[failure.path]: failure for failure in found.failures}
            failures += found.failures
            done = [by_path[path] for path in found.paths]
            known |= set(done)
            if done:
                rows = _rows(found.paths, done, found.vectors)
                mode = "append" if holds_commit(uri) else "create"
                keep_up(lance.write_dataset(rows, for_lance(uri), mode=mode), uri)
            n_added += len(done)
        failures += [replace(bad[key], path=str(file)) for key, file in copies if key in bad]
        if progress is not None:
            progress(min(start + CHUNK, len(files)), len(files))
    return n_added, failures


def _digest(file: Path) -> str:
    """SHA-256 of a file; empty where it cannot be read, which the reader of images reports."""
    try:
        return digest_of_picture(file)
    except UnreadableError:
        return ""


def _rows(paths: Sequence[str], keys: Sequence[tuple[str, str]], vectors: FloatArray) -> pa.Table:
    return pa.table(
        {
            "path": [in_utf8(path) for path in paths],
            "label": [label for label, _ in keys],
            "digest": [digest for _, digest in keys],
            "vector": as_column(vectors),
        }
    )


def _open(uri: Path) -> Any:
    import lance

    with reading(uri):
        return lance.dataset(for_lance(uri))


def _write_view(store: Store, space: StoredSpace, dim: int) -> tuple[int, int]:
    """Make the view of all stored images; return names and images."""
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
