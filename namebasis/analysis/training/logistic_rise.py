"""Where a logistic rise that is fitted to a noisy series crosses a level."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from namebasis.analysis.intervals import CONFIDENCE, resampled_ends
from namebasis.analysis.training.change_points import Crossing
from namebasis.checks import Float64Array

FEWEST_POINTS = 5
_N_MIDDLES, _N_WIDTHS = 61, 13
_NARROWEST, _HIGHEST = 1 / 50, 3.0
"""The least width as a share of the span of positions, and the most height as one of the range."""
_AROUND = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
_ROUNDS, _ROUNDS_OF_DRAWS = 16, 4


def logistic_crossing(positions: npt.ArrayLike, values: npt.ArrayLike, level: float) -> float:
    """Where a logistic rise fitted to a noisy series crosses a level.

    All points count for one crossing, so it moves less with a single noisy one than that of
    `change_points.crossing` does; it supposes that the series rises once.

    Parameters
    ----------
    positions : array_like of shape (n,)
        Not decreasing, at least 5.
    values : array_like of shape (n,)
    level : float

    Returns
    -------
    float
        The first position where the curve is above the level from the start; NaN where it stays
        below it up to the last.

    Raises
    ------
    ValueError
        If shapes do not fit, a value is not finite, positions decrease, or there are too few.
    """
    series = np.asarray(values, dtype=np.float64)
    places = _checked(positions, series[None] if series.ndim == 1 else series)
    return float(_crossings(places, series[None], level, _ROUNDS)[0])


def logistic_rise_crossing(
    positions: npt.ArrayLike,
    values: npt.ArrayLike,
    draws: npt.ArrayLike,
    *,
    level: float = 0.0,
    n_resampled: int | None = None,
) -> Crossing:
    """As `change_points.crossing`, of the logistic rise in place of an isotonic fit.

    Parameters
    ----------
    positions : array_like of shape (n,)
        Not decreasing, at least 5.
    values : array_like of shape (n,)
    draws : array_like of shape (n_resamples, n)
    level : float
    n_resampled : int, optional

    Raises
    ------
    ValueError
        As `logistic_crossing`.
    """
    series, resampled = (np.asarray(one, dtype=np.float64) for one in (values, draws))
    places = _checked(positions, resampled)
    found = logistic_crossing(places, series, level)
    again = _crossings(places, resampled, level, _ROUNDS_OF_DRAWS)
    again = np.where(np.isnan(again), np.inf, again)
    share = float(np.isfinite(again).mean())
    low, high = resampled_ends(again, n_resampled, confidence=CONFIDENCE)
    low = max(low, float(places[0]))
    if np.isnan(found):
        return Crossing(found, low, high, share, "never")
    return Crossing(found, low, high, share, "before" if found <= places[0] else "crossed")


def _checked(positions: npt.ArrayLike, rows: Float64Array) -> Float64Array:
    places = np.asarray(positions, dtype=np.float64)
    if rows.ndim != 2 or places.shape != rows.shape[1:] or not np.isfinite(rows).all():
        raise ValueError(
            f"values must be finite and one for each position; got shape {rows.shape} for "
            f"{places.shape}."
        )
    if not np.isfinite(places).all() or (np.diff(places) < 0).any():
        raise ValueError("positions must be finite and not decreasing.")
    if len(places) < FEWEST_POINTS:
        raise ValueError(f"values needs at least {FEWEST_POINTS} points; got {len(places)}.")
    return places


def _crossings(
    places: Float64Array, rows: Float64Array, level: float, n_rounds: int
) -> Float64Array:
    """Of each row, (m,); the middle and the width by a grid that closes in on the least error."""
    span = float(np.ptp(places)) or 1.0
    middles = np.linspace(places[0] - span, places[-1] + span, _N_MIDDLES)
    widths = np.linspace(np.log(span * _NARROWEST), np.log(span), _N_WIDTHS)
    grid = np.stack([one.ravel() for one in np.meshgrid(middles, widths, indexing="ij")], axis=1)
    best = grid[_fit(places, rows, grid[None])[0].argmin(axis=1)]
    steps = np.array([middles[1] - middles[0], widths[1] - widths[0]])
    near = np.stack([one.ravel() for one in np.meshgrid(_AROUND, _AROUND)], axis=1)
    for _ in range(n_rounds):
        steps = steps / 2
        tried = best[:, None] + near[None] * steps
        tried[..., 1] = np.clip(tried[..., 1], widths[0], widths[-1])
        tried[..., 0] = np.clip(tried[..., 0], middles[0], middles[-1])
        at = _fit(places, rows, tried)[0].argmin(axis=1)
        best = tried[np.arange(len(rows)), at]
    _, heights, starts = (one[:, 0] for one in _fit(places, rows, best[:, None]))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (level - starts) / heights
        at = best[:, 0] + np.exp(best[:, 1]) * np.log(share / (1 - share))
    rises = heights > 1e-12
    before = np.where(rises, share <= 0, starts >= level) | (rises & (at <= places[0]))
    never = np.where(rises, share >= 1, starts < level) | (rises & (at > places[-1]))
    return np.where(before, places[0], np.where(never, np.nan, at))


def _fit(
    places: Float64Array, rows: Float64Array, shapes: Float64Array
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Squared error less a constant, height and start for each row and (middle, log width).

    `shapes` is (1 or m, g, 2). For a given shape the curve is linear in height and start.
    """
    from scipy.special import expit

    curves = expit((places - shapes[..., :1]) / np.exp(shapes[..., 1:]))
    means = curves.mean(axis=-1)
    curves = curves - means[..., None]
    power = np.square(curves).sum(axis=-1)
    centres = rows.mean(axis=1)
    reach = np.ptp(rows, axis=1)
    along = np.einsum("mn,mgn->mg", rows - centres[:, None], np.broadcast_to(
        curves, (len(rows), *curves.shape[1:])
    ), optimize=True) if len(curves) > 1 else (rows - centres[:, None]) @ curves[0].T  # fmt: skip
    heights = np.divide(along, power, out=np.zeros_like(along), where=power > 1e-12)
    heights = np.clip(heights, 0, _HIGHEST * reach[:, None])
    return heights**2 * power - 2 * heights * along, heights, centres[:, None] - heights * means
