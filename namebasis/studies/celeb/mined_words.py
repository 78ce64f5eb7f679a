"""The words of components: which phrases and names move a prompt along them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from namebasis.results import Result, Table, plain_dict
from namebasis.studies.celeb.points import Address
from namebasis.wording import between, counted, percent

_FEWEST_TESTED = 5
"""Names of which `mean_interval` gives an interval."""


@dataclass(frozen=True)
class Word:
    """A phrase or name that stands for one end of a component.

    Attributes
    ----------
    text : str
    kind : str
        "phrase" or "name".
    likeness : float
        Mean cosine between what adding it does to a prompt and the way to this end, over the
        templates and names that it was found with.
    recurs : float
        Share of these templates and names in which it was among the best of its kind.
    slope : float
        How far adding it moves prompts to this end, in standard deviations of the component: the
        mean over names and templates that it was not found with.
    low, high : float or None
        95 % interval of `slope` over these names; None of fewer than 5.
    others_high : float
        97.5 % of the other candidates of its kind move prompts less far.
    """

    text: str
    kind: str
    likeness: float
    recurs: float
    slope: float
    low: float | None
    high: float | None
    others_high: float

    @property
    def is_clear(self) -> bool:
        """Whether it moves unused prompts to this end, and farther than other words do."""
        return self.low is not None and self.low > 0 and self.slope > self.others_high


@dataclass(frozen=True)
class ComponentEnd:
    """One end of a component in words.

    Attributes
    ----------
    address : Address
    sign : int
        1 for the high end, -1 for the low one.
    explained : float
        Share of the variance of its position's pieces along the component.
    pieces : str
        Pieces of names at this end.
    phrases, names : tuple of Word
        The most alike first; empty where none recurs.
    """

    address: Address
    sign: int
    explained: float
    pieces: str
    phrases: tuple[Word, ...]
    names: tuple[Word, ...]

    @property
    def label(self) -> str:
        """Such as "2.3+"."""
        return f"{self.address}{'+' if self.sign > 0 else '-'}"

    @property
    def words(self) -> tuple[Word, ...]:
        """Phrases, then names."""
        return (*self.phrases, *self.names)


@dataclass(frozen=True, repr=False)
class MinedWords(Result):
    """Components of a celeb basis in words.

    Attributes
    ----------
    ends : tuple of ComponentEnd
        Two for each component, the high end first.
    n_phrases, n_names : int
        Candidates.
    starts, tested_starts : tuple of str
        Names that words were found with, and that they were tested with.
    templates, tested_templates : tuple of str
        Likewise.

    See Also
    --------
    namebasis.Space.celeb_basis : The basis.
    """

    ends: tuple[ComponentEnd, ...]
    n_phrases: int
    n_names: int
    starts: tuple[str, ...]
    tested_starts: tuple[str, ...]
    templates: tuple[str, ...]
    tested_templates: tuple[str, ...]

    def end(self, address: Address | str, sign: int) -> ComponentEnd:
        """One end of a component, 1 for the high and -1 for the low one.

        Raises
        ------
        KeyError
            If the component was not mined.
        """
        wanted = Address.read(address)
        for end in self.ends:
            if (end.address, end.sign) == (wanted, sign):
                return end
        raise KeyError(f"component {wanted} was not mined.")

    def headline(self) -> str:
        clear = [(end, word) for end in self.ends for word in end.words[:1] if word.is_clear]
        n = sum(any(word.is_clear for word in end.words) for end in self.ends)
        best = max(clear, key=lambda pair: pair[1].slope, default=None)
        told = "" if best is None else f"; {best[1].text!r} stands for {best[0].label}"
        return (
            f"{n} of {counted(len(self.ends), 'end')} of "
            f"{counted(len(self.ends) // 2, 'component')} {'has' if n == 1 else 'have'} words that "
            f"move unused prompts towards {'it' if n == 1 else 'them'}{told}."
        )

    def notes(self) -> Sequence[str]:
        n_tested = len(self.tested_starts)
        passing = (
            "* marks words that pass the test."
            if n_tested >= _FEWEST_TESTED
            else f"No word can pass the test: the interval of its slope needs {_FEWEST_TESTED} of "
            "these names; raise --n-starts."
        )
        return (
            f"Found among {counted(self.n_phrases, 'phrase')} and {counted(self.n_names, 'name')} "
            f"with {counted(len(self.starts), 'name')} in {len(self.templates)} templates; tested "
            f"with {counted(n_tested, 'other name')} in {len(self.tested_templates)} other "
            f"templates. {passing}",
        )

    def tables(self) -> list[Table]:
        return [
            Table(
                ("end", "pieces", "phrases", "names"),
                [
                    (end.label, end.pieces, _starred(end.phrases), _starred(end.names))
                    for end in self.ends
                ],
                title="components in words",
                key="ends",
            ),
            Table(
                ("end", "word", "likeness", "recurs", "slope", "slope interval", "others up to"),
                [
                    (
                        end.label,
                        word.text,
                        f"{word.likeness:.2f}",
                        percent(word.recurs),
                        f"{word.slope:+.2f}",
                        between(word.low, word.high, 2),
                        f"{word.others_high:+.2f}",
                    )
                    for end in self.ends
                    for word in end.words
                ],
                title="tested with unused names and templates",
                key="words",
                detail=True,
            ),
        ]

    def to_arrow(self) -> pa.Table:
        """One row per end and word; ends without words have a row with null in its place."""
        rows = [
            {
                "position": end.address.position,
                "component": end.address.component,
                "sign": end.sign,
                **({} if word is None else _columns(word)),
            }
            for end in self.ends
            for word in end.words or (None,)
        ]
        texts, numbers = ("word", "kind"), ("likeness", "recurs", "slope", "low", "high")
        kinds = [
            *((name, pa.int64()) for name in ("position", "component", "sign")),
            *((name, pa.string()) for name in texts),
            *((name, pa.float64()) for name in (*numbers, "others_high")),
            ("is_clear", pa.bool_()),
        ]
        return pa.Table.from_pylist(rows, schema=pa.schema(kinds))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return plain_dict(
            {
                "ends": [
                    {
                        "component": str(end.address),
                        "sign": end.sign,
                        "explained": end.explained,
                        "pieces": end.pieces,
                        "words": [_columns(word) for word in end.words],
                    }
                    for end in self.ends
                ],
                "n_phrases": self.n_phrases,
                "n_names": self.n_names,
                "starts": self.starts,
                "tested_starts": self.tested_starts,
                "templates": self.templates,
                "tested_templates": self.tested_templates,
            }
        )


def _columns(word: Word) -> dict[str, object]:
    return {
        "word": word.text,
        "kind": word.kind,
        "likeness": word.likeness,
        "recurs": word.recurs,
        "slope": word.slope,
        "low": word.low,
        "high": word.high,
        "others_high": word.others_high,
        "is_clear": word.is_clear,
    }


def _starred(words: Sequence[Word]) -> str:
    return ", ".join(word.text + "*" * word.is_clear for word in words) or "–"
