"""What `describe` gives back: phrases that stand for a target, and what chance reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from namebasis.checks import FloatArray
from namebasis.namespace.phrases.sentences import subject
from namebasis.results import Result, Table, plain_dict
from namebasis.studies.basis.results import CLEARLY
from namebasis.studies.basis.trust import Null
from namebasis.wording import listed, percent, z_sentence


@dataclass(frozen=True, eq=False)
class Words:
    """A direction in words.

    Attributes
    ----------
    label : str
        What it is the direction of.
    phrases : tuple of str
        In decreasing contribution; at most one of a group.
    groups : tuple of (str or None)
        Of each phrase.
    sentences : tuple of str
        How the phrases read of a person, in the order of the dictionary.
    weights : ndarray of shape (n,), float32
        For the centred phrases.
    similarity : float
        Cosine of their sum to the centred target; NaN without a phrase.
    null : Null or None
        What random dictionaries of the same size and covariance reach.
    stability : ndarray of shape (n,), float64, or None
        Share of bootstrap resamples of the phrases holding the phrase that choose it again.
    below : ndarray of shape (n,), float64, or None
        Share of other names of the space that lie less towards the phrase; of several names the
        mean of their shares. None where the target is no name.
    """

    label: str
    phrases: tuple[str, ...]
    groups: tuple[str | None, ...]
    sentences: tuple[str, ...]
    weights: FloatArray
    similarity: float
    null: Null | None
    stability: npt.NDArray[np.float64] | None
    below: npt.NDArray[np.float64] | None

    @property
    def sentence(self) -> str:
        """The phrases as one description of a person: "an elderly woman with white hair"."""
        return subject(self.sentences, has_names=False)

    @property
    def residual(self) -> float:
        """Share of the target's squared length that the phrases leave; 1 without a phrase."""
        return 1.0 if np.isnan(self.similarity) else 1.0 - self.similarity**2

    @property
    def is_clear(self) -> bool | None:
        """Whether the phrases are better than chance; None where it was not asked for."""
        return None if self.null is None else bool(self.null.z >= CLEARLY)

    def said(self) -> str:
        """Cosine, what is left, and chance."""
        told = f"cosine {self.similarity:.2f}, residual {self.residual:.2f}"
        if self.null is None:
            return told
        return (
            f"{told}; random dictionaries reach {self.null.mean:.2f} ± {self.null.sd:.2f} "
            f"({z_sentence(self.null.z)})"
        )

    def table(self, title: str = "", key: str = "") -> Table:
        """Phrases with their groups, weights and shares."""
        columns: dict[str, list[object]] = {
            "phrase": list(self.phrases),
            "group": list(self.groups),
            "weight": self.weights.tolist(),
        }
        if self.stability is not None:
            columns["chosen again"] = [percent(share) for share in self.stability.tolist()]
        if self.below is not None:
            columns["names below"] = [percent(share) for share in self.below.tolist()]
        rows = list(zip(*columns.values(), strict=True))
        return Table(tuple(columns), rows, title, bars=("weight",), key=key)


@dataclass(frozen=True, repr=False, eq=False)
class Description(Result):
    """A target in words.

    Attributes
    ----------
    label : str
    ends : tuple of Words
        One; of a component two, its − end first.
    n_atoms : int
        How many phrases could be chosen from.
    parameters : mapping
        What was asked with.
    remarks : tuple of str

    See Also
    --------
    namebasis.Space.describe : Makes one.
    """

    _page = "namebasis.studies.describe.figures:html_of"
    _figure = "namebasis.studies.describe.figures:draw_description"
    _section = "Basis, anchors, walk and paint"

    label: str
    ends: tuple[Words, ...]
    n_atoms: int
    parameters: Mapping[str, object]
    remarks: tuple[str, ...] = ()

    @property
    def phrases(self) -> tuple[str, ...]:
        """All phrases, those of a component's − end first."""
        return tuple(phrase for end in self.ends for phrase in end.phrases)

    @property
    def verdict(self) -> str | None:
        """What the controls say in words; None where none was asked for."""
        weak = [end.label for end in self.ends if end.is_clear is False]
        if weak:
            of = f" ({listed(weak)})" if len(self.ends) > 1 else ""
            return f"No better than chance{of}: other words would do as well."
        known = [end for end in self.ends if end.is_clear]
        return "Better than chance." if known and len(known) == len(self.ends) else None

    def headline(self) -> str:
        if not self.phrases:
            return f"None of {self.n_atoms:,} phrases helps to describe {self.label}."
        if len(self.ends) > 1:
            first, last = (", ".join(end.phrases) or "nothing" for end in self.ends)
            told = "; ".join(f"{end.label}: {end.said()}" for end in self.ends)
            return f"{self.label}: from {first} to {last}. {told}."
        (end,) = self.ends
        return f"{self.label} in words: {' + '.join(end.phrases)} ({end.said()})."

    def sentence(self) -> str:
        """The answer without the numbers: one line of a card, or the label of a cluster."""
        return " to ".join(end.sentence or "nothing" for end in self.ends)

    def said(self) -> str:
        """The answer as one sentence beside others about the same target."""
        told = "; ".join(end.said() for end in self.ends)
        if self.verdict is not None and self.verdict.startswith("No better"):
            return f"In words: nothing beyond chance ({told})."
        return f"In words: {self.sentence() or 'nothing'} ({told})."

    def tables(self) -> list[Table]:
        if len(self.ends) == 1:
            return [self.ends[0].table()]
        keys = ("low", "high")
        return [end.table(end.label, key) for end, key in zip(self.ends, keys, strict=True)]

    def notes(self) -> list[str]:
        told = list(self.remarks)
        n = self.parameters.get("n_resamples")
        if any(end.stability is not None for end in self.ends):
            told.append(f"chosen again: share of {n} resamples of the phrases that choose it again")
        if any(end.below is not None for end in self.ends):
            told.append("names below: share of other names that lie less towards the phrase")
        return [*told, *([self.verdict] if self.verdict else [])]

    def to_arrow(self) -> pa.Table:
        """One row per phrase: of, phrase, group, weight, and what is known of it."""
        rows = [
            {
                "of": end.label,
                "phrase": phrase,
                "group": end.groups[at],
                "weight": float(end.weights[at]),
                "stability": None if end.stability is None else float(end.stability[at]),
                "names_below": None if end.below is None else float(end.below[at]),
            }
            for end in self.ends
            for at, phrase in enumerate(end.phrases)
        ]
        text, number = pa.string(), pa.float64()
        schema = pa.schema(
            [("of", text), ("phrase", text), ("group", text), ("weight", number),
             ("stability", number), ("names_below", number)]
        )  # fmt: skip
        return pa.Table.from_pylist(rows, schema=schema)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; an undefined cosine is None."""
        return plain_dict(
            {
                "query": self.label,
                "ends": [
                    asdict(end) | {"residual": end.residual, "sentence": end.sentence}
                    for end in self.ends
                ],
                "n_atoms": self.n_atoms,
                "parameters": self.parameters,
                "verdict": self.verdict,
                "remarks": self.remarks,
            }
        )
