"""Which few names add up to a target: a sparse code over the names of a space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from namebasis.checks import FloatArray, IntArray, check_count
from namebasis.errors import FilterError
from namebasis.studies import basis_trust as trust
from namebasis.studies.basis_atoms import CentredTarget, NameAtoms, centre_target, load_atoms
from namebasis.studies.basis_recipe import Mask, Recipe

if TYPE_CHECKING:
    from namebasis.namespace.space import Space

# Standard deviations above the mean of a control from which a cosine counts as more than chance.
_CLEARLY = 2.0
_IN_WORDS = {
    "rotated": "dictionaries turned at random",
    "matched": "names about as frequent",
    "pseudo": "made-up names",
}


@dataclass(frozen=True)
class Basis:
    """A few names whose weighted sum stands for a target.

    Attributes
    ----------
    label : str
        What the target is called.
    names : tuple of str
        In decreasing absolute contribution.
    ids : ndarray of shape (n,), int64
        Their rows in the space.
    weights : ndarray of shape (n,), float32
        For the centred names: target - mean ≈ sum of weight × (name - mean).
    similarity : float
        Cosine of that sum to the centred target; NaN where no name helps.
    raw_similarity : float
        Cosine of the sum plus the mean to the target as it was. Vectors of a CLIP-like model
        share most of their length with their mean, so this is high for any names.
    n_atoms : int
        How many names could be chosen from.
    view : str
    parameters : mapping
        What the fit was asked with.
    nulls : tuple of Null
        What chance reaches, where `fit` was asked with `n_null`.
    stability : ndarray of shape (n,), float64, or None
        The share of bootstrap resamples of the corpus holding the name that choose it again, where
        `fit` was asked with `n_resamples`.
    """

    label: str
    names: tuple[str, ...]
    ids: IntArray
    weights: FloatArray
    similarity: float
    raw_similarity: float
    n_atoms: int
    view: str
    parameters: Mapping[str, object]
    nulls: tuple[trust.Null, ...] = ()
    stability: npt.NDArray[np.float64] | None = None

    @property
    def verdict(self) -> str | None:
        """What the controls say in words; None where none was asked for."""
        if not self.names:
            return "No name helps: the basis is empty."
        if not self.nulls:
            return None
        weak = [null for null in self.nulls if not null.z >= _CLEARLY]
        worst = min(weak or self.nulls, key=lambda null: null.z)
        compared = (
            f"{worst.observed:.2f} against {worst.mean:.2f} ± {worst.sd:.2f} with "
            f"{_IN_WORDS[worst.kind]} (z = {worst.z:.1f})"
        )
        if weak:
            return f"No better than chance: {compared}."
        return f"Better than chance: {compared}."

    def to_arrow(self) -> pa.Table:
        """Return one row per name: name, id, weight, and stability where it is known."""
        fields = [("name", pa.string()), ("id", pa.int64()), ("weight", pa.float32())]
        columns: dict[str, Any] = {
            "name": list(self.names), "id": self.ids, "weight": self.weights,
        }  # fmt: skip
        if self.stability is not None:
            columns["stability"] = self.stability
            fields.append(("stability", pa.float64()))
        return pa.table(columns, schema=pa.schema(fields))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; an undefined cosine is None."""
        return {
            "target": self.label,
            "names": list(self.names),
            "ids": self.ids.tolist(),
            "weights": [float(w) for w in self.weights],
            "similarity": _or_none(self.similarity),
            "raw_similarity": _or_none(self.raw_similarity),
            "n_atoms": self.n_atoms,
            "view": self.view,
            "parameters": dict(self.parameters),
            "nulls": [null.to_dict() for null in self.nulls],
            "stability": None
            if self.stability is None
            else [_or_none(float(share)) for share in self.stability],
            "verdict": self.verdict,
        }


