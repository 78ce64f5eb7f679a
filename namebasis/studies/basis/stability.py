"""Which names of a basis would be chosen again: from another corpus, with other templates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from namebasis.analysis.blas import one_blas_thread
from namebasis.analysis.sparse.codes import SparseCode
from namebasis.checks import FloatArray, IntArray
from namebasis.errors import NamebasisError
from namebasis.namespace.phrases.dictionary import Phrase, Phrases
from namebasis.namespace.phrases.vectors import phrase_rows
from namebasis.namespace.search.template_rows import average_rows, template_rows
from namebasis.studies.basis.atoms import CentredTarget, NameAtoms
from namebasis.studies.basis.recipe import Mask, Recipe

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

POOL = 256
"""Names that are encoded once per template, to choose from in resamples of templates."""

Shares = npt.NDArray[np.float64]
_Draws = Counter[tuple[tuple[int, ...], tuple[int, ...]]]


@one_blas_thread()
def corpus_stability(
    recipe: Recipe,
    vectors: FloatArray,
    target: FloatArray,
    kinds: IntArray,
    denied: Mask,
    chosen: IntArray,
    n_resamples: int,
    rng: np.random.Generator,
) -> tuple[Shares, IntArray]:
    """Say how often each chosen name is chosen again over bootstrap resamples of the corpus.

    A resample draws as many names as there are with replacement, which leaves out about 37 %; a
    name is asked about only where it was drawn.

    Returns
    -------
    shares : ndarray of shape (n_chosen,)
        NaN for a name that was never drawn.
    seen : ndarray of int64
        The atoms of all resamples' codes, the most frequent first.
    """
    code, present = resampled(recipe, vectors, target, kinds, denied, n_resamples, rng)
    again = (code.indices[:, :, None] == chosen).any(axis=1).sum(axis=0)
    drawn = present[:, chosen].sum(axis=0)
    undefined = np.full(len(chosen), np.nan)
    shares: Shares = np.divide(again, drawn, out=undefined, where=drawn > 0)
    atoms, times = np.unique(code.indices[code.indices >= 0], return_counts=True)
    return shares, atoms[np.argsort(-times, kind="stable")]


def resampled(
    recipe: Recipe,
    vectors: FloatArray,
    target: FloatArray,
    kinds: IntArray,
    denied: Mask,
    n_resamples: int,
    rng: np.random.Generator,
) -> tuple[SparseCode, Mask]:
    """Fit bootstrap resamples of the atoms; return their codes, and which atoms each drew."""
    usable = np.flatnonzero(~denied)
    present = np.zeros((n_resamples, len(vectors)), dtype=bool)
    for row in present:
        row[rng.choice(usable, size=len(usable))] = True
    absent = [usable[~row[usable]] for row in present]
    exclude = np.full((n_resamples, max(map(len, absent))), -1, dtype=np.int64)
    for row, missing in zip(exclude, absent, strict=True):
        row[: len(missing)] = missing
    code = recipe.code(vectors, np.tile(target, (n_resamples, 1)), kinds, denied, exclude)
    return code, present


def why_not_templates(space: StoredSpace, view: str) -> str | None:
    """Say why templates cannot be resampled; None where they can."""
    if view != "text":
        return f"templates were not resampled: only the text view can be; this is the {view} view"
    if len(space.provenance.templates) < 2:
        return "templates could not be resampled: the space was built with one"
    try:
        space.encoder()
    except NamebasisError as error:
        return f"templates could not be resampled, as that needs the encoder: {error}"
    return None


def template_stability(
    space: StoredSpace,
    recipe: Recipe,
    atoms: NameAtoms,
    target: CentredTarget,
    denied: Mask,
    chosen: IntArray,
    seen: IntArray,
    n_resamples: int,
    rng: np.random.Generator,
) -> Shares:
    """Say how often each chosen name is chosen again over bootstrap resamples of the templates.

    A space stores the mean over its templates only, so a pool of names is encoded once per
    template (and kept in the space's caches): the chosen, those of resamples of the corpus, and
    the names most similar to the target and to what the basis leaves of it, `POOL` in all. A
    resample draws as many templates as there are with replacement, averages the pool's vectors
    and those of names in the target over them, moves the mean of the space by as much as
    the pool's mean moves, and chooses from the pool. Phrases are resampled likewise, over the
    templates of phrases.

    Returns
    -------
    ndarray of shape (n_chosen,)
    """
    pool = candidate_pool(atoms, target, denied, chosen, seen)
    is_phrase = atoms.is_phrase[pool]
    phrases = set(space.ids_of_part("phrase").tolist()) if atoms.is_phrase.any() else set()
    stored = [
        (term.id, weight)
        for term, weight in target.terms
        if term.id is not None and term.id not in phrases
    ]
    own_ids = atoms.ids[pool[~is_phrase]]
    ids = np.concatenate([own_ids, np.array([row for row, _ in stored], dtype=np.int64)])
    by_template = template_rows(space, ids)
    new = [(term.label, weight) for term, weight in target.terms if term.kind == "name"]
    if new:
        encoder, names = space.encoder(), [name for name, _ in new]
        placed = [encoder.encode_names(names, t) for t in space.provenance.templates]
        by_template = np.concatenate([by_template, np.stack(placed)], axis=1)
    n_templates, n_own = len(by_template), len(own_ids)
    whole = _average(by_template, (1,) * n_templates)
    of_phrases = _phrases_by_template(space, atoms, pool[is_phrase])
    draws = _draws(n_templates, len(of_phrases), n_resamples, rng)
    from_texts = sum(weight for term, weight in target.terms if term.kind != "image")
    weights = np.array([weight for _, weight in [*stored, *new]])
    matrix = recipe.whitening(atoms.vectors, denied)
    none, kinds = np.zeros(len(pool), dtype=bool), atoms.kinds[pool]
    again = np.zeros(len(chosen))
    with one_blas_thread():
        for (of_names, of_words), times in draws.items():
            moved = _average(by_template, of_names) - whole
            mean_moved = moved[:n_own].mean(axis=0) if n_own else np.float32(0)
            rows = atoms.vectors[pool].copy()
            rows[~is_phrase] += moved[:n_own] - mean_moved
            if of_words:
                rows[is_phrase] += _moved(of_phrases, of_words)
            wanted = target.vector + weights @ moved[n_own:] - from_texts * mean_moved
            code = recipe.code(
                rows.astype(np.float32),
                wanted.astype(np.float32)[None],
                kinds,
                none,
                matrix=matrix,
            )
            again += times * np.isin(chosen, pool[code.indices[0][code.indices[0] >= 0]])
    shares: Shares = again / n_resamples
    return shares


def _draws(n_templates: int, n_of_phrases: int, n: int, rng: np.random.Generator) -> _Draws:
    """Resamples of the templates of names, and of those of phrases where there are any.

    Of four templates there are 35 different ones, so most of a hundred draws repeat.
    """

    def draw(size: int) -> tuple[int, ...]:
        return tuple(rng.multinomial(size, np.full(size, 1 / size)).tolist()) if size else ()

    return Counter((draw(n_templates), draw(n_of_phrases)) for _ in range(n))


def _phrases_by_template(space: StoredSpace, atoms: NameAtoms, chosen: IntArray) -> FloatArray:
    """Vectors of some phrases among the atoms in each template of phrases; none without any."""
    if not len(chosen):
        return np.empty((0, 0, atoms.vectors.shape[1]), dtype=np.float32)
    every = np.flatnonzero(atoms.is_phrase)
    entries = tuple(Phrase(atoms.names[at], atoms.sentences[at], atoms.groups[at]) for at in every)
    return phrase_rows(space, Phrases("the atoms", entries))[:, np.searchsorted(every, chosen)]


def _moved(by_template: FloatArray, times: Sequence[int]) -> FloatArray:
    """How phrases move in one resample of their templates, without what all of them share."""
    moved = _average(by_template, times) - _average(by_template, (1,) * len(by_template))
    return np.asarray(moved - moved.mean(axis=0), dtype=np.float32)


def _average(by_template: FloatArray, times: Sequence[int]) -> FloatArray:
    """What a space stores of names when its templates count this many times each."""
    return average_rows(by_template, np.array(times) / len(by_template))


def candidate_pool(
    atoms: NameAtoms, target: CentredTarget, denied: Mask, chosen: IntArray, seen: IntArray
) -> IntArray:
    """Return up to `POOL` atoms that resampled templates may choose from, the chosen first."""
    rows = atoms.vectors[chosen].astype(np.float64)
    left = target.vector - rows.T @ np.linalg.lstsq(rows.T, target.vector, rcond=None)[0]
    lengths = np.linalg.norm(atoms.vectors, axis=1)
    lengths[denied | (lengths == 0)] = np.inf
    directions = [v / max(float(np.linalg.norm(v)), 1e-12) for v in (target.vector, left)]
    scores = [np.abs(atoms.vectors @ v.astype(np.float32)) / lengths for v in directions]
    usable = int((~denied).sum())
    orders = [np.argsort(-score, kind="stable")[: min(POOL, usable)] for score in scores]
    merged = np.column_stack(orders).ravel()  # best to the target, best to the rest, and so on
    ranked = np.concatenate([chosen, seen, merged])
    first = np.sort(np.unique(ranked, return_index=True)[1])
    return ranked[first][:POOL]
