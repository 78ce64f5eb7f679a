"""Vectors of pictures by other encoders than the space's own, kept beside those."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.checks import FloatArray
from namebasis.encoders.image_archives import digest_of_picture, is_there
from namebasis.encoders.registry import as_encoder, check_sees
from namebasis.encoders.specs import full_spec
from namebasis.errors import EncoderError
from namebasis.namespace.corpus.pictures.ready import digest_of_vector
from namebasis.namespace.pictures.schema import (
    GIVEN,
    OTHER_VECTORS,
    SPEC,
    VECTOR,
    filled,
    vector_column,
)
from namebasis.namespace.pictures.views import has_vector
from namebasis.namespace.store.opening import holds_commit, open_newest
from namebasis.reading import UnreadableError

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.pictures.pictures import Pictures
    from namebasis.namespace.space import StoredSpace

BLOCKS = 8
"""Blocks of ready vectors that are put beside others at a time: each time a column is rewritten."""

Key = tuple[str, str]


def other_encoder(space: StoredSpace, encoder: Encoder | str | None) -> Encoder | None:
    """The encoder that pictures are to have vectors of, loaded; None where it is the space's own.

    Raises
    ------
    EncoderError
        If it cannot be loaded, or reads no pictures.
    """
    own = space.provenance
    if encoder is None:
        return None
    if isinstance(encoder, str):
        if own.encoder == encoder or own.encoder == full_spec(encoder):
            return None
        check_sees(encoder)
    encoder = as_encoder(encoder)
    # Other weights of the space's own spec are a mistake, which `check_encoder` refuses.
    if encoder.fingerprint == own.fingerprint or encoder.spec == own.encoder:
        return None
    if not encoder.has_images:
        raise EncoderError(
            f"{encoder.spec} reads no images, so no picture has a vector by it; name the encoder "
            "that made the vectors, such as an open_clip: or hf: one."
        )
    return encoder


def column_of(other: Encoder | None) -> pa.Field:
    """The column of an encoder's vectors; of the space's own where there is no other."""
    if other is None:
        return pa.field(VECTOR, pa.null())
    name = vector_column(other.fingerprint, "")
    told = {SPEC: other.spec, GIVEN: "added"}
    return pa.field(name, pa.list_(pa.float32(), other.dim), metadata=told)


def has_in(uri: Path, column: str) -> np.ndarray | None:
    """Which pictures of a store have a vector in a column; None where all that were added do."""
    dataset = open_newest(uri)
    if column == VECTOR and not any(one.startswith(OTHER_VECTORS) for one in dataset.schema.names):
        return None
    found = [np.asarray(block) for block in has_vector(dataset, column)]
    return np.concatenate(found) if found else np.zeros(0, bool)


def places_of(uri: Path, column: str) -> dict[Key, str]:
    """Digests of stored pictures by name and path, of those that vectors may be put beside.

    By another encoder that is any picture; by the space's own one that has no vector of it.
    """
    if not holds_commit(uri):
        return {}
    has = has_in(uri, column)
    if has is None:
        return {}
    dataset = open_newest(uri)
    asked = ["label", "path", "digest", "is_added"]
    held = [name for name in asked if name in dataset.schema.names]
    rows = filled(dataset.to_table(columns=held), asked)
    rows = rows.filter(
        pc.and_(rows["is_added"], pa.array(~has if column == VECTOR else np.ones_like(has)))
    )
    keys = zip(rows["label"].to_pylist(), rows["path"].to_pylist(), strict=True)
    return dict(zip(keys, rows["digest"].to_pylist(), strict=True))


def digests_of(
    places: dict[Key, str], other: Encoder | None
) -> Callable[[str, str, FloatArray], str]:
    """How pictures that come as vectors are told apart: by label, path and vector.

    By the picture of that name and path which is stored; by the space's own encoder else by the
    vector, by another one by the file where it is here: the picture may come by others too.
    """

    def digest(label: str, path: str, vector: FloatArray) -> str:
        place = path if ":/" in path else os.path.abspath(path)
        known = places.get((label, place))
        if known is None and other is not None and is_there(Path(place)):
            try:
                known = digest_of_picture(Path(place))
            except UnreadableError:
                known = None
        return digest_of_vector(vector) if known is None else known

    return digest


def count_beside(pictures: Pictures, other: Encoder) -> tuple[int, int]:
    """How many stored names have a picture with a vector by an encoder, and how many have one."""
    ids: Iterable[np.ndarray] = [ids for _, ids in pictures.blocks(other.fingerprint)]
    every = np.concatenate([np.empty(0, np.int64), *ids])
    owners = pictures.owners[every]
    return len(np.unique(owners[owners >= 0])), len(every)
