"""Components of name space: of a view, or of the pieces that names are written with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.sparse.components import (
    Components,
    piece_components,
    principal_components,
)
from namebasis.checks import FloatArray, IntArray
from namebasis.errors import EncoderError
from namebasis.studies.basis.atoms import is_of_images, name_mean
from namebasis.studies.identity.choice import measure_identity

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

_SHOWN = 3
"""Pieces that are kept for each end of a component."""


def fit_components(
    space: StoredSpace,
    *,
    view: str = "text",
    where: str | None = None,
    max_components: int | None = 64,
    automatic_filter: bool = False,
    seed: int = 0,
) -> Components:
    """Principal components of a view of the space.

    Parameters
    ----------
    space : Space
    view : str
    where : str, optional
        The only names that count.
    max_components : int, optional
        At most this number; see `analysis.components.principal_components`.
    automatic_filter : bool
        Take only full names with a measured identity of their own; see
        `identity_filter.measure_identity`.
    seed : int
        Of the filter.

    Returns
    -------
    Components
        With the encoder, view, filter and number of names in `metadata`.

    Raises
    ------
    ValueError
        If fewer than two distinct names are left, or the filter has too few to measure.
    """
    ids, how = _chosen(space, where, view, automatic_filter, seed)
    metadata = _metadata(space, view, where, how)
    return principal_components(
        space.vectors(view, ids=ids), max_components, label=view, metadata=metadata
    )


def fit_pieces(
    space: StoredSpace,
    *,
    where: str | None = None,
    n_positions: int = 2,
    max_components: int | None = 512,
    automatic_filter: bool = False,
    seed: int = 0,
) -> tuple[Components, ...]:
    """A basis of input token embeddings per token position: Celeb Basis, done right.

    See `analysis.components.piece_components`; the parameters are those of `fit_components`. The
    metadata names the pieces at both ends of each component as `ends`.

    Raises
    ------
    EncoderError
        If the space's encoder does not show its input token embeddings.
    ValueError
        If a position has fewer than two distinct pieces.
    """
    encoder = space.encoder()
    ids, how = _chosen(space, where, "text", automatic_filter, seed)
    names = space.table(["name"], ids=ids)["name"].to_pylist()
    rows = encoder.piece_embeddings(names)
    found = piece_components(
        names,
        rows,
        n_positions=n_positions,
        max_components=max_components,
        metadata=_metadata(space, "pieces", where, how),
    )
    texts = encoder.pieces(names)
    return tuple(_with_ends(one, at, texts, rows) for at, one in enumerate(found))


def _with_ends(
    components: Components, position: int, texts: list[list[str]], rows: list[FloatArray]
) -> Components:
    """Components with the pieces at both ends of each in their metadata, the outermost first."""
    distinct = {
        text[position].removesuffix("</w>"): row[position]
        for text, row in zip(texts, rows, strict=True)
        if len(row) > position
    }
    along = components.coefficients(np.stack(list(distinct.values())))
    order, pieces = np.argsort(along, axis=0, kind="stable"), list(distinct)
    n = min(_SHOWN, len(pieces) // 2)
    ends = [
        [[pieces[at] for at in column[:n]], [pieces[at] for at in column[::-1][:n]]]
        for column in order.T.tolist()
    ]
    return replace(components, metadata={**components.metadata, "ends": ends})


def check_components(space: StoredSpace, components: Components, view: str) -> Components:
    """Return a basis if it was fitted to vectors of the same kind as those of a view.

    Raises
    ------
    EncoderError
        If another encoder's vectors were, by the fingerprint that the basis was saved with.
    ValueError
        If another view's were, or the width differs.
    """
    about, source = components.metadata, space.provenance
    width = len(space.mean(view))
    if components.n_features != width:
        raise ValueError(
            f"the basis {components.label!r} has {components.n_features} features, the view "
            f"{view!r} has {width}. Fit one to this view."
        )
    if about.get("fingerprint", source.fingerprint) != source.fingerprint:
        raise EncoderError(
            f"the basis {components.label!r} was fitted to vectors of {about.get('encoder')} "
            f"({str(about['fingerprint'])[:19]}…); {space.path} has those of {source.encoder} "
            f"({source.fingerprint[:19]}…). Fit one to this space."
        )
    if about.get("view", view) != view:
        raise ValueError(
            f"the basis {components.label!r} was fitted to the view {about['view']!r}; got view "
            f"{view!r}, whose vectors mean something else. Use the view it was fitted to."
        )
    return components


def coefficients(
    space: StoredSpace, target: object, components: Components, *, view: str = "text"
) -> FloatArray:
    """Where a target lies along each component, in standard deviations, (n_components,).

    Raises
    ------
    TargetError
        If the target cannot be read.
    EncoderError, ValueError
        If the basis was fitted to other vectors than the view's.
    """
    check_components(space, components, view)
    found = space.resolve(target, view=view)
    row = found.vector
    if is_of_images(view) and found.kind in ("name", "text"):
        # Centred by the mean of its own modality; see `atoms.centre_target`.
        row = row - name_mean(space, "text") + components.mean
    along: FloatArray = components.coefficients(row[None])[0]
    return along


def _chosen(
    space: StoredSpace, where: str | None, view: str, automatic_filter: bool, seed: int
) -> tuple[IntArray, str]:
    if not automatic_filter:
        return space.ids(where, view=view), "all names"
    measured = measure_identity(space, where=where, seed=seed)
    if measured.chosen.size < 2:
        raise ValueError(
            f"the automatic filter leaves {measured.chosen.size} of {measured.ids.size} full "
            f"names ({measured.measure}); choose names with where instead."
        )
    return np.intersect1d(measured.chosen, space.ids(view=view)), measured.measure


def _metadata(space: StoredSpace, view: str, where: str | None, how: str) -> dict[str, object]:
    source = space.provenance
    return {
        "encoder": source.encoder,
        "fingerprint": source.fingerprint,
        "view": view,
        "where": where,
        "names": how,
    }
