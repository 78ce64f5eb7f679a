"""The nearest of every row among all rows, each pair multiplied once."""

from __future__ import annotations

import numpy as np

from namebasis.checks import FloatArray, IntArray, Progress
from namebasis.compiled import compiled

MOST_KEPT = 64
"""Candidates of a row up to which a short list, searched from end to end, is quick."""
_BLOCK = 1024  # rows of a tile: its products stay in the cache


def nearest_of_all(
    rows: FloatArray, width: int, progress: Progress | None = None
) -> tuple[IntArray, FloatArray]:
    """Find the `width` largest products of every row with all rows, itself among them.

    FAISS multiplies every pair twice, once for each of its rows; here a tile of products serves
    the rows above and the columns below it.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features), float32
    width : int
        1 to n and `MOST_KEPT`.
    progress : callable, optional
        Called with (rows done, n), counted by the pairs that are done.

    Returns
    -------
    indices : ndarray of shape (n, width), int64
        In no order.
    products : ndarray of shape (n, width), float32
    """
    n = len(rows)
    products = np.full((n, width), -np.inf, np.float32)
    least, indices = products[:, 0].copy(), np.zeros((n, width), np.int64)
    keep = compiled(keep_nearest, _SIGNATURE)
    for first in range(0, n, _BLOCK):
        above = rows[first : first + _BLOCK]
        for second in range(first, n, _BLOCK):
            tile = above @ rows[second : second + _BLOCK].T
            keep(tile, first, second, least, products, indices)
        if progress is not None:
            left = n - first - len(above)
            progress(n - left**2 // n, n)
    return indices, products


_SIGNATURE = "void(float32[:,::1], int64, int64, float32[::1], float32[:,::1], int64[:,::1])"


def keep_nearest(
    tile: FloatArray,
    first: int,
    second: int,
    least: FloatArray,
    products: FloatArray,
    indices: IntArray,
) -> None:
    """Put the products of rows from `first` on with those from `second` on into both their lists.

    A product enters a list in place of its `least`, which it must exceed. Of a tile on the
    diagonal, which holds every pair twice, the rows' lists alone are kept.
    """
    width = products.shape[1]
    for i in range(tile.shape[0]):
        for start in range(0, tile.shape[1], 32):  # most strips hold nothing for anybody
            stop = min(start + 32, tile.shape[1])
            is_wanted = False
            for j in range(start, stop):
                is_wanted |= (tile[i, j] > least[first + i]) | (tile[i, j] > least[second + j])
            if not is_wanted:
                continue
            for j in range(start, stop):
                for side in range(1 if first == second else 2):
                    own, other = first + i, second + j
                    if side == 1:
                        own, other = other, own
                    if tile[i, j] > least[own]:
                        at = 0
                        while products[own, at] != least[own]:
                            at += 1
                        products[own, at], indices[own, at] = tile[i, j], other
                        bound = products[own, 0]
                        for slot in range(1, width):
                            bound = min(bound, products[own, slot])
                        least[own] = bound
