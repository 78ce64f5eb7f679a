"""Photos of people, each under the name that the user gives it, in an encoder's space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import Float64Array, Progress
from namebasis.encoders.registry import TEXT_ONLY
from namebasis.errors import EncoderError
from namebasis.namespace.corpus.image_labels import find_labels, label_images, names_of
from namebasis.wording import counted

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.space import StoredSpace


@dataclass(frozen=True)
class Photos:
    """Photos by the name of the person in them.

    Attributes
    ----------
    vectors : mapping of str to ndarray of shape (n_photos, dim)
        Unit rows.
    remarks : tuple of str
        What was left out, and why.
    """

    vectors: Mapping[str, Float64Array]
    remarks: tuple[str, ...]


def read_photos(
    space: StoredSpace,
    source: str | Path,
    *,
    stored: bool = True,
    progress: Progress | None = None,
) -> Photos:
    """Read and encode photos, each of the person whose name its folder, file or table gives it.

    Parameters
    ----------
    space : Space
        Its encoder encodes them.
    source : str or Path
        A folder or a table; see `image_labels.label_images`.
    stored : bool
        Leave out photos of names that the space does not hold, so that no photo gets a name that
        nobody has given it; otherwise every label is taken for a name.
    progress : callable, optional
        Is told (done, total) files.

    Raises
    ------
    EncoderError
        If the encoder reads no images, there is no such source, or no photo with a name in it.
    """
    encoder = _reader(space)
    found = label_images(source, space.find_all)
    rows = find_labels(found.labels, space.find_all)
    spelled = names_of(found.labels, space.find_all)
    labels = [label for label in found.labels if not stored or rows[label] is not None]
    remarks = list(found.notes)
    if not labels:
        raise _unnamed(source, found.labels)
    if strange := [label for label in found.labels if stored and rows[label] is None]:
        remarks.append(
            f"left out {counted(len(strange), 'photo')} whose label is no name of the space (such "
            f"as {strange[0]!r}): a photo without the name of its person is never given one. "
            "`namebasis add` adds names"
        )
    files = [
        (file, spelled[label])
        for file, label in zip(found.files, found.labels, strict=True)
        if not stored or rows[label] is not None
    ]
    return _encoded(encoder, source, files, remarks, progress)


def _encoded(
    encoder: Encoder,
    source: str | Path,
    files: Sequence[tuple[Path, str]],
    remarks: list[str],
    progress: Progress | None,
) -> Photos:
    from namebasis.encoders.image_files import by_reason, encode_image_files

    names = {str(file): name for file, name in files}
    made = encode_image_files(encoder, [file for file, _ in files], progress=progress)
    for reason, paths in by_reason(made.failures).items():
        remarks.append(f"left out {counted(len(paths), 'photo')}: {reason} (such as {paths[0]})")
    if not made.paths:
        raise EncoderError(
            f"{source}: none of its {len(files):,} photos can be read; the first, "
            f"{made.failures[0].path}: {made.failures[0].reason}"
        )
    groups: dict[str, list[int]] = {}
    for row, path in enumerate(made.paths):
        groups.setdefault(names[path], []).append(row)
    vectors = {name: made.vectors[at].astype(np.float64) for name, at in groups.items()}
    vectors, copies = _without_copies(vectors)
    if copies:
        remarks.append(
            f"{counted(copies, 'photo')} left out: copies of another of the same person, which "
            "would count twice"
        )
    if shared := _shared(vectors):
        remarks.append(
            f"the same photo has two names, {shared[0]!r} and {shared[1]!r}: one of them is wrong"
        )
    return Photos(vectors, tuple(remarks))


def _without_copies(vectors: Mapping[str, Float64Array]) -> tuple[dict[str, Float64Array], int]:
    kept, lost = {}, 0
    for name, rows in vectors.items():
        _, first = np.unique(rows, axis=0, return_index=True)
        kept[name] = rows[np.sort(first)]
        lost += len(rows) - len(first)
    return kept, lost


def _shared(vectors: Mapping[str, Float64Array]) -> tuple[str, str] | None:
    """Two names that have a photo in common."""
    owner: dict[bytes, str] = {}
    for name, rows in vectors.items():
        for row in rows:
            first = owner.setdefault(row.tobytes(), name)
            if first != name:
                return first, name
    return None


def _reader(space: StoredSpace) -> Encoder:
    spec = space.provenance.encoder
    if space.is_given:
        raise EncoderError(
            f"{space.path} was made of given vectors, and photos are encoded by the encoder that "
            "made the names' vectors: build a space of these names with it (--encoder SPEC)."
        )
    if spec in TEXT_ONLY or not (encoder := space.encoder()).has_images:
        raise EncoderError(
            f"{space.path} was built with {spec}, which reads no images; build a space with an "
            "image-text encoder, such as open_clip: or hf: ones."
        )
    return encoder


def _unnamed(source: str | Path, labels: Sequence[str]) -> EncoderError:
    read = list(dict.fromkeys(labels))
    shown = ", ".join(map(repr, read[:3])) + ", …" * (len(read) > 3)
    return EncoderError(
        f"{source}: none of its {len(labels):,} photos has the name of a person that the space "
        f"holds; the labels read are {shown}. Say whose photos they are: NAME/1.jpg, NAME_1.jpg, "
        "or a table with the columns file_name and name. A face without a name is never given one."
    )
