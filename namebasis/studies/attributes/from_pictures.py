"""Names as their pictures show them, beside shuffled names of as many pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import Float64Array, IntArray

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

_MOST_LEVELS = 12
"""Different numbers of pictures that get shuffled names of their own."""


@dataclass(frozen=True)
class Shown:
    """Names by their pictures, and what chance makes of these.

    Attributes
    ----------
    ids : ndarray of shape (n_names,), int64
        Rows of the names that have pictures.
    names : ndarray of shape (n_names, dim), float64
        Mean of the vectors of each one's pictures; not of length 1, as then the mean of pictures
        that differ would be drawn out farther than that of pictures that are alike.
    shuffled : ndarray of shape (n_shuffled, dim), float64
        The same of names that pictures were dealt to at random.
    groups : ndarray of shape (n_names + n_shuffled,), int64
        Names and shuffled names of the same number of pictures.
    """

    ids: IntArray
    names: Float64Array
    shuffled: Float64Array
    groups: IntArray


def read_pictures(
    space: StoredSpace, ids: IntArray, view: str, n_shuffled: int, seed: int
) -> Shown:
    """Names as their pictures show them, with shuffled names, which mean nothing.

    The mean of few pictures varies more than one of many, so there are shuffled names of every
    number of pictures; of more than 12 different ones, names share those of the next smaller.

    Parameters
    ----------
    space : Space
    ids : ndarray of int
        Names; those without a picture are left out.
    view : str
        `image`, or with a source as ``image:photos``.
    n_shuffled, seed : int
        Shuffled names for each number of pictures.

    Raises
    ------
    SpaceError
        If the space holds no pictures.
    ValueError
        If fewer than 2 of the names have one.
    """
    held = space.picture_rows()
    at = np.flatnonzero(np.isin(held.owners, ids))
    if source := view.partition(":")[2]:
        at = np.intersect1d(at, held.of_source(source))
    at = at[np.argsort(held.owners[at], kind="stable")]
    known, first, counts = np.unique(held.owners[at], return_index=True, return_counts=True)
    if len(known) < 2:
        raise ValueError(
            f"score needs at least 2 names with pictures; {len(known)} of {len(ids):,} have any."
        )
    pool = held.vectors(at).astype(np.float64)
    levels = np.unique(counts)
    if len(levels) > _MOST_LEVELS:
        shares = np.linspace(0, 1, _MOST_LEVELS + 1)[:-1]
        levels = np.unique(np.quantile(counts, shares, method="lower"))
    rng = np.random.default_rng(seed)
    dealt = [
        pool[rng.choice(len(pool), int(n), replace=False)].mean(axis=0)
        for n in levels
        for _ in range(n_shuffled)
    ]
    groups = np.searchsorted(levels, counts, side="right") - 1
    return Shown(
        known, np.add.reduceat(pool, first, axis=0) / counts[:, None], np.stack(dealt),
        np.concatenate([groups, np.repeat(np.arange(len(levels)), n_shuffled)]),
    )  # fmt: skip
