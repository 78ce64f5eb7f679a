"""What a fit of names to a target gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from namebasis.checks import FloatArray, IntArray
from namebasis.results import Result, Table, plain_dict
from namebasis.studies.basis.shares import UniqueShare
from namebasis.studies.basis.trust import Null
from namebasis.wording import percent, z_score, z_sentence

CLEARLY = 2.0
"""Standard deviations above the mean of a control from which a cosine is more than chance."""
_IN_WORDS = {
    "turned": "random dictionaries of the same size and covariance",
    "matched": "names about as frequent, without these",
    "pseudo": "made-up names",
}


def _percents(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{100 * low:.0f} to {100 * high:.0f} %"


@dataclass(frozen=True, repr=False, eq=False)
class Basis(Result):
    """A few names whose weighted sum stands for a target.

    Attributes
    ----------
    label : str
        What the target is called.
    names : tuple of str
        In decreasing absolute contribution.
    ids : ndarray of shape (n,), int64
        Their rows in the space.
    weights : ndarray of shape (n,), float32
        For the centred names: target - mean ≈ sum of weight × (name - mean).
    similarity : float
        Cosine of that sum to the centred target; NaN where no name helps.
    raw_similarity : float
        Cosine of the sum plus the mean to the target as it was. Vectors of a CLIP-like model
        share most of their length with their mean, so this is high for any names.
    n_atoms : int
        How many names could be chosen from.
    view : str
    parameters : mapping
        What the fit was asked with.
    nulls : tuple of Null
        What chance reaches, where `fit` was asked with `n_null`.
    stability : ndarray of shape (n,), float64, or None
        The share of bootstrap resamples of the corpus holding the name that choose it again, where
        `fit` was asked with `n_resamples`.
    template_stability : ndarray of shape (n,), float64, or None
        The share of bootstrap resamples of the templates that choose the name again; see
        `namebasis.studies.basis.stability.template_stability`.
    template_note : str or None
        Why templates were not resampled, where it was asked for.
    remarks : tuple of str
        How what is not stored was read.
    groups : tuple of (str or None)
        Of each phrase among the names its group, empty where it has none; None of a name. A phrase
        that the space does not store has the id -1.
    shares : tuple of UniqueShare
        Where phrases compete with names: what names explain beyond phrases, and the reverse.

    See Also
    --------
    namebasis.studies.basis.fit : Makes one.
    """

    _figure = "namebasis.studies.basis.figures:draw_basis"

    label: str
    names: tuple[str, ...]
    ids: IntArray
    weights: FloatArray
    similarity: float
    raw_similarity: float
    n_atoms: int
    view: str
    parameters: Mapping[str, object]
    nulls: tuple[Null, ...] = ()
    stability: npt.NDArray[np.float64] | None = None
    template_stability: npt.NDArray[np.float64] | None = None
    template_note: str | None = None
    remarks: tuple[str, ...] = ()
    groups: tuple[str | None, ...] = ()
    shares: tuple[UniqueShare, ...] = ()

    @property
    def verdict(self) -> str | None:
        """What the controls say in words; None where none was asked for."""
        if not self.names:
            return "No name helps: the basis is empty."
        if not self.nulls:
            return None
        weak = [null for null in self.nulls if not null.z >= CLEARLY]
        worst = min(weak or self.nulls, key=lambda null: null.z)
        compared = (
            f"{worst.observed:.2f} against {worst.mean:.2f} ± {worst.sd:.2f} with "
            f"{_IN_WORDS[worst.kind]} ({z_sentence(worst.z)})"
        )
        if weak:
            return f"No better than chance: {compared}."
        return f"Better than chance: {compared}."

    def headline(self) -> str:
        if not self.names:
            return f"No name of {self.n_atoms:,} adds up to {self.label}."
        terms = [
            (f"{abs(w):.2f} {n}", w < 0) for n, w in zip(self.names, self.weights, strict=True)
        ]
        added = "".join(
            (" − " if is_less else " + " if at else "") + term
            for at, (term, is_less) in enumerate(terms)
        ).strip()
        return (
            f"{self.label} ≈ {added}: cosine {self.similarity:.2f} once the mean of all names is "
            f"taken off ({self.raw_similarity:.2f} with it), out of {self.n_atoms:,} names."
        )

    def tables(self) -> list[Table]:
        columns: dict[str, list[object]] = {
            "name": list(self.names), "weight": self.weights.tolist(),
        }  # fmt: skip
        if any(group is not None for group in self.groups):
            columns["phrase of"] = [
                None if group is None else group or "no group" for group in self.groups
            ]
        if self.stability is not None:
            columns["chosen again"] = [percent(share) for share in self.stability.tolist()]
        if self.template_stability is not None:
            columns["other templates"] = [percent(one) for one in self.template_stability.tolist()]
        rows = list(zip(*columns.values(), strict=True))
        shown = [Table(tuple(columns), rows, bars=("weight",))]
        if self.shares:
            told = [
                (f"{one.of} beyond {one.beyond}", percent(one.share), _percents(one.low, one.high),
                 percent(one.chance), None if one.z is None else z_score(one.z))
                for one in self.shares
            ]  # fmt: skip
            heads = ("unique", "share", "95 %", "by chance", "z")
            shown.append(Table(heads, told, "what either explains alone", key="shares"))
        return shown

    def notes(self) -> list[str]:
        legend = []
        n = self.parameters.get("n_resamples")
        if self.names and self.stability is not None:
            legend.append(f"chosen again: share of {n} resamples of the names that choose it again")
        if self.names and self.template_stability is not None:
            legend.append(f"other templates: share of {n} resamples of the templates that do")
        return [
            *self.remarks,
            *legend,
            *(told for told in (self.template_note, self.verdict) if told),
            *(share.said() for share in self.shares),
        ]

    def to_arrow(self) -> pa.Table:
        """Return one row per name: name, id, weight, and what is known of its stability."""
        fields = [("name", pa.string()), ("id", pa.int64()), ("weight", pa.float32())]
        columns: dict[str, Any] = {
            "name": list(self.names), "id": self.ids, "weight": self.weights,
        }  # fmt: skip
        if any(group is not None for group in self.groups):
            columns["phrase_group"] = list(self.groups)
            fields.append(("phrase_group", pa.string()))
        for name in ("stability", "template_stability"):
            shares = getattr(self, name)
            if shares is not None:
                columns[name] = shares
                fields.append((name, pa.float64()))
        return pa.table(columns, schema=pa.schema(fields))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; an undefined cosine is None."""
        return plain_dict(
            {
                "query": self.label,
                "names": self.names,
                "ids": self.ids,
                "weights": self.weights,
                "similarity": self.similarity,
                "raw_similarity": self.raw_similarity,
                "n_atoms": self.n_atoms,
                "view": self.view,
                "parameters": self.parameters,
                "nulls": [asdict(null) | {"against": _IN_WORDS[null.kind]} for null in self.nulls],
                "stability": self.stability,
                "template_stability": self.template_stability,
                "template_note": self.template_note,
                "groups": self.groups,
                "shares": [asdict(share) for share in self.shares],
                "verdict": self.verdict,
            }
        )
