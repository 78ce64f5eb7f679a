"""What a target stands for among pictures whose vectors are by another encoder than the space's."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

from namebasis.checks import FloatArray
from namebasis.errors import EncoderError, TargetError
from namebasis.namespace.search.results import LightColumns
from namebasis.namespace.search.targets import Resolver, check_as

if TYPE_CHECKING:
    from namebasis.encoders.base import Encoder
    from namebasis.namespace.pictures.pictures import Pictures
    from namebasis.namespace.search.picture_rows import PictureRows
    from namebasis.namespace.store.provenance import Provenance


class _Space(Protocol):
    _light: LightColumns

    @property
    def provenance(self) -> Provenance: ...

    def find(self, name: str) -> int | None: ...

    def near_spellings(self, text: str) -> tuple[str, ...]: ...

    def pictures(self) -> Pictures: ...

    def picture_rows(self, encoder: Encoder | str | None = None) -> PictureRows: ...


def resolver_beside(
    space: _Space, other: str, encoder: Encoder | str | None, view: str, as_: str | None
) -> Resolver:
    """Turn targets into vectors of another encoder.

    A name is encoded in the space's templates, whether it is stored or not; in views of images a
    stored name is the mean of its pictures by that encoder.

    Parameters
    ----------
    space : Space
    other : str
        Fingerprint of the encoder.
    encoder : Encoder or str
        It, or its spec, from which it is loaded where something must be encoded.
    view, as_ : str
        As `nearest_pictures` takes them.
    """
    check_as(as_)
    templates = space.provenance.templates

    @cache
    def loaded() -> Encoder:
        from namebasis.encoders.registry import load_encoder

        if encoder is not None and not isinstance(encoder, str):
            return encoder
        spec = space.pictures().encoders[other]
        model = load_encoder(spec)
        if model.fingerprint != other:
            raise EncoderError(
                f"{spec} has other weights now ({model.fingerprint[:19]}…) than made the vectors "
                f"of pictures ({other[:19]}…), so what it encodes cannot be compared with them."
            )
        return model

    def placed(name: str) -> FloatArray:
        model = loaded()
        if not model.has_text:
            raise TargetError(
                f"{model.spec} does not read text; ask by a picture or a vector, or in the view "
                "image."
            )
        rows = [model.encode_names([name], template)[0] for template in templates]
        return np.asarray(np.mean(rows, axis=0), np.float32)

    def stored(row: int) -> FloatArray:
        if view == "text":
            return placed(space._light.take(np.array([row]))["name"][0].as_py())
        rows = space.picture_rows(other)
        at = np.flatnonzero(rows.owners == row)
        if source := view.partition(":")[2]:
            at = np.intersect1d(at, rows.of_source(source))
        return rows.vectors(at).sum(axis=0) if len(at) else np.zeros(rows.dim, np.float32)

    return Resolver(
        view,
        space.pictures().dim(other),
        space.find,
        stored,
        loaded,
        place=placed if templates else None,
        near=space.near_spellings,
        templates=templates,
        as_=as_,
    )
