"""How own directions lie to each other: shared or private, how many dimensions, carried over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.analysis.intervals import Interval, mean_interval, share_interval
from namebasis.checks import Float64Array, IntArray, as_embeddings, check_count, unit_rows

FEWEST = 8
"""Directions below which nothing is said of how they lie."""
_TAILS = (2.5, 97.5)
_LARGEST = 200  # directions whose spectrum is taken at a time
_LEVEL = 0.95
_RAREST = 1e-12  # choices of others that are less likely than that do not count
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class OwnGram:
    """Cosines of own directions with each other, beside those of a null.

    Attributes
    ----------
    nearest : ndarray of shape (n,)
        Which other direction lies nearest to each, of those it may be compared with; -1 for none.
    cosine : ndarray of shape (n,)
        To that one; NaN for none.
    chance : ndarray of shape (n,)
        Share of null directions that have another as near among as many others, in (0, 1]; NaN
        for none.
    null_cosine : ndarray of shape (n_null or fewer,)
        Of null directions to the nearest of as many others, rising: evenly spaced quantiles over
        all choices of these.
    limit : float
        95 % quantile of these.
    square, null_square : Interval
        Mean squared cosine of pairs, of random halves (200 directions at most).
    rank, null_rank : Interval
        Participation ratio of random halves: (sum of eigenvalues)² / sum of their squares.
    n_beyond : int
        Leading eigenvalues of the Gram matrix, one after another, above 95 % of the null's.
    cluster : ndarray of shape (n,)
        Groups that cluster by average linkage above `limit`, from 0, larger ones first; -1 for
        directions of none.
    n_null_clusters : int
        Groups that as many null directions form.
    """

    nearest: IntArray
    cosine: Float64Array
    chance: Float64Array
    null_cosine: Float64Array
    limit: float
    square: Interval
    null_square: Interval
    rank: Interval
    null_rank: Interval
    n_beyond: int
    cluster: IntArray
    n_null_clusters: int


@dataclass(frozen=True)
class CarryOver:
    """How far a rotation learnt on some names carries own directions to another encoder.

    Attributes
    ----------
    cosine : Interval
        Mean cosine of carried directions and the true ones, of names that taught nothing; 95 %
        over names.
    null : Interval
        The same where the names of the other encoder are shuffled.
    found : Interval
        Share of them that lie nearest to their own counterpart among all that taught nothing.
    by_chance : float
        One over how many those are.
    chance : float
        Share of shuffles with as large a cosine, in (0, 1].
    n : int
        Names in both.
    """

    cosine: Interval
    null: Interval
    found: Interval
    by_chance: float
    chance: float
    n: int


def own_gram(
    directions: npt.ArrayLike,
    null: npt.ArrayLike,
    *,
    alike: BoolArray | None = None,
    null_alike: BoolArray | None = None,
    n_resamples: int = 200,
    seed: int = 0,
) -> OwnGram:
    """Ask whether own directions are shared or private.

    The null is directions of names that have nothing of their own: what is left there is noise of
    the same encoder, which need not lie evenly in all dimensions. Both sides are compared in equal
    numbers: of more null directions each is held against as many others as an own one is, and all
    choices of these count alike; of fewer, each own one is held against as few others, drawn once
    for all. No chance depends on `seed`.

    Parameters
    ----------
    directions : array_like of shape (n, n_features)
        At least 8.
    null : array_like of shape (n_null, n_features)
        At least 8.
    alike, null_alike : ndarray of shape (n, n) and (n_null, n_null), bool, optional
        Pairs that are not compared, such as names that share a part, whose errors are the same.
    n_resamples : int
        Random halves.
    seed : int

    Raises
    ------
    ValueError
        If there are fewer than 8 of either, widths differ, or no null ones may be compared.
    """
    check_count(n_resamples, "n_resamples", 20)
    rows = unit_rows(as_embeddings(directions, "directions", min_rows=FEWEST))
    others = unit_rows(as_embeddings(null, "null directions", rows.shape[1], min_rows=FEWEST))
    rng = np.random.default_rng(seed)
    gram, null_gram = (_gram(one) for one in (rows, others))
    for one, mask in ((gram, alike), (null_gram, null_alike)):
        if mask is not None:
            one[np.asarray(mask, bool)] = np.nan
        np.fill_diagonal(one, np.nan)
    nearest, cosine = _nearest(gram)
    n = min(len(rows), len(others))
    drawn = np.sort(rng.choice(len(others), n, replace=False))
    few = null_gram[np.ix_(drawn, drawn)]
    usual = _Nearest.of(null_gram, n)
    if not len(usual.cosine):
        raise ValueError("no two null directions may be compared: their names all share a part.")
    null_cosine = usual.quantiles()
    limit = float(np.quantile(null_cosine, _LEVEL))
    half = min(n // 2, _LARGEST)
    own_halves, null_halves = (_Halves.of(one, half, n_resamples, rng) for one in (gram, null_gram))
    beyond = np.quantile(null_halves.spectrum, _LEVEL, axis=0)
    return OwnGram(
        nearest, cosine, usual.reached_by(_nearest_of_few(gram, n)), null_cosine, limit,
        _over(own_halves.square), _over(null_halves.square),
        _over(own_halves.rank), _over(null_halves.rank),
        _beyond(own_halves.spectrum.mean(axis=0), beyond),
        _clusters(gram, limit), int(_clusters(few, limit).max()) + 1,
    )  # fmt: skip


def _gram(rows: npt.NDArray[np.floating]) -> Float64Array:
    wide = rows.astype(np.float64)
    return np.asarray(wide @ wide.T)


def _nearest(gram: Float64Array) -> tuple[IntArray, Float64Array]:
    filled = np.where(np.isnan(gram), -np.inf, gram)
    at = filled.argmax(axis=1).astype(np.int64)
    cosine = filled[np.arange(len(at)), at]
    none = ~np.isfinite(cosine)
    return np.where(none, -1, at), np.where(none, np.nan, cosine)


def _nearest_of_few(gram: Float64Array, n: int) -> Float64Array:
    """Cosine of each row to the nearest of n - 1 others, drawn where there are more."""
    if len(gram) == n:
        return _nearest(gram)[1]
    rng = np.random.default_rng(0)  # the same for all seeds: a verdict is not the luck of one
    filled = np.where(np.isnan(gram), -np.inf, gram)
    out = np.empty(len(gram))
    for row, cosines in enumerate(filled):
        others = rng.choice(len(gram) - 1, n - 1, replace=False)
        out[row] = cosines[others + (others >= row)].max()
    return np.where(np.isfinite(out), out, np.nan)


@dataclass(frozen=True)
class _Nearest:
    """Cosines of rows to the nearest of a few others, over all choices of the others.

    Of m others k are chosen; the j-th nearest is the nearest of them with a probability of
    ``C(m - j, k - 1) / C(m, k)``.

    Attributes
    ----------
    cosine : ndarray of shape (n_values,)
        Of all rows to others, rising.
    weight : ndarray of shape (n_values,)
        How likely each is that of a row to the nearest; the sum is 1.
    n : int
        Rows that may be compared with another.
    """

    cosine: Float64Array
    weight: Float64Array
    n: int

    @classmethod
    def of(cls, gram: Float64Array, n: int) -> _Nearest:
        """To the nearest of n - 1 others."""
        m, k = len(gram) - 1, n - 1
        at = np.arange(1, m)
        weight = np.cumprod([k / m, *(np.maximum(m - at - k + 1, 0) / (m - at))])
        used = int(np.flatnonzero(weight > _RAREST).max()) + 1
        filled = np.where(np.isnan(gram), -np.inf, gram)
        falling = -np.sort(-filled, axis=1)[:, :used]  # a row itself is NaN, and comes last
        held = np.where(np.isfinite(falling), weight[:used], 0.0)
        total = held.sum(axis=1, keepdims=True)
        held = held / np.where(total > 0, total, 1.0)
        order = np.argsort(falling[held > 0], kind="stable")
        n_rows = int((total > 0).sum())
        return cls(falling[held > 0][order], held[held > 0][order] / max(n_rows, 1), n_rows)

    def quantiles(self) -> Float64Array:
        """As many cosines to the nearest as there are rows, evenly spaced."""
        levels = (np.arange(self.n) + 0.5) / self.n
        at = np.searchsorted(np.cumsum(self.weight), levels)
        return self.cosine[np.minimum(at, len(self.cosine) - 1)]

    def reached_by(self, cosine: Float64Array) -> Float64Array:
        """Share of rows whose nearest is at least as near, one more counted; NaN stays NaN."""
        above = np.concatenate([np.cumsum(self.weight[::-1])[::-1], [0.0]])
        share = above[np.searchsorted(self.cosine, cosine, side="left")]
        return np.asarray(np.where(np.isnan(cosine), np.nan, (1 + self.n * share) / (1 + self.n)))


@dataclass(frozen=True)
class _Halves:
    """Mean squared cosines, participation ratios and spectra of random halves."""

    square: Float64Array
    rank: Float64Array
    spectrum: Float64Array

    @classmethod
    def of(cls, gram: Float64Array, half: int, n: int, rng: np.random.Generator) -> _Halves:
        square, spectrum = np.empty(n), np.empty((n, half))
        for draw in range(n):
            some = rng.choice(len(gram), half, replace=False)
            part = gram[np.ix_(some, some)]
            compared = ~np.isnan(part)
            filled = np.where(compared, part, 0.0)  # what is not compared counts as apart
            square[draw] = np.square(filled).sum() / max(int(compared.sum()), 1)
            np.fill_diagonal(filled, 1.0)
            spectrum[draw] = np.linalg.eigvalsh(filled)[::-1]
        rank = spectrum.sum(axis=1) ** 2 / np.square(spectrum).sum(axis=1)
        return cls(square, rank, spectrum)


def _beyond(values: Float64Array, null: Float64Array) -> int:
    """How many leading values lie above the null's (Horn's parallel analysis)."""
    above = values > null
    return len(above) if above.all() else int(above.argmin())


def _over(draws: Float64Array) -> Interval:
    low, high = np.percentile(draws, _TAILS)
    return Interval(float(draws.mean()), float(low), float(high))


def _clusters(gram: Float64Array, limit: float) -> IntArray:
    """Groups of at least two by average linkage of cosines above a limit; -1 for none."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    apart = 1 - np.where(np.isnan(gram), 0.0, gram)
    np.fill_diagonal(apart, 0.0)
    apart = np.maximum((apart + apart.T) / 2, 0.0)
    tree = linkage(squareform(apart, checks=False), "average")
    labels = fcluster(tree, 1 - limit, "distance")
    sizes = np.bincount(labels)
    order = [one for one in np.argsort(-sizes, kind="stable").tolist() if sizes[one] > 1]
    number = {one: at for at, one in enumerate(order)}
    return np.array([number.get(int(one), -1) for one in labels], dtype=np.int64)


