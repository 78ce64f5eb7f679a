"""Where names stand on an axis that prompts span: four readings, each with its own failings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from namebasis.checks import Float64Array, as_embeddings, unit_rows

READINGS = ("expectation", "projection", "curve", "inferred")
CONTRAST = 0.5
"""Share of the made-up names' covariance that `inferred` takes off."""


@dataclass(frozen=True)
class CentredNames:
    """Names with their mean taken off once, to be read along many axes.

    The readings take it in the place of their names; `n_reference` and `also` are then its own.

    Attributes
    ----------
    rows : ndarray of shape (n_names, n_features), float64
    n_reference : int or None
        As in `center`.
    also : array_like of shape (n_names, m) or None
        As in `inferred`.
    """

    rows: Float64Array
    n_reference: int | None = None
    also: object | None = None

    @classmethod
    def of(
        cls, names: object, *, n_reference: int | None = None, also: object | None = None
    ) -> CentredNames:
        """Centre names, (n_names, n_features)."""
        rows = as_embeddings(names, "names", min_rows=2).astype(np.float64)
        return cls(rows - rows[:n_reference].mean(axis=0), n_reference, also)

    @cached_property
    def directions(self) -> Float64Array:
        """The rows at length 1. A name at the mean has none: 0; it leans to no prompt."""
        lengths = np.linalg.norm(self.rows, axis=1, keepdims=True)
        out = np.zeros_like(self.rows)
        np.divide(self.rows, lengths, out=out, where=lengths > 1e-12)
        return out

    @cached_property
    def views(self) -> Float64Array:
        """The rows, beside `also` where it is given."""
        if self.also is None:
            return self.rows
        return _beside(self.rows, self.also, self.n_reference)


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
        Only the first `n_reference` names set the centre (and scale, in the readings): the others,
        such as pseudo names, are read as the first are. By default all.

    Raises
    ------
    ValueError
        If the widths differ, there are too few rows, or two neighbouring prompts are equal.
    """
    right = as_embeddings(prompts, "prompts", min_rows=2).astype(np.float64)
    if isinstance(names, CentredNames):
        left = names.rows
    else:
        left = as_embeddings(names, "names", right.shape[1], min_rows=2).astype(np.float64)
        left = left - left[:n_reference].mean(axis=0)
    steps = np.linalg.norm(np.diff(right, axis=0), axis=1)
    if not (steps > 1e-9).all():
        at = int(np.argmin(steps))
        raise ValueError(f"prompts {at} and {at + 1} are equal: there is no axis between them.")
    return left, right - right.mean(axis=0)


def expectation(
    names: object,
    prompts: object,
    *,
    temperature: float = 0.1,
    n_reference: int | None = None,
    ranks: Sequence[float] | None = None,
) -> Float64Array:
    """Mean rank under a softmax over the prompts' centred cosines.

    Parameters
    ----------
    names : array_like of shape (n_names, n_features)
    prompts : array_like of shape (n_values, n_features)
        In their order.
    temperature : float
        That the cosines are divided by, above 0.
    ranks : sequence of float, optional
        Where each prompt stands, rising; by default 0 to n_values - 1.

    Returns
    -------
    ndarray of shape (n_names,), float64
        Between the first rank and the last.

    Raises
    ------
    ValueError
        If the temperature is not above 0, ranks do not rise, or `center` refuses the rows.
    """
    scale = _ranks(prompts, ranks)
    weights = shares(names, prompts, temperature=temperature, n_reference=n_reference)
    return np.asarray(weights @ scale)


def shares(
    names: object, prompts: object, *, temperature: float = 0.1, n_reference: int | None = None
) -> Float64Array:
    """Softmax over the prompts' centred cosines; shape (n_names, n_values), rows sum to 1."""
    if not (np.isfinite(temperature) and temperature > 0):
        raise ValueError(f"temperature must be above 0; got {temperature}.")
    left, right = center(names, prompts, n_reference)
    each = names if isinstance(names, CentredNames) else CentredNames(left)
    logits = each.directions @ unit_rows(right, "prompts").T.astype(np.float64) / temperature
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
    return np.asarray(left @ cleared(direction(prompts), without))


