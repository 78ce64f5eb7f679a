"""What a comparison of audits returns: each claim's difference to that of the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyarrow as pa

from namebasis.results import Result, Table, plain_dict
from namebasis.wording import between, counted, p_value

SCHEMA = 1
"""Of `comparison.json`; raised whenever a key changes its meaning or is dropped."""


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
        The value that says nothing.
    chance, first_chance : float or None
        What 95 % of the draws of each audit stay within; None for a fact.
    one_sided : bool
        Whether only values above neutral say something.
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
    chance: float | None = None
    first_chance: float | None = None
    one_sided: bool = False
    p_corrected: float | None = None


@dataclass(frozen=True, repr=False)
class AuditComparison(Result):
    """What differs between encoders, beyond noise.

    Attributes
    ----------
    encoders : tuple of mapping
        `label`, `spec`, `fingerprint`, `revision`, `dim`, `namebasis`, `seed`, `templates`,
        `n_read` (by corpus) and `skipped` (titles of parts) of each audit, the first one first.
    plan : mapping
        `version`, `fingerprint`, `is_quick`, `level` and `n_draws`, which they share.
    corpora : mapping of corpus to mapping
        `title`, `n_names` and `fingerprint`, which they share.
    parts : mapping of part to title
        In order.
    seed, n_resamples : int
        Of the paired bootstrap.
    differences : tuple of Difference
    remarks : tuple of str
        What differs between the audits themselves, and claims that could not be compared.
    """

    encoders: tuple[Mapping[str, Any], ...]
    plan: Mapping[str, Any]
    corpora: Mapping[str, Mapping[str, Any]]
    parts: Mapping[str, str]
    seed: int
    n_resamples: int
    differences: tuple[Difference, ...]
    remarks: tuple[str, ...] = ()

    _page = "namebasis.auditing.comparison_page:html_of"
    _figure = "namebasis.auditing.figures:draw_comparison"
    _section = "Audits"

    @property
    def level(self) -> float:
        """Of the corrected p, at which a difference is more than noise."""
        return float(self.plan["level"])

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

    def sentence(self, part: str) -> str:
        """What differs in a part, in one sentence."""
        ones = [one for one in self.differences if one.part == part]
        beyond = sorted(filter(self.is_beyond, ones), key=lambda one: not one.on_card)
        if not beyond:
            return f"None of {counted(len(ones), 'difference')} is beyond noise."
        told = "; ".join(
            f"{one.label}, {'higher' if one.difference > 0 else 'lower'} in {one.encoder} "
            f"({one.value:.2f}; {self.labels[0]}: {one.first:.2f})"
            for one in beyond[:3]
        )
        verb = "is" if len(beyond) == 1 else "are"
        among = ": " if len(beyond) <= 3 else ", among them "
        return (
            f"{len(beyond)} of {counted(len(ones), 'difference')} {verb} beyond noise{among}{told}."
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
        """The document of `comparison.json`; see docs/audit.md."""
        return plain_dict(
            {
                "schema": SCHEMA,
                "headline": self.headline(),
                "encoders": [dict(one) for one in self.encoders],
                "plan": self.plan,
                "corpora": self.corpora,
                "parts": self.parts,
                "seed": self.seed,
                "n_resamples": self.n_resamples,
                "differences": [
                    {**asdict(one), "is_beyond_noise": self.is_beyond(one)}
                    for one in self.differences
                ],
                "remarks": list(self.remarks),
            }
        )
