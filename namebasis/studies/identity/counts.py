"""Does a measure follow how often a training set names people?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.intervals import (
    Interval,
    auc,
    auc_interval,
    rank_correlation_interval,
)
from namebasis.checks import Float64Array
from namebasis.errors import CorpusError
from namebasis.namespace.corpus.count_files import by_fold, count_rows
from namebasis.namespace.corpus.folding import fold
from namebasis.results import Result, Table
from namebasis.studies.identity.mentions import ENDLESS, threshold, told_threshold
from namebasis.studies.identity.results import COLUMNS, EVIDENCES_IN_WORDS, Identity
from namebasis.studies.identity.thresholds import KINDS
from namebasis.wording import between, did_you_mean

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

__all__ = [
    "CountAgreement",
    "CountBin",
    "KindByMentions",
    "auc",
    "compare_counts",
    "compare_stored",
    "read_counts",
]

BINS = (0, 300, 3000)
_FEWEST, _FEWEST_OF_KIND = 10, 5
KNOWN = "any but unknown"
_KNOWN_BY = ("own_score", "strength")
"""Evidences beyond whose threshold a model has something of the person; others tell how."""
_IN_WORDS = {key: words[0].upper() + words[1:] for key, words in EVIDENCES_IN_WORDS.items()}


@dataclass(frozen=True)
class CountBin:
    """Names with `low` or more mentions, below `high`; AUC against recombined names."""

    low: int
    high: int | None
    n: int
    auc: Interval | None


@dataclass(frozen=True)
class KindByMentions:
    """From how many mentions on a kind of identity is more likely than not.

    Attributes
    ----------
    kind : str
        One of `thresholds.KINDS`, or `KNOWN` for all but unknown.
    n, n_others : int
        People of the kind, and of other kinds.
    auc : Interval or None
        Chance that one of the kind is named more often than one of another; None for fewer than 5
        people on either side.
    threshold : Interval
        See `mentions.threshold`.
    """

    kind: str
    n: int
    n_others: int
    auc: Interval | None
    threshold: Interval


@dataclass(frozen=True, repr=False)
class CountAgreement(Result):
    """How a measure agrees with counts.

    Attributes
    ----------
    column : str
    n : int
        Names with both a count and the measure.
    n_recombined : int
    spearman : Interval
        Rank correlation, with a 95 % interval over names.
    bins : tuple of CountBin
        `auc` is None where the bin or the recombined names are fewer than 10, or the measure is
        not one of `identity_results.SWAP_MEASURES`, which alone are known of recombined names.
    threshold : Interval or None
        Mentions at which a person is as likely as not beyond the measure's threshold; see
        `mentions.threshold`. None where the measure has none.
    kinds : tuple of KindByMentions
        The same for each kind of identity that somebody is of; empty where kinds are not known.
    """

    column: str
    n: int
    n_recombined: int
    spearman: Interval
    bins: tuple[CountBin, ...]
    threshold: Interval | None = None
    kinds: tuple[KindByMentions, ...] = ()

    def headline(self) -> str:
        """The rank correlation in a sentence."""
        rho = self.spearman
        what = _IN_WORDS.get(self.column, self.column)
        told = f"Spearman {rho.value:.2f}, 95 % interval {between(rho.low, rho.high, 2)}"
        follows = rho.low is not None and rho.high is not None and not rho.low <= 0 <= rho.high
        if not follows:
            return f"{what} is not seen to follow how often {self.n:,} people are named: {told}."
        way = "more" if rho.value > 0 else "less"
        return f"{what}: {way} for those of {self.n:,} people who are named more often ({told})."

    def tables(self) -> list[Table]:
        """AUC against recombined names by number of mentions; then each kind's threshold."""
        made = []
        if any(part.auc for part in self.bins):
            columns = ("mentions", "below", "people", "AUC", "low", "high")
            rows = [tuple(row.values()) for row in self.to_arrow().to_pylist()]
            title = f"AUC by number of mentions, against {self.n_recombined:,} recombined names"
            made.append(Table(columns, rows, title, key="counts"))
        if self.kinds:
            heads = ("kind", "people", "likely from mentions", "low", "high", "AUC of mentions",
                     "why not")  # fmt: skip
            told = [_told_kind(one) for one in self.kinds]
            title = "from how many mentions on a kind is more likely than not"
            made.append(Table(heads, told, title, key="kinds_by_mentions"))
        return made

    def notes(self) -> list[str]:
        """From how many mentions on people are known, and why there is no AUC."""
        told = [] if self.threshold is None else [told_threshold(self.threshold)]
        if not self.n_recombined:
            told.append(f"no AUC: {self.column} is not known of recombined names")
        return told

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
    """Read a table with the columns `name` and `count`, in any capitals; others are left aside.

    Spellings that fold to one name (José, JOSE) are one, as it is written first, with the sum of
    their counts.

    Raises
    ------
    CorpusError
        If it cannot be read, lacks a column, or a count is no whole number of at least 0.
    """
    counts: dict[str, int] = {}
    first: dict[str, str] = {}
    for line, name, (text,) in count_rows(path)[1]:
        whole, _, rest = text.partition(".")
        if not whole.isdecimal() or rest.strip("0"):
            raise CorpusError(f"{path}: line {line}: count must be a whole number; got {text!r}.")
        if len(whole) > 18:
            raise CorpusError(f"{path}: line {line}: count has {len(whole)} digits, over 18.")
        spelling = first.setdefault(fold(name), name)
        counts[spelling] = counts.get(spelling, 0) + int(whole)
    return counts


