"""What is known of image files: `measurements.lance` beside the names, a row per image.

Rows are keyed by the bytes of the file: an image that was embedded and measured once is not
opened again, wherever it lies, and a file that was replaced is new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from namebasis.checks import FloatArray
from namebasis.encoders.images import encode_image_files
from namebasis.namespace.store import as_column, as_matrix, locked, reading
from namebasis.validation.extractors import Extractor, Float64Array, Measured
from namebasis.validation.image_files import ImageFile

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.space import Space

MEASUREMENTS = "measurements.lance"
_MEASURE = b"measure"
"""Key in the metadata of a column's field that says which extractor's what it holds."""
Progress = Callable[[int, int], None]


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
        Why nothing was measured, per column.
    """

    images: tuple[ImageFile, ...]
    vectors: FloatArray | None
    encoder: str | None
    columns: Mapping[str, Float64Array]
    units: Mapping[str, str]
    reasons: Mapping[str, tuple[str | None, ...]]


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
        Two that measure the same attribute get columns with the extractor's kind behind it.
    encoder : Encoder, optional
        Of images, for the vectors.
    store : Path, optional
        A folder that holds, or gets, `measurements.lance` with what was measured.
    batch_size : int
    progress : callable, optional
        Called with (steps done, steps in all): an image per extractor, and one for the encoder.

    Returns
    -------
    ImageTable
    """
    keys = [_key(image.path) for image in images]
    shown = [at for at, image in enumerate(images) if not image.is_blank and keys[at]]
    known = _Known(store)
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
    columns: dict[str, Float64Array] = {}
    units: dict[str, str] = {}
    reasons: dict[str, tuple[str | None, ...]] = {}
    for extractor in extractors:
        for label, unit, values, why in _columns(
            extractor, images, keys, shown, known, batch_size, step
        ):
            name = label if label not in columns else f"{label}_{extractor.spec.partition(':')[0]}"
            columns[name], units[name], reasons[name] = values, unit, why
    known.write(images, keys)
    spec = encoder.spec if encoder is not None else None
    return ImageTable(tuple(images), vectors, spec, columns, units, reasons)


def image_store(space: Space) -> Path:
    """Return the folder in which a space keeps `measurements.lance`."""
    return Path(space.path)


def _key(path: Path) -> str | None:
    """SHA-256 of a file's bytes; None where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None


def flatten(measured: Measured) -> list[tuple[str, str, Float64Array]]:
    """A measurement as scalar columns: (label, unit, values of shape (n_images,))."""
    attribute = measured.attribute
    if attribute.positions or not attribute.labels:
        return [(attribute.name, attribute.unit, measured.values)]
    return [
        (f"{attribute.name}_{label}".lower().replace(" ", "_").replace("-", "_"), "share", column)
        for label, column in zip(attribute.labels, measured.shares.T, strict=True)
    ]