def fit(
    space: Space,
    target: Any,
    n_names: int = 5,
    *,
    where: str | None = None,
    deny: Sequence[str] = (),
    max_family: int | None = None,
    nonnegative: bool = True,
    exclude_self: bool = True,
    minus: Sequence[Any] = (),
    view: str = "text",
    method: str = "omp",
    n_sweeps: int = 2,
    ridge: float | None = None,
    image_mean: npt.ArrayLike | None = None,
    n_null: int = 0,
    n_resamples: int = 0,
    seed: int = 0,
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
    method : {"omp", "lasso"}
        Matching pursuit, or the nonnegative lasso path of SpLiCE; see
        `namebasis.analysis.sparse.sparse_code`.
    n_sweeps : int
        How often, after the pursuit, to try each name for a better one in its place.
    ridge : float, optional
        Choose names after whitening by the covariance of the names with this ridge (1 is a good
        value): what many names share counts less, so the true parts of a full name are found more
        often, for a slightly lower cosine. Weights and cosines are unwhitened all the same.
    image_mean : array_like of shape (dim,), optional
        What to centre images by; by default the mean of the space's `image` view.
    n_null : int
        How many draws of each control to fit, 200 say; 0 for none.
    n_resamples : int
        How many bootstrap resamples of the names to fit for `stability`; 0 for none.
    seed : int
        Of the controls and resamples.

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
    """
    recipe = Recipe(n_names, nonnegative, method, n_sweeps, max_family, ridge)
    check_count(n_null, "n_null", 0)
    check_count(n_resamples, "n_resamples", 0)
    wanted = centre_target(space, target, minus=minus, view=view, image_mean=image_mean)
    atoms = load_atoms(space, where=where, view=view)
    denied = atoms.named([*deny, *(wanted.names if exclude_self else ())])
    if max_family == 0:
        denied |= atoms.is_family
    more = {
        "where": where, "deny": list(deny), "exclude_self": exclude_self, "n_null": n_null,
        "n_resamples": n_resamples, "seed": seed,
    }  # fmt: skip
    if n_null == 1:
        raise ValueError("n_null must be 0 or at least 2: one control has no spread.")
    found, chosen = _fit(atoms, wanted, denied, recipe, view, more)
    rng = np.random.default_rng(seed)
    if n_null and len(chosen):
        nulls = _nulls(space, atoms, wanted, denied, recipe, view, found, chosen, n_null, rng)
        found = replace(found, nulls=nulls)
    if n_resamples:
        shares = trust.stability(
            recipe, atoms.vectors, wanted.vector, atoms.is_family, denied, chosen, n_resamples, rng
        )
        found = replace(found, stability=shares)
    return found


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
    if n_left < recipe.n_names:
        raise ValueError(f"n_names is {recipe.n_names}, but only {n_left} name(s) are left to use.")
    code = recipe.code(atoms.vectors, target.vector[None], atoms.is_family, denied)
    used = code.indices[0][code.indices[0] >= 0]
    combined = code.reconstruct(atoms.vectors)[0] + target.mean
    found = Basis(
        label=target.label,
        names=tuple(atoms.names[atom] for atom in used),
        ids=atoms.ids[used],
        weights=code.weights[0][: len(used)],
        similarity=float(code.similarities[0]),
        raw_similarity=_cosine(combined, target.vector + target.mean),
        n_atoms=n_left,
        view=view,
        parameters={**recipe.parameters(), **more},
    )
    return found, used


def _nulls(
    space: Space,
    atoms: NameAtoms,
    target: CentredTarget,
    denied: Mask,
    recipe: Recipe,
    view: str,
    found: Basis,
    chosen: IntArray,
    n_draws: int,
    rng: np.random.Generator,
) -> tuple[trust.Null, ...]:
    """Fit every control that the space allows."""
    vectors, wanted, observed = atoms.vectors, target.vector, found.similarity
    counts = space.table(["count"], ids=atoms.ids)["count"].cast("float64").to_numpy()
    nulls = [
        trust.rotated_null(
            recipe, vectors, wanted, atoms.is_family, denied, observed, n_draws, rng
        ),
        trust.matched_null(recipe, vectors, wanted, counts, chosen, denied, observed, n_draws, rng),
    ]
    is_pseudo = np.array([part == "pseudo" for part in atoms.parts])
    pseudo = space.ids("part = 'pseudo'")
    if len(pseudo):
        made_up = np.asarray(space.vectors(view, ids=pseudo) - atoms.mean, dtype=np.float32)
        nulls.append(
            trust.pseudo_null(
                recipe, vectors, made_up, wanted, atoms.is_family, denied | is_pseudo, n_draws, rng
            )
        )
    return tuple(null for null in nulls if null is not None)


def _cosine(a: FloatArray, b: FloatArray) -> float:
    first, second = a.astype(np.float64), b.astype(np.float64)
    length = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / length if length else float("nan")


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
