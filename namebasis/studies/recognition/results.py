"""What `recognise` returns: a row for each person, and what people it cannot know give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.identity.recognition import Place
from namebasis.analysis.intervals import resampled_ends, share_interval
from namebasis.checks import Float64Array
from namebasis.results import Result, Table, plain_dict
from namebasis.wording import between, counted, percent

DEVIATIONS = 2.75
"""Standard deviations of names that nobody bears above their mean; from there it counts."""
RECOGNISED, PARTS, NOT = "one person", "like its parts", "not recognised"
"""Verdicts: the own direction points at the person; the name is among the first all the same;
neither."""
CAUTION = (
    "A rank says which of these names lies nearest to these photos in one encoder. It is no proof "
    "that the person was in the training data, and identifies nobody."
)


def deviations(value: float, others: Float64Array) -> float:
    """Standard deviations of others by which a value lies above their mean; NaN of fewer than 3."""
    if len(others) < 3 or (spread := float(others.std(ddof=1))) <= 1e-12:
        return float("nan")
    return float((value - others.mean()) / spread)


@dataclass(frozen=True)
class Recognised:
    """One person and their name.

    Attributes
    ----------
    name : str
    n_photos : int
    rank, rank_low, rank_high : int
        Place of the true name among all for the mean of the photos, with an interval over photos;
        None of fewer than 6, of which 500 draws do not reach the levels of Student's t.
    margin, margin_low, margin_high : float
        Mean cosine of the photos to the true name less that to the best other; above 0 at rank 1.
    votes : float
        Share of photos that are nearest to the true name.
    auc : float
        Chance that a photo lies nearer to the true name than to another.
    auc_alike : float or None
        The same of other names that lie as near to the photos along the attributes.
    own, own_low, own_high : float or None
        How far what the name has beyond its parts points at the person; None of names of one part.
    own_z : float or None
        That in standard deviations of names that nobody bears, put to the same photos.
    verdict : str
        `RECOGNISED`, `PARTS` or `NOT`.
    best : tuple of (str, float)
        The names nearest to the photos, with their mean cosines.
    reason : str or None
        Why there is no own direction.
    """

    name: str
    n_photos: int
    rank: int
    rank_low: int | None
    rank_high: int | None
    margin: float
    margin_low: float | None
    margin_high: float | None
    votes: float
    auc: float
    auc_alike: float | None
    own: float | None
    own_low: float | None
    own_high: float | None
    own_z: float | None
    verdict: str
    best: tuple[tuple[str, float], ...]
    reason: str | None

    @classmethod
    def of(
        cls,
        name: str,
        place: Place,
        *,
        n_names: int,
        best: tuple[tuple[str, float], ...],
        auc_alike: float | None,
        own: float | None,
        own_draws: Float64Array | None,
        unborne: Float64Array | None,
        reason: str | None,
    ) -> Recognised:
        """A row of what was measured; intervals where there are photos enough."""
        n = len(place.photo_ranks)

        def ends(draws: Any) -> tuple[float | None, float | None]:
            if draws is None:
                return None, None
            low, high = resampled_ends(draws, n)
            return (low, high) if np.isfinite([low, high]).all() else (None, None)

        first, last = ends(place.draw_ranks)
        z = None if own is None or unborne is None else deviations(own, unborne)
        is_known = z is not None and z > DEVIATIONS
        among = place.rank <= len(best)
        return cls(
            name, n, place.rank,
            None if first is None else int(first), None if last is None else int(last),
            place.margin, *ends(place.draw_margins),
            float((place.photo_ranks == 1).mean()),
            float(1 - (place.photo_ranks - 1).mean() / max(n_names - 1, 1)),
            auc_alike, own, *ends(own_draws), z,
            RECOGNISED if is_known else PARTS if among else NOT,
            best, reason,
        )  # fmt: skip

    @property
    def is_known(self) -> bool:
        """Whether the name is one person's: its own direction points at them."""
        return self.verdict == RECOGNISED

    def flat(self) -> dict[str, Any]:
        """A row of plain values."""
        return {**asdict(self), "best": [name for name, _ in self.best]}


