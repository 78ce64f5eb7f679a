"""Phases of names over checkpoints, where they begin, and how often that is a false alarm.

1: only its parts. 2: coarse features of its own settle. 3: one person. 4: one picture.
The rules were fixed on synthetic trajectories (tests/formation/test_phases.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from namebasis.analysis.change_points import ChangePoint, Crossing, change_points, crossing, rise

Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
PhaseArray = npt.NDArray[np.int8]

PHASES = ("unknown", "only its parts", "coarse features", "one person", "one picture")
"""What the labels 0 to 4 say."""
NOT_SHOWN = (
    "A crossing or a change point says when a measure rose, not that it jumped: a fast S-shape "
    "is not a discontinuity, and between two checkpoints nothing is seen."
)
DEVIATIONS = 2.5
"""Standard deviations of the controls' logarithms above their mean from which a value counts."""
EVIDENCE = ("own_score", "fine", "displacement_ratio")
"""What labels rest on: more than parts, beyond attributes, held by contexts unevenly."""
_LEAST = 1e-9  # below any score that is not zero


@dataclass(frozen=True)
class FalseAlarms:
    """Controls that ever leave phase 1, each judged by thresholds from the other half of them.

    Attributes
    ----------
    n_controls, n_left : int
    share, low, high : float
        Share that left, and its 95 % Wilson interval.
    """

    n_controls: int
    n_left: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class NameCrossing:
    """Where one measure of a name rises above its threshold.

    Attributes
    ----------
    name : str
    measure : str
        ``own_score`` (leaves phase 1), ``fine`` (becomes one person), or ``margin`` (its own
        attributes are read before those of its parts).
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


@dataclass(frozen=True)
class Phases:
    """Labels with their evidence.

    Attributes
    ----------
    labels : ndarray of shape (n_names, n_checkpoints), int8
        0 to 4, see `PHASES`.
    thresholds : dict
        Each of `EVIDENCE`, (n_checkpoints,): what a name's value is compared with.
    false_alarms : FalseAlarms
    crossings : tuple of NameCrossing
        Of names that are no controls.
    changes : dict
        Name to the change points of its own_score, of names that leave phase 1.
    """

    labels: PhaseArray
    thresholds: Mapping[str, Float64Array]
    false_alarms: FalseAlarms
    crossings: tuple[NameCrossing, ...]
    changes: Mapping[str, tuple[ChangePoint, ...]]


def find_phases(
    names: Sequence[str],
    n_asked: int,
    steps: Sequence[int],
    values: Mapping[str, Float64Array],
    draws: Mapping[str, npt.NDArray[np.floating]],
    exposures: Float64Array | None,
) -> Phases:
    """Label names at checkpoints and find where they cross.

    Parameters
    ----------
    names : sequence of n_names str
        Those asked for, then the controls.
    n_asked : int
    steps : sequence of n_checkpoints int
    values : dict
        Measures, each (n_names, n_checkpoints).
    draws : dict
        Bootstrap draws of own_score, fine and margin, each (n_asked, n_checkpoints, n_draws).
    exposures : ndarray of shape (n_asked, n_checkpoints) or None
        NaN rows where they are not known.
    """
    controls = {key: values[key][n_asked:] for key in EVIDENCE}
    thresholds = {key: threshold(rows) for key, rows in controls.items()}
    labels = label(values, thresholds)
    crossings = []
    for row in range(n_asked):
        seen = None if exposures is None or np.isnan(exposures[row]).any() else exposures[row]
        for key in ("own_score", "fine", "margin"):
            bar = np.zeros(len(steps)) if key == "margin" else thresholds[key]
            found = _name_crossing(
                names[row], key, values[key][row], draws[key][row], bar, steps, seen
            )
            if found is not None:
                crossings.append(found)
    return Phases(
        labels,
        thresholds,
        _false_alarms(controls),
        tuple(crossings),
        _changes(names[:n_asked], labels, values["own_score"], draws["own_score"]),
    )


def threshold(controls: Float64Array) -> Float64Array:
    """Level that hardly any control exceeds, at each checkpoint.

    Parameters
    ----------
    controls : ndarray of shape (n_controls, n_checkpoints)
        Above zero, or NaN.

    Returns
    -------
    ndarray of shape (n_checkpoints,)
        Mean plus `DEVIATIONS` deviations of the logarithms; NaN for fewer than 3 controls.
    """
    out = np.full(controls.shape[1], np.nan)
    for at, column in enumerate(controls.T):
        logs = np.log(np.maximum(column[np.isfinite(column)], _LEAST))
        if len(logs) >= 3:
            out[at] = np.exp(logs.mean() + DEVIATIONS * logs.std(ddof=1))
    return out


def label(values: Mapping[str, Float64Array], thresholds: Mapping[str, Float64Array]) -> PhaseArray:
    """Phase of every name at every checkpoint.

    An evidence counts where it holds at two of a checkpoint and its two neighbours: a single
    excursion is no phase. Without an own direction beyond the controls' a name is in phase 1,
    with one that attributes explain in 2, with more in 3; in 4 where, beyond that, contexts move
    it more unevenly than they move controls. Phases may be left again.
    """
    out = np.zeros(values["own_score"].shape, dtype=np.int8)
    known = np.isfinite(values["own_score"])
    own, fine, tangled = (
        settled(values[key] > np.where(np.isfinite(thresholds[key]), thresholds[key], np.inf))
        for key in EVIDENCE
    )
    out[known] = 1
    out[known & own] = 2
    out[known & own & fine] = 3
    out[known & own & tangled] = 4
    return out


def settled(flags: BoolArray) -> BoolArray:
    """Where a flag holds at two of a checkpoint and its neighbours; alone, it counts as it is."""
    if flags.shape[1] == 1:
        return flags
    padded = np.pad(flags.astype(np.int8), ((0, 0), (1, 1)))
    return np.asarray(padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:] >= 2)


def _false_alarms(controls: Mapping[str, Float64Array]) -> FalseAlarms:
    n = len(controls["own_score"])
    left = np.zeros(n, dtype=bool)
    for half in (0, 1):
        judged, judges = np.arange(n) % 2 == half, np.arange(n) % 2 != half
        bars = {key: threshold(rows[judges]) for key, rows in controls.items()}
        found = label({key: rows[judged] for key, rows in controls.items()}, bars)
        left[judged] = (found > 1).any(axis=1)
    known = np.isfinite(controls["own_score"]).any(axis=1)
    n_known, n_left = int(known.sum()), int(left[known].sum())
    if n_known == 0:
        nan = float("nan")
        return FalseAlarms(0, 0, nan, nan, nan)
    interval = binomtest(n_left, n_known).proportion_ci(method="wilson")
    return FalseAlarms(n_known, n_left, n_left / n_known, float(interval.low), float(interval.high))


def _name_crossing(
    name: str,
    measure: str,
    series: Float64Array,
    drawn: npt.NDArray[np.floating],
    bar: Float64Array,
    steps: Sequence[int],
    exposures: Float64Array | None,
) -> NameCrossing | None:
    """None where the measure is not known at two checkpoints or more."""
    known = np.isfinite(series) & np.isfinite(bar) & np.isfinite(drawn).all(axis=1)
    if known.sum() < 2:
        return None
    above, again = series[known], drawn[known].T.astype(np.float64)
    if measure != "margin":  # scores are lengths: compare their ratio with the threshold
        above = np.log(np.maximum(above, _LEAST) / bar[known])
        again = np.log(np.maximum(again, _LEAST) / bar[known])
    places = np.asarray(steps, dtype=np.float64)[known]
    in_steps = crossing(places, above, again)
    if exposures is None:
        low, high = rise(places, above)
        width = high / low if low > 0 else None
        return NameCrossing(name, measure, in_steps, None, width)
    logs = np.log1p(exposures[known])
    found = crossing(logs, above, again)
    low, high = rise(logs, above)
    position, bottom, top = np.expm1([found.position, found.low, found.high]).tolist()
    in_exposures = Crossing(position, bottom, top, found.share, found.state)
    width = None if np.isnan(low) else float(np.exp(high - low))
    return NameCrossing(name, measure, in_steps, in_exposures, width)


def _changes(
    names: Sequence[str],
    labels: PhaseArray,
    scores: Float64Array,
    draws: npt.NDArray[np.floating],
) -> dict[str, tuple[ChangePoint, ...]]:
    out = {}
    for row, name in enumerate(names):
        known = np.isfinite(scores[row]) & np.isfinite(draws[row]).all(axis=1)
        if labels[row].max(initial=0) < 2 or not known.all() or len(known) < 4:
            continue
        found = change_points(
            np.log(np.maximum(scores[row], _LEAST)),
            np.log(np.maximum(draws[row].T.astype(np.float64), _LEAST)),
        )
        if found:
            out[name] = found
    return out
