"""Choose rows of an array that stand for the others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from namebasis.analysis.select.cover import Choice, cover
from namebasis.analysis.select.room import Limits, Room
from namebasis.analysis.select.span import span
from namebasis.checks import (
    BoolArray,
    FloatArray,
    IntArray,
    Progress,
    as_embeddings,
    check_count,
    check_seed,
)

OBJECTIVES = ("cover", "span")
_OF_AXES = ("axes", "low-bias", "strong")
MOST_DEMAND = 8192
"""Rows that the choice looks at as those to be near: a sample of more says no more."""
MOST_CODED = 2048
"""Rows that `span` codes again and again."""


def select_rows(
    embeddings: npt.ArrayLike,
    n: int,
    *,
    objective: str = "cover",
    allowed: npt.ArrayLike | None = None,
    seed: int = 0,
) -> IntArray:
    """Choose rows that stand for all rows.

    Rows are compared by cosine, less their mean: uncentred, embeddings of a CLIP-like model are
    all alike.
    The objectives axes, low-bias and strong are not for bare rows: they read names on axes, which
    are sentences that a space's encoder reads; `Space.select` has them.

    Parameters
    ----------
    embeddings : array_like of shape (n_rows, n_features)
    n : int
        How many to choose.
    objective : {"cover", "span"}
        ``"cover"``: every row is near a chosen one (facility location). ``"span"``: sums of few
        chosen rows rebuild the others.
    allowed : array_like, optional
        Rows that may be chosen: n_rows truth values, or row numbers. By default all.
    seed : int
        Of the sample of rows that are to be near, where there are more than 8,192.

    Returns
    -------
    ndarray of shape (n,), int64
        In the order of their choice; of ``"cover"`` the first m are the choice of m.

    Raises
    ------
    ValueError
        If a value is not finite, an option does not fit, or fewer than `n` rows may be chosen.

    Examples
    --------
    >>> import namebasis as nb
    >>> rows = [[1, 0], [0.9, 0.3], [0.8, 0.5], [-1, 0], [-0.9, 0.2], [-0.8, 0.3], [0.1, -2]]
    >>> nb.analysis.select_rows(rows, 3).tolist()
    [4, 1, 6]
    """
    seed = check_seed(seed)
    check_objective(objective)
    vectors = as_embeddings(embeddings, "embeddings", min_rows=2)
    may = _allowed(allowed, len(vectors))
    n_open = int(may.sum())
    if check_count(n, "n") > n_open:
        raise ValueError(f"n = {n}, but {n_open} of {len(vectors)} rows may be chosen.")
    centred = directions(vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32))
    demand = sample_rows(np.arange(len(vectors)), MOST_DEMAND, seed)
    return choose(centred, demand, n, Room(Limits(may)), objective=objective, seed=seed).rows


def choose(
    directions: FloatArray,
    demand: IntArray,
    n: int,
    room: Room,
    rows: IntArray | None = None,
    *,
    objective: str = "cover",
    seed: int = 0,
    progress: Progress | None = None,
) -> Choice:
    """Choose rows of a room by an objective of `OBJECTIVES`.

    Parameters
    ----------
    directions : ndarray of shape (n_rows, n_features)
        Centred unit rows.
    demand : ndarray of shape (n_demand,), int64
        Places among them that the chosen ones are to stand for.
    n, room, rows, progress
        As `cover` takes them.
    objective : str
    seed : int
        Of what is sampled.
    """
    wanted = directions[demand]
    wanted = wanted[wanted.any(axis=1)]
    if objective == "span":
        own = sample_rows(demand[directions[demand].any(axis=1)], MOST_CODED, seed)
        wanted = directions[own]
        return span(
            directions, wanted, n, room, rows, own=own, seed=seed, progress=progress
        )  # fmt: skip
    return cover(directions, wanted, n, room, rows, seed=seed, progress=progress)


def directions(centred: FloatArray) -> FloatArray:
    """Rows scaled to length 1 in place; one at the mean stays 0."""
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    lengths[lengths < 1e-6] = np.inf
    centred /= lengths
    return centred


def sample_rows(rows: IntArray, most: int, seed: int) -> IntArray:
    """At most `most` of the rows, ascending."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def check_objective(objective: object) -> None:
    """Refuse what is no objective of `select_rows`.

    Raises
    ------
    ValueError
    """
    if objective not in OBJECTIVES:
        why = ""
        if objective in _OF_AXES:
            why = (
                f" {objective} reads names on axes by a space's encoder: use "
                f"Space.select(n, objective={objective!r})."
            )
        raise ValueError(
            f"objective must be one of {', '.join(OBJECTIVES)} for bare rows; got {objective!r}."
            f"{why}"
        )


def _allowed(allowed: npt.ArrayLike | None, n_rows: int) -> BoolArray:
    if allowed is None:
        return np.ones(n_rows, bool)
    given = np.asarray(allowed)
    if given.dtype == bool and given.shape == (n_rows,):
        return given
    if given.ndim == 1 and given.dtype.kind in "iu":
        if given.size and (given.min() < 0 or given.max() >= n_rows):
            raise ValueError(
                f"allowed must hold rows from 0 to {n_rows - 1}; got {given.min()} to "
                f"{given.max()}."
            )
        mask = np.zeros(n_rows, bool)
        mask[given] = True
        return mask
    raise ValueError(
        f"allowed must be {n_rows} truth values or a list of row numbers; got {given.dtype} of "
        f"shape {given.shape}."
    )
