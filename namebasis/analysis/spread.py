"""How far the embeddings of one name lie from each other, and where that lies in a prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from namebasis.checks import as_embeddings, check_count, unit_rows

Float64Array = npt.NDArray[np.float64]
QUANTILES = (0.05, 0.5, 0.95)
MEASURES = ("similarity", "div", "range", *(f"q{round(100 * q):02d}" for q in QUANTILES))


@dataclass(frozen=True)
class Interval:
    """An estimate and the bounds of its bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Spread:
    """How alike the embeddings of one name are.

    Attributes
    ----------
    n : int
        Embeddings.
    similarity : Interval
        similarity@n: mean cosine to the centroid. It depends on n; compare equal n only.
    div : Interval
        div@n: mean cosine distance over all pairs, in [0, 2]; smaller is more alike.
    range : Interval
        Largest minus smallest pairwise cosine. Resampling can only narrow a range, so its
        interval lies at or below the value.
    quantiles : tuple of Interval
        Of the pairwise cosines, at `QUANTILES`.
    """

    n: int
    similarity: Interval
    div: Interval
    range: Interval
    quantiles: tuple[Interval, ...]

    def intervals(self) -> dict[str, Interval]:
        """All of them by the names in `MEASURES`."""
        values = (self.similarity, self.div, self.range, *self.quantiles)
        return dict(zip(MEASURES, values, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def spread(
    embeddings: npt.ArrayLike, *, n_bootstrap: int = 200, confidence: float = 0.95, seed: int = 0
) -> Spread:
    """Measure how alike the embeddings of one name are.

    With unit rows of mean m, the mean cosine to the centroid is ``|m|`` and the mean pairwise
    cosine is ``(n |m|² - 1) / (n - 1)``, so both come from one norm. Rows are resampled with
    replacement; a pair of a row with itself is left out, as it would feign likeness.

    Parameters
    ----------
    embeddings : array_like of shape (n, n_features)
        Of one name: its contexts or its images; at least 3. Rows are scaled to length 1.
    n_bootstrap : int
        Resamples.
    confidence : float
        Share of resamples inside the intervals, in (0, 1).
    seed : int

    Returns
    -------
    Spread

    Raises
    ------
    ValueError
        If there are fewer than 3 rows, one is zero or not finite, or they cancel out.
    """
    check_count(n_bootstrap, "n_bootstrap", 2)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1; got {confidence}.")
    n, cosines, first, second = _sorted_cosines(embeddings)
    values = _once(n, cosines, first, second)
    drawn = _resamples(n, n_bootstrap, seed)
    low, high = np.quantile(
        _statistics(cosines, first, second, drawn),
        [(1 - confidence) / 2, (1 + confidence) / 2],
        axis=0,
    )
    # A resample of one row alone, possible at n = 3, has no pairs; `_resamples` leaves it out.
    made = [Interval(float(v), float(a), float(b)) for v, a, b in zip(values, low, high)]  # noqa: B905
    return Spread(n, made[0], made[1], made[2], tuple(made[3:]))


def spread_values(sets: Sequence[npt.ArrayLike]) -> dict[str, Float64Array]:
    """The values of `spread` without their intervals, for many names.

    Parameters
    ----------
    sets : sequence of n_names array_like of shape (n, n_features)

    Returns
    -------
    dict of str to ndarray of shape (n_names,)
        By the names in `MEASURES`.

    Raises
    ------
    ValueError
        As `spread` does.
    """
    values = np.array([_once(*_sorted_cosines(one)) for one in sets]).reshape(-1, len(MEASURES))
    return dict(zip(MEASURES, values.T, strict=True))


def _sorted_cosines(
    embeddings: npt.ArrayLike,
) -> tuple[int, Float64Array, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows, the cosines of their pairs in rising order, and both rows of each pair."""
    rows = unit_rows(as_embeddings(embeddings, min_rows=3)).astype(np.float64)
    first, second = np.triu_indices(len(rows), 1)
    cosines = np.clip(rows @ rows.T, -1.0, 1.0)[first, second]
    order = np.argsort(cosines, kind="stable")
    return len(rows), cosines[order], first[order], second[order]


def _once(
    n: int, cosines: Float64Array, first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]
) -> Float64Array:
    values: Float64Array = _statistics(cosines, first, second, np.ones((1, n)))[0]
    if values[0] < 1e-6:
        raise ValueError("embeddings cancel out: they have no centroid to compare with.")
    return values


def _resamples(n: int, n_bootstrap: int, seed: int) -> Float64Array:
    """How often each row is drawn, (n_bootstrap, n), at least two different rows each time."""
    rng = np.random.default_rng(check_count(seed, "seed", 0))
    counts = rng.multinomial(n, np.full(n, 1 / n), size=n_bootstrap)
    while (alone := np.flatnonzero(counts.max(axis=1) == n)).size:
        counts[alone] = rng.multinomial(n, np.full(n, 1 / n), size=alone.size)
    return counts.astype(np.float64)


def _statistics(
    cosines: Float64Array, first: npt.NDArray[np.intp], second: npt.NDArray[np.intp],
    counts: Float64Array,
) -> Float64Array:  # fmt: skip
    """similarity, div, range and quantiles per row of counts; cosines are sorted."""
    n = counts.shape[1]
    weights = counts[:, first] * counts[:, second]  # (n_bootstrap, n_pairs)
    so_far = np.cumsum(weights, axis=1)
    total = so_far[:, -1]
    mean = weights @ cosines / total
    # |m|² of n different rows whose mean pairwise cosine is `mean`.
    similarity = np.sqrt(np.maximum(0.0, (1 + (n - 1) * mean) / n))
    there = weights > 0
    lowest = cosines[there.argmax(axis=1)]
    highest = cosines[len(cosines) - 1 - there[:, ::-1].argmax(axis=1)]
    levels = [cosines[(so_far >= q * total[:, None]).argmax(axis=1)] for q in QUANTILES]
    return np.stack([similarity, 1 - mean, highest - lowest, *levels], axis=1)


@dataclass(frozen=True)
class Standing:
    """Where values lie among those of a prior.

    Attributes
    ----------
    percentile : ndarray of shape (n,)
        Share of the prior below each value, ties counted half, in [0, 1].
    z : ndarray of shape (n,)
        Distance from the prior's mean in its standard deviations.
    """

    percentile: Float64Array
    z: Float64Array


def standing(values: npt.ArrayLike, prior: npt.ArrayLike) -> Standing:
    """Compare values with a prior; NaN among the values stays NaN.

    Raises
    ------
    ValueError
        If the prior has fewer than 2 finite values, or they are all equal.
    """
    asked = np.asarray(values, dtype=np.float64)
    null = np.asarray(prior, dtype=np.float64)
    null = np.sort(null[np.isfinite(null)])
    if null.size < 2 or null[0] == null[-1]:
        raise ValueError(
            f"the prior needs at least 2 different values to compare with; got {null.size} "
            "finite ones. Take more pseudo names."
        )
    below = np.searchsorted(null, asked, side="left") + np.searchsorted(null, asked, side="right")
    percentile = np.where(np.isnan(asked), np.nan, below / (2 * null.size))
    return Standing(percentile, (asked - null.mean()) / null.std(ddof=1))
