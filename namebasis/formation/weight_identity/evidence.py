"""Evidence of identities in the weights over a training, and where each crosses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from namebasis.analysis.intervals import CONFIDENCE
from namebasis.checks import Float64Array
from namebasis.formation.crossings import NameCrossing, name_crossing
from namebasis.formation.phases import threshold
from namebasis.results import Result, Table

WEIGHTS = "weights"
"""The measure of a `NameCrossing` in weights."""
_LEAST = 1e-9  # below any score that is not zero


@dataclass(frozen=True, repr=False, eq=False)
class WeightEvidence(Result):
    """What changed weights write for names beyond what they write for the names' parts.

    Attributes
    ----------
    names, kinds : tuple of n_names str
        Without those of the null; kinds of the truth, else ``asked``.
    steps : tuple of n_checkpoints int
    labels : tuple of n_checkpoints str
    values : ndarray of shape (n_names, n_checkpoints)
        Length of what the second matrices' change since the first checkpoint writes for a name
        and not for its parts, over the noise that swapped partners leave: 1 is what any pairing
        leaves. Of a series, NaN at the first checkpoint. Of a single model, what the matrices
        write as they are.
    low, high : ndarray of shape (n_names, n_checkpoints)
        95 % interval over resampled partners.
    null : ndarray of shape (n_null, n_checkpoints)
        The same of names that nobody bears.
    exposures : ndarray of shape (n_names, n_checkpoints) or None
        NaN rows where they are not known.
    crossings : tuple of NameCrossing
        Where each name rises above `threshold`; empty for a single model.
    """

    _section = "Formation: over checkpoints"

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    steps: tuple[int, ...]
    labels: tuple[str, ...]
    values: Float64Array
    low: Float64Array
    high: Float64Array
    null: Float64Array
    exposures: Float64Array | None
    crossings: tuple[NameCrossing, ...]

    @property
    def threshold(self) -> Float64Array:
        """What hardly any name of the null exceeds, (n_checkpoints,); see `phases.threshold`."""
        return threshold(self.null)

    @property
    def null_band(self) -> Float64Array:
        """What 95 % of the null lie within, (2, n_checkpoints); NaN where it is not known."""
        out = np.full((2, self.null.shape[1]), np.nan)
        for at, column in enumerate(self.null.T):
            known = column[np.isfinite(column)]
            if len(known):
                out[:, at] = np.quantile(known, _ENDS)
        return out

    def headline(self) -> str | None:
        """How many names the weights tell from names that nobody bears."""
        last, bar = self.values[:, -1], self.threshold[-1]
        if not np.isfinite(bar) or not len(last):
            return None
        null = self.null[:, -1]
        return (
            f"{self.labels[-1]}: weights tell {int((last > bar).sum())} of {len(last)} names from "
            f"names that nobody bears ({int((null > bar).sum())} of {len(null)} of those)."
        )

    def tables(self) -> tuple[Table, ...]:
        """A row per name: its evidence at the last checkpoint, and where it crosses."""
        found = {one.name: one for one in self.crossings}
        rows = []
        for row, (name, kind) in enumerate(zip(self.names, self.kinds, strict=True)):
            null = self.null[:, -1][np.isfinite(self.null[:, -1])]
            rows.append((
                name, kind, _known(self.values[row, -1]),
                f"{self.low[row, -1]:.2f} to {self.high[row, -1]:.2f}",
                float((null < self.values[row, -1]).mean()) if len(null) else None,
                *_places(found.get(name)),
            ))  # fmt: skip
        columns = ("name", "kind", "evidence", "95 %", "above null", "crosses at", "between")
        unit = "exposures" if self.exposures is not None else "steps"
        title = f"{self.labels[-1]}: evidence in weights, crossings in {unit}"
        order = np.argsort(-np.nan_to_num(self.values[:, -1]), kind="stable")
        return (Table(columns, [rows[at] for at in order], title=title, key="evidence"),)

    def footnotes(self) -> tuple[str, ...]:
        """What the evidence is of."""
        return ("Evidence is of keys and matrices: the weights before a matrix compute its keys.",)

    def to_arrow(self) -> pa.Table:
        """One row per name and checkpoint."""
        n = len(self.steps)

        def flat(values: Float64Array) -> pa.Array:
            return pa.array(values.ravel(), mask=np.isnan(values.ravel()))

        seen = np.full_like(self.values, np.nan) if self.exposures is None else self.exposures
        return pa.table({
            "name": np.repeat(np.array(self.names, dtype=object), n),
            "kind": np.repeat(np.array(self.kinds, dtype=object), n),
            "step": np.tile(np.array(self.steps, dtype=np.int64), len(self.names)),
            "exposures": flat(seen), "evidence": flat(self.values), "low": flat(self.low),
            "high": flat(self.high),
            "threshold": flat(np.broadcast_to(self.threshold, self.values.shape)),
        })  # fmt: skip

    def with_null_to_arrow(self) -> pa.Table:
        """One row per checkpoint of each name, and then of each of the null, which has no name."""
        n, rows = len(self.steps), len(self.names) + len(self.null)
        values = np.concatenate([self.values, self.null]).ravel()
        names = [*self.names, *[None] * len(self.null)]
        kinds = [*self.kinds, *[None] * len(self.null)]
        return pa.table({
            "row": np.repeat(np.arange(rows), n),
            "name": pa.array([name for name in names for _ in range(n)], pa.string()),
            "kind": pa.array([kind for kind in kinds for _ in range(n)], pa.string()),
            "step": np.tile(np.array(self.steps, dtype=np.int64), rows),
            "evidence": pa.array(values, mask=np.isnan(values)),
        })  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "steps": list(self.steps), "labels": list(self.labels),
            "names": [
                {
                    "name": name, "kind": kind, "evidence": self.values[row].tolist(),
                    "low": self.low[row].tolist(), "high": self.high[row].tolist(),
                    "exposures": None if self.exposures is None else self.exposures[row].tolist(),
                }
                for row, (name, kind) in enumerate(zip(self.names, self.kinds, strict=True))
            ],
            "threshold": self.threshold.tolist(), "null_band": self.null_band.tolist(),
            "n_null": len(self.null),
            "crossings": [
                {
                    "name": one.name,
                    **{
                        f"{unit}_{key}": getattr(place, key)
                        for unit, place in (("step", one.step), ("exposures", one.exposures))
                        if place is not None
                        for key in ("position", "low", "high", "state")
                    },
                }
                for one in self.crossings
            ],
        }  # fmt: skip


def collect(
    names: Sequence[str],
    kinds: Sequence[str],
    steps: Sequence[int],
    labels: Sequence[str],
    scores: Float64Array,
    draws: Float64Array,
    exposures: Float64Array | None,
    n_resampled: int | None = None,
) -> WeightEvidence:
    """Put scores over checkpoints together and find where names cross.

    A crossing is where the logarithm of the score rises above that of the threshold, as text's
    ``leaves`` does: of an isotonic fit from the lowest point on.

    Parameters
    ----------
    names, kinds : sequence of n_names str
    steps : sequence of n_checkpoints int
    labels : sequence of n_checkpoints str
    scores : ndarray of shape (n_names + n_null, n_checkpoints)
        Those of the null last; NaN where there is none.
    draws : ndarray of shape (n_names, n_checkpoints, n_resamples)
    exposures : ndarray of shape (n_names, n_checkpoints) or None
    n_resampled : int, optional
        How many partners each draw resamples; intervals widen where these are few.
    """
    n = len(names)
    values, null = scores[:n], scores[n:]
    low, high = (np.full(values.shape, np.nan) for _ in _ENDS)
    known = np.isfinite(draws).all(axis=2)
    low[known], high[known] = np.quantile(draws[known], _ENDS, axis=1)
    bar = _log(threshold(null))
    crossings = []
    for row, name in enumerate(names):
        seen = None if exposures is None or np.isnan(exposures[row]).any() else exposures[row]
        found = name_crossing(
            name, WEIGHTS, _log(values[row]) - bar, _log(draws[row]) - bar[:, None], steps, seen,
            n_resampled,
        )  # fmt: skip
        if found is not None:
            crossings.append(found)
    return WeightEvidence(
        tuple(names), tuple(kinds), tuple(steps), tuple(labels), values, low, high, null,
        exposures, tuple(crossings),
    )  # fmt: skip


_ENDS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


def _log(values: npt.NDArray[np.floating]) -> Float64Array:
    return np.log(np.maximum(np.asarray(values, dtype=np.float64), _LEAST))


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _places(one: NameCrossing | None) -> tuple[float | str | None, str | None]:
    """Where a name crosses and its interval, in exposures where they are known."""
    if one is None:
        return None, None
    place = one.exposures or one.step
    if place.state == "never":
        return "never", None
    return round(place.position, 1), f"{place.low:.1f} to {place.high:.1f}"
