"""A target in words: a sparse code over phrases, with what chance reaches beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from namebasis.analysis.blas import one_blas_thread
from namebasis.analysis.sparse.components import Components
from namebasis.checks import FloatArray, IntArray, Progress, check_count, check_seed
from namebasis.errors import FilterError
from namebasis.namespace.phrases.dictionary import Phrases
from namebasis.namespace.phrases.vectors import are_at_hand
from namebasis.namespace.search.targets import check_as
from namebasis.studies.basis import trust
from namebasis.studies.basis.atoms import (
    NameAtoms,
    centre_target,
    load_atoms,
    name_mean,
)
from namebasis.studies.basis.components import check_components, fit_components
from namebasis.studies.basis.recipe import Mask, Recipe
from namebasis.studies.basis.stability import corpus_stability
from namebasis.studies.describe.results import Description, Words
from namebasis.wording import counted

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

COMPANY = 1000
"""Names of the space that a name is compared with."""
MEMBERS = 500
"""Names of a group of which each is compared with the others."""

_LABEL, _LABEL_DRAWS = 2, 40
"""Phrases of a label, and random dictionaries that it is compared with."""


@dataclass(frozen=True)
class _Asked:
    """What is to be described: directions of the centred space, and names that are meant.

    Attributes
    ----------
    label : str
    ends : tuple of (str, ndarray of shape (dim,))
        What each is called, and its direction.
    members : ndarray of shape (n, dim)
        Centred vectors of the names meant; empty where it is not about names.
    ids : ndarray
        Their rows, -1 where they are not stored.
    words : tuple of str
        Phrases that say the target itself.
    remarks : tuple of str
    """

    label: str
    ends: tuple[tuple[str, FloatArray], ...]
    members: FloatArray
    ids: IntArray
    words: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def describe(
    space: StoredSpace,
    target: Any = None,
    n_phrases: int = 4,
    *,
    phrases: bool | str | Path | Phrases = True,
    cluster: int | None = None,
    component: int | None = None,
    where: str | None = None,
    components: Components | None = None,
    as_: str | None = None,
    image_mean: npt.ArrayLike | None = None,
    n_null: int = 200,
    n_resamples: int = 50,
    seed: int = 0,
    progress: Progress | None = None,
) -> Description:
    """Say a target in words: a few phrases whose weighted sum stands for it.

    The phrases are chosen by the pursuit of `namebasis.studies.basis.fit`, with weights above 0
    and at most one of a group; they are centred by their own mean, names by that of the names, as
    SpLiCE [1]_ does with concepts and pictures.

    Parameters
    ----------
    space : Space
    target : str, PIL image, array of shape (dim,), mapping, or list, optional
        As `basis` takes it. One of `target`, `cluster`, `component` and `where` must be given.
    n_phrases : int
        The most phrases.
    phrases : bool, str, Path or Phrases
        True for the phrases that the space holds, or where it holds none the packaged ones; else a
        .toml or .txt file of one's own.
    cluster : int, optional
        The mean of a cluster's names, as ``topology --write`` stored it in the column `cluster`.
    component : int, optional
        Both ends of a principal component, 1 for the largest variance.
    where : str, optional
        The mean of the names that a filter accepts.
    components : Components, optional
        A basis fitted before, for `component`.
    as_ : {"name", "text"}, optional
        How texts are read; see `Space.resolve`.
    image_mean : array_like of shape (dim,), optional
        What to centre images by; by default the mean of the space's images.
    n_null : int
        Random dictionaries to compare with; 0 for none, at least 2 otherwise.
    n_resamples : int
        Bootstrap resamples of the phrases for `Words.stability`; 0 for none.
    seed : int
        Of the controls and resamples, and of the names compared with.
    progress : callable, optional
        Called with fits done and fits in all.

    Returns
    -------
    Description

    Raises
    ------
    NamebasisError
        If the file of phrases is refused, or the encoder cuts a phrase off.
    TargetError
        If the target is refused, or has no direction once centred.
    FilterError
        If no name is in the cluster or passes `where`.
    ValueError
        If not exactly one thing is asked about, or an option does not fit.

    See Also
    --------
    namebasis.studies.basis.fit : Names instead of phrases, or both.

    References
    ----------
    .. [1] Bhalla et al. (2024), Interpreting CLIP with sparse linear concept embeddings, NeurIPS.

    Examples
    --------
    >>> told = space.describe("Giulia", 3)
    >>> told.phrases
    ('Italian', 'in a city street', 'chestnut hair')
    """
    seed = check_seed(seed)
    given = [one is not None for one in (target, cluster, component, where)]
    if sum(given) != 1:
        raise ValueError(
            "describe takes one of target, cluster, component and where; got "
            f"{sum(given) or 'none'} of them."
        )
    recipe = Recipe(n_phrases)
    if check_count(n_null, "n_null", 0) == 1:
        raise ValueError("n_null must be 0 or at least 2: one control has no spread.")
    check_count(n_resamples, "n_resamples", 0)
    check_as(as_)
    if component is not None:
        check_count(component, "the number of a component")
    if target is not None:
        asked = _of_target(space, target, as_, image_mean)
    elif component is not None:
        asked = _of_component(space, component, components)
    else:
        if where is None and "cluster" not in space.columns:
            raise ValueError(
                f"{space.path.name} has no clusters yet; "
                f"`namebasis topology {space.path.name} --write` stores them."
            )
        asked = _of_names(space, f"cluster = {_number(cluster)}" if where is None else where)
    atoms = load_atoms(space, phrases=phrases, with_names=False)
    denied = atoms.named(asked.words)
    remarks = list(asked.remarks)
    if denied.any():
        own = ", ".join(atoms.names[at] for at in np.flatnonzero(denied))
        remarks.append(f"{own}: the target itself, and left out of its description.")
    n_left = int((~denied & atoms.vectors.any(axis=1)).sum())
    if n_left < n_phrases:
        raise ValueError(
            f"n_phrases is {n_phrases}, but only {counted(n_left, 'phrase')} can be used."
        )
    rng = np.random.default_rng(seed)
    tell = trust.FitCounter(progress, len(asked.ends) * (n_null + n_resamples))
    company = _company(space, asked.ids, rng) if len(asked.members) else None
    ends = tuple(
        _words(
            label, vector, atoms, denied, recipe, n_null, n_resamples, rng, tell,
            None if company is None else (asked.members, company),
        )
        for label, vector in asked.ends
    )  # fmt: skip
    tell(0, is_last=True)
    parameters = {
        "n_phrases": n_phrases, "n_null": n_null, "n_resamples": n_resamples, "seed": seed,
    }  # fmt: skip
    return Description(asked.label, ends, n_left, parameters, tuple(remarks))


def label_of(space: StoredSpace, ids: IntArray) -> str | None:
    """Two phrases at most for some names together, where they say more than chance does.

    None also where the phrases are not at hand: a label is not worth loading a model.
    """
    if not are_at_hand(space):
        return None
    atoms = load_atoms(space, phrases=True, with_names=False)
    vectors = space.vectors(ids=ids) - name_mean(space, "text")
    vector = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    none, rng = np.zeros(len(atoms), dtype=bool), np.random.default_rng(0)
    if not vector.any() or len(atoms) < _LABEL:
        return None
    found = _words(
        "", vector, atoms, none, Recipe(_LABEL), _LABEL_DRAWS, 0, rng, lambda _: None, None
    )
    return ", ".join(found.phrases) if found.is_clear else None


@one_blas_thread()
def _words(
    label: str,
    target: FloatArray,
    atoms: NameAtoms,
    denied: Mask,
    recipe: Recipe,
    n_null: int,
    n_resamples: int,
    rng: np.random.Generator,
    tell: trust.Advance,
    compared: tuple[FloatArray, FloatArray] | None,
) -> Words:
    """Fit one end, with its control, its stability, and where names stand on its phrases."""
    vectors, kinds = atoms.vectors, atoms.kinds
    code = recipe.code(vectors, target[None], kinds, denied)
    used = code.indices[0][code.indices[0] >= 0]
    null = None
    if n_null and len(used):
        observed = float(code.similarities[0])
        null = trust.turned_null(
            recipe, vectors, target, kinds, denied, observed, n_null, rng, tell
        )
    again = None
    if n_resamples and len(used):
        again, _ = corpus_stability(recipe, vectors, target, kinds, denied, used, n_resamples, rng)
        tell(n_resamples)
    return Words(
        label,
        tuple(atoms.names[at] for at in used),
        tuple(atoms.groups[at] for at in used),
        tuple(atoms.sentences[at] for at in np.sort(used)),
        code.weights[0][: len(used)],
        float(code.similarities[0]),
        null,
        again,
        None if compared is None else _below(vectors[used], *compared),
    )


def _below(
    phrases: FloatArray, members: FloatArray, company: FloatArray
) -> npt.NDArray[np.float64]:
    """For each phrase the mean share of other names that lie less towards it, ties half."""
    shares = []
    for phrase in phrases:
        others = np.sort(company @ phrase)
        own = members @ phrase
        low, high = (np.searchsorted(others, own, side=side) for side in ("left", "right"))
        shares.append(float((low + high).mean()) / (2 * max(len(others), 1)))
    return np.array(shares)


def _company(space: StoredSpace, own: IntArray, rng: np.random.Generator) -> FloatArray:
    """Centred unit vectors of some other names of the space."""
    others = np.setdiff1d(space.ids(), np.concatenate([own, space.ids_of_part("phrase")]))
    drawn = np.sort(rng.permutation(others)[:COMPANY])
    return _unit(space.vectors(ids=drawn) - name_mean(space, "text"))


def _of_target(
    space: StoredSpace, target: Any, as_: str | None, image_mean: npt.ArrayLike | None
) -> _Asked:
    centred = centre_target(space, target, image_mean=image_mean, as_=as_)
    terms = [term for term, _ in centred.terms]
    is_name = len(terms) == 1 and terms[0].kind in ("stored", "name")
    return _Asked(
        centred.label,
        ((centred.label, centred.vector),),
        _unit(centred.vector[None]) if is_name else centred.vector[:0, None],
        np.array([-1 if term.id is None else term.id for term in terms]),
        (*centred.names, *(term.label for term in terms)),
        tuple(dict.fromkeys(told for term in terms for told in term.remarks)),
    )


def _of_names(space: StoredSpace, where: str) -> _Asked:
    """The mean of the names that a filter accepts, each counted alike."""
    ids = np.setdiff1d(space.ids(where), space.ids_of_part("phrase"))
    if not len(ids):
        raise FilterError(f"{where} leaves no name to describe.")
    vectors = space.vectors(ids=ids) - name_mean(space, "text")
    vector = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    if not vector.any():
        raise FilterError(f"{where} leaves every name: their mean is that of the space.")
    label = where.replace("cluster = ", "cluster ") if where.startswith("cluster = ") else where
    label = f"{label} ({len(ids):,} {'name' if len(ids) == 1 else 'names'})"
    drawn = np.linspace(0, len(ids) - 1, min(MEMBERS, len(ids))).astype(np.int64)
    return _Asked(label, ((label, vector),), _unit(vectors[drawn]), ids)


def _of_component(space: StoredSpace, number: int, components: Components | None) -> _Asked:
    if components is None:
        components = fit_components(space, where="part <> 'phrase'", max_components=number)
    check_components(space, components, "text")
    check_count(number, "the number of a component", 1, components.n_components)
    direction = np.asarray(components.directions[number - 1], dtype=np.float32)
    label, none = f"component {number}", np.empty((0, len(direction)), np.float32)
    ends = ((f"{label}, − end", -direction), (f"{label}, + end", direction))
    return _Asked(label, ends, none, np.empty(0, np.int64))


def _number(cluster: object) -> int:
    return check_count(cluster, "the number of a cluster", 0)


def _unit(rows: FloatArray | Sequence[FloatArray]) -> FloatArray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), dtype=np.float32)
