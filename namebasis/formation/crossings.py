"""Where measures of names rise above what controls reach, and where their series change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.analysis.training.change_points import (
    ChangePoint,
    Crossing,
    change_points,
    crossing,
    rise,
)
from namebasis.analysis.training.logistic_rise import FEWEST_POINTS, logistic_rise_crossing
from namebasis.checks import Float64Array

PhaseArray = npt.NDArray[np.int8]

OWN = ("own_score", "coarse", "fine")
"""Lengths of the own direction, whole, along attributes and beyond: any of them ends phase 1."""
CROSSED = ("leaves", "fine", "margin")
"""What is crossed by text alone; see `NameCrossing`."""
PICTURES_CROSSED = {"seen": "seen_margin", "elsewhere": "elsewhere_margin",
                    "pictures": "picture_margin", "points": "seen_own"}  # fmt: skip
"""What is crossed where there are pictures, and the measure that rises above 0 or its threshold."""
FITTED = "pictures"
"""What is crossed by a logistic fit: one margin of many noisy ones, which rises once."""
_LEAST = 1e-9  # below any score that is not zero


@dataclass(frozen=True)
class NameCrossing:
    """Where one measure of a name rises above its threshold.

    Attributes
    ----------
    name : str
    measure : str
        ``leaves``: phase 1 ends, the largest of `OWN` over its threshold. ``fine``: it becomes
        one person. ``margin``: its own attributes are read before those of its parts.
        ``seen``: its pictures in contexts that it was seen in are nearer to it than to any other
        name. ``elsewhere``: the same in other contexts. ``pictures``: it is nearer to pictures of
        its person than to those of people as its parts suggest. ``points``: its own direction
        points at the person in its pictures.
    step : Crossing
    exposures : Crossing or None
        The same in exposures, where they are known.
    rise : float or None
        Exposures at 90 % of the measure's rise over those at 10 %, each plus one; in steps where
        exposures are not known. None without a rise.
    """

    name: str
    measure: str
    step: Crossing
    exposures: Crossing | None
    rise: float | None


def find_crossings(
    names: Sequence[str],
    steps: Sequence[int],
    values: Mapping[str, Float64Array],
    draws: Mapping[str, npt.NDArray[np.floating]],
    thresholds: Mapping[str, Float64Array],
    exposures: Float64Array | None,
    n_resampled: Mapping[str, int] | None = None,
) -> tuple[NameCrossing, ...]:
    """Find where each of `CROSSED`, and of `PICTURES_CROSSED`, rises above its threshold.

    Those of margins, of texts and of pictures, are 0; `points` has the threshold of its measure.
    The crossing is that of an isotonic fit from the lowest point on, and for `FITTED` that of a
    logistic one from the last checkpoint at which the name was not yet seen.

    Parameters
    ----------
    names : sequence of n_names str
        Without the controls, whose values come last.
    steps : sequence of n_checkpoints int
    values : dict
        Measures, each (n_names or more, n_checkpoints).
    draws : dict
        Bootstrap draws of `OWN` and margin, each (n_names, n_checkpoints, n_resamples).
    thresholds : dict
        Of `OWN`, each (n_checkpoints,) or (n_names, n_checkpoints).
    exposures : ndarray of shape (n_names, n_checkpoints) or None
        NaN rows where they are not known.
    n_resampled : mapping of str to int, optional
        How many things a draw of each of `CROSSED` resamples; intervals widen where these are few.
    """
    n = len(names)
    bars = {key: _log(thresholds[key]) for key in OWN}
    again = {key: _log(draws[key]) - bars[key][..., None] for key in OWN}
    asked = {key: values[key][:n] for key in OWN}
    series = {
        "leaves": above_level(asked, thresholds),
        "fine": _log(asked["fine"]) - bars["fine"],
        "margin": values["margin"],
    }
    drawn = {"leaves": _largest(again), "fine": again["fine"], "margin": draws["margin"]}
    for key, measure in PICTURES_CROSSED.items():
        if measure in values and measure in draws:
            level = thresholds.get(measure, np.zeros(1))
            series[key] = values[measure][:n] - level
            drawn[key] = draws[measure] - level[..., None]
    crossings = []
    for row in range(n):
        seen = None if exposures is None or np.isnan(exposures[row]).any() else exposures[row]
        for key in series:
            found = name_crossing(
                names[row], key, series[key][row], drawn[key][row], steps, seen,
                (n_resampled or {}).get(key),
            )  # fmt: skip
            if found is not None:
                crossings.append(found)
    return tuple(crossings)


def find_changes(
    names: Sequence[str],
    labels: PhaseArray,
    scores: Float64Array,
    draws: npt.NDArray[np.floating],
) -> dict[str, tuple[ChangePoint, ...]]:
    """Change points of the own_score of names that leave phase 1.

    Parameters
    ----------
    names : sequence of n_names str
    labels : ndarray of shape (n_names or more, n_checkpoints), int8
    scores : ndarray of shape (n_names or more, n_checkpoints)
    draws : ndarray of shape (n_names, n_checkpoints, n_resamples)
    """
    out = {}
    for row, name in enumerate(names):
        known = np.isfinite(scores[row]) & np.isfinite(draws[row]).all(axis=1)
        if labels[row].max(initial=0) < 2 or not known.all() or len(known) < 4:
            continue
        found = change_points(_log(scores[row]), _log(draws[row].T))
        if found:
            out[name] = found
    return out


def _log(values: npt.NDArray[np.floating]) -> Float64Array:
    return np.log(np.maximum(np.asarray(values, dtype=np.float64), _LEAST))


def above_level(
    values: Mapping[str, Float64Array], thresholds: Mapping[str, Float64Array]
) -> Float64Array:
    """The largest of `OWN` over its threshold, as a logarithm: above 0, phase 1 ends.

    Scores are lengths: their ratio with the threshold is what rises above 1.
    """
    return _largest({key: _log(values[key]) - _log(thresholds[key]) for key in OWN})


def _largest(rows: Mapping[str, Float64Array]) -> Float64Array:
    """Elementwise largest of the known ones; NaN where none is."""
    return np.asarray(np.fmax.reduce([rows[key] for key in OWN]))


def name_crossing(
    name: str,
    measure: str,
    series: Float64Array,
    drawn: npt.NDArray[np.floating],
    steps: Sequence[int],
    exposures: Float64Array | None,
    n_resampled: int | None = None,
) -> NameCrossing | None:
    """Find where a measure rises above 0, in steps and in exposures where these are known.

    Parameters
    ----------
    name, measure : str
    series : ndarray of shape (n_checkpoints,)
        NaN where it is not known.
    drawn : ndarray of shape (n_checkpoints, n_resamples)
    steps : sequence of n_checkpoints int
    exposures : ndarray of shape (n_checkpoints,) or None
    n_resampled : int, optional
        How many things a draw resamples.

    Returns
    -------
    NameCrossing or None
        None where the measure is not known at two checkpoints or more.
    """
    known = np.isfinite(series) & np.isfinite(drawn).all(axis=1)
    if known.sum() < 2:
        return None
    above, again = series[known], drawn[known].T.astype(np.float64)
    places = np.asarray(steps, dtype=np.float64)[known]
    first = 0
    if measure == FITTED and exposures is not None:
        # Before a name is seen there is nothing to fit: from the last checkpoint without it on.
        unseen = np.flatnonzero(exposures[known] <= 0)
        first = int(unseen[-1]) if len(unseen) else 0
    rising = logistic_rise_crossing if measure == FITTED else crossing
    find = rising if len(above) - first >= FEWEST_POINTS else crossing
    fitted, refitted = above[first:], again[:, first:]
    in_steps = find(places[first:], fitted, refitted, n_resampled=n_resampled)
    if exposures is None:
        low, high = rise(places, above)
        width = high / low if low > 0 else None
        return NameCrossing(name, measure, in_steps, None, width)
    logs = np.log1p(exposures[known])
    found = find(logs[first:], fitted, refitted, n_resampled=n_resampled)
    low, high = rise(logs, above)
    position, bottom, top = np.expm1([found.position, found.low, found.high]).tolist()
    in_exposures = Crossing(position, bottom, top, found.share, found.state)
    width = None if np.isnan(low) else float(np.exp(high - low))
    return NameCrossing(name, measure, in_steps, in_exposures, width)
