"""Intrinsic dimension from distances to nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from namebasis.analysis.graph.neighbours import KnnGraph, duplicate_groups
from namebasis.analysis.shape.diffusion_kernel import neighbour_distances
from namebasis.checks import Float64Array, FloatArray, IntArray, as_embeddings, check_count

_DISCARD = 0.1
"""Share of the largest ratios that TwoNN leaves out."""


def two_nn_dimension(
    embeddings: object, *, graph: KnnGraph | None = None, discard: float = _DISCARD, seed: int = 0
) -> float:
    """Intrinsic dimension from ratios of second to first neighbour distances, TwoNN [1]_.

    Equal rows count once. The maximum-likelihood form is used on the ratios below the quantile
    ``1 - discard``, corrected for that cut.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
        At least 3 different rows.
    graph : KnnGraph, optional
        Neighbours of the rows, for rows of length 1; searched otherwise. A row with fewer than
        two different neighbours in it does not count.
    discard : float
        Share of the largest ratios to leave out, in [0, 1).
    seed : int
        Of the approximate search above 50,000 rows.

    Returns
    -------
    float
        Dimensionless, above 0; infinite where first and second neighbours are equally far, NaN
        where no row of `graph` has two different neighbours.

    Raises
    ------
    ValueError
        If there are fewer than 3 different rows, `discard` is out of range or `graph` covers
        other rows.

    References
    ----------
    .. [1] Facco et al. (2017), Estimating the intrinsic dimension of datasets by a minimal
       neighborhood information, Scientific Reports 7.
    """
    if not 0 <= discard < 1:
        raise ValueError(f"discard must be in [0, 1); got {discard!r}.")
    rows = as_embeddings(embeddings, min_rows=3)
    first = duplicate_groups(rows).first
    if first.size < 3:
        raise ValueError(f"TwoNN needs at least 3 different rows; got {first.size}.")
    if graph is None:
        near = neighbour_distances(rows[first], 2, seed)
    else:
        near = distinct_distances(rows, graph)[first]
    return _from_two(near, discard)


def _from_two(near: Float64Array, discard: float) -> float:
    """From ascending distances (n, at least 2), not finite where there is no neighbour."""
    near = near[np.isfinite(near[:, :2]).all(axis=1), :2]
    if len(near) == 0:
        return float("nan")
    logs = np.sort(np.log(near[:, 1] / near[:, 0]))
    n_kept = max(int(np.ceil(len(logs) * (1 - discard))), 1)
    # Log ratios are exponential with rate d; the cut ones are known to be at least the last kept.
    total = float(logs[:n_kept].sum()) + (len(logs) - n_kept) * float(logs[n_kept - 1])
    return n_kept / total if total > 0 else float("inf")


def local_dimension(
    embeddings: object, k: int = 20, *, graph: KnnGraph | None = None, seed: int = 0
) -> Float64Array:
    """Maximum-likelihood intrinsic dimension around every row [1]_, unbiased form [2]_.

    Equal rows count once and have one dimension.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
    k : int
        Neighbours, 3 to n - 1 of n different rows.
    graph : KnnGraph, optional
        Neighbours of the rows, for rows of length 1, instead of a search for `k`; a row uses as
        many of them as differ from it and from each other.
    seed : int
        Of the approximate search above 50,000 rows.

    Returns
    -------
    ndarray of shape (n,)
        ``(k - 2) / sum_j log(r_k / r_j)``. Infinite where all k are equally far, NaN where
        `graph` gives a row fewer than 3 different neighbours: both leave it undefined. Unbiased
        for one row; for all rows together see `global_dimension`, whose correction is another.

    Raises
    ------
    ValueError
        If `k` is out of range, a value is not finite or `graph` covers other rows.

    References
    ----------
    .. [1] Levina and Bickel (2004), Maximum likelihood estimation of intrinsic dimension, NIPS.
    .. [2] MacKay and Ghahramani (2005), Comments on Levina and Bickel.
    """
    near, group = _near_distances(embeddings, k, 3, graph, seed)
    return _around_each(near)[group]


def _around_each(near: Float64Array) -> Float64Array:
    n_near, logs = _log_ratios(near)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (n_near - 2) / logs
    return np.where(n_near >= 3, found, np.nan)


def global_dimension(
    embeddings: object, k: int = 20, *, graph: KnnGraph | None = None, seed: int = 0
) -> float:
    """Maximum-likelihood intrinsic dimension of all rows together [1]_.

    Log ratios of neighbour distances are exponential with the dimension as their rate, so all
    rows together give ``sum_i (k_i - 1) / sum_ij log(r_ik / r_ij)``: with one k for all, the
    inverse of the mean over rows of the inverse ``sum_j log(r_k / r_j) / (k - 1)``. (The k - 2
    of `local_dimension` corrects the estimate of a single row; averaged over many it would be
    too low by (k - 2) / (k - 1).) Equal rows count once.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
    k : int
        Neighbours, 2 to n - 1 of n different rows.
    graph : KnnGraph, optional
        Neighbours of the rows, for rows of length 1, instead of a search for `k`; a row uses as
        many of them as differ from it and from each other.
    seed : int
        Of the approximate search above 50,000 rows.

    Returns
    -------
    float
        Dimensionless, above 0; infinite where each row's neighbours are all equally far, NaN
        where no row of `graph` has two different neighbours.

    Raises
    ------
    ValueError
        If `k` is out of range, a value is not finite or `graph` covers other rows.

    References
    ----------
    .. [1] MacKay and Ghahramani (2005), Comments on 'Maximum likelihood estimation of intrinsic
       dimension' by E. Levina and P. Bickel.
    """
    near, _ = _near_distances(embeddings, k, 2, graph, seed)
    return _of_all(near)


def _of_all(near: Float64Array) -> float:
    n_near, logs = _log_ratios(near)
    used = n_near >= 2
    if not used.any():
        return float("nan")
    total = float(logs[used].sum())
    return float((n_near[used] - 1).sum()) / total if total > 0 else float("inf")


@dataclass(frozen=True)
class Dimensions:
    """Intrinsic dimensions of rows, by one graph of their neighbours.

    Attributes
    ----------
    two_nn, likelihood : float
        As `two_nn_dimension` and `global_dimension` give them.
    local : ndarray of shape (n,)
        As `local_dimension` gives it.
    """

    two_nn: float
    likelihood: float
    local: Float64Array


def dimensions(embeddings: object, graph: KnnGraph) -> Dimensions:
    """All three intrinsic dimensions, with the distances of neighbours taken once.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
        Rows of length 1, of which at least 4 differ.
    graph : KnnGraph
        Their neighbours.

    Raises
    ------
    ValueError
        If there are fewer rows, a value is not finite or `graph` covers other rows.
    """
    near, group = _near_distances(embeddings, graph.k, 3, graph, 0)
    return Dimensions(_from_two(near, _DISCARD), _of_all(near), _around_each(near)[group])


def _near_distances(
    embeddings: object, k: int, least: int, graph: KnnGraph | None, seed: int
) -> tuple[Float64Array, IntArray]:
    """Ascending distances of the different rows (n_groups, k), and the group of each row (n,).

    Raises
    ------
    ValueError
        As for `global_dimension`, for k below `least`.
    """
    rows = as_embeddings(embeddings, min_rows=least + 1)
    groups = duplicate_groups(rows)
    if graph is not None:
        return distinct_distances(rows, graph)[groups.first], groups.group
    n = groups.first.size
    k = check_count(k, f"k of {n} different rows", least, n - 1)
    return neighbour_distances(rows[groups.first], k, seed), groups.group


def _log_ratios(distances: Float64Array) -> tuple[IntArray, Float64Array]:
    """Neighbours of each row, and the sum of log(r_k / r_j) over them, from ascending distances.

    Distances (n, k) are not finite where there is no neighbour.
    """
    known = np.isfinite(distances)
    farthest = np.where(known, distances, 0).max(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(farthest[:, None] / distances)
    return known.sum(axis=1), np.where(known, logs, 0).sum(axis=1)


def distinct_distances(rows: FloatArray, graph: KnnGraph) -> Float64Array:
    """Euclidean distances to the neighbours in `graph` that differ, ascending (n, k).

    Neighbours equal to the row or to a nearer one leave NaN at the end.

    Raises
    ------
    ValueError
        If `graph` covers another number of rows.
    """
    if graph.n_rows != len(rows):
        raise ValueError(f"graph must cover the {len(rows)} rows; it covers {graph.n_rows}.")
    group = duplicate_groups(rows).group
    codes = group[graph.indices]
    order = np.argsort(codes, axis=1, kind="stable")
    ranked = np.take_along_axis(codes, order, axis=1)
    again = np.zeros(codes.shape, bool)
    np.put_along_axis(again, order[:, 1:], ranked[:, 1:] == ranked[:, :-1], axis=1)
    distances = neighbour_distances(rows, graph.k, 0, graph.indices)
    distances[again | (codes == group[:, None])] = np.nan
    distances.sort(axis=1)  # NaN goes last
    return distances
