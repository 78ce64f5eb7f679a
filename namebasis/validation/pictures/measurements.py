"""What is known of image files, kept in a space's store of pictures.

Rows are keyed by the bytes of the file: an image that was embedded and measured once is not
opened again, wherever it lies, and a file that was replaced is new.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.checks import Float64Array, FloatArray
from namebasis.errors import NamebasisError, NamebasisWarning, ReplacedError
from namebasis.namespace.corpus.pictures.tables import in_utf8
from namebasis.namespace.objects.urls import remote_of
from namebasis.namespace.pictures.incoming import Incoming, incoming_from, incoming_of
from namebasis.namespace.pictures.migration import MEASUREMENTS, migrate, old_measurements
from namebasis.namespace.pictures.painted import provenance_of
from namebasis.namespace.pictures.schema import (
    ABOUT,
    KEYS,
    MAKER,
    MEASURE,
    OTHER_VECTORS,
    SPEC,
    VECTOR,
    WHAT,
)
from namebasis.namespace.pictures.there import note_pictures, take_up
from namebasis.namespace.pictures.writing import absorb
from namebasis.namespace.store.dataset import Store, as_column, as_matrix
from namebasis.namespace.store.engine_errors import reading
from namebasis.namespace.store.history import settle
from namebasis.namespace.store.locks import locked
from namebasis.namespace.store.opening import IMAGES, holds_commit, holds_versions, open_dataset
from namebasis.namespace.store.provenance import Provenance
from namebasis.validation.pictures.image_files import ImageFile

_OF_TABLES = ("face_box", "url", "caption")
"""Columns that a report does not know of, or fills apart."""
_PAIR = pa.struct([("value", pa.float64()), ("reason", pa.string())])


class Memory:
    """What a space knows of some pictures, and what will be added to it.

    Parameters
    ----------
    folder : Path, optional
        Of a space; without one nothing is kept.
    keys : sequence of str, optional
        Digests of the pictures that are asked about; of all by default.

    Attributes
    ----------
    face_boxes : dict
        By digest, the box of a face that was found: as shares of the picture's width and height.
    """

    def __init__(self, folder: Path | None, keys: Sequence[str | None] | None = None) -> None:
        self.folder = folder
        self._keys = None if keys is None else {key for key in keys if key is not None}
        self._matrices: dict[str, dict[str, FloatArray]] = {}
        self._values: dict[tuple[str, str], dict[str, tuple[float, str | None]]] = {}
        self._fresh: set[str | tuple[str, str]] = set()
        self._specs: dict[str, str] = {}
        self.face_boxes: dict[str, tuple[float, float, float, float]] = {}
        self._place = _identity(folder)
        self._own = _own_fingerprint(folder)
        for name in (MEASUREMENTS, IMAGES):
            if folder is not None and holds_commit(folder / name):
                self._try_to_read(folder / name)

    def _try_to_read(self, uri: Path) -> None:
        try:
            if uri.name == MEASUREMENTS:
                self._read(old_measurements(uri, self._own))
            else:
                with reading(uri):
                    dataset = open_dataset(uri)
                self._read(incoming_from(dataset, uri))
        except (NamebasisError, KeyError, ValueError, TypeError, AttributeError) as error:
            # What can be measured again stops no report.
            self._matrices, self._values = {}, {}
            message = f"{error} Earlier measurements are ignored; all images are measured again."
            warnings.warn(message, NamebasisWarning, stacklevel=4)

    def _read(self, rows: Incoming) -> None:
        digests = [key for one in rows.batches(["digest"]) for key in one["digest"].to_pylist()]
        wanted = [at for at, key in enumerate(digests) if self._keys is None or key in self._keys]
        numbers = np.array(wanted, dtype=np.int64)
        keys = [digests[at] for at in wanted]
        for field in rows.schema if wanted else ():
            about = field.metadata or {}
            if field.name == VECTOR or field.name.startswith(OTHER_VECTORS):
                column = rows.take(numbers, [field.name])[field.name].combine_chunks()
                has = column.is_valid()
                matrix = as_matrix(column.filter(has), field.type.list_size)
                own = [key for key, is_in in zip(keys, has.to_pylist(), strict=True) if is_in]
                name = f"{OTHER_VECTORS}{self._own}" if field.name == VECTOR else field.name
                self._matrices.setdefault(name, {}).update(zip(own, matrix, strict=True))
            elif MAKER in about:
                pairs = rows.take(numbers, [field.name])[field.name].to_pylist()
                name_ = about[MAKER].decode(), about[WHAT].decode()
                self._values.setdefault(name_, {}).update(
                    {
                        key: (
                            float("nan") if pair["value"] is None else pair["value"],
                            pair["reason"],
                        )
                        for key, pair in zip(keys, pairs, strict=True)
                        if pair is not None
                    }
                )

    def matrix(self, column: str) -> Mapping[str, FloatArray]:
        return self._matrices.get(column, {})

    def add_matrix(
        self, column: str, keys: Sequence[str], rows: FloatArray, spec: str = ""
    ) -> None:
        self._matrices.setdefault(column, {}).update(zip(keys, rows, strict=True))
        self._specs[column] = spec
        if keys:
            self._fresh.add(column)

    def has(self, made_of: str, key: str) -> bool:
        """Whether every column of an extractor holds the image."""
        own = [values for (of, _), values in self._values.items() if of == made_of]
        return bool(own) and all(key in values for values in own)

    def add_column(
        self,
        name: tuple[str, str],
        keys: Sequence[str],
        values: Float64Array,
        reasons: Sequence[str | None],
    ) -> None:
        column = self._values.setdefault(name, {})
        for key, value, reason in zip(keys, values.tolist(), reasons, strict=True):
            column[key] = (value, reason)
        if keys:
            self._fresh.add(name)

    def value(self, name: tuple[str, str], key: str) -> tuple[float, str | None]:
        return self._values[name].get(key, (float("nan"), "not measured"))

    def write(self, images: Sequence[ImageFile], keys: Sequence[str | None]) -> None:
        """Add these images and all that is known of them, in one commit; others stay.

        A space that cannot be written to, or a full disk, costs the memory and not the report.
        """
        if self.folder is None or not self._fresh:
            return
        try:
            if self._place is not None and _identity(self.folder) != self._place:
                raise ReplacedError(f"{self.folder}: the space was replaced since it was opened.")
            with locked(self.folder):
                store = Store(self.folder) if holds_versions(self.folder) else None
                if store is not None:
                    settle(store)
                    take_up(store)
                migrate(self.folder, self._own)
                with reading(self.folder / IMAGES):
                    absorb(
                        self.folder / IMAGES, incoming_of(self._rows(images, keys)), is_newer=True
                    )
                if store is not None:
                    note_pictures(store)
        except (NamebasisError, OSError) as error:
            message = f"what was measured is not kept for the next report: {error}"
            if "damaged" in message:
                message += f" Delete {self.folder / IMAGES} and add the images again."
            warnings.warn(message, NamebasisWarning, stacklevel=2)
            return
        self._fresh = set()

    def _rows(self, images: Sequence[ImageFile], keys: Sequence[str | None]) -> pa.Table:
        """Pictures with what is new of them, each once."""
        single = {key: image for image, key in zip(images, keys, strict=True) if key is not None}
        about = [_about(image, key) for key, image in single.items()]
        fields = [*KEYS, *(one for one in ABOUT if one.name not in _OF_TABLES)]
        columns = [pa.array([row[one.name] for row in about], one.type) for one in fields]
        if self.face_boxes:
            field = ABOUT.field("face_box")
            columns.append(pa.array([self.face_boxes.get(key) for key in single], field.type))
            fields.append(field)
        for name in sorted(self._fresh, key=str):
            if isinstance(name, str):
                columns.append(_vector_column(self._matrices[name], list(single)))
                spec = {SPEC: self._specs[name]}
                own = name.removeprefix(OTHER_VECTORS) == self._own
                fields.append(pa.field(VECTOR if own else name, columns[-1].type, metadata=spec))
            else:
                values = self._values[name]
                columns.append(pa.array([_pair(values.get(key)) for key in single], _PAIR))
                # A column's name may hold no dot, and specs are paths.
                told = hashlib.sha256("|".join(name).encode()).hexdigest()[:12]
                fields.append(
                    pa.field(f"{MEASURE}{told}", _PAIR, metadata={MAKER: name[0], WHAT: name[1]})
                )
        return pa.table(columns, schema=pa.schema(fields))


def _pair(found: tuple[float, str | None] | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"value": found[0] if np.isfinite(found[0]) else None, "reason": found[1]}


def _vector_column(vectors: Mapping[str, FloatArray], keys: Sequence[str]) -> pa.Array:
    """Vectors of pictures, null for none."""
    nothing = np.zeros_like(next(iter(vectors.values())))
    made = as_column(np.stack([vectors.get(key, nothing) for key in keys]))
    missing = np.array([key not in vectors for key in keys])
    return made.take(pa.array(np.arange(len(keys)), mask=missing))


def _own_fingerprint(folder: Path | None) -> str | None:
    """Fingerprint of the encoder of the space that lies in a folder; None where there is none."""
    if folder is None or not holds_versions(folder):
        return None
    return Provenance.from_metadata(Store(folder).metadata, str(folder)).fingerprint


def _identity(folder: Path | None) -> object:
    """Which folder lies there, in object storage by whose encoder; None where there is none."""
    if folder is not None and remote_of(folder) is not None:
        return _own_fingerprint(folder)
    try:
        found = None if folder is None else folder.stat()
    except OSError:
        return None
    return None if found is None else (found.st_dev, found.st_ino)


def _about(image: ImageFile, key: str) -> dict[str, Any]:
    known = None
    if image.prompt is not None:
        known = {
            "name": image.name, "source": image.source, "prompt": image.prompt,
            "seed": image.seed, "fingerprint": image.fingerprint, "context": image.context,
            "is_blank": image.is_blank,
        }  # fmt: skip
    return {
        "label": image.name,
        "path": in_utf8(str(image.path.resolve())),
        "digest": key,
        "is_added": False,
        **provenance_of(known),
        "is_blank": image.is_blank,
    }
