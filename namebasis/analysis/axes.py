"""Where names stand on an axis that prompts span: four readings, each with its own failings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.checks import as_embeddings, check_count, unit_rows

Float64Array = npt.NDArray[np.float64]
READINGS = ("expectation", "projection", "curve", "inferred")
PENALTIES = tuple(10.0**power for power in np.arange(-4.0, 3.5, 0.5))


@dataclass(frozen=True)
class Probe:
    """Cross-validated predictions of a ridge regression.

    Attributes
    ----------
    predictions : ndarray of shape (n_names,), float64
        Of each name by a model that has not seen it.
    penalties : tuple of float
        Chosen within the training names of each fold.
    """

    predictions: Float64Array
    penalties: tuple[float, ...]


def center(
    names: object, prompts: object, n_reference: int | None = None
) -> tuple[Float64Array, Float64Array]:
    """Take from names and prompts each their own mean: the two lie in different places.

    Parameters
    ----------
    names : array_like of shape (n_names, n_features)
    prompts : array_like of shape (n_values, n_features)
        One row per value, at least 2.
    n_reference : int, optional
        Only the first so many names set the centre (and scale, in the readings): the others,
        such as pseudo names, are read as the first are. By default all.

    Raises
    ------
    ValueError
        If the widths differ, there are too few rows, or two neighbouring prompts are equal.
    """
    right = as_embeddings(prompts, "prompts", min_rows=2).astype(np.float64)
    left = as_embeddings(names, "names", right.shape[1], min_rows=2).astype(np.float64)
    steps = np.linalg.norm(np.diff(right, axis=0), axis=1)
    if not (steps > 1e-9).all():
        at = int(np.argmin(steps))
        raise ValueError(f"prompts {at} and {at + 1} are equal: there is no axis between them.")
    return left - left[:n_reference].mean(axis=0), right - right.mean(axis=0)


def expectation(
    names: object, prompts: object, *, temperature: float = 0.1, n_reference: int | None = None
) -> Float64Array:
    """Mean rank under a softmax over the prompts' centred cosines.

    Parameters
    ----------
    names : array_like of shape (n_names, n_features)
    prompts : array_like of shape (n_values, n_features)
        In their order.
    temperature : float
        That the cosines are divided by, above 0.

    Returns
    -------
    ndarray of shape (n_names,), float64
        In [0, n_values - 1].

    Raises
    ------
    ValueError
        If the temperature is not above 0, or `center` refuses the rows.
    """
    return np.asarray(
        shares(names, prompts, temperature=temperature, n_reference=n_reference) @ _ranks(prompts)
    )


def shares(
    names: object, prompts: object, *, temperature: float = 0.1, n_reference: int | None = None
) -> Float64Array:
    """Softmax over the prompts' centred cosines; shape (n_names, n_values), rows sum to 1."""
    if not (np.isfinite(temperature) and temperature > 0):
        raise ValueError(f"temperature must be above 0; got {temperature}.")
    left, right = center(names, prompts, n_reference)
    lengths = np.linalg.norm(left, axis=1, keepdims=True)
    # A name at the mean has no direction; it leans to no prompt.
    cosines = np.divide(left, lengths, out=np.zeros_like(left), where=lengths > 1e-12)
    logits = cosines @ unit_rows(right, "prompts").T.astype(np.float64) / temperature
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def direction(prompts: object) -> Float64Array:
    """Unit vector along which the prompts' ranks rise: their least-squares slope.

    With two prompts it is their difference.

    Raises
    ------
    ValueError
        If there are fewer than 2 prompts or their ranks have no slope.
    """
    rows = as_embeddings(prompts, "prompts", min_rows=2).astype(np.float64)
    slope = (_ranks(rows) - (len(rows) - 1) / 2) @ (rows - rows.mean(axis=0))
    length = float(np.linalg.norm(slope))
    if length < 1e-9:
        raise ValueError("prompts have no direction in which their ranks rise.")
    return np.asarray(slope / length)


def projection(
    names: object,
    prompts: object,
    *,
    without: Float64Array | None = None,
    n_reference: int | None = None,
) -> Float64Array:
    """Each centred name's coordinate along `direction`; shape (n_names,).

    Parameters
    ----------
    names, prompts : array_like of shape (n, n_features)
    without : ndarray of shape (n_features,), optional
        A direction that is taken out of the axis first, such as gender out of age.
    """
    left, _ = center(names, prompts, n_reference)
    return np.asarray(left @ _without(direction(prompts), without))


def inferred(
    names: object,
    prompts: object,
    *,
    without: Float64Array | None = None,
    n_reference: int | None = None,
) -> Float64Array:
    """Coordinate along the direction in which names vary together with their projection.

    The covariance of the names with their own `projection`: the prompts' direction seen through
    what names really differ in. No label is used.

    Parameters
    ----------
    names, prompts : array_like of shape (n, n_features)
    without : ndarray of shape (n_features,), optional
        As in `projection`.

    Returns
    -------
    ndarray of shape (n_names,), float64

    Raises
    ------
    ValueError
        If the names do not vary along the prompts, or `center` refuses the rows.
    """
    left, _ = center(names, prompts, n_reference)
    near = left[:n_reference]
    along = near.T @ (near @ _without(direction(prompts), without))
    length = float(np.linalg.norm(along))
    if length < 1e-12:
        raise ValueError("names do not vary along the prompts' direction.")
    return np.asarray(left @ (along / length))


