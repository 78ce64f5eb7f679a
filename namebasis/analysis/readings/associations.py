"""Associations of groups of vectors with attribute sets: WEAT, RND and RIPA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.checks import Float64Array, check_count, unit_rows


@dataclass(frozen=True)
class Weat:
    """A WEAT test of two target groups against two attribute sets.

    Attributes
    ----------
    effect_size : float
        Difference of the groups' mean associations over the standard deviation of all; above 0
        where the first group goes with the first attributes. In [-2, 2] for groups of equal
        size, in general at most sqrt((n - 1) n / (n_first n_second)) of n targets either way.
    p_value : float
        Share of equal divisions of the targets whose difference is at least as large
        (one-sided; the data's own division is counted).
    p_two_sided : float
        Share of those whose difference is at least as far from their mean, in either direction.
    n_permutations : int
    exact : bool
        Whether all divisions were looked at.
    n_first, n_second, n_attributes_first, n_attributes_second : int
    """

    effect_size: float
    p_value: float
    p_two_sided: float
    n_permutations: int
    exact: bool
    n_first: int
    n_second: int
    n_attributes_first: int
    n_attributes_second: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def to_arrow(self) -> pa.Table:
        """One row."""
        return pa.Table.from_pylist([self.to_dict()])


def weat(
    first: object,
    second: object,
    attributes_first: object,
    attributes_second: object,
    *,
    n_permutations: int = 10_000,
    seed: int = 0,
) -> Weat:
    """Word embedding association test [1]_.

    Parameters
    ----------
    first, second : array_like of shape (n_targets, n_features)
        The two groups of names; scaled to length 1 here.
    attributes_first, attributes_second : array_like of shape (n_attributes, n_features)
    n_permutations : int
        All divisions where there are at most this number, else this number of random ones.
    seed : int

    Raises
    ------
    ValueError
        If a set is empty, widths differ, or all targets associate alike.

    References
    ----------
    .. [1] Caliskan, Bryson and Narayanan (2017), Semantics derived automatically from language
       corpora contain human-like biases, Science 356.
    """
    check_count(n_permutations, "n_permutations")
    groups = _same_width(first, second, attributes_first, attributes_second)
    x, y, a, b = groups
    targets = np.concatenate([x, y])
    scores = (targets @ a.T).mean(axis=1) - (targets @ b.T).mean(axis=1)
    deviation = float(scores.std(ddof=1))
    if deviation < 1e-12:
        raise ValueError("all targets associate alike with the attributes: no effect size.")
    effect = float(scores[: len(x)].mean() - scores[len(x) :].mean()) / deviation
    exact = comb(len(scores), len(x)) <= n_permutations
    sums = (
        np.array([scores[list(part)].sum() for part in combinations(range(len(scores)), len(x))])
        if exact
        else _random_sums(scores, len(x), n_permutations, seed)
    )
    usual = float(scores.mean()) * len(x)  # of a division that knows nothing
    own = float(scores[: len(x)].sum())
    sides = (sums >= own - 1e-12, np.abs(sums - usual) >= abs(own - usual) - 1e-12)
    # The exact count holds the data's own division, random ones need it added.
    extra = 0 if exact else 1
    one, two = ((int(side.sum()) + extra) / (len(sums) + extra) for side in sides)
    return Weat(effect, one, two, len(sums), exact, len(x), len(y), len(a), len(b))


def _random_sums(scores: Float64Array, size: int, n: int, seed: int) -> Float64Array:
    """Sums over random parts of `size`; of a large part, what the small rest leaves."""
    rng = np.random.default_rng(seed)
    total, small = float(scores.sum()), min(size, len(scores) - size)
    sums = np.array(
        [
            scores[rng.choice(len(scores), small, replace=False, shuffle=False)].sum()
            for _ in range(n)
        ]
    )
    return sums if small == size else total - sums


def holm(p_values: Sequence[float]) -> Float64Array:
    """P-values corrected for their number, by Holm's step-down; in the same order.

    References
    ----------
    .. [1] Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian
       Journal of Statistics 6.
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    steps = np.maximum.accumulate(values[order] * (len(values) - np.arange(len(values))))
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(steps, 1)
    return corrected


def relative_norm_distance(first: object, second: object, attributes: object) -> float:
    """Relative norm distance (RND) [1]_: how much nearer attributes lie to one group's mean.

    The sum over the attributes of their distance to the first group's mean less that to the
    second's, all vectors of length 1: below 0 where the attributes are nearer to the first.

    References
    ----------
    .. [1] Garg, Schiebinger, Jurafsky and Zou (2018), Word embeddings quantify 100 years of
       gender and ethnic stereotypes, PNAS 115.
    """
    x, y, a = _same_width(first, second, attributes)
    distances = [np.linalg.norm(a - group.mean(axis=0), axis=1) for group in (x, y)]
    return float((distances[0] - distances[1]).sum())


def ripa(embeddings: object, pairs_first: object, pairs_second: object) -> Float64Array:
    """Relational inner product association (RIPA) [1]_ of each row with a relation.

    The relation is the first principal component, not centred, of the differences between the
    pairs' rows (their direction, for one pair), pointing from the second to the first.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
        Not scaled here: RIPA is an inner product.
    pairs_first, pairs_second : array_like of shape (n_pairs, n_features)

    Returns
    -------
    ndarray of shape (n,), float64

    Raises
    ------
    ValueError
        If the pairs do not match in number or width, or do not differ.

    References
    ----------
    .. [1] Ethayarajh, Duvenaud and Hirst (2019), Understanding undesirable word embedding
       associations, ACL.
    """
    x, y = (np.asarray(rows, dtype=np.float64) for rows in (pairs_first, pairs_second))
    rows = np.asarray(embeddings, dtype=np.float64)
    if rows.ndim != 2 or x.shape != y.shape or x.ndim != 2 or x.shape[1] != rows.shape[1]:
        raise ValueError(
            "embeddings and pairs must be 2-D of one width, with as many firsts as seconds; got "
            f"{rows.shape}, {x.shape} and {y.shape}."
        )
    differences = x - y
    if not np.linalg.norm(differences) > 1e-12:
        raise ValueError("the pairs do not differ: there is no relation.")
    relation = np.linalg.svd(differences, full_matrices=False)[2][0]
    sign = 1.0 if float(differences.sum(axis=0) @ relation) >= 0 else -1.0
    return np.asarray(rows @ (sign * relation))


def _same_width(*sets: object) -> list[Float64Array]:
    rows = []
    for values in sets:
        unit_rows(values, "every set")  # refuses what has no direction; its rows are float32
        matrix = np.asarray(values, dtype=np.float64)
        rows.append(matrix / np.linalg.norm(matrix, axis=1, keepdims=True))
    widths = sorted({matrix.shape[1] for matrix in rows})
    if len(widths) > 1:
        raise ValueError(f"all sets must have the same n_features; got {widths}.")
    return rows