def _vectors(
    encoder: Encoder,
    images: Sequence[ImageFile],
    keys: Sequence[str | None],
    shown: Sequence[int],
    known: _Known,
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
    known.add_matrix(column, rows)
    return rows


def _columns(
    extractor: Extractor,
    images: Sequence[ImageFile],
    keys: Sequence[str | None],
    shown: Sequence[int],
    known: _Known,
    batch_size: int,
    step: Callable[[int], None],
) -> list[tuple[str, str, Float64Array, tuple[str | None, ...]]]:
    """Every column of an extractor, from the store or measured now."""
    todo = [at for at in shown if not known.has(extractor.spec, str(keys[at]))]
    step(len(shown) - len(todo))
    paths = [images[at].path for at in todo]
    measured = extractor.measure(paths, batch_size=batch_size, progress=_difference(step))
    made = []
    for result in measured:
        for label, unit, values in flatten(result):
            name = f"{extractor.spec}|{label}"
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


def _difference(step: Callable[[int], None]) -> Progress:
    """A progress that is told totals, from one that is told steps."""
    before = 0

    def told(done: int, _: int) -> None:
        nonlocal before
        step(done - before)
        before = done

    return told


class _Known:
    """What `measurements.lance` holds, and what will be added to it."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._matrices: dict[str, dict[str, FloatArray]] = {}
        self._values: dict[str, dict[str, tuple[float, str | None]]] = {}
        self._rows: dict[str, FloatArray] = {}
        if folder is not None and (folder / MEASUREMENTS).exists():
            self._read(folder / MEASUREMENTS)

    def _read(self, uri: Path) -> None:
        import lance

        with reading(uri):
            table = lance.dataset(str(uri)).to_table()
        keys = table["sha256"].to_pylist()
        for name in table.column_names:
            field = table.schema.field(name)
            if name.startswith("vector:"):
                matrix = as_matrix(table[name], field.type.list_size)
                self._matrices[name] = {
                    key: row
                    for key, row in zip(keys, matrix, strict=True)
                    if np.isfinite(row).all()
                }
            elif _MEASURE in (field.metadata or {}):
                pairs = table[name].to_pylist()
                self._values[field.metadata[_MEASURE].decode()] = {
                    key: (
                        float("nan") if pair["value"] is None else pair["value"],
                        pair["reason"],
                    )
                    for key, pair in zip(keys, pairs, strict=True)
                    if pair is not None
                }

    def matrix(self, column: str) -> Mapping[str, FloatArray]:
        return self._matrices.get(column, {})

    def add_matrix(self, column: str, rows: FloatArray) -> None:
        self._rows[column] = rows

    def has(self, spec: str, key: str) -> bool:
        """Whether every column of an extractor holds the image."""
        own = [values for name, values in self._values.items() if name.startswith(f"{spec}|")]
        return bool(own) and all(key in values for values in own)

    def add_column(
        self,
        name: str,
        keys: Sequence[str],
        values: Float64Array,
        reasons: Sequence[str | None],
    ) -> None:
        column = self._values.setdefault(name, {})
        for key, value, reason in zip(keys, values.tolist(), reasons, strict=True):
            column[key] = (value, reason)

    def value(self, name: str, key: str) -> tuple[float, str | None]:
        return self._values[name].get(key, (float("nan"), "not measured"))

    def write(self, images: Sequence[ImageFile], keys: Sequence[str | None]) -> None:
        """Replace the data set by these images and all that is known of them, in one commit."""
        if self.folder is None:
            return
        import lance

        kept = [at for at, key in enumerate(keys) if key is not None]
        own = [str(keys[at]) for at in kept]
        data = {
            "name": [images[at].name for at in kept],
            "path": [str(images[at].path.resolve()) for at in kept],
            "sha256": own,
            "prompt": pa.array([images[at].prompt for at in kept], pa.string()),
            "seed": pa.array([images[at].seed for at in kept], pa.int64()),
            "source": [images[at].source for at in kept],
            "is_blank": [images[at].is_blank for at in kept],
        }
        for column, rows in self._rows.items():
            data[column] = as_column(rows[kept])
        pair = pa.struct([("value", pa.float64()), ("reason", pa.string())])
        about: dict[str, dict[bytes, bytes]] = {}
        for name, values in self._values.items():
            rows_of = [
                {"value": found[0] if np.isfinite(found[0]) else None, "reason": found[1]}
                if (found := values.get(key)) is not None
                else None
                for key in own
            ]
            # A column's name may hold no dot, and specs are paths.
            column = f"measure_{hashlib.sha256(name.encode()).hexdigest()[:12]}"
            data[column], about[column] = pa.array(rows_of, pair), {_MEASURE: name.encode()}
        table = pa.table(data)
        fields = [field.with_metadata(about.get(field.name)) for field in table.schema]
        uri = self.folder / MEASUREMENTS
        with locked(self.folder):
            mode = "overwrite" if uri.exists() else "create"
            lance.write_dataset(table.cast(pa.schema(fields)), str(uri), mode=mode)