def inferred(
    names: object,
    prompts: object,
    *,
    without: Float64Array | None = None,
    n_reference: int | None = None,
    also: object | None = None,
) -> Float64Array:
    """Coordinate along the direction in which names vary together with their projection.

    The covariance of the names with their own `projection`: the prompts' direction seen through
    what names really differ in. No label is used. Rows after the first `n_reference` are made-up
    names: what they too vary in along the prompts is how names are spelled, and `CONTRAST` of it
    is taken off (all of it would also take what made-up names borrow from real ones).

    Parameters
    ----------
    names, prompts : array_like of shape (n, n_features)
    without : ndarray of shape (n_features,), optional
        As in `projection`.
    n_reference : int, optional
        As in `center`.
    also : array_like of shape (n_names, m), optional
        Another view of the same names, which the direction may use too; scaled here to the
        spread of `names`.

    Returns
    -------
    ndarray of shape (n_names,), float64

    Raises
    ------
    ValueError
        If the names do not vary along the prompts, or `center` refuses the rows.
    """
    views, along = inferred_direction(
        names, prompts, without=without, n_reference=n_reference, also=also
    )
    return np.asarray(views @ along)


def inferred_direction(
    names: object,
    prompts: object,
    *,
    without: Float64Array | None = None,
    n_reference: int | None = None,
    also: object | None = None,
) -> tuple[Float64Array, Float64Array]:
    """The views that `inferred` reads, side by side, and the unit direction along which it does.

    Parameters
    ----------
    names, prompts, without, n_reference, also
        As in `inferred`.

    Returns
    -------
    views : ndarray of shape (n_names, n_features + m), float64
        Centred; `also` is scaled to the spread of `names`.
    along : ndarray of shape (n_features + m,), float64
    """
    left, _ = center(names, prompts, n_reference)
    each = names if isinstance(names, CentredNames) else CentredNames(left, n_reference, also)
    views = each.views
    along = _covariance(left, views, cleared(direction(prompts), without)[:, None], n_reference)
    length = float(np.linalg.norm(along))
    if length < 1e-12:
        raise ValueError("names do not vary along the prompts' direction.")
    return views, np.asarray(along[:, 0] / length)


def along_differences(
    names: object,
    made: object,
    *,
    n_axes: int = 200,
    n_reference: int | None = None,
    also: object | None = None,
    seed: int = 0,
) -> dict[str, Float64Array]:
    """`projection` and `inferred` along differences of made-up names: what a chance axis reads.

    Parameters
    ----------
    names : array_like of shape (n_names, n_features)
    made : array_like of shape (n_made, n_features)
        At least 2.
    n_axes : int
        Differences of two random rows of `made`.
    n_reference, also
        As in `inferred`.
    seed : int

    Returns
    -------
    dict of str to ndarray of shape (n_names, n_axes), float64
    """
    ends = as_embeddings(made, "made", min_rows=2).astype(np.float64)
    rng = np.random.default_rng(seed)
    pairs = np.array([rng.choice(len(ends), 2, replace=False) for _ in range(n_axes)])
    differences = ends[pairs[:, 1]] - ends[pairs[:, 0]]
    return along_directions(names, differences, n_reference=n_reference, also=also)


def along_directions(
    names: object,
    directions: object,
    *,
    without: Float64Array | None = None,
    n_reference: int | None = None,
    also: object | None = None,
) -> dict[str, Float64Array]:
    """`projection` and `inferred` along any directions.

    Parameters
    ----------
    names : array_like of shape (n_names, n_features)
    directions : array_like of shape (n_axes, n_features)
    without, n_reference, also
        As in `inferred`.

    Returns
    -------
    dict of str to ndarray of shape (n_names, n_axes), float64
        Up to a factor of each direction's own, which no rank sees.
    """
    along = as_embeddings(directions, "directions").astype(np.float64)
    left = as_embeddings(names, "names", along.shape[1], min_rows=2).astype(np.float64)
    left = left - left[:n_reference].mean(axis=0)
    columns = along.T
    if without is not None:
        columns = columns - np.outer(without, without @ columns) / float(without @ without)
    views = left if also is None else _beside(left, also, n_reference)
    covariance = _covariance(left, views, columns, n_reference)
    return {"projection": left @ columns, "inferred": views @ covariance}


