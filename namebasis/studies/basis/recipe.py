"""How the names of a basis are chosen and weighted: one way for real targets and for controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from namebasis.analysis.sparse.codes import SparseCode, refit, sparse_code
from namebasis.analysis.sparse.matching import Searcher
from namebasis.analysis.sparse.whitening import whitening_matrix
from namebasis.checks import FloatArray, IntArray, check_count
from namebasis.wording import did_you_mean

_METHODS = ("omp", "lasso")
Mask = npt.NDArray[np.bool_]
OTHER, FAMILY = -1, 0
"""Kinds of atoms that belong to no group of phrases; above them, groups are numbered from 1."""


@dataclass(frozen=True)
class Recipe:
    """The options of a fit that do not depend on its target.

    Attributes
    ----------
    n_names : int
    nonnegative : bool
    method : str
    n_sweeps : int
    max_family : int or None
    ridge : float or None
        Choose the names after whitening by the dictionary's covariance with this ridge; the
        weights are fitted unwhitened all the same.
    """

    n_names: int
    nonnegative: bool = True
    method: str = "omp"
    n_sweeps: int = 2
    max_family: int | None = None
    ridge: float | None = None

    def __post_init__(self) -> None:
        check_count(self.n_names, "n_names")
        if self.method not in _METHODS:
            raise ValueError(
                f"method must be one of {', '.join(_METHODS)}; got {self.method!r}."
                f"{did_you_mean(self.method, _METHODS)}"
            )
        if self.method == "lasso" and not self.nonnegative:
            raise ValueError("method 'lasso' takes nonnegative weights alone; use omp for signed.")
        if self.ridge is not None and not (np.isfinite(self.ridge) and self.ridge > 0):
            raise ValueError(f"ridge must be a number above 0; got {self.ridge}.")
        if self.max_family is not None:
            check_count(self.max_family, "max_family", 0)
            if self.method == "lasso" and self.max_family:
                raise ValueError(
                    "max_family belongs to method='omp'; with 'lasso', use where or 0."
                )

    def parameters(self) -> Mapping[str, object]:
        """Return plain values."""
        return asdict(self)

    def whitening(self, vectors: FloatArray, denied: Mask) -> FloatArray | None:
        """Return the matrix to whiten the usable atoms by; None without a ridge."""
        return None if self.ridge is None else whitening_matrix(vectors[~denied], self.ridge)

    def code(
        self,
        vectors: FloatArray,
        targets: FloatArray,
        kinds: IntArray,
        denied: Mask,
        exclude: IntArray | None = None,
        matrix: FloatArray | None = None,
        candidates: Searcher | None = None,
    ) -> SparseCode:
        """Code `targets` by the atoms `vectors`.

        Parameters
        ----------
        vectors : ndarray of shape (n_atoms, dim)
        targets : ndarray of shape (n_targets, dim)
        kinds : ndarray of shape (n_atoms,)
            `FAMILY` for a family name, above it the group of a phrase, `OTHER` for the rest.
        denied : ndarray of shape (n_atoms,)
        exclude : ndarray of shape (n_targets, m), optional
            Atoms that a target must not use, -1 for none.
        matrix : ndarray of shape (dim, dim), optional
            What to whiten by where there is a ridge; by default by the atoms' own covariance.
        candidates : callable, optional
            Gives the atoms among which the best is sought; see `sparse_code`.
        """
        chosen_in, wanted = vectors, targets
        if matrix is None:
            matrix = self.whitening(vectors, denied)
        if matrix is not None:
            chosen_in, wanted = vectors @ matrix, targets @ matrix
        limit = self.max_family
        is_family = kinds == FAMILY
        groups = kinds if limit else np.where(is_family, OTHER, kinds)
        has_groups = bool((groups != OTHER).any())
        code = sparse_code(
            chosen_in,
            wanted,
            self.n_names,
            nonnegative=self.nonnegative,
            method=self.method,
            n_sweeps=0 if self.method == "lasso" else self.n_sweeps,
            deny=denied | is_family if limit == 0 else denied,
            groups=groups if has_groups else None,
            max_per_group=np.where(is_family, limit or 1, 1) if has_groups else 1,
            exclude=exclude,
            candidates=candidates,
        )
        if self.ridge is None:
            return code
        return refit(vectors, targets, code.indices, nonnegative=self.nonnegative)
