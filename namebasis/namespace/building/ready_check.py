"""Whose are ready vectors: what is said of them, held against pictures where they can be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namebasis.encoders.image_archives import is_there
from namebasis.encoders.image_files import encode_image_files
from namebasis.errors import EncoderError
from namebasis.namespace.corpus.pictures.ready import ReadyVectors, unit_vectors

if TYPE_CHECKING:
    from namebasis.checks import FloatArray
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.space import StoredSpace

N_HELD = 8
"""Pictures that are encoded to hold them against their vectors."""
N_TRIED = 64
"""Pictures that are looked for."""
LEAST = 0.9
"""Cosine of a picture's two vectors: 0.98 and more by one model, about 0 by two."""


def check_whose(
    space: StoredSpace,
    ready: ReadyVectors,
    encoder: Encoder | str | None,
    other: Encoder | None = None,
) -> list[str]:
    """Refuse ready vectors that are not of the encoder that is named; say how far that was seen.

    `other` is that encoder where it is not the space's own.

    Raises
    ------
    EncoderError
        If they have another width, nobody says whose they are, or pictures that can be read have
        other vectors by it.
    """
    own = space.provenance
    if other is not None:
        if ready.dim != other.dim:
            raise EncoderError(
                f"{ready.folder}: its vectors have {ready.dim} numbers, those of {other.spec} have "
                f"{other.dim}. Name the encoder that made them."
            )
        return _held_against_pictures(space, ready, other)
    if ready.dim != own.dim:
        raise EncoderError(
            f"{ready.folder}: its vectors have {ready.dim} numbers, those of {space.path} "
            f"({own.encoder}) have {own.dim}, so another encoder made them. Make them with that "
            "one, or give the pictures themselves; or name the encoder that made them (--encoder "
            "SPEC): they are kept beside the space's own."
        )
    if space.is_given:
        return []
    if encoder is None:
        raise EncoderError(
            f"{ready.folder} does not say which encoder its vectors are of. If {own.encoder} made "
            f"them, which built {space.path}, say so with --encoder {own.encoder} "
            "(encoder=…); vectors of two encoders are never mixed."
        )
    if not isinstance(encoder, str):
        encoder = space.check_encoder(encoder)  # by its weights
    return _held_against_pictures(space, ready, encoder)


def _held_against_pictures(
    space: StoredSpace, ready: ReadyVectors, encoder: Encoder | str
) -> list[str]:
    """Encode some pictures, where there are any here, and compare."""
    files, given = _at_hand(ready)
    if not files:
        return []
    try:
        model = space.encoder() if isinstance(encoder, str) else encoder
        found = encode_image_files(model, files)
    except EncoderError as error:
        return [f"no picture was held against its vector: {error}"]
    at = [files.index(Path(path)) for path in found.paths]
    if not at:
        return []
    cosine = float(np.median(np.einsum("ij,ij->i", found.vectors, given[at])))
    if cosine < LEAST:
        raise EncoderError(
            f"{ready.folder}: {len(at)} of its pictures, encoded by {model.spec}, have a median "
            f"cosine of {cosine:.2f} with their vectors, at least {LEAST} is expected; so another "
            "encoder made them, or they are of other pictures. Give the pictures themselves."
        )
    pictures = "picture agrees" if len(at) == 1 else "pictures agree"
    return [f"{len(at)} {pictures} with the vectors given (median cosine {cosine:.3f})"]


def _at_hand(ready: ReadyVectors) -> tuple[list[Path], FloatArray]:
    """Some pictures of the first block that can be read here, and their vectors."""
    block = next(ready.blocks())
    vectors, has = unit_vectors(block.vectors, ready.dim)
    found: dict[Path, int] = {}
    for row in np.unique(np.linspace(0, len(vectors) - 1, N_TRIED).astype(int)).tolist():
        places = [root / block.paths[row] for root in (ready.folder, ready.folder.parent)]
        place = next((one for one in places if is_there(one)), None)
        if place is not None and has[row]:
            found.setdefault(place, row)
        if len(found) == N_HELD:
            break
    return list(found), vectors[list(found.values())]
