"""What a command that changes a space says of it, and how to take it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic

import pyarrow as pa

from namebasis.namespace.space import Kind
from namebasis.results import Result, Table, plain_dict

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, repr=False)
class ChangeReport(Result, Generic[Kind]):
    """A change of a space, or with `is_dry_run` what a change would do.

    Attributes
    ----------
    space : Space
        The space as it is now, opened again.
    sentence : str
        What was done, with counts.
    remarks : tuple of str
        What follows from it, and how to undo it.
    facts : mapping of str
        The counts.
    is_dry_run : bool
        Whether nothing was written.
    """

    space: Kind
    sentence: str
    remarks: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_dry_run: bool = False

    def headline(self) -> str:
        return self.sentence

    def tables(self) -> Sequence[Table]:
        return ()

    def notes(self) -> Sequence[str]:
        return self.remarks

    def to_arrow(self) -> pa.Table:
        """One row: the counts."""
        return pa.Table.from_pylist([plain_dict(self.facts)])

    def to_dict(self) -> dict[str, Any]:
        """What was done, in words and counts."""
        return {
            "space": f"{self.space.path}",
            "done": self.sentence,
            "notes": list(self.remarks),
            "dry_run": self.is_dry_run,
            **plain_dict(self.facts),
        }
