"""A basis whose names a search engine finds: the pursuit over all names, of few of their vectors.

At each step the engine gives the names that agree best with what is left of the target. Centred
names differ in length, so the best of them is not simply the first; but no name that the engine
did not give can be better than the last one's similarity allows, divided by the least length of a
centred name. Where the best found reaches that bound, it is the best of all names.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from namebasis.analysis.sparse.codes import SparseCode
from namebasis.checks import FloatArray, IntArray
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.search.name_lookup import folded_names
from namebasis.studies.basis.atoms import CentredTarget, NameAtoms, name_mean
from namebasis.studies.basis.recipe import Mask, Recipe

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

_FIRST, _MOST = 256, 16_000
"""Names that the engine gives for one step: at first, and at most."""
_ROUNDING = 1e-5
REMARK = (
    "names found by the engine; controls and resamples look at the vectors of all names, and are "
    "made without --engine"
)
UNPROVEN = "a better name may have been missed at a step: over 16,000 names agree almost equally"


class _MissingError(Exception):
    """The engine gave names whose vectors are not at hand yet."""

    def __init__(self, ids: IntArray) -> None:
        super().__init__(f"{len(ids)} names")
        self.ids = ids


def check_recipe(recipe: Recipe, phrases: object) -> None:
    """Refuse what looks at the vectors of all names.

    Raises
    ------
    ValueError
    """
    refused = {
        "method 'lasso'": recipe.method == "lasso",
        "ridge": recipe.ridge is not None,
        "max_family": bool(recipe.max_family),
        "phrases": phrases is not False,
    }
    for what, is_asked in refused.items():
        if is_asked:
            raise ValueError(f"{what} looks at all vectors, not only at nearest names; ask "
                             "without --engine.")  # fmt: skip


class EngineAtoms:
    """The atoms of one fit, as far as the engine gave them.

    Parameters
    ----------
    space : StoredSpace
        Opened with an engine.
    where : str, optional
    view : str
    """

    def __init__(self, space: StoredSpace, where: str | None, view: str) -> None:
        self.space, self.where, self.view = space, where, view
        self.mean = name_mean(space, view)
        self.is_proven = True
        self._found: dict[bytes, tuple[IntArray, FloatArray]] = {}
        ids = space.ids(where, view=view)
        phrases = space.ids_of_part("phrase", view=view)
        if len(np.intersect1d(ids, phrases)):
            raise ValueError(
                "the space holds phrases, which are centred by another mean; leave them out with "
                "where=\"part <> 'phrase'\", or ask without --engine."
            )
        self.ids = ids
        self._shortest = self._least_length()

    def n_usable(self, denied: list[str], *, families: bool) -> int:
        """How many names pass the filter, without those that read like denied ones.

        Parameters
        ----------
        denied : list of str
        families : bool
            Whether family names count.
        """
        ids = self.ids
        if not families:
            ids = np.setdiff1d(ids, self.space.ids_of_part("family", view=self.view))
        wanted = pa.array([fold(one) for one in denied], pa.string())
        held = folded_names(self.space._store).take(pa.array(ids))
        return len(ids) - int(pc.sum(pc.is_in(held, wanted)).as_py() or 0)

    def _least_length(self) -> float:
        """Of all centred names: that of the name nearest to the mean."""
        length = float(np.linalg.norm(self.mean))
        if length == 0:
            return 1.0
        nearest, _ = self._ask(self.mean / length, 1)
        similarity = float(nearest[0]) if len(nearest) else 0.0
        square = 1 - 2 * similarity * length + length**2
        return float(np.sqrt(max(square, 1e-12)))

    def _ask(self, query: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        rows = np.asarray(query, dtype=np.float32)[None]
        similarities, ids = self.space.search(rows, k, where=self.where, view=self.view)
        return similarities[0], ids[0]

    def fit(
        self, target: CentredTarget, recipe: Recipe, deny: Callable[[NameAtoms], Mask]
    ) -> tuple[NameAtoms, Mask, SparseCode]:
        """Code a target by names that the engine gives.

        Returns
        -------
        atoms, denied, code
            Only of names that the engine gave.
        """
        length = float(np.linalg.norm(target.vector))
        k = _FIRST
        ids = np.sort(self._ask(target.vector / length, k)[1])
        while True:
            atoms = self._atoms(ids)
            denied = deny(atoms)
            n_usable = int((~denied & atoms.vectors.any(axis=1)).sum())
            if n_usable < recipe.n_names and k < min(_MOST, len(self.ids)):
                k = min(4 * k, _MOST)  # the nearest are denied
                ids = np.union1d(ids, self._ask(target.vector / length, k)[1])
                continue
            best = partial(self._best, atoms, denied)
            try:
                code = recipe.code(
                    atoms.vectors, target.vector[None], atoms.kinds, denied, candidates=best
                )
            except _MissingError as missing:
                ids = np.union1d(ids, missing.ids)
            else:
                return atoms, denied, code

    def _atoms(self, ids: IntArray) -> NameAtoms:
        rows = self.space.table(["name", "part"], ids=ids).to_pydict()
        vectors = np.asarray(self.space.vectors(self.view, ids=ids) - self.mean, dtype=np.float32)
        names = rows["name"]
        return NameAtoms(ids, names, rows["part"], vectors, self.mean, [None] * len(ids), names)

    def _best(self, atoms: NameAtoms, denied: Mask, residuals: FloatArray, _m: int) -> IntArray:
        """Places of the names that agree best with each residual; -1 fills up."""
        found = [self._certain(atoms, denied, residual) for residual in residuals]
        width = max(map(len, found))
        places = np.full((len(found), width), -1, dtype=np.int64)
        for row, own in zip(places, found, strict=True):
            row[: len(own)] = own
        return places

    def _certain(self, atoms: NameAtoms, denied: Mask, residual: FloatArray) -> IntArray:
        length = float(np.linalg.norm(residual))
        if length == 0:
            return np.empty(0, dtype=np.int64)
        query = residual / length
        k = _FIRST
        while True:
            key = query.tobytes() + k.to_bytes(4, "little")
            if key not in self._found:
                similarities, ids = self._ask(query, k)
                self._found[key] = ids, similarities
            ids, similarities = self._found[key]
            missing = np.setdiff1d(ids, atoms.ids)
            if len(missing):
                raise _MissingError(missing)
            places = np.searchsorted(atoms.ids, ids)
            usable = places[~denied[places]]
            if len(ids) < k:
                return usable  # these are all that there are
            lengths = np.linalg.norm(atoms.vectors[usable], axis=1)
            matches = atoms.vectors[usable] @ query / np.maximum(lengths, 1e-12)
            bound = (float(similarities[-1]) - float(query @ self.mean)) / self._shortest
            if matches.max(initial=-np.inf) >= max(bound, 0.0) + _ROUNDING:
                return usable
            if k >= min(_MOST, len(self.ids)):
                self.is_proven = False
                return usable
            k = min(4 * k, _MOST)
