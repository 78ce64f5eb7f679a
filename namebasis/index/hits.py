"""Lists of hits: similarities and row numbers side by side, best first."""

from __future__ import annotations

import numpy as np

from namebasis.checks import FloatArray, IntArray


def merge_hits(
    first: tuple[FloatArray, IntArray], second: tuple[FloatArray, IntArray], k: int
) -> tuple[FloatArray, IntArray]:
    """Merge two lists of hits per query into the best k, best first.

    Parameters
    ----------
    first, second : tuple of ndarrays
        Similarities and ids, (n_queries, k_1) and (n_queries, k_2), with no id in both.
    k : int
        How many to keep; fewer where both together hold fewer.
    """
    similarities = np.concatenate([first[0], second[0]], axis=1)
    ids = np.concatenate([first[1], second[1]], axis=1)
    similarities, ids = best_first(similarities, ids)
    return similarities[:, :k], ids[:, :k]


def best_first(similarities: FloatArray, ids: IntArray) -> tuple[FloatArray, IntArray]:
    """Sort every query's hits, largest similarity first, equal ones by row number.

    Parameters
    ----------
    similarities, ids : ndarrays of shape (n_queries, k)
    """
    order = np.lexsort((ids, -similarities), axis=1)
    return np.take_along_axis(similarities, order, 1), np.take_along_axis(ids, order, 1)
