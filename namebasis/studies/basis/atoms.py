"""What a basis is fitted with and to: centred names, centred targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray, IntArray, as_embeddings
from namebasis.errors import FilterError, TargetError
from namebasis.namespace.search.targets import Target, fold, is_batch, is_image

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

# A centred vector shorter than this is the mean itself up to float32 rounding.
_NO_DIRECTION = 1e-5
_NO_IMAGE_MEAN = (
    "an image target must be centred by a mean of images, and the space holds none: the mean of "
    "texts would leave the gap between texts and images in the target. Give it some hundred "
    "various images, `namebasis add {} --images FOLDER`, or pass image_mean."
)


@dataclass(frozen=True)
class NameAtoms:
    """Names as atoms: rows of one view minus the mean of that view over the whole space.

    Attributes
    ----------
    ids : ndarray of shape (n_atoms,), int64
    names, parts : list of str
    vectors : ndarray of shape (n_atoms, dim), float32
    mean : ndarray of shape (dim,), float32
    """

    ids: IntArray
    names: list[str]
    parts: list[str]
    vectors: FloatArray
    mean: FloatArray

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def is_family(self) -> npt.NDArray[np.bool_]:
        """Which atoms are family names."""
        return np.array([part == "family" for part in self.parts])

    def folded_groups(self) -> IntArray:
        """Return for each atom the others of the same letters, (n_atoms, m), -1 for none."""
        members: dict[str, list[int]] = {}
        for row, name in enumerate(self.names):
            members.setdefault(fold(name), []).append(row)
        groups = np.full((len(self), max(map(len, members.values())) - 1), -1, dtype=np.int64)
        for rows in members.values():
            for position, row in enumerate(rows):
                others = rows[:position] + rows[position + 1 :]
                groups[row, : len(others)] = others
        return groups

    def named(self, names: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Say which atoms bear one of `names`, forgiving case and accents."""
        folded = {fold(name) for name in names}
        hits = (bool(folded) and fold(name) in folded for name in self.names)
        return np.fromiter(hits, dtype=bool, count=len(self))


def load_atoms(space: StoredSpace, *, where: str | None = None, view: str = "text") -> NameAtoms:
    """Read the names that a filter accepts, centred by the mean of the whole space.

    Raises
    ------
    FilterError
        If the filter is refused or leaves no name.
    """
    ids = space.ids(where, view=view)
    if not len(ids):
        raise FilterError(f"where {where!r} leaves no name to build a basis from.")
    table = space.table(["name", "part"], ids=ids)
    mean = space.mean(view)
    vectors = np.array(space.vectors(view, ids=ids), dtype=np.float32)
    vectors -= mean
    return NameAtoms(ids, table["name"].to_pylist(), table["part"].to_pylist(), vectors, mean)


@dataclass(frozen=True)
class CentredTarget:
    """A target of a fit, each of its terms centred by the mean of its own modality.

    Attributes
    ----------
    label : str
    vector : ndarray of shape (dim,), float32
        The weighted sum of the centred terms.
    mean : ndarray of shape (dim,), float32
        The weighted sum of the means taken off; ``vector + mean`` is the raw target.
    names : tuple of str
        Stored names in it.
    terms : tuple of (Target, float)
        What it is the weighted sum of.
    """

    label: str
    vector: FloatArray
    mean: FloatArray
    names: tuple[str, ...]
    terms: tuple[tuple[Target, float], ...] = ()


def centre_target(
    space: StoredSpace,
    target: Any,
    *,
    minus: Sequence[Any] = (),
    view: str = "text",
    image_mean: npt.ArrayLike | None = None,
    as_: str | None = None,
) -> CentredTarget:
    """Resolve a target, centre each of its terms, and add them up.

    Parameters
    ----------
    space : Space
    target : str, PIL image, array, mapping or list
        A list stands for the mean of its members, a mapping such as ``{"Vicki": 1, image: 0.5}``
        for their weighted sum; every term counts as a vector of length 1 before it is centred.
    minus : sequence of targets
        Taken off after centring, each with weight 1.
    view : str
    image_mean : array_like of shape (dim,), optional
        The mean of unit image vectors; by default that of the space's images.
    as_ : {"name", "text"}, optional
        How texts are read; see `Space.resolve`.

    Raises
    ------
    TargetError
        If an image is given and no mean of images is known, or nothing is left after centring.
    """
    asked = [t for t, _ in _terms(target)]
    space.check_targets([*asked, *minus], view=view, as_=as_)
    if image_mean is None and any(map(is_image, asked)) and space.image_mean() is None:
        raise TargetError(_NO_IMAGE_MEAN.format(space.path))
    read = partial(space.resolve, view=view, as_=as_)
    terms = [(read(t), weight) for t, weight in _terms(target)]
    terms += [(read(t), -1.0) for t in minus]
    dim = len(terms[0][0].vector)
    vector, mean = np.zeros(dim), np.zeros(dim)
    for term, weight in terms:
        own = _mean_of(space, term, view, image_mean)
        vector += weight * (term.vector.astype(np.float64) - own)
        mean += weight * own
    label = _label(terms)
    if np.linalg.norm(vector) < _NO_DIRECTION * max(abs(weight) for _, weight in terms):
        raise TargetError(
            f"{label} equals what is taken off it: centred, it has no direction that names could "
            "add up to."
        )
    members = [row for term, _ in terms for row in term.members]
    names = space.table(["name"], ids=members)["name"].to_pylist() if members else []
    as_float = np.float32
    return CentredTarget(
        label, vector.astype(as_float), mean.astype(as_float), tuple(names), tuple(terms)
    )


def _terms(target: Any) -> list[tuple[Any, float]]:
    if isinstance(target, Mapping):
        terms = [(key, float(weight)) for key, weight in target.items()]
        if not terms or not all(np.isfinite(w) for _, w in terms) or not any(w for _, w in terms):
            raise TargetError("a mix needs at least one target, and finite weights not all 0.")
        return terms
    if is_batch(target):
        members = list(target)
        if not members:
            raise TargetError("a list of targets must hold at least one.")
        return [(member, 1.0 / len(members)) for member in members]
    return [(target, 1.0)]


def _mean_of(
    space: StoredSpace, term: Target, view: str, image_mean: npt.ArrayLike | None
) -> npt.NDArray[np.float64]:
    """Return the mean of the modality a term comes from."""
    if term.kind != "image":
        return np.asarray(space.mean(view), dtype=np.float64)
    if image_mean is not None:
        dim = len(term.vector)
        known = as_embeddings(np.atleast_2d(np.asarray(image_mean)), "image_mean", dim)
        return np.asarray(known[0], dtype=np.float64)
    known_mean = space.image_mean()
    if known_mean is not None:
        return np.asarray(known_mean, dtype=np.float64)
    raise TargetError(_NO_IMAGE_MEAN.format(space.path))


def _label(terms: Sequence[tuple[Target, float]]) -> str:
    if len(terms) == 1:
        return terms[0][0].label
    words = []
    for position, (term, weight) in enumerate(terms):
        sign = "- " if weight < 0 else "+ " if position else ""
        size = "" if abs(weight) == 1 else f"{abs(weight):g} "
        words.append(f"{sign}{size}{term.label}")
    return " ".join(words)
