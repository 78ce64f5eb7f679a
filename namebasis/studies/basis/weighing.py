"""How near a sum of names comes to a target, for any weights: a basis in the hands of a reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from namebasis.checks import Float64Array, IntArray
from namebasis.studies.basis.atoms import centre_target

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace


@dataclass(frozen=True, eq=False)
class Weighing:
    """Names, a target, and all that the cosine of any weighted sum of the names needs.

    Attributes
    ----------
    label : str
        What the target is called.
    names : tuple of str
    ids : ndarray of shape (n,), int64
        Their rows in the space.
    products : ndarray of shape (n + 2, n + 2), float64
        Dot products of the centred names, the mean that was taken off the target, and the centred
        target, in this order.
    """

    label: str
    names: tuple[str, ...]
    ids: IntArray
    products: Float64Array

    def similarity(self, weights: npt.ArrayLike) -> float:
        """Cosine of the weighted sum to the target, both centred, as `Basis.similarity` is."""
        return self._cosine(weights, 0.0)

    def raw_similarity(self, weights: npt.ArrayLike) -> float:
        """The same with the mean put back, as `Basis.raw_similarity` is."""
        return self._cosine(weights, 1.0)

    def _cosine(self, weights: npt.ArrayLike, mean: float) -> float:
        given = np.asarray(weights, dtype=np.float64)
        if given.shape != (len(self.names),) or not np.isfinite(given).all():
            raise ValueError(
                f"weights must be {len(self.names)} finite numbers, one per name; got "
                f"{given.tolist()}."
            )
        summed = np.array([*given, mean, 0.0])
        target = np.array([*np.zeros(len(given)), mean, 1.0])
        lengths = (summed @ self.products @ summed) * (target @ self.products @ target)
        # What cancels out has no direction, up to rounding.
        if not lengths > 1e-18:
            return float("nan")
        return float(summed @ self.products @ target / np.sqrt(lengths))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "query": self.label, "names": list(self.names), "ids": self.ids.tolist(),
            "products": self.products.tolist(),
        }  # fmt: skip


def weigh(
    space: StoredSpace,
    target: Any,
    ids: Sequence[int] | IntArray,
    *,
    view: str = "text",
    as_: str | None = None,
) -> Weighing:
    """Prepare names and a target for weights that are chosen by hand.

    Parameters
    ----------
    space : Space
    target : str, PIL image, array of shape (dim,), mapping, or list
        As `basis.fit` takes it.
    ids : sequence of int
        Rows of the names.
    view : str
    as_ : {"name", "text"}, optional
        How texts are read; see `Space.resolve`.

    Raises
    ------
    TargetError
        As `basis.fit`.
    ValueError
        If there is no such row, or a name has no vector in the view.

    See Also
    --------
    namebasis.studies.basis.fit : Finds the names, and the weights that come nearest.
    """
    rows = np.asarray(ids, dtype=np.int64)
    wanted = centre_target(space, target, view=view, as_=as_)
    names = space.table(["name"], ids=rows)["name"].to_pylist()
    lacking = ~np.isin(rows, space.ids(view=view))
    if lacking.any():
        raise ValueError(
            f"{names[int(np.argmax(lacking))]} has no vector in the view {view}, so it has no "
            "weight there. Take it out, or ask of the view text."
        )
    atoms = space.vectors(view, ids=rows).astype(np.float64) - space.mean(view)
    every = np.vstack([atoms, wanted.mean, wanted.vector]).astype(np.float64)
    return Weighing(wanted.label, tuple(map(str, names)), rows, every @ every.T)