def curve(names: object, prompts: object, *, n_reference: int | None = None) -> Float64Array:
    """Position of the nearest point of the polyline through the prompts, in ranks.

    Names vary less than prompts do: within the prompts' span they are first scaled to the same
    root mean square length, or all would stand at one corner.

    Returns
    -------
    ndarray of shape (n_names,), float64
        In [0, n_values - 1].
    """
    left, right = center(names, prompts, n_reference)
    _, values, axes = np.linalg.svd(right, full_matrices=False)
    axes = axes[values > 1e-9 * values[0]]
    places, knots = left @ axes.T, right @ axes.T
    spread = np.sqrt(np.square(places[:n_reference]).sum(axis=1).mean())
    if spread > 1e-12:
        places *= np.sqrt(np.square(knots).sum(axis=1).mean()) / spread
    best = np.full(len(places), np.inf)
    positions = np.zeros(len(places))
    for knot, step in enumerate(np.diff(knots, axis=0)):
        offset = places - knots[knot]
        part = np.clip(offset @ step / (step @ step), 0, 1)
        distances = np.square(offset - part[:, None] * step).sum(axis=1)
        nearer = distances < best
        best[nearer], positions[nearer] = distances[nearer], knot + part[nearer]
    return positions


def probe(names: object, labels: npt.ArrayLike, *, n_folds: int = 5, seed: int = 0) -> Probe:
    """Predict labels by ridge regression, cross-validated; the penalty is chosen inside.

    Each fold's penalty has the least leave-one-out error on that fold's own training names
    (closed form), so no name has a say in its own prediction.

    Parameters
    ----------
    names : array_like of shape (n_names, n_features)
    labels : array_like of shape (n_names,)
        Finite.
    n_folds : int
        From 2 to the number of names.
    seed : int
        Of the division into folds.

    Raises
    ------
    ValueError
        If labels are not finite or not one per name, or there are too few names.
    """
    rows = as_embeddings(names, "names", min_rows=4).astype(np.float64)
    truth = np.asarray(labels, dtype=np.float64)
    if truth.shape != (len(rows),) or not np.isfinite(truth).all():
        raise ValueError(f"labels must be {len(rows)} finite numbers; got shape {truth.shape}.")
    check_count(n_folds, "n_folds", 2, len(rows))
    fold = np.random.default_rng(seed).permutation(len(rows)) % n_folds
    predictions, penalties = np.empty(len(rows)), []
    for number in range(n_folds):
        held = fold == number
        predictions[held], penalty = _ridge(rows[~held], truth[~held], rows[held])
        penalties.append(penalty)
    return Probe(predictions, tuple(penalties))


def _ridge(
    rows: Float64Array, truth: Float64Array, new: Float64Array
) -> tuple[Float64Array, float]:
    mean, level = rows.mean(axis=0), truth.mean()
    left, values, right = np.linalg.svd(rows - mean, full_matrices=False)
    squares, parts = values**2, left.T @ (truth - level)
    errors = []
    for penalty in PENALTIES:
        shrink = squares / (squares + penalty)
        # The mean is fitted too, hence 1/n in the leverage.
        leverage = np.square(left) @ shrink + 1 / len(rows)
        rest = truth - level - left @ (shrink * parts)
        errors.append(np.square(rest / np.maximum(1 - leverage, 1e-9)).mean())
    penalty = PENALTIES[int(np.argmin(errors))]
    weights = right.T @ (values / (squares + penalty) * parts)
    return (new - mean) @ weights + level, penalty


def read_all(
    names: object,
    prompts: object,
    *,
    temperature: float = 0.1,
    without: Float64Array | None = None,
    n_reference: int | None = None,
) -> dict[str, Float64Array]:
    """The readings of `READINGS`, each of shape (n_names,)."""
    return {
        "expectation": expectation(
            names, prompts, temperature=temperature, n_reference=n_reference
        ),
        "projection": projection(names, prompts, without=without, n_reference=n_reference),
        "curve": curve(names, prompts, n_reference=n_reference),
        "inferred": inferred(names, prompts, without=without, n_reference=n_reference),
    }


def leakage(directions: Sequence[Float64Array]) -> Float64Array:
    """Absolute cosines between directions; shape (n, n), 1 where two axes are the same."""
    rows = unit_rows(np.stack(directions), "directions").astype(np.float64)
    return np.asarray(np.abs(rows @ rows.T))


def _ranks(prompts: object) -> Float64Array:
    return np.arange(np.asarray(prompts).shape[0], dtype=np.float64)


def _without(along: Float64Array, other: Float64Array | None) -> Float64Array:
    if other is None:
        return along
    unit = np.asarray(other, dtype=np.float64) / np.linalg.norm(other)
    rest = along - (along @ unit) * unit
    length = float(np.linalg.norm(rest))
    if length < 1e-6:
        raise ValueError("nothing of the axis is left without the other direction.")
    return np.asarray(rest / length)
