"""The pictures of a space, as they were when it was opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import FloatArray, IntArray
from namebasis.namespace.corpus.image_labels import Find, find_labels
from namebasis.namespace.objects.urls import short_name
from namebasis.namespace.pictures.schema import (
    ABOUT,
    COLUMNS,
    KEYS,
    MAKER,
    MEASURE,
    OTHER_VECTORS,
    PHOTO,
    PHOTOS,
    SPEC,
    VECTOR,
    WHAT,
    filled,
    vector_column,
)
from namebasis.namespace.pictures.views import ImageView, has_vector, view_of
from namebasis.namespace.store.dataset import BLOCK_ROWS, as_matrix, check_units
from namebasis.namespace.store.engine_errors import reading
from namebasis.namespace.store.opening import IMAGES, named, open_pictures
from namebasis.namespace.store.pins import Pin
from namebasis.namespace.store.provenance import Provenance
from namebasis.namespace.store.rows import check_ids
from namebasis.wording import did_you_mean

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder

_NUMBER, _NAME = "picture", "id"


class Pictures:
    """The pictures of a space: whose each is, what it was made of, its vectors and measures.

    Get it with ``space.pictures()``. It answers from the version that it opened, for as long as
    it is there. Pictures are told by their numbers in that version, from 0 on.

    Some were added to the space (`is_added`) and count in the views of images; others were only
    measured by a report.

    Parameters
    ----------
    folder : Path
        The folder of the space.
    find : callable
        Rows of stored names by their spelling.
    provenance : Provenance
        Of the space: its encoder, and the width of its vectors.
    metadata : mapping of bytes to bytes, optional
        Of its names, which in object storage say what pictures count; else the newest do.
    """

    def __init__(
        self,
        folder: Path,
        find: Find,
        provenance: Provenance,
        metadata: Mapping[bytes, bytes] | None = None,
    ) -> None:
        self.uri = folder / IMAGES
        self._find = find
        self._provenance = provenance
        self._pin: Pin | None
        self._dataset: Any
        self._pin, self._dataset = open_pictures(folder, metadata or {})
        self._n_rows: int = 0 if self._dataset is None else self._dataset.count_rows()

    def __len__(self) -> int:
        return self._n_rows

    def __repr__(self) -> str:
        return f"Pictures({len(self):,} of {short_name(self.uri.parent)})"

    @property
    def columns(self) -> tuple[str, ...]:
        """What `table` may be asked for."""
        return (_NUMBER, _NAME, *COLUMNS)

    @cached_property
    def encoders(self) -> Mapping[str, str]:
        """Specs of the encoders that there are vectors of, by their fingerprints."""
        own = self._provenance
        found = {own.fingerprint: own.encoder}
        for field in () if self._dataset is None else self._dataset.schema:
            if field.name.startswith(OTHER_VECTORS):
                fingerprint = field.name.removeprefix(OTHER_VECTORS)
                told = (field.metadata or {}).get(SPEC.encode(), fingerprint.encode())
                found[fingerprint] = told.decode()
        return found

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """Specs of what painted the pictures, by their fingerprints; "photo" of photos."""
        rows = self._scan(["source", "pipeline"])
        seen = pa.table(rows).group_by(["source", "pipeline"]).aggregate([]).to_pylist()
        return {row["source"]: row["pipeline"] or row["source"] for row in seen}

    @cached_property
    def views(self) -> tuple[str, ...]:
        """The views of one source that there are pictures for: ``image:photos``, then pipelines."""
        rows = self._scan(["source", "pipeline", "is_added", "is_blank"])
        counts = pc.and_(rows["is_added"], pc.invert(rows["is_blank"]))
        if len(self.encoders) > 1:  # else every picture that was added has a vector
            with self._reading():
                counts = pc.and_(counts, pa.chunked_array(has_vector(self._dataset)))
        shown = rows.filter(counts)
        seen = pa.table(shown).group_by(["source", "pipeline"]).aggregate([]).to_pylist()
        specs = [row["pipeline"] for row in seen]
        told = [
            PHOTOS
            if row["source"] == PHOTO
            else row["pipeline"]
            if row["pipeline"] and specs.count(row["pipeline"]) == 1
            else row["source"][:19]
            for row in seen
        ]
        return tuple(f"image:{one}" for one in sorted(told, key=lambda one: (one != PHOTOS, one)))

    @cached_property
    def beside(self) -> Mapping[str, int]:
        """How many pictures have vectors by other encoders than the space's, by their specs."""
        found: dict[str, int] = {}
        for fingerprint, spec in list(self.encoders.items())[1:]:
            column = vector_column(fingerprint, self._provenance.fingerprint)
            with self._reading():
                n_pictures = sum(
                    pc.sum(one).as_py() or 0 for one in has_vector(self._dataset, column)
                )
            called = f"{spec} ({fingerprint[:19]})" if spec in found else spec
            if n_pictures:
                found[called] = n_pictures
        return found

    def table(
        self, columns: Sequence[str] | None = None, ids: IntArray | Sequence[int] | None = None
    ) -> pa.Table:
        """Read columns of all pictures, or of some in their order.

        Parameters
        ----------
        columns : sequence of str, optional
            Of `columns`; all by default. `picture` is the number of a picture, `id` the row of the
            stored name whose it is, or null; `label` the name as it was read; `path`; `digest`,
            SHA-256 of the file, or of its vector where that was given; `source`, "photo" or the
            fingerprint of the pipeline that painted it; `pipeline`, that one's spec; `prompt`;
            `seed`; `context`, the prompt with ``{}`` for the name; `is_blank`, whether a safety
            checker blacked it out; `is_added`; `face_box`, left, top, right and bottom as shares
            of its width and height; `url` and `caption`, as the table had them that listed it.
        ids : sequence of int, optional
            Numbers of pictures.

        Raises
        ------
        ValueError
            If there is no such column or picture.
        """
        wanted = list(self.columns if columns is None else columns)
        for name in wanted:
            if name not in self.columns:
                raise ValueError(
                    f"there is no column {name!r} of pictures; there are "
                    f"{', '.join(self.columns)}.{did_you_mean(name, self.columns)}"
                )
        numbers = np.arange(len(self)) if ids is None else check_ids(ids, len(self))
        stored = [name for name in wanted if name in COLUMNS]
        read = self._scan(stored, None if ids is None else numbers)
        made: dict[str, Any] = {_NUMBER: pa.array(numbers, pa.int64())}
        if _NAME in wanted:
            owners = self.owners[numbers]
            made[_NAME] = pa.array(owners, pa.int64(), mask=owners < 0)
        return pa.table({name: made[name] if name in made else read[name] for name in wanted})

    @cached_property
    def _measures(self) -> dict[str, str]:
        """Columns of what was measured, by what it is called."""
        found: dict[str, str] = {}
        for field in () if self._dataset is None else self._dataset.schema:
            about = field.metadata or {}
            if field.name.startswith(MEASURE) and WHAT in about:
                called = about[WHAT].decode()
                if called in found:  # by other weights or phrases
                    called = f"{called} ({about[MAKER].decode()[:8]})"
                found[called] = field.name
        return found

    @property
    def measures(self) -> tuple[str, ...]:
        """What reports measured: an extractor's spec and one of its values, ``skin|skin_tone``."""
        return tuple(self._measures)

    def measured(
        self, measures: Sequence[str] | None = None, ids: IntArray | Sequence[int] | None = None
    ) -> pa.Table:
        """Read what reports measured on all pictures, or on some in their order.

        Parameters
        ----------
        measures : sequence of str, optional
            Of `measures`; all by default.
        ids : sequence of int, optional
            Numbers of pictures.

        Returns
        -------
        Table
            `picture`, and a column of numbers a measure; null where nothing was measured.

        Raises
        ------
        ValueError
            If there is no such measure or picture.
        """
        wanted = list(self.measures if measures is None else measures)
        for name in wanted:
            if name not in self._measures:
                known = ", ".join(self.measures) or "none"
                raise ValueError(
                    f"nothing called {name!r} was measured; there are {known}."
                    f"{did_you_mean(name, self.measures)}"
                )
        numbers = np.arange(len(self)) if ids is None else check_ids(ids, len(self))
        made: dict[str, Any] = {_NUMBER: pa.array(numbers, pa.int64())}
        if wanted:
            with self._reading():
                rows = self._dataset.scanner(
                    columns=[self._measures[name] for name in wanted], scan_in_order=True
                ).to_table()
            for name in wanted:
                pairs = rows[self._measures[name]].combine_chunks()
                made[name] = pc.struct_field(pairs, "value").take(pa.array(numbers))
        return pa.table(made)

    @cached_property
    def owners(self) -> IntArray:
        """Row of the stored name that each picture is of, -1 where the space has none."""
        labels = self._scan(["label"])["label"].combine_chunks().dictionary_encode()
        found = find_labels(labels.dictionary.to_pylist(), self._find)
        rows = [found[label] for label in labels.dictionary.to_pylist()]
        known = np.array([-1 if row is None else row for row in rows], dtype=np.int64)
        return known[np.asarray(labels.indices)] if len(labels) else np.empty(0, np.int64)

    def dim(self, encoder: Encoder | str | None = None) -> int:
        """Width of the vectors of an encoder.

        Raises
        ------
        ValueError
            If there are none of it.
        """
        column = self._column(encoder)
        if self._dataset is None or column not in self._dataset.schema.names:
            return self._provenance.dim
        return int(self._dataset.schema.field(column).type.list_size)

    def vectors(
        self, encoder: Encoder | str | None = None, source: str | None = None
    ) -> tuple[FloatArray, IntArray]:
        """Unit vectors of all pictures that have one.

        Parameters
        ----------
        encoder : Encoder or str, optional
            One, its spec or its fingerprint, see `encoders`; that of the space by default.
        source : str, optional
            "photos", or a pipeline by its spec or fingerprint: only those.

        Returns
        -------
        rows : ndarray of shape (n, dim), float32
        ids : ndarray of int
            Numbers of their pictures, ascending.

        Raises
        ------
        ValueError
            If there are no vectors of the encoder, or no pictures of the source.
        """
        rows = np.empty((len(self), self.dim(encoder)), np.float32)
        ids = np.empty(len(self), np.int64)
        done = 0
        for block, numbers in self.blocks(encoder, source):
            rows[done : done + len(block)] = block
            ids[done : done + len(block)] = numbers
            done += len(block)
        return rows[:done], ids[:done]

    def blocks(
        self, encoder: Encoder | str | None = None, source: str | None = None
    ) -> Iterator[tuple[FloatArray, IntArray]]:
        """As `vectors`, some thousand at a time."""
        column, dim = self._column(encoder), self.dim(encoder)
        counts = None if source is None else self._is_of(source)
        if self._dataset is None or column not in self._dataset.schema.names:
            return
        start = 0
        with self._reading():
            for batch in self._dataset.scanner(
                columns=[column], batch_size=BLOCK_ROWS, batch_readahead=2, scan_in_order=True
            ).to_batches():
                stop = start + len(batch)
                has = np.asarray(batch.column(0).is_valid())
                if counts is not None:
                    has &= counts[start:stop]
                if has.any():
                    found = as_matrix(batch.column(0).filter(pa.array(has)), dim)
                    yield check_units(found, self.uri), start + np.flatnonzero(has)
                start = stop

    def image_view(self, source: str | None = None) -> ImageView:
        """The mean of each name's pictures: of those that were added, and of one source.

        Parameters
        ----------
        source : str, optional
            As `vectors` takes it.

        Raises
        ------
        ValueError
            If no picture of that source was added.
        """
        known = None if source is None else self.source(source)
        made = None
        if self._dataset is not None:
            with self._reading():
                made = view_of(self._dataset, self.uri, self._find, self._provenance.dim, known)
        if made is None:
            what = {None: "picture", PHOTOS: "photo"}.get(source, f"picture of {source}")
            raise ValueError(
                f"no {what} was added to the space; `namebasis add {self.uri.parent} --images "
                "FOLDER` adds them, and encodes none again that a report has measured."
            )
        return made

    def source(self, asked: str) -> str:
        """What stands in the column `source` of the pictures that are asked for.

        Parameters
        ----------
        asked : str
            "photos", or the spec of a pipeline, its fingerprint, or the first six characters of
            that or more.

        Raises
        ------
        ValueError
            If there is none, or several.
        """
        if asked == PHOTOS:
            return PHOTO
        bare = asked.removeprefix("sha256:")
        found = [
            source
            for source, spec in self.sources.items()
            if source != PHOTO
            and (
                asked in (source, spec)
                or (len(bare) >= 6 and source.removeprefix("sha256:").startswith(bare))
            )
        ]
        if len(found) == 1:
            return found[0]
        offered = [PHOTOS if source == PHOTO else spec for source, spec in self.sources.items()]
        if not offered:
            raise ValueError(
                f"{self.uri.parent} holds no pictures of names, of {asked!r} or others; add some: "
                f"namebasis add {self.uri.parent} --images FOLDER."
            )
        if found:
            raise ValueError(
                f"{asked} painted with several weights; name one by its fingerprint: "
                f"{', '.join(one[:19] for one in found)}."
            )
        raise ValueError(
            f"no picture of {self.uri.parent} comes from {asked!r}; there are "
            f"{', '.join(offered)}.{did_you_mean(asked, offered)}"
        )

    def _is_of(self, source: str) -> Any:
        wanted = self.source(source)
        return np.asarray(pc.equal(self._scan(["source"])["source"], wanted))

    def _column(self, encoder: Encoder | str | None) -> str:
        if encoder is None:
            return VECTOR
        return vector_column(self.encoder(encoder), self._provenance.fingerprint)

    def encoder(self, encoder: Encoder | str) -> str:
        """Fingerprint of an encoder that there are vectors of, given it or its spec.

        Raises
        ------
        ValueError
            If there are none of it, or several are called so.
        """
        asked = encoder if isinstance(encoder, str) else encoder.fingerprint
        found = [key for key, spec in self.encoders.items() if asked in (key, spec)]
        if len(found) == 1:
            return found[0]
        known = ", ".join(f"{spec} ({key[:19]})" for key, spec in self.encoders.items())
        problem = "several encoders are called" if found else "the pictures have no vectors of"
        raise ValueError(f"{problem} {asked}; there are {known}.")

    def _scan(self, columns: Sequence[str], ids: IntArray | None = None) -> pa.Table:
        """Columns of `COLUMNS` of all pictures, or of some."""
        names = list(dict.fromkeys(columns))
        if self._dataset is None or not names:
            fields = [(KEYS if name in KEYS.names else ABOUT).field(name) for name in names]
            return pa.schema(fields).empty_table()
        held = [name for name in names if name in self._dataset.schema.names]
        with self._reading():
            if ids is None:
                asked = held or ["digest"]
                rows = self._dataset.scanner(columns=asked, scan_in_order=True).to_table()
            else:
                unique, inverse = np.unique(ids, return_inverse=True)
                rows = self._dataset.take(pa.array(unique), columns=held or ["digest"])
                rows = rows.take(pa.array(inverse.reshape(-1)))
        return filled(rows, names)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with named(self._pin), reading(self.uri):
            yield
