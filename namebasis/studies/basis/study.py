"""Which few names add up to a target: a sparse code over the names of a space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from namebasis.analysis.blas import one_blas_thread
from namebasis.analysis.sparse.codes import SparseCode
from namebasis.checks import FloatArray, IntArray, Progress, check_count, check_seed
from namebasis.errors import FilterError
from namebasis.namespace.phrases.dictionary import Phrases
from namebasis.namespace.search.targets import check_as
from namebasis.studies.basis import trust
from namebasis.studies.basis.atoms import (
    CentredTarget,
    NameAtoms,
    centre_target,
    load_atoms,
)
from namebasis.studies.basis.by_engine import REMARK, UNPROVEN, EngineAtoms, check_recipe
from namebasis.studies.basis.recipe import FAMILY, Mask, Recipe
from namebasis.studies.basis.results import Basis
from namebasis.studies.basis.shares import unique_shares
from namebasis.studies.basis.stability import (
    corpus_stability,
    template_stability,
    why_not_templates,
)
from namebasis.wording import counted

__all__ = ["Basis", "fit"]

_NO_LASSO = "phrases come in groups of which at most one is taken, which method 'lasso' cannot do"

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace


def fit(
    space: StoredSpace,
    target: Any,
    n_names: int = 5,
    *,
    where: str | None = None,
    phrases: bool | str | Path | Phrases = False,
    deny: Sequence[str] = (),
    max_family: int | None = None,
    nonnegative: bool = True,
    exclude_self: bool = True,
    minus: Sequence[Any] = (),
    view: str = "text",
    as_: str | None = None,
    method: str = "omp",
    n_sweeps: int = 2,
    ridge: float | None = None,
    image_mean: npt.ArrayLike | None = None,
    n_null: int = 200,
    n_resamples: int = 50,
    seed: int = 0,
    progress: Progress | None = None,
) -> Basis:
    """Find few names that add up to a target in the centred space.

    Names are centred by the mean of the view, a text, stored name or vector target likewise, an
    image target by a mean of images.

    Parameters
    ----------
    space : Space
    target : str, PIL image, array of shape (dim,), mapping, or list
        A list stands for the mean of its members, a mapping to weights for their weighted sum.
    n_names : int
        The most names.
    where : str, optional
        One boolean SQL expression; only such names are used.
    phrases : bool, str, Path or Phrases
        Phrases that compete with the names, at most one of a group: True for those that the space
        holds, or where it holds none the packaged ones; else a .toml or .txt file. They count in
        `n_names`, and `Basis.shares` says what either kind explains beyond the other.
    deny : sequence of str
        Names not to use, forgiving case and accents.
    max_family : int, optional
        The most family names; 0 for none.
    nonnegative : bool
        Allow only weights above 0.
    exclude_self : bool
        Leave out stored names of the target, in whatever part they are stored.
    minus : sequence of targets
        Taken off the target after centring.
    view : str
    as_ : {"name", "text"}, optional
        How texts are read; see `Space.resolve`.
    method : {"omp", "lasso"}
        Matching pursuit, or the nonnegative lasso path of SpLiCE; see
        `namebasis.analysis.sparse.codes.sparse_code`.
    n_sweeps : int
        How often, after the pursuit, to try each name for a better one in its place.
    ridge : float, optional
        Choose names after whitening by the covariance of the names with this ridge (1 is a good
        value): what many names share counts less, so the true parts of a full name are found more
        often, for a slightly lower cosine. Weights and cosines are unwhitened all the same.
    image_mean : array_like of shape (dim,), optional
        What to centre images by; by default the mean of the space's images.
    n_null : int
        How many draws of each control to fit; 0 for none, at least 2 otherwise.
    n_resamples : int
        How many bootstrap resamples of the names to fit for `stability`, and of the templates
        for `template_stability`; 0 for none. The latter encodes up to 256 names once per template
        and keeps their vectors in the space's caches.
    seed : int
        Of the controls and resamples.
    progress : callable, optional
        Called with controls and resamples done and with how many there are at most.

    Returns
    -------
    Basis

    Raises
    ------
    TargetError
        If the target is refused, or has no direction once centred.
    FilterError
        If `where` is refused or leaves no name.
    ValueError
        If fewer names are left than `n_names`, or an option does not fit.

    See Also
    --------
    namebasis.Space.nearest : The names that are near a target one by one.
    namebasis.studies.paint.paint : Which prompt of names comes nearest to a target.

    Examples
    --------
    >>> from namebasis.studies.basis import fit
    >>> found = fit(space, "a woman from Iceland", 2, n_null=0, n_resamples=0)
    >>> found.names
    ('Sigríður', 'Vicki')
    >>> round(found.similarity, 2)
    0.48
    """
    seed = check_seed(seed)
    recipe = Recipe(n_names, nonnegative, method, n_sweeps, max_family, ridge)
    if check_count(n_null, "n_null", 0) == 1:
        raise ValueError("n_null must be 0 or at least 2: one control has no spread.")
    check_count(n_resamples, "n_resamples", 0)
    check_as(as_)
    if space.engine is not None:
        check_recipe(recipe, phrases)
        wanted = centre_target(
            space, target, minus=minus, view=view, image_mean=image_mean, as_=as_
        )
        return _fit_by_engine(
            space, wanted, recipe, view, where, deny, exclude_self,
            {"where": where, "phrases": False, "deny": list(deny), "exclude_self": exclude_self,
             "n_null": 0, "n_resamples": 0, "seed": seed},
        )  # fmt: skip
    if method == "lasso" and phrases is not False:  # before thousands of them are encoded
        raise ValueError(f"{_NO_LASSO}; leave the phrases out, or use omp.")
    atoms = load_atoms(space, where=where, view=view, phrases=phrases)
    if method == "lasso" and atoms.is_phrase.any():
        raise ValueError(
            f"{_NO_LASSO}; use omp, or leave stored phrases out with where=\"part <> 'phrase'\"."
        )
    if 1 < len(atoms) < n_names and not deny and max_family != 0:
        raise ValueError(
            f"n_names is {n_names}, but only {counted(len(atoms), 'name')} can be used."
        )
    wanted = centre_target(space, target, minus=minus, view=view, image_mean=image_mean, as_=as_)
    denied = atoms.named([*deny, *(wanted.names if exclude_self else ())])
    if exclude_self:
        denied |= atoms.is_phrase & atoms.named([term.label for term, _ in wanted.terms])
    if max_family == 0:
        denied |= atoms.kinds == FAMILY
    more = {
        "where": where, "phrases": getattr(phrases, "source", phrases and str(phrases)),
        "deny": list(deny), "exclude_self": exclude_self, "n_null": n_null,
        "n_resamples": n_resamples, "seed": seed,
    }  # fmt: skip
    found, chosen = _fit(atoms, wanted, denied, recipe, view, more)
    rng = np.random.default_rng(seed)
    has_both = bool(atoms.is_phrase.any() and not atoms.is_phrase.all())
    n_fits = 3 * n_null + 2 * n_resamples + 2 * (n_null + n_resamples) * has_both
    tell = trust.FitCounter(progress, n_fits)
    if n_null and len(chosen):
        nulls = _nulls(space, atoms, wanted, denied, recipe, view, found, chosen, n_null, rng, tell)
        found = replace(found, nulls=nulls)
    if has_both:
        found = replace(
            found,
            shares=unique_shares(
                recipe, atoms.vectors, wanted.vector, atoms.kinds, denied, n_null, n_resamples,
                np.random.default_rng(seed), tell,
            ),
        )  # fmt: skip
    if n_resamples:
        shares, seen = corpus_stability(
            recipe, atoms.vectors, wanted.vector, atoms.kinds, denied, chosen, n_resamples, rng
        )
        tell(n_resamples)
        found = replace(found, stability=shares, template_note=why_not_templates(space, view))
        if found.template_note is None and len(chosen):
            by_template = template_stability(
                space, recipe, atoms, wanted, denied, chosen, seen, n_resamples, rng
            )
            found = replace(found, template_stability=by_template)
    tell(0, is_last=True)
    return found


def _fit_by_engine(
    space: StoredSpace,
    wanted: CentredTarget,
    recipe: Recipe,
    view: str,
    where: str | None,
    deny: Sequence[str],
    exclude_self: bool,
    more: Mapping[str, object],
) -> Basis:
    """The basis of names that a search engine finds, without controls."""
    barred = [*deny, *(wanted.names if exclude_self else ())]
    source = EngineAtoms(space, where, view)

    def denied(atoms: NameAtoms) -> Mask:
        families = (atoms.kinds == FAMILY) if recipe.max_family == 0 else False
        return atoms.named(barred) | families

    n_left = source.n_usable(barred, families=recipe.max_family != 0)
    _check_enough(recipe, n_left)
    atoms, own, code = source.fit(wanted, recipe, denied)
    found, _ = _told(atoms, wanted, own, recipe, view, more, code, n_left)
    remarks = (*found.remarks, REMARK, *(() if source.is_proven else (UNPROVEN,)))
    return replace(found, remarks=remarks)


def _check_enough(recipe: Recipe, n_left: int) -> None:
    if n_left < recipe.n_names:
        raise ValueError(
            f"n_names is {recipe.n_names}, but only {counted(n_left, 'name')} can be used."
        )


def _fit(
    atoms: NameAtoms,
    target: CentredTarget,
    denied: Mask,
    recipe: Recipe,
    view: str,
    more: Mapping[str, object],
) -> tuple[Basis, IntArray]:
    """Return the basis and which atoms it uses."""
    n_left = int((~denied).sum())
    if n_left == 0:
        raise FilterError("every name is denied, or is the target itself; allow others.")
    n_left = int((~denied & atoms.vectors.any(axis=1)).sum())
    if n_left == 0:
        raise FilterError("no name is left that differs from the mean of the space; add others.")
    _check_enough(recipe, n_left)
    code = recipe.code(atoms.vectors, target.vector[None], atoms.kinds, denied)
    return _told(atoms, target, denied, recipe, view, more, code, n_left)


def _told(
    atoms: NameAtoms,
    target: CentredTarget,
    denied: Mask,
    recipe: Recipe,
    view: str,
    more: Mapping[str, object],
    code: SparseCode,
    n_left: int,
) -> tuple[Basis, IntArray]:
    """Return the basis of a code and which atoms it uses."""
    used = code.indices[0][code.indices[0] >= 0]
    combined = code.reconstruct(atoms.vectors)[0] + target.mean
    found = Basis(
        label=target.label,
        names=tuple(atoms.names[atom] for atom in used),
        ids=atoms.ids[used],
        groups=tuple(
            (atoms.groups[atom] or "") if atoms.parts[atom] == "phrase" else None for atom in used
        ),
        weights=code.weights[0][: len(used)],
        similarity=float(code.similarities[0]),
        raw_similarity=_cosine(combined, target.vector + target.mean),
        n_atoms=n_left,
        view=view,
        parameters={**recipe.parameters(), **more},
        remarks=tuple(
            dict.fromkeys(
                [
                    *(told for term, _ in target.terms for told in term.remarks),
                    *(
                        f"{atoms.names[atom]}: a phrase that says the target itself is left out."
                        for atom in np.flatnonzero(denied & atoms.is_phrase)
                        if more["exclude_self"] and not more["deny"]
                    ),
                ]
            )
        ),
    )
    return found, used


@one_blas_thread()
def _nulls(
    space: StoredSpace,
    atoms: NameAtoms,
    target: CentredTarget,
    denied: Mask,
    recipe: Recipe,
    view: str,
    found: Basis,
    chosen: IntArray,
    n_draws: int,
    rng: np.random.Generator,
    progress: trust.Advance,
) -> tuple[trust.Null, ...]:
    """Fit every control that the space allows."""
    vectors, wanted, observed = atoms.vectors, target.vector, found.similarity
    kinds, draws = atoms.kinds, (n_draws, rng, progress)
    counts = np.full(len(atoms), np.nan)
    stored = atoms.ids >= 0
    table = space.table(["count"], ids=atoms.ids[stored])
    counts[stored] = table["count"].cast("float64").to_numpy()
    nulls = [
        trust.turned_null(recipe, vectors, wanted, kinds, denied, observed, *draws),
        trust.matched_null(recipe, vectors, wanted, counts, kinds, chosen, denied, *draws),
    ]
    is_pseudo = np.array([part == "pseudo" for part in atoms.parts])
    pseudo = space.ids_of_part("pseudo", view=view)
    if len(pseudo):
        made_up = np.asarray(space.vectors(view, ids=pseudo) - atoms.mean, dtype=np.float32)
        real = denied | is_pseudo
        nulls.append(trust.pseudo_null(recipe, vectors, made_up, wanted, kinds, real, *draws))
    return tuple(null for null in nulls if null is not None)


def _cosine(a: FloatArray, b: FloatArray) -> float:
    first, second = a.astype(np.float64), b.astype(np.float64)
    length = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / length if length else float("nan")
