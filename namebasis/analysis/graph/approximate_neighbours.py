"""Nearest neighbours of many rows, nearly all of them, in time that grows with n^1.5."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from namebasis.checks import FloatArray, IntArray, Progress, check_count

_ITERATIONS, _ROWS_PER_LIST = 2, 40  # of the clustering that makes the lists
_PROBES = 8  # lists that the rows of each are compared with
_ASKED = 256  # rows whose true neighbours are sought, to measure recall
_ROUNDING = 1e-6  # of a squared distance between unit rows in float32


@dataclass(frozen=True)
class ApproximateNeighbours:
    """Neighbours by Euclidean distance, of which a measured share are the true ones.

    Attributes
    ----------
    indices : ndarray of shape (n, k), int64
        Row numbers, nearest first, the row itself left out; -1 where a row's lists held fewer.
    squared : ndarray of shape (n, k), float32
        Squared distances.
    recall : float
        Share of the true k nearest that were found, over 256 random rows.
    n_partitions : int
        Ways in which the rows were put into lists.
    """

    indices: IntArray
    squared: FloatArray
    recall: float
    n_partitions: int


def approximate_neighbours(
    rows: FloatArray,
    k: int,
    *,
    recall: float = 0.9,
    max_partitions: int = 4,
    seed: int = 0,
    progress: Progress | None = None,
) -> ApproximateNeighbours:
    """Search each row's neighbours in the lists near its own, in several partitions into lists.

    Rows are put in the list of the nearest of about 2 sqrt(n) centres. All rows of a list are
    compared at once with those of the 8 lists whose centres are nearest to its own, by one matrix
    product, where an inverted file would follow the lists again for every row. A row at the edge of
    its list misses some; other centres have their edges elsewhere, so a second and third partition
    find most of those, for less than twice as many lists in one would cost.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features), float32
        At least 1,000; centred rows round least.
    k : int
        Neighbours per row, 1 to n - 1.
    recall : float
        Partitions are added until a sample of rows has this share of its true neighbours.
    max_partitions : int
        The most partitions, whatever their recall.
    seed : int
        Of the centres and the sample.
    progress : callable, optional
        Called with (partitions done, the most there may be).

    Returns
    -------
    ApproximateNeighbours

    Raises
    ------
    ValueError
        If a count is out of range or there are fewer than 1,000 rows.
    """
    n = len(rows)
    if n < 1000:
        raise ValueError(f"an approximate search is for 1,000 rows and more; got {n}.")
    k = check_count(k, f"k (neighbours among {n} rows)", 1, n - 1)
    max_partitions = check_count(max_partitions, "max_partitions")
    rng = np.random.default_rng(check_count(seed, "seed", 0))
    asked = np.sort(rng.choice(n, min(_ASKED, n), replace=False))
    farthest = _nearest_others(rows[asked], asked, rows, None, k)[1][:, -1:]
    indices, squared = np.full((n, k), -1, np.int64), np.full((n, k), np.inf, np.float32)
    share, done = 0.0, 0
    while share < recall and done < max_partitions:
        for own, near, apart in _Lists(rows, int(2 * np.sqrt(n)), seed + done).search(k):
            indices[own], squared[own] = _merge(
                np.concatenate([indices[own], near], axis=1),
                np.concatenate([squared[own], apart], axis=1),
            )
        done += 1
        # As near as the true k-th counts: among equal rows numbers say nothing.
        share = float((squared[asked] <= farthest * (1 + 1e-5) + _ROUNDING).mean())
        if progress is not None:
            progress(done, max_partitions)
    return ApproximateNeighbours(indices, squared, share, done)


def _merge(indices: IntArray, squared: FloatArray) -> tuple[IntArray, FloatArray]:
    """Keep the nearer half of the columns, each row number once."""
    order = np.argsort(indices, axis=1, kind="stable")
    indices = np.take_along_axis(indices, order, axis=1)
    squared = np.take_along_axis(squared, order, axis=1)
    again = indices[:, 1:] == indices[:, :-1]
    indices[:, 1:][again], squared[:, 1:][again] = -1, np.inf
    order = np.argsort(squared, axis=1, kind="stable")[:, : squared.shape[1] // 2]
    return np.take_along_axis(indices, order, axis=1), np.take_along_axis(squared, order, axis=1)


class _Lists:
    """Rows in the order of their lists, and which lists are near which."""

    def __init__(self, rows: FloatArray, n_lists: int, seed: int) -> None:
        import faiss

        means = faiss.Kmeans(
            rows.shape[1],
            n_lists,
            niter=_ITERATIONS,
            seed=seed,
            max_points_per_centroid=_ROWS_PER_LIST,
            min_points_per_centroid=1,
        )
        means.train(rows)
        centres: FloatArray = np.asarray(means.centroids)
        self.n_lists = n_lists
        of_row = means.assign(rows)[1].astype(np.int64)
        self.order = np.argsort(of_row, kind="stable")  # row numbers, list after list
        self.rows = rows[self.order]
        self.starts = np.concatenate([[0], np.cumsum(np.bincount(of_row, minlength=n_lists))])
        # Each list begins with itself, even where centres are equal.
        itself = np.arange(n_lists)
        others, _ = _nearest_others(centres, itself, centres, None, min(_PROBES, n_lists) - 1)
        self.near = np.concatenate([itself[:, None], others], axis=1)  # (n_lists, 8)

    def search(self, k: int) -> Iterator[tuple[IntArray, IntArray, FloatArray]]:
        """Yield row numbers, their neighbours and squared distances, list after list."""
        for name in range(self.n_lists):
            part = slice(self.starts[name], self.starts[name + 1])
            own = self.order[part]
            if own.size == 0:
                continue
            places = np.concatenate(
                [np.arange(self.starts[near], self.starts[near + 1]) for near in self.near[name]]
            )
            yield (
                own,
                *_nearest_others(self.rows[part], own, self.rows[places], self.order[places], k),
            )


def _nearest_others(
    queries: FloatArray,
    own: IntArray,
    candidates: FloatArray,
    numbers: IntArray | None,
    k: int,
) -> tuple[IntArray, FloatArray]:
    """Find the k candidates nearest to each query but itself, -1 where there are fewer.

    `own` and `numbers` are the row numbers of queries and candidates; None for 0, 1, 2, …
    """
    import torch

    width = min(k + 1, len(candidates))
    # One matrix product and torch's selection: 3 times as fast as faiss.knn of such blocks.
    half = np.einsum("cf,cf->c", candidates, candidates) / 2
    scores = torch.from_numpy(queries @ candidates.T - half)
    best, places = (part.numpy() for part in torch.topk(scores, width, dim=1))
    squared = np.einsum("qf,qf->q", queries, queries)[:, None] - 2 * best
    found = places if numbers is None else numbers[places]
    # The row itself goes to the end and is cut off; among many duplicates it may be missing.
    order = np.argsort(found == own[:, None], axis=1, kind="stable")[:, :k]
    indices = np.full((len(queries), k), -1, np.int64)
    apart = np.full((len(queries), k), np.inf, np.float32)
    indices[:, : order.shape[1]] = np.take_along_axis(found, order, axis=1)
    apart[:, : order.shape[1]] = np.take_along_axis(squared, order, axis=1)
    indices[indices == own[:, None]] = -1
    apart[indices < 0] = np.inf
    return indices, np.maximum(apart, 0)