def carry_over(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    n_splits: int = 20,
    n_null: int = 100,
    seed: int = 0,
) -> CarryOver:
    """Learn a rotation from one encoder's own directions to another's on half, test on the other.

    The rotation is the orthogonal one with the least squared error (Schönemann 1966), between as
    many dimensions as the narrower has where widths differ. Half of the names teach it, the others
    are carried; over `n_splits` random halves.

    Parameters
    ----------
    first, second : array_like of shape (n, n_features) and (n, other_features)
        The same at least 8 names in the same order.
    n_splits : int
        At least 2.
    n_null : int
        Shuffles of the second's names, at least 20.
    seed : int

    Raises
    ------
    ValueError
        If the rows do not pair up or are fewer than 8.

    References
    ----------
    .. [1] Schönemann (1966), A generalized solution of the orthogonal Procrustes problem.
    """
    check_count(n_splits, "n_splits", 2)
    check_count(n_null, "n_null", 20)
    left, right = (
        unit_rows(as_embeddings(one, "directions", min_rows=FEWEST)).astype(np.float64)
        for one in (first, second)
    )
    if len(left) != len(right):
        raise ValueError(f"directions must pair up; got {len(left)} and {len(right)} rows.")
    rng = np.random.default_rng(seed)
    n = len(left)
    total, hits, times = np.zeros(n), np.zeros(n), np.zeros(n)
    for _ in range(n_splits):
        order = rng.permutation(n)
        taught, tested = order[: n // 2], order[n // 2 :]
        near = _carried(left, right, taught, tested)
        total[tested] += near.diagonal()
        hits[tested] += near.argmax(axis=1) == np.arange(len(tested))
        times[tested] += 1
    known = times > 0
    shuffled = np.empty(n_null)
    for at in range(n_null):
        order, mixed = rng.permutation(n), rng.permutation(n)
        taught, tested = order[: n // 2], order[n // 2 :]
        shuffled[at] = _carried(left, right[mixed], taught, tested).diagonal().mean()
    cosine = mean_interval((total / np.maximum(times, 1))[known])
    share = share_interval((hits / np.maximum(times, 1))[known])
    reached = int((shuffled >= cosine.value).sum())
    return CarryOver(
        cosine, _over(shuffled), share, 1 / (n - n // 2), (1 + reached) / (1 + n_null), n
    )


def _carried(
    left: Float64Array, right: Float64Array, taught: IntArray, tested: IntArray
) -> Float64Array:
    """Cosines of carried directions with the other encoder's, (n_tested, n_tested)."""
    # Through the span of the taught: its factors are small where they are few.
    q, r = np.linalg.qr(left[taught].T)
    p, s = np.linalg.qr(right[taught].T)
    u, _, vt = np.linalg.svd(r @ s.T, full_matrices=False)
    moved = (left[tested] @ q) @ (u @ vt) @ p.T
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray((moved / np.maximum(length, 1e-12)) @ right[tested].T)
