"""Which few names add up to a target: a sparse code over the names of a space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from namebasis.analysis.sparse import sparse_code
from namebasis.checks import FloatArray, IntArray, check_count
from namebasis.errors import FilterError
from namebasis.studies.basis_atoms import CentredTarget, NameAtoms, centre_target, load_atoms

if TYPE_CHECKING:
    from namebasis.namespace.space import Space


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

    def to_arrow(self) -> pa.Table:
        """Return one row per name: name, id, weight."""
        return pa.table(
            {"name": list(self.names), "id": self.ids, "weight": self.weights},
            schema=pa.schema([("name", "string"), ("id", "int64"), ("weight", "float32")]),
        )

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
    image_mean: npt.ArrayLike | None = None,
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
    image_mean : array_like of shape (dim,), optional
        What to centre images by; by default the mean of the space's `image` view.

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
    wanted = centre_target(space, target, minus=minus, view=view, image_mean=image_mean)
    atoms = load_atoms(space, where=where, view=view)
    parameters: dict[str, object] = {
        "n_names": n_names, "where": where, "deny": list(deny), "max_family": max_family,
        "nonnegative": nonnegative, "exclude_self": exclude_self, "method": method,
        "n_sweeps": n_sweeps,
    }  # fmt: skip
    denied = atoms.named([*deny, *(wanted.names if exclude_self else ())])
    return fit_atoms(atoms, wanted, denied, view, parameters)


def fit_atoms(
    atoms: NameAtoms,
    target: CentredTarget,
    denied: npt.NDArray[np.bool_],
    view: str,
    parameters: Mapping[str, Any],
) -> Basis:
    """Fit names already read to a target already centred; `parameters` are those of `fit`."""
    n_names, max_family = parameters["n_names"], parameters["max_family"]
    is_family = np.array([part == "family" for part in atoms.parts])
    if max_family is not None and check_count(max_family, "max_family", 0) == 0:
        denied = denied | is_family
    n_left = int((~denied).sum())
    check_count(n_names, "n_names")
    if n_left == 0:
        raise FilterError("every name is denied, or is the target itself; allow others.")
    if n_left < n_names:
        raise ValueError(f"n_names is {n_names}, but only {n_left} name(s) are left to use.")
    is_lasso = parameters["method"] == "lasso"
    if is_lasso and max_family:
        raise ValueError("max_family belongs to method='omp'; with 'lasso', use where.")
    code = sparse_code(
        atoms.vectors,
        target.vector[None],
        n_names,
        nonnegative=parameters["nonnegative"],
        method=parameters["method"],
        n_sweeps=0 if is_lasso else parameters["n_sweeps"],
        deny=denied,
        groups=np.where(is_family, 0, -1) if max_family else None,
        max_per_group=max_family or 1,
    )
    used = code.indices[0][code.indices[0] >= 0]
    combined = code.reconstruct(atoms.vectors)[0] + target.mean
    return Basis(
        label=target.label,
        names=tuple(atoms.names[atom] for atom in used),
        ids=atoms.ids[used],
        weights=code.weights[0][: len(used)],
        similarity=float(code.similarities[0]),
        raw_similarity=_cosine(combined, target.vector + target.mean),
        n_atoms=n_left,
        view=view,
        parameters=parameters,
    )


def _cosine(a: FloatArray, b: FloatArray) -> float:
    first, second = a.astype(np.float64), b.astype(np.float64)
    length = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / length if length else float("nan")


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