def _covariance(
    left: Float64Array, views: Float64Array, along: Float64Array, n_reference: int | None
) -> Float64Array:
    """Of the reference rows with their places, less part of the others'; (n_columns, n_along)."""
    n = len(left) if n_reference is None else n_reference
    places = left @ along
    found = views[:n].T @ places[:n] / n
    if len(left) > n:
        made = places[n:] - places[n:].mean(axis=0)
        found -= CONTRAST * (views[n:].T @ made) / len(made)
    return np.asarray(found)


def _beside(left: Float64Array, also: object, n_reference: int | None) -> Float64Array:
    """`left` with another view, centred and of the same root mean square length."""
    right = as_embeddings(also, "also").astype(np.float64)
    if len(right) != len(left):
        raise ValueError(f"also must have {len(left)} rows, one a name; got {len(right)}.")
    right = right - right[:n_reference].mean(axis=0)
    lengths = [float(np.linalg.norm(rows[:n_reference])) for rows in (left, right)]
    return np.hstack([left, right * (lengths[0] / lengths[1])]) if lengths[1] > 1e-12 else left


def curve(
    names: object,
    prompts: object,
    *,
    n_reference: int | None = None,
    ranks: Sequence[float] | None = None,
    spread: float | None = None,
) -> Float64Array:
    """Position of the nearest point of the polyline through the prompts, in ranks.

    Names vary less than prompts do: within the prompts' span they are first scaled to the same
    root mean square length, or all would stand at one corner. `spread` is that of the reference
    names where it is known, as of names that are read in blocks.

    Returns
    -------
    ndarray of shape (n_names,), float64
        Between the first of `ranks` and the last, by default 0 and n_values - 1.
    """
    scale = _ranks(prompts, ranks)
    left, right = center(names, prompts, n_reference)
    axes = span(right)
    places, knots = left @ axes.T, right @ axes.T
    if spread is None:
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
    return np.interp(positions, np.arange(len(scale)), scale)


def span(prompts: Float64Array) -> Float64Array:
    """Orthonormal rows that span centred prompts."""
    _, values, axes = np.linalg.svd(prompts, full_matrices=False)
    return np.asarray(axes[values > 1e-9 * values[0]])


def read_all(
    names: object,
    prompts: object,
    *,
    temperature: float = 0.1,
    without: Float64Array | None = None,
    n_reference: int | None = None,
    ranks: Sequence[float] | None = None,
    also: object | None = None,
    only: Sequence[str] = READINGS,
) -> dict[str, Float64Array]:
    """Some of `READINGS`, each of shape (n_names,); names are centred once for all."""
    if not isinstance(names, CentredNames):
        width = np.asarray(prompts).shape[-1]
        names = as_embeddings(names, "names", width, min_rows=2)
        names = CentredNames.of(names, n_reference=n_reference, also=also)
    n_reference, also = names.n_reference, names.also
    readings: dict[str, Callable[[], Float64Array]] = {
        "expectation": lambda: expectation(
            names, prompts, temperature=temperature, n_reference=n_reference, ranks=ranks
        ),
        "projection": lambda: projection(names, prompts, without=without, n_reference=n_reference),
        "curve": lambda: curve(names, prompts, n_reference=n_reference, ranks=ranks),
        "inferred": lambda: inferred(
            names, prompts, without=without, n_reference=n_reference, also=also
        ),
    }
    return {reading: readings[reading]() for reading in only}


def leakage(directions: Sequence[Float64Array]) -> Float64Array:
    """Absolute cosines between directions; shape (n, n), 1 where two axes are the same."""
    rows = unit_rows(np.stack(directions), "directions").astype(np.float64)
    return np.asarray(np.abs(rows @ rows.T))


def _ranks(prompts: object, ranks: Sequence[float] | None = None) -> Float64Array:
    n = np.asarray(prompts).shape[0]
    if ranks is None:
        return np.arange(n, dtype=np.float64)
    scale = np.asarray(ranks, dtype=np.float64)
    if scale.shape != (n,) or not (np.diff(scale) > 0).all():
        raise ValueError(f"ranks must be {n} rising numbers, one a prompt; got {list(ranks)}.")
    return scale


def cleared(along: Float64Array, other: Float64Array | None) -> Float64Array:
    if other is None:
        return along
    unit = np.asarray(other, dtype=np.float64) / np.linalg.norm(other)
    rest = along - (along @ unit) * unit
    length = float(np.linalg.norm(rest))
    if length < 1e-6:
        raise ValueError("nothing of the axis is left without the other direction.")
    return np.asarray(rest / length)
