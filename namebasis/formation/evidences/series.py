"""Evidences that a model knows a name: each against what controls reach, and where it counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.training.change_points import Crossing
from namebasis.checks import Float64Array
from namebasis.formation.crossings import above_level
from namebasis.formation.phases import PICTURED, is_untrained, raised_bars

if TYPE_CHECKING:
    from namebasis.formation.results import Formation
    from namebasis.formation.weight_identity.evidence import WeightEvidence

BAND = (0.025, 0.975)
"""Quantiles of the controls between which the null band lies."""
FEWEST = 3
"""Controls without which there is no scale."""
TEXT, PICTURES, WEIGHTS = "text", "pictures", "weights"
_CROSSED = {TEXT: "leaves", PICTURES: "points", WEIGHTS: "weights"}
"""The crossing of each, in `Phases.crossings`."""
_LEAST = 1e-9  # below any score that is not zero


@dataclass(frozen=True)
class Evidence:
    """One evidence of all names over the checkpoints.

    Attributes
    ----------
    key : str
        `TEXT`, `PICTURES` or `WEIGHTS`.
    values : ndarray of shape (n_names, n_checkpoints)
        By how much each name's value lies above the level from which it counts, in standard
        deviations of the controls at that checkpoint: it counts above 0. NaN where unknown.
    low, high : ndarray of shape (n_checkpoints,)
        The null band: what the middle 95 % of the controls reach.
    crossings : dict
        Name to where its value rises above the level: in steps, and in exposures or None.
    """

    key: str
    values: Float64Array
    low: Float64Array
    high: Float64Array
    crossings: Mapping[str, tuple[Crossing, Crossing | None]]


def evidences_of(found: Formation) -> tuple[Evidence, ...]:
    """The evidences that were measured: of text, of pictures and of weights.

    Text counts where the largest length of a name's own direction, over its threshold, is above 1
    (`leaves`); pictures where that direction points at the person in them further than controls'
    do (`points`). That a name is the nearest to its pictures is no evidence here: some name always
    is, and often one of the controls. Weights count where what their change writes for a name
    beyond its parts is more, over its threshold, than for names of the null (`weights`).
    """
    bars: Mapping[str, Float64Array] = found.phases.thresholds
    if is_untrained(found.control_kind, found.steps, found.exposures):
        controls = {key: rows[found.n_asked :] for key, rows in found.values.items()}
        bars = raised_bars(found.values, controls)
    made = [_evidence(found, TEXT, above_level(found.values, bars))]
    if PICTURED in found.values:
        made.append(_evidence(found, PICTURES, found.values[PICTURED] - bars[PICTURED]))
    if found.weight_evidence is not None:
        made.append(_weights(found, found.weight_evidence))
    return tuple(one for one in made if np.isfinite(one.values).any())


def _weights(found: Formation, told: WeightEvidence) -> Evidence:
    rows = {name: row for row, name in enumerate(told.names)}
    columns = {step: at for at, step in enumerate(told.steps)}
    level = _log(told.threshold)
    above, null = _log(told.values) - level, _log(told.null) - level
    values = np.full((len(found.names), len(found.steps)), np.nan)
    controls = np.full((len(null), len(found.steps)), np.nan)
    for at, step in enumerate(found.steps):
        if step not in columns:
            continue
        controls[:, at] = null[:, columns[step]]
        for row, name in enumerate(found.names):
            if name in rows:
                values[row, at] = above[rows[name], columns[step]]
    return _evidence(found, WEIGHTS, values, controls)


def _log(values: Float64Array) -> Float64Array:
    return np.asarray(np.log(np.maximum(values, _LEAST)))


def _evidence(
    found: Formation, key: str, above: Float64Array, controls: Float64Array | None = None
) -> Evidence:
    """Scale values by the controls, by default those of the formation."""
    if controls is None:
        controls = above[found.n_asked :]
    scale, low, high = np.full((3, above.shape[1]), np.nan)
    for at, column in enumerate(controls.T):
        known = column[np.isfinite(column)]
        deviation = known.std(ddof=1) if len(known) >= FEWEST else 0.0
        if deviation > 0:
            scale[at] = deviation
            low[at], high[at] = np.quantile(known, BAND) / deviation
    crossings = {
        one.name: (one.step, one.exposures)
        for one in found.phases.crossings
        if one.measure == _CROSSED[key]
    }
    return Evidence(key, above / scale, low, high, crossings)
