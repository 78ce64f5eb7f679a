"""Audits of several encoders side by side, with paired intervals over the names that both read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from namebasis.analysis.intervals import resampled_ends
from namebasis.auditing.claims import Claim, Sample, interval, statistic
from namebasis.auditing.compared import AuditComparison, Difference
from namebasis.auditing.files import DOCUMENT, SAMPLES, read_audit, read_samples
from namebasis.auditing.results import Audit
from namebasis.checks import Float64Array, IntArray, check_seed
from namebasis.errors import NamebasisError
from namebasis.wording import counted

_SIDED = ("AUC", "difference", "d")
_SHARED = ("version", "fingerprint", "is_quick", "level", "n_draws")
"""What two audits that can be compared have in common of their plans."""
_FEWEST = 10
"""Names that both encoders read, below which a claim is not compared."""


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
    found = _refined(found, held, n_resamples, read[0].level, np.random.default_rng([seed, 1]))
    return AuditComparison(
        encoders=tuple(map(_described, held)),
        plan={key: read[0].plan[key] for key in _SHARED},
        corpora={
            key: {what: one[what] for what in ("title", "n_names", "fingerprint")}
            for key, one in read[0].corpora.items()
        },
        parts={part.key: part.title for audit in read for part in audit.parts},
        seed=seed, n_resamples=n_resamples, differences=_corrected(found), remarks=tuple(remarks),
    )  # fmt: skip


def _described(one: _Held) -> dict[str, Any]:
    """What one audit read and rests on."""
    audit = one.audit
    return {
        "label": one.label,
        **{key: audit.encoder[key] for key in ("spec", "fingerprint", "revision", "dim")},
        "namebasis": audit.package_version,
        "seed": audit.plan["seed"],
        "templates": list(audit.plan["templates"]),
        "n_read": {key: corpus["n_read"] for key, corpus in audit.corpora.items()},
        "skipped": [part.title for part in audit.parts if part.skipped],
    }


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
        ):
            if theirs != ours:
                yield f"{what} differs: {one.label} {theirs}, {first.label} {ours}."
        asked_in = [list(held.audit.plan["templates"]) for held in (one, first)]
        if asked_in[0] != asked_in[1]:
            others = len(set(asked_in[0]) ^ set(asked_in[1]))
            yield (
                f"templates differ: {one.label} {len(asked_in[0])}, {first.label} "
                f"{len(asked_in[1])}; {others} of them only in one."
            )
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


def _refined(
    found: Sequence[Difference],
    held: Sequence[_Held],
    n_resamples: int,
    level: float,
    rng: np.random.Generator,
) -> list[Difference]:
    """The differences; those whose p is the smallest that the draws can tell are drawn more
    often where no correction could otherwise find it beyond noise."""
    needed = int(np.ceil(2 * len(found) / level))
    least = 2 / (1 + n_resamples)
    at_least = [one for one in _corrected(found) if one.p <= least]
    if needed <= n_resamples or not any((one.p_corrected or 0) > level for one in at_least):
        return list(found)
    first, others = held[0], {one.label: one for one in held[1:]}
    claims = [
        {(part.key, one.key): one for part, one in audit.claims}
        for audit in (first.audit, *(one.audit for one in others.values()))
    ]
    theirs = dict(zip(others, claims[1:], strict=True))
    refined = []
    for one in found:
        again = None
        if one.p <= least:
            at, other = (one.part, one.key), others[one.encoder]
            again = _difference(
                one.part, claims[0][at], theirs[one.encoder][at],
                first.samples[one.part][one.key], other.samples[one.part][one.key], first, other,
                needed, rng,
            )  # fmt: skip
        refined.append(again or one)
    return refined


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
        len(set(ours.names) ^ set(theirs.names)), claim.neutral, peer.chance, claim.chance,
        claim.one_sided,
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
