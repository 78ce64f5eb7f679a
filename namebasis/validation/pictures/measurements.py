"""What is known of image files: `measurements.lance` beside the names, a row per image.

Rows are keyed by the bytes of the file: an image that was embedded and measured once is not
opened again, wherever it lies, and a file that was replaced is new.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.checks import Float64Array, FloatArray
from namebasis.errors import NamebasisError, NamebasisWarning, ReplacedError
from namebasis.namespace.corpus.pictures.tables import in_utf8
from namebasis.namespace.store.dataset import as_column, as_matrix
from namebasis.namespace.store.engine_errors import (
    is_of_engine,
    one_line,
    reading,
    system_reason,
)
from namebasis.namespace.store.locks import locked
from namebasis.namespace.store.opening import holds_commit
from namebasis.namespace.store.places import for_lance
from namebasis.validation.pictures.image_files import ImageFile

logger = logging.getLogger(__name__)

MEASUREMENTS = "measurements.lance"
_MEASURE, _MADE_OF = b"measure", b"made_of"
"""Keys in the metadata of a column's field: which extractor's what, and that one's identity."""


class Memory:
    """What `measurements.lance` holds, and what will be added to it."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._images: dict[str, dict[str, Any]] = {}
        self._matrices: dict[str, dict[str, FloatArray]] = {}
        self._values: dict[tuple[str, str], dict[str, tuple[float, str | None]]] = {}
        self._is_new = False
        self._place = _identity(folder)
        if folder is not None and holds_commit(folder / MEASUREMENTS):
            try:
                self._read(folder / MEASUREMENTS)
            except (NamebasisError, KeyError, ValueError, TypeError, AttributeError) as error:
                # What can be measured again stops no report.
                self._images, self._matrices, self._values = {}, {}, {}
                message = (
                    f"{error} Earlier measurements are ignored; all images are measured again."
                )
                warnings.warn(message, NamebasisWarning, stacklevel=3)

    def _read(self, uri: Path) -> None:
        import lance

        with reading(uri):
            table = lance.dataset(for_lance(uri)).to_table()
        keys = table["sha256"].to_pylist()
        for row in table.select(list(_ABOUT)).to_pylist():
            self._images.setdefault(row["sha256"], row)
        for name in table.column_names:
            field_ = table.schema.field(name)
            about = field_.metadata or {}
            if name.startswith("vector:"):
                matrix = as_matrix(table[name], field_.type.list_size)
                self._matrices[name] = {
                    key: row
                    for key, row in zip(keys, matrix, strict=True)
                    if np.isfinite(row).all()
                }
            elif _MADE_OF in about:
                pairs = table[name].to_pylist()
                self._values[about[_MADE_OF].decode(), about[_MEASURE].decode()] = {
                    key: (
                        float("nan") if pair["value"] is None else pair["value"],
                        pair["reason"],
                    )
                    for key, pair in zip(keys, pairs, strict=True)
                    if pair is not None
                }

    def matrix(self, column: str) -> Mapping[str, FloatArray]:
        return self._matrices.get(column, {})

    def add_matrix(self, column: str, keys: Sequence[str], rows: FloatArray) -> None:
        self._matrices.setdefault(column, {}).update(zip(keys, rows, strict=True))
        self._is_new |= bool(keys)

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
        self._is_new |= bool(keys)

    def value(self, name: tuple[str, str], key: str) -> tuple[float, str | None]:
        return self._values[name].get(key, (float("nan"), "not measured"))

    def write(self, images: Sequence[ImageFile], keys: Sequence[str | None]) -> None:
        """Add these images and all that is known of them, in one commit; others stay.

        A space that cannot be written to, or a full disk, costs the memory and not the report.
        """
        if self.folder is None or not self._is_new:
            return
        own = [
            _about(image, key) for image, key in zip(images, keys, strict=True) if key is not None
        ]
        try:
            if self._place is not None and _identity(self.folder) != self._place:
                raise ReplacedError(f"{self.folder}: the space was replaced since it was opened.")
            with locked(self.folder), warnings.catch_warnings():
                warnings.simplefilter("ignore", NamebasisWarning)  # said when it was opened
                self._merge(Memory(self.folder))  # another run may have written meanwhile
                self._commit(self.folder / MEASUREMENTS, own)
        except (NamebasisError, OSError) as error:
            message = f"what was measured is not kept for the next report: {error}"
            warnings.warn(message, NamebasisWarning, stacklevel=2)
            return
        self._is_new = False

    def _merge(self, other: Memory) -> None:
        for key, row in other._images.items():
            self._images.setdefault(key, row)
        for column, vectors in other._matrices.items():
            self._matrices[column] = {**vectors, **self._matrices.get(column, {})}
        for name, values in other._values.items():
            self._values[name] = {**values, **self._values.get(name, {})}

    def _commit(self, uri: Path, own: list[dict[str, Any]]) -> None:
        import lance

        now = {row["sha256"] for row in own}
        rows = own + [row for key, row in self._images.items() if key not in now]
        keys = [row["sha256"] for row in rows]
        data: dict[str, Any] = {
            name: pa.array([row[name] for row in rows], kind) for name, kind in _ABOUT.items()
        }
        for column, vectors in self._matrices.items():
            if vectors:
                nothing = np.full(len(next(iter(vectors.values()))), np.nan, dtype=np.float32)
                data[column] = as_column(np.stack([vectors.get(key, nothing) for key in keys]))
        pair = pa.struct([("value", pa.float64()), ("reason", pa.string())])
        about: dict[str, dict[bytes, bytes]] = {}
        for (made_of, name), values in self._values.items():
            pairs = [
                {"value": found[0] if np.isfinite(found[0]) else None, "reason": found[1]}
                if (found := values.get(key)) is not None
                else None
                for key in keys
            ]
            # A column's name may hold no dot, and specs are paths.
            column = f"measure_{hashlib.sha256(f'{made_of}|{name}'.encode()).hexdigest()[:12]}"
            data[column] = pa.array(pairs, pair)
            about[column] = {_MEASURE: name.encode(), _MADE_OF: made_of.encode()}
        table = pa.table(data)
        fields = [one.with_metadata(about.get(one.name)) for one in table.schema]
        content = table.cast(pa.schema(fields))
        if holds_commit(uri):
            try:
                written = lance.write_dataset(content, for_lance(uri), mode="overwrite")
                # Every version holds the whole table: else each report would add one to the disk.
                written.cleanup_old_versions(retain_versions=2, delete_unverified=True)
                return
            except BaseException as error:
                if system_reason(error) is not None or not is_of_engine(error):
                    raise
                logger.warning("%s is damaged and is replaced: %s", uri, one_line(error))
        # Nothing of a first commit that was killed, and nothing damaged, stays in the way.
        _remove(uri)
        lance.write_dataset(content, for_lance(uri), mode="create")


_ABOUT: Mapping[str, pa.DataType] = {
    "name": pa.string(),
    "path": pa.string(),
    "sha256": pa.string(),
    "prompt": pa.string(),
    "seed": pa.int64(),
    "source": pa.string(),
    "is_blank": pa.bool_(),
}
"""Columns that say which image a row is."""


def _identity(folder: Path | None) -> tuple[int, int] | None:
    """Which folder lies there; None where there is none."""
    try:
        found = None if folder is None else folder.stat()
    except OSError:
        return None
    return None if found is None else (found.st_dev, found.st_ino)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _about(image: ImageFile, key: str) -> dict[str, Any]:
    return {
        "name": image.name,
        "path": in_utf8(str(image.path.resolve())),
        "sha256": key,
        "prompt": image.prompt,
        "seed": image.seed,
        "source": image.source,
        "is_blank": image.is_blank,
    }
