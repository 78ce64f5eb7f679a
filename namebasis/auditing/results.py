"""What an audit returns: parts of claims, and a score card of the most telling ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyarrow as pa

from namebasis.auditing.claims import Claim, corrected
from namebasis.auditing.parts import PARTS
from namebasis.results import Result, Table, cell, plain_dict
from namebasis.wording import between, counted, listed, p_value

SCHEMA = 1
"""Of `audit.json`; raised whenever a key changes its meaning or is dropped."""


@dataclass(frozen=True)
class Listing:
    """A table of a part beside its claims, in plain values.

    Attributes
    ----------
    title : str
    columns : tuple of str
    rows : tuple of tuples
        Of text, numbers and None.
    muted : tuple of int
        Rows that are within chance.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float | None, ...], ...]
    muted: tuple[int, ...] = ()

    @classmethod
    def of(cls, table: Table) -> Listing:
        """A table that a study made."""
        rows = tuple(tuple(_cell(value) for value in row) for row in table.rows)
        return cls(table.title, tuple(table.columns), rows, tuple(table.muted))

    def table(self) -> Table:
        """As it is shown."""
        return Table(self.columns, self.rows, self.title, muted=self.muted, detail=True)


@dataclass(frozen=True)
class Part:
    """One section of an audit.

    Attributes
    ----------
    key, title : str
    claims : tuple of Claim
    lists : tuple of Listing
        Beside the table of the claims.
    remarks : tuple of str
    n_tried : int
        Readings that were tried, those that no table shows included.
    seconds : float
        Of wall time.
    skipped : str or None
        Why there is nothing to say.
    """

    key: str
    title: str
    claims: tuple[Claim, ...] = ()
    lists: tuple[Listing, ...] = ()
    remarks: tuple[str, ...] = ()
    n_tried: int = 0
    seconds: float = 0.0
    skipped: str | None = None


