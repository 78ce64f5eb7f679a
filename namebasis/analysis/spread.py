"""How far the embeddings of one name lie from each other, and what contexts do to a name."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray, as_embeddings, check_count, unit_rows

Float64Array = npt.NDArray[np.float64]
QUANTILES = (0.05, 0.5, 0.95)
_BLOCK = 256  # names at a time


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
    rows = unit_rows(as_embeddings(embeddings, min_rows=3)).astype(np.float64)
    check_count(n_bootstrap, "n_bootstrap", 2)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1; got {confidence}.")
    n = len(rows)
    first, second = np.triu_indices(n, 1)
    cosines = np.clip(rows @ rows.T, -1.0, 1.0)[first, second]
    order = np.argsort(cosines, kind="stable")
    cosines, first, second = cosines[order], first[order], second[order]
    once = np.ones((1, n))
    values = _statistics(cosines, first, second, once)
    if values[0, 0] < 1e-6:
        raise ValueError("embeddings cancel out: they have no centroid to compare with.")
    drawn = _resamples(n, n_bootstrap, seed)
    low, high = np.quantile(
        _statistics(cosines, first, second, drawn),
        [(1 - confidence) / 2, (1 + confidence) / 2],
        axis=0,
    )
    # A resample of one row alone, possible at n = 3, has no pairs; `_resamples` leaves it out.
    made = [Interval(float(v), float(a), float(b)) for v, a, b in zip(values[0], low, high)]  # noqa: B905
    return Spread(n, made[0], made[1], made[2], tuple(made[3:]))


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


@dataclass(frozen=True)
class ContextPrior:
    """What contexts do to names in general, measured on names that nobody bears.

    Attributes
    ----------
    bare_mean : ndarray of shape (n_features,)
        Of the names without a context.
    shifts : ndarray of shape (n_contexts, n_features)
        Mean of the names in each context minus the mean over contexts.
    displacement : ndarray of shape (n_contexts,)
        Mean cosine distance from the bare name to itself in each context.
    leak_mean, leak_deviation : ndarray of shape (n_contexts,)
        Of the bare names along each context's direction.
    """

    bare_mean: Float64Array
    shifts: Float64Array
    displacement: Float64Array
    leak_mean: Float64Array
    leak_deviation: Float64Array


@dataclass(frozen=True)
class ContextMeasures:
    """How names hold their own in contexts; each array has one value per name.

    Attributes
    ----------
    displacement : ndarray of shape (n,)
        Mean over contexts of the distance to the bare name, over the prior's in that context.
    displacement_ratio : ndarray of shape (n,)
        Largest over smallest of those relative displacements: large where some contexts are
        resisted and others change nothing.
    interaction : ndarray of shape (n,)
        Root mean square length of what a name in a context is beyond the name's mean and the
        context's shift.
    leakage : ndarray of shape (n,)
        The most that a bare name lies in the direction of any context, in the prior's standard
        deviations.
    leaked : ndarray of shape (n,), int64
        Which context that is.
    """

    displacement: Float64Array
    displacement_ratio: Float64Array
    interaction: Float64Array
    leakage: Float64Array
    leaked: npt.NDArray[np.int64]


def context_prior(bare: npt.ArrayLike, contexts: npt.ArrayLike) -> ContextPrior:
    """Estimate what contexts do from names that nobody bears.

    Parameters
    ----------
    bare : array_like of shape (n, n_features)
        Unit rows, names without a context; at least 3.
    contexts : array_like of shape (n, n_contexts, n_features)
        Unit rows, the same names in each context, in the same order.

    Raises
    ------
    ValueError
        If shapes do not fit, a value is not finite, or the names do not differ.
    """
    alone, placed = _pair(bare, contexts, 3)
    means = placed.mean(axis=0, dtype=np.float64)
    shifts = means - means.mean(axis=0)
    middle = alone.mean(axis=0, dtype=np.float64)
    leaks = (alone - middle) @ _directions(shifts).T
    deviation = leaks.std(axis=0, ddof=1)
    moved = _distances(alone, placed).mean(axis=0)
    if not (deviation > 1e-9).all() or not (moved > 1e-9).all():
        raise ValueError(
            "the prior's names or contexts do not differ, so nothing can be compared with them. "
            "Take other pseudo names or contexts."
        )
    return ContextPrior(middle, shifts, moved, leaks.mean(axis=0), deviation)


def context_measures(
    bare: npt.ArrayLike, contexts: npt.ArrayLike, prior: ContextPrior
) -> ContextMeasures:
    """Measure each name by itself against the prior: no name's values depend on another's.

    Parameters
    ----------
    bare : array_like of shape (n, n_features)
    contexts : array_like of shape (n, n_contexts, n_features)
    prior : ContextPrior
        With the same contexts in the same order.

    Raises
    ------
    ValueError
        If shapes do not fit or a value is not finite.
    """
    alone, placed = _pair(bare, contexts, 1)
    if placed.shape[1:] != prior.shifts.shape:
        raise ValueError(
            f"contexts must be those of the prior, {prior.shifts.shape} (n_contexts, n_features); "
            f"got {placed.shape[1:]}."
        )
    relative = _distances(alone, placed) / prior.displacement
    leaks = ((alone - prior.bare_mean) @ _directions(prior.shifts).T - prior.leak_mean) / (
        prior.leak_deviation
    )
    interaction = np.empty(len(placed))
    for start in range(0, len(placed), _BLOCK):
        block = placed[start : start + _BLOCK].astype(np.float64)
        block = block - block.mean(axis=1, keepdims=True) - prior.shifts
        interaction[start : start + _BLOCK] = np.sqrt(np.square(block).sum(axis=2).mean(axis=1))
    # A context that moves a name not at all would make the ratio infinite; 1e-6 is float32's.
    ratio = relative.max(axis=1) / np.maximum(relative.min(axis=1), 1e-6)
    leaked = leaks.argmax(axis=1)
    strongest = np.take_along_axis(leaks, leaked[:, None], axis=1)[:, 0]
    return ContextMeasures(
        relative.mean(axis=1), ratio, interaction, strongest, leaked.astype(np.int64)
    )


def _pair(
    bare: npt.ArrayLike, contexts: npt.ArrayLike, min_rows: int
) -> tuple[FloatArray, FloatArray]:
    alone = as_embeddings(bare, "bare", min_rows=min_rows)
    placed = np.asarray(contexts, dtype=np.float32)
    if placed.ndim != 3 or (placed.shape[0], placed.shape[2]) != alone.shape:
        raise ValueError(
            f"contexts must have shape ({len(alone)}, n_contexts, {alone.shape[1]}) like bare; "
            f"got {placed.shape}."
        )
    if placed.shape[1] < 2:
        raise ValueError(f"contexts must be at least 2; got {placed.shape[1]}.")
    if not np.isfinite(placed).all():
        raise ValueError("contexts must be finite; some values are not.")
    return alone, placed


def _distances(alone: FloatArray, placed: FloatArray) -> Float64Array:
    """Cosine distance of each name in each context to the bare name."""
    cosines = np.einsum("nd,ncd->nc", alone, placed, dtype=np.float64)
    return np.asarray(np.maximum(1.0 - cosines, 0.0))


def _directions(shifts: Float64Array) -> Float64Array:
    lengths = np.linalg.norm(shifts, axis=1, keepdims=True)
    return np.asarray(shifts / np.maximum(lengths, 1e-12))
