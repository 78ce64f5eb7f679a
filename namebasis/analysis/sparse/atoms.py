"""A dictionary with the rules about which atoms a target may use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray, IntArray, check_count


@dataclass(frozen=True)
class Atoms:
    """The dictionary with what each target may take from it.

    Attributes
    ----------
    vectors : ndarray of shape (n_atoms, n_features), float32
        The atoms as given, of any length.
    scale : ndarray of shape (n_atoms,), float32
        One over the length of each atom; 0 for a zero or denied atom, which so never matches.
    exclude : ndarray of shape (n_targets, n_excluded), int64
        Atoms each target must not use, padded with -1.
    groups : ndarray of shape (n_atoms,), int64, or None
        A group number per atom, -1 for none.
    max_per_group : ndarray of shape (n_groups + 1,), int64
        The most atoms of each group in a code; the last, for no group, is not looked at.
    """

    vectors: FloatArray
    scale: FloatArray
    exclude: IntArray
    groups: IntArray | None = None
    max_per_group: IntArray | None = None

    def unit(self, indices: IntArray) -> FloatArray:
        """Return the atoms at `indices` (any shape) at length 1, zero where the index is -1."""
        scale = np.where(indices >= 0, self.scale[indices], np.float32(0))
        return np.asarray(self.vectors[indices] * scale[..., None], dtype=np.float32)

    def full_groups(self, support: IntArray) -> npt.NDArray[np.bool_] | None:
        """Say which groups each code has used up: (n, n_groups + 1), the last for no group."""
        if self.groups is None or self.max_per_group is None:
            return None
        used = np.where(support >= 0, self.groups[support], -1)
        counts = np.zeros((len(support), int(self.groups.max(initial=-1)) + 2), dtype=np.int64)
        np.add.at(counts, (np.arange(len(support))[:, None], used), 1)
        full = counts >= self.max_per_group
        full[:, -1] = False
        return full if full.any() else None


def prepare_atoms(
    vectors: FloatArray,
    n_targets: int,
    exclude: npt.ArrayLike | None,
    deny: npt.ArrayLike | None,
    groups: npt.ArrayLike | None,
    max_per_group: int | npt.ArrayLike,
) -> Atoms:
    """Check the rules about atoms and put them beside the dictionary."""
    n_atoms = len(vectors)
    norms = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
    usable = norms > 0
    if deny is not None:
        denied = np.asarray(deny)
        if denied.dtype != bool or denied.shape != (n_atoms,):
            raise ValueError(
                f"deny must be a boolean mask of shape ({n_atoms},); got {denied.dtype} of shape "
                f"{denied.shape}."
            )
        usable &= ~denied
    scale = np.zeros(n_atoms, dtype=np.float32)
    np.divide(1.0, norms, out=scale, where=usable, casting="same_kind")
    barred = np.full((n_targets, 1), -1) if exclude is None else np.asarray(exclude)
    if barred.ndim == 1:
        barred = barred[:, None]
    check_integers(barred, "exclude", (n_targets, *barred.shape[1:2]), -1, n_atoms - 1)
    if groups is not None:
        groups = np.asarray(groups)
        check_integers(groups, "groups", (n_atoms,), -1, None)
        groups = np.unique(np.where(groups < 0, -1, groups), return_inverse=True)[1] - int(
            (groups < 0).any()
        )
        groups = groups.astype(np.int64)
    limits = _limits(groups, max_per_group)
    return Atoms(vectors, scale, barred.astype(np.int64), groups, limits)


def _limits(groups: IntArray | None, max_per_group: int | npt.ArrayLike) -> IntArray | None:
    """The most atoms of each group, the smallest that its atoms are given with."""
    given = np.asarray(max_per_group)
    if given.ndim == 0:
        given = np.asarray(check_count(max_per_group, "max_per_group"))
    else:
        check_integers(given, "max_per_group", (0 if groups is None else len(groups),), 1, None)
    if groups is None:
        return None
    limits = np.full(int(groups.max(initial=-1)) + 2, np.iinfo(np.int64).max)
    np.minimum.at(limits, groups, given)
    return limits


def check_integers(
    values: npt.NDArray[np.generic], what: str, shape: tuple[int, ...], low: int, high: int | None
) -> None:
    """Check an integer array's shape and range; `high` None for no upper end."""
    if values.dtype.kind not in "iu" or values.shape != shape:
        raise ValueError(
            f"{what} must be integers of shape {shape}; got {values.dtype} of shape {values.shape}."
        )
    if values.size and (values.min() < low or (high is not None and values.max() > high)):
        limit = f"at least {low}" if high is None else f"between {low} and {high}"
        raise ValueError(
            f"{what} must be {limit}; got values from {values.min()} to {values.max()}."
        )
