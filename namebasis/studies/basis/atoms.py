"""What a basis is fitted with and to: centred names, centred targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray, IntArray, as_embeddings
from namebasis.errors import FilterError, TargetError
from namebasis.namespace.corpus.sources import PHRASE_COLUMNS
from namebasis.namespace.phrases.dictionary import Phrases
from namebasis.namespace.phrases.vectors import phrase_vectors, phrases_of
from namebasis.namespace.search.targets import Target, fold, is_batch, is_image
from namebasis.studies.basis.recipe import FAMILY, OTHER

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
        Phrases are centred by the mean of the phrases.
    mean : ndarray of shape (dim,), float32
        Of the names.
    groups : list of (str or None)
        Of phrases, of which a basis takes at most one of each; None for names.
    sentences : list of str
        How phrases read of a person; names as they are.
    """

    ids: IntArray
    names: list[str]
    parts: list[str]
    vectors: FloatArray
    mean: FloatArray
    groups: list[str | None]
    sentences: list[str]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def kinds(self) -> IntArray:
        """What `Recipe.code` tells apart: family names, and phrases by their groups."""
        numbers = {group: at for at, group in enumerate(dict.fromkeys(self.groups), start=1)}
        alone = len(numbers) + 1  # a phrase without a group is a group of its own
        return np.array(
            [
                (alone + at if group is None else numbers[group])
                if part == "phrase"
                else FAMILY if part == "family" else OTHER
                for at, (part, group) in enumerate(zip(self.parts, self.groups, strict=True))
            ],
            dtype=np.int64,
        )  # fmt: skip

    @property
    def is_phrase(self) -> npt.NDArray[np.bool_]:
        """Which atoms are phrases."""
        return np.array([part == "phrase" for part in self.parts])

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
        """Say which atoms bear one of `names` or read so, forgiving case and accents."""
        folded = {fold(name) for name in names}
        hits = (
            bool(folded) and (fold(name) in folded or (said != name and fold(said) in folded))
            for name, said in zip(self.names, self.sentences, strict=True)
        )
        return np.fromiter(hits, dtype=bool, count=len(self))


def load_atoms(
    space: StoredSpace,
    *,
    where: str | None = None,
    view: str = "text",
    phrases: bool | str | Path | Phrases = False,
    with_names: bool = True,
) -> NameAtoms:
    """Read the names that a filter accepts, centred by the mean of all names of the space.

    Parameters
    ----------
    space : Space
    where : str, optional
        Of names alone.
    view : str
    phrases : bool, str, Path or Phrases
        Phrases to read beside them, as `phrases_of` takes them. Without, those that the space
        stores are among the names.
    with_names : bool
        Whether to read names at all.

    Raises
    ------
    FilterError
        If the filter is refused or leaves no name.
    ValueError
        If phrases are asked for in another view than `text`.
    """
    if phrases is not False and view != "text":
        raise ValueError(f"phrases are read in the view text; got view {view!r}.")
    parts = [_stored_atoms(space, where, view, phrases is False)] if with_names else []
    if phrases is not False:
        parts.append(_phrase_atoms(space, phrases))
    if len(parts) == 1:
        return parts[0]
    names, words = parts
    return NameAtoms(
        np.concatenate([names.ids, words.ids]),
        names.names + words.names,
        names.parts + words.parts,
        np.concatenate([names.vectors, words.vectors]),
        names.mean,
        names.groups + words.groups,
        names.sentences + words.sentences,
    )


def _stored_atoms(
    space: StoredSpace, where: str | None, view: str, with_phrases: bool
) -> NameAtoms:
    ids = space.ids(where, view=view)
    if not with_phrases:
        ids = np.setdiff1d(ids, space.ids_of_part("phrase", view=view))
    if not len(ids):
        raise FilterError(f"where {where!r} leaves no name.")
    beside = [column for column in PHRASE_COLUMNS if column in space.columns]
    rows = space.table(["name", "part", *beside], ids=ids).to_pydict()
    names, parts = rows["name"], rows["part"]
    vectors = np.array(space.vectors(view, ids=ids), dtype=np.float32)
    mean = name_mean(space, view)
    is_phrase = np.array([part == "phrase" for part in parts])
    vectors[~is_phrase] -= mean
    if is_phrase.any():
        vectors[is_phrase] -= stored_phrase_mean(space, view)
    said = rows.get("sentence", names)
    return NameAtoms(
        ids, names, parts, vectors, mean,
        rows.get("phrase_group", [None] * len(names)),
        [one or name for one, name in zip(said, names, strict=True)],
    )  # fmt: skip


def _phrase_atoms(space: StoredSpace, source: bool | str | Path | Phrases) -> NameAtoms:
    phrases, rows = phrases_of(space, source)
    vectors = np.array(phrase_vectors(space, phrases, rows), dtype=np.float32)
    vectors -= vectors.mean(axis=0)
    return NameAtoms(
        rows,
        [one.text for one in phrases],
        ["phrase"] * len(phrases),
        vectors,
        name_mean(space, "text"),
        [one.group for one in phrases],
        phrases.sentences,
    )


def is_of_images(view: str) -> bool:
    """Whether a view holds means of images, in which a text stays the vector of its text."""
    return view.partition(":")[0] == "image"


def name_mean(space: StoredSpace, view: str) -> FloatArray:
    """Mean vector of the names of a view: phrases, which are no names, do not count."""
    stored = space.ids_of_part("phrase", view=view)
    n_all = len(space.ids(view=view)) if len(stored) else 0
    if n_all == len(stored):  # of a space without phrases, and of one without names
        return space.mean(view)
    total = space.mean(view).astype(np.float64) * n_all
    total -= space.vectors(view, ids=stored).sum(axis=0, dtype=np.float64)
    return np.asarray(total / (n_all - len(stored)), dtype=np.float32)


def stored_phrase_mean(space: StoredSpace, view: str) -> FloatArray:
    """Mean vector of the phrases that a space stores."""
    rows = space.vectors(view, ids=space.ids_of_part("phrase", view=view))
    return np.asarray(rows.mean(axis=0, dtype=np.float64), dtype=np.float32)


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
    if is_of_images(view) and term.kind in ("name", "text"):
        return np.asarray(name_mean(space, "text"), dtype=np.float64)
    if term.kind != "image":
        part = (
            space.table(["part"], ids=[term.id])["part"][0].as_py() if term.id is not None else ""
        )
        mean = (stored_phrase_mean if part == "phrase" else name_mean)(space, view)
        return np.asarray(mean, dtype=np.float64)
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
