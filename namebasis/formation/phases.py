"""Phases of names over checkpoints, where they begin, and how often that is a false alarm.

1: only its parts. 2: coarse features of its own settle. 3: one person. 4: one picture.
Beside its phase, a name may be captured: one of its parts alone settles what it means.
The rules were fixed on synthetic trajectories (tests/formation/test_phases.py), and the width of
the window, the level and the scale of the hold on the organism's seed 0, which no claim is tested
on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from namebasis.analysis.training.change_points import ChangePoint
from namebasis.checks import Float64Array
from namebasis.formation.crossings import NameCrossing, find_changes, find_crossings

BoolArray = npt.NDArray[np.bool_]
PhaseArray = npt.NDArray[np.int8]

PHASES = ("unknown", "only its parts", "coarse features", "one person", "one picture")
"""What the labels 0 to 4 say."""
NOT_SHOWN = (
    "A crossing or a change point says when a measure rose, not that it jumped: a fast S-shape "
    "is not a discontinuity, and between two checkpoints nothing is seen."
)
DEVIATIONS = 2.75
"""Standard deviations of the controls above their mean from which a value counts."""
_REACH = 2  # checkpoints on each side that a label looks at
EVIDENCE = ("own_score", "coarse", "fine", "leakage")
"""What labels rest on: more than the parts, along attributes and beyond, and a context it holds."""
CAPTURE = "hold"
"""What says that one part settles the name. It is no phase: phases are about what a full name means
beyond its parts, and a captured one has its meaning from one of them."""
PICTURED = "seen_own"
"""What pictures add, where there are any: how far the own direction points at the person in them.
With `RECOGNISED` above 0, no other name being nearer to them, a name is one person."""
RECOGNISED = "seen_margin"
PICTURED_DEVIATIONS = 3.5
"""Level of `PICTURED`, above `DEVIATIONS`: pictures are to raise no alarms beside those of text."""
_NEAR_ONE = 1e-6  # what a cosine keeps from 1, so that Fisher's z is finite


@dataclass(frozen=True)
class FalseAlarms:
    """Controls of which something is ever said, each judged by thresholds from their other half.

    Attributes
    ----------
    n_made_up, n_alarms : int
    share, low, high : float
        Share of alarms, and its 95 % interval of Clopper and Pearson.
    """

    n_made_up: int
    n_alarms: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Phases:
    """Labels with their evidence.

    Attributes
    ----------
    labels : ndarray of shape (n_names, n_checkpoints), int8
        0 to 4, see `PHASES`.
    captured : ndarray of shape (n_names, n_checkpoints), bool
        Where one part settles what the name means, in whatever phase it is. False where that is
        not known.
    thresholds : dict
        Each of `EVIDENCE` and `CAPTURE`, (n_checkpoints,): what a name's value is compared with,
        but for what it exceeds the controls by before training.
    false_alarms, captured_alarms : FalseAlarms
        Controls that ever leave phase 1, and those that are ever called captured.
    crossings : tuple of NameCrossing
        Of names that are no controls.
    changes : dict
        Name to the change points of its own_score, of names that leave phase 1.
    stood_out : ndarray of shape (n_names,), bool
        Names that stand out from the controls before training; what they stand out by then is
        taken off later, as training did not make it. False where there is no untrained checkpoint.
    """

    labels: PhaseArray
    captured: BoolArray
    thresholds: Mapping[str, Float64Array]
    false_alarms: FalseAlarms
    captured_alarms: FalseAlarms
    crossings: tuple[NameCrossing, ...]
    changes: Mapping[str, tuple[ChangePoint, ...]]
    stood_out: BoolArray


def find_phases(
    names: Sequence[str],
    n_asked: int,
    steps: Sequence[int],
    values: Mapping[str, Float64Array],
    draws: Mapping[str, npt.NDArray[np.floating]] | None,
    exposures: Float64Array | None,
    n_resampled: Mapping[str, int] | None = None,
    *,
    is_untrained: bool = False,
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
    draws : dict or None
        Bootstrap draws of `crossings.OWN` and margin, each (n_asked, n_checkpoints, n_resamples);
        None: no crossing and no change point is looked for.
    exposures : ndarray of shape (n_asked, n_checkpoints) or None
        NaN rows where they are not known.
    n_resampled : mapping of str to int, optional
        See `crossings.find_crossings`.
    is_untrained : bool
        The first checkpoint knows no name: what a name exceeds the controls by there, in their
        standard deviations, is how its letters differ from theirs. It is added to the thresholds
        of the name at every checkpoint.
    """
    pictured = (PICTURED, RECOGNISED) if PICTURED in values else ()
    controls = {key: values[key][n_asked:] for key in (*EVIDENCE, CAPTURE, *pictured)}
    thresholds = _thresholds(controls)
    bars = raised_bars(values, controls) if is_untrained else thresholds
    labels = label(values, bars)
    captured = find_captured(values, bars)
    stood_out = np.zeros(len(labels), dtype=bool)
    if is_untrained:
        first = {key: rows[:, :1] for key, rows in values.items() if key in controls}
        level = {key: bar[:1] for key, bar in thresholds.items()}
        stood_out = (label(first, level)[:, 0] > 1) | find_captured(first, level)[:, 0]
    bars_asked = {key: np.broadcast_to(bars[key], values[key].shape)[:n_asked] for key in bars}
    return Phases(
        labels,
        captured,
        thresholds,
        _false_alarms(controls, lambda rows, bars: label(rows, bars) > 1, is_untrained),
        _false_alarms(controls, find_captured, is_untrained),
        ()
        if draws is None
        else find_crossings(
            names[:n_asked], steps, values, draws, bars_asked, exposures, n_resampled
        ),
        {}
        if draws is None
        else find_changes(names[:n_asked], labels, values["own_score"], draws["own_score"]),
        stood_out,
    )


