"""Profiles of names by the pictures that a space holds, read by zero-shot from their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import IntArray
from namebasis.errors import NamebasisError
from namebasis.namespace.pictures.painted import read_about
from namebasis.studies.attributes.axis_files import Axis
from namebasis.validation.extractors.zero_shot import AXES, ZeroShot, one_sided
from namebasis.validation.rigidity.results import MADE_UP, WEAK, PictureRigidity
from namebasis.validation.rigidity.roles import roles_of
from namebasis.validation.rigidity.study import MeasuredPictures, picture_rigidity

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace


def stored_rigidity(
    space: StoredSpace,
    names: Sequence[str] | None = None,
    *,
    where: str | None = None,
    axes: Sequence[str | Path | Axis] | None = None,
    source: str | None = None,
    n_resamples: int = 500,
    seed: int = 0,
) -> PictureRigidity:
    """Say which attributes of a name its pictures in a space hold rigid, and which free.

    No picture is opened: attributes are read from the stored vectors by the phrases of axes.

    Parameters
    ----------
    space : Space
        Its encoder reads images and text.
    names : sequence of str, optional
        By default all with pictures; made-up names and weak identities are read beside them.
    where : str, optional
        SQL filter of names, only without `names`.
    axes : sequence of str, Path or Axis, optional
        Packaged axes or files; by default those of `zero-shot`.
    source : str, optional
        "photos", or a pipeline by its spec or fingerprint: only its pictures.
    n_resamples, seed : int
        Of the bootstrap over pictures.

    Raises
    ------
    ValueError
        If both `names` and `where` are given, or there are no pictures of the source.
    NamebasisError
        If the space has no pictures of the names.
    EncoderError
        If the space's encoder does not read both images and text.
    """
    if names is not None and where is not None:
        raise ValueError("give names or where, not both.")
    pictures = space.pictures()
    if not len(pictures):
        raise NamebasisError(
            f"{space.path} holds no pictures; `namebasis add {space.path} --images FOLDER` adds "
            "them, and `namebasis validate report` measures a folder."
        )
    encoder = space.encoder()
    if not (encoder.has_images and encoder.has_text):
        raise one_sided(encoder.spec)
    vectors, ids = pictures.vectors(source=source)
    about = pictures.table(["id", "label", "path", "context", "is_blank"], ids)
    owners = about["id"].fill_null(-1).to_numpy()
    stored = np.unique(owners[owners >= 0])
    spelt = dict(zip(stored.tolist(), space.table(["name"], ids=stored)["name"].to_pylist(),
                     strict=True))  # fmt: skip
    labels = [
        spelt.get(owner, label)
        for owner, label in zip(owners.tolist(), about["label"].to_pylist(), strict=True)
    ]
    paths = about["path"].to_pylist()
    roles, weak_by = roles_of(space, list(dict.fromkeys(labels)), _made_up(labels, owners, paths))
    asked = _asked(space, names, where, spelt)
    kept = [
        at
        for at, (label, is_blank) in enumerate(
            zip(labels, about["is_blank"].to_pylist(), strict=True)
        )
        if not is_blank and (asked is None or label in asked or roles.get(label) in (MADE_UP, WEAK))
    ]
    if asked is not None and not asked & {labels[at] for at in kept}:
        raise NamebasisError(f"{space.path} holds no pictures of {_first(names, where)}.")
    reader = ZeroShot(encoder, AXES if axes is None else axes)
    contexts = about["context"].to_pylist()
    return picture_rigidity(
        MeasuredPictures(
            [labels[at] for at in kept], reader.read(vectors[kept]), vectors[kept],
            [contexts[at] for at in kept], [paths[at] or "" for at in kept],
        ),
        roles,
        weak_by=weak_by, encoder=encoder, n_resamples=n_resamples, seed=seed,
    )  # fmt: skip


def _made_up(labels: Sequence[str], owners: IntArray, paths: Sequence[str | None]) -> list[str]:
    """Names that the space does not hold, of which a picture says that nobody bears them."""
    first: dict[str, str] = {}
    for label, owner, path in zip(labels, owners.tolist(), paths, strict=True):
        if owner < 0 and path:
            first.setdefault(label, path)
    told = {label: read_about(Path(path), whole=False) for label, path in first.items()}
    return [label for label, about in told.items() if about and about.get("is_made_up") is True]


def _asked(
    space: StoredSpace, names: Sequence[str] | None, where: str | None, spelt: dict[int, str]
) -> set[str] | None:
    """Names that were asked for, as the space writes them; None for all."""
    if names is not None:
        rows = space.find_all(list(names))
        return {
            name if row is None else spelt.get(row, name)
            for name, row in zip(names, rows, strict=True)
        }
    if where is None:
        return None
    return {spelt[row] for row in space.ids(where).tolist() if row in spelt}


def _first(names: Sequence[str] | None, where: str | None) -> str:
    if names is None:
        return f"names that pass {where!r}"
    return names[0] if len(names) == 1 else f"{names[0]} or the {len(names) - 1} others"
