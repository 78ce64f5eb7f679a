"""Measure images of names, each at most once by what measures it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import Float64Array, FloatArray, Progress
from namebasis.encoders.image_archives import digest_of_picture
from namebasis.encoders.image_files import encode_image_files
from namebasis.reading import UnreadableError
from namebasis.validation.extractors.base import Attribute, Extractor, Measured
from namebasis.validation.faces.contract import Faces, of_text, to_text
from namebasis.validation.pictures.image_files import ImageFile
from namebasis.validation.pictures.measurements import Memory

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.space import StoredSpace

_FACES = "faces"


@dataclass(frozen=True)
class ImageTable:
    """Images of names with all that was measured on them.

    Attributes
    ----------
    images : tuple of ImageFile
    vectors : ndarray of shape (n_images, dim), float32, or None
        Unit rows; NaN where an image could not be read.
    encoder : str or None
        Spec of the encoder of the vectors.
    columns : mapping of str to ndarray of shape (n_images,), float64
        Scalars per image, NaN where nothing was measured: an ordered attribute's mean position
        or a number under the attribute's name, a nominal one's share per label.
    units : mapping of str to str
        Of each column.
    reasons : mapping of str to tuple of (str or None)
        Why nothing was measured, per column; where something was, how its face was chosen.
    measures : mapping of str to str
        What each column measures, where its name says more: of a second extractor of skin_tone,
        the column skin_tone_probe measures skin_tone.
    parts : mapping of str to tuple of str
        The columns of each attribute: one of a number, one per label of an attribute without order.
    """

    images: tuple[ImageFile, ...]
    vectors: FloatArray | None
    encoder: str | None
    columns: Mapping[str, Float64Array]
    units: Mapping[str, str]
    reasons: Mapping[str, tuple[str | None, ...]]
    measures: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def measure_images(
    images: Sequence[ImageFile],
    extractors: Sequence[Extractor],
    encoder: Encoder | None = None,
    *,
    store: Path | None = None,
    batch_size: int = 16,
    progress: Progress | None = None,
) -> ImageTable:
    """Embed and measure images, each at most once per encoder and extractor.

    Parameters
    ----------
    images : sequence of ImageFile
        Those that the safety checker blacked out are measured as nothing.
    extractors : sequence of Extractor
        Of those that measure the same attribute, the second's columns get its kind behind them,
        and later ones a number.
    encoder : Encoder, optional
        Of images, for the vectors.
    store : Path, optional
        The folder of a space, whose store of pictures gets what was measured.
    batch_size : int
    progress : callable, optional
        Called with (steps done, steps in all): an image per extractor, and one for the encoder.

    Returns
    -------
    ImageTable
    """
    keys = [_key(image.path) for image in images]
    shown = [at for at, image in enumerate(images) if not image.is_blank and keys[at]]
    known = Memory(store, keys)
    total = len(shown) * (len(extractors) + (encoder is not None))
    done = 0

    def step(n: int) -> None:
        nonlocal done
        done += n
        if progress is not None:
            progress(done, total)

    vectors = None
    if encoder is not None:
        vectors = _vectors(encoder, images, keys, shown, known, batch_size, step)
        known.write(images, keys)
    columns: dict[str, Float64Array] = {}
    units: dict[str, str] = {}
    reasons: dict[str, tuple[str | None, ...]] = {}
    measures: dict[str, str] = {}
    parts: dict[str, tuple[str, ...]] = {}
    for extractor in extractors:
        named: list[str] = []
        for label, unit, values, why in _columns(
            extractor, images, keys, shown, known, batch_size, step
        ):
            name = _free(label, extractor, columns)
            columns[name], units[name], reasons[name] = values, unit, why
            measures[name] = label
            named.append(name)
        for attribute in extractor.attributes:
            n_columns = len(_labels(attribute))
            name = _free(_plain(attribute.name), extractor, parts)
            parts[name], named = tuple(named[:n_columns]), named[n_columns:]
        known.write(images, keys)  # now: a run that is stopped keeps what it paid for
    spec = encoder.spec if encoder is not None else None
    return ImageTable(tuple(images), vectors, spec, columns, units, reasons, measures, parts)


def _free(label: str, extractor: Extractor, taken: Mapping[str, object]) -> str:
    """A column's name that no other extractor has."""
    if label not in taken:
        return label
    with_kind = f"{label}_{_plain(extractor.spec.partition(':')[0])}"
    number, name = 1, with_kind
    while name in taken:
        number += 1
        name = f"{with_kind}_{number}"
    return name


def image_store(space: StoredSpace) -> Path:
    """Return the folder in which a space keeps its pictures."""
    return Path(space.path)


def _key(path: Path) -> str | None:
    """SHA-256 of a file's bytes; None where it cannot be read."""
    try:
        return digest_of_picture(path)
    except UnreadableError:
        return None