def is_untrained(control_kind: str, steps: Sequence[int], exposures: Float64Array | None) -> bool:
    """Whether the first checkpoint knows no name, and controls are spelled unlike the names.

    Controls that the truth knows are made of the same parts as the names, and need no such care.
    """
    if control_kind == "unseen" or len(steps) < 2:
        return False
    return steps[0] == 0 or (exposures is not None and not np.nan_to_num(exposures[:, 0]).any())


def raised_bars(
    values: Mapping[str, Float64Array], controls: Mapping[str, Float64Array]
) -> dict[str, Float64Array]:
    """Thresholds of every name, raised by what it exceeds the controls by at the first checkpoint.

    Returns
    -------
    dict of str to ndarray of shape (n_names, n_checkpoints)
        Of each of `EVIDENCE` and `CAPTURE`; where a name lies below the controls' mean at first,
        the threshold is theirs.
    """
    found = {key: _raised(values[key], controls[key], _level(key)) for key in _evidence(controls)}
    return found | {CAPTURE: np.tanh(_raised(_fisher(values[CAPTURE]), _fisher(controls[CAPTURE])))}


def _evidence(values: Mapping[str, Float64Array]) -> tuple[str, ...]:
    """What labels rest on: text, and pictures where they were measured."""
    return (*EVIDENCE, PICTURED) if PICTURED in values else EVIDENCE


def _level(key: str) -> float:
    return PICTURED_DEVIATIONS if key == PICTURED else DEVIATIONS


def _raised(
    rows: Float64Array, controls: Float64Array, deviations: float = DEVIATIONS
) -> Float64Array:
    bar = threshold(controls, deviations)
    deviation, mean = np.full((2, controls.shape[1]), np.nan)
    for at, column in enumerate(controls.T):
        known = column[np.isfinite(column)]
        if len(known) >= 3:
            mean[at], deviation[at] = known.mean(), known.std(ddof=1)
    at_first = (rows[:, 0] - mean[0]) / (deviation[0] or np.nan)
    excess = np.maximum(np.nan_to_num(at_first, nan=0.0), 0.0)
    return np.asarray(bar + excess[:, None] * deviation)


def _fisher(cosines: Float64Array) -> Float64Array:
    """Cosines on the scale on which they have no bounds."""
    return np.asarray(np.arctanh(np.clip(cosines, _NEAR_ONE - 1, 1 - _NEAR_ONE)))


def _thresholds(controls: Mapping[str, Float64Array]) -> dict[str, Float64Array]:
    found = {key: threshold(controls[key], _level(key)) for key in _evidence(controls)}
    # A cosine is bounded: on Fisher's scale its bar stays below 1, where a name can reach it.
    return found | {CAPTURE: np.tanh(threshold(_fisher(controls[CAPTURE])))}


