"""Does a measure follow how often a training set names people?"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.identity import Float64Array
from namebasis.analysis.spread import Interval
from namebasis.errors import CorpusError
from namebasis.studies.identity_results import Identity

BINS = (0, 300, 3000)
_FEWEST = 10


@dataclass(frozen=True)
class CountBin:
    """Names with `low` or more mentions, below `high`; AUC against recombined names."""

    low: int
    high: int | None
    n: int
    auc: Interval | None


@dataclass(frozen=True)
class CountAgreement:
    """How a measure agrees with counts.

    Attributes
    ----------
    column : str
    n : int
        Names with both a count and the measure.
    n_recombined : int
    spearman : Interval
        Rank correlation, with a 95 % bootstrap interval over names.
    bins : tuple of CountBin
        `auc` is None where the bin or the recombined names are too few, or the measure is not
        own_score, which alone is known of recombined names.
    """

    column: str
    n: int
    n_recombined: int
    spearman: Interval
    bins: tuple[CountBin, ...]

    def to_arrow(self) -> pa.Table:
        """One row per bin: low, high, n, auc, auc_low, auc_high."""
        rows = []
        for part in self.bins:
            auc = part.auc
            bounds = (None, None, None) if auc is None else (auc.value, auc.low, auc.high)
            rows.append((part.low, part.high, part.n, *bounds))
        names = ("low", "high", "n", "auc", "auc_low", "auc_high")
        return pa.table({key: [row[i] for row in rows] for i, key in enumerate(names)})

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def read_counts(path: str | Path) -> dict[str, int]:
    """Read a CSV with the columns `name` and `count`; others are left aside.

    Raises
    ------
    CorpusError
        If it cannot be read, lacks a column, or a count is no whole number of at least 0.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"name", "count"} <= set(reader.fieldnames or ()):
                raise CorpusError(
                    f"{path}: needs the columns name and count; got {reader.fieldnames}."
                )
            rows = [(row["name"], row["count"], reader.line_num) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path}: cannot be read as CSV ({error}).") from None
    counts = {}
    for name, count, line in rows:
        if not (count or "").strip().isdecimal():
            raise CorpusError(f"{path}: line {line}: count must be a whole number; got {count!r}.")
        counts[" ".join((name or "").split())] = int(count)
    return counts


def compare_counts(
    identity: Identity,
    counts: Mapping[str, int],
    *,
    column: str = "own_score",
    bins: Sequence[int] = BINS,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> CountAgreement:
    """Compare a measure with how often people are named.

    Raises
    ------
    ValueError
        If fewer than 10 names have both, the counts are all equal, or there is no such column.
    """
    from scipy.stats import spearmanr

    values = identity.column(column)
    told = np.array([counts.get(row.name, np.nan) for row in identity.rows], dtype=np.float64)
    both = np.isfinite(values) & np.isfinite(told)
    values, told = values[both], told[both]
    if len(values) < _FEWEST or len(np.unique(told)) < 2 or len(np.unique(values)) < 2:
        raise ValueError(
            f"a rank correlation needs {_FEWEST} or more names with different counts and "
            f"different {column}; {len(values)} have both."
        )
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(values), size=(n_bootstrap, len(values)))
    again = np.array([spearmanr(values[rows], told[rows]).statistic for rows in draws])
    low, high = np.nanquantile(again, [0.025, 0.975])  # NaN: a resample without variety
    rho = Interval(float(spearmanr(values, told).statistic), float(low), float(high))
    null = np.array(identity.recombined_scores if column == "own_score" else ())
    made = []
    for at, edge in enumerate(bins):
        upper = bins[at + 1] if at + 1 < len(bins) else None
        inside = (told >= edge) & (told < (np.inf if upper is None else upper))
        made.append(_bin(values[inside], null, edge, upper, rng))
    return CountAgreement(column, len(values), len(null), rho, tuple(made))


def _bin(
    values: Float64Array, null: Float64Array, low: int, high: int | None, rng: np.random.Generator
) -> CountBin:
    if min(len(values), len(null)) < _FEWEST:
        return CountBin(low, high, len(values), None)
    again = [auc(rng.choice(values, len(values)), rng.choice(null, len(null))) for _ in range(500)]
    bounds = np.quantile(again, [0.025, 0.975])
    return CountBin(
        low, high, len(values), Interval(auc(values, null), float(bounds[0]), float(bounds[1]))
    )


def auc(values: Float64Array, null: Float64Array) -> float:
    """Chance that a value lies above one of the null, ties counted half."""
    ranked = np.sort(null)
    below = np.searchsorted(ranked, values, "left") + np.searchsorted(ranked, values, "right")
    return float(below.mean() / (2 * len(ranked)))