@dataclass(frozen=True, repr=False)
class Audit(Result):
    """What one encoder believes about names.

    Attributes
    ----------
    encoder : mapping
        `spec`, `fingerprint`, `revision`, `dim`.
    plan : mapping
        `version`, `fingerprint`, `is_quick`, `seed`, `level`, `n_draws`, `templates`.
    corpora : mapping of corpus to mapping
        `title`, `n_names`, `n_read` and `fingerprint`.
    parts : tuple of Part
        With p corrected over all of them.
    package_version : str
    folder : str
        Where it was written; empty where it was read from one file.
    """

    encoder: Mapping[str, Any]
    plan: Mapping[str, Any]
    corpora: Mapping[str, Mapping[str, Any]]
    parts: tuple[Part, ...]
    package_version: str
    folder: str = ""

    _page = "namebasis.auditing.page:html_of"
    _figure = "namebasis.auditing.figures:draw"
    _section = "Audits"

    @property
    def level(self) -> float:
        """At which a claim counts as beyond chance."""
        return float(self.plan["level"])

    @property
    def claims(self) -> list[tuple[Part, Claim]]:
        """Every claim with its part, in order."""
        return [(part, one) for part in self.parts for one in part.claims]

    @property
    def card(self) -> list[Claim]:
        """The claims of the score card."""
        return [one for _, one in self.claims if one.on_card]

    @property
    def n_tried(self) -> int:
        """Readings that were tried in all."""
        return sum(part.n_tried for part in self.parts)

    def sentence(self, part: Part) -> str:
        """What a part found, in one sentence."""
        if part.skipped is not None:
            return f"Skipped: {part.skipped}"
        asked = next(one for one in PARTS if one.key == part.key)
        return asked.say({one.key: one for one in part.claims}, self.level)

    def headline(self) -> str | None:
        """How much of what was tried goes beyond chance."""
        tested = [one for _, one in self.claims if one.is_tested]
        beyond = [one for one in tested if one.is_beyond(self.level)]
        spec = self.encoder["spec"]
        if not beyond:
            return (
                f"{spec}: none of {counted(len(tested), 'claim')} about names goes beyond chance."
            )
        first = [one.label for one in self.card if one.is_tested and one.is_beyond(self.level)]
        told = f", among them: {'; '.join(first[:3])}" if first else ""
        return (
            f"{spec}: {len(beyond)} of {counted(len(tested), 'claim')} about names go beyond "
            f"chance{told}."
        )

    def tables(self) -> list[Table]:
        """The score card and what its figures mean, then every part's claims and lists."""
        meanings = Table(
            ("figure", "meaning"), [(one.label, one.meaning) for one in self.card],
            "what the figures mean", key="meanings", detail=True, wrapped=("meaning",),
        )  # fmt: skip
        shown = [self.card_table(), meanings]
        for part in self.parts:
            if part.claims:
                shown.append(self.claims_table(part))
            shown += [one.table() for one in part.lists]
        return shown

    def card_table(self) -> Table:
        """The score card."""
        rows = [
            (one.label, _figure(one.value), _ends(one), _figure(one.chance),
             p_value(one.p_corrected) if one.is_tested else "fact")
            for one in self.card
        ]  # fmt: skip
        muted = [at for at, one in enumerate(self.card) if not one.is_beyond(self.level)]
        return Table(
            ("figure", "value", "95 %", "chance", "p (BH)"), rows, "score card",
            key="card", muted=muted,
        )  # fmt: skip

    def claims_table(self, part: Part) -> Table:
        """The claims of one part."""
        rows = [
            (one.label, one.measure, one.value, one.low, one.high, one.chance,
             p_value(one.p_corrected), one.n)
            for one in part.claims
        ]  # fmt: skip
        muted = [at for at, one in enumerate(part.claims) if not one.is_beyond(self.level)]
        return Table(
            ("figure", "measure", "value", "low", "high", "chance", "p (BH)", "names"), rows,
            part.title, key=part.key, muted=muted, detail=True,
        )  # fmt: skip

    def notes(self) -> list[str]:
        """How many readings were tried, and what was skipped."""
        skipped = [part.title for part in self.parts if part.skipped]
        told = [
            f"{counted(self.n_tried, 'reading')} were tried; p is corrected for all that are "
            "claims. Grey: within chance."
        ]
        if skipped:
            told.append(f"Skipped, for reasons that the page gives: {listed(skipped)}.")
        return told

    def footnotes(self) -> list[str]:
        """What each part found, in a sentence, with its remarks."""
        return [
            text
            for part in self.parts
            for text in (f"{part.title}. {self.sentence(part)}", *part.remarks)
        ]

    def to_arrow(self) -> pa.Table:
        """One row per claim."""
        rows = [
            {"part": part.key, **asdict(one), "is_beyond": one.is_beyond(self.level)}
            for part, one in self.claims
        ]
        return pa.Table.from_pylist(rows)

    def to_dict(self) -> dict[str, Any]:
        """The document of `audit.json`; see docs/audit.md."""
        return plain_dict(
            {
                "schema": SCHEMA,
                "namebasis": self.package_version,
                "headline": self.headline(),
                "encoder": self.encoder,
                "plan": self.plan,
                "corpora": self.corpora,
                "n_tried": self.n_tried,
                "card": [f"{part.key}/{one.key}" for part, one in self.claims if one.on_card],
                "parts": [self._part(part) for part in self.parts],
            }
        )

    def _part(self, part: Part) -> dict[str, Any]:
        return {
            "key": part.key,
            "title": part.title,
            "sentence": self.sentence(part),
            "skipped": part.skipped,
            "n_tried": part.n_tried,
            "seconds": round(part.seconds, 2),
            "claims": [
                {**asdict(one), "is_beyond": one.is_beyond(self.level)} for one in part.claims
            ],
            "lists": [asdict(one) for one in part.lists],
            "remarks": list(part.remarks),
        }  # fmt: skip


def with_corrected(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts with every claim's p corrected for the claims of all of them."""
    every = iter(corrected([one for part in parts for one in part.claims]))
    return tuple(replace(part, claims=tuple(next(every) for _ in part.claims)) for part in parts)


def _ends(claim: Claim) -> str | None:
    return None if claim.low is None else between(claim.low, claim.high, 2)


def _figure(value: float | None) -> str | None:
    """With two decimals, or with more where two show nothing."""
    if value is None:
        return None
    return f"{value:.2g}" if 0 < abs(value) < 0.1 else f"{value:.2f}"


def _cell(value: Any) -> str | int | float | None:
    """A cell as a file holds it: numbers of NumPy as Python's, lists as they are shown."""
    kept = value.item() if hasattr(value, "item") else value
    if kept is None or isinstance(kept, (str, int, float)):
        return kept
    return cell(kept, whole=True)
