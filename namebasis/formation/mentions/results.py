"""What the captions of a training set say of names."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from namebasis.atomic import replacing_file
from namebasis.checks import IntArray
from namebasis.results import Result, Table
from namebasis.wording import counted, listed, percent

_COMMON_WORD = 0.5
"""Share of mentions without a capital above which a name is reported as a common word."""
_FEWEST = 20
"""Mentions below which that share is not looked at."""
_MOST_NAMED = 5


@dataclass(frozen=True, repr=False, eq=False)
class Mentions(Result):
    """How many captions mention each name.

    Attributes
    ----------
    names : tuple of str
    parts : tuple of str
        "full" for a name that was asked for, "part" for a given or family name of one.
    counts, capitals : ndarray of shape (n_steps, n_names), int64
        Captions that mention a name up to each step, and those of them in which it stands with a
        capital. A caption counts once, however often it says the name.
    steps : tuple of int or None
        One where counts are totals: None, or the number of the last step.
    n_captions : int
    share_with_capitals : float
        Of the captions; where it is low, capitals tell nothing.
    only_capitals : bool
        Whether `count` is of mentions with a capital.
    refused : mapping of str to int
        Rows that gave no caption, by the reason.
    left_out : tuple of str
        Names without a letter or digit.
    n_mended : int
        Captions with bytes that are not UTF-8, read without these.
    """

    names: tuple[str, ...]
    parts: tuple[str, ...]
    counts: IntArray
    capitals: IntArray
    steps: tuple[int, ...] | None
    n_captions: int
    share_with_capitals: float
    only_capitals: bool = False
    refused: Mapping[str, int] | None = None
    left_out: tuple[str, ...] = ()
    n_mended: int = 0

    @property
    def totals(self) -> IntArray:
        """What `count` is by the last step, (n_names,)."""
        last: IntArray = (self.capitals if self.only_capitals else self.counts)[-1]
        return last

    def headline(self) -> str:
        """How many of the names are mentioned, and who most."""
        full = [at for at, part in enumerate(self.parts) if part == "full"]
        seen = [at for at in full if self.totals[at]]
        told = (
            f"{len(seen):,} of {counted(len(full), 'name')} {'is' if len(seen) == 1 else 'are'} "
            f"mentioned in {counted(self.n_captions, 'caption')}"
        )
        if not seen:
            return told + "."
        most = max(seen, key=lambda at: int(self.totals[at]))
        return f"{told}, most often {self.names[most]} ({self.totals[most]:,})."

    def tables(self) -> list[Table]:
        """The names by their counts, the most mentioned first; parts behind the names."""
        rows = sorted(
            zip(
                self.names, self.parts, self.totals.tolist(), self.capitals[-1].tolist(),
                strict=True,
            ),
            key=lambda row: (row[1] != "full", -row[2], row[0]),
        )  # fmt: skip
        kept = [(name, count, capitals) for name, part, count, capitals in rows if part == "full"]
        others = [(name, count, capitals) for name, part, count, capitals in rows if part == "part"]
        columns = ("name", "count", "capitals")
        tables = [Table(columns, kept, "Captions that mention names", key="names")]
        if others:
            tables.append(Table(columns, others, "Parts of these names", key="parts", detail=True))
        return tables

    def notes(self) -> list[str]:
        """Names that are words as well, and what was left out."""
        told = []
        if self.share_with_capitals < _COMMON_WORD / 5:
            told.append(
                f"{percent(self.share_with_capitals)} of the captions hold a capital: the column "
                "capitals tells nothing here."
            )
        elif words := self.words():
            shown = [f"{name} ({percent(share)})" for name, share in words[:_MOST_NAMED]]
            more = f" and {len(words) - _MOST_NAMED:,} others" if len(words) > _MOST_NAMED else ""
            first = "Mostly written without a capital, so likely a common word: "
            others = "" if self.only_capitals else " --capitals counts the others only."
            told.append(f"{first}{listed(shown) if not more else ', '.join(shown) + more}.{others}")
        told += [
            f"left out: {counted(n, 'row')} {why}." for why, n in (self.refused or {}).items() if n
        ]
        if self.n_mended:
            said = counted(self.n_mended, "caption")
            told.append(f"{said} not all in UTF-8: read without the letters that are not.")
        if self.left_out:
            told.append(
                f"left out: {counted(len(self.left_out), 'name')} without a letter, such as "
                f"{self.left_out[0]!r}."
            )
        return told

    def words(self) -> list[tuple[str, float]]:
        """Names of at least 20 mentions most of which have no capital, with the share of these."""
        found = []
        totals = self.counts[-1]
        for at, name in enumerate(self.names):
            if totals[at] >= _FEWEST:
                share = 1 - float(self.capitals[-1, at] / totals[at])
                if share > _COMMON_WORD:
                    found.append((at, name, share))
        found.sort(key=lambda one: -int(totals[one[0]]))
        return [(name, share) for _, name, share in found]

    def to_arrow(self) -> pa.Table:
        """A row a name and step: name, count, step where there are steps, capitals, part."""
        n_steps = len(self.counts)
        columns: dict[str, Any] = {
            "name": pa.array(list(self.names) * n_steps),
            "count": (self.capitals if self.only_capitals else self.counts).ravel(),
        }
        if self.steps is not None:
            columns["step"] = [step for step in self.steps for _ in self.names]
        columns["capitals"] = self.capitals.ravel()
        columns["part"] = list(self.parts) * n_steps
        return pa.table(columns)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "n_captions": self.n_captions,
            "share_with_capitals": self.share_with_capitals,
            "only_capitals": self.only_capitals,
            "refused": dict(self.refused or {}),
            "left_out": list(self.left_out),
            "n_mended": self.n_mended,
            "mentions": self.to_arrow().to_pylist(),
        }

    def write_csv(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the counts as `identity --counts` and `formation --counts` read them."""
        text = io.StringIO()
        table = self.to_arrow()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(table.column_names)
        writer.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))
        with replacing_file(Path(path), overwrite) as stream:
            stream.write(text.getvalue().encode())


def named_parts(names: Sequence[str]) -> list[str]:
    """The given and family names of full names, each once, where it is known where they end."""
    from namebasis.namespace.corpus.full_names import split

    pairs = (split(name) for name in names)
    return list(dict.fromkeys(part for pair in pairs if pair is not None for part in pair))