def compare_counts(
    identity: Identity,
    counts: Mapping[str, int],
    *,
    column: str = "own_score",
    bins: Sequence[int] = BINS,
) -> CountAgreement:
    """Compare a measure with how often people are named.

    Raises
    ------
    ValueError
        If fewer than 10 names have both, the counts are all equal, or there is no such column.
    """
    values = dict(zip((row.name for row in identity.rows), identity.column(column), strict=True))
    null = identity.recombined.get(column, np.empty(0))
    beyond = identity.thresholds.get(column) if column in _KNOWN_BY else None
    found = _compare(column, values, counts, null, bins, beyond)
    return replace(found, kinds=_by_kind(identity, counts))


def _by_kind(identity: Identity, counts: Mapping[str, int]) -> tuple[KindByMentions, ...]:
    """Kinds by mentions, of the people that have both; the most probable kind is theirs."""
    find = by_fold(counts)
    both = [
        (row.kind, count)
        for row in identity.rows
        if row.kind is not None and (count := find(row.name)) is not None
    ]
    if len(both) < _FEWEST:
        return ()
    kinds = np.array([kind for kind, _ in both])
    told = np.array([count for _, count in both], dtype=np.float64)
    sides = {KNOWN: kinds != KINDS[0], **{kind: kinds == kind for kind in KINDS[1:]}}
    made = []
    for kind, is_it in sides.items():
        n, n_others = int(is_it.sum()), int((~is_it).sum())
        if not n:
            continue
        enough = min(n, n_others) >= _FEWEST_OF_KIND
        apart = auc_interval(told[is_it], told[~is_it]) if enough else None
        others = KINDS[0] if kind == KNOWN else "others"
        at = threshold(told, is_it, seed=0, is_it=kind, is_not=others)
        if np.isfinite(at.value) and (apart is None or apart.low is None or apart.low <= 0.5):
            at = _untold(f"mentions are not seen to tell {kind} from {others}")
        elif np.isfinite(at.value) and is_it[told >= at.value].mean() <= 0.5:
            # The curve only rises; a kind may give way to another as mentions grow.
            at = _untold(f"of those who are named more, most are {others}")
        made.append(KindByMentions(kind, n, n_others, apart, at))
    return tuple(made)


