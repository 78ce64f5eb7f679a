"""Which names and phrases a prompt search starts from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.sparse.codes import sparse_code
from namebasis.checks import FloatArray, IntArray
from namebasis.namespace.phrases.dictionary import Phrases
from namebasis.namespace.phrases.vectors import phrase_vectors, phrases_of
from namebasis.namespace.search.targets import Target, fold
from namebasis.studies.basis.atoms import name_mean
from namebasis.studies.paint.moves import Pool, Words
from namebasis.wording import counted

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

_WIDER = 8  # names looked at per name taken, for the linear code and for names denied
_ATOMS = 32  # of the linear code, at most
_RANDOM = 8  # one in this number of names of the pool is drawn at random


def mean_goal(
    targets: Sequence[Target], weights: Sequence[float] | None, centre: FloatArray | None
) -> FloatArray:
    """The vector whose dot product with a unit row is its weighted mean cosine to the targets.

    `centre` (dim,) is taken off each target first.

    Raises
    ------
    ValueError
        If the number of weights differs or one is not finite.
    """
    values = np.ones(len(targets)) if weights is None else np.asarray(weights, dtype=np.float64)
    if values.shape != (len(targets),) or not np.isfinite(values).all() or not values.any():
        raise ValueError(
            f"weights must be {len(targets)} finite numbers, one per target and not all 0; "
            f"got {weights!r}."
        )
    values /= np.abs(values).sum()
    vectors = np.stack([target.vector for target in targets]).astype(np.float64)
    if centre is not None:
        vectors -= centre
    return np.asarray(values @ vectors, dtype=np.float32)


def choose_pool(
    space: StoredSpace,
    goal: FloatArray,
    centred: FloatArray,
    n_candidates: int,
    *,
    where: str | None,
    barred: Iterable[str],
    seed: int,
    sayable: Callable[[str], bool] = bool,
) -> Pool:
    """Atoms of the linear code first, then the nearest names, then some at random.

    Names far from the goal on their own may fit well beside others: the linear code finds some
    of them, chance others.

    Parameters
    ----------
    space : Space
    goal : ndarray of shape (dim,), float32
    centred : ndarray of shape (dim,), float32
        The goal without the mean of its modality, for the linear code.
    n_candidates : int
        The most names in the pool.
    where : str, optional
    barred : iterable of str
        Names never used, in whatever case and accents.
    seed : int
    sayable : callable
        Whether a name can be written for the tool that it is meant for.

    Raises
    ------
    ValueError
        If no name is left.
    """
    banned = {fold(name) for name in barred}
    phrases = space.ids_of_part("phrase")
    allowed = np.setdiff1d(space.ids(where), phrases)
    if where is not None and not allowed.size:
        raise ValueError(f"where {where!r} leaves no name to paint with.")
    near = np.empty(0, dtype=np.int64)
    if allowed.size:
        k = min(allowed.size, _WIDER * n_candidates + len(banned))
        near = space.search(goal[None], k + len(phrases), where=where)[1][0]
        near = near[(near >= 0) & ~np.isin(near, phrases)][:k]
    rng = np.random.default_rng(seed)
    n_random = min(n_candidates // _RANDOM, allowed.size)
    drawn = rng.choice(allowed, n_random, replace=False)
    ids = np.concatenate([near, drawn])
    names = space.table(["name"], ids=ids)["name"].to_pylist()
    first: dict[str, int] = {}  # a name that is given and family name is one candidate
    for row, name in enumerate(names):
        if fold(name) not in banned and sayable(name):
            first.setdefault(fold(name), row)
    rows = np.array(list(first.values()), dtype=np.int64)
    if not rows.size:
        raise ValueError(
            f"no name is left to paint with: {counted(allowed.size, 'row')} passed "
            f"where={where!r}, {counted(len(banned), 'name')} denied or the target "
            "itself, and the rest cannot be written in the syntax. Loosen them."
        )
    vectors = space.vectors("text", ids=ids[rows])
    n_near = int((rows < near.size).sum())
    atoms = _linear_atoms(vectors, centred, name_mean(space, "text"))
    order = list(dict.fromkeys([*atoms.tolist(), *range(rows.size)]))
    ranked, by_chance = [i for i in order if i < n_near], [i for i in order if i >= n_near]
    kept = np.array(ranked[: n_candidates - len(by_chance)] + by_chance)
    return Pool(ids[rows[kept]], tuple(names[i] for i in rows[kept]), vectors[kept])


def choose_words(
    space: StoredSpace,
    source: bool | str | Path | Phrases,
    barred: Iterable[str],
    slots: Sequence[str],
    sayable: Callable[[str], bool] = bool,
) -> Words:
    """Optional phrases: all of a dictionary but those that are barred or that a slot says.

    Parameters
    ----------
    space : Space
    source : bool, str, Path or Phrases
        As `phrases_of` takes it.
    barred : iterable of str
        Phrases or sentences never used.
    slots : sequence of str
        Of the template, such as hair_colour, which stands for the group "hair colour".
    sayable : callable
        Whether a phrase can be written for the tool that it is meant for.

    Raises
    ------
    ValueError
        If no phrase is left.
    """
    phrases, rows = phrases_of(space, source)
    vectors = phrase_vectors(space, phrases, rows)
    banned = {fold(text) for text in barred}
    said = {slot.replace("_", " ") for slot in slots}
    kept = [
        at
        for at, one in enumerate(phrases)
        if not {fold(one.text), fold(one.sentence)} & banned
        and one.group not in said
        and sayable(one.sentence)
    ]
    if not kept:
        raise ValueError(
            f"no phrase of {phrases.source} is left: all are denied, the target itself, said by "
            "a slot, or cannot be written in the syntax."
        )
    entries = [phrases.entries[at] for at in kept]
    names = tuple(one.text if one.group is None else one.group for one in entries)
    numbers: dict[str, int] = {}
    keys = [f"phrase {one.text}" if one.group is None else f"group {one.group}" for one in entries]
    groups = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
    texts = tuple(one.text for one in entries)
    sentences = tuple(one.sentence for one in entries)
    return Words(texts, sentences, groups, names, np.asarray(vectors[kept]))


def _linear_atoms(vectors: FloatArray, centred: FloatArray, mean: FloatArray) -> IntArray:
    """Rows of the linear code of the goal, the heaviest first."""
    atoms = vectors - mean
    usable = np.einsum("nd,nd->n", atoms, atoms) > 1e-12
    if np.linalg.norm(centred) < 1e-6 or not usable.any():
        return np.empty(0, dtype=np.int64)
    n_atoms = min(_ATOMS, int(usable.sum()), vectors.shape[1])
    indices = sparse_code(atoms, centred[None], n_atoms, deny=~usable).indices[0]
    atoms_used: IntArray = indices[indices >= 0]
    return atoms_used