@dataclass(frozen=True)
class Unknown:
    """What people and names that the model cannot know give.

    Attributes
    ----------
    people : tuple of Recognised
        Those of the photos that were given as unknown.
    n_alarms, n_names : int
        Names that nobody bears which are called known, each by thresholds from the other half, and
        how many there are.
    """

    people: tuple[Recognised, ...]
    n_alarms: int
    n_names: int


@dataclass(frozen=True, repr=False, eq=False)
class Recognition(Result):
    """People of whom there are photos and names, and what names the encoder gives them.

    Attributes
    ----------
    people : tuple of Recognised
    unknown : Unknown
    n_names : int
        Names that compete.
    k : int
    axes : tuple of str
    remarks : tuple of str
    parameters : mapping

    See Also
    --------
    namebasis.Space.recognise : Makes one.
    """

    _page = "namebasis.studies.recognition.figures:html_of"
    _figure = "namebasis.studies.recognition.figures:draw"
    _section = "Recognition from photos"

    people: tuple[Recognised, ...]
    unknown: Unknown
    n_names: int
    k: int
    axes: tuple[str, ...]
    remarks: tuple[str, ...]
    parameters: Mapping[str, object]

    def headline(self) -> str:
        """How many get their own name first, and how many are known as one person."""
        n = len(self.people)
        first = sum(row.rank == 1 for row in self.people)
        known = sum(row.is_known for row in self.people)
        if n == 1:
            (row,) = self.people
            told = f"{row.name} is name {row.rank:,} of {self.n_names:,} for these photos"
            return f"{told}: {row.verdict}."
        share = share_interval([row.rank == 1 for row in self.people])
        return (
            f"{first:,} of {n:,} people get their own name first among {self.n_names:,} "
            f"({percent(share.value)}; {percent(share.low)} to {percent(share.high)}); the names "
            f"of {known:,} point at them beyond what their parts say."
        )

    def tables(self) -> tuple[Table, ...]:
        """How people fare together; then a row for each."""
        return (self._together(), self._each(self.people, "people"), *self._strangers())

    def _together(self) -> Table:
        by_chance = [min(at / self.n_names, 1.0) for at in (1, self.k)]
        rows = [
            (f"own name among the first {at:,}", *_share([row.rank <= at for row in self.people],
                                                         chance))
            for at, chance in dict(zip((1, self.k), by_chance, strict=True)).items()
        ]  # fmt: skip
        rows.append(("photos nearest to their own name",
                     *_share([row.votes for row in self.people], by_chance[0])))  # fmt: skip
        rows.append(("AUC against all names", *_share([row.auc for row in self.people], 0.5)))
        alike = [row.auc_alike for row in self.people if row.auc_alike is not None]
        if alike:
            rows.append(("AUC against names of the same attributes", *_share(alike, 0.5)))
        cut = [row.is_known for row in self.people if row.own is not None]
        if cut:
            n = self.unknown.n_names
            rows.append(("known as one person",
                         *_share(cut, self.unknown.n_alarms / n if n else None)))  # fmt: skip
        columns = ("what", "value", "95 % interval", "by chance", "people")
        return Table(columns, rows, "all people together")

    def _strangers(self) -> list[Table]:
        found = self.unknown.people
        return [self._each(found, "people whom the model cannot know")] if found else []

    def _each(self, people: Sequence[Recognised], title: str) -> Table:
        rows = []
        for row in people:
            rows.append((
                row.name, row.n_photos, row.rank, _ranks(row.rank_low, row.rank_high), row.margin,
                row.auc_alike, None if row.own_z is None else round(row.own_z, 1), row.verdict,
                [name for name, _ in row.best[:3]],
            ))  # fmt: skip
        columns = ("name", "photos", "rank", "rank: 95 %", "margin", "AUC alike", "own z",
                   "verdict", "nearest names")  # fmt: skip
        grey = [at for at, row in enumerate(people) if row.verdict == NOT]
        return Table(columns, rows, title, muted=grey, detail=True)

    def notes(self) -> list[str]:
        """False alarms: people and names that the model cannot know; and what was left out."""
        told = []
        if people := self.unknown.people:
            share = share_interval([row.is_known for row in people])
            first = sum(row.rank == 1 for row in people)
            told.append(
                f"False alarms: {sum(row.is_known for row in people)} of {len(people)} people whom "
                f"the model cannot know are called known ({percent(share.value, 1)}; "
                f"{percent(share.low, 1)} to {percent(share.high, 1)}), and {first} of them get "
                "their name first, by its parts alone."
            )
        n = self.unknown.n_names
        if n:
            alarms = share_interval(np.arange(n) < self.unknown.n_alarms)
            ends = f"{percent(alarms.low, 1)} to {percent(alarms.high, 1)}"
            verb = "is" if self.unknown.n_alarms == 1 else "are"
            told.append(
                f"Of {n:,} names that nobody bears, put to these people, {self.unknown.n_alarms} "
                f"{verb} called known ({percent(alarms.value, 1)}; {ends})."
            )
        return [*told, *self.remarks, CAUTION]

    def footnotes(self) -> list[str]:
        """Why a name has no own direction, and what is alike."""
        told = []
        whole = [row for row in (*self.people, *self.unknown.people) if row.reason]
        if whole:
            told.append(
                f"{counted(len(whole), 'name')}, such as {whole[0].name!r} ({whole[0].reason}), "
                "cannot be told from what its parts say: no own direction, and no verdict by it"
            )
        if few := sum(row.rank_low is None for row in self.people):
            told.append(
                f"no interval over photos for {counted(few, 'person', 'people')} of fewer than 6 "
                "photos, or of fewer than 500 draws"
            )
        told.append(f"the same attributes: along {', '.join(self.axes) or 'none'}")
        return told

    def to_arrow(self) -> pa.Table:
        """One row per person, those whom the model cannot know last."""
        rows = [
            {"name": row.name, "is_unknown": at >= len(self.people), **row.flat()}
            for at, row in enumerate((*self.people, *self.unknown.people))
        ]
        return pa.Table.from_pylist(rows, _SCHEMA)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return plain_dict({
            "people": [row.flat() for row in self.people],
            "unknown": {
                "people": [row.flat() for row in self.unknown.people],
                "n_names": self.unknown.n_names,
                "n_alarms": self.unknown.n_alarms,
            },
            "n_names": self.n_names,
            "k": self.k,
            "axes": list(self.axes),
            "notes": [*self.notes(), *self.footnotes()],
            "parameters": dict(self.parameters),
        })  # fmt: skip


def _share(
    values: Sequence[bool] | Sequence[float], by_chance: float | None
) -> tuple[float, str, float | None, int]:
    """A share of people, its interval, what chance reaches, and how many people it is of."""
    found = share_interval(np.asarray(values, dtype=np.float64))
    return found.value, between(found.low, found.high, 2), by_chance, len(values)


def _ranks(low: int | None, high: int | None) -> str:
    return "" if low is None or high is None else f"{low:,} to {high:,}"


_FLOATS = ("margin", "margin_low", "margin_high", "votes", "auc", "auc_alike", "own", "own_low",
           "own_high", "own_z")  # fmt: skip
_SCHEMA = pa.schema([
    ("name", pa.string()), ("is_unknown", pa.bool_()), ("n_photos", pa.int64()),
    *((key, pa.int64()) for key in ("rank", "rank_low", "rank_high")),
    *((key, pa.float64()) for key in _FLOATS),
    ("verdict", pa.string()), ("best", pa.list_(pa.string())), ("reason", pa.string()),
])  # fmt: skip
