"""What stored profiles say of one name's pictures: which attributes are rigid, and which free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from namebasis.results import Table
from namebasis.wording import between, percentile

_BEGINS, _ENDS = "image_", "_log_ratio"
_OF_ATTRIBUTE = (
    "_log_ratio", "_log_ratio_low", "_log_ratio_high", "_log_ratio_percentile", "_variance",
    "_entropy", "_entropy_low", "_entropy_high", "_entropy_percentile",
)  # fmt: skip
_OF_NAME = (
    "rigid", "free", "rigidity", "rigidity_low", "rigidity_high", "rigidity_percentile",
    "identity",
    *(f"{key}{end}" for key in ("same_person", "context_there", "flexibility")
      for end in ("", "_low", "_high")),
)  # fmt: skip
_IN_WORDS = {
    "image_same_person": "same person", "image_context_there": "context there",
    "image_flexibility": "flexibility",
}  # fmt: skip


@dataclass(frozen=True)
class InPictures:
    """Profile of one name, read from columns that `validate` wrote.

    Attributes
    ----------
    attributes : tuple of str
    metrics : mapping
        The name's stored measures.
    """

    attributes: tuple[str, ...]
    metrics: Mapping[str, Any]

    @property
    def columns(self) -> frozenset[str]:
        """Stored measures that the profile shows."""
        keys = {f"{_BEGINS}{one}{end}" for one in self.attributes for end in _OF_ATTRIBUTE}
        return frozenset(keys | {f"{_BEGINS}{one}" for one in _OF_NAME})

    def said(self) -> str:
        """How rigid the pictures are in all, in a sentence."""
        get = self.metrics.get
        value = get("image_rigidity")
        if value is None:
            return "No variance could be compared: the name has too few pictures."
        low, high = get("image_rigidity_low"), get("image_rigidity_high")
        interval = "" if low is None or high is None else f" ({between(low, high, 2)})"
        place = percentile(get("image_rigidity_percentile"))
        return (
            f"Rigidity of pictures {value:.2f}{interval}, {place} of names that nobody bears or "
            f"that are hardly known.{self._in_contexts()}"
        )

    def _in_contexts(self) -> str:
        """What the name is in contexts; empty where there are too few."""
        told = [
            f"{words} {self.metrics[key]:.2f}"
            for key, words in _IN_WORDS.items()
            if self.metrics.get(key) is not None
        ]
        kind = self.metrics.get("image_identity")
        return f" In contexts{f' {kind}' if kind else ''}: {', '.join(told)}." if told else ""

    def table(self) -> Table:
        """A row per attribute, the most rigid first."""

        def of(attribute: str, end: str) -> Any:
            return self.metrics.get(f"{_BEGINS}{attribute}{end}")

        rigid, free = (self.metrics.get(f"{_BEGINS}{one}") or () for one in ("rigid", "free"))
        order = sorted(self.attributes, key=lambda one: of(one, _ENDS))
        rows = [
            (one.replace("_", " "), of(one, _ENDS),
             between(of(one, "_log_ratio_low"), of(one, "_log_ratio_high"), 2),
             percentile(of(one, "_log_ratio_percentile")), of(one, "_entropy"),
             "rigid" if one in rigid else "free" if one in free else "")
            for one in order
        ]  # fmt: skip
        columns = (
            "attribute", "log ratio", "95 % interval", "of the prior", "entropy", "rigid or free",
        )  # fmt: skip
        quiet = [at for at, row in enumerate(rows) if not row[-1]]
        return Table(columns, rows, "in its pictures", key="in_pictures", muted=quiet)


def in_pictures(metrics: Mapping[str, Any]) -> InPictures | None:
    """The profile that stored measures hold; None without one."""
    found = tuple(
        key.removeprefix(_BEGINS).removesuffix(_ENDS)
        for key, value in metrics.items()
        if key.startswith(_BEGINS) and key.endswith(_ENDS) and value is not None
    )
    return InPictures(found, metrics) if found else None
