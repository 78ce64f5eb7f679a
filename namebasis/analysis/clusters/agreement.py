"""How far two ways of dividing the same rows agree, and what chance alone would give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from namebasis.analysis.graph.neighbours import KnnGraph
from namebasis.checks import Float64Array, IntArray, check_count

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Agreement:
    """Agreement of two divisions of the same rows.

    Attributes
    ----------
    n_rows : int
        Rows that both divisions cover.
    adjusted_rand, mutual_information : float
        Adjusted Rand index (0 by chance, 1 for equal divisions) and mutual information over the
        mean of both entropies (0 to 1; its value by chance is above 0, see the null).
    null_adjusted_rand, null_mutual_information : float
        Their means when one division is shuffled.
    p_adjusted_rand, p_mutual_information : float
        Share of shuffles, the data itself counted, that agree at least as well.
    n_permutations : int
        How many shuffles.
    """

    n_rows: int
    adjusted_rand: float
    mutual_information: float
    null_adjusted_rand: float
    null_mutual_information: float
    p_adjusted_rand: float
    p_mutual_information: float
    n_permutations: int


def encode(values: list[str | None]) -> tuple[IntArray, list[str]]:
    """Number the values in sorted order; -1 for None and the empty string."""
    known = sorted({value for value in values if value})
    number: dict[str | None, int] = {value: code for code, value in enumerate(known)}
    return np.array([number.get(value, -1) for value in values], np.int64), known


def agreement(
    left: IntArray, right: IntArray, *, n_permutations: int = 99, seed: int = 0
) -> Agreement | None:
    """Compare two divisions of n rows over the rows that both cover.

    Parameters
    ----------
    left, right : ndarray of shape (n,), int64
        Labels from 0; negative for rows without one, which are left out.
    n_permutations : int
        Shuffles of `right` among the rows that count.
    seed : int
        Seeds the shuffles.

    Returns
    -------
    Agreement or None
        None where one side has fewer than two labels among the rows that count: agreement with
        a constant is undefined.

    Raises
    ------
    ValueError
        If the lengths differ or a count is out of range.
    """
    n_permutations = check_count(n_permutations, "n_permutations")
    if left.shape != right.shape or left.ndim != 1:
        raise ValueError(
            f"left and right must be of one length; got shapes {left.shape} and {right.shape}."
        )
    both = (left >= 0) & (right >= 0)
    if not both.any():
        return None
    a = np.unique(left[both], return_inverse=True)[1]
    b = np.unique(right[both], return_inverse=True)[1]
    if a.max() == 0 or b.max() == 0:
        return None
    rand, information = _scores(a, b)
    rng = np.random.default_rng(check_count(seed, "seed", 0))
    null = np.array([_scores(a, rng.permutation(b)) for _ in range(n_permutations)])
    tolerance = 1e-12  # equal tables may differ in the last bit by the order of sums
    as_good = (null >= np.array([rand, information]) - tolerance).sum(axis=0) + 1
    means, shares = null.mean(axis=0), as_good / (n_permutations + 1)
    return Agreement(
        n_rows=int(a.size),
        adjusted_rand=rand,
        mutual_information=information,
        null_adjusted_rand=float(means[0]),
        null_mutual_information=float(means[1]),
        p_adjusted_rand=float(shares[0]),
        p_mutual_information=float(shares[1]),
        n_permutations=n_permutations,
    )


def _scores(a: IntArray, b: IntArray) -> tuple[float, float]:
    """Adjusted Rand index and normalised mutual information of two codings from 0."""
    n = a.size
    pairs, cells = np.unique(a * (int(b.max()) + 1) + b, return_counts=True)
    rows, columns = np.bincount(a), np.bincount(b)

    together = _pairs(cells)
    expected = _pairs(rows) * _pairs(columns) / _pairs(np.array([n]))
    largest = (_pairs(rows) + _pairs(columns)) / 2
    # Both all single: equal divisions, where the index itself is 0 / 0.
    rand = (together - expected) / (largest - expected) if largest > expected else 1.0

    joint = cells / n
    row, column = np.divmod(pairs, int(b.max()) + 1)
    outer = (rows[row] / n) * (columns[column] / n)
    information = float((joint * np.log(joint / outer)).sum())
    mean_entropy = (_entropy(rows / n) + _entropy(columns / n)) / 2
    return float(rand), max(information, 0.0) / mean_entropy


def _pairs(counts: IntArray) -> float:
    return float((counts.astype(np.float64) * (counts - 1) / 2).sum())


def _entropy(shares: Float64Array) -> float:
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


@dataclass(frozen=True)
class NeighbourShare:
    """How often neighbours share a label.

    Attributes
    ----------
    n_pairs : int
        Pairs of a row and a neighbour that both have a label.
    share : float
        Share of those pairs whose labels are equal, in [0, 1].
    by_chance : float
        The share among pairs of different rows drawn at random from those with a label.
    """

    n_pairs: int
    share: float
    by_chance: float


def neighbour_share(graph: KnnGraph, labels: IntArray) -> NeighbourShare | None:
    """Say how often a row and its neighbours share a label; None where no pair has labels.

    Parameters
    ----------
    graph : KnnGraph
        Neighbours of n rows.
    labels : ndarray of shape (n,), int64
        Negative for rows without a label.
    """
    theirs = labels[graph.indices]
    known = (labels[:, None] >= 0) & (theirs >= 0)
    n_pairs = int(np.count_nonzero(known))
    if n_pairs == 0:
        return None
    counts = np.bincount(labels[labels >= 0])
    n = int(counts.sum())
    equal = int(np.count_nonzero(known & (theirs == labels[:, None])))
    return NeighbourShare(n_pairs, equal / n_pairs, _pairs(counts) / _pairs(np.array([n])))


def shared_item_share(
    graph: KnnGraph, items: csr_matrix, *, seed: int = 0
) -> NeighbourShare | None:
    """Say how often a row and its neighbours have an item in common.

    Parameters
    ----------
    graph : KnnGraph
        Neighbours of n rows.
    items : csr_matrix of shape (n, n_items)
        Ones where a row has an item; rows without any are left out.
    seed : int
        Of the pairs of rows drawn at random, as many as there are neighbours; where there are
        no more pairs than that, chance is taken over all of them.

    Returns
    -------
    NeighbourShare or None
        None where no pair of neighbours has items on both sides.

    Raises
    ------
    ValueError
        If `items` does not cover the rows of the graph.
    """
    if items.shape[0] != graph.n_rows:
        raise ValueError(f"items must cover the {graph.n_rows} rows; they cover {items.shape[0]}.")
    has_any = np.diff(items.indptr) > 0
    source = np.repeat(np.arange(graph.n_rows), graph.k)
    target = graph.indices.ravel()
    known = has_any[source] & has_any[target]
    source, target = source[known], target[known]
    if source.size == 0:
        return None
    left, right = _random_pairs(np.flatnonzero(has_any), source, check_count(seed, "seed", 0))
    return NeighbourShare(
        int(source.size),
        float(_have_common(items, source, target).mean()),
        float(_have_common(items, left, right).mean()),
    )


def _random_pairs(rows: IntArray, source: IntArray, seed: int) -> tuple[IntArray, IntArray]:
    """Pairs of different rows: each of `source` with another, or all pairs where those are few."""
    if rows.size * (rows.size - 1) // 2 <= source.size:
        first, second = np.triu_indices(rows.size, k=1)
        return rows[first], rows[second]
    steps = np.random.default_rng(seed).integers(1, rows.size, source.size)
    return source, rows[(np.searchsorted(rows, source) + steps) % rows.size]


def _have_common(items: csr_matrix, left: IntArray, right: IntArray) -> npt.NDArray[np.bool_]:
    """Whether two rows share an item, pair by pair."""
    out = np.empty(left.size, bool)
    for start in range(0, left.size, 65_536):
        part = slice(start, start + 65_536)
        common = items[left[part]].multiply(items[right[part]])
        out[part] = np.asarray(common.sum(axis=1)).ravel() > 0
    return out