def flatten(measured: Measured) -> list[tuple[str, str, Float64Array]]:
    """A measurement as scalar columns: (label, unit, values of shape (n_images,))."""
    attribute = measured.attribute
    if attribute.positions or not attribute.labels:
        values = [measured.values]
    else:
        values = list(measured.shares.T)
    return [
        (label, unit, column)
        for (label, unit), column in zip(_labels(attribute), values, strict=True)
    ]


def _labels(attribute: Attribute) -> list[tuple[str, str]]:
    """The names and units of an attribute's scalar columns."""
    if attribute.positions or not attribute.labels:
        return [(_plain(attribute.name), attribute.unit)]
    return [(_plain(f"{attribute.name}_{label}"), "share") for label in attribute.labels]


def _plain(text: str) -> str:
    """A name that SQL and the store take for a column without quotes."""
    return re.sub(r"\W+", "_", text.lower()).strip("_")


def identity_of(extractor: Extractor) -> str:
    """SHA-256 of what measures and what for: other weights, phrases or faces give another."""
    parts: tuple[object, ...] = (
        extractor.spec, extractor.fingerprint, tuple(extractor.attributes)
    )  # fmt: skip
    if _looks_for_faces(extractor) and extractor.faces is not None:
        parts += (extractor.faces.fingerprint, extractor.regions)
    told = repr(parts)
    return hashlib.sha256(told.encode()).hexdigest()


def _looks_for_faces(extractor: Extractor) -> bool:
    return any(region.part != "whole" for region in extractor.regions)


def _vectors(
    encoder: Encoder,
    images: Sequence[ImageFile],
    keys: Sequence[str | None],
    shown: Sequence[int],
    known: Memory,
    batch_size: int,
    step: Callable[[int], None],
) -> FloatArray:
    column = f"vector:{encoder.fingerprint}"
    rows = np.full((len(images), encoder.dim), np.nan, dtype=np.float32)
    found = known.matrix(column)
    todo = []
    for at in shown:
        row = found.get(str(keys[at]))
        if row is None:
            todo.append(at)
        else:
            rows[at] = row
    step(len(shown) - len(todo))
    told = _difference(step)
    paths = [images[at].path for at in todo]
    embedded = encode_image_files(encoder, paths, batch_size=batch_size, progress=told)
    failed = {failure.path for failure in embedded.failures}
    read = [at for at, path in zip(todo, paths, strict=True) if str(path) not in failed]
    rows[read] = embedded.vectors
    known.add_matrix(column, [str(keys[at]) for at in read], rows[read], encoder.spec)
    return rows


def _columns(
    extractor: Extractor,
    images: Sequence[ImageFile],
    keys: Sequence[str | None],
    shown: Sequence[int],
    known: Memory,
    batch_size: int,
    step: Callable[[int], None],
) -> list[tuple[str, str, Float64Array, tuple[str | None, ...]]]:
    """Every column of an extractor, from the store or measured now."""
    made_of = identity_of(extractor)
    todo = [at for at in shown if not known.has(made_of, str(keys[at]))]
    step(len(shown) - len(todo))
    paths = [images[at].path for at in todo]
    faces = extractor.faces if _looks_for_faces(extractor) else None
    if faces is not None:
        _recall(faces, known, [str(keys[at]) for at in todo])
    measured = extractor.measure(paths, batch_size=batch_size, progress=_difference(step))
    if faces is not None:
        _remember(faces, known, [str(keys[at]) for at in todo])
    made = []
    for result in measured:
        for label, unit, values in flatten(result):
            name = (made_of, f"{extractor.spec}|{label}")
            known.add_column(name, [str(keys[at]) for at in todo], values, result.reasons)
            column = np.full(len(images), np.nan)
            why: list[str | None] = [None] * len(images)
            for at, image in enumerate(images):
                if image.is_blank:
                    why[at] = "blacked out by the safety checker"
                elif keys[at] is None:
                    why[at] = f"{image.path} cannot be read"
                else:
                    column[at], why[at] = known.value(name, str(keys[at]))
            made.append((label, unit, column, tuple(why)))
    return made


def _recall(faces: Faces, known: Memory, keys: Sequence[str]) -> None:
    """Hand the faces that an earlier run found to the step."""
    name = (faces.fingerprint, _FACES)
    for key in keys:
        if key not in faces.known and known.has(faces.fingerprint, key):
            _, told = known.value(name, key)
            faces.known[key] = of_text(told or "[]")


def _remember(faces: Faces, known: Memory, keys: Sequence[str]) -> None:
    """Keep how many faces there were, and in the place of a reason where they are."""
    found = [key for key in keys if key in faces.known and not known.has(faces.fingerprint, key)]
    counts = np.array([len(faces.known[key]) for key in found], dtype=np.float64)
    told = [to_text(faces.known[key]) for key in found]
    known.add_column((faces.fingerprint, _FACES), found, counts, told)
    boxes = {key: box for key in found if (box := faces.box_of(key)) is not None}
    known.face_boxes.update(boxes)


def _difference(step: Callable[[int], None]) -> Progress:
    """A progress that is told totals, from one that is told steps."""
    before = 0

    def told(done: int, _: int) -> None:
        nonlocal before
        step(done - before)
        before = done

    return told