def _untold(why: str) -> Interval:
    return Interval(float("nan"), None, None, why)


def _told_kind(one: KindByMentions) -> tuple[object, ...]:
    at, apart = one.threshold, one.auc
    ends: tuple[str | None, ...] = (None, None, None)
    if np.isfinite(at.value):
        ends = tuple(
            None if end is None else f"{end:,.0f}" if end < ENDLESS else "…"
            for end in (at.value, at.low, at.high)
        )
    told = None if apart is None else f"{apart.value:.2f} ({between(apart.low, apart.high, 2)})"
    return (one.kind, one.n, *ends, told, at.reason)


def with_counts(
    identity: Identity, counts: Mapping[str, int], *, column: str = "own_score"
) -> Identity:
    """The same result beside how often each is named; see `compare_counts`."""
    agreement = compare_counts(identity, counts, column=column)
    return replace(identity, agreement=agreement, counts=dict(counts))


def compare_stored(
    space: StoredSpace,
    counts: Mapping[str, int],
    measure: str,
    *,
    bins: Sequence[int] = BINS,
) -> CountAgreement:
    """Compare a column that the space holds with how often people are named; no model is loaded.

    A name that is stored several times counts with the row that `Space.find` gives. There are no
    recombined names to compare with, so no AUC.

    Raises
    ------
    ValueError
        As `compare_counts` does, or if the measure is not one of numbers.
    """
    if measure not in space.columns or not _is_number(space, measure):
        numbers = [name for name in space.columns if _is_number(space, name)]
        raise ValueError(
            f"measure must be one of numbers that the study makes ({', '.join(COLUMNS)}) or that "
            f"the space holds ({', '.join(numbers)}); got {measure!r}."
            f"{did_you_mean(measure, [*COLUMNS, *numbers])}"
        )
    names = list(counts)
    places = zip(names, space.find_all(names), strict=True)
    ids = {name: row for name, row in places if row is not None}
    table = space.table([measure], ids=list(ids.values())) if ids else None
    told = [] if table is None else table[measure].to_pylist()
    found = dict(zip(ids, (np.nan if one is None else float(one) for one in told), strict=True))
    return _compare(measure, found, counts, np.empty(0), bins)


def _is_number(space: StoredSpace, column: str) -> bool:
    if column == "id":
        return False
    kind = space.table([column], limit=0).schema.field(column).type
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _compare(
    column: str,
    measured: Mapping[str, float],
    counts: Mapping[str, int],
    null: Float64Array,
    bins: Sequence[int],
    beyond: float | None = None,
) -> CountAgreement:
    find = by_fold(counts)
    both = {
        name: count
        for name, value in measured.items()
        if np.isfinite(value) and (count := find(name)) is not None
    }
    values = np.array([measured[name] for name in both], dtype=np.float64)
    told = np.array(list(both.values()), dtype=np.float64)
    if len(values) < _FEWEST or len(np.unique(told)) < 2 or len(np.unique(values)) < 2:
        raise ValueError(
            f"a rank correlation needs {_FEWEST} or more names with different counts and "
            f"different {column}; {len(values)} have both."
        )
    made = []
    for at, edge in enumerate(bins):
        upper = bins[at + 1] if at + 1 < len(bins) else None
        inside = (told >= edge) & (told < (np.inf if upper is None else upper))
        made.append(_bin(values[inside], null, edge, upper))
    rho = rank_correlation_interval(values, told)
    known = None if beyond is None else threshold(told, values > beyond, seed=0)
    return CountAgreement(column, len(values), len(null), rho, tuple(made), known)


def _bin(values: Float64Array, null: Float64Array, low: int, high: int | None) -> CountBin:
    enough = min(len(values), len(null)) >= _FEWEST
    return CountBin(low, high, len(values), auc_interval(values, null) if enough else None)
