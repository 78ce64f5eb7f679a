"""What a space believes about given names, against US births; intervals by bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.analysis import axes
from namebasis.analysis.axes import Float64Array
from namebasis.checks import check_count
from namebasis.errors import CorpusError
from namebasis.namespace.sources import read_names
from namebasis.studies.attributes import score
from namebasis.studies.survival import survival

if TYPE_CHECKING:
    from namebasis.namespace.space import Space

_LEAST = 10


@dataclass(frozen=True)
class Measure:
    """One comparison with the records.

    Attributes
    ----------
    measure : str
        "age Spearman" or "gender AUC".
    reading : str
        One of `analysis.axes.READINGS`, or "probe", the cross-validated one.
    value, low, high : float
        With its 95 % bootstrap interval over names.
    n_names : int
    """

    measure: str
    reading: str
    value: float
    low: float
    high: float
    n_names: int


@dataclass(frozen=True)
class RecordsReport:
    """How well readings follow the records."""

    measures: tuple[Measure, ...]
    n_names: int
    year: int

    def to_arrow(self) -> pa.Table:
        """One row per measure and reading."""
        return pa.Table.from_pylist([asdict(measure) for measure in self.measures])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def expected_ages(births: list[list[dict[str, int]]], year: int) -> Float64Array:
    """Mean age in `year` of the living bearers of each name; NaN where none is left.

    Parameters
    ----------
    births : list of list of dict
        Per name, entries of `year`, `female` and `male` births.
    year : int
    """
    ages = np.full(len(births), np.nan)
    for at, entries in enumerate(births):
        born = np.array([entry["year"] for entry in entries], dtype=np.int64)
        alive = np.zeros(len(entries))
        for sex, key in (("F", "female"), ("M", "male")):
            alive += survival(born, year, sex) * [entry[key] for entry in entries]
        if alive.sum() > 0:
            ages[at] = float(alive @ (year - born) / alive.sum())
    return ages


def compare(
    space: Space,
    records: str,
    *,
    where: str | None = None,
    n_resamples: int = 200,
    seed: int = 0,
) -> RecordsReport:
    """Compare age and gender readings of a space's names with US births.

    Parameters
    ----------
    space : Space
    records : str
        ``ssa:ZIP``.
    where : str, optional
        The only names that are compared.
    n_resamples : int
        Of the bootstrap.
    seed : int

    Raises
    ------
    CorpusError
        If the records are no US births archive, or hold fewer than 10 of the names.
    """
    check_count(n_resamples, "n_resamples", 10)
    if not records.startswith("ssa:"):
        raise CorpusError(f"records must be ssa:ZIP, the US births archive; got {records!r}.")
    table = read_names(records).table
    place = {name: at for at, name in enumerate(table["name"].to_pylist())}
    found = score(space, ("age", "gender"), where=where, seed=seed)
    shared = [(at, place[n]) for at, n in enumerate(found.names) if n in place]
    if len(shared) < _LEAST:
        raise CorpusError(f"{records} holds {len(shared)} of the names; {_LEAST} are needed.")
    rows, known = (np.array(side, dtype=np.int64) for side in zip(*shared, strict=True))
    chosen = table.take(known)
    births = chosen["births"].to_pylist()
    year = max(entry["year"] for entries in births for entry in entries)
    ages = expected_ages(births, year)
    vectors = space.vectors(ids=found.ids[rows])
    women = np.array(chosen["share_female"].to_pylist(), dtype=np.float64)
    measures: list[Measure] = []
    for truth, result, label, measure in (
        (ages, found.scores[0], "age Spearman", spearman),
        (women, found.scores[1], "gender AUC", auc),
    ):
        kept = np.isfinite(truth)
        readings = {name: values[rows][kept] for name, values in result.readings.items()}
        readings["probe"] = axes.probe(vectors[kept], truth[kept], seed=seed).predictions
        for name, values in readings.items():
            value, low, high = _interval(measure, values, truth[kept], n_resamples, seed)
            measures.append(Measure(label, name, value, low, high, int(kept.sum())))
    return RecordsReport(tuple(measures), len(shared), year)


def spearman(reading: Float64Array, truth: Float64Array) -> float:
    """Rank correlation; NaN where one side is constant."""
    from scipy.stats import rankdata

    left, right = rankdata(reading), rankdata(truth)
    if left.std() == 0 or right.std() == 0:
        return float("nan")
    return float(np.corrcoef(left, right)[0, 1])


def auc(reading: Float64Array, share_female: Float64Array) -> float:
    """Chance that a name mostly of women reads above one that is not; NaN with one kind only."""
    from scipy.stats import rankdata

    female = share_female >= 0.5
    n_female, n_male = int(female.sum()), int((~female).sum())
    if not n_female or not n_male:
        return float("nan")
    excess = rankdata(reading)[female].sum() - n_female * (n_female + 1) / 2
    return float(excess / (n_female * n_male))


def _interval(
    measure: Callable[[Float64Array, Float64Array], float],
    reading: Float64Array,
    truth: Float64Array,
    n_resamples: int,
    seed: int,
) -> tuple[float, float, float]:
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(truth), (n_resamples, len(truth)))
    values = [measure(reading[draw], truth[draw]) for draw in draws]
    low, high = np.nanquantile(values, (0.025, 0.975))
    return measure(reading, truth), float(low), float(high)
