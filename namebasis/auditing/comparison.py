"""Audits of several encoders side by side, with paired intervals over the names that both read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.intervals import resampled_ends
from namebasis.auditing.claims import Claim, Sample, interval, statistic
from namebasis.auditing.files import DOCUMENT, SAMPLES, read_audit, read_samples
from namebasis.auditing.results import Audit
from namebasis.checks import Float64Array, IntArray, check_seed
from namebasis.errors import NamebasisError
from namebasis.results import Result, Table, plain_dict
from namebasis.wording import between, counted, p_value

SCHEMA = 1
_SIDED = ("AUC", "difference", "d")
_FEWEST = 10
"""Names that both encoders read, below which a claim is not compared."""


@dataclass(frozen=True)
class Difference:
    """One claim of an encoder less that of the first, over the names that both read.

    Attributes
    ----------
    part, key, label, measure, meaning : str
    on_card : bool
    encoder : str
        The label of the encoder that is held against the first.
    first, value : float
        Of the first encoder and of this one, over the common names.
    low, high, first_low, first_high : float or None
        Their 95 % intervals.
    is_beyond, first_is_beyond : bool
        Whether each audit found it beyond chance.
    difference : float
    difference_low, difference_high : float
        95 % interval of the paired bootstrap.
    p, p_corrected : float or None
        Two-sided; corrected for all differences (Benjamini and Hochberg).
    n, n_left_out : int
        Names that both read, and those that only one reads.
    neutral : float or None
    """

    part: str
    key: str
    label: str
    measure: str
    meaning: str
    on_card: bool
    encoder: str
    first: float
    first_low: float | None
    first_high: float | None
    first_is_beyond: bool
    value: float
    low: float | None
    high: float | None
    is_beyond: bool
    difference: float
    difference_low: float
    difference_high: float
    p: float
    n: int
    n_left_out: int
    neutral: float | None = None
    p_corrected: float | None = None


@dataclass(frozen=True, repr=False)
class AuditComparison(Result):
    """What differs between encoders, beyond noise.

    Attributes
    ----------
    encoders : tuple of mapping
        `label`, `spec`, `fingerprint`, `dim` and `namebasis` of each audit, the first one first.
    plan : mapping
        Of all of them.
    level : float
    differences : tuple of Difference
    remarks : tuple of str
        What differs between the audits themselves, and claims that could not be compared.
    """

    encoders: tuple[Mapping[str, Any], ...]
    plan: Mapping[str, Any]
    level: float
    differences: tuple[Difference, ...]
    remarks: tuple[str, ...] = ()

    _section = "Audits"

    @property
    def labels(self) -> list[str]:
        """What the encoders are called here."""
        return [str(one["label"]) for one in self.encoders]

    def is_beyond(self, one: Difference) -> bool:
        """Whether a difference is more than noise."""
        return one.p_corrected is not None and one.p_corrected <= self.level

    def headline(self) -> str:
        """How many differences go beyond noise."""
        beyond = [one for one in self.differences if self.is_beyond(one)]
        first, *others = self.labels
        held = f"{', '.join(others)} against {first}"
        if not beyond:
            n = counted(len(self.differences), "difference")
            return f"{held}: none of {n} is beyond noise."
        told = [one for one in beyond if one.on_card] or beyond
        most = "; ".join(
            f"{one.label} ({one.encoder}: {one.value:.2f}, {first}: {one.first:.2f})"
            for one in told[:2]
        )
        return (
            f"{held}: {len(beyond)} of {counted(len(self.differences), 'difference')} are beyond "
            f"noise, among them {most}."
        )

    def tables(self) -> list[Table]:
        """The claims of the score card, then all of them."""
        card = [one for one in self.differences if one.on_card]
        return [
            self._table(card, "score card, compared", "card"),
            replace(self._table(self.differences, "every claim, compared", "claims"), detail=True),
        ]

    def _table(self, ones: Sequence[Difference], title: str, key: str) -> Table:
        rows = [
            (one.label, one.encoder, one.value, one.first, one.difference,
             between(one.difference_low, one.difference_high, 2), p_value(one.p_corrected))
            for one in ones
        ]  # fmt: skip
        muted = [at for at, one in enumerate(ones) if not self.is_beyond(one)]
        return Table(
            ("figure", "encoder", "value", "in the first", "difference", "95 %", "p (BH)"), rows,
            title, key=key, muted=muted,
        )  # fmt: skip

    def notes(self) -> Sequence[str]:
        """What was compared with what, and what differs besides."""
        return (
            f"Differences to {self.labels[0]}, over the names that both read (paired bootstrap); "
            "p is corrected for all of them. Grey: within noise.",
            *self.remarks,
        )

    def to_arrow(self) -> pa.Table:
        """One row per claim and encoder."""
        rows = [{**asdict(one), "is_beyond_noise": self.is_beyond(one)} for one in self.differences]
        return pa.Table.from_pylist(rows)

    def to_dict(self) -> dict[str, Any]:
        """Everything in plain values."""
        return plain_dict(
            {
                "schema": SCHEMA,
                "headline": self.headline(),
                "encoders": [dict(one) for one in self.encoders],
                "plan": self.plan,
                "level": self.level,
                "differences": self.to_arrow().to_pylist(),
                "remarks": list(self.remarks),
            }
        )


@dataclass(frozen=True)
class _Held:
    """One audit that is compared."""

    audit: Audit
    samples: Mapping[str, Mapping[str, Sample]]
    label: str


def compare_audits(
    audits: Sequence[str | Path], *, n_resamples: int = 999, seed: int = 0
) -> AuditComparison:
    """Put audits of several encoders side by side; differences are those to the first.

    Parameters
    ----------
    audits : sequence of str or Path
        Folders of finished audits, or their `audit.json` with `samples.parquet` beside it: two or
        more, of one plan and of the same names.
    n_resamples : int
        Of the paired bootstrap: the same names are drawn for both encoders, those of both kinds
        apart where a claim compares two kinds.
    seed : int

    Returns
    -------
    AuditComparison

    Raises
    ------
    ValueError
        If fewer than two are given, or one twice.
    NamebasisError
        If one is no finished audit, or they asked other questions or read other names.

    Examples
    --------
    >>> import namebasis as nb
    >>> found = nb.compare_audits(["audit-a", "audit-b"])  # doctest: +SKIP
    """
    seed = check_seed(seed)
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be at least 1; got {n_resamples}.")
    if isinstance(audits, (str, Path)) or len(audits) < 2:
        raise ValueError("a comparison needs two audits or more; give their folders.")
    places = [_place(Path(one)) for one in audits]
    for at, place in enumerate(places):
        if place.resolve() in [one.resolve() for one in places[:at]]:
            raise ValueError(f"{place} is given twice; a comparison needs different audits.")
    read = [read_audit(place) for place in places]
    _refuse_others(read, places)
    labels = _labels([str(one.encoder["spec"]) for one in read])
    held = [
        _Held(audit, read_samples(place / SAMPLES), label)
        for audit, place, label in zip(read, places, labels, strict=True)
    ]
    remarks = list(_said(held))
    found: list[Difference] = []
    for other in held[1:]:
        rng = np.random.default_rng(seed)
        ones, missing = _compared(held[0], other, n_resamples, rng)
        found += ones
        if missing:
            remarks.append(f"{counted(missing, 'claim')} of {other.label} or the first are not in "
                           "the other, or rest on too few names of both.")  # fmt: skip
        left = max((one.n_left_out for one in ones), default=0)
        if left:
            remarks.append(f"Names that only one of {held[0].label} and {other.label} reads are "
                           f"left out: at most {left:,} of a claim.")  # fmt: skip
    encoders = tuple(
        {
            "label": one.label, "namebasis": one.audit.package_version,
            **{key: one.audit.encoder[key] for key in ("spec", "fingerprint", "dim")},
        }
        for one in held
    )  # fmt: skip
    return AuditComparison(
        encoders, dict(read[0].plan), read[0].level, _corrected(found), tuple(remarks)
    )


def _place(path: Path) -> Path:
    return path.parent if path.name == DOCUMENT else path


def _refuse_others(read: Sequence[Audit], places: Sequence[Path]) -> None:
    first = read[0]
    for audit, place in zip(read[1:], places[1:], strict=True):
        if audit.plan["fingerprint"] != first.plan["fingerprint"]:
            told = [
                f"version {one.plan['version']}, {'quick' if one.plan['is_quick'] else 'full'}"
                for one in (audit, first)
            ]
            raise NamebasisError(
                f"{place} asked other questions than {places[0]} (plan {told[0]}; {told[1]}). "
                "Compare audits of one plan."
            )
        theirs, ours = (
            {key: one["fingerprint"] for key, one in held.corpora.items()}
            for held in (audit, first)
        )
        differ = sorted(key for key in theirs | ours if theirs.get(key) != ours.get(key))
        if differ:
            raise NamebasisError(
                f"{place} read other names than {places[0]} (corpus {', '.join(differ)}). Audit "
                "both with the same --names and --seed."
            )


def _labels(specs: Sequence[str]) -> list[str]:
    """Specs without their kind, told apart by number where two are alike."""
    short = [spec.rpartition(":")[2].rstrip("/").rpartition("/")[2] or spec for spec in specs]
    short = short if len(set(short)) == len(short) else list(specs)
    return [one if short.count(one) == 1 else f"{one} ({at + 1})" for at, one in enumerate(short)]


def _said(held: Sequence[_Held]) -> Iterator[str]:
    first = held[0]
    for one in held[1:]:
        if one.audit.encoder["fingerprint"] == first.audit.encoder["fingerprint"]:
            yield f"{one.label} and {first.label} have the same weights."
        for what, theirs, ours in (
            ("namebasis", one.audit.package_version, first.audit.package_version),
            ("seed", one.audit.plan["seed"], first.audit.plan["seed"]),
            ("templates", one.audit.plan["templates"], first.audit.plan["templates"]),
        ):
            if theirs != ours:
                yield f"{what} differs: {one.label} {theirs}, {first.label} {ours}."
        for left, right in ((one, first), (first, one)):
            skipped = [part.title for part in left.audit.parts if part.skipped]
            asked = {part.title for part in right.audit.parts if not part.skipped}
            if told := [title for title in skipped if title in asked]:
                yield f"{left.label} skipped: {', '.join(told)}."


def _compared(
    first: _Held, other: _Held, n_resamples: int, rng: np.random.Generator
) -> tuple[list[Difference], int]:
    """The differences of all claims that both have, and how many could not be compared."""
    theirs = {(part.key, one.key): one for part, one in other.audit.claims}
    found, missing = [], len(theirs)
    for part, claim in first.audit.claims:
        peer = theirs.get((part.key, claim.key))
        samples = [one.samples.get(part.key, {}).get(claim.key) for one in (first, other)]
        if peer is None or samples[0] is None or samples[1] is None:
            missing += peer is None
            continue
        one = _difference(
            part.key, claim, peer, samples[0], samples[1], first, other, n_resamples, rng
        )
        if one is not None:
            found.append(one)
            missing -= 1
    return found, missing


def _difference(
    part: str, claim: Claim, peer: Claim, ours: Sample, theirs: Sample, first: _Held, other: _Held,
    n_resamples: int, rng: np.random.Generator,
) -> Difference | None:  # fmt: skip
    """One difference; None where too few names are common."""
    own, also = common(ours, theirs)
    n, measure = len(own.names), claim.measure
    if n < _FEWEST or peer.measure != measure:
        return None
    values = [interval(measure, one) for one in (own, also)]
    draws = np.array(
        [
            statistic(measure, also, rows) - statistic(measure, own, rows)
            for rows in _resamples(measure, own, n_resamples, rng)
        ]
    )
    draws = draws[np.isfinite(draws)]
    gap = values[1].value - values[0].value
    if not draws.size or not np.isfinite(gap):
        return None
    low, high = resampled_ends(draws.tolist(), n)
    side = min(float((draws <= 0).sum()), float((draws >= 0).sum()))
    return Difference(
        part, claim.key, claim.label, measure, claim.meaning, claim.on_card or peer.on_card,
        other.label, values[0].value, values[0].low, values[0].high,
        claim.is_beyond(first.audit.level), values[1].value, values[1].low, values[1].high,
        peer.is_beyond(other.audit.level), gap, min(low, gap), max(high, gap),
        min(1.0, 2 * (1 + side) / (1 + draws.size)), n,
        len(set(ours.names) ^ set(theirs.names)), claim.neutral,
    )  # fmt: skip


def common(ours: Sample, theirs: Sample) -> tuple[Sample, Sample]:
    """Both samples over the names that both have, in one order."""
    at = {name: row for row, name in enumerate(theirs.names)}
    pairs = [(row, at[name]) for row, name in enumerate(ours.names) if name in at]
    rows = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    names = tuple(ours.names[row] for row in rows[:, 0])

    def taken(sample: Sample, chosen: IntArray) -> Sample:
        truth = None if sample.truth is None else sample.truth[chosen]
        return Sample(names, sample.values[chosen], truth)

    return taken(ours, rows[:, 0]), taken(theirs, rows[:, 1])


def _resamples(
    measure: str, sample: Sample, n_resamples: int, rng: np.random.Generator
) -> Iterator[IntArray]:
    """Rows that are drawn with replacement, within both kinds where a claim compares two."""
    groups = [np.arange(len(sample.names))]
    if measure in _SIDED and sample.truth is not None:
        own = sample.truth >= 0.5
        groups = [np.flatnonzero(own), np.flatnonzero(~own)]
    for _ in range(n_resamples):
        yield np.concatenate([rng.choice(one, len(one)) for one in groups if len(one)])


def _corrected(found: Sequence[Difference]) -> tuple[Difference, ...]:
    from scipy.stats import false_discovery_control

    told: Float64Array = np.empty(0)
    if found:
        told = np.asarray(false_discovery_control([one.p for one in found]))
    return tuple(replace(one, p_corrected=float(p)) for one, p in zip(found, told, strict=True))
