"""What contexts do to names: displacement, interaction and leakage, against names nobody bears."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.checks import Float64Array, FloatArray, as_embeddings

_BLOCK = 256  # names at a time


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


def context_prior(
    bare: npt.ArrayLike, contexts: npt.ArrayLike, others: npt.ArrayLike | None = None
) -> ContextPrior:
    """Estimate what contexts do from names that nobody bears.

    Parameters
    ----------
    bare : array_like of shape (n, n_features)
        Unit rows, names without a context; at least 3.
    contexts : array_like of shape (n, n_contexts, n_features)
        Unit rows, the same names in each context, in the same order.
    others : array_like of shape (n_others, n_features), optional
        Further names without a context: what bare names lean to comes from all of them.

    Raises
    ------
    ValueError
        If shapes do not fit, a value is not finite, or the names do not differ.
    """
    alone, placed = _pair(bare, contexts, 3)
    moved = _distances(alone, placed).mean(axis=0)
    if others is not None:
        alone = np.concatenate([alone, as_embeddings(others, "others", min_rows=1)])
    means = placed.mean(axis=0, dtype=np.float64)
    shifts = means - means.mean(axis=0)
    middle = alone.mean(axis=0, dtype=np.float64)
    leaks = (alone - middle) @ _directions(shifts).T
    deviation = leaks.std(axis=0, ddof=1)
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
    leaks = _leaks(alone, prior)
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


def leakage(bare: npt.ArrayLike, prior: ContextPrior) -> Float64Array:
    """The leakage of `context_measures`, of bare names of shape (n, n_features) alone."""
    return np.asarray(_leaks(as_embeddings(bare, "bare", min_rows=1), prior).max(axis=1))


def _leaks(alone: FloatArray, prior: ContextPrior) -> Float64Array:
    along = (alone - prior.bare_mean) @ _directions(prior.shifts).T
    return np.asarray((along - prior.leak_mean) / prior.leak_deviation)


@dataclass(frozen=True)
class LeakageDraws:
    """Leakage against priors of the prior's names resampled.

    Attributes
    ----------
    made_up : ndarray of shape (n_draws, n)
        Of the names drawn, by the prior made of them.
    """

    bare_means: FloatArray  # (n_draws, n_features)
    directions: FloatArray  # (n_draws, n_contexts, n_features)
    means: Float64Array  # (n_draws, n_contexts)
    deviations: Float64Array
    made_up: Float64Array

    def of(self, bare: npt.ArrayLike) -> Float64Array:
        """Leakage of bare names in every draw, (n_names, n_draws)."""
        alone = as_embeddings(bare, "bare", min_rows=1)
        out = np.empty((len(alone), len(self.means)))
        for at in range(len(self.means)):
            leaks = (alone - self.bare_means[at]) @ self.directions[at].T
            out[:, at] = ((leaks - self.means[at]) / self.deviations[at]).max(axis=1)
        return out


def leakage_draws(
    bare: npt.ArrayLike,
    contexts: npt.ArrayLike,
    others: npt.ArrayLike | None = None,
    *,
    n_draws: int,
    seed: int,
) -> LeakageDraws:
    """Resample the names of a prior: what the choice of made-up names is worth for the leakage.

    Parameters
    ----------
    bare, contexts, others
        As `context_prior` takes them.
    n_draws : int
    seed : int

    Raises
    ------
    ValueError
        As `context_prior` does.
    """
    alone, placed = _pair(bare, contexts, 3)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(alone), size=(n_draws, len(alone)))
    everyone = alone if others is None else np.concatenate([alone, np.asarray(others)])
    n_more = len(everyone) - len(alone)
    more = len(alone) + rng.integers(max(n_more, 1), size=(n_draws, n_more))
    priors = []
    for rows, further in zip(drawn, more, strict=True):
        prior = context_prior(alone[rows], placed[rows], everyone[further] if n_more else None)
        directions = _directions(prior.shifts).astype(np.float32)
        priors.append((prior, directions))
    found = LeakageDraws(
        np.array([prior.bare_mean for prior, _ in priors], dtype=np.float32),
        np.array([directions for _, directions in priors]),
        np.array([prior.leak_mean for prior, _ in priors]),
        np.array([prior.leak_deviation for prior, _ in priors]),
        np.empty((n_draws, len(everyone))),
    )
    of_everyone = found.of(everyone)
    for at, rows in enumerate(np.concatenate([drawn, more], axis=1)):
        found.made_up[at] = of_everyone[rows, at]
    return found


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