def threshold(controls: Float64Array, deviations: float = DEVIATIONS) -> Float64Array:
    """Level that hardly any control exceeds, at each checkpoint.

    Parameters
    ----------
    controls : ndarray of shape (n_made_up, n_checkpoints)
        NaN where unknown.
    deviations : float
        Standard deviations above the mean.

    Returns
    -------
    ndarray of shape (n_checkpoints,)
        NaN for fewer than 3 controls.
    """
    out = np.full(controls.shape[1], np.nan)
    for at, column in enumerate(controls.T):
        known = column[np.isfinite(column)]
        if len(known) >= 3:
            out[at] = known.mean() + deviations * known.std(ddof=1)
    return out


def label(values: Mapping[str, Float64Array], thresholds: Mapping[str, Float64Array]) -> PhaseArray:
    """Phase of every name at every checkpoint.

    An evidence counts where it holds at most of the checkpoints from two before to two after: a
    short excursion is no phase. A name without any own direction beyond the controls' is in phase
    1; with one, whole or along attributes, in 2; with one beyond attributes in 3; in 4 where it
    also lies further towards one context than controls do. Phases may be left again.

    With pictures, a name is in 3 as well where its own direction points at the person in them
    further than controls' do and no other name lies nearer to them.
    """
    out = np.zeros(values["own_score"].shape, dtype=np.int8)
    known = np.isfinite(values["own_score"])
    own, coarse, fine, held = (_exceeds(values[key], thresholds[key]) for key in EVIDENCE)
    if PICTURED in values:
        bar = thresholds[PICTURED]
        points = values[PICTURED] > np.where(np.isfinite(bar), bar, np.inf)
        fine |= settled(points & (values[RECOGNISED] > 0))
    left = own | coarse | fine
    out[known] = 1
    out[known & left] = 2
    out[known & fine] = 3
    out[known & left & held] = 4
    return out


def find_captured(
    values: Mapping[str, Float64Array], thresholds: Mapping[str, Float64Array]
) -> BoolArray:
    """Where a name's hold is above the controls', by the rule by which evidences of labels count.

    Returns
    -------
    ndarray of shape (n_names, n_checkpoints), bool
    """
    return _exceeds(values[CAPTURE], thresholds[CAPTURE])


def _exceeds(rows: Float64Array, bar: Float64Array) -> BoolArray:
    """Where values settle above a bar; without a bar nothing counts."""
    return settled(rows > np.where(np.isfinite(bar), bar, np.inf))


def settled(flags: BoolArray) -> BoolArray:
    """Where a flag holds at more than half of a checkpoint and its neighbours, two on each side.

    At the ends, where fewer are there, it must hold at the checkpoint itself too.
    """
    n = flags.shape[1]
    sums = np.concatenate([np.zeros((len(flags), 1)), np.cumsum(flags, axis=1)], axis=1)
    first = np.maximum(np.arange(n) - _REACH, 0)
    end = np.minimum(np.arange(n) + _REACH + 1, n)
    is_most = 2 * (sums[:, end] - sums[:, first]) > end - first
    return np.asarray(is_most & (flags | (end - first == 2 * _REACH + 1)))


def _false_alarms(
    controls: Mapping[str, Float64Array],
    flags: Callable[[Mapping[str, Float64Array], Mapping[str, Float64Array]], BoolArray],
    is_untrained: bool,
) -> FalseAlarms:
    """Controls that values and thresholds ever flag."""
    from scipy.stats import binomtest

    n = len(controls["own_score"])
    raised = np.zeros(n, dtype=bool)
    for half in (0, 1):
        judged, judges = np.arange(n) % 2 == half, np.arange(n) % 2 != half
        others = {key: rows[judges] for key, rows in controls.items()}
        own = {key: rows[judged] for key, rows in controls.items()}
        found = flags(own, raised_bars(own, others) if is_untrained else _thresholds(others))
        raised[judged] = found.any(axis=1)
    known = np.isfinite(controls["own_score"]).any(axis=1)
    n_known, n_raised = int(known.sum()), int(raised[known].sum())
    if n_known == 0:
        nan = float("nan")
        return FalseAlarms(0, 0, nan, nan, nan)
    ends = binomtest(n_raised, n_known).proportion_ci(method="exact")
    return FalseAlarms(n_known, n_raised, n_raised / n_known, float(ends.low), float(ends.high))
